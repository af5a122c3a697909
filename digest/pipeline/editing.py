"""An edition on the editor's desk: what it is made of, and what editors change about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from digest.editions.desk.clashes import clash
from digest.editions.drafts import load_draft
from digest.editions.frozen import load_edition
from digest.errors import ConflictError, GoneError, ModelError, OutboxError, UsageError
from digest.models.hub import on_disk
from digest.pipeline import drafting
from digest.pipeline.delivering import fingerprint, frozen
from digest.pipeline.drafting import (
    Layout,
    Wording,
    lay_out,
    source_of,
    verdict_key,
    verdicts_on,
)
from digest.pipeline.progress import Progress, silent
from digest.pipeline.publishing import fitted
from digest.pipeline.summarizers import EXTRACTIVE
from digest.pipeline.wiring import Workshop
from digest.records import (
    Article,
    Build,
    Draft,
    DroppedSentence,
    Edition,
    EditionStatus,
    Idle,
    NewOperation,
    Operation,
    Story,
    SummarySentence,
    Verdict,
)
from digest.words import desk_words

__all__ = ["Evidence", "Sheet", "Wording"]

# While it is built again it is what editors made of it so far: the outbox has it without that.
_OPEN = ("draft", "building")


@dataclass(frozen=True, slots=True)
class Sheet:
    """An edition as an editor sees it.

    `edition` is as it would be sent now: with its operations, or frozen once it is approved. Only
    the size of the e-mail may leave out a story of it (`as_sent`). `locked` says why it can't be
    changed, empty when it can; `draft` is None where none was kept. `left_out` are the stories that
    aren't printed, by rank, `stories` all of them by id. `wordings` are by story id, `waiting` says
    in lines what is still being made. `build` counts from 1.
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

    @property
    def changed(self) -> tuple[int, ...]:
        """The revisions of the two latest changes (made, taken out or put back), newest first."""
        return tuple(sorted((one.revision for one in self.operations), reverse=True)[:2])

    @property
    def is_open(self) -> bool:
        """Whether `edition` is what operations make of the draft, and not frozen."""
        return self.draft is not None and self.status.state in _OPEN


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a story's summary stands on: the lead's sentences, numbered, paragraph by paragraph."""

    article: Article
    paragraphs: tuple[tuple[tuple[int, str], ...], ...]
    sentences: tuple[SummarySentence, ...]
    dropped: tuple[DroppedSentence, ...]
    model: str
    instead_of: str


def sheet(workshop: Workshop, digest: str, date: str) -> Sheet:
    """The edition of `digest` for local `date` (ISO 8601) as it is now. Fast: nothing is rendered.

    Raises GoneError when there is none, OutboxError when it can't be read.
    """
    status = _status(workshop, digest, date)
    found = _draft(workshop, digest, date)
    operations = tuple(workshop.store.desk.operations(digest, date))
    undo, redo = _next(operations)
    if found is None:
        edition = _in_outbox(workshop, status)
        locked = _locked(status) or desk_words()("locked.old")
        return Sheet(status, edition, locked, operations=operations)
    build, draft = found
    layout = lay_out(workshop, draft, operations)
    edition = layout.edition if status.state in _OPEN else _in_outbox(workshop, status)
    printed = {story.id for story in edition.stories}
    return Sheet(
        status=status,
        edition=edition,
        locked=_locked(status),
        draft=draft,
        operations=operations,
        idle=layout.idle,
        wordings=layout.wordings,
        left_out=tuple(one for one in layout.arranged.stories if one.id not in printed),
        dropped=layout.arranged.dropped,
        pinned=layout.arranged.pinned,
        stories={story.id: story for story in layout.arranged.stories},
        waiting=_waiting(layout) if status.state == "draft" else (),
        undo=undo,
        redo=redo,
        build=build,
    )


def as_sent(workshop: Workshop, shown: Sheet) -> Edition:
    """The edition of a sheet, less what an e-mail has no room for.

    Renders it, which takes long, and raises TemplateError.
    """
    if not shown.is_open or shown.draft is None:
        return shown.edition
    draft = shown.draft
    return fitted(workshop, lambda most: lay_out(workshop, draft, shown.operations, most).edition)


def change(
    workshop: Workshop, digest: str, date: str, new: NewOperation, now: datetime
) -> Operation:
    """Makes a change, in one transaction; one that was made already (by its key) is given again.

    Raises ConflictError when somebody else changed the same since `new.seen`, or the edition is no
    draft; GoneError when what it speaks of isn't there.
    """
    if (made := workshop.store.desk.made(digest, date, new.key)) is not None:
        return made
    shown = sheet(workshop, digest, date)
    if shown.draft is None:
        why = shown.locked or desk_words()("locked.old")
        raise ConflictError(desk_words()("locked.edition", edition=f"{digest}/{date}", why=why))
    draft, aimed = shown.draft, _aimed(new, shown)
    made = workshop.store.desk.add(
        digest, date, aimed, now, lambda since: clash(aimed, since, draft)
    )
    if made.kind in ("headline", "summary"):
        _check_at_once(workshop, digest, date, made)
    return made


def undo(
    workshop: Workshop, digest: str, date: str, seen: int, now: datetime, who: str = ""
) -> Operation:
    """Takes out the last change that counts, by `who`. Raises ConflictError and GoneError."""
    last, _ = _next(workshop.store.desk.operations(digest, date))
    if last is None:
        raise ConflictError(desk_words()("stale.no_undo", edition=f"{digest}/{date}"))
    return take_out(workshop, digest, date, last.number, seen, now, who)


def redo(
    workshop: Workshop, digest: str, date: str, seen: int, now: datetime, who: str = ""
) -> Operation:
    """Puts back the change that `undo` took out last. Raises ConflictError and GoneError."""
    _, following = _next(workshop.store.desk.operations(digest, date))
    if following is None:
        raise ConflictError(desk_words()("stale.no_redo", edition=f"{digest}/{date}"))
    return put_back(workshop, digest, date, following.number, seen, now, who)


def take_out(
    workshop: Workshop, digest: str, date: str, number: int, seen: int, now: datetime, who: str = ""
) -> Operation:
    """One change counts no more. Raises ConflictError and GoneError."""
    return _switch(workshop, (digest, date, number), seen, now, who, undone=True)


def put_back(
    workshop: Workshop, digest: str, date: str, number: int, seen: int, now: datetime, who: str = ""
) -> Operation:
    """One change counts again. Raises ConflictError and GoneError."""
    return _switch(workshop, (digest, date, number), seen, now, who, undone=False)


def complete(
    workshop: Workshop, digest: str, date: str, now: datetime, progress: Progress = silent
) -> bool:
    """Makes what the edition still waits for: summaries, verdicts. Whether there was anything.

    Loads models. Raises ModelError, GoneError and StoreError.
    """
    found = _draft(workshop, digest, date)
    if found is None:
        return False
    operations = workshop.store.desk.operations(digest, date)
    return drafting.complete(workshop, digest, found[1], operations, progress, now=now)


def check_text(
    workshop: Workshop, shown: Sheet, story: str, text: str, kind: str
) -> tuple[Verdict, ...]:
    """What verification says of a text for a story while it is written, sentence by sentence.

    Loads the encoder the first time. Raises GoneError and ModelError.
    """
    return verdicts_on(workshop, _story(shown, story).lead, text, kind)


def evidence(shown: Sheet, story: str) -> Evidence:
    """What the summary of a story stands on, or would. Raises GoneError."""
    whole = _story(shown, story)
    printed = next((one for one in shown.edition.stories if one.id == story), None)
    document = source_of(whole.lead)
    paragraphs: dict[int, list[tuple[int, str]]] = {}
    for number, sentence in enumerate(document.sentences):
        paragraph = document.paragraphs[number] if document.paragraphs else 0
        paragraphs.setdefault(paragraph, []).append((number, sentence))
    return Evidence(
        article=whole.lead,
        paragraphs=tuple(tuple(sentences) for sentences in paragraphs.values()),
        sentences=printed.summary if printed else (),
        dropped=printed.dropped if printed else (),
        model=printed.model if printed else "",
        instead_of=printed.instead_of if printed else "",
    )


def writers(workshop: Workshop, shown: Sheet) -> list[str]:  # noqa: ARG001 - its settings may count
    """The models on this disk that can write a summary, the digest's own first."""
    own = shown.draft.model if shown.draft else EXTRACTIVE
    names = [info.name for info in on_disk() if info.use == "summaries" and not info.problem]
    return list(dict.fromkeys(name for name in (own, *names) if name != EXTRACTIVE))


