"""Whole web pages: which of a page's blocks are its article.

trafilatura decides, our own walk copies. trafilatura finds the article better than any rule of
ours (`benchmarks/text.py pages`), but its text is put together anew, and a lost space there would
be a word that the page doesn't have. So its text only says which blocks of ours stay, and every
sentence stands in the page word for word.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import suppress

import chardet
from w3lib.encoding import html_to_unicode, resolve_encoding

from digest.text.html import Block, blocks, one_line, printable

# Told by its head: a fragment that a feed carries has none.
_PAGE = re.compile(
    # No comment may run over its end: that takes exponential time.
    r"\s*(?:(?:<\?xml[^>]*>|<!--(?:(?!-->).)*-->)\s*)*<(?:!doctype\s+html|html|head|body)\b",
    re.IGNORECASE | re.DOTALL,
)
_HEAD = 2000
# Encodings are guessed from so many bytes; more takes time and changes no answer.
_GUESS = 32 * 1024
# A hand-written file without these has nothing to be cleaned of.
_FURNITURE = re.compile(r"<(?:nav|header|footer|aside|script|form|iframe)\b", re.IGNORECASE)
_TITLE = re.compile(r"<title\b[^>]*>(.{0,1000}?)</title\s*>", re.IGNORECASE | re.DOTALL)
_META_TITLE = re.compile(
    r"<meta\s[^<>]{0,200}?\b(?:property|name)\s*=\s*[\"']?og:title[\"'\s][^<>]{0,1000}>",
    re.IGNORECASE,
)
_CONTENT = re.compile(r"\bcontent\s*=\s*(?:\"([^\"<>]*)\"|'([^'<>]*)')", re.IGNORECASE)
_SITE = re.compile(r"\s+[|–—·»-]\s+[^|–—·»]{1,50}$")

# What is larger is a book, an archive or a trap, and read as a whole: the largest of 38 pages has
# 1.1 MB and 2,000 tags. trafilatura takes quadratic time over one text said again and again.
_LARGEST = 3_000_000
_MOST_TAGS = 20_000
_MOST_REPEATS = 1000
# The shortest article of the 38 pages has 427 characters.
_SHORTEST = 200
# Blocks shorter than this ("Share", "Sport") may stand anywhere in the article's text by accident.
_SHORT = 40
# A paragraph of prose; teasers and captions are shorter.
_PARAGRAPH = 100
# Below this share of its text found again among our blocks the two have read different pages.
_COVERED = 0.6

_NOT_WORD = re.compile(r"[\W_]+")


def decoded(data: bytes) -> str:
    """A file's bytes as text: UTF-8, or for HTML the encoding that it declares.

    Raises UnicodeDecodeError for what is neither. A byte that an HTML page's own encoding
    doesn't have becomes U+FFFD, as in a browser.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        head = data[:_HEAD].replace(b"\0", b"").lower()
        if b"<html" not in head and b"<!doctype html" not in head and b"<meta" not in head:
            raise
    return html_to_unicode(None, data, default_encoding="utf-8")[1]


def page_markup(body: bytes, content_type: str = "") -> str:
    """A fetched page's bytes as text, much as a browser reads them (WHATWG, encoding sniffing).

    Byte order mark, then valid UTF-8 whatever the label says, the server's charset, the page's own,
    a guess. What the encoding doesn't have becomes U+FFFD. Never raises.
    """
    # ISO-2022-JP and UTF-16 without a mark may look like ASCII: only the label tells.
    if b"\0" not in body[:_HEAD] and not (b"\x1b" in body and body.isascii()):
        with suppress(UnicodeDecodeError):  # then the labels are asked
            return body.decode("utf-8-sig")
    return html_to_unicode(content_type or None, body, "cp1252", _guessed)[1]


def _guessed(body: bytes) -> str | None:
    name = chardet.detect(body[:_GUESS])["encoding"]
    return resolve_encoding(name) if name else None


def is_page(text: str) -> bool:
    """Whether `text` is a whole HTML page, not a fragment."""
    return _PAGE.match(text[:_HEAD]) is not None


