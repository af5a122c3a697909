"""Letters that ask people whether they want a digest, from the store to the mail server."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta
from functools import cache

import structlog

from digest.config import Config, DigestSpec
from digest.editions.letters import confirmation_letter
from digest.editions.mailboxes import parse_mailbox
from digest.errors import OutboxError, RelayError, TemplateError
from digest.pipeline.wiring import Workshop
from digest.protocols import Transport
from digest.records import Envelope, Reader, Receipt, Subscription
from digest.subscribers.links import CONFIRM_WITHIN, Links
from digest.text.masking import masked, without_addresses

# Somebody sits there and waits for the letter: a server that puts strangers off (greylisting) takes
# it a quarter of an hour later. Then each wait is twice what has passed, so that the five tries
# that the store grants see a server through an evening that is down.
_FIRST_WAIT = timedelta(minutes=15)
_LONGEST_WAIT = timedelta(hours=12)

log = structlog.stdlib.get_logger(__name__)


def send_confirmations(
    workshop: Workshop,
    config: Config,
    transport: Transport,
    now: datetime,
    most: int = 50,
    *,
    stop: threading.Event | None = None,
) -> int:
    """Sends at most `most` of the letters that wait at `now` (aware UTC); how many went out.

    What the server puts off or refuses is tried again later, five times in all, but for an address
    that it says is dead. When it can't be used at all the round ends: nobody's letter counts as
    tried. A letter is marked as sent once it is: after a crash in between it goes out again, which
    does no harm. Between two letters `stop` ends the round. Raises StoreError.
    """
    subscribers = workshop.store.subscribers
    wanted = subscribers.confirmations(now, most)
    if not wanted:
        return 0
    if workshop.links is None:
        _tell_once()
        return 0
    digests = {digest.name: digest for digest in config.digests}
    sent = 0
    for subscription in wanted:
        if stop is not None and stop.is_set():
            break
        digest = digests.get(subscription.digest)
        if digest is None:
            reason = f"digest {subscription.digest!r} is in feeds.yaml no more"
            _failed(workshop, subscription, Receipt("bounced", reason), now)
            continue
        try:
            envelope = _envelope(workshop, digest, workshop.links, subscription, now)
        except OutboxError as error:
            _failed(workshop, subscription, Receipt("bounced", str(error)), now)
            continue
        except TemplateError as error:
            log.error("no words for a letter", digest=digest.name, reason=str(error))
            continue
        try:
            receipt = transport.send(envelope)
        except RelayError as error:
            log.warning("letters to confirm wait", reason=without_addresses(str(error)))
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
