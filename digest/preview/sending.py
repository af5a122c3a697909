"""Editions on their way: a test copy, approval, a time, sending, and what became of each copy."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.errors import ConflictError, DigestError, GoneError, RelayError, UsageError
from digest.pipeline import approving, outgoing
from digest.pipeline.delivering import copies_of
from digest.pipeline.editing import Sheet
from digest.preview import steps
from digest.preview.door import Form
from digest.preview.reading import base_of, local
from digest.preview.room import Room
from digest.records import Delivery, DeliveryState, EditionStatus, Receipt
from digest.subscribers.addresses import normalised
from digest.text.masking import masked, without_addresses
from digest.words import desk_words

# Deliveries that the page names: the last that went, and those that didn't.
_NAMED = 12
# Of how many at most the last are looked for; a list of more says only how many there are.
_SEARCHED = 2_000
_NOT_SENT: tuple[DeliveryState, ...] = ("unconfirmed", "bounced", "deferred")
# Test copies that the page remembers, of an edition and of editions.
_TRIED, _EDITIONS = 5, 50

ORDER: tuple[DeliveryState, ...] = (
    "sent",
    "sending",
    "pending",
    "deferred",
    "unconfirmed",
    "bounced",
)
"""States of deliveries in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Tried:
    """A test copy: when (aware UTC), to whom (masked), by whom, and what became of it."""

    at: datetime
    to: str
    who: str
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Readers:
    """How many get the edition, how many of them a part of it, and how many nothing."""

    all: int
    part: int
    nothing: int


@dataclass(frozen=True, slots=True)
class Deliveries:
    """How the copies of an edition are: `counts` by state, why some aren't sent, and some by name.

    `last` are those that went last, newest first, `troubled` those that did not go well. Their
    addresses are masked. `total` counts all, `settled` those with which nothing happens any more.
    """

    counts: dict[str, int]
    reasons: tuple[tuple[str, str, int], ...]
    last: tuple[tuple[str, Delivery], ...]
    troubled: tuple[tuple[str, Delivery], ...]
    total: int
    settled: int


def routes(room: Room) -> list[Route]:
    """The page that sends, and what it does."""
    sending = _Sending(room)
    edition = "/editions/{digest}/{date}"
    posts = {
        "test": sending.test,
        "approve": sending.approve,
        "take-back": sending.take_back,
        "send-now": sending.send_now,
    }
    return [
        Route(f"{edition}/send", sending.page),
        *(
            Route(f"{edition}/{path}", room.posted(handle), methods=["POST"])
            for path, handle in posts.items()
        ),
        *(Route(f"{edition}/{path}", sending.to_page) for path in posts),
    ]