def builds(workshop: Workshop, digest: str, date: str) -> list[Build]:
    """The edition as it was built and approved, oldest first. One that is damaged is left out."""
    found = []
    for number, made, reason in workshop.store.desk.builds(digest, date):
        data = workshop.store.desk.build(digest, date, number)
        if data is not None:
            name = desk_words()("read.build_number", n=number)
            edition = load_edition(data, f"{digest}/{date}, {name}")
            found.append(Build(digest, date, number, made, reason, edition))
    return found


def _switch(
    workshop: Workshop,
    key: tuple[str, str, int],
    seen: int,
    now: datetime,
    who: str,
    *,
    undone: bool,
) -> Operation:
    found = _draft(workshop, *key[:2])
    zone = ZoneInfo(found[1].plan.timezone) if found else UTC
    return workshop.store.desk.switch(*key, undone=undone, seen=seen, now=now, who=who, zone=zone)


def _status(workshop: Workshop, digest: str, date: str) -> EditionStatus:
    """How far it is; of an edition that only the outbox knows, as if a person had to approve it."""
    status = workshop.store.editions.status(digest, date)
    if status is not None:
        return status
    try:
        data = workshop.outbox.read(digest, date) if workshop.outbox.has(digest, date) else None
    except OutboxError as error:
        raise GoneError(str(error)) from error
    if data is None:
        raise GoneError(desk_words()("gone.edition", edition=f"{digest}/{date}"))
    built = load_edition(data, f"{digest}/{date}").built
    return EditionStatus(digest, date, "draft", built, fingerprint=fingerprint(data), built=built)


