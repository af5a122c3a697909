"""What a form asks for, made into an operation's values or refused in plain words."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any, get_args

from digest.editions.printable import printable
from digest.errors import UsageError
from digest.records import OperationKind
from digest.words import desk_words

# Most characters of what an editor writes. A headline of 300 fills four lines of an e-mail, a
# summary of 2,000 a page of a phone's; a subject of 200 is cut by every client.
HEADLINE, SUMMARY, NOTE, SUBJECT = 300, 2000, 3000, 200
SENTENCES = 6
"""Most sentences of a summary that can be asked for."""

_NAME = 200
# A merge or a split names stories or articles that are ticked one by one.
_MANY = 500
_ID = re.compile(r"[!-~]{1,40}")
_KINDS: tuple[OperationKind, ...] = get_args(OperationKind)
_WITHOUT_STORY = ("section", "note", "subject", "exclude")

Form = Mapping[str, str | list[str]]


def asked(
    kind: str, form: Form, models: Collection[str] | None = None
) -> tuple[str, str, dict[str, Any]]:
    """Story, article and values of the operation `kind` that a form asks for.

    `form` has a field for each of the values that `Operation` tells of, by the same name, and
    `story` and `article` where it is about a story. `others` (a list, or several fields of the
    name) are stories' ids, each alone or with its article's behind a space; `articles` a list too.
    Texts come back without control characters; headline, summary, subject and names on one line.
    Of `models` (None: whatever they are called) one writes a summary.

    Whether what is named is there is not looked at. Raises UsageError.
    """
    kind = known_kind(kind)
    story = article = ""
    if kind not in _WITHOUT_STORY:
        story = _id(form, "story", "story")
        article = _id(form, "article", "article") if _first(form, "article") else ""
    return story, article, _values(kind, form, models)


def known_kind(kind: str) -> OperationKind:
    """`kind`, if it is one. Raises UsageError."""
    for known in _KINDS:
        if kind == known:
            return known
    raise UsageError(desk_words()("asked.kind", shown=_shown(kind)))


def _values(kind: OperationKind, form: Form, models: Collection[str] | None) -> dict[str, Any]:
    match kind:
        case "move":
            after = _id(form, "after", "story_behind") if _first(form, "after") else ""
            return {"topic": _name(form, "topic", "topic"), "after": after}
        case "topic":
            return {"topic": _name(form, "topic", "topic")}
        case "section":
            after = _name(form, "after", "topic_behind") if _first(form, "after") else ""
            return {"topic": _name(form, "topic", "topic"), "after": after}
        case "merge":
            others = [_other(text) for text in _all(form, "others", "stories")]
            return {"others": others}
        case "split":
            articles = _all(form, "articles", "articles")
            return {"articles": [_checked_id(id, "article") for id in articles]}
        case "lead":
            return {"lead": _id(form, "lead", "lead")}
        case "headline":
            return {"text": _line(form, "headline", HEADLINE)}
        case "summary":
            return {"text": _line(form, "summary", SUMMARY)}
        case "subject":
            return {"text": _line(form, "subject", SUBJECT)}
        case "note":
            return {"text": _within(_lines(_first(form, "text")), "note", NOTE)}
        case "length":
            return _length(form, models)
        case "exclude":
            return {"feed": _name(form, "feed", "feed")}
    return {}


def _length(form: Form, models: Collection[str] | None) -> dict[str, Any]:
    written = _first(form, "sentences").strip()
    sentences = int(written) if written.isdecimal() and len(written) < 3 else 0
    if not 1 <= sentences <= SENTENCES:
        raise UsageError(desk_words()("asked.sentences", most=SENTENCES, shown=_shown(written)))
    model = _name(form, "model", "model")
    if models is not None and model not in models:
        known = ", ".join(sorted(models))
        raise UsageError(desk_words()("asked.model", shown=_shown(model), known=known))
    return {"sentences": sentences, "model": model}


def _first(form: Form, name: str) -> str:
    """The only value of a field, or the first of several; empty where there is none."""
    found = form.get(name, "")
    return found if isinstance(found, str) else (found[0] if found else "")


def _all(form: Form, name: str, what: str) -> list[str]:
    """All values of a field, each once; `what` they are, by its name among the words."""
    found = form.get(name, [])
    values = list(dict.fromkeys(filter(None, [found] if isinstance(found, str) else found)))
    if not values:
        raise _refused("choose", what)
    if len(values) > _MANY:
        raise _refused("too_many", what, n=len(values), most=_MANY)
    return values


def _other(text: str) -> dict[str, str]:
    story, _, article = text.partition(" ")
    return {
        "story": _checked_id(story, "story"),
        "article": _checked_id(article, "article") if article else "",
    }


def _id(form: Form, name: str, what: str) -> str:
    return _checked_id(_first(form, name), what)


def _checked_id(id: str, what: str) -> str:
    if not _ID.fullmatch(id):
        raise _refused("bad_id", what, shown=_shown(id)) if id else _refused("no_id", what)
    return id


def _name(form: Form, name: str, what: str) -> str:
    found = _squeezed(_first(form, name))
    if not found:
        raise _refused("no_name", what)
    if len(found) > _NAME:
        raise _refused("long_name", what, shown=_shown(found))
    return found


def _line(form: Form, what: str, most: int) -> str:
    text = _within(_squeezed(_first(form, "text")), what, most)
    if not text:
        raise _refused("empty", what)
    return text


def _within(text: str, what: str, most: int) -> str:
    if len(text) > most:
        raise _refused("long_text", what, n=len(text), most=most)
    return text


def _refused(why: str, what: str, **values: object) -> UsageError:
    t = desk_words()
    return UsageError(t(f"asked.{why}", what=t(f"asked_for.{what}"), **values))


def _squeezed(text: str) -> str:
    return " ".join(printable(text).split())


def _lines(text: str) -> str:
    """The text as it was written, without controls and without empty lines at its ends."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(printable(line).rstrip() for line in lines).strip()


def _shown(text: str) -> str:
    """What somebody sent, short enough for a message."""
    line = _squeezed(text)
    return repr(line if len(line) <= 40 else f"{line[:39]}…")
