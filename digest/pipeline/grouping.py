"""Articles to stories with their topics."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from digest.records import Article, Encoded, Feed, Story
from digest.stories.cluster import Group, article_vector, cluster
from digest.stories.ids import story_ids
from digest.stories.rank import choose_lead
from digest.stories.topics import TopicChooser


def group(
    articles: Sequence[Article],
    encoded: Mapping[str, Encoded],
    chooser: TopicChooser,
    feeds: Mapping[str, Feed],
    ids: Mapping[str, str] | None = None,
) -> list[Story]:
    """The stories that `articles` tell, each with its topic and why its articles are together.

    `encoded` are the embeddings by article id, `feeds` the feeds by name (for their weight and
    topic), `ids` the ids of the stories that earlier runs gave articles, by article id. The lead
    comes first, the others from the earliest.
    """
    if not articles:
        return []
    vectors = np.stack([article_vector(encoded[article.id]) for article in articles])
    weights = {name: feed.weight for name, feed in feeds.items()}
    groups = cluster(articles, vectors)
    members = [[articles[index] for index in found.members] for found in groups]
    stories = []
    for found, together, id in zip(groups, members, story_ids(members, ids or {}), strict=True):
        centre = vectors[list(found.members)].mean(axis=0)
        length = float(np.linalg.norm(centre))
        hints = [_hint(article, chooser.names, feeds) for article in together]
        choice = chooser.choose(centre / length if length else centre, hints)
        lead = choose_lead(together, weights)
        others = sorted((other for other in together if other is not lead), key=_age)
        stories.append(
            Story(
                id=id,
                articles=(lead, *others),
                topic=choice.topic,
                topic_score=choice.score,
                runner_up=choice.runner_up,
                runner_up_score=choice.runner_up_score,
                why=_why(found, articles),
                copies={
                    articles[copy].id: articles[original].id
                    for copy, original in found.copies.items()
                },
            )
        )
    return stories


def _why(found: Group, articles: Sequence[Article]) -> dict[str, str]:
    return {articles[index].id: line for index, line in found.why.items()}


def _hint(article: Article, topics: Collection[str], feeds: Mapping[str, Feed]) -> str | None:
    """The topic that the article's own categories name, else the one its feed is about."""
    known = {name.casefold() for name in topics}
    named = next((tag for tag in article.tags if tag.casefold() in known), None)
    return named or (feeds[article.feed].topic if article.feed in feeds else None)


def _age(article: Article) -> tuple[float, str]:
    return article.published.timestamp(), article.id