def _in_outbox(workshop: Workshop, status: EditionStatus) -> Edition:
    """The edition as it lies in the outbox; what was built or approved, where that is settled."""
    if not workshop.outbox.has(status.digest, status.date):
        why = "gone.nothing_to_show_why" if status.reason else "gone.nothing_to_show"
        told = {"edition": status.name, "state": status.state, "why": status.reason}
        raise GoneError(desk_words()(why, **told))
    if status.state in ("approved", "sending", "sent"):
        return frozen(workshop, status)
    return load_edition(workshop.outbox.read(status.digest, status.date), status.name)


def _locked(status: EditionStatus) -> str:
    return "" if status.state == "draft" else desk_words()(f"locked.{status.state}")


def _draft(workshop: Workshop, digest: str, date: str) -> tuple[int, Draft] | None:
    found = workshop.store.desk.draft(digest, date)
    return None if found is None else (found[0], _loaded(found[1], f"{digest}/{date}"))


# A page asks for the same draft again and again, and reading one takes longer than the page.
@lru_cache(maxsize=8)
def _loaded(data: bytes, source: str) -> Draft:
    return load_draft(data, source)


def _next(
    operations: list[Operation] | tuple[Operation, ...],
) -> tuple[Operation | None, Operation | None]:
    """What undo takes out, and what redo puts back.

    Redo speaks of those after the last that counts: the one that was taken out last.
    """
    counting = [one for one in operations if one.undone is None]
    last = counting[-1] if counting else None
    after = last.number if last else 0
    following = [one for one in operations if one.number > after]
    return last, max(following, key=lambda one: one.revision, default=None)


def _waiting(layout: Layout) -> tuple[str, ...]:
    t = desk_words()
    lines = [t("waiting.summary", title=article.title) for article, _ in layout.missing]
    lines += [t("waiting.check", title=article.title) for _, article in layout.unchecked]
    return tuple(lines)


def _story(shown: Sheet, story: str) -> Story:
    if story not in shown.stories:
        raise GoneError(desk_words()("gone.story", edition=shown.status.name, story=story))
    return shown.stories[story]


def _aimed(new: NewOperation, shown: Sheet) -> NewOperation:
    """The change, naming the lead of its story as it is now. Raises GoneError and UsageError."""
    t = desk_words()
    values = new.values
    topics = {one.topic for one in shown.stories.values()}
    if shown.draft is not None:
        topics |= set(shown.draft.plan.topics)
    if new.kind in ("note", "subject"):
        return replace(new, story="", article="")
    if new.kind == "exclude":
        stories = shown.stories.values()
        feeds = {article.feed for story in stories for article in story.articles}
        if values["feed"] not in feeds:
            raise GoneError(t("gone.feed", feed=values["feed"]))
        return replace(new, story="", article="")
    named = [values.get("topic"), values.get("after") if new.kind == "section" else ""]
    for topic in filter(None, named):
        if topic not in topics:
            raise GoneError(t("gone.topic", topic=topic, there=", ".join(sorted(topics))))
    if new.kind == "section":
        return replace(new, story="", article="")
    story = _story(shown, new.story)
    ids = {article.id for article in story.articles}
    if new.kind == "merge":
        others = [_story(shown, other["story"]) for other in values["others"]]
        if any(other.id == story.id for other in others) or not others:
            raise UsageError(t("asked.itself"))
        joining = [{"story": other.id, "article": other.lead.id} for other in others]
        values = {**values, "others": joining}
    elif new.kind == "split" and not (ids > set(values["articles"]) != set()):
        raise UsageError(t("asked.some"))
    elif new.kind == "lead" and values["lead"] not in ids:
        raise GoneError(t("gone.lead"))
    elif new.kind == "move" and values.get("after"):
        _story(shown, values["after"])
    return replace(new, values=values, article=story.lead.id)


def _check_at_once(workshop: Workshop, digest: str, date: str, made: Operation) -> None:
    """Verifies what was written where that needs no model to be loaded first."""
    if not workshop.encoder.is_loaded:
        return
    shown = sheet(workshop, digest, date)
    story = shown.stories.get(made.story)
    if story is None:
        return
    try:
        verdicts = verdicts_on(workshop, story.lead, str(made.values["text"]), made.kind)
    except ModelError:  # the job that completes the edition tells
        return
    workshop.store.desk.checked(digest, date, made.number, verdict_key(story.lead), verdicts)
