"""All 101 real feeds and 789 unit feeds of the shared data. Skipped where the folders are absent.

No exception, no entry lost, every time aware UTC, every link absolute.
"""

from __future__ import annotations

import io
import json
import re
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

import feedparser  # type: ignore[import-untyped]
import pytest

from digest.errors import ParseError
from digest.feeds.parse import parse_feed
from digest.records import Article, Feed, Fetched, ParsedFeed
from digest.text.urls import is_http

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "feeds"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MANIFEST = (
    [json.loads(line) for line in (DATA / "manifest.jsonl").read_text("utf-8").splitlines()]
    if DATA.is_dir()
    else []
)

UNIT = DATA.parent / "feeds_unit"
UNIT_FEEDS = sorted(path.name for path in UNIT.iterdir()) if UNIT.is_dir() else []

with_real_feeds = pytest.mark.skipif(not MANIFEST, reason="../shared/data/feeds is not here")


def parsed(name: str, folder: Path = DATA) -> ParsedFeed:
    body = (folder / name).read_bytes()
    return parse_feed(Feed("real", name), Fetched("real", "https://e.org/feed", body), NOW)


def refusal(name: str) -> str:
    try:
        parsed(name, UNIT)
    except ParseError as error:
        return error.reason
    return ""


def left_out(feed: ParsedFeed) -> int:
    return sum(int(note.split()[0]) for note in feed.notes if "left out" in note)


def assert_sound(feed: ParsedFeed) -> None:
    assert len({article.id for article in feed.articles}) == len(feed.articles)
    assert feed.link == "" or is_http(feed.link)
    for article in feed.articles:
        assert_article(article)


def assert_article(article: Article) -> None:
    assert re.fullmatch(r"a[0-9a-f]{20}", article.id)
    assert article.title
    assert "\n" not in article.title
    assert article.published.utcoffset() == timedelta(0)
    assert article.url == "" or is_http(article.url)
    if article.image is not None:
        assert is_http(article.image.url)
        assert 0 <= article.image.width <= 20_000
        assert 0 <= article.image.height <= 20_000
        assert len(article.image.alt) <= 301
    assert len(article.content_hash) == 64


@with_real_feeds
@pytest.mark.parametrize("row", MANIFEST, ids=[row["file"] for row in MANIFEST])
def test_a_real_feed_gives_all_its_entries_as_sound_articles(row: dict[str, object]) -> None:
    feed = parsed(str(row["file"]))
    assert len(feed.articles) + left_out(feed) == row["entries"]
    # Two of the files hold 11 entries with nothing in them; no other may lose one.
    assert not left_out(feed) or re.search(r"illegally-nested|no_encoding_ISO", str(row["file"]))
    assert_sound(feed)
    assert feed.format
    assert not any("\ufffd" in article.title for article in feed.articles)


@pytest.mark.skipif(not UNIT_FEEDS, reason="../shared/data/feeds_unit is not here")
@pytest.mark.parametrize("name", UNIT_FEEDS)
def test_a_unit_feed_gives_as_many_entries_as_feedparser_finds(name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # feedparser's own
        expected = len(feedparser.parse(io.BytesIO((UNIT / name).read_bytes()))["entries"])
    if expected == 0 and (reason := refusal(name)):
        assert len(reason) > len("not a feed")
        return
    feed = parsed(name, UNIT)
    assert len(feed.articles) + left_out(feed) >= expected
    assert_sound(feed)


@with_real_feeds
def test_parsing_again_gives_the_same_articles() -> None:
    for row in MANIFEST[::10]:
        assert parsed(row["file"]) == parsed(row["file"])
