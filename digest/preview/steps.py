"""Where a story goes by a step up or down, and when an edition leaves by a clock on the wall."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from digest.errors import GoneError, UsageError
from digest.words import desk_words

STEPS = ("up", "down", "first", "last")

# A year ahead somebody mistyped the year.
_FURTHEST = timedelta(days=366)

Sections = Sequence[tuple[str, Sequence[str]]]
"""Topics with the ids of their stories, in the order of print."""


def moved(sections: Sections, story: str, step: str) -> tuple[str, str] | None:
    """The topic and the story before it (or "") that a story has after a step; None at the end.

    `step` is one of STEPS. From the first place under a topic `up` leads to the last one of the
    topic above, and `down` the other way; `first` and `last` stay under the topic. Raises GoneError
    where no section holds the story, UsageError for another step.
    """
    if step not in STEPS:
        raise UsageError(desk_words()("asked.step", steps=", ".join(STEPS), step=step))
    at = next((number for number, (_, ids) in enumerate(sections) if story in ids), None)
    if at is None:
        raise GoneError(desk_words()("gone.place"))
    topic, stories = sections[at]
    others = [one for one in stories if one != story]
    place = list(stories).index(story)
    if step == "up" and place == 0:
        if at == 0:
            return None
        above, there = sections[at - 1]
        return above, there[-1] if there else ""
    if step == "down" and place == len(others):
        return None if at + 1 == len(sections) else (sections[at + 1][0], "")
    new = {"up": place - 1, "down": place + 1, "first": 0, "last": len(others)}[step]
    if new == place:
        return None
    return topic, others[new - 1] if new else ""


def section_moved(topics: Sequence[str], topic: str, step: str) -> str | None:
    """The topic after which a topic stands one step `up` or `down`; "" for the first place.

    None where it can't go further. Raises GoneError for a topic that isn't there, UsageError for
    another step.
    """
    if step not in ("up", "down"):
        raise UsageError(desk_words()("asked.topic_step", step=step))
    if topic not in topics:
        raise GoneError(desk_words()("gone.topic_place", topic=topic))
    place = list(topics).index(topic)
    if place == (0 if step == "up" else len(topics) - 1):
        return None
    if step == "down":
        return topics[place + 1]
    return topics[place - 2] if place > 1 else ""


def moment(text: str, timezone: str, now: datetime) -> datetime:
    """The moment (aware UTC) that a clock in `timezone` (IANA) shows as `2026-03-02T07:00`.

    Of an hour that comes twice, when summer time ends, the first is meant. Raises UsageError for
    what is no time, a time that summer time skips, and one that is past or over a year ahead.
    """
    t = desk_words()
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        local = None
    if local is None or local.tzinfo is not None or len(text.strip()) < len("2026-03-02T07:00"):
        raise UsageError(t("time.unreadable", text=text.strip()))
    zone = ZoneInfo(timezone)
    shown = f"{local:%Y-%m-%d %H:%M}"
    try:
        found = local.replace(tzinfo=zone).astimezone(UTC)
        again = found.astimezone(zone)
    except OverflowError as error:
        raise UsageError(t("time.too_far", time=shown)) from error
    if again.replace(tzinfo=None) != local:
        forward = f"{again:%H:%M}"
        raise UsageError(t("time.skipped", time=shown, zone=timezone, again=forward))
    if found <= now:
        there = f"{now.astimezone(zone):%Y-%m-%d %H:%M}"
        raise UsageError(t("time.past", time=shown, zone=timezone, now=there))
    if found - now > _FURTHEST:
        raise UsageError(t("time.over_a_year", time=shown))
    return found


def comes_twice(local: datetime) -> bool:
    """Whether the clock shows this time (aware) twice, because summer time ends."""
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
