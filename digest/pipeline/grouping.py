"""Articles to stories with their topics."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from digest.records import Article, Encoded, Feed, Story, TopicChoice
from digest.stories.cluster import article_vector, cluster
from digest.stories.rank import choose_lead
from digest.stories.topics import TopicChooser


def group(
    articles: Sequence[Article],
    encoded: Mapping[str, Encoded],
    chooser: TopicChooser,
    feeds: Mapping[str, Feed],
) -> list[tuple[Story, TopicChoice]]:
    """The stories that `articles` tell, each with its topic and how that was chosen.

    `encoded` are the embeddings by article id, `feeds` the feeds by name (for their weight and
    topic). The lead comes first, the others from the earliest.
    """
    if not articles:
        return []
    vectors = np.stack([article_vector(encoded[article.id]) for article in articles])
    weights = {name: feed.weight for name, feed in feeds.items()}
    found = []
    for indices in cluster(articles, vectors):
        members = sorted((articles[index] for index in indices), key=_age)
        lead = choose_lead(members, weights)
        centre = vectors[indices].mean(axis=0)
        length = float(np.linalg.norm(centre))
        hints = [_hint(article, chooser.names, feeds) for article in members]
        choice = chooser.choose(centre / length if length else centre, hints)
        story = Story(
            id=_story_id(members[0]),
            articles=(lead, *(article for article in members if article is not lead)),
            topic=choice.topic,
            topic_score=choice.score,
        )
        found.append((story, choice))
    return found


def _hint(article: Article, topics: Collection[str], feeds: Mapping[str, Feed]) -> str | None:
    """The topic that the article's own categories name, else the one its feed is about."""
    known = {name.casefold() for name in topics}
    named = next((tag for tag in article.tags if tag.casefold() in known), None)
    return named or (feeds[article.feed].topic if article.feed in feeds else None)


def _age(article: Article) -> tuple[float, str]:
    return article.published.timestamp(), article.id


def _story_id(oldest: Article) -> str:
    """From the oldest article, which stays the oldest when later ones join the story."""
    return "s" + hashlib.sha256(oldest.id.encode()).hexdigest()[:16]
