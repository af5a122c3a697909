"""Approval: the edition goes into the outbox as editors made it, and may leave."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from datetime import datetime
from typing import Any

from digest.editions.frozen import dump_edition
from digest.errors import BusyError, ConflictError
from digest.pipeline.delivering import fingerprint
from digest.pipeline.editing import Sheet, as_sent, sheet
from digest.pipeline.publishing import publish
from digest.pipeline.wiring import Workshop
from digest.records import EditionStatus
from digest.words import desk_words

# A build that has just begun may take minutes; a person should not wait for it without a word.
_PATIENCE = 5.0


def approve(
    workshop: Workshop,
    digest: str,
    date: str,
    now: datetime,
    *,
    seen: int | None = None,
    send_at: datetime | None = None,
) -> EditionStatus:
    """Lets a draft leave, just as it is: with what editors changed. Gives how far it is then.

    `seen` is the revision that the person looked at; when None, whatever it is now. `send_at`
    (aware) is when it leaves by itself, in place of its time by the schedule. The edition is
    written into the outbox before it is approved: a power cut in between leaves a draft. Raises
    ConflictError when it was changed since, is no draft, or is not ready; GoneError, OutboxError,
    TemplateError.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(workshop.alone(_PATIENCE))
        except BusyError as error:
            busy = desk_words()("approving.busy", edition=f"{digest}/{date}")
            raise ConflictError(busy) from error
        # With the templates as they are now: what can't be rendered can't be approved.
        workshop = replace(workshop, renderer=workshop.renderer.anew())
        return _approve(workshop, digest, date, now, seen, send_at)


def _approve(
    workshop: Workshop,
    digest: str,
    date: str,
    now: datetime,
    seen: int | None,
    send_at: datetime | None,
) -> EditionStatus:
    workshop.outbox.recover(digest)
    shown = sheet(workshop, digest, date)
    _check(shown, seen)
    status = shown.status
    edition = as_sent(workshop, shown)
    workshop.renderer.render(edition, mail=True)
    data = dump_edition(edition)
    mark = fingerprint(data)
    if workshop.store.editions.status(digest, date) is None:
        workshop.store.editions.adopt(
            digest,
            date,
            now,
            owner=workshop.owner,
            fingerprint=status.fingerprint,
            built=edition.built,
            review=True,
        )
    # Both: after a power cut the outbox may have what was never noted as told, nor listed.
    if {mark} != {status.fingerprint, fingerprint(workshop.outbox.read(digest, date))}:
        repeats = shown.draft.repeats if shown.draft else ()
        publish(workshop, edition, repeats, lambda: _still(workshop, status), now=now)
    changes: dict[str, Any] = {} if send_at is None else {"send_at": send_at}
    moved = workshop.store.editions.move(
        digest,
        date,
        ("draft",),
        now,
        revision=status.revision,
        state="approved",
        approved=now,
        fingerprint=mark,
        not_before=None,
        **changes,
    )
    if not moved:
        raise ConflictError(desk_words()("approving.changed", edition=status.name))
    return workshop.store.editions.status(digest, date) or status


def _still(workshop: Workshop, seen: EditionStatus) -> None:
    """Raises ConflictError where a service of another state folder was quicker meanwhile."""
    now_is = workshop.store.editions.status(seen.digest, seen.date)
    if now_is is None or (now_is.state, now_is.revision) != (seen.state, seen.revision):
        raise ConflictError(desk_words()("approving.changed", edition=seen.name))


def _check(shown: Sheet, seen: int | None) -> None:
    """Raises ConflictError where the edition isn't what the person saw, or can't be approved."""
    t, status = desk_words(), shown.status
    if status.state != "draft":
        raise ConflictError(t("approving.no_draft", edition=status.name, state=status.state))
    if seen is not None and seen != status.revision:
        raise ConflictError(t("approving.changed_since", edition=status.name))
    if shown.waiting:
        still = ", ".join(shown.waiting[:3])
        raise ConflictError(t("approving.not_ready", edition=status.name, still=still))
