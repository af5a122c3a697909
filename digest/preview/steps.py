"""Where a story goes by a step up or down, and when an edition leaves by a clock on the wall."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from digest.errors import GoneError, UsageError

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
        raise UsageError(f"a story moves {', '.join(STEPS)}, not {step!r}")
    at = next((number for number, (_, ids) in enumerate(sections) if story in ids), None)
    if at is None:
        raise GoneError("the story isn't printed any more, so it has no place to move from")
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
        raise UsageError(f"a topic moves up or down, not {step!r}")
    if topic not in topics:
        raise GoneError(f"the topic {topic!r} isn't printed any more")
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
    try:
        local = datetime.fromisoformat(text.strip())
    except ValueError:
        local = None
    if local is None or local.tzinfo is not None or len(text.strip()) < len("2026-03-02T07:00"):
        raise UsageError(f"{text.strip()!r} is no date and time; write it like 2026-03-02 07:00")
    zone = ZoneInfo(timezone)
    shown = f"{local:%Y-%m-%d %H:%M}"
    try:
        found = local.replace(tzinfo=zone).astimezone(UTC)
        again = found.astimezone(zone)
    except OverflowError as error:
        raise UsageError(f"{shown} is too far away; choose a time within a year") from error
    if again.replace(tzinfo=None) != local:
        raise UsageError(
            f"{shown} does not exist in {timezone}: the clocks go forward then, to "
            f"{again:%H:%M}; choose a time before or after"
        )
    if found <= now:
        raise UsageError(
            f"{shown} in {timezone} is past; it is {now.astimezone(zone):%Y-%m-%d %H:%M} there "
            "now. Choose a later time, or send it now"
        )
    if found - now > _FURTHEST:
        raise UsageError(f"{shown} is over a year ahead; is the year right?")
    return found


def comes_twice(local: datetime) -> bool:
    """Whether the clock shows this time (aware) twice, because summer time ends."""
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
