"""Articles in a language that the encoder doesn't know are told apart all the same."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from digest.models.encoder import Encoder
from digest.records import Article, Encoded, Vectors
from digest.stories.cluster import article_vector, cluster
from digest.stories.languages import level_languages

GERMAN = [
    "Die Stadt sperrt die Hafenbrücke für neun Wochen, weil vierzig Seile ersetzt werden müssen.",
    "Der Stürmer traf in der letzten Minute und brachte dem Verein den ersten Pokal seit Jahren.",
    "Forscher haben in der Tiefsee eine Qualle entdeckt, die im Dunkeln grün leuchtet.",
    "Die Notenbank senkt den Leitzins um einen Viertelpunkt und überrascht damit die Anleger.",
    "Ein Gericht verurteilte den früheren Bürgermeister wegen Untreue zu zwei Jahren Haft.",
    "Das Museum zeigt zum ersten Mal alle Aquarelle der Malerin, die vor hundert Jahren starb.",
    "Nach dem Sturm sind im Norden noch zwanzigtausend Haushalte ohne Strom.",
    "Der Konzern will sein Werk in der Provinz schließen und achthundert Stellen streichen.",
    "Eine Schülerin gewinnt den Wettbewerb mit einem Roboter, der Pfandflaschen sortiert.",
    "Hafenbrücke gesperrt: Neun Wochen lang werden vierzig Seile der Brücke ersetzt.",
]


def article(number: int, text: str) -> Article:
    now = datetime(2026, 3, 2, 7, tzinfo=UTC)
    return Article(id=f"a{number}", feed="f", title="", text=text, published=now)


@pytest.fixture(scope="module")
def vectors() -> Vectors:
    encoded = Encoder().encode(GERMAN)
    nothing = np.zeros(encoded.shape[1], dtype=np.float32)
    return np.stack([article_vector(Encoded(nothing, row[None, :])) for row in encoded])


@pytest.mark.model
def test_only_the_two_german_articles_on_one_event_are_a_story(vectors: Vectors) -> None:
    articles = [article(number, text) for number, text in enumerate(GERMAN)]
    groups = [group.members for group in cluster(articles, vectors)]
    assert [members for members in groups if len(members) > 1] == [(0, 9)]


def test_what_a_language_s_articles_share_is_taken_off() -> None:
    rng = np.random.default_rng(5)
    common = np.zeros(32)
    common[0] = 3.0
    raw = common + rng.normal(size=(10, 32)) * 0.3
    alike = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    assert (alike @ alike.T).min() > 0.5
    levelled = level_languages(alike, ["de"] * 10)
    assert np.abs((levelled @ levelled.T)[~np.eye(10, dtype=bool)]).max() < 0.8
    np.testing.assert_allclose(np.linalg.norm(levelled, axis=1), 1.0, rtol=1e-5)


def test_few_articles_of_a_language_are_told_by_their_words_alone() -> None:
    vectors = np.eye(4, dtype=np.float32)
    levelled = level_languages(vectors, ["en", "", "sv", "sv"])
    np.testing.assert_array_equal(levelled[:2], vectors[:2])
    assert not levelled[2:].any()
