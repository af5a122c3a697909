"""Fetch, parse, store: the feeds' news into the database, one line of report a feed."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from digest import __version__
from digest.feeds.health import after
from digest.feeds.options import FetchOptions
from digest.feeds.pages import host_of
from digest.feeds.polling import FAILED, spared_until
from digest.feeds.work import (
    UNREADABLE,
    FeedRequest,
    FetchedFeed,
    fetch_and_parse,
    fetched_feeds,
    is_read_at_once,
    read_feeds,
)
from digest.pipeline.pool import Errand, Pool, sent_out, worked_on
from digest.pipeline.progress import Progress, silent
from digest.records import Article, Feed, FeedAnswer, FeedOutcome, FeedState, Validators
from digest.store.store import Store
from digest.text.addresses import with_user
from digest.text.urls import is_http, redact

log = logging.getLogger(__name__)

# Articles that are written in one transaction: each costs a flush to the disk, and none may keep
# other writers waiting for long. 2,000 take a third of a second.
_AT_ONCE = 2000
# Hosts that must all be silent before it is called our own network's failure.
_SEVERAL = 2


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
    StoreError, and ClusterError when the pool is of no use; whatever else happens to a feed is that
    feed's outcome.
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
    unheard: list[FeedAnswer] = []
    heard = False
    for answers in ask(requests, options, now, pool):
        for part in _together(answers):
            kept = [answer for answer in part if not _is_silent(states[answer.feed], answer)]
            unheard += [answer for answer in part if _is_silent(states[answer.feed], answer)]
            heard = heard or any(is_http(states[answer.feed].url) for answer in kept)
            outcomes.update(_store(kept, states, store, now))
            progress("feeds", len(outcomes), len(feeds))
    hosts = {host_of(states[answer.feed].address) for answer in unheard}
    if heard or len(hosts) < _SEVERAL:
        outcomes.update(_store(unheard, states, store, now))
    else:
        # Several servers were asked, and none was there: it is our network that is down. That is
        # no failure of theirs, and nobody waits for it.
        outcomes.update((answer.feed, _outcome(answer, states[answer.feed])) for answer in unheard)
    progress("feeds", len(outcomes), len(feeds))
    return [outcomes[feed.name] for feed in feeds]


def _not_asked(state: FeedState, now: datetime, need: timedelta) -> FeedOutcome | None:
    """The outcome of a feed that must not be asked now; None when it may."""
    if state.gone is not None:
        reason = (
            f"closed by its server, as it said on {state.gone:%Y-%m-%d}; remove it from "
            "feeds.yaml, or correct its address"
        )
        return FeedOutcome(state.feed, "waiting", reason=reason, told=state.told, asked=False)
    if state.checked is None or now < state.checked:  # a clock that was set back
        return None
    if now < state.checked + need and not state.failures:
        reason = f"asked at {state.checked:%H:%M} UTC already"
        return FeedOutcome(state.feed, "waiting", entries=state.entries, reason=reason, asked=False)
    if state.not_before is not None and state.not_before > now:
        due, why = state.not_before, state.waits_for
    elif state.failures or not is_http(state.url):
        return None
    elif (due := spared_until(state.rhythm, state.checked, now)) > now:
        why = "the feed asks for it (skipHours, skipDays)"
    else:
        return None
    when = f"{due:%Y-%m-%d %H:%M} UTC"
    if state.failures:
        reason = f"{state.reason}; not asked again before {when} (digest fetch --force asks)"
        return FeedOutcome(state.feed, "failed", reason=reason, told=state.told, asked=False)
    return FeedOutcome(
        state.feed,
        "waiting",
        entries=state.entries,
        reason=f"not asked again before {when}: {why}",
        asked=False,
    )


def _request(feed: Feed, state: FeedState) -> FeedRequest:
    """A conditional request, to where the feed is by now."""
    address = state.address
    if address != feed.url:
        address = with_user(address, feed.url)
    # What another version read is read again: this one may find more in it.
    known = state.validators if state.read_by == __version__ else Validators()
    if state.moved_to and state.address == state.url:
        known = Validators()  # they are of the new address
    return FeedRequest(feed, address, known, state.body_hash)


# --- work ----------------------------------------------------------------------------------


def ask(
    requests: Sequence[FeedRequest],
    options: FetchOptions,
    now: datetime,
    pool: Pool | None = None,
) -> Iterator[list[FeedAnswer]]:
    """The answers to `requests`, some at a time, as they come; nothing is stored."""
    here = partial(_asked_here, options=options, now=now)
    if pool is None:
        yield from here(requests)
        return

    def job(workers: int) -> Callable[[Sequence[FeedRequest]], list[FeedAnswer]]:
        return partial(fetch_and_parse, options=options.shared_by(workers), now=now)

    errand = Errand(lambda request: request.address, job, here, _undone)
    yield from sent_out(requests, errand, pool)


def _asked_here(
    requests: Sequence[FeedRequest], options: FetchOptions, now: datetime
) -> Iterator[list[FeedAnswer]]:
    """The answers to `requests`: this process asks, others of this machine read."""
    if requests:
        read = partial(read_feeds, options=options, now=now)
        yield from worked_on(fetched_feeds(requests, options), read, is_read_at_once, _lost)


def _undone(request: FeedRequest) -> FeedAnswer:
    """The answer of a feed whose worker failed."""
    reason = "the worker that asked it failed; see the log"
    return FeedAnswer(request.feed.name, "failed", reason=reason, told=UNREADABLE)


def _lost(item: FetchedFeed) -> FeedAnswer:
    """The answer of a feed that a process died of, twice."""
    reason = "the process that read it ended, perhaps for want of memory"
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
) -> dict[str, FeedOutcome]:
    """Stores `answers`; the outcomes by feed."""
    known = {answer.feed: after(states[answer.feed], answer, now) for answer in answers}
    articles: dict[str, tuple[Article, ...]] = {
        answer.feed: answer.parsed.articles for answer in answers if answer.parsed
    }
    counts = store.save_feeds(list(known.values()), articles, now)
    return {
        answer.feed: _outcome(answer, known[answer.feed], *counts.get(answer.feed, (0, 0)))
        for answer in answers
    }


def _outcome(answer: FeedAnswer, state: FeedState, new: int = 0, updated: int = 0) -> FeedOutcome:
    log.info(
        "feed %s: %s %s", answer.feed, answer.status, answer.reason, extra={"feed": answer.feed}
    )
    notes = answer.parsed.notes if answer.parsed else ()
    if state.moved_to:
        notes = (f"moved for good; set url: {redact(state.moved_to)} in feeds.yaml", *notes)
    reason = answer.reason
    if state.failures and state.not_before and state.waits_for != FAILED:
        reason += f"; {state.waits_for} before {state.not_before:%Y-%m-%d %H:%M} UTC"
    return FeedOutcome(
        answer.feed,
        answer.status,
        entries=0 if answer.status == "failed" else state.entries,
        new=new,
        updated=updated,
        reason=reason,
        told=answer.told,
        seconds=round(answer.seconds, 3),
        notes=notes,
    )
