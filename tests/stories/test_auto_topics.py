"""Topics found in the stories themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.records import Article, TopicChoice, Vectors
from digest.stories.auto_topics import LEAST, MOST, AutoTopics, find_topics
from digest.stories.topic_names import telling_names
from digest.stories.topics import MORE

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
MATTERS = ["football", "market", "planet", "vaccine", "ballot", "novel", "storm", "robot",
           "bishop", "recipe", "lottery", "castle"]  # fmt: skip

Stories = list[list[Article]]


def article(id: int, title: str, text: str = "", feed: str = "desk") -> Article:
    return Article(f"a{id}", feed, title, text, NOW)


def news(count: int, matters: int, spread: float = 0.6) -> tuple[Stories, Vectors, list[int]]:
    """Stories of so many matters in turn, each near its matter's direction."""
    random = np.random.default_rng(count * 100 + matters)
    directions = random.normal(size=(matters, 64))
    labels = [number % matters for number in range(count)]
    rows = directions[labels] + spread * random.normal(size=(count, 64))
    stories = [
        [article(n, f"The {MATTERS[of]} at number {n}", f"They saw one {MATTERS[of]} there.")]
        for n, of in enumerate(labels)
    ]
    vectors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return stories, np.asarray(vectors, dtype=np.float32), labels


@pytest.mark.parametrize("matters", [2, 3, 5, 9])
def test_as_many_topics_are_found_as_there_are_matters(matters: int) -> None:
    stories, centres, labels = news(60, matters)
    found = find_topics(stories, centres)
    assert sorted(found.names) == sorted(MATTERS[of].capitalize() for of in range(matters))
    assert [choice.topic for choice in found.choices] == [MATTERS[of].capitalize() for of in labels]


def test_topics_stand_by_size_the_largest_first() -> None:
    stories, centres, labels = news(60, 3)
    kept = [n for n, of in enumerate(labels) if of == 2 or (of == 0 and n < 40) or n < 20]
    found = find_topics([stories[n] for n in kept], centres[kept])
    assert found.names == ("Planet", "Football", "Market")


def test_a_mail_never_has_more_topics_than_it_can_bear() -> None:
    stories, centres, _ = news(120, 12)
    found = find_topics(stories, centres)
    assert 2 <= len(found.names) <= MOST


@settings(deadline=None, max_examples=15)
@given(st.permutations(range(30)))
def test_the_order_of_the_stories_changes_nothing(order: list[int]) -> None:
    stories, centres, _ = news(30, 4, spread=2.0)
    straight = find_topics(stories, centres)
    mixed = find_topics([stories[n] for n in order], centres[order])
    assert mixed.names == straight.names
    assert mixed.choices == tuple(straight.choices[n] for n in order)


def test_a_choice_has_its_score_and_the_runner_up() -> None:
    stories, centres, _ = news(30, 3)
    found = find_topics(stories, centres)
    for choice in found.choices:
        assert choice.runner_up in set(found.names) - {choice.topic}
        assert 1.0 >= choice.score > choice.runner_up_score


def test_a_story_like_no_other_stands_under_more() -> None:
    stories, centres, _ = news(40, 3, spread=0.2)
    away = np.random.default_rng(7).normal(size=64)
    alone = np.asarray(away / np.linalg.norm(away), dtype=np.float32)
    found = find_topics(
        [*stories, [article(99, "Something else")]], np.vstack([centres, alone[None]])
    )
    assert found.choices[-1].topic == MORE
    assert found.choices[-1].runner_up in found.names


@pytest.mark.parametrize("count", range(2 * LEAST))
def test_too_few_stories_have_no_topics(count: int) -> None:
    stories, centres, _ = news(count, 2) if count else ([], np.zeros((0, 64), np.float32), [])
    found = find_topics(stories, centres)
    assert found.names == ()
    assert {choice.topic for choice in found.choices} <= {MORE}
    assert len(found.choices) == count


