from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from digest.models.encoder import Encoder
from digest.records import Article

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def make_article() -> Callable[..., Article]:
    def make(id: str, title: str = "", text: str = "", hours: float = 0, **more: Any) -> Article:
        values: dict[str, Any] = {"feed": f"feed-{id}", "published": NOW - timedelta(hours=hours)}
        return Article(id=id, title=title, text=text, **{**values, **more})

    return make


@pytest.fixture(scope="session")
def encoder() -> Encoder:
    return Encoder()
