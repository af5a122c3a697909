"""How a feed is: what an answer changes in what is known of it, and what to tell of it. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from http import HTTPStatus
from urllib.parse import urlsplit

from digest import __version__
from digest.feeds.polling import after_failure, after_success
from digest.records import (
    FeedAnswer,
    FeedHealth,
    FeedRate,
    FeedState,
    HealthState,
    Hop,
    Validators,
)
from digest.text.addresses import with_user
from digest.text.urls import is_http, redact

_PERMANENT = (HTTPStatus.MOVED_PERMANENTLY, HTTPStatus.PERMANENT_REDIRECT)
# What a server says of an address that isn't a feed's (any more).
_NOT_HERE = (HTTPStatus.NOT_FOUND, HTTPStatus.GONE)
SEEN = 2
"""So many good answers in a row must show a permanent redirect before its target is asked: a web
server that is being rebuilt sends one by mistake, and hardly ever twice."""

# Editors are told of a feed that failed three times in a row, or twice in most of a day (a daily
# digest asks once a day), until it has worked twice in a row: one bad night is nobody's business,
# and a feed that works every other time is not well.
_FAILURES = 3
_LONG = timedelta(hours=20)
_RECOVERED = 2

# A feed is stale when it is silent for four times its usual gap between two articles, and for two
# weeks at least (holidays). Where no gap is known, after a month.
_QUIET = 4
_SHORTEST_SILENCE = timedelta(days=14)
_SILENCE = timedelta(days=30)

# The weight of the newest answer in the usual time to answer: about the last five count.
_NEWEST = 0.3


def after(state: FeedState, answer: FeedAnswer, now: datetime) -> FeedState:
    """What is known of a feed after `answer` came at `now` (aware UTC)."""
    if answer.status == "failed":
        known = _failed(state, answer, now)
    else:
        known = _worked(state, answer, now)
    return replace(known, troubled=_is_troubled(known, now))


def health(state: FeedState, rate: FeedRate, now: datetime) -> FeedHealth:
    """How a feed is at `now` (aware UTC), in a word and a line."""
    kind, since, reason = _kind(state, rate, now)
    return FeedHealth(
        feed=state.feed,
        state=kind,
        since=since,
        reason=reason,
        seconds=state.seconds,
        unchanged=state.unchanged / state.answers if state.answers else 0.0,
        weekly=rate.weekly,
    )


def _kind(
    state: FeedState, rate: FeedRate, now: datetime
) -> tuple[HealthState, datetime | None, str]:
    if state.checked is None:
        return "not asked", None, ""
    if state.gone is not None:
        return "gone", state.gone, "the server says it was closed; remove it"
    if state.worked is None:
        return "never worked", state.failing_since, state.reason
    if state.failures:
        return "failing", state.failing_since, state.reason
    if state.moved_to:
        return "moved", None, f"asked at its new address; set url: {redact(state.moved_to)}"
    newest = rate.newest or state.worked
    if now - newest > _longest_silence(rate):
        return "stale", newest, f"nothing new for {(now - newest).days} days"
    return "healthy", None, ""


def _longest_silence(rate: FeedRate) -> timedelta:
    if rate.gap is None:
        return _SILENCE
    return max(timedelta(days=_QUIET * rate.gap), _SHORTEST_SILENCE)


# --- what an answer changes ----------------------------------------------------------------


def _worked(state: FeedState, answer: FeedAnswer, now: datetime) -> FeedState:
    parsed = answer.parsed
    rhythm = parsed.rhythm if parsed else state.rhythm
    # Half a feed must be fetched again: its validators would say that nothing changed.
    whole = parsed is None or parsed.complete
    known = replace(
        _moved(state, answer.hops),
        validators=answer.validators if whole else Validators(),
        body_hash=(answer.body_hash or state.body_hash) if whole else "",
        checked=now,
        succeeded=now,
        worked=state.worked or now,
        failing_since=None,
        failures=0,
        successes=state.successes + 1,
        reason="",
        told="",
        gone=None,
        rhythm=rhythm,
        answers=state.answers + 1,
        unchanged=state.unchanged + (answer.http == HTTPStatus.NOT_MODIFIED),
        seconds=_usual(state, answer.seconds),
        entries=len(parsed.articles) if parsed else state.entries,
        read_by=__version__ if answer.http != HTTPStatus.NOT_MODIFIED else state.read_by,
    )
    if not is_http(state.url):
        return replace(known, not_before=None, waits_for="")
    due, reason = after_success(answer.headers, rhythm, now)
    return replace(known, not_before=due if due > now else None, waits_for=reason)


def _failed(state: FeedState, answer: FeedAnswer, now: datetime) -> FeedState:
    failures = state.failures + 1
    at_new = state.address != state.url
    known = replace(
        state,
        checked=now,
        failing_since=state.failing_since or now,
        failures=failures,
        successes=0,
        reason=answer.reason,
        told=answer.told,
    )
    if at_new and answer.http in _NOT_HERE:
        # The move was no good: next time the user's own address is asked.
        known = replace(
            known, moved_to="", moving_to="", moved_seen=0, validators=Validators(), body_hash=""
        )
    elif _is_closed(state, answer):
        known = replace(known, gone=state.gone or now)
    if not is_http(state.url):
        return known
    due, reason = after_failure(state.feed, failures, answer.http, answer.headers, now)
    return replace(known, not_before=due, waits_for=reason)


def _is_closed(state: FeedState, answer: FeedAnswer) -> bool:
    """Whether the feed's owner says that it is closed.

    Not where a detour ends, and not at the old address of a feed that has moved: there it is gone.
    """
    lasting = all(hop.status in _PERMANENT for hop in answer.hops)
    return answer.http == HTTPStatus.GONE and lasting and not state.moved_to


def _usual(state: FeedState, seconds: float) -> float:
    if not state.answers:
        return round(seconds, 3)
    return round((1 - _NEWEST) * state.seconds + _NEWEST * seconds, 3)


def _moved(state: FeedState, hops: tuple[Hop, ...]) -> FeedState:
    """`state` with what the redirects of a good answer say of where the feed is."""
    target = _lasting(hops)
    if state.moved_to and state.address == state.url and target != state.moved_to:
        # It didn't answer there for a while, and does here: it has moved back, or elsewhere.
        state = replace(state, moved_to="")
    if not target or target == state.moved_to or not _is_safe_move(state.url, target):
        return replace(state, moving_to="", moved_seen=0)
    seen = state.moved_seen + 1 if target == state.moving_to else 1
    if seen < SEEN:
        return replace(state, moving_to=target, moved_seen=seen)
    return replace(state, moved_to=target, moving_to="", moved_seen=0)


def _lasting(hops: tuple[Hop, ...]) -> str:
    """How far redirects lead that are all permanent; "" where the first is not."""
    target = ""
    for hop in hops:
        if hop.status not in _PERMANENT:
            break
        target = hop.url
    return target


def _is_safe_move(url: str, target: str) -> bool:
    """Not to plain HTTP, where anyone on the way reads along; nor where the password is unknown."""
    if url.startswith("https:") and not target.startswith("https:"):
        return False
    return "@" not in urlsplit(url).netloc or with_user(target, url) != target


def _is_troubled(state: FeedState, now: datetime) -> bool:
    if state.gone is not None or state.failures >= _FAILURES:
        return True
    if state.failures:
        since = state.failing_since or now
        return state.troubled or (state.failures > 1 and now - since >= _LONG)
    return state.troubled and state.successes < _RECOVERED
