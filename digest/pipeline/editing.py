"""An edition on the editor's desk: what it is made of, and what editors change about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from digest.records import (
    Article,
    Draft,
    DroppedSentence,
    Edition,
    EditionStatus,
    Idle,
    Operation,
    Story,
    SummarySentence,
    Verdict,
)


@dataclass(frozen=True, slots=True)
class Wording:
    """What an editor wrote for a story, and what verification says of it.

    `headline` is None where it wasn't edited; `sentences` are all those of an edited summary,
    printed or not. While `checked` is False they wait for their verdicts.
    """

    headline: Verdict | None = None
    headline_text: str = ""
    sentences: tuple[Verdict, ...] = ()
    checked: bool = True


@dataclass(frozen=True, slots=True)
class Sheet:
    """An edition as an editor sees it.

    `edition` is as it would be sent now: with its operations, or frozen once it is approved.
    `locked` says why it can't be changed, empty when it can; `draft` is None where none was kept.
    `left_out` are the stories that aren't printed, by rank, `stories` all of them by id. `wordings`
    are by story id, `waiting` says in lines what is still being made. `build` counts from 1.
    """

    status: EditionStatus
    edition: Edition
    locked: str = ""
    draft: Draft | None = None
    operations: tuple[Operation, ...] = ()
    idle: tuple[Idle, ...] = ()
    wordings: Mapping[str, Wording] = field(default_factory=dict)
    left_out: tuple[Story, ...] = ()
    dropped: frozenset[str] = frozenset()
    pinned: frozenset[str] = frozenset()
    stories: Mapping[str, Story] = field(default_factory=dict)
    waiting: tuple[str, ...] = ()
    undo: Operation | None = None
    redo: Operation | None = None
    build: int = 0


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a story's summary stands on: the lead's sentences, numbered, paragraph by paragraph."""

    article: Article
    paragraphs: tuple[tuple[tuple[int, str], ...], ...]
    sentences: tuple[SummarySentence, ...]
    dropped: tuple[DroppedSentence, ...]
    model: str
    instead_of: str
