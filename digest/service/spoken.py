"""Which languages a digest has stories in, as its newest editions show."""

from __future__ import annotations

import logging

from digest.editions.frozen import load_edition
from digest.errors import OutboxError
from digest.outbox.outbox import Outbox
from digest.text.language_tags import language_tag

log = logging.getLogger(__name__)

# A week of a daily digest: one Sunday may have nothing of a feed that the week is full of.
_NEWEST = 7

_Stamp = tuple[int, int]


class Spoken:
    """Gives the languages of a digest's stories: BCP 47 tags without region, by the alphabet.

    Each edition is read once, and again when its file has changed. For any number of threads.
    """

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._read: dict[str, dict[str, tuple[_Stamp, frozenset[str]]]] = {}

    def __call__(self, digest: str) -> tuple[str, ...]:
        """The languages of `digest`; none of editions that can't be read, which is logged."""
        before = self._read.get(digest, {})
        now: dict[str, tuple[_Stamp, frozenset[str]]] = {}
        try:
            dates = self._outbox.dates(digest)[-_NEWEST:]
        except OutboxError as error:
            log.warning("the languages of %s can't be told: %s", digest, error)
            dates = []
        for date in dates:
            try:
                stamp = self._outbox.stamp(digest, date)
                known = before.get(date)
                if known is None or known[0] != stamp:
                    known = (stamp, self._languages(digest, date))
                now[date] = known
            except OutboxError as error:  # replaced, or taken away, this moment
                log.warning("the languages of %s/%s can't be told: %s", digest, date, error)
        # Put in place whole, so that another thread sees the old or the new.
        self._read[digest] = now
        return tuple(sorted(frozenset().union(*(tags for _, tags in now.values()))))

    def _languages(self, digest: str, date: str) -> frozenset[str]:
        try:
            edition = load_edition(self._outbox.read(digest, date), f"{digest}/{date}")
        except OutboxError as error:
            if not self._outbox.has(digest, date):
                raise
            # Said once: it is as it is until its file changes.
            log.warning("the languages of %s/%s can't be told: %s", digest, date, error)
            return frozenset()
        tags = (language_tag(story.language) for story in edition.stories)
        return frozenset(primary(tag) for tag in tags if tag)


def primary(tag: str) -> str:
    """A language without its region: stories are chosen by no more than that."""
    return tag.replace("_", "-").split("-")[0].casefold()
