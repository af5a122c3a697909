"""Changes to an edition: each a form, made at once, and refused with what was typed kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, cast
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.editions.desk.asking import asked
from digest.editions.desk.values import paragraphs
from digest.errors import ConflictError, DigestError, GoneError, UsageError
from digest.pipeline import editing
from digest.pipeline.editing import Sheet
from digest.preview import shown, steps, telling
from digest.preview.door import Form, own_path
from digest.preview.reading import base_of, edition_context
from digest.preview.room import Room
from digest.records import NewOperation, Operation, OperationKind
from digest.words import desk_words

# What a button of a story's row asks for that is an operation by itself.
_PLAIN = ("drop", "undrop", "pin", "unpin", "topic", "split")
_TYPED = ("headline", "summary", "note", "subject")

_STORY = re.compile(r"/stories/([^/?#]+)")


def routes(room: Room) -> list[Route]:
    """What can be changed, and what was."""
    changing = _Changing(room)
    room.teach(
        told=telling.told,
        local=telling.local,
        topics_of=shown.topics_of,
        printed_of=shown.printed_of,
        headline_of=shown.headline_of,
        summary_of=shown.summary_of,
        unprinted=shown.unprinted,
        stuck=lambda sheet: sheet.waiting and room.desk.jobs.failed_of(*_key(sheet)),
        length_of=shown.length_of,
        others_of=shown.others_of,
        feeds_of=shown.feeds_of,
        writers_of=lambda sheet: editing.writers(room.desk.workshop, sheet),
    )
    edition = "/editions/{digest}/{date}"
    posts: dict[str, Callable[[Request, Form], Response]] = {
        "operations": changing.operate,
        "undo": changing.undo,
        "redo": changing.redo,
        "operations/{number:int}/take-out": changing.take_out,
        "operations/{number:int}/put-back": changing.put_back,
        "check": changing.check,
        "complete": changing.complete,
    }
    return [
        *(
            Route(f"{edition}/{path}", room.posted(handle), methods=["POST"])
            for path, handle in posts.items()
        ),
        # Where a browser goes that loads a refused form's page again without sending it.
        *(Route(f"{edition}/{path}", changing.to_edition) for path in posts),
        Route(f"{edition}/history", changing.history),
    ]


class _Changing:
    """The request handlers. Not async: Starlette runs them in threads, for they read and write."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._t = desk_words()

    def to_edition(self, request: Request) -> Response:
        return self._room.back(request, _base(request))

    # --- operations --------------------------------------------------------------------------

    def operate(self, request: Request, form: Form) -> Response:
        """Makes the change that a form asks for."""

        def make(sheet: Sheet) -> None:
            standing = {"unpin": sheet.pinned, "undrop": sheet.dropped}.get(form.text("do"))
            workshop = self._room.desk.workshop
            made = workshop.store.desk.made(*_key(sheet), form.text("key"))
            if standing is not None and form.text("story") not in standing and made is None:
                raise GoneError(self._t("change.not_standing"))
            # Looked for only where it counts, for that reads the disk.
            writers = editing.writers(workshop, sheet) if _kind(form) == "length" else []
            new = wish(form, sheet, self._room.who(request), ["extractive", *writers])
            if new is not None:
                editing.change(workshop, *_key(sheet), new, self._now())

        return self._do(request, form, make)

    def undo(self, request: Request, form: Form) -> Response:
        """Takes back the last change that counts."""
        return self._do(request, form, self._switch(request, form, editing.undo))

    def redo(self, request: Request, form: Form) -> Response:
        """Makes the change again that was taken back last."""
        return self._do(request, form, self._switch(request, form, editing.redo))

    def take_out(self, request: Request, form: Form) -> Response:
        """One change of the history counts no more."""
        return self._do(request, form, self._numbered(request, form, editing.take_out))

    def put_back(self, request: Request, form: Form) -> Response:
        """One change of the history counts again."""
        return self._do(request, form, self._numbered(request, form, editing.put_back))

    def complete(self, request: Request, form: Form) -> Response:
        """Has made what could not be made when it was asked for."""
        sheet = self._room.sheet(request)
        if sheet.waiting:
            self._room.desk.jobs.complete(sheet.status.digest, sheet.status.date)
        return self._room.back(request, _to(request, form))

    def _switch(
        self, request: Request, form: Form, act: Callable[..., Operation]
    ) -> Callable[[Sheet], None]:
        who = self._room.who(request)

        def make(sheet: Sheet) -> None:
            act(self._room.desk.workshop, *_key(sheet), seen_in(form), self._now(), who)

        return make

    def _numbered(
        self, request: Request, form: Form, act: Callable[..., Operation]
    ) -> Callable[[Sheet], None]:
        number, who = request.path_params["number"], self._room.who(request)

        def make(sheet: Sheet) -> None:
            act(self._room.desk.workshop, *_key(sheet), number, seen_in(form), self._now(), who)

        return make

    def _do(self, request: Request, form: Form, make: Callable[[Sheet], None]) -> Response:
        """Makes a change and goes back to the page; says why where it can't be made."""
        sheet = self._room.sheet(request)
        try:
            if sheet.locked:
                raise ConflictError(self._t("change.locked", why=sheet.locked))
            make(sheet)
        except UsageError as error:
            return self.refused(request, form, error)
        after = self._room.sheet(request)
        if after.waiting:
            self._room.desk.jobs.complete(after.status.digest, after.status.date)
        to = _to(request, form)
        story = _STORY.search(urlsplit(to).path)
        if story and story[1] not in after.stories:
            # It went with the change: what was split off is whole again, or was merged again.
            to = _base(request)
        return self._room.back(request, to)

    # --- refusing ----------------------------------------------------------------------------

    def refused(self, request: Request, form: Form, error: DigestError, **more: object) -> Response:
        """The page that the form stood on, as it is now, with why and with what was typed."""
        status = 404 if isinstance(error, GoneError) else 409
        if not isinstance(error, GoneError | ConflictError):
            status = 422
        return self.again(request, form, status, notice=str(error), **more)

    def again(self, request: Request, form: Form, status: int, **more: object) -> Response:
        """The page that the form stood on, with what was typed."""
        sheet = self._room.sheet(request)
        to = _to(request, form)
        kept = {"kind": _kind(form), "text": form.text("text")}
        context: dict[str, Any] = {"to": to, "kept": kept, "sheet": sheet, **more}
        context["base"] = base_of(sheet)
        story = _STORY.search(urlsplit(to).path)
        if urlsplit(to).path.endswith("/history"):
            return self._room.page(
                request, "history.html", status, **self._history(sheet), **context
            )
        if story and story[1] in sheet.stories and not sheet.locked:
            from digest.preview.knowing import story_context

            context = {**story_context(self._room, sheet, story[1]), **context}
            return self._room.page(request, "story.html", status, **context)
        if story or (sheet.locked and kept["kind"] in _TYPED):
            return self._room.page(request, "not_changed.html", status, **context)
        # In the view where the forms stand: in another one nothing would be said.
        of_edition = edition_context(self._room, sheet)
        return self._room.page(request, "edition.html", status, **{**of_edition, **context})

    # --- checking while one types ------------------------------------------------------------

    def check(self, request: Request, form: Form) -> Response:
        """What verification says of a text that isn't saved: a fragment, or the page again."""
        sheet = self._room.sheet(request)
        kind = "headline" if form.text("kind") == "headline" else "summary"
        part = request.headers.get("x-part") == "verdicts"
        try:
            story, _, values = asked(kind, form)
            workshop = self._room.desk.workshop
            verdicts = editing.check_text(workshop, sheet, story, values["text"], kind)
        except DigestError as error:
            if not part:
                if not isinstance(error, UsageError):
                    raise
                return self.refused(request, form, error)
            return self._room.page(request, "verdicts.html", 422, alone=True, trouble=str(error))
        if part:
            return self._room.page(
                request, "verdicts.html", alone=True, verdicts=verdicts, kind=kind
            )
        return self.again(request, form, 200, kept_verdicts=verdicts)

    # --- history -----------------------------------------------------------------------------

    def history(self, request: Request) -> Response:
        """All changes of an edition, who made them and when; each can be taken out or put back."""
        sheet = self._room.sheet(request)
        context = self._history(sheet)
        return self._room.page(request, "history.html", sheet=sheet, base=base_of(sheet), **context)

    def _history(self, sheet: Sheet) -> dict[str, Any]:
        reasons: dict[int, list[str]] = {}
        for idle in sheet.idle:
            reasons.setdefault(idle.operation, []).append(idle.reason)
        return {"operations": tuple(reversed(sheet.operations)), "reasons": reasons}

    def _now(self) -> datetime:
        return self._room.desk.clock()


