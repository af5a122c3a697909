"""What an edition is made from (`Draft`), as compressed bytes, and back.

Editors' changes are made again upon it, so reading it is as strict as reading an edition is.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime

from pydantic import TypeAdapter, ValidationError

from digest.editions.calendar import json_time, wrong
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
        default=json_time,
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
    if what := wrong(draft.date, draft.plan.timezone, _moments(draft)):
        raise _damaged(source, what)


def _moments(draft: Draft) -> Iterator[datetime]:
    yield draft.built
    for story in draft.stories:
        for article in story.articles:
            yield article.published


def _damaged(source: str, what: str) -> OutboxError:
    return OutboxError(
        f"{source}: not a usable draft ({what}); build the edition again with `digest run --force`"
    )
