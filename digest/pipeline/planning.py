"""What the owner of a digest decided about its editions, for one of them."""

from __future__ import annotations

import logging

from digest.config import DigestSpec
from digest.editions.drafts import load_draft
from digest.editions.frozen import load_edition
from digest.errors import OutboxError
from digest.pipeline.wiring import Workshop
from digest.records import Plan

log = logging.getLogger(__name__)


def kept_note(workshop: Workshop, spec: DigestSpec, date: str) -> tuple[str, ...]:
    """What the run before was told to print at the top, or the edition that is there prints.

    What editors changed about it since is theirs, and applied again.
    """
    if not workshop.outbox.has(spec.name, date):
        return ()
    try:
        if (found := workshop.store.desk.draft(spec.name, date)) is not None:
            return load_draft(found[1], f"{spec.name}/{date}").plan.note
        return load_edition(workshop.outbox.read(spec.name, date), f"{spec.name}/{date}").note
    except OutboxError as error:
        log.warning("digest %s: the note of the edition before is lost: %s", spec.name, error)
        return ()


def plan_of(
    workshop: Workshop, spec: DigestSpec, topics: tuple[str, ...], note: tuple[str, ...]
) -> Plan:
    """What `feeds.yaml` says of the digest's editions, with the topics of this one and a note."""
    return Plan(
        digest=spec.name,
        title=spec.label,
        timezone=spec.timezone,
        template=spec.template,
        sender=spec.sender,
        topics=topics,
        max_stories=spec.max_stories,
        max_per_topic=spec.max_per_topic,
        max_per_feed=spec.max_per_feed,
        archive=workshop.archive,
        show_failed=spec.show_failed_feeds,
        language=spec.language,
        subject=spec.subject,
        images=spec.images,
        postal=spec.postal_address,
        note=note,
    )
