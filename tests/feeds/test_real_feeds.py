"""All 101 real feeds of the shared data. Skipped where the folder is absent."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.feeds.parse import parse_feed
from digest.records import Feed, Fetched, ParsedFeed
from digest.text.urls import is_http

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "feeds"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MANIFEST = (
    [json.loads(line) for line in (DATA / "manifest.jsonl").read_text("utf-8").splitlines()]
    if DATA.is_dir()
    else []
)

pytestmark = pytest.mark.skipif(not MANIFEST, reason="../shared/data/feeds is not here")


def parsed(name: str) -> ParsedFeed:
    body = (DATA / name).read_bytes()
    return parse_feed(Feed("real", name), Fetched("real", "https://e.org/feed", body), NOW)


@pytest.mark.parametrize("row", MANIFEST, ids=[row["file"] for row in MANIFEST])
def test_a_real_feed_gives_all_its_entries_as_sound_articles(row: dict[str, object]) -> None:
    feed = parsed(str(row["file"]))
    empty = sum(int(note.split()[0]) for note in feed.notes if "left out" in note)
    assert len(feed.articles) + empty == row["entries"]
    # Two of the files hold 11 entries with nothing in them; no other may lose one.
    assert empty == 0 or re.search(r"illegally-nested|no_encoding_ISO-8859-1", str(row["file"]))
    assert len({article.id for article in feed.articles}) == len(feed.articles)
    for article in feed.articles:
        assert re.fullmatch(r"a[0-9a-f]{20}", article.id)
        assert article.title
        assert "\n" not in article.title
        assert article.published.utcoffset() == timedelta(0)
        assert article.url == "" or is_http(article.url) or article.url.startswith("mailto:")
        assert article.image == "" or is_http(article.image)
        assert len(article.content_hash) == 64
        assert "\ufffd" not in article.title


def test_parsing_again_gives_the_same_articles() -> None:
    for row in MANIFEST[::10]:
        assert parsed(row["file"]) == parsed(row["file"])
