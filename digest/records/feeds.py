"""Feeds and their articles, and what a run reports of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DateOrigin = Literal["feed", "missing", "broken", "future"]
"""Where an article's time comes from: the feed, or the moment we first saw it, and why."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed as `feeds.yaml` names it. `url` is an http(s) address or an absolute path."""

    name: str
    url: str
    title: str = ""
    tags: tuple[str, ...] = ()
    topic: str | None = None
    weight: float = 1.0

    @property
    def label(self) -> str:
        """What readers see: the title when there is one, else the name."""
        return self.title or self.name


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server gave for conditional requests, byte for byte (RFC 9110, section 8.8)."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Fetched:
    """A feed's body as it came, or the word that it did not change (`body` is None).

    `url` is the address after redirects, without credentials; `content_type` what the server said.
    """

    feed: str
    url: str
    body: bytes | None
    validators: Validators = Validators()
    content_type: str = ""
    status: int | None = None
    seconds: float = 0.0

    @property
    def unchanged(self) -> bool:
        return self.body is None


@dataclass(frozen=True, slots=True)
class Article:
    """One entry of a feed, cleaned.

    `id` is stable over fetches: from feed and guid, else the link, else the content.
    `published` is aware UTC; `date_origin` says whether the feed gave it. `text` is the fullest
    text the entry carries, paragraphs parted by an empty line; `summary` the feed's own teaser.
    `content_hash` changes exactly when title or text do.
    """

    id: str
    feed: str
    title: str
    text: str
    published: datetime
    date_origin: DateOrigin = "feed"
    url: str = ""
    guid: str = ""
    author: str = ""
    summary: str = ""
    language: str = ""
    image: str = ""
    tags: tuple[str, ...] = ()
    content_hash: str = ""


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """What one feed's bytes held. `notes` are remarks for whoever looks after the feeds.

    `complete` is False when the bytes broke off: what is missing may come with the next fetch.
    """

    title: str
    link: str
    language: str
    articles: tuple[Article, ...]
    notes: tuple[str, ...] = ()
    complete: bool = True


FeedStatus = Literal["fetched", "unchanged", "failed"]


@dataclass(frozen=True, slots=True)
class FeedOutcome:
    """A feed's line in the run report.

    `entries` counts what it carried, `new` and `updated` what that changed in the store.
    `reason` is for whoever looks after the feeds and may name hosts and paths; `told` is what
    readers are told, and names none.
    """

    feed: str
    status: FeedStatus
    entries: int = 0
    new: int = 0
    updated: int = 0
    reason: str = ""
    told: str = ""
    seconds: float = 0.0
    notes: tuple[str, ...] = ()


DigestStatus = Literal["built", "exists", "empty", "failed"]


@dataclass(frozen=True, slots=True)
class DigestOutcome:
    """A digest's line in the run report: what became of its edition for one local date.

    `path` is the edition's `index.html` where there is one, `reason` says why there is none.
    `left_out` counts the stories that found no room, `retold` those that an earlier edition has
    told and that bring nothing new, `updates` those that come back with news.
    `encoded` and `summarized` count the articles that a model worked on in this run,
    `remembered` those whose summary the store had already.
    """

    digest: str
    date: str
    status: DigestStatus
    path: str = ""
    reason: str = ""
    articles: int = 0
    stories: int = 0
    left_out: int = 0
    retold: int = 0
    updates: int = 0
    encoded: int = 0
    summarized: int = 0
    remembered: int = 0


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did: a line a feed and a line a digest. `seconds` is its wall-clock time."""

    started: datetime
    feeds: tuple[FeedOutcome, ...] = ()
    digests: tuple[DigestOutcome, ...] = ()
    seconds: float = 0.0
