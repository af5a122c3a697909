"""A day's articles join a week's: what did not change keeps its id, and what grew keeps it too."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from digest.records import Article
from digest.stories.cluster import cluster
from digest.stories.ids import story_ids

DATA = Path(__file__).parents[1] / "data" / "stories.jsonl"


@pytest.fixture(scope="module")
def articles() -> list[Article]:
    rows = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
    return [
        Article(
            id=row["id"],
            feed=row["feed"],
            title=row["title"],
            text=row["text"],
            published=datetime.fromisoformat(row["published"]).astimezone(UTC),
            url=row.get("url", ""),
        )
        for row in rows
    ]


def stories(
    articles: Sequence[Article], known: dict[str, str] | None = None
) -> dict[str, frozenset[str]]:
    """The articles of each story, by the story's id; by words alone."""
    groups = cluster(articles, np.zeros((len(articles), 4), dtype=np.float32))
    members = [[articles[index] for index in group.members] for group in groups]
    ids = story_ids(members, known or {})
    return {
        id: frozenset(article.id for article in together)
        for id, together in zip(ids, members, strict=True)
    }


def test_a_day_more_changes_no_id_of_a_story_that_did_not_change(articles: list[Article]) -> None:
    last = max(article.published for article in articles) - timedelta(days=1)
    week = stories([article for article in articles if article.published <= last])
    more = stories(articles)
    assert len(more) > len(week), "the last day brings stories of its own"
    by_members = {members: id for id, members in more.items()}
    unchanged = [members for members in week.values() if members in by_members]
    assert len(unchanged) > len(week) / 2
    for id, members in week.items():
        if members in by_members:
            assert by_members[members] == id


def test_with_what_was_known_a_story_that_grew_keeps_its_id(articles: list[Article]) -> None:
    half = random.Random(3).sample(articles, len(articles) // 2)
    before = stories(half)
    known = {article: id for id, members in before.items() for article in members}
    after = stories(articles, known)
    grown = {
        id: members for id, members in before.items() if any(members <= m for m in after.values())
    }
    assert len(grown) > len(before) / 2
    for id, members in grown.items():
        whole = next(found for found in after.values() if members <= found)
        # Where two stories turn out to be one, the id of one of them stays.
        if sum(other <= whole for other in before.values()) == 1:
            assert after[id] == whole


def test_the_same_articles_in_another_order_give_the_same_stories_ids_and_reasons(
    articles: list[Article],
) -> None:
    def told(order: list[Article]) -> tuple[dict[str, frozenset[str]], dict[str, str]]:
        groups = cluster(order, np.zeros((len(order), 4), dtype=np.float32))
        why = {order[index].id: line for group in groups for index, line in group.why.items()}
        return stories(order), why

    expected = told(articles)
    for seed in range(4):
        order = articles[:]
        random.Random(seed).shuffle(order)
        assert told(order) == expected