class _Sending:
    """The request handlers. Not async: Starlette runs them in threads, for they read and send."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._t = desk_words()
        self._tried: OrderedDict[tuple[str, str], list[Tried]] = OrderedDict()
        self._lock = Lock()

    def page(self, request: Request) -> Response:
        """Everything that can be done to send the edition, and how far it is."""
        return self._shown(request, self._room.sheet(request))

    def to_page(self, request: Request) -> Response:
        params = request.path_params
        return self._room.back(request, f"/editions/{params['digest']}/{params['date']}/send")

    # --- what is done ------------------------------------------------------------------------

    def test(self, request: Request, form: Form) -> Response:
        """Sends a copy to one address, marked as a test, which counts for nothing."""
        sheet = self._room.sheet(request)
        workshop, address = self._room.desk.workshop, form.text("address")
        try:
            if workshop.mail is None:
                raise ConflictError(self._t("send.no_mail"))
            try:
                to = normalised(address)
            except ValueError as error:
                raise UsageError(self._t("send.no_address", why=error)) from error
            envelope = outgoing.copy_to_try(workshop, sheet.status, to)
            transport = workshop.mail.open_transport()
            try:
                receipt = transport.send(envelope)
            finally:
                transport.close()
        except DigestError as error:
            return self._refused(request, sheet, error, "test", address=address)
        tried = Tried(self._now(), masked(to), self._room.who(request), receipt)
        self._remember(sheet.status, tried)
        if receipt.outcome != "sent":
            reason = self._t("send.tried_failed", to=masked(to), why=receipt.reason)
            return self._refused(request, sheet, UsageError(reason), "test", address=address)
        return self.to_page(request)

    def approve(self, request: Request, form: Form) -> Response:
        """Lets the edition leave: at once, at its time, at another, or when it is sent by hand."""
        sheet = self._room.sheet(request)
        when, at = form.text("when", "hand"), form.text("at")
        now, status = self._now(), sheet.status
        try:
            send_at = self._send_at(sheet, when, at, now)
            if when == "now" and self._room.desk.workshop.mail is None:
                raise ConflictError(self._t("send.no_mail"))
            approving.approve(
                self._room.desk.workshop,
                status.digest,
                status.date,
                now,
                seen=_seen(form),
                send_at=send_at,
            )
            if when == "now":
                self._release(status)
        except DigestError as error:
            return self._refused(request, sheet, error, "approve", when=when, at=at)
        return self.to_page(request)

    def take_back(self, request: Request, form: Form) -> Response:  # noqa: ARG002 - all handlers' form
        """An approved edition is a draft again."""
        sheet = self._room.sheet(request)
        try:
            outgoing.take_back(self._room.desk.workshop, sheet.status, self._now())
        except UsageError as error:
            return self._refused(request, sheet, error, "take-back")
        return self.to_page(request)

    def send_now(self, request: Request, form: Form) -> Response:  # noqa: ARG002 - as above
        """An approved edition leaves now, whatever its time was; a failed one goes on."""
        sheet = self._room.sheet(request)
        try:
            if self._room.desk.workshop.mail is None:
                raise ConflictError(self._t("send.no_mail"))
            if sheet.status.state == "draft":
                raise ConflictError(self._t("send.not_approved"))
            self._release(sheet.status)
        except DigestError as error:
            return self._refused(request, sheet, error, "send-now")
        return self.to_page(request)

    def _release(self, status: EditionStatus) -> None:
        workshop, key = self._room.desk.workshop, (status.digest, status.date)
        outgoing.release(workshop, workshop.store.editions.status(*key) or status, self._now())
        self._room.desk.jobs.deliver(*key)

    def _send_at(self, sheet: Sheet, when: str, at: str, now: datetime) -> datetime | None:
        """When an approved edition leaves by itself. Raises UsageError."""
        if when == "now":
            return now
        if when == "at":
            if not at.strip():
                raise UsageError(self._t("send.no_time"))
            return steps.moment(at, sheet.edition.timezone, now)
        own = sheet.status.send_at
        if when == "schedule" and (own is None or own <= now):
            raise ConflictError(self._t("send.no_schedule"))
        if when == "hand" and own is not None:
            raise ConflictError(self._t("send.has_time"))
        if when not in ("schedule", "hand"):
            raise UsageError(self._t("send.no_choice"))
        return None

    # --- what is shown -----------------------------------------------------------------------

    def _refused(
        self, request: Request, before: Sheet, error: DigestError, act: str, **kept: str
    ) -> Response:
        """The page with why something was not done, and what was entered for it."""
        status = 422
        if isinstance(error, GoneError):
            status = 404
        elif isinstance(error, ConflictError):
            status = 409
        elif isinstance(error, RelayError):
            status = 502
        elif not isinstance(error, UsageError):
            status = 500
        notice = without_addresses(str(error)) if act == "test" else str(error)
        sheet = self._room.sheet(request) if status != 500 else before
        return self._shown(request, sheet, status, notice=notice, act=act, kept=kept)

    def _shown(self, request: Request, sheet: Sheet, status: int = 200, **more: object) -> Response:
        edition, now = sheet.status, self._now()
        kept = more.pop("kept", {})
        leaves = edition.send_at
        next_hour = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        suggested = leaves if leaves and leaves > now else next_hour
        context: dict[str, object] = {
            "sheet": sheet,
            "base": base_of(sheet),
            "state": edition.state,
            "mail": self._room.desk.workshop.mail is not None,
            "kept": kept,
            "notice": "",
            "act": "",
            "zone": sheet.edition.timezone,
            "now": local(now, sheet.edition),
            "suggested": local(suggested, sheet.edition),
            "leaves": local(leaves, sheet.edition) if leaves else None,
            "leaves_later": leaves is not None and leaves > now,
            "twice": leaves is not None and steps.comes_twice(local(leaves, sheet.edition)),
            "readers": self._readers(sheet) if edition.started is None else None,
            "deliveries": self._deliveries(edition) if edition.started is not None else None,
            "tried": self._tried.get((edition.digest, edition.date), []),
            "order": ORDER,
            "job": self._room.desk.jobs.open_of(edition.digest, edition.date),
            "waits_until": local(edition.not_before, sheet.edition)
            if edition.not_before and edition.not_before > now
            else None,
        }
        return self._room.page(request, "send.html", status, **{**context, **more})

    def _readers(self, sheet: Sheet) -> Readers:
        workshop, status = self._room.desk.workshop, sheet.status
        copies = copies_of(workshop, sheet.edition)
        whole = part = nothing = 0
        for one in workshop.store.subscribers.listed(status.digest, ("active",)):
            if one.subscriber.bounced is not None:
                continue
            if not copies.holds_any(one.topics, one.languages):
                nothing += 1
            elif one.topics or one.languages:
                part += 1
            else:
                whole += 1
        return Readers(whole + part, part, nothing)

    def _deliveries(self, status: EditionStatus) -> Deliveries:
        store, key = self._room.desk.workshop.store.deliveries, (status.digest, status.date)
        counts = store.counts(*key)
        reasons = sorted(store.reasons(*key).items(), key=lambda item: -item[1])
        sent = store.listed(*key, ("sent",)) if counts.get("sent", 0) <= _SEARCHED else []
        sent = [one for one in sent if one.tried is not None]
        sent.sort(key=lambda one: (one.tried, one.subscriber), reverse=True)
        troubled = store.listed(*key, _NOT_SENT, _NAMED)
        total = sum(counts.values())
        return Deliveries(
            counts=counts,
            reasons=tuple((state, why, n) for (state, why), n in reasons if why),
            last=tuple((masked(one.address), one) for one in sent[:_NAMED]),
            troubled=tuple((masked(one.address), one) for one in troubled),
            total=total,
            settled=sum(counts.get(state, 0) for state in ("sent", "bounced", "unconfirmed")),
        )

    def _remember(self, status: EditionStatus, tried: Tried) -> None:
        with self._lock:
            known = self._tried.setdefault((status.digest, status.date), [])
            known.insert(0, tried)
            del known[_TRIED:]
            if len(self._tried) > _EDITIONS:
                self._tried.popitem(last=False)

    def _now(self) -> datetime:
        return self._room.desk.clock()


def _seen(form: Form) -> int:
    """The revision that was looked at: nobody approves what they have not seen."""
    from digest.preview.changing import seen_in

    return seen_in(form)
