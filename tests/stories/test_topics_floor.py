"""How good topics are on data of our own: floors.

`tests/data/topics.jsonl` holds a hundred invented news items of two sentences, ten for each
built-in topic, written before any of them was measured. `make eval` prints what they score, beside
619 labelled articles.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import f1_score, normalized_mutual_info_score

from digest.models.encoder import Encoder
from digest.records import Article, Encoded
from digest.stories.auto_topics import find_topics
from digest.stories.built_in import BUILT_IN
from digest.stories.topics import MORE, BuiltInLines, TopicChooser, resolve
from digest.text.sentences import make_document

DATA = Path(__file__).parents[1] / "data" / "topics.jsonl"

# What today's topics reach, less a little (0.98, 0.88, 0.84 and 0.66). They only ever go up.
MACRO_F1_FLOOR = 0.96
TITLES_FLOOR = 0.85
AUTO_FLOOR = 0.80
# Of items none of whose digest's three topics is theirs: the share that stands under More.
MORE_FLOOR = 0.62

pytestmark = pytest.mark.model

Items = tuple[list[Article], list[Encoded], list[str]]


@pytest.fixture(scope="module")
def items(encoder: Encoder) -> Items:
    rows = [json.loads(line) for line in DATA.read_text(encoding="utf-8").splitlines()]
    documents = [make_document(row["id"], row["title"], row["text"]) for row in rows]
    vectors = iter(
        encoder.encode([text for one in documents for text in (one.title, *one.sentences)])
    )
    encoded = [
        Encoded(next(vectors), np.array([next(vectors) for _ in one.sentences]))
        for one in documents
    ]
    now = datetime(2026, 3, 2, 7, tzinfo=UTC)
    articles = [Article(row["id"], "desk", row["title"], row["text"], now) for row in rows]
    return articles, encoded, [row["topic"] for row in rows]


@pytest.fixture(scope="module")
def lines(encoder: Encoder) -> BuiltInLines:
    return BuiltInLines(encoder.encode)


def test_the_items_cover_every_built_in_topic_alike(items: Items) -> None:
    assert {name: items[2].count(name) for name in BUILT_IN} == dict.fromkeys(BUILT_IN, 10)


@pytest.mark.parametrize(
    ("sentences", "floor"), [(None, MACRO_F1_FLOOR), (0, TITLES_FLOOR)], ids=["items", "titles"]
)
def test_short_news_stands_under_its_topic(
    encoder: Encoder, lines: BuiltInLines, items: Items, sentences: int | None, floor: float
) -> None:
    chooser = TopicChooser(resolve(None, encoder.encode), encoder.encode, lines)
    articles, encoded, topics = items
    seen = [Encoded(one.title, one.sentences[:sentences]) for one in encoded]
    found = [chooser.choose_story([a], [e]).topic for a, e in zip(articles, seen, strict=True)]
    score = f1_score(topics, found, labels=BUILT_IN, average="macro", zero_division=0)
    assert score >= floor


def test_what_is_of_none_of_a_digest_s_topics_mostly_stands_under_more(
    encoder: Encoder, lines: BuiltInLines, items: Items
) -> None:
    articles, encoded, topics = items
    away = []
    for start in range(len(BUILT_IN)):
        wanted = [BUILT_IN[(start + step) % len(BUILT_IN)] for step in (0, 3, 6)]
        chooser = TopicChooser(resolve(wanted, encoder.encode), encoder.encode, lines)
        away += [
            chooser.choose_story([article], [told]).topic == MORE
            for article, told, topic in zip(articles, encoded, topics, strict=True)
            if topic not in wanted
        ]
    assert np.mean(away) >= MORE_FLOOR


def test_topics_found_in_the_articles_are_near_to_those_an_editor_gave(
    encoder: Encoder, items: Items
) -> None:
    articles, encoded, topics = items
    means = np.array([np.vstack([one.title, one.sentences]).mean(axis=0) for one in encoded])
    centres = means / np.linalg.norm(means, axis=1, keepdims=True)
    found = find_topics([[article] for article in articles], centres, encoder.encode)
    chosen = [choice.topic for choice in found.choices]
    assert normalized_mutual_info_score(topics, chosen) >= AUTO_FLOOR
