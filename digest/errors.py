"""The error tree. Every error says what it is about and what to do next.

    DigestError
    ├── ConfigError          the set-up is wrong: file, line and field           (exit status 2)
    ├── UsageError           the command's own input is wrong                    (exit status 2)
    │   ├── GoneError        what it names isn't there, or isn't there any more
    │   └── ConflictError    somebody else was quicker, or the edition is on its way
    ├── FeedError            one feed, and only that feed, can't be used
    │   ├── FetchError       it could not be fetched
    │   └── ParseError       it came, but is no feed
    ├── ModelError           a model is missing, altered or unfit
    │   └── UnknownModelError  a name that can be no model: wrong use too      (exit status 2)
    ├── TemplateError        a theme can't be rendered: file and line
    ├── StoreError           the database can't be used
    ├── OutboxError          an edition can't be written or read
    ├── ClusterError         the machines that should do the work can't: gone, or unfit
    ├── BusyError            another process works on the same state folder
    └── RelayError           the mail server can't be used at all now: nobody's message went out

Errors chain their cause (`raise … from error`). What concerns one feed is caught at the
stage's edge and becomes a line of the run report; what concerns one digest (TemplateError,
OutboxError, and store or model failing while it is built) costs that digest its edition; the
others end the command.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class DigestError(Exception):
    """Base of all errors that `digest` raises on purpose; `str()` is fit to show a user."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong in a configuration file.

    `file` is the path as the user gave it, `line` counts from 1 (None where no line can be
    named), `field` is the dotted path (`feeds[3].url`), empty for the file as a whole.
    """

    file: str
    line: int | None
    field: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return (
            f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"
        )


class ConfigError(DigestError):
    """The configuration can't be used; `problems` lists everything that is wrong with it."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


class UsageError(DigestError):
    """The command was given something it can't work on; the message names it."""


class GoneError(UsageError):
    """An edition, a story or a change that isn't there, or isn't there any more."""


class ConflictError(UsageError):
    """It can't be changed as it is now: another change came first, or it is being sent."""


class FeedError(DigestError):
    """One feed can't be used. `feed` is its name, `reason` plain words for a reader."""

    def __init__(self, feed: str, reason: str) -> None:
        self.feed = feed
        self.reason = reason
        super().__init__(f"feed {feed!r}: {reason}")


class FetchError(FeedError):
    """The feed could not be fetched. `status` is the HTTP status, None when there was none.

    `headers` are those of the last answer and `hops` the redirects before it, as in
    `digest.records`; `seconds` is how long it took. May be sent between processes.
    """

    def __init__(
        self,
        feed: str,
        reason: str,
        status: int | None = None,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        hops: tuple[Any, ...] = (),
        seconds: float = 0.0,
    ) -> None:
        self.status = status
        self.headers = headers
        self.hops = hops
        self.seconds = seconds
        super().__init__(feed, reason)

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are made again from `args`, which is the message alone.
        kept = {"headers": self.headers, "hops": self.hops, "seconds": self.seconds}
        return FetchError, (self.feed, self.reason, self.status), kept


class ParseError(FeedError):
    """The bytes came, but they are not a feed."""


class ModelError(DigestError):
    """A model is missing, altered or unfit; the message says how to get it."""


class UnknownModelError(ModelError, UsageError):
    """A name that can be no model; the message says what can."""


class TemplateError(DigestError):
    """A theme can't be rendered; the message names template file and line."""


class StoreError(DigestError):
    """The database can't be opened, read or written; the message names its address."""


class ClusterError(DigestError):
    """The cluster can't be used: it is gone, isn't one, or its workers are unfit.

    The message names its address and says what to do.
    """


class OutboxError(DigestError):
    """An edition can't be written or read; the message names the path."""


class BusyError(DigestError):
    """Another process has worked on the state folder for longer than one waits for it."""


class RelayError(DigestError):
    """The mail server, or the folder in its place, can't be used now; the message names it.

    It concerns no single recipient: the message in hand was not delivered, and those that follow
    would not be either. `lasting` is what waiting does not mend (a wrong password).
    """

    def __init__(self, message: str, *, lasting: bool = False) -> None:
        self.lasting = lasting
        super().__init__(message)
