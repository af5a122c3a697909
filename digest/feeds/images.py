"""The first picture in an entry's markup that is a picture and not a counter."""

from __future__ import annotations

import html
import re

from digest.text.urls import canonical_url, is_http

_IMG = re.compile(r"<img\b([^>]{1,4000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""(?<![\w-])(src|width|height)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""", re.IGNORECASE
)
_TOO_SMALL = 32  # pixels a side: counters are 1, share buttons and smileys 16 to 24
_COUNTERS = re.compile(
    # Feed services and counters that leave width and height out.
    r"//(?:feeds\.feedburner\.com/~|[\w.-]*\.feedsportal\.com/|pixel\.|stats\.|[\w.-]*doubleclick\.net/"
    r"|pi\.feedsportal|feeds\.wordpress\.com/1\.0/|s\.w\.org/images/core/emoji)",
    re.IGNORECASE,
)


def first_image(markup: str, base: str) -> str:
    """The absolute http(s) address of the first real picture in `markup`, or ""."""
    for tag in _IMG.finditer(markup):
        given = {
            match[1].lower(): next(filter(None, match.groups()[1:]), "")
            for match in _ATTRIBUTE.finditer(tag[1])
        }
        if any(_is_small(given.get(side, "")) for side in ("width", "height")):
            continue
        if address := picture(html.unescape(given.get("src", "")), base):
            return address
    return ""


def picture(given: str, base: str) -> str:
    """The absolute http(s) address that `given` means, or "" where it is none or a counter."""
    address = canonical_url(given, base)
    return address if is_http(address) and not _COUNTERS.search(address) else ""


def _is_small(length: str) -> bool:
    number = re.fullmatch(r"\s*(\d{1,5})(?:px)?\s*", length)
    return number is not None and int(number[1]) < _TOO_SMALL
