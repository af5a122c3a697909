"""What an edition is made from, and what editors change about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from digest.records.editions import Edition, FailedFeed, Images
from digest.records.stories import Story
from digest.records.summaries import Summary, Verdict

OperationKind = Literal[
    "move",
    "topic",
    "section",
    "drop",
    "undrop",
    "pin",
    "unpin",
    "merge",
    "split",
    "lead",
    "headline",
    "summary",
    "length",
    "note",
    "subject",
    "exclude",
]
"""What an editor can change; `Operation` says what each needs."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a digest's owner decided about its editions, as `feeds.yaml` says it."""

    digest: str
    title: str
    timezone: str
    template: str
    sender: str
    topics: tuple[str, ...]
    max_stories: int
    max_per_topic: int | None = None
    max_per_feed: int | None = None
    archive: str = ""
    show_failed: bool = False
    language: str = "en"
    subject: str = "{title}: {headline}"
    images: Images = "none"
    postal: str = ""
    note: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What an edition is made from, as a run left it: frozen, so that changes can be made again.

    `stories` are ranked, those printed and the best of those left out, their articles with them;
    `further` is how many more there were. `summaries` (by article id) are those of the printed
    stories' leads, by `model` in at most `sentences` and `words`. `labels` are what readers see of
    each feed, by name. `considered` and `feeds` count the articles that might have been told and
    the feeds they came from; `repeats` are articles that say again what was told, `retold` counts
    the stories of them. `built` is aware UTC, `date` the local date (ISO 8601).
    """

    plan: Plan
    date: str
    built: datetime
    stories: tuple[Story, ...]
    summaries: Mapping[str, Summary]
    labels: Mapping[str, str]
    failed: tuple[FailedFeed, ...] = ()
    considered: int = 0
    feeds: int = 0
    further: int = 0
    retold: int = 0
    repeats: tuple[str, ...] = ()
    model: str = "extractive"
    sentences: int = 2
    words: int | None = None
    format: int = 1


@dataclass(frozen=True, slots=True)
class Operation:
    """A change that an editor made to an edition.

    `number` counts an edition's operations from 1, in the order in which they are applied. `who` is
    the name that the editor gave, `made` when (aware UTC); `undone` when it was taken out again,
    None while it counts. `switched` is when it was last taken out or put back, None where it never
    was, and `switched_by` who did (empty where that isn't known). `revision` is the edition's after
    the last of all that. `checked` are verdicts on its text, by the content hash of the article
    they were held against.

    A story is named by `story`, its id, and `article`, its lead at the time: should the ids change
    when the edition is built anew, the story that holds the article is meant. `values` by `kind`:

    - `move`: `topic`, `after` (a story's id, or empty for the first place under the topic)
    - `topic`: `topic`, where the story stands by its rank
    - `section`: `topic`, `after` (another topic's name, or empty): the order of the topics
    - `drop`, `undrop`, `pin`, `unpin`: nothing; what is pinned is printed whatever its rank
    - `merge`: `others`, a list of `{"story", "article"}`, which become part of the story
    - `split`: `articles`, ids that become a story of their own
    - `lead`: `lead`, an article's id
    - `headline`, `summary`: `text`
    - `length`: `sentences` (1 to 6), `model` (`extractive`, or one that writes)
    - `note`: `text`, paragraphs parted by an empty line; `subject`: `text` (no story)
    - `exclude`: `feed`, a feed's name (no story)
    """

    number: int
    kind: OperationKind
    values: Mapping[str, Any]
    who: str
    made: datetime
    story: str = ""
    article: str = ""
    undone: datetime | None = None
    switched: datetime | None = None
    switched_by: str = ""
    revision: int = 0
    checked: Mapping[str, tuple[Verdict, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewOperation:
    """A change that an editor asks for; fields as in `Operation`.

    `key` is random and made with the form that asks: the same one a second time changes nothing.
    `seen` is the revision that the editor looked at.
    """

    kind: OperationKind
    values: Mapping[str, Any]
    who: str
    key: str
    seen: int
    story: str = ""
    article: str = ""


@dataclass(frozen=True, slots=True)
class Idle:
    """An operation that changes nothing now, or not all it should, and why, in words."""

    operation: int
    reason: str


@dataclass(frozen=True, slots=True)
class Build:
    """An edition as it was built or approved, one of several of its date, counted from 1.

    `reason` says in a word or two what made it: `built`, `approved`.
    """

    digest: str
    date: str
    number: int
    made: datetime
    reason: str
    edition: Edition


@dataclass(frozen=True, slots=True)
class FeedDay:
    """How many articles of a feed were published on a day (ISO 8601, UTC)."""

    date: str
    articles: int


@dataclass(frozen=True, slots=True)
class FeedFailure:
    """A run in which a feed gave nothing, when it began (UTC), and why, in words."""

    at: datetime
    reason: str
