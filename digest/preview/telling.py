"""Operations in words: what was changed, for the history and for undo and redo."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from digest.pipeline.editing import Sheet
from digest.records import Operation
from digest.words import desk_words

# What a list can show of a text that may have 2,000 characters.
_LONGEST = 90


def told(sheet: Sheet, operation: Operation) -> str:
    """A sentence without its full stop: `“River towns rebuild” dropped`."""
    return _SAID[operation.kind](sheet, operation, operation.values)


def named(sheet: Sheet, story: str, article: str = "") -> str:
    """The headline of a story, in quotation marks: as printed, or as it was when it was there."""
    words = desk_words()
    title = next((one.headline for one in sheet.edition.stories if one.id == story), "")
    if not title and story in sheet.stories:
        title = sheet.stories[story].lead.title
    if not title:
        title = _titles(sheet).get(article, "")
    if not title and sheet.draft:  # merged into another, or its feed is left out
        title = next((one.lead.title for one in sheet.draft.stories if one.id == story), "")
    return words("history.title", title=_short(title)) if title else words("history.no_title")


def local(moment: datetime, timezone: str) -> datetime:
    """A moment by the clock of a time zone (IANA)."""
    return moment.astimezone(ZoneInfo(timezone))


def _titles(sheet: Sheet) -> dict[str, str]:
    stories = [*(sheet.draft.stories if sheet.draft else ()), *sheet.stories.values()]
    return {article.id: article.title for story in stories for article in story.articles}


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1].rstrip()}…"


def _title(sheet: Sheet, operation: Operation) -> str:
    return named(sheet, operation.story, operation.article)


_Say = Callable[[Sheet, Operation, Mapping[str, Any]], str]


def _plain(sheet: Sheet, operation: Operation, _: Mapping[str, Any]) -> str:
    return desk_words()(f"history.{operation.kind}", title=_title(sheet, operation))


def _move(sheet: Sheet, operation: Operation, values: Mapping[str, Any]) -> str:
    title, topic, after = _title(sheet, operation), values["topic"], values["after"]
    if not after:
        return desk_words()("history.move_first", title=title, topic=topic)
    return desk_words()("history.move", title=title, topic=topic, after=named(sheet, after))


def _topic(sheet: Sheet, operation: Operation, values: Mapping[str, Any]) -> str:
    return desk_words()("history.topic", title=_title(sheet, operation), topic=values["topic"])


def _section(_: Sheet, __: Operation, values: Mapping[str, Any]) -> str:
    if not values["after"]:
        return desk_words()("history.section_first", topic=values["topic"])
    return desk_words()("history.section", topic=values["topic"], after=values["after"])


def _merge(sheet: Sheet, operation: Operation, values: Mapping[str, Any]) -> str:
    others = [named(sheet, other["story"], other["article"]) for other in values["others"]]
    title = _title(sheet, operation)
    return desk_words()("history.merge", title=title, n=len(others), others=", ".join(others))


def _split(sheet: Sheet, operation: Operation, values: Mapping[str, Any]) -> str:
    count = len(values["articles"])
    return desk_words()("history.split", title=_title(sheet, operation), n=count)


def _lead(sheet: Sheet, operation: Operation, values: Mapping[str, Any]) -> str:
    # The story's headline may be the new lead's by now.
    title = named(sheet, "", operation.article)
    return desk_words()("history.lead", title=title, lead=named(sheet, "", values["lead"]))


def _written(sheet: Sheet, operation: Operation, values: Mapping[str, Any]) -> str:
    # The story's headline may be this very text: the source's own names it better.
    title = named(sheet, "", operation.article)
    text = _short(values["text"])
    return desk_words()(f"history.{operation.kind}", title=title, text=text)


def _length(sheet: Sheet, operation: Operation, values: Mapping[str, Any]) -> str:
    title, count = _title(sheet, operation), values["sentences"]
    return desk_words()("history.length", title=title, n=count, model=values["model"])


def _text(_: Sheet, operation: Operation, values: Mapping[str, Any]) -> str:
    if not values["text"]:
        return desk_words()(f"history.{operation.kind}_none")
    return desk_words()(f"history.{operation.kind}", text=_short(values["text"]))


def _exclude(_: Sheet, __: Operation, values: Mapping[str, Any]) -> str:
    return desk_words()("history.exclude", feed=values["feed"])


_SAID: Mapping[str, _Say] = {
    "move": _move,
    "topic": _topic,
    "section": _section,
    "drop": _plain,
    "undrop": _plain,
    "pin": _plain,
    "unpin": _plain,
    "merge": _merge,
    "split": _split,
    "lead": _lead,
    "headline": _written,
    "summary": _written,
    "length": _length,
    "note": _text,
    "subject": _text,
    "exclude": _exclude,
}
