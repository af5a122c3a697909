"""How good summaries, stories and topics are, on labelled data; prints tables.

    python benchmarks/quality.py [--data DIR] [summaries] [stories] [topics]

Every number in the code that was chosen by measuring can be checked here: beside the scores in
use stand those of its neighbours. Nothing is kept on disk; each data set is encoded once.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rouge_score.rouge_scorer import RougeScorer
from sklearn.metrics import f1_score

from digest.models.encoder import Encoder
from digest.pipeline.encoding import RememberingEncoder
from digest.records import Article, Document, Encoded, Vectors
from digest.stories.cluster import (
    HEADLINE_RAISE,
    OPENING,
    THRESHOLD,
    WORDS_SHARE,
    article_vector,
    cluster,
)
from digest.stories.topics import MORE, TopicChooser, resolve
from digest.summaries import extractive
from digest.text.clean import plain_text
from digest.text.sentences import MAX_SENTENCES, make_document

Row = dict[str, Any]
BBC_TOPICS = ("Business", "Entertainment", "Politics", "Sport", "Technology")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help="summaries, stories, topics")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), metavar="DIR")
    wanted = parser.parse_args()
    parts: Mapping[str, Callable[[Path, Encoder], None]] = {
        "summaries": summaries,
        "stories": stories,
        "topics": topics,
    }
    if unknown := set(wanted.parts) - set(parts):
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if not wanted.data.is_dir():
        parser.error(f"{wanted.data}: no such folder; name the data with --data")
    encoder = Encoder()
    for name, measure in parts.items():
        if not wanted.parts or name in wanted.parts:
            measure(wanted.data, encoder)


# --- summaries -----------------------------------------------------------------------------


def summaries(data: Path, encoder: Encoder) -> None:
    """ROUGE of the extractive summary, of the first sentences, and of each feature's absence."""
    rows = list(_rows(data / "summaries" / "cnndm_dev.jsonl"))
    references = [row["references"] for row in rows]
    documents = [
        make_document(
            row["id"], row.get("title") or "", plain_text(row["source"]), max_sentences=9999
        )
        for row in rows
    ]
    encoded = encode(documents, encoder)
    score = partial(
        _rouge, references, RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=True)
    )

    print(f"\nSummaries: {len(rows)} news articles, ROUGE F1 against human highlights")
    print(f"  {'':<28}    R1     R2     RL  words")
    for name, count in (("first two sentences", 2), ("first three sentences", 3)):
        print(f"  {name:<28}{score([_text(doc, range(count)) for doc in documents])}")
    for count in (2, 3):
        texts = [
            _text(doc, picks)
            for doc, picks in zip(documents, _picks(documents, encoded, count), strict=True)
        ]
        print(f"  {f'extractive, {count} sentences':<28}{score(texts)}")
    print("  two sentences, with one number changed:")
    for name in ("_POSITION", "_DOCUMENT", "_TITLE", "_LENGTH", "_DANGLING", "_QUOTE", "_QUESTION"):
        _print_changed(score, documents, encoded, name, 0.0)
    for value in (0.75, 0.9):
        _print_changed(score, documents, encoded, "_REPEAT", value)

    positions = [index for picks in _picks(documents, encoded, 2) for index in picks]
    long = sum(len(document.sentences) > MAX_SENTENCES for document in documents)
    print(
        f"  positions of the picks, from 1: median {np.median(positions) + 1:.0f}, 99th percentile "
        f"{np.percentile(positions, 99) + 1:.0f}, last {max(positions) + 1}; "
        f"beyond sentence {MAX_SENTENCES}: {sum(index >= MAX_SENTENCES for index in positions)} of "
        f"{len(positions)} ({long} articles are longer)"
    )


def _picks(
    documents: Sequence[Document], encoded: Mapping[str, Encoded], count: int
) -> list[list[int]]:
    found = extractive.Extractive(count).summarize(documents, encoded)
    return [[sentence.source[0] for sentence in summary.sentences] for summary in found]


def _print_changed(
    score: Callable[[list[str]], str],
    documents: Sequence[Document],
    encoded: Mapping[str, Encoded],
    name: str,
    value: float,
) -> None:
    before = getattr(extractive, name)
    setattr(extractive, name, value)
    try:
        picks = _picks(documents, encoded, 2)
    finally:
        setattr(extractive, name, before)
    texts = [_text(document, chosen) for document, chosen in zip(documents, picks, strict=True)]
    print(f"    {f'{name} {before} → {value}':<26}{score(texts)}")


def _text(document: Document, indices: Sequence[int] | range) -> str:
    return " ".join(
        document.sentences[index] for index in indices if index < len(document.sentences)
    )


def _rouge(references: Sequence[Sequence[str]], scorer: RougeScorer, texts: Sequence[str]) -> str:
    """Mean F1 over the articles (and an article's references), and the mean length in words."""
    kinds = ("rouge1", "rouge2", "rougeL")
    found = [
        np.mean(
            [
                [one[kind].fmeasure for kind in kinds]
                for one in (scorer.score(r, text) for r in refs)
            ],
            axis=0,
        )
        for refs, text in zip(references, texts, strict=True)
    ]
    means = 100 * np.mean(found, axis=0)
    words = np.mean([len(text.split()) for text in texts])
    return "".join(f"{value:7.2f}" for value in means) + f"{words:7.1f}"


# --- stories -------------------------------------------------------------------------------


