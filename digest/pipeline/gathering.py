"""All that a run takes in: the feeds' entries, and the pages of those that are only teasers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from digest.pipeline.fetching import fetch
from digest.pipeline.full_text import full_texts
from digest.pipeline.progress import Progress, measured, silent
from digest.pipeline.wiring import Workshop
from digest.records import Feed, FeedOutcome


def gather(
    workshop: Workshop,
    feeds: Sequence[Feed],
    reach: timedelta | None,
    now: datetime,
    *,
    progress: Progress = silent,
    force: bool = False,
    need: timedelta = timedelta(0),
) -> list[FeedOutcome]:
    """Asks `feeds`, then the pages of their articles of the last `reach` (None: of all).

    Gives an outcome a feed, in order; `force` and `need` are as in `fetch`. Raises StoreError.
    """
    if not feeds:
        return []
    store, options, pool = workshop.store, workshop.fetching, workshop.pool
    outcomes = measured("fetch", _failed)(fetch)(
        feeds, store, options, now, pool=pool, progress=progress, force=force, need=need
    )
    since = None if reach is None else now - reach
    pages = measured("pages")(full_texts)(
        feeds, store, options, since, now, pool=pool, progress=progress
    )
    return [replace(outcome, pages=pages[outcome.feed]) for outcome in outcomes]


def _failed(outcomes: Sequence[FeedOutcome]) -> int:
    """How many feeds were asked in vain."""
    return sum(outcome.status == "failed" and outcome.asked for outcome in outcomes)
