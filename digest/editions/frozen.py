"""An edition as the bytes of `edition.json`, and back.

The file is the edition: whatever is rendered or sent later is made from it alone, so reading it
is strict. Fields stand in the order of the records, which makes the file stable and readable.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from digest.editions.calendar import json_time, wrong
from digest.errors import OutboxError
from digest.records import Edition

FORMAT = 6
"""The newest `format` that this version reads, and the one it writes.

2 added what verification dropped of a summary, and what it stands instead of; 3 what a story is
made of and why, the parts of its rank, and what an earlier edition told of it; 4 whether readers
are told of the feeds that fail, and whether a story is behind a paywall; 5 the language, the
editors' note, the postal address, what found no room in an e-mail, and pictures with their size;
6 the template of the subject, for copies that hold less.
"""

# Before these formats every reader was told of the feeds that failed, and a picture was an address.
_FAILED_TOLD_TO_ALL = 4
_PICTURE_IS_ADDRESS = 5

_EDITION = TypeAdapter(Edition)


def dump_edition(edition: Edition) -> bytes:
    """The edition as UTF-8 JSON, times in ISO 8601 with `Z`. Equal editions, equal bytes."""
    text = json.dumps(
        asdict(edition), ensure_ascii=False, allow_nan=False, indent=2, default=json_time
    )
    # A lone surrogate can't be written as UTF-8; one bad character must not cost the edition.
    return (text + "\n").encode("utf-8", "replace")


def load_edition(data: bytes, source: str) -> Edition:
    """The edition that `data` holds; `source` names the file in errors.

    Raises OutboxError for a file that is damaged or was written by a newer version.
    """
    try:
        raw = json.loads(data.decode("utf-8"))
    except ValueError as error:
        raise _damaged(source, str(error)) from error
    newer = raw.get("format") if isinstance(raw, dict) else None
    if isinstance(newer, int) and newer > FORMAT:
        raise OutboxError(
            f"{source}: written by a newer version of digest (format {newer}, this one reads "
            f"{FORMAT}); install the newer version to use it"
        )
    if isinstance(raw, dict) and isinstance(newer, int) and newer < FORMAT:
        _renew(raw, newer)
        data = json.dumps(raw).encode()
    try:
        edition = _EDITION.validate_json(data, strict=True, extra="forbid")
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(str(step) for step in first["loc"]) or "the file"
        raise _damaged(source, f"{field}: {first['msg']}") from error
    _check_times(edition, source)
    return edition


def _renew(raw: dict[str, Any], written: int) -> None:
    """Makes of an edition of an older format, `written`, what it says in the newest."""
    if written < _FAILED_TOLD_TO_ALL:
        raw["show_failed"] = True  # as it was printed then
    if written < _PICTURE_IS_ADDRESS:
        for story in _stories(raw):
            address = story.get("image")
            if isinstance(address, str):
                story["image"] = {"url": address} if address else None


def _stories(raw: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The stories of what may be an edition; what isn't shaped so is for the check to tell."""
    topics = raw.get("topics")
    for topic in topics if isinstance(topics, list) else ():
        stories = topic.get("stories") if isinstance(topic, dict) else None
        for story in stories if isinstance(stories, list) else ():
            if isinstance(story, dict):
                yield story


def _check_times(edition: Edition, source: str) -> None:
    if what := wrong(edition.date, edition.timezone, _moments(edition)):
        raise _damaged(source, what)


def _moments(edition: Edition) -> Iterator[datetime]:
    yield edition.built
    for story in edition.stories:
        yield story.published
        for other in story.also:
            yield other.published


def _damaged(source: str, what: str) -> OutboxError:
    return OutboxError(
        f"{source}: not a usable edition ({what}); build it again with `digest run --force`"
    )