def stories(data: Path, encoder: Encoder) -> None:
    """B-cubed of the stories found among full articles and among headlines."""
    for name in ("multinews_dev", "headlines_dev"):
        rows = list(_rows(data / "stories" / f"{name}.jsonl"))
        articles = [_article(row) for row in rows]
        vectors = article_vectors(articles, encoder)
        truth = [row["cluster"] for row in rows]
        print(f"\nStories: {name}, {len(rows)} articles of {len(set(truth))} events, B-cubed")
        print(f"  {'threshold':>9} {'words':>6} {'raise':>6}      P      R     F1")
        for threshold in (0.20, 0.22, 0.24, 0.26, 0.28, 0.30):
            _print_stories(articles, vectors, truth, threshold=threshold)
        for share in (0.5, 0.6, 0.8):
            _print_stories(articles, vectors, truth, words_share=share)
        for headline_raise in (1.0, 1.75, 2.0, 2.5):
            _print_stories(articles, vectors, truth, headline_raise=headline_raise)


def _print_stories(
    articles: Sequence[Article],
    vectors: Vectors,
    truth: Sequence[str],
    *,
    threshold: float = THRESHOLD,
    words_share: float = WORDS_SHARE,
    headline_raise: float = HEADLINE_RAISE,
) -> None:
    found = cluster(
        articles,
        vectors,
        threshold=threshold,
        words_share=words_share,
        headline_raise=headline_raise,
    )
    scores = "".join(f"{100 * value:7.1f}" for value in b_cubed(found, truth))
    numbers = (threshold, words_share, headline_raise)
    used = "  in use" if numbers == (THRESHOLD, WORDS_SHARE, HEADLINE_RAISE) else ""
    print(f"  {threshold:9.2f} {words_share:6.2f} {headline_raise:6.2f}{scores}{used}")


def b_cubed(found: Sequence[Sequence[int]], truth: Sequence[str]) -> tuple[float, float, float]:
    """Precision, recall and their harmonic mean over items (Bagga and Baldwin, 1998)."""
    sizes = Counter(truth)
    precision = recall = 0.0
    for members in found:
        counts = Counter(truth[index] for index in members)
        for label, count in counts.items():
            precision += count * count / len(members)
            recall += count * count / sizes[label]
    precision, recall = precision / len(truth), recall / len(truth)
    return precision, recall, 2 * precision * recall / (precision + recall)


# --- topics --------------------------------------------------------------------------------


def topics(data: Path, encoder: Encoder) -> None:
    """Macro-F1 of the topics without training, and what a feed's hint does to it."""
    rows = list(_rows(data / "topics" / "bbc_dev.jsonl"))
    vectors = article_vectors([_article(row) for row in rows], encoder)
    truth = [topic_name(row["topic"]) for row in rows]
    headings = resolve(BBC_TOPICS, encoder.encode)
    chooser = TopicChooser(headings, encoder.encode)
    choices = [chooser.choose(vector) for vector in vectors]
    chosen = [choice.topic for choice in choices]

    print(f"\nTopics: {len(rows)} articles, {len(BBC_TOPICS)} topics, no training, no hint")
    f1 = f1_score(truth, chosen, labels=BBC_TOPICS, average=None, zero_division=0)
    for name, value in zip(BBC_TOPICS, f1, strict=True):
        print(f"  F1 {name:<14}{100 * value:6.1f}")
    print(f"  macro-F1         {100 * np.mean(f1):6.1f}")
    print(f"  under {MORE!r}: {sum(topic == MORE for topic in chosen)}")

    alone = [TopicChooser([heading], encoder.encode) for heading in headings]
    scores = np.array([[one.choose(vector).score for one in alone] for vector in vectors])
    is_own = np.array([[name == label for name in BBC_TOPICS] for label in truth])
    own = scores[is_own]
    other = np.where(is_own, -1.0, scores).max(axis=1)
    quantiles = np.percentile(own, [1, 2, 5, 50])
    print("  score of the right topic at 1, 2, 5, 50 %: " + " ".join(f"{q:.2f}" for q in quantiles))
    print(f"  right topic over the best other, median: {np.median(own - other):.2f}")
    for hint in (0.05, 0.10, 0.15, 0.20):
        right = np.mean(own + hint > other)
        wrong = np.mean((own > other) & (own < other + hint))
        print(
            f"  hint {hint:.2f}: a right one leaves {100 * (1 - right):4.1f} % wrong, "
            f"a wrong one spoils {100 * wrong:4.1f} %"
        )


def topic_name(label: str) -> str:
    """The data's label as the topic is named here."""
    return {"tech": "Technology"}.get(label, label.capitalize())


# --- shared --------------------------------------------------------------------------------


def _rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _article(row: Row) -> Article:
    """A row as the feeds' room would give it; without a date it counts as just seen."""
    title = row.get("title") or ""
    date = row.get("date")
    published = datetime.fromisoformat(date) if date else datetime(2026, 1, 1, tzinfo=UTC)
    return Article(
        id=row["id"],
        feed=row.get("publisher") or "",
        title=title,
        text=plain_text(row["text"], title),
        published=published,
        date_origin="feed" if date else "missing",
    )


def article_vectors(articles: Sequence[Article], encoder: Encoder) -> Vectors:
    """The articles' embeddings, shape (n, d); only the sentences that count are encoded."""
    documents = [
        make_document(article.id, article.title, article.text, max_sentences=OPENING)
        for article in articles
    ]
    encoded = encode(documents, encoder)
    return np.stack([article_vector(encoded[document.id]) for document in documents])


def encode(documents: Sequence[Document], encoder: Encoder) -> dict[str, Encoded]:
    """The embeddings by document id, made the way a run makes them, and kept nowhere."""
    named = [replace(document, content_hash=document.id) for document in documents]
    return RememberingEncoder(encoder).documents(named)


if __name__ == "__main__":
    main()
