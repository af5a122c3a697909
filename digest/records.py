"""The plain data that pass between stages: frozen, typed, without behaviour.

All times are aware and in UTC; texts are plain text (no markup) unless the name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]
"""Unit-length embeddings, one a row: shape (n, dimensions)."""

DateOrigin = Literal["feed", "missing", "broken", "future"]
"""Where an article's time comes from: the feed, or the moment we first saw it, and why."""


# --- feeds ---------------------------------------------------------------------------------


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
    `left_out` counts the stories that found no room (`max_stories`).
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


# --- summaries -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Document:
    """A text ready to be summarised: `sentences` in reading order, word for word as in the source.

    `paragraphs` gives for each sentence the number of its paragraph (same length). Of a long text
    `sentences` are the first ones, and `text` is all of it; else `text` is empty.
    """

    id: str
    title: str
    sentences: tuple[str, ...]
    paragraphs: tuple[int, ...] = ()
    language: str = ""
    content_hash: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class Encoded:
    """A document's embeddings: `title` of shape (d,), `sentences` of shape (n, d), unit length."""

    title: Vectors
    sentences: Vectors


@dataclass(frozen=True, slots=True)
class SummarySentence:
    """One sentence of a summary and what it stands on.

    `source` are the indices of the document's sentences that support it, `support` (0 to 1)
    how well; a sentence taken word for word has support 1.
    """

    text: str
    source: tuple[int, ...]
    support: float


@dataclass(frozen=True, slots=True)
class DroppedSentence:
    """A sentence that a model wrote and verification did not let through, and why, in words."""

    text: str
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """A summary, with the name of what wrote it. No sentences: there was nothing to summarise.

    `dropped` are the sentences that verification took out. `instead_of` names the model whose
    summary had nothing left, or that could not write one; then `model` stood in for it.
    """

    sentences: tuple[SummarySentence, ...]
    model: str
    dropped: tuple[DroppedSentence, ...] = ()
    instead_of: str = ""

    @property
    def text(self) -> str:
        return " ".join(sentence.text for sentence in self.sentences)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What verification says of one sentence of a summary.

    `score` (0 to 1) is how well the source supports it, `supported` whether that is enough,
    `source` the indices of the document's sentences that support it best, `reasons` what is
    wrong with it, in words that an editor understands (empty when nothing is).
    """

    text: str
    supported: bool
    score: float
    reasons: tuple[str, ...]
    source: tuple[int, ...]


# --- stories and topics --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Topic:
    """A heading. `descriptions` say in plain words what belongs under it, one matter each."""

    name: str
    descriptions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TopicChoice:
    """The topic given to a story, with its score and the runner-up's."""

    topic: str
    score: float
    runner_up: str = ""
    runner_up_score: float = 0.0


@dataclass(frozen=True, slots=True)
class Story:
    """The articles that tell one event, its lead first; `id` comes from the oldest."""

    id: str
    articles: tuple[Article, ...]
    topic: str
    topic_score: float = 0.0
    rank: float = 0.0
    rank_parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def lead(self) -> Article:
        return self.articles[0]


# --- editions ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EditionSource:
    """Who else told the story: the feed's title, their headline and address."""

    feed: str
    headline: str
    url: str
    published: datetime


@dataclass(frozen=True, slots=True)
class EditionStory:
    """A story as it is printed. `url` is http(s) or empty; `direction` is the writing direction.

    `model` wrote the summary; `dropped` and `instead_of` are as in `Summary`: for editors, never
    for print.
    """

    id: str
    article: str
    headline: str
    url: str
    source: str
    published: datetime
    date_origin: DateOrigin
    summary: tuple[SummarySentence, ...]
    model: str
    minutes: int
    language: str = ""
    direction: Literal["ltr", "rtl"] = "ltr"
    author: str = ""
    image: str = ""
    also: tuple[EditionSource, ...] = ()
    rank: float = 0.0
    topic_score: float = 0.0
    dropped: tuple[DroppedSentence, ...] = ()
    instead_of: str = ""


@dataclass(frozen=True, slots=True)
class EditionTopic:
    """A heading with its stories, in the order of print."""

    name: str
    stories: tuple[EditionStory, ...]


@dataclass(frozen=True, slots=True)
class FailedFeed:
    """A feed that is missing from the edition, and why, in a reader's words."""

    feed: str
    reason: str


@dataclass(frozen=True, slots=True)
class Edition:
    """One built issue of a digest for one local date: all that rendering needs.

    `date` is the local date (ISO 8601), `timezone` the IANA zone in which times are shown,
    `built` the moment of building (UTC). `articles` counts what was considered, `feeds` the
    feeds asked, `left_out` the stories that found no room, `told` the articles that the
    printed stories are made of.
    """

    digest: str
    title: str
    date: str
    timezone: str
    built: datetime
    subject: str
    preheader: str
    sender: str
    template: str
    topics: tuple[EditionTopic, ...]
    failed: tuple[FailedFeed, ...] = ()
    feeds: int = 0
    articles: int = 0
    left_out: int = 0
    told: tuple[str, ...] = ()
    format: int = 2

    @property
    def stories(self) -> tuple[EditionStory, ...]:
        return tuple(story for topic in self.topics for story in topic.stories)


@dataclass(frozen=True, slots=True)
class Rendered:
    """An edition in the forms a reader can get: HTML with inlined CSS, and plain text."""

    html: str
    text: str