def wish(form: Form, sheet: Sheet, who: str, writers: Sequence[str]) -> NewOperation | None:
    """The operation that a form asks for; None where it would leave everything as it is.

    `writers` are what can write a summary. Raises UsageError for what makes no sense, GoneError
    for what isn't there.
    """
    kind = _kind(form)
    fields: dict[str, str | list[str]] = dict(form)
    if kind == "move" and "after" not in form:
        goal = steps.moved(shown.sections_of(sheet), form.text("story"), form.text("do"))
        if goal is None:
            return None
        fields["topic"], fields["after"] = goal
    elif kind == "section":
        topics = [name for name, _ in shown.sections_of(sheet)]
        after = steps.section_moved(topics, form.text("topic"), form.text("step"))
        if after is None:
            return None
        fields["after"] = after
    elif kind in _TYPED and _is_as_it_was(kind, form, sheet):
        return None
    elif kind == "merge":
        fields |= _merging(form, sheet)
    elif kind == "length" and form.text("by") in ("1", "-1"):
        count, model = shown.length_of(sheet, form.text("story"))
        fields["sentences"] = str(min(6, max(1, count + int(form.text("by")))))
        fields["model"] = model
    story, article, values = asked(kind, fields, writers)
    return NewOperation(
        kind=kind,
        values=values,
        who=who,
        key=form.text("key"),
        seen=seen_in(form),
        story=story,
        article=article,
    )


