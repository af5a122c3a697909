"""Letters that ask people whether they want a digest, from the store to the mail server."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

import structlog

from digest.config import Config, DigestSpec
from digest.editions.letters import confirmation_letter
from digest.editions.mailboxes import parse_mailbox
from digest.errors import OutboxError, RelayError, TemplateError
from digest.outbox.pacing import HOUR, Pace, Pacer
from digest.pipeline.stopping import PATIENCE, cutting
from digest.pipeline.wiring import Mail, Workshop
from digest.protocols import Transport
from digest.records import Envelope, Reader, Receipt, Subscription
from digest.store.store import Store
from digest.subscribers.links import CONFIRM_WITHIN, Links
from digest.text.masking import masked, without_addresses

# Somebody sits there and waits for the letter: a server that puts strangers off (greylisting) takes
# it a quarter of an hour later. Then each wait is twice what has passed, so that the five tries
# that the store grants see a server through an evening that is down.
_FIRST_WAIT = timedelta(minutes=15)
_LONGEST_WAIT = timedelta(hours=12)

# Seconds that a round may spend on waiting for the limit a second. The store keeps a letter in hand
# for three times that.
_ROUND = 300.0
# Seconds that a letter waits for its turn; then it waits for another round.
_LONG = 60.0
# Seconds between two messages that no limit goes beyond: a day.
_SLOWEST = 86_400.0
_MANY = 10_000

log = structlog.stdlib.get_logger(__name__)


def send_confirmations(
    workshop: Workshop,
    config: Config,
    transport: Transport,
    now: datetime,
    most: int = 50,
    *,
    stop: threading.Event | None = None,
    patience: float = PATIENCE,
) -> int:
    """Sends at most `most` of the letters that wait at `now` (aware UTC); how many went out.

    What the server puts off or refuses is tried again later, five times in all, but for an address
    that it says is dead. When it can't be used at all the round ends: nobody's letter counts as
    tried. A letter is marked as sent once it is: after a crash in between it goes out again, which
    does no harm. Letters keep the limits of `workshop.mail`, within which editions count as well.
    Between two letters `stop` ends the round, and a server that does not answer within `patience`
    seconds after it is cut off; the other letters are put back. Raises StoreError.
    """
    stop = stop or threading.Event()
    subscribers = workshop.store.subscribers
    if stop.is_set() or not subscribers.letters_wait(now):
        return 0
    if workshop.links is None:
        _tell_once()
        return 0
    pacer, room, wait = _limits(workshop.mail, workshop.store, now)
    # Longer than this nobody stays here; nothing was taken in hand yet.
    if wait > _LONG or stop.wait(wait):
        return 0
    wanted = subscribers.confirmations(now, min(most, room))
    with cutting(stop, [transport], patience):
        return _send(workshop, workshop.links, config, transport, now, wanted, pacer, stop)


def _limits(mail: Mail | None, store: Store, now: datetime) -> tuple[Pacer, int, float]:
    """The limits with what has used them up, editions and letters alike, by the store.

    Also how many letters a round may take in hand, and the seconds until the first may leave.
    """
    if mail is None or not (mail.per_second or mail.per_hour):
        return Pacer(Pace()), _MANY, 0.0
    gap = min(1 / mail.per_second, _SLOWEST) if mail.per_second else 0.0
    since = now - timedelta(seconds=max(gap, HOUR if mail.per_hour else 0.0))
    left = [*store.deliveries.tried_since(since), *store.subscribers.letters_since(since)]
    pacer = Pacer(Pace(mail.per_second, mail.per_hour))
    pacer.seed(left, now)
    wait = pacer.delay()
    if gap and left:
        wait = max(wait, gap - max((now - max(left)).total_seconds(), 0.0))
    room = 1 + int(_ROUND / gap) if gap else _MANY
    if mail.per_hour:
        room = max(min(room, mail.per_hour - len(left)), 1)
    return pacer, room, wait


def _send(
    workshop: Workshop,
    links: Links,
    config: Config,
    transport: Transport,
    now: datetime,
    wanted: Sequence[Subscription],
    pacer: Pacer,
    stop: threading.Event,
) -> int:
    digests = {digest.name: digest for digest in config.digests}
    subscribers = workshop.store.subscribers
    sent = 0
    for at, subscription in enumerate(wanted):
        if stop.is_set():
            subscribers.put_back(wanted[at:], now)
            break
        digest = digests.get(subscription.digest)
        if digest is None:
            reason = f"digest {subscription.digest!r} is in feeds.yaml no more"
            _failed(workshop, subscription, Receipt("bounced", reason), now)
            continue
        try:
            envelope = _envelope(workshop, digest, links, subscription, now)
        except OutboxError as error:
            _failed(workshop, subscription, Receipt("bounced", str(error)), now)
            continue
        except TemplateError as error:
            log.error("no words for a letter", digest=digest.name, reason=str(error))
            continue
        if not pacer.take(stop, _LONG):
            subscribers.put_back(wanted[at:], now)
            break
        try:
            receipt = transport.send(envelope)
        except RelayError as error:
            log.warning("letters to confirm wait", reason=without_addresses(str(error)))
            if stop.is_set():  # it was cut off
                subscribers.put_back(wanted[at:], now)
            break
        if receipt.outcome in ("sent", "unconfirmed"):
            # Whoever did not get it after all may ask again tomorrow.
            subscribers.confirmation_sent(subscription, now)
            sent += 1
        else:
            _failed(workshop, subscription, receipt, now)
    return sent


def _envelope(
    workshop: Workshop, digest: DigestSpec, links: Links, subscription: Subscription, now: datetime
) -> Envelope:
    address = subscription.subscriber.address
    message, message_id = confirmation_letter(
        digest.sender,
        digest.label,
        digest.language,
        workshop.renderer.words(digest.language),
        Reader(address),
        links.confirm(subscription.subscriber.key, subscription.digest, now),
        now,
        days=CONFIRM_WITHIN.days,
        postal=digest.postal_address,
        signer=workshop.signer,
    )
    return Envelope(parse_mailbox(digest.sender).address, address, message_id, message)


def _failed(
    workshop: Workshop, subscription: Subscription, receipt: Receipt, now: datetime
) -> None:
    address = subscription.subscriber.address
    reason = without_addresses(receipt.reason)
    log.warning(
        "letter to confirm not sent",
        digest=subscription.digest,
        address=masked(address),
        outcome=receipt.outcome,
        reason=reason,
    )
    if receipt.dead:
        workshop.store.subscribers.bounced(address, reason, now)
    else:
        passed = max(now - subscription.asked, timedelta(0))
        wait = min(max(_FIRST_WAIT, 2 * passed), _LONGEST_WAIT)
        workshop.store.subscribers.confirmation_failed(subscription, reason, now + wait)


@cache
def _tell_once() -> None:
    log.warning(
        "letters to confirm wait",
        reason="without DIGEST_PUBLIC_URL there is no address for the link in them; set it",
    )
