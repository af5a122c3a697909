"""Articles to stories with their topics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from digest.pipeline.headings import Headings
from digest.pipeline.progress import measured
from digest.records import Article, Encoded, Feed, Story, TopicChoice
from digest.stories.cluster import Group, article_vector, cluster
from digest.stories.ids import story_ids
from digest.stories.rank import choose_lead


@dataclass(frozen=True, slots=True)
class Grouped:
    """Stories in the order of their first article, and the topics in the order of print."""

    stories: tuple[Story, ...]
    topics: tuple[str, ...]


@measured("group")
def group(
    articles: Sequence[Article],
    encoded: Mapping[str, Encoded],
    headings: Headings,
    feeds: Mapping[str, Feed],
    ids: Mapping[str, str] | None = None,
) -> Grouped:
    """The stories that `articles` tell, each with its topic and why its articles are together.

    `encoded` are the embeddings by article id, `feeds` the feeds by name (for their weight and
    topic), `ids` the ids of the stories that earlier runs gave articles, by article id. In a story
    the lead comes first, the others from the earliest.
    """
    vectors = [article_vector(encoded[article.id]) for article in articles]
    groups = cluster(articles, np.stack(vectors)) if articles else []
    members = [[articles[index] for index in found.members] for found in groups]
    headed = headings.of(members, encoded, feeds)
    weights = {name: feed.weight for name, feed in feeds.items()}
    stories = []
    parts = zip(groups, members, headed.choices, story_ids(members, ids or {}), strict=True)
    for found, together, choice, id in parts:
        rows = np.stack([vectors[index] for index in found.members])
        centre = rows.mean(axis=0)
        closeness = rows @ (centre / (float(np.linalg.norm(centre)) or 1.0))
        near = {
            article.id: float(value) for article, value in zip(together, closeness, strict=True)
        }
        stories.append(_story(id, found, articles, choice, near, weights))
    return Grouped(tuple(stories), headed.names)


def _story(
    id: str,
    found: Group,
    articles: Sequence[Article],
    choice: TopicChoice,
    closeness: Mapping[str, float],
    weights: Mapping[str, float],
) -> Story:
    together = [articles[index] for index in found.members]
    copies = {articles[copy].id: articles[original].id for copy, original in found.copies.items()}
    lead = choose_lead(together, weights, closeness, copies)
    others = sorted((other for other in together if other is not lead), key=_age)
    return Story(
        id=id,
        articles=(lead, *others),
        topic=choice.topic,
        topic_score=choice.score,
        runner_up=choice.runner_up,
        runner_up_score=choice.runner_up_score,
        why={articles[index].id: line for index, line in found.why.items()},
        copies=copies,
    )


def _age(article: Article) -> tuple[float, str]:
    return article.published.timestamp(), article.id
