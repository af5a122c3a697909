from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import ParseError
from digest.feeds.parse import parse_feed
from digest.models.encoder import Encoder
from digest.records import Article, Encoded, Feed, Fetched, Vectors
from digest.stories import cluster as clustering
from digest.stories.cluster import article_vector
from digest.text.sentences import make_document

Make = Callable[..., Article]
REPOSITORY = Path(__file__).parents[2]

FERRY = "The ferry Havørn ran aground off Fjærøy before dawn with 212 people on board, police said."
FERRY_AGAIN = (
    "Police said 212 people were on the ferry Havørn when it ran aground off Fjærøy at dawn."
)
BANK = "The central bank of Corvane cut its main interest rate to 3.75 percent, the first in years."
CUP = (
    "Ellery Rovers won the Lantern Cup on penalties after fifty-two years without a single trophy."
)


def cluster(articles: Sequence[Article], vectors: Vectors) -> list[list[int]]:
    """The stories' members alone."""
    return [list(group.members) for group in clustering.cluster(articles, vectors)]


def directions(*numbers: int) -> Vectors:
    """Embeddings along the axes: equal numbers mean the same."""
    return np.eye(8, dtype=np.float32)[list(numbers)]


# --- an article's embedding -----------------------------------------------------------------


def test_an_article_s_embedding_is_of_unit_length() -> None:
    rows = np.random.default_rng(3).normal(size=(9, 16)).astype(np.float32)
    vector = article_vector(Encoded(rows[0], rows[1:]))
    assert vector.shape == (16,)
    assert vector.dtype == np.float32
    assert np.linalg.norm(vector) == pytest.approx(1.0)


def test_an_article_s_text_weighs_twice_its_title() -> None:
    title, first, second = directions(0, 1, 2)
    np.testing.assert_allclose(
        article_vector(Encoded(title, np.stack([first, second]))),
        (title + first + second) / np.sqrt(3),
        rtol=1e-6,
    )


def test_an_article_without_title_or_text_has_what_is_left() -> None:
    (row,) = directions(4)
    nothing = np.zeros(8, dtype=np.float32)
    np.testing.assert_array_equal(article_vector(Encoded(row, directions()[:0])), row)
    np.testing.assert_array_equal(article_vector(Encoded(nothing, row[None, :])), row)
    np.testing.assert_array_equal(article_vector(Encoded(nothing, directions()[:0])), nothing)


# --- stories --------------------------------------------------------------------------------


def test_no_articles_tell_no_story() -> None:
    assert cluster([], directions()[:0]) == []


def test_one_article_tells_one_story(make_article: Make) -> None:
    assert cluster([make_article("a", "Ferry", FERRY)], directions(0)) == [[0]]


def test_articles_on_the_same_event_are_one_story(make_article: Make) -> None:
    articles = [
        make_article("a", "Ferry Havørn runs aground", FERRY),
        make_article("b", "Corvane cuts rate", BANK),
        make_article("c", "Havørn aground off Fjærøy", FERRY_AGAIN),
    ]
    assert cluster(articles, directions(0, 1, 0)) == [[0, 2], [1]]


def test_the_same_article_in_two_feeds_is_one_story(make_article: Make) -> None:
    articles = [make_article(id, "Ferry runs aground", FERRY) for id in "abcd"]
    assert cluster(articles, directions(0, 0, 0, 0)) == [[0, 1, 2, 3]]


def test_alike_in_meaning_without_a_shared_word_is_not_the_same_event(make_article: Make) -> None:
    texts = [" ".join(f"{letter}{number}" for number in range(200)) for letter in "xy"]
    articles = [make_article(text[0], "", text) for text in texts]
    vectors = np.array([[1, 0], [0.8, 0.6]], dtype=np.float32)
    assert cluster(articles, vectors) == [[0], [1]]


