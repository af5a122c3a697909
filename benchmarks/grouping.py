"""How good stories and topics are, on labelled data; the tables of `quality.py`.

Every number in `digest.stories` that was chosen by measuring can be checked here: beside the scores
in use stand those of its neighbours. Nothing is kept on disk; each data set is encoded once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from data import Row, encode, rows
from sklearn.metrics import f1_score

from digest.models.encoder import Encoder
from digest.records import Article, Vectors
from digest.stories.cluster import (
    HEADLINE_RAISE,
    OPENING,
    THRESHOLD,
    WORDS_SHARE,
    article_vector,
    cluster,
)
from digest.stories.topics import MORE, TopicChooser, resolve
from digest.text.clean import plain_text
from digest.text.sentences import make_document

BBC_TOPICS = ("Business", "Entertainment", "Politics", "Sport", "Technology")


# --- stories -------------------------------------------------------------------------------


def stories(data: Path, encoder: Encoder) -> None:
    """B-cubed of the stories found among full articles and among headlines."""
    for name in ("multinews_dev", "headlines_dev"):
        found = list(rows(data / "stories" / f"{name}.jsonl"))
        articles = [_article(row) for row in found]
        vectors = article_vectors(articles, encoder)
        truth = [row["cluster"] for row in found]
        print(f"\nStories: {name}, {len(found)} articles of {len(set(truth))} events, B-cubed")
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
    members = [group.members for group in found]
    scores = "".join(f"{100 * value:7.1f}" for value in b_cubed(members, truth))
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
    found = list(rows(data / "topics" / "bbc_dev.jsonl"))
    vectors = article_vectors([_article(row) for row in found], encoder)
    truth = [topic_name(row["topic"]) for row in found]
    headings = resolve(BBC_TOPICS, encoder.encode)
    chooser = TopicChooser(headings, encoder.encode)
    choices = [chooser.choose(vector) for vector in vectors]
    chosen = [choice.topic for choice in choices]

    print(f"\nTopics: {len(found)} articles, {len(BBC_TOPICS)} topics, no training, no hint")
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