def page_blocks(markup: str) -> tuple[str, list[Block]]:
    """The page's title ("" when it has none) and the blocks of its article, in reading order.

    Where no article is found, the blocks are all there are but for menus, forms and footers.
    """
    title, found = article_blocks(markup)
    if not found:
        found = blocks(markup)
        title = _title(markup, found)
    return title, found


def article_blocks(markup: str) -> tuple[str, list[Block]]:
    """Like `page_blocks`, but without blocks where no article is found."""
    if not _FURNITURE.search(markup):
        found = blocks(markup)
        return _title(markup, found), found
    if _is_usual(markup) and (text := _article(markup)):
        found = blocks(markup, furniture=True)
        chosen, covered = _chosen(found, text)
        if covered >= _COVERED:
            return _title(markup, found), chosen
    return _title(markup, []), []


def _is_usual(markup: str) -> bool:
    if len(markup) > _LARGEST or markup.count("<") > _MOST_TAGS:
        return False
    texts = Counter(part.partition(">")[2].strip() for part in markup.split("<"))
    del texts[""]
    return max(texts.values(), default=0) <= _MOST_REPEATS


def _article(markup: str) -> str:
    """trafilatura's text of the page; "" where it finds none, or scraps."""
    # Imported where it is needed: it takes a third of a second, and feeds don't need it.
    import trafilatura

    # Precision over recall: a lost paragraph costs less than a foreign one (`benchmarks/text.py`).
    document = trafilatura.bare_extraction(
        printable(markup), favor_precision=True, include_comments=False, with_metadata=False
    )
    text = getattr(document, "text", None)
    return text if isinstance(text, str) and len(text) >= _SHORTEST else ""


def _chosen(found: list[Block], text: str) -> tuple[list[Block], float]:
    """The blocks whose letters stand in `text`, and the share of `text` that they cover."""
    lines = [key for line in text.split("\n") if (key := _letters(line))]
    known, whole = set(lines), "".join(lines)
    kept: list[Block] = []
    taken: set[str] = set()
    covered = place = 0
    for block in found:
        key = _letters(block.text)
        if not key or key in taken:
            continue
        if len(key) < _SHORT:
            there = key in known or whole.startswith(key, place)
        else:
            there = key in whole or (key[:_SHORT] in whole and key[-_SHORT:] in whole)
        if there:
            kept.append(block)
            covered += len(key)
            if len(key) >= _SHORT:
                taken.add(key)
            position = whole.find(key, place)
            if position >= 0:
                place = position + len(key)
    return _with_siblings(found, kept), covered / max(1, len(whole))


def _with_siblings(found: list[Block], kept: list[Block]) -> list[Block]:
    """`kept` and the paragraphs that stand in the page just as most of those do.

    An article that advertising cuts in two has two containers, and trafilatura takes one.
    """
    size: Counter[str] = Counter()
    for block in kept:
        size[block.place] += len(block.text)
    if not size:
        return kept
    place, most = size.most_common(1)[0]
    if 2 * most <= size.total():
        return kept
    ids = {id(block) for block in kept}
    return [
        block
        for block in found
        if id(block) in ids
        or (block.place == place and block.kind == "text" and len(block.text) >= _PARAGRAPH)
    ]


def _title(markup: str, found: list[Block]) -> str:
    heading = next((block.text for block in found if block.kind == "heading"), "")
    if meta := _META_TITLE.search(markup):
        content = _CONTENT.search(meta[0])
        title = one_line(content[1] or content[2] or "") if content else ""
    elif match := _TITLE.search(markup):
        title = one_line(match[1])
    else:
        return heading
    # "Ferry reaches island | Harbour Gazette": the heading says where the name of the site begins.
    if heading and _letters(title).startswith(_letters(heading)) and len(_letters(heading)) > 10:
        return heading
    return _SITE.sub("", title) or title


def _letters(text: str) -> str:
    return _NOT_WORD.sub("", text.casefold())
