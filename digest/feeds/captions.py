"""What Media RSS says of single pictures.

feedparser takes `media:title` and `media:description` for the entry's own, wherever they stand, and
so can't tell which of the pictures they are said of.
"""

from __future__ import annotations

from collections.abc import Mapping

from digest.feeds.markup import scan

_NAMES = ("media:content", "media:description", "media:title")
_PARTS = _NAMES[1:]
# Characters of markup; the longest real ones have 1,000.
_LONGEST = 4000


def captions(text: str) -> Mapping[str, str]:
    """The description, else the title, within each `media:content` of a feed, by its address.

    Only what stands inside the element is said of it (Media RSS 1.5.1, "optional elements").
    Addresses are as given, captions may hold markup. Of an address with two captions none is kept.
    """
    if not any(f"<{name}" in text for name in _PARTS):
        return {}
    found: dict[str, str] = {}
    url, said = "", dict[str, str]()
    opened, start = "", 0
    for tag in scan(text, _NAMES):
        if tag.name == "media:content":
            if url and said:
                _note(found, url, said.get(_PARTS[0]) or said[_PARTS[1]])
            url, said, opened = "", {}, ""
            if not tag.closing and not tag.empty:
                url = tag.attributes.get("url", "").strip()
        elif not tag.closing:
            opened, start = ("", 0) if tag.empty else (tag.name, tag.end)
        elif tag.name == opened:
            inner = text[start : tag.start][:_LONGEST].strip()
            if inner := inner.removeprefix("<![CDATA[").removesuffix("]]>").strip():
                said.setdefault(tag.name, inner)
            opened = ""
    return {url: caption for url, caption in found.items() if caption}


def _note(found: dict[str, str], url: str, caption: str) -> None:
    found[url] = caption if found.get(url, caption) == caption else ""
