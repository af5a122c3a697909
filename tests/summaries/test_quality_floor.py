"""How good the default's summaries are on the demo's 49 articles, against highlights of our own.

`tests/data/highlights.jsonl` has one for every entry of `examples/feeds`, written from the article
alone, without sight of any summary of it. A line names its entry by `guid`, or by `link` where the
entry has no guid. The numbers guard against a change for the worse; they don't say how good
summaries are elsewhere (most of the demo's articles open with their news, so that the first two
sentences do as well here): `make eval` does that.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from rouge_score.rouge_scorer import RougeScorer

from digest.feeds.parse import parse_feed
from digest.models.encoder import Encoder
from digest.pipeline.encoding import RememberingEncoder
from digest.pipeline.summarizing import article_documents
from digest.records import Article, Document, Encoded, Feed, Fetched, Summary
from digest.summaries.extractive import Extractive
from digest.summaries.verify import verify

pytestmark = pytest.mark.model

REPOSITORY = Path(__file__).parents[2]
HIGHLIGHTS = REPOSITORY / "tests" / "data" / "highlights.jsonl"
FEEDS = REPOSITORY / "examples" / "feeds"

# ROUGE F1 (stemmed, times 100) measured, less 1.5. Measured: 49.2 and 25.1 in 53.7 words; the
# first three sentences have 46.3 and 23.4 in 66.2 words, the first two 49.7 and 25.4 in 49.8.
# When a better way of choosing raises the scores, raise the floors with them:
# `pytest -rP --log-level=INFO tests/summaries/test_quality_floor.py` prints what is measured.
FLOORS = {"rouge1": 47.7, "rouge2": 23.6}
MAX_WORDS = 55

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Told:
    """The demo's articles as the pipeline summarises them, in the order of `references`."""

    references: Sequence[str]
    articles: Sequence[Article]
    documents: Sequence[Document]
    encoded: Mapping[str, Encoded]
    summaries: Sequence[Summary]


@pytest.fixture(scope="module")
def told() -> Told:
    rows = highlights()
    entries = demo()
    articles = [entries[row["feed"], row.get("guid") or row["link"]] for row in rows]
    documents = article_documents(articles)
    encoded = RememberingEncoder(Encoder()).documents(documents)
    return Told(
        references=[row["reference"] for row in rows],
        articles=articles,
        documents=documents,
        encoded=encoded,
        summaries=Extractive().summarize(documents, encoded),
    )


def highlights() -> list[dict[str, str]]:
    lines = HIGHLIGHTS.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def demo() -> dict[tuple[str, str], Article]:
    """The demo's articles by feed and guid, or link where there is no guid."""
    now = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
    found: dict[tuple[str, str], Article] = {}
    for name in sorted({row["feed"] for row in highlights()}):
        path = FEEDS / name
        fetched = Fetched(path.stem, str(path), path.read_bytes())
        for article in parse_feed(Feed(path.stem, str(path)), fetched, now).articles:
            found[name, article.guid or article.url] = article
    return found


def rouge(references: Sequence[str], texts: Sequence[str]) -> dict[str, float]:
    """Mean F1, stemmed, times 100 (Lin, 2004)."""
    scorer = RougeScorer(list(FLOORS), use_stemmer=True)
    scores = [
        scorer.score(reference, text) for reference, text in zip(references, texts, strict=True)
    ]
    return {
        name: round(100 * float(np.mean([score[name].fmeasure for score in scores])), 2)
        for name in FLOORS
    }


def words(texts: Sequence[str]) -> float:
    return float(np.mean([len(text.split()) for text in texts]))


def test_every_article_of_the_demo_has_one_highlight() -> None:
    named = [(row["feed"], row.get("guid") or row["link"]) for row in highlights()]
    assert sorted(named) == sorted(demo())
    assert all(25 <= len(row["reference"].split()) <= 45 for row in highlights())


def first(told: Told, count: int) -> list[str]:
    return [" ".join(document.sentences[:count]) for document in told.documents]


def test_summaries_tell_what_the_highlights_tell(told: Told) -> None:
    for name, texts in {
        "the default": [summary.text for summary in told.summaries],
        "the first two sentences": first(told, 2),
        "the first three": first(told, 3),
    }.items():
        logger.info("%s: %s in %.1f words", name, rouge(told.references, texts), words(texts))
    measured = rouge(told.references, [summary.text for summary in told.summaries])
    for name, floor in FLOORS.items():
        assert measured[name] >= floor, name


def test_summaries_tell_more_than_the_first_three_sentences_in_fewer_words(told: Told) -> None:
    ours = [summary.text for summary in told.summaries]
    lead = first(told, 3)
    assert rouge(told.references, ours)["rouge1"] > rouge(told.references, lead)["rouge1"]
    assert words(ours) < words(lead)
    assert words(ours) <= MAX_WORDS


def test_every_sentence_is_the_article_s_own_word_for_word(told: Told) -> None:
    for article, summary in zip(told.articles, told.summaries, strict=True):
        assert summary.sentences, article.title
        for sentence in summary.sentences:
            assert sentence.text in article.text


def test_verification_supports_every_sentence_wholly(told: Told) -> None:
    for document, summary in zip(told.documents, told.summaries, strict=True):
        encoded = told.encoded[document.id]
        texts = [sentence.text for sentence in summary.sentences]
        rows = [sentence.source[0] for sentence in summary.sentences]
        verdicts = verify(texts, encoded.sentences[rows], document, encoded)
        assert len(verdicts) == len(texts)
        for verdict, sentence in zip(verdicts, summary.sentences, strict=True):
            assert verdict.supported, verdict.reasons
            assert (verdict.score, verdict.source) == (1.0, sentence.source)
