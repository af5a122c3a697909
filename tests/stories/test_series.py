"""Headlines that come again on other matters make no story, and no memory."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from digest.records import Article
from digest.stories.cluster import cluster

Make = Callable[..., Article]

RAIN = """Rain reaches the west of Corvane by noon and the capital by dusk, with gusts of 70 km/h
on the coast and up to eleven degrees in the valley of the Ell. It clears from the north in the
night; tomorrow stays dry until the evening."""
FROST = """A clear sky tonight brings the first frost to the hills behind Port Ellery, minus three
above four hundred metres. Gardeners should cover their lemon trees. The sun returns at breakfast
time and lasts for the rest of a calm, cold day without any wind."""
SHIP = """The coast guard searched the sound for a fourth night after a cargo ship lost ninety
containers in heavy seas. Three of them were sighted near the lighthouse at Tarn Point, and one had
broken open, a spokeswoman said. Fishermen were told to keep away."""


def stories(*articles: Article) -> list[tuple[int, ...]]:
    vectors = np.tile(np.float32([1, 0]), (len(articles), 1))
    return [group.members for group in cluster(articles, vectors)]


@pytest.mark.parametrize(
    "titles", [("Weather", "Weather"), ("Weather, 2 March", "Weather, 3 March")]
)
def test_the_same_rubric_on_another_day_is_another_story(
    make_article: Make, titles: tuple[str, str]
) -> None:
    first = make_article("a", titles[0], RAIN, 24, feed="f")
    assert stories(first, make_article("b", titles[1], FROST, 0, feed="f")) == [(0,), (1,)]


def test_a_rubric_without_text_is_another_story_each_day(make_article: Make) -> None:
    days = [
        make_article(str(day), "Cartoon of the day", "", 24 * day, feed="f") for day in range(4)
    ]
    assert len(stories(*days)) == 4


def test_a_report_that_a_paper_goes_on_with_under_its_headline_is_one_story(
    make_article: Make,
) -> None:
    first = make_article("a", "Ship loses containers", SHIP, 10, feed="f")
    longer = make_article("b", "Ship loses containers", f"{SHIP} Two tugs are due.", 1, feed="f")
    assert stories(first, longer) == [(0, 1)]


def test_two_papers_with_the_same_headline_tell_one_story(make_article: Make) -> None:
    own = SHIP.replace("a fourth night", "four nights").replace("a spokeswoman said", "we hear")
    first = make_article("a", "Ship loses containers", SHIP, 10, feed="f")
    assert stories(first, make_article("b", "Ship loses containers", own, 1, feed="g")) == [(0, 1)]