def seen_in(form: Form) -> int:
    """The revision that the editor looked at. Raises UsageError where the form doesn't say."""
    text = form.text("seen")
    if not (text.isascii() and text.isdecimal() and len(text) < 10):
        raise UsageError(desk_words()("asked.seen"))
    return int(text)


def _kind(form: Form) -> OperationKind:
    """The operation that a form means, by its button or its field; `asked` knows whether it is."""
    do = form.text("do")
    if do in steps.STEPS:
        return "move"
    if do in _PLAIN:
        return cast(OperationKind, do)
    return "lead" if form.text("lead") else cast(OperationKind, form.text("kind"))


def _is_as_it_was(kind: str, form: Form, sheet: Sheet) -> bool:
    """Whether a text is saved that stands in the edition already.

    But a subject that is made from the first story: whoever saves that wants it to stay.
    """
    if kind == "note":
        return paragraphs(form.text("text")) == sheet.edition.note != ()
    if kind == "subject":
        saved = [one for one in sheet.operations if one.kind == "subject" and one.undone is None]
        now = str(saved[-1].values["text"]) if saved else ""
    elif kind == "summary":
        now = shown.summary_of(sheet, form.text("story"))
    else:
        now = shown.headline_of(sheet, form.text("story"))
    return bool(now) and form.text("text").split() == now.split()


def _merging(form: Form, sheet: Sheet) -> dict[str, str | list[str]]:
    """The fields of a merge: the first of what is ticked, in the order of print, takes the rest."""
    if form.text("other"):
        return {"others": form.text("other")}
    ticked = set(form.all("ticked"))
    order = [story.id for story in sheet.edition.stories if story.id in ticked]
    if ticked - set(order):
        raise GoneError(desk_words()("gone.ticked"))
    if len(order) < 2:
        raise UsageError(desk_words()("asked.tick_two"))
    first = shown.printed_of(sheet, order[0])
    return {"story": order[0], "article": first.article if first else "", "others": order[1:]}


def _key(sheet: Sheet) -> tuple[str, str]:
    return sheet.status.digest, sheet.status.date


def _base(request: Request) -> str:
    return f"/editions/{request.path_params['digest']}/{request.path_params['date']}"


def _to(request: Request, form: Form) -> str:
    """Where to go back to: a page of this edition."""
    base, to = _base(request), own_path(form.text("to"))
    return to if to == base or to.startswith((f"{base}/", f"{base}?")) else base
