"""What a run says of a digest without an edition, and of feeds that fail, in words."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta

from digest.config import DigestSpec
from digest.records import DigestOutcome, FailedFeed, Feed, FeedState
from digest.store.store import Store


def troubled(store: Store, feeds: Sequence[Feed]) -> list[FailedFeed]:
    """The feeds that have been failing for a while, in words without hosts, paths and advice."""
    states = store.feed_states(feeds)
    return [
        FailedFeed(feed.label, _trouble(states[feed.name]))
        for feed in feeds
        if states[feed.name].troubled
    ]


def _trouble(state: FeedState) -> str:
    since = state.gone or state.failing_since
    if since is None:
        return "it works again, after failing"
    return f"{state.told}, since {since.day} {since:%B}"


def nothing(
    spec: DigestSpec, date: str, feeds: Sequence[Feed], failed: Collection[str], told: int
) -> DigestOutcome:
    """The outcome where no article may be told; `told` counts those that were before."""
    if feeds and len(failed) == len(feeds):
        reason = f"none of its feeds could be read ({_count(len(feeds), 'feed')} asked)"
        return DigestOutcome(spec.name, date, "failed", reason=reason)
    where = "at all" if spec.window is None else f"in the last {_span(spec.window)}"
    reason = f"no edition: nothing new {where} from {_count(len(feeds) - len(failed), 'feed')}"
    if told:
        reason += f"; other editions have told {_count(told, 'article')}"
    return DigestOutcome(spec.name, date, "empty", reason=reason)


def all_told(spec: DigestSpec, date: str, articles: int, stories: int) -> DigestOutcome:
    """The outcome where the new articles say what earlier editions told."""
    reason = (
        f"no edition: {_count(articles, 'new article')} in "
        f"{_count(stories, 'story', 'stories')}, with nothing new on what earlier editions told"
    )
    return DigestOutcome(spec.name, date, "empty", reason=reason, articles=articles, retold=stories)


def _span(window: timedelta) -> str:
    """A window in the largest unit that it is a whole number of."""
    minutes = round(window.total_seconds() / 60)
    for unit, length in (("day", 24 * 60), ("hour", 60)):
        # A day's window is called 24 hours, as feeds.yaml does.
        if minutes % length == 0 and minutes > length:
            return _count(minutes // length, unit)
    return _count(minutes, "minute")


def _count(number: int, unit: str, units: str = "") -> str:
    return f"{number} {unit if number == 1 else units or unit + 's'}"
