"""A real store: on SQLite in a folder of its own, and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from digest.records import Article, Feed, Validators
from digest.store.store import Store

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
def url(store_url: str) -> str:
    """On either engine; a module that looks at files overrides it."""
    return store_url


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    opened = Store(url, lock_seconds=0.1)
    yield opened
    opened.close()


@pytest.fixture
def make_article() -> Callable[..., Article]:
    def make(id: str = "a1", **changes: Any) -> Article:
        values: dict[str, Any] = {
            "feed": "gazette",
            "title": "The harbour opens",
            "text": "The harbour opened on Monday.",
            "published": NOW,
            "content_hash": "h1",
            "tags": ("Local", "Skarland"),
            "url": "https://gazette.example/harbour",
        }
        return Article(id=id, **{**values, **changes})

    return make


Save = Callable[..., tuple[int, int]]


@pytest.fixture
def save() -> Save:
    """Stores what one answer of a feed brought; gives (new, updated)."""

    def save(
        store: Store, feed: Feed, articles: Sequence[Article], validators: Validators, now: datetime
    ) -> tuple[int, int]:
        before = store.feed_states([feed])[feed.name]
        state = replace(before, validators=validators, entries=len(articles), succeeded=now)
        return store.save_feeds([state], {feed.name: articles}, now)[feed.name]

    return save
