"""Which of the pictures that a source offers is an article's, and what is known of it.

Sizes and descriptions are taken where the source states them of that very picture; what can't be
true is as good as unsaid.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from digest.records import Image
from digest.text.html import one_line
from digest.text.urls import canonical_url, is_http

_IMG = re.compile(r"<img\b([^>]{1,4000})>", re.IGNORECASE)
_ATTRIBUTE = re.compile(
    r"""(?<![\w-])(src|width|height|alt)\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+))""",
    re.IGNORECASE,
)
# Of a text. Long picture series have some dozens, and only the first of them is printed.
_MOST_IMAGES = 50
_TOO_SMALL = 32  # pixels a side: counters are 1, share buttons and smileys 16 to 24
_LARGEST = 20_000
"""Pixels a side that are believed. Cameras have up to 12,000, and JPEG ends at 65,535."""

# A picture in an e-mail is 560 px wide at most, and screens have up to 3 points a pixel: beyond
# 1600 a reader on a phone would load what nobody can see. Below 200 it is a stamp, not printed.
_COLUMN = 560
_WIDEST = 1600
_STAMP = 200
# What is longer e-mail clients and their picture proxies cut or refuse; Internet Explorer's limit,
# which Outlook for Windows has kept, is 2,083.
_LONGEST_ADDRESS = 2048
_LONGEST_ALT = 300  # captions of press agencies; what is longer is a text
_LENGTH = re.compile(r"\s*([0-9]{1,5})(?:\.0+)?\s*(?:px)?\s*", re.IGNORECASE)
_FILE_NAME = re.compile(r"\S+(?: ?\(\d+\))?\.(?:jpe?g|png|gif|webp|avif|svg)", re.IGNORECASE)
_NO_PICTURES = re.compile(
    # Feed services and counters that leave width and height out; WordPress's pictures of authors.
    r"//(?:feeds\.feedburner\.com/~|[\w.-]*\.feedsportal\.com/|pixel\.|stats\.|[\w.-]*doubleclick\.net/"
    r"|pi\.feedsportal|feeds\.wordpress\.com/1\.0/|s\.w\.org/images/core/emoji"
    r"|(?:[\w-]+\.)?gravatar\.com/avatar)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as a source offers it: nothing of it is checked, and `alt` may hold markup."""

    url: str
    width: object = None
    height: object = None
    alt: str = ""


def best_image(offers: Iterable[Iterable[Picture]], base: str, title: str = "") -> Image | None:
    """The picture to print, of the first of `offers` that holds one; None where none does.

    Each offer holds one picture in several sizes: of these the widest up to 1600 px is taken.
    Addresses are resolved against `base`; only http(s) is taken. What the other offers say of the
    same address is known of it too. An `alt` that repeats the article's `title` describes nothing.
    """
    read = [
        [image for picture in offer if (image := _image(picture, base, title))] for offer in offers
    ]
    offered = next(filter(None, read), None)
    if offered is None:
        return None
    best = min(offered, key=_preference)
    for image in (image for images in read for image in images):
        best = best.completed(image)
    return best


def larger_image(feed: Image | None, page: Image | None) -> Image | None:
    """The picture that a feed gives for an article, or its page's, where that is the better one.

    The page's is taken in the place of one that doesn't fill an e-mail's column, or that can't be
    printed because its size isn't known; of the page's, both must be known.
    """
    if feed is None or page is None:
        return feed or page
    feed = feed.completed(page)
    if (feed.width >= _COLUMN and feed.height) or not (page.width >= _STAMP and page.height):
        return feed
    return page if page.width > feed.width or not feed.height else feed


def pictures_in(markup: str) -> Iterator[Picture]:
    """The pictures of an HTML text, in its order."""
    for tag in islice(_IMG.finditer(markup), _MOST_IMAGES):
        given = {
            match[1].lower(): html.unescape(next(filter(None, match.groups()[1:]), ""))
            for match in _ATTRIBUTE.finditer(tag[1])
        }
        yield Picture(
            given.get("src", ""), given.get("width"), given.get("height"), given.get("alt", "")
        )


def _image(picture: Picture, base: str, title: str) -> Image | None:
    """What is known of `picture`; None where it is none, or a counter."""
    address = canonical_url(picture.url, base) if picture.url else ""
    if not is_http(address) or len(address) > _LONGEST_ADDRESS or _NO_PICTURES.search(address):
        return None
    width, height = _pixels(picture.width), _pixels(picture.height)
    if 0 < width < _TOO_SMALL or 0 < height < _TOO_SMALL:
        return None
    return Image(address, width, height, _alt(picture.alt, title))


def _preference(image: Image) -> tuple[int, int]:
    """What is as wide as the column first, the wider the better; the unknown before stamps."""
    width = image.width
    if _COLUMN <= width <= _WIDEST:
        return 0, -width
    if width > _WIDEST:
        return 1, width
    if width >= _STAMP:
        return 2, -width
    return 4 if width else 3, -width


def _pixels(given: object) -> int:
    """A length in pixels (`640`, `"640px"`); 0 for percentages and what can't be one."""
    if isinstance(given, bool) or not isinstance(given, str | int | float):
        return 0
    found = _LENGTH.fullmatch(str(given))
    return number if found and (number := int(found[1])) <= _LARGEST else 0


def _alt(given: str, title: str) -> str:
    text = one_line(given[:2000])
    if text.casefold() == title.casefold() or _FILE_NAME.fullmatch(text):
        return ""
    if len(text) <= _LONGEST_ALT:
        return text
    return (text[:_LONGEST_ALT].rpartition(" ")[0] or text[:_LONGEST_ALT]).rstrip(" ,;:-–—") + "…"
