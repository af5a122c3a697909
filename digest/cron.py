"""Cron lines: read as crontab(5) means them, written as APScheduler's `CronTrigger` takes them.

The two differ where it hurts. Cron counts weekdays from Sunday (0, and again 7), APScheduler from
Monday, so numbers handed over as they are run a day late. Cron joins day of month and day of week
with "or" when both are restricted, APScheduler with "and". So a line is read here into plain
values: weekdays go over by name, and a line that restricts both kinds of day is refused.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from datetime import date, time

WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")

SHORTHANDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@weekly": "0 0 * * sun",
    "@monthly": "0 0 1 * *",
}

_LONGEST_MONTH = {2: 29, 4: 30, 6: 30, 9: 30, 11: 30}
_PART = re.compile(r"(?:\*|([a-z]+|[0-9]{1,4})(?:-([a-z]+|[0-9]{1,4}))?)(?:/([0-9]{1,4}))?", re.A)


@dataclass(frozen=True, slots=True)
class CronLine:
    """A cron line, field by field; each is `*` or a comma list, fit for `CronTrigger(**fields)`.

    Weekdays are names (`mon,tue`), all else are numbers. The fields' names are `CronTrigger`'s.
    """

    minute: str
    hour: str
    day: str
    month: str
    day_of_week: str

    def names(self, day: date) -> bool:
        """Whether the line names this date."""
        return (
            _has(self.day, str(day.day))
            and _has(self.month, str(day.month))
            and _has(self.day_of_week, WEEKDAYS[day.isoweekday() % 7])
        )

    def times(self) -> list[time]:
        """The times of day that the line names, in order."""
        return [
            time(hour, minute)
            for hour in _numbers(self.hour, 24)
            for minute in _numbers(self.minute, 60)
        ]


def _has(written: str, value: str) -> bool:
    return written == "*" or value in written.split(",")


def _numbers(written: str, count: int) -> list[int]:
    return list(range(count)) if written == "*" else [int(word) for word in written.split(",")]


@dataclass(frozen=True, slots=True)
class _Field:
    """What a field may hold: the numbers `low` to `high`; `names` count from `low`."""

    title: str
    low: int
    high: int
    names: tuple[str, ...] = ()
    circular: bool = False

    @property
    def allowed(self) -> str:
        names = f" or {self.names[0]}-{self.names[-1]}" if self.names else ""
        return f"{self.low}-{self.high}{names}"

    def values(self, text: str) -> frozenset[int]:
        """The numbers that `text` stands for. Raises ValueError naming the field."""
        found: set[int] = set()
        for part in text.split(","):
            found.update(self._part(part))
        return frozenset(found)

    def _part(self, part: str) -> Set[int]:
        match = _PART.fullmatch(part)
        if match is None:
            raise ValueError(
                f"{self.title} {part!r} can't be read; allowed: *, {self.allowed}, "
                "ranges (1-5), lists (1,3) and steps (*/2)"
            )
        first, last, step_text = match.groups()
        step = self._step(part, step_text)
        if first is None:
            return set(range(self.low, self._top + 1, step))
        if last is None:
            if step_text is not None:
                raise ValueError(
                    f"{self.title} {part!r} has a step but no range; "
                    f"write {first}-{self._top}/{step_text}"
                )
            return {self._wrap(self._number(first))}
        return self._range(part, self._number(first), self._number(last), step)

    def _range(self, part: str, low: int, high: int, step: int) -> Set[int]:
        if self.circular:
            if low == 7:
                low, high = 0, high % 7
            if high < low:
                high += 7
        elif high < low:
            raise ValueError(f"{self.title} {part!r} runs backwards; write it as two ranges")
        return {self._wrap(number) for number in range(low, high + 1, step)}

    def _number(self, word: str) -> int:
        if word in self.names:
            return self.low + self.names.index(word)
        if word.isdigit() and self.low <= int(word) <= self.high:
            return int(word)
        raise ValueError(f"{self.title} {word!r} is not allowed; allowed: {self.allowed}")

    def _step(self, part: str, text: str | None) -> int:
        most = self._top - self.low + 1
        if text is None:
            return 1
        if not 1 <= int(text) <= most:
            raise ValueError(f"{self.title} {part!r} has a step of {text}; allowed: 1-{most}")
        return int(text)

    def _wrap(self, number: int) -> int:
        return number % 7 if self.circular else number

    @property
    def _top(self) -> int:
        return 6 if self.circular else self.high

    def written(self, values: frozenset[int]) -> str:
        """`values` as APScheduler reads them; every value there is becomes `*`."""
        if len(values) == self._top - self.low + 1:
            return "*"
        return ",".join(WEEKDAYS[n] if self.circular else str(n) for n in sorted(values))


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("day of week", 0, 7, WEEKDAYS, circular=True),
)


def parse_cron(line: str) -> CronLine:
    """Read a cron line: minute, hour, day of month, month, day of week; or one of `SHORTHANDS`.

    Names (`mon`, `jan`) in any case, ranges, lists and steps; weekdays may wrap (`fri-mon`,
    `5-7`). Raises ValueError whose message names the field and what it may hold.
    """
    text = line.strip().lower()
    if text.startswith("@"):
        if text not in SHORTHANDS:
            raise ValueError(f"{line!r} is not one of {', '.join(SHORTHANDS)}")
        text = SHORTHANDS[text]
    words = text.split()
    if len(words) != len(_FIELDS):
        raise ValueError(
            f"{line!r} has {len(words)} of the five fields of a cron line "
            "(minute, hour, day of month, month, day of week); for example '0 7 * * mon-fri'"
        )
    if words[2] != "*" and words[4] != "*":
        raise ValueError(
            f"{line!r} names both days of the month and days of the week, which cron reads as "
            "either of them; make two digests, one for each"
        )
    values = [field.values(word) for field, word in zip(_FIELDS, words, strict=True)]
    days, months = values[2], values[3]
    if all(min(days) > _LONGEST_MONTH.get(month, 31) for month in months):
        raise ValueError(f"{line!r} names a day that none of its months has")
    return CronLine(
        *(field.written(some) for field, some in zip(_FIELDS, values, strict=True)),
    )
