"""Feeds and their articles, and what a run reports of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

DateOrigin = Literal["feed", "missing", "broken", "future"]
"""Where an article's time comes from: its feed (or page), or when we first saw it, and why."""

FullText = Literal["auto", "always", "never"]
"""Whether articles' pages are fetched for their text: when the feed has only a teaser, or not."""


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed as `feeds.yaml` names it. `url` is an http(s) address or an absolute path."""

    name: str
    url: str
    title: str = ""
    tags: tuple[str, ...] = ()
    topic: str | None = None
    weight: float = 1.0
    full_text: FullText = "auto"

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
class Hop:
    """A redirect: its status, and the address that it led to, without credentials."""

    status: int
    url: str


Headers = tuple[tuple[str, str], ...]
"""A server's headers in its order, names in lower case, as far as they are UTF-8."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """A feed's body as it came, or the word that it did not change (`body` is None).

    `url` is the address after redirects, without credentials; `content_type` what the server said;
    `hops` are the redirects on the way, `headers` those of the last answer.
    """

    feed: str
    url: str
    body: bytes | None
    validators: Validators = Validators()
    content_type: str = ""
    status: int | None = None
    seconds: float = 0.0
    hops: tuple[Hop, ...] = ()
    headers: Headers = ()

    @property
    def unchanged(self) -> bool:
        return self.body is None


@dataclass(frozen=True, slots=True)
class Rhythm:
    """When a feed asks to be asked (RSS 2.0; RSS 1.0's syndication module as `ttl`).

    `ttl` is in minutes. `skip_hours` (0 to 23) and `skip_days` (0 is Monday) are in UTC.
    """

    ttl: int | None = None
    skip_hours: tuple[int, ...] = ()
    skip_days: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that stays where it is: `url` is its http(s) address.

    `width` and `height` are in pixels, as its source states them, 0 when it doesn't; `alt` is what
    the source says is to be seen, empty when it says nothing.
    """

    url: str
    width: int = 0
    height: int = 0
    alt: str = ""

    def completed(self, other: Image | None) -> Image:
        """With what `other` says more where it is the same picture; else as it is.

        Width and height come from one of them: what one states alone may be another rendition's.
        """
        if other is None or other.url != self.url:
            return self
        size = max((self, other), key=lambda image: (image.width > 0) + (image.height > 0))
        return Image(self.url, size.width, size.height, self.alt or other.alt)


@dataclass(frozen=True, slots=True)
class Article:
    """One entry of a feed, cleaned.

    `id` is stable over fetches: from feed and guid, else the link, else the content.
    `published` is aware UTC; `date_origin` says whether the feed gave it. `text` is the fullest
    text the entry carries, paragraphs parted by an empty line; `summary` the feed's own teaser.
    `content_hash` changes exactly when title or text do. `text_from` says whether the text stood in
    the feed or was taken from the article's page; `paywall` that the page says it is not free.
    `relative` is True, and not stored, while `published` is a time relative to the fetch.
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
    image: Image | None = None
    tags: tuple[str, ...] = ()
    content_hash: str = ""
    text_from: Literal["feed", "page"] = "feed"
    paywall: bool = False
    relative: bool = False


@dataclass(frozen=True, slots=True)
class ParsedFeed:
    """What one feed's bytes held. `notes` are remarks for whoever looks after the feeds.

    `complete` is False when the bytes broke off: what is missing may come with the next fetch.
    `format` is what it is in words (`RSS 2.0`, `Atom 1.0`, `JSON Feed`), empty when nobody can say.
    """

    title: str
    link: str
    language: str
    articles: tuple[Article, ...]
    notes: tuple[str, ...] = ()
    complete: bool = True
    rhythm: Rhythm = Rhythm()
    format: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """What an article's web page gave: its text, and what it says of itself.

    `url` is the page's canonical address, or where the redirects ended. `published` is aware UTC,
    None when the page names no time of day or no date. `paywall`: the page says it is not free.
    `reason` says in plain words why there is no text, and then all else but `paywall` is empty;
    `again` is in how many seconds it may be otherwise (0: it was not asked), None for never.
    """

    article: str
    url: str = ""
    text: str = ""
    title: str = ""
    image: Image | None = None
    author: str = ""
    published: datetime | None = None
    language: str = ""
    paywall: bool = False
    reason: str = ""
    again: float | None = None


FeedStatus = Literal["fetched", "unchanged", "waiting", "failed"]
"""`waiting`: not asked, since it is too early to ask again, or the feed is closed."""


@dataclass(frozen=True, slots=True)
class FeedOutcome:
    """A feed's line in the run report.

    `entries` counts what it carried, `new` and `updated` what that changed in the store, `pages`
    the articles whose text came from their page. `asked` is False where it was too early to ask.
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
    pages: int = 0
    asked: bool = True


@dataclass(frozen=True, slots=True)
class FeedState:
    """What is known of a feed between runs. Times are aware UTC, None where it never happened.

    `url` is the address of `feeds.yaml` that all this is about. `moved_to` is where it has moved
    for good; `moving_to` where permanent redirects lead to from there, which `moved_seen` answers
    in a row have shown. `failures` and `successes` are in a row; `failing_since` is the first
    failure of the row, `worked` the first success ever, `gone` when the server said that the feed
    is closed. `not_before` is when it may be asked again and `waits_for` why. `answers` counts good
    answers, `unchanged` those of them that were 304s; `seconds` is the usual time to answer.
    `read_by` is the version that read the last body. `troubled`: editors are told of it.
    """

    feed: str
    url: str
    validators: Validators = Validators()
    body_hash: str = ""
    checked: datetime | None = None
    succeeded: datetime | None = None
    worked: datetime | None = None
    failing_since: datetime | None = None
    failures: int = 0
    successes: int = 0
    reason: str = ""
    told: str = ""
    gone: datetime | None = None
    not_before: datetime | None = None
    waits_for: str = ""
    moved_to: str = ""
    moving_to: str = ""
    moved_seen: int = 0
    read_by: str = ""
    rhythm: Rhythm = Rhythm()
    answers: int = 0
    unchanged: int = 0
    seconds: float = 0.0
    entries: int = 0
    troubled: bool = False

    @property
    def address(self) -> str:
        """What is asked: where the feed has moved to, else `url`.

        Each time that it has failed thrice there, `url` too: its owner may have moved back.
        """
        back = self.failures > 0 and self.failures % 3 == 0
        return self.moved_to if self.moved_to and not back else self.url


@dataclass(frozen=True, slots=True)
class FeedRate:
    """How often a feed brings something: of the articles that are stored.

    `newest` is when its newest article was published, `weekly` how many it had a week in the last
    four; `gap` the usual time between two, in days. None where it had none, or only one.
    """

    newest: datetime | None = None
    weekly: float = 0.0
    gap: float | None = None


@dataclass(frozen=True, slots=True)
class FeedAnswer:
    """What came of asking one feed: small enough to be sent between processes.

    `parsed` is there exactly when `status` is `fetched`. `http` is the HTTP status of the last
    answer, `body_hash` the SHA-256 of the body.
    """

    feed: str
    status: FeedStatus
    reason: str = ""
    told: str = ""
    http: int | None = None
    url: str = ""
    hops: tuple[Hop, ...] = ()
    headers: Headers = ()
    seconds: float = 0.0
    validators: Validators = Validators()
    body_hash: str = ""
    parsed: ParsedFeed | None = None


HealthState = Literal["healthy", "failing", "moved", "gone", "stale", "never worked", "not asked"]


@dataclass(frozen=True, slots=True)
class FeedHealth:
    """How a feed is, for whoever looks after it.

    `since` is when that began (aware UTC), `reason` says it in plain words. `seconds` is the usual
    time to answer, `unchanged` the share of 304s among the answers (0 to 1), `weekly` the articles
    a week.
    """

    feed: str
    state: HealthState
    since: datetime | None = None
    reason: str = ""
    seconds: float = 0.0
    unchanged: float = 0.0
    weekly: float = 0.0
