"""What a page's JSON-LD says of its article (schema.org), as far as it can be read."""

from __future__ import annotations

import html
import json
import re
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from digest.feeds.images import Picture
from digest.text.urls import canonical_url, page_of

_MOST_CHARACTERS = 1_000_000
"""Of a page's JSON-LD in all. Of 38 pages the most have 25,000."""

_MOST_OBJECTS = 20_000
_MOST_NAMES = 10

# Posts and articles of all sorts; what else there is may stand in for them (Yoast describes the
# page only).
_ARTICLE = re.compile(r"(?:Article|Posting|Report|Recipe)$")
_PAGE = re.compile(r"^(?:Web|Item|About|FAQ|QA|Medical|MedicalWeb)Page$")
# Other pages than this one.
_OTHERS = frozenset({"itemListElement", "mentions", "citation", "relatedLink", "isRelatedTo"})
_WRAPPING = re.compile(r"^\s*(?://)?\s*(?:<!--|<!\[CDATA\[)|(?://)?\s*(?:-->|\]\]>)?[\s;]*$")
_NOT_FREE = re.compile(
    r"\"isAccessibleForFree\"\s*:\s*\"?(?:https?://schema\.org/)?false\b", re.IGNORECASE
)

_Object = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Described:
    """What JSON-LD says of the article, as it is written; empty where it says nothing.

    `images` holds offers for `best_image`: Google asks for one picture in several shapes.
    """

    authors: tuple[str, ...] = ()
    publisher: str = ""
    published: str = ""
    images: tuple[tuple[Picture, ...], ...] = ()
    paywall: bool = False


def read_json_ld(scripts: Iterable[str], url: str) -> Described:
    """What `scripts` say of the article at `url`; what is broken or about others is passed over.

    Where several articles are described and none of them by its address, none is taken. Reads at
    most 1 MB and 20,000 objects. Never raises.
    """
    objects: list[tuple[int, _Object]] = []
    paywall = False
    left = _MOST_CHARACTERS
    for script in scripts:
        left -= len(script)
        if left < 0:
            break
        data = _load(script)
        paywall = paywall or (data is None and bool(_NOT_FREE.search(script)))
        objects += _objects(data, _MOST_OBJECTS - len(objects))
    named = {_string(node, "@id"): node for _, node in objects if len(node) > 1}
    sources = [
        node
        for kind in (_ARTICLE, _PAGE)
        if (node := _about([o for o in objects if _is(o[1], kind)], url)) is not None
    ]

    def first(key: str) -> tuple[str, ...]:
        return next(filter(None, (tuple(_names(node.get(key), named)) for node in sources)), ())

    return Described(
        authors=first("author") or first("creator"),
        publisher=next(iter(first("publisher")), ""),
        published=next(filter(None, (_string(node, "datePublished") for node in sources)), ""),
        images=tuple(
            tuple(_pictures(node.get(key), named))
            for node in sources
            for key in ("image", "thumbnailUrl")
        ),
        paywall=paywall or any(_is_not_free(node) for _, node in objects),
    )


def _load(script: str) -> object:
    """The script's data; None when it can't be read."""
    text = _WRAPPING.sub("", script)
    for attempt in (text, html.unescape(text)):
        try:
            # strict=False: raw line breaks inside strings.
            found: object = json.loads(attempt, strict=False)
            return found
        except (ValueError, RecursionError):
            continue
    return None


def _objects(data: object, most: int) -> Iterator[tuple[int, _Object]]:
    """Every object in `data` with its depth, the outermost first, but for those of other pages."""
    waiting: deque[tuple[int, object]] = deque([(0, data)])
    while waiting and most > 0:
        depth, value = waiting.popleft()
        if isinstance(value, list):
            waiting.extend((depth, item) for item in value)
        elif isinstance(value, dict):
            most -= 1
            yield depth, value
            inner = 0 if "@graph" in value else 1
            waiting.extend((depth + inner, value[key]) for key in value if key not in _OTHERS)


def _is(node: _Object, kind: re.Pattern[str]) -> bool:
    types = node.get("@type")
    return any(
        isinstance(name, str) and kind.search(name.rpartition("/")[2])
        for name in (types if isinstance(types, list) else [types])
    )


def _about(found: list[tuple[int, _Object]], url: str) -> _Object | None:
    """The object that is about `url`, or the only one that stands outermost."""
    page = page_of(url)
    for _, node in found:
        entity = node.get("mainEntityOfPage")
        inner = entity if isinstance(entity, dict) else {"@id": entity}
        said = (_string(node, "url"), _string(node, "@id"), *(inner.get(k) for k in ("@id", "url")))
        if page and any(
            isinstance(address, str) and page_of(canonical_url(address, url)) == page
            for address in said
        ):
            return node
    outermost = [node for depth, node in found if depth == found[0][0]]
    return outermost[0] if len(outermost) == 1 else None


def _is_not_free(node: _Object) -> bool:
    value = node.get("isAccessibleForFree")
    if isinstance(value, str):
        return value.strip().rpartition("/")[2].lower() in ("false", "no", "0")
    return value is False


def _names(value: object, named: Mapping[str, _Object]) -> list[str]:
    """The names in a string, an object, a reference to one, or a list of these."""
    values = value if isinstance(value, list) else [value]
    found: list[object] = []
    for item in values[:_MOST_NAMES]:
        if isinstance(item, dict):
            given = item.get("name") or named.get(_string(item, "@id"), {}).get("name")
            found += given if isinstance(given, list) else [given]
        else:
            found.append(item)
    return [name for name in found[:_MOST_NAMES] if isinstance(name, str)]


def _pictures(value: object, named: Mapping[str, _Object]) -> Iterator[Picture]:
    """Those in an address, an ImageObject, a reference to one, or a list of these."""
    values = value if isinstance(value, list) else [value]
    for item in values[:_MOST_NAMES]:
        if isinstance(item, dict):
            has_address = "url" in item or "contentUrl" in item
            node: _Object = item if has_address else named.get(_string(item, "@id"), {})
            yield Picture(
                _string(node, "url") or _string(node, "contentUrl"),
                _length(node.get("width")),
                _length(node.get("height")),
                _string(node, "caption"),
            )
        elif isinstance(item, str):
            yield Picture(item)


def _length(value: object) -> object:
    """A number, or that of a schema.org QuantitativeValue."""
    return value.get("value") if isinstance(value, dict) else value


def _string(node: _Object, key: str) -> str:
    value = node.get(key)
    return value if isinstance(value, str) else ""