@pytest.mark.parametrize(("hours", "stories"), [(71, 1), (24 * 14, 2), (24 * 365, 2)])
def test_the_same_few_words_weeks_apart_are_another_story(
    make_article: Make, hours: float, stories: int
) -> None:
    articles = [make_article("a", "Storm", FERRY), make_article("b", "Storm", FERRY, hours)]
    assert len(cluster(articles, directions(0, 0))) == stories


def test_a_time_that_the_feed_did_not_give_keeps_nothing_apart(make_article: Make) -> None:
    undated = make_article("b", "Storm", FERRY, 500, date_origin="missing")
    assert cluster([make_article("a", "Storm", FERRY), undated], directions(0, 0)) == [[0, 1]]


@pytest.mark.parametrize("text", ["", "😀 😀", "…", "the and of"])
def test_articles_without_telling_words_are_no_trouble(make_article: Make, text: str) -> None:
    articles = [make_article(id, "", text) for id in "abc"]
    found = cluster(articles, directions(0, 1, 2))
    assert found == [[0], [1], [2]]


def test_articles_without_an_embedding_are_no_trouble(make_article: Make) -> None:
    articles = [make_article("a", "Ferry", FERRY), make_article("b", "Bank", BANK)]
    assert cluster(articles, np.zeros((2, 8), dtype=np.float32)) == [[0], [1]]


def test_more_articles_than_are_compared_at_a_time_find_one_another(make_article: Make) -> None:
    articles = [
        make_article(f"{number:05}", f"w{number % 1300}", f"v{number % 1300} u{number % 1300}")
        for number in range(2600)
    ]
    vectors = np.vstack([np.eye(1300, dtype=np.float32)] * 2)
    assert cluster(articles, vectors) == [[n, n + 1300] for n in range(1300)]


@given(st.permutations(range(9)))
def test_the_order_of_the_input_changes_nothing(make_article: Make, order: Sequence[int]) -> None:
    texts = [FERRY, FERRY_AGAIN, BANK, CUP, FERRY, "", "😀", BANK + " " + CUP, CUP + " " + FERRY]
    articles = [make_article(f"a{i}", text[:20], text, i * 9.0) for i, text in enumerate(texts)]
    vectors = directions(0, 0, 1, 2, 0, 3, 4, 1, 2)

    def stories(chosen: Sequence[int]) -> list[list[str]]:
        found = cluster([articles[i] for i in chosen], vectors[list(chosen)])
        assert [group[0] for group in found] == sorted(group[0] for group in found)
        assert all(group == sorted(group) for group in found)
        return sorted(sorted(articles[chosen[i]].id for i in group) for group in found)

    assert stories(order) == stories(range(9))


# --- the demo, with the real encoder --------------------------------------------------------


def demo_articles() -> list[Article]:
    now = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
    articles: list[Article] = []
    for path in sorted((REPOSITORY / "examples" / "feeds").iterdir()):
        fetched = Fetched(path.stem, str(path), path.read_bytes())
        try:
            articles.extend(parse_feed(Feed(path.stem, str(path)), fetched, now).articles)
        except ParseError:
            assert path.stem == "offline"
    return articles


@pytest.mark.model
def test_the_demo_s_shared_events_are_its_only_shared_stories(encoder: Encoder) -> None:
    articles = demo_articles()
    vectors = []
    for article in articles:
        document = make_document(article.id, article.title, article.text)
        rows = encoder.encode([document.title, *document.sentences])
        vectors.append(article_vector(Encoded(rows[0], rows[1:])))
    planned = json.loads((REPOSITORY / "tests" / "data" / "demo_events.json").read_text())
    expected = {
        frozenset(
            index
            for index, article in enumerate(articles)
            for key in (article.guid, article.url, article.title)
            if f"{article.feed}|{key}" in members
        )
        for members in planned.values()
    }
    assert sum(map(len, expected)) == sum(map(len, planned.values()))
    found = cluster(articles, np.stack(vectors))
    assert {frozenset(group) for group in found if len(group) > 1} == expected
