"""Fetch, parse, store: the feeds' news into the database, one line of report a feed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from digest.feeds.health import after, with_credentials
from digest.feeds.options import FetchOptions
from digest.feeds.work import (
    UNREADABLE,
    FeedRequest,
    FetchedFeed,
    fetch_and_parse,
    fetched_feeds,
    is_read_at_once,
    read_feeds,
)
from digest.pipeline.pool import Pool, sent_out, worked_on
from digest.pipeline.progress import Progress, silent
from digest.records import Article, Feed, FeedAnswer, FeedOutcome, FeedState
from digest.store.store import Store
from digest.text.urls import is_http

log = logging.getLogger(__name__)

# Articles that are written in one transaction: each costs a flush to the disk, and none may keep
# other writers waiting for long. 2,000 take a third of a second.
_AT_ONCE = 2000


def fetch(
    feeds: Sequence[Feed],
    store: Store,
    options: FetchOptions,
    now: datetime,
    *,
    pool: Pool | None = None,
    progress: Progress = silent,
    force: bool = False,
    need: timedelta = timedelta(0),
) -> list[FeedOutcome]:
    """Asks those of `feeds` that are due and stores what is new; an outcome a feed, in their order.

    With `force` all are asked, also those that it is too early to ask again, and those that are
    gone. `need` is how fresh the digests need them: what was asked so lately isn't again.

    The work is sent to `pool`; when None, this process asks and others of its own read. Raises
    StoreError only; whatever else happens to a feed is that feed's outcome.
    """
    states = store.feed_states(feeds)
    outcomes: dict[str, FeedOutcome] = {}
    requests: list[FeedRequest] = []
    for feed in feeds:
        state = states[feed.name]
        if not force and (early := _not_asked(state, now, need)) is not None:
            outcomes[feed.name] = early
        else:
            requests.append(_request(feed, state))
    progress("feeds", len(outcomes), len(feeds))
    silent_feeds: list[FeedAnswer] = []
    heard = False
    for answers in ask(requests, options, now, pool):
        for part in _together(answers):
            kept = [answer for answer in part if not _is_silent(states[answer.feed], answer)]
            silent_feeds += [answer for answer in part if answer not in kept]
            heard = heard or any(is_http(states[answer.feed].url) for answer in kept)
            outcomes.update(_store(kept, states, store, now))
            progress("feeds", len(outcomes), len(feeds))
    # When no server at all could be reached it is our network that is down: nobody waits for that.
    outcomes.update(_store(silent_feeds, states, store, now, wait=heard))
    progress("feeds", len(outcomes), len(feeds))
    return [outcomes[feed.name] for feed in feeds]


def _not_asked(state: FeedState, now: datetime, need: timedelta) -> FeedOutcome | None:
    """The outcome of a feed that must not be asked now; None when it may."""
    if state.gone is not None:
        reason = (
            f"closed by its server, as it said on {state.gone:%Y-%m-%d}; remove it from "
            "feeds.yaml, or correct its address"
        )
        return FeedOutcome(state.feed, "failed", reason=reason, told=state.told)
    if state.checked is None or now < state.checked:  # a clock that was set back
        return None
    if now < state.checked + need and not state.failures:
        reason = f"asked at {state.checked:%H:%M} UTC already"
        return FeedOutcome(state.feed, "waiting", entries=state.entries, reason=reason)
    if state.not_before is None or state.not_before <= now:
        return None
    when = f"{state.not_before:%Y-%m-%d %H:%M} UTC"
    if state.failures:
        reason = f"{state.reason}; not asked again before {when} (--force asks)"
        return FeedOutcome(state.feed, "failed", reason=reason, told=state.told)
    return FeedOutcome(
        state.feed,
        "waiting",
        entries=state.entries,
        reason=f"not asked again before {when}: {state.waits_for}",
    )


def _request(feed: Feed, state: FeedState) -> FeedRequest:
    """A conditional request, to where the feed is by now."""
    address = state.address
    if address != feed.url:
        address = with_credentials(address, feed.url)
    return FeedRequest(feed, address, state.validators, state.body_hash)


# --- work ----------------------------------------------------------------------------------


def ask(
    requests: Sequence[FeedRequest],
    options: FetchOptions,
    now: datetime,
    pool: Pool | None = None,
) -> Iterator[list[FeedAnswer]]:
    """The answers to `requests`, some at a time, as they come; nothing is stored."""
    if pool is not None:
        share = replace(options, concurrency=-(-options.concurrency // pool.workers))
        job = partial(fetch_and_parse, options=share, now=now)
        yield from sent_out(requests, lambda request: request.address, job, pool)
    elif requests:
        read = partial(read_feeds, options=options, now=now)
        yield from worked_on(fetched_feeds(requests, options), read, is_read_at_once, _lost)


def _lost(item: FetchedFeed) -> FeedAnswer:
    """The answer of a feed that a process died of, twice."""
    reason = "the process that read it ended, probably for want of memory"
    return FeedAnswer(item[0].feed.name, "failed", reason=reason, told=UNREADABLE)


# --- store ---------------------------------------------------------------------------------


def _together(answers: Sequence[FeedAnswer]) -> Iterator[list[FeedAnswer]]:
    """`answers` in parts that one transaction writes."""
    part: list[FeedAnswer] = []
    size = 0
    for answer in answers:
        part.append(answer)
        size += len(answer.parsed.articles) if answer.parsed else 1
        if size >= _AT_ONCE:
            yield part
            part, size = [], 0
    if part:
        yield part


def _is_silent(state: FeedState, answer: FeedAnswer) -> bool:
    """Whether nothing came from the feed's server, not even an error."""
    return answer.status == "failed" and answer.http is None and is_http(state.url)


def _store(
    answers: Sequence[FeedAnswer],
    states: Mapping[str, FeedState],
    store: Store,
    now: datetime,
    *,
    wait: bool = True,
) -> dict[str, FeedOutcome]:
    """Stores `answers`; the outcomes by feed. Without `wait` they may be asked again at once."""
    after_all = [after(states[answer.feed], answer, now) for answer in answers]
    if not wait:
        after_all = [replace(state, not_before=None, waits_for="") for state in after_all]
    articles: dict[str, tuple[Article, ...]] = {
        answer.feed: answer.parsed.articles for answer in answers if answer.parsed
    }
    counts = store.save_feeds(after_all, articles, now)
    outcomes: dict[str, FeedOutcome] = {}
    for answer, state in zip(answers, after_all, strict=True):
        new, updated = counts.get(answer.feed, (0, 0))
        outcomes[answer.feed] = FeedOutcome(
            answer.feed,
            answer.status,
            entries=0 if answer.status == "failed" else state.entries,
            new=new,
            updated=updated,
            reason=answer.reason,
            told=answer.told,
            seconds=round(answer.seconds, 3),
            notes=answer.parsed.notes if answer.parsed else (),
        )
        log.info("feed %s: %s %s", answer.feed, answer.status, answer.reason)
    return outcomes
