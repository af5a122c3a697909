"""The same article under several addresses, or syndicated with small changes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from digest.records import Article
from digest.stories.cluster import Group, cluster

Make = Callable[..., Article]

AGENCY = """The coast guard of Skarland searched the sound for a fourth night on Monday after a
cargo ship lost ninety containers in heavy seas. Three of them were sighted near the lighthouse at
Tarn Point, a spokeswoman said, and one had broken open. Fishermen were told to keep two miles away.

The owner, Brackwater Lines, said that the containers held garden furniture, toys and, in four
cases, batteries, which may catch fire when salt water reaches them. It had hired two tugs. The
ministry wants to know why the ship left harbour in spite of the warning of force nine winds."""
OWN_WORDS = """Beach walkers at Tarn Point found plastic chairs and toy boats in the surf this
morning, the first sign on land of the ninety containers that a freighter shed last week. The
harbour master, Edda Moen, asked people not to touch the batteries, which can burst into flames.

Brackwater Lines, which owns the freighter, has promised to pay for the clearing up. The inquiry
into the captain's decision to sail before the storm will take months, the minister told radio."""


def groups(*articles: Article, alike: float = 0.0) -> list[Group]:
    """By words alone, unless the embeddings are `alike`."""
    vectors = np.full((len(articles), 4), alike / 2, dtype=np.float32)
    return cluster(articles, vectors)


def copies(*articles: Article) -> dict[str, str]:
    """The id of each copy, with its original's."""
    return {
        articles[copy].id: articles[original].id
        for group in groups(*articles)
        for copy, original in group.copies.items()
    }


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("https://paper.example/a/ship", "http://www.paper.example/a/ship/"),
        ("https://paper.example/a/ship", "https://m.paper.example/a/ship#comments"),
        ("https://paper.example/a/ship", "https://paper.example/a/ship/amp"),
        ("https://paper.example/a/ship?id=4&p=2", "https://amp.paper.example/a/ship?p=2&id=4"),
    ],
)
def test_one_page_under_two_addresses_is_one_article(
    make_article: Make, first: str, second: str
) -> None:
    short = make_article("a", "Ship loses containers", "Ninety of them.", url=first)
    long = make_article("b", "Ship loses ninety containers", AGENCY, url=second)
    assert copies(short, long) == {"a": "b"}


def test_a_feed_that_links_all_its_entries_to_one_page_tells_several_articles(
    make_article: Make,
) -> None:
    url = "https://paper.example/news"
    ship = make_article("a", "Ship loses containers", AGENCY, url=url)
    other = make_article("b", "School wins chess cup", "A girl of nine beat all.", url=url)
    assert copies(ship, other) == {}


def test_an_agency_s_text_in_two_papers_is_one_article(make_article: Make) -> None:
    changed = AGENCY.replace("heavy seas", "a storm").replace("It had hired", "The firm hired")
    found = groups(
        make_article("a", "Coast guard searches for containers", AGENCY),
        make_article("b", "Search for lost cargo goes on", changed + " (Agencies)"),
    )
    assert [group.members for group in found] == [(0, 1)]
    assert list(found[0].copies) in ([0], [1])
    assert next(iter(found[0].why.values())).startswith("copy of “")


def test_the_first_paragraphs_of_an_agency_s_text_are_a_copy_of_it(make_article: Make) -> None:
    head = AGENCY.split("\n\n")[0]
    assert copies(make_article("a", "Search", head), make_article("b", "Sea", AGENCY)) == {"a": "b"}


def test_the_same_event_in_other_words_is_no_copy(make_article: Make) -> None:
    found = groups(make_article("a", "", AGENCY), make_article("b", "", OWN_WORDS), alike=1.0)
    assert [group.members for group in found] == [(0, 1)]
    assert not found[0].copies


def test_copies_of_copies_have_one_original(make_article: Make) -> None:
    first = AGENCY.replace("fourth", "fifth")
    second = first.replace("two tugs", "three tugs")
    texts = {
        "a": AGENCY,
        "b": first,
        "c": second + " More tomorrow, when the tugs arrive there." * 4,
    }
    articles = [make_article(id, f"Title {id}", text) for id, text in texts.items()]
    assert copies(*articles) == {"a": "c", "b": "c"}


@pytest.mark.parametrize(("hours", "number"), [(60, 1), (24 * 30, 0)])
def test_a_short_text_that_comes_again_is_another_one_after_some_days(
    make_article: Make, hours: float, number: int
) -> None:
    warning = "Gale warning for the sound and the outer islands tonight"
    assert len(copies(make_article("a", warning), make_article("b", warning, "", hours))) == number


def test_a_long_text_that_comes_again_with_a_new_date_is_the_same_one(make_article: Make) -> None:
    assert copies(make_article("a", "Ship", AGENCY, 900), make_article("b", "Ship", AGENCY)) == {
        "b": "a"
    }


def test_the_same_two_words_are_no_copy(make_article: Make) -> None:
    assert copies(make_article("a", "Weather"), make_article("b", "Weather")) == {}


def test_five_thousand_copies_of_one_article_are_one_story(make_article: Make) -> None:
    articles = [
        make_article(f"{number:04}", "Ship loses containers", AGENCY, number / 100)
        for number in range(5000)
    ]
    (found,) = groups(*articles)
    assert len(found.members) == 5000
    assert set(found.copies.values()) == {4999}, "the earliest of equal ones is the original"


def test_a_thousand_slightly_different_copies_are_one_story(make_article: Make) -> None:
    words = AGENCY.split()
    articles = [
        make_article(
            f"{number:04}",
            f"Ship {number}",
            " ".join([*words[: number % 60], f"w{number}", *words[number % 60 :]]),
            number / 100,
        )
        for number in range(1000)
    ]
    found = groups(*articles)
    assert [len(group.members) for group in found] == [1000]
    assert len(found[0].copies) == 999
