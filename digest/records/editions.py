"""Editions: all that is printed, frozen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from digest.records.feeds import DateOrigin, Image
from digest.records.stories import Update
from digest.records.summaries import DroppedSentence, SummarySentence

Images = Literal["none", "lead", "all"]
"""Which stories are printed with a picture: none, the first of the edition, or all."""


@dataclass(frozen=True, slots=True)
class EditionSource:
    """Who else told the story: the feed's title, their headline and address.

    `copy`: with the same text as another telling, under an address of its own. `why` says in a
    line, for editors, why the article stands in this story; `article` is its id. `date_origin` says
    whether the feed gave the time.
    """

    feed: str
    headline: str
    url: str
    published: datetime
    copy: bool = False
    article: str = ""
    why: str = ""
    date_origin: DateOrigin = "feed"


@dataclass(frozen=True, slots=True)
class EditionStory:
    """A story as it is printed. `url` is http(s) or empty; `direction` is the writing direction.

    `model` wrote the summary; `dropped` and `instead_of` are as in `Summary`, `rank_parts`,
    `runner_up` and `why` (of the lead) as in `Story`: for editors, never for print. `articles` are
    the ids of all that the story is made of, each with the hash of what it said then; `update`
    what an earlier edition told of it. `paywall`: the article's page says that it is not free.
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
    image: Image | None = None
    also: tuple[EditionSource, ...] = ()
    rank: float = 0.0
    topic_score: float = 0.0
    dropped: tuple[DroppedSentence, ...] = ()
    instead_of: str = ""
    articles: Mapping[str, str] = field(default_factory=dict)
    update: Update | None = None
    rank_parts: Mapping[str, float] = field(default_factory=dict)
    runner_up: str = ""
    runner_up_score: float = 0.0
    why: str = ""
    paywall: bool = False


@dataclass(frozen=True, slots=True)
class EditionTopic:
    """A heading with its stories, in the order of print."""

    name: str
    stories: tuple[EditionStory, ...]


@dataclass(frozen=True, slots=True)
class FailedFeed:
    """A feed that has been failing, and why, in a reader's words."""

    feed: str
    reason: str


@dataclass(frozen=True, slots=True)
class Edition:
    """One built issue of a digest for one local date: all that rendering needs.

    `date` is the local date (ISO 8601), `timezone` the IANA zone in which times are shown,
    `built` the moment of building (UTC). `articles` counts what was considered, `feeds` the
    feeds that it came from, `left_out` the stories that found no room, `told` the articles that the
    printed stories are made of. `retold` counts the stories that an earlier edition has told and
    that bring nothing new; `archive` is the http(s) address under which the digests' editions are
    published, empty when they are not. `failed` are feeds that have been failing for a while, which
    editors are told; readers only with `show_failed`.

    `language` (BCP 47) is that of the fixed words, the dates and the numbers. `note` is what the
    editors say at the top, a text a paragraph. `postal` is the sender's postal address, on one
    line. `trimmed` counts those of `left_out` for which only the size of an e-mail had no room.
    `subject_form` is the template that `subject` was filled in by: a copy that holds less of the
    edition has another.
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
    retold: int = 0
    archive: str = ""
    show_failed: bool = False
    language: str = "en"
    note: tuple[str, ...] = ()
    images: Images = "none"
    postal: str = ""
    trimmed: int = 0
    subject_form: str = "{title}: {headline}"
    format: int = 6

    @property
    def stories(self) -> tuple[EditionStory, ...]:
        return tuple(story for topic in self.topics for story in topic.stories)


@dataclass(frozen=True, slots=True)
class Rendered:
    """An edition in the forms a reader can get: HTML with inlined CSS, plain text, Markdown."""

    html: str
    text: str
    markdown: str = ""


@dataclass(frozen=True, slots=True)
class Reader:
    """Whom a copy of an edition is for, and where that person can change their mind.

    `address` is an e-mail address (an addr-spec, ASCII or with an internationalised domain).
    `unsubscribe` is an https address of this reader's own that answers a POST by RFC 8058 and shows
    a page to a GET; `preferences` the page of what they get; both may be empty.
    """

    address: str
    name: str = ""
    unsubscribe: str = ""
    preferences: str = ""


@dataclass(frozen=True, slots=True)
class ArchiveEntry:
    """An edition as the list of editions shows it. `headlines` are each topic's first."""

    date: str
    subject: str
    preheader: str
    built: datetime
    stories: int
    headlines: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DigestArchive:
    """All editions of a digest, newest first; the other fields are as in its newest `Edition`."""

    digest: str
    title: str
    language: str
    timezone: str
    template: str
    sender: str
    archive: str
    entries: tuple[ArchiveEntry, ...]


@dataclass(frozen=True, slots=True)
class Finding:
    """What the lint has to say about an edition as it was rendered.

    `rule` is the name of the check. `where` is what it speaks of: a story's headline, or a
    template's `file:line`; empty when that is the whole edition. `support` is the share (0 to 1) of
    the mail clients looked at in which it works, None where that is not the question.
    """

    rule: str
    severity: Literal["error", "warning"]
    message: str
    where: str = ""
    support: float | None = None
