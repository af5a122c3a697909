"""What a run reports of itself."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from digest.records.editions import Finding
from digest.records.feeds import FeedOutcome

DigestStatus = Literal["built", "exists", "empty", "failed"]


@dataclass(frozen=True, slots=True)
class DigestOutcome:
    """A digest's line in the run report: what became of its edition for one local date.

    `path` is the edition's `index.html` where there is one, `reason` says why there is none.
    `left_out` counts the stories that found no room, `retold` those that an earlier edition has
    told and that bring nothing new, `updates` those that come back with news.
    `encoded` and `summarized` count the articles that a model worked on in this run,
    `remembered` those whose summary the store had already. `trimmed` counts those of `left_out`
    that only the size of an e-mail had no room for; `findings` are what the lint found.
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
    trimmed: int = 0
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class RunReport:
    """What a run did: a line a feed and a line a digest. `seconds` is its wall-clock time."""

    started: datetime
    feeds: tuple[FeedOutcome, ...] = ()
    digests: tuple[DigestOutcome, ...] = ()
    seconds: float = 0.0
