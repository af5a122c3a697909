"""What an edition is made from (`Draft`), as compressed bytes, and back.

Editors' changes are made again upon it, so reading it is as strict as reading an edition is.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime
from zoneinfo import ZoneInfo

from pydantic import TypeAdapter, ValidationError

from digest.errors import OutboxError
from digest.records import Draft

FORMAT = 1
"""The newest `format` that this version reads, and the one it writes."""

_DRAFT = TypeAdapter(Draft)


def dump_draft(draft: Draft) -> bytes:
    """The draft as JSON in a zlib stream (RFC 1950). Equal drafts, equal bytes."""
    text = json.dumps(
        asdict(draft),
        ensure_ascii=False,
        allow_nan=False,
        separators=(",", ":"),
        default=_json_time,
    )
    # A lone surrogate can't be written as UTF-8; one bad character must not cost the draft.
    return zlib.compress(text.encode("utf-8", "replace"))


def load_draft(data: bytes, source: str) -> Draft:
    """The draft that `data` holds; `source` names it in errors.

    Raises OutboxError for one that is damaged or was written by a newer version.
    """
    try:
        text = zlib.decompress(data)
        raw = json.loads(text.decode("utf-8"))
    except (zlib.error, ValueError) as error:
        raise _damaged(source, str(error)) from error
    written = raw.get("format") if isinstance(raw, dict) else None
    if isinstance(written, int) and written > FORMAT:
        raise OutboxError(
            f"{source}: written by a newer version of digest (format {written}, this one reads "
            f"{FORMAT}); install the newer version to use it"
        )
    try:
        draft = _DRAFT.validate_json(text, strict=True, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(step) for step in first["loc"]) or "the draft"
        raise _damaged(source, f"{field}: {first['msg']}") from error
    _check(draft, source)
    return draft


def _check(draft: Draft, source: str) -> None:
    """What the records' types don't say."""
    if any(not story.articles for story in draft.stories):
        raise _damaged(source, "a story without articles")
    try:
        if date.fromisoformat(draft.date).isoformat() != draft.date:
            raise ValueError(draft.date)  # 20261124 and 2026-W48-2 are ISO dates too
    except ValueError as error:
        raise _damaged(source, f"date: {draft.date!r} is not like 2026-11-24") from error
    try:
        ZoneInfo(draft.plan.timezone)
    # ZoneInfoNotFoundError is a KeyError; `America` is a folder of the zones, and an OSError.
    except (KeyError, ValueError, OSError) as error:
        raise _damaged(source, f"timezone: {draft.plan.timezone!r} is unknown") from error
    if any(moment.tzinfo is None for moment in _moments(draft)):
        raise _damaged(source, "a time has no zone")
    if any(not MINYEAR < moment.year < MAXYEAR for moment in _moments(draft)):
        # Another zone may lead out of the calendar.
        raise _damaged(source, "a time is at the end of the calendar")


def _moments(draft: Draft) -> Iterator[datetime]:
    yield draft.built
    for story in draft.stories:
        for article in story.articles:
            yield article.published


def _damaged(source: str, what: str) -> OutboxError:
    return OutboxError(
        f"{source}: not a usable draft ({what}); build the edition again with `digest run --force`"
    )


def _json_time(value: object) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} has no place in a draft")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
