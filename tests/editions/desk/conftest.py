"""Drafts of our own writing for the desk, and an editor who changes them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from digest.records import Article, Draft, Operation, OperationKind, Plan, Story

BEGAN = datetime(2026, 3, 2, 6, 0, tzinfo=UTC)


class Make:
    """What tests of the desk are made of."""

    def article(self, id: str, *, feed: str = "courier", minutes: int = 0) -> Article:
        """An article published some minutes after six."""
        return Article(
            id=id,
            feed=feed,
            title=f"What {id} tells",
            text=f"The harbour office says what {id} is about.",
            published=BEGAN + timedelta(minutes=minutes),
            content_hash=f"hash of {id}",
        )

    def story(
        self, id: str, topic: str = "World", articles: Sequence[Article] = (), **more: Any
    ) -> Story:
        """A story of `articles`, all but the first with a reason; of one named after it if none."""
        told = tuple(articles) or (self.article(f"{id}1"),)
        more.setdefault("why", {one.id: f"like “{told[0].title}”: 1 h apart" for one in told[1:]})
        return Story(id=id, articles=told, topic=topic, **more)

    def draft(
        self, *stories: Story, topics: Sequence[str] = ("World", "Business"), most: int = 20
    ) -> Draft:
        """A draft of `stories` by rank, of which `most` have room."""
        plan = Plan(
            digest="morning",
            title="Morning",
            timezone="UTC",
            template="plain",
            sender="Desk <desk@example.org>",
            topics=tuple(topics),
            max_stories=most,
            max_per_topic=most,
            max_per_feed=most,
        )
        return Draft(plan, "2026-03-02", BEGAN, stories, summaries={}, labels={})

    def operation(
        self,
        number: int,
        kind: OperationKind,
        story: str = "",
        article: str = "",
        *,
        undone: bool = False,
        **values: Any,
    ) -> Operation:
        made = BEGAN + timedelta(minutes=number)
        return Operation(
            number,
            kind,
            values,
            "Asha",
            made,
            story=story,
            article=article,
            undone=made if undone else None,
            revision=number,
        )


@pytest.fixture(scope="session")
def make() -> Make:
    return Make()


@pytest.fixture
def change(make: Make) -> Callable[..., Operation]:
    """Makes one change after the other, numbered from 1."""
    count = 0

    def changed(kind: OperationKind, story: str = "", article: str = "", **more: Any) -> Operation:
        nonlocal count
        count += 1
        return make.operation(count, kind, story, article, **more)

    return changed