def test_copies_of_one_story_are_no_topics() -> None:
    centres = np.tile(np.eye(1, 64, dtype=np.float32), (500, 1))
    stories = [[article(n, "The same football match")] for n in range(500)]
    assert find_topics(stories, centres).names == ()


def test_stories_without_words_stand_under_more() -> None:
    stories, centres, _ = news(30, 3)
    blank = [[article(100 + n, "")] for n in range(4)]
    found = find_topics([*stories, *blank], np.vstack([centres, np.zeros((4, 64), np.float32)]))
    assert found.choices[-4:] == (TopicChoice(MORE, 0.0),) * 4
    assert len(found.names) == 3


def test_topics_that_no_word_tells_are_none() -> None:
    _, centres, _ = news(30, 3)
    found = find_topics([[article(n, "")] for n in range(30)], centres)
    assert found == AutoTopics((), (TopicChoice(MORE, 0.0),) * 30)


@pytest.mark.slow
def test_five_thousand_stories_are_no_trouble() -> None:
    stories, centres, labels = news(5000, 4)
    found = find_topics(stories, centres)
    assert [choice.topic for choice in found.choices] == [MATTERS[n].capitalize() for n in labels]


# --- names ----------------------------------------------------------------------------------


def names(*groups: Sequence[str], feed: str = "desk") -> list[str]:
    return telling_names(
        [
            [[article(100 * g + n, title, feed=feed)] for n, title in enumerate(titles)]
            for g, titles in enumerate(groups)
        ]
    )


def test_words_that_all_topics_share_are_in_no_name() -> None:
    assert names(
        ["Council talks of ferries", "Council buys ferries"],
        ["Council counts otters", "Council protects otters"],
    ) == ["Ferries", "Otters"]


def test_a_word_is_shown_as_it_is_mostly_written() -> None:
    assert names(
        ["the NATO summit", "NATO meets", "Nato votes"], ["iPhone sells", "an iPhone"]
    ) == [
        "NATO",
        "IPhone",
    ]


def test_words_that_nearly_always_stand_together_are_one() -> None:
    assert names(
        ["Prime Minister resigns", "Prime Minister stays", "Prime Minister smiles"],
        ["Otters seen", "Otters counted"],
    ) == ["Prime Minister", "Otters"]


def test_forms_of_one_word_are_named_once() -> None:
    (first, _) = names(
        ["Vaccine for all", "Vaccines for all", "Vaccinated children", "Vaccinated nurses"],
        ["Otters seen", "Otters counted"],
    )
    assert first in ("Vaccinated", "Vaccine", "Vaccines")


def test_feeds_are_not_named() -> None:
    found = names(
        ["Gazette: ferries late", "Gazette: ferries full"], ["Otters", "Otters"],
        feed="harbour-gazette",
    )  # fmt: skip
    assert found[0] == "Ferries"


@pytest.mark.parametrize(
    ("titles", "telling"),
    [
        (["Le prix dans les cafés pour une crêpe", "Avec une crêpe dans le parc"], "Crêpe"),
        (["Der Hafen und die Brücke nicht", "Wenn die Brücke wird"], "Brücke"),
        (["El puente sobre el río está abierto", "Para los que cruzan el puente"], "Puente"),
        (["中央銀行が利上げ", "銀行の利益"], "銀行"),
    ],
)
def test_empty_words_of_other_languages_name_nothing(titles: list[str], telling: str) -> None:
    assert names(titles, ["Otters seen", "Otters counted"]) == [telling, "Otters"]


def test_words_near_in_meaning_are_preferred_where_meaning_is_known() -> None:
    near = {"Ferry": [1.0, -1.0], "Tuesdayish": [-1.0, -1.0], "Otter": [-1.0, 1.0]}

    def meaning(words: Sequence[str]) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return np.array([near.get(word, [0.0, 0.0]) for word in words])

    titles = ["Tuesdayish, the ferry", "Otter {}"]
    stories = [
        [[article(10 * g + n, title.format(n))] for n in range(3)] for g, title in enumerate(titles)
    ]
    assert telling_names(stories, meaning) == ["Ferry", "Otter"]
