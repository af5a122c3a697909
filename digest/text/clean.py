"""Article text: what the writer wrote, without what the page put round it.

`article_text` takes a feed's markup, `file_text` an HTML, Markdown or plain-text file; both give
paragraphs parted by an empty line. Dropped are bylines, datelines, credits, captions, subheads,
pointers to other articles, share and newsletter lines. Quotations, lists and numbers stay, and
a text that would be cleaned away whole is given back uncleaned: better untidy than lost.
"""

from __future__ import annotations

import re
from itertools import groupby

from markdown_it import MarkdownIt

from digest.text.html import Block, blocks, has_markup, joined_lines, printable, squeeze
from digest.text.noise import SENTENCE_END, is_noise, without_dateline
from digest.text.page import is_page, page_blocks

# A subhead is short and does not end like a sentence; a paragraph that short does. The limits are
# generous: subheads seldom pass nine words.
_SUBHEAD_WORDS = 12
_SUBHEAD_CHARACTERS = 90
# Longer lines without a stop are captions, where the paragraphs round them do have stops: so were
# most of 45 such lines read by eye, of 118 in 874 news articles (multinews_dev, bbc_dev).
_CAPTION_WORDS = 40
_REGULAR = 5
# Three short lines in a row are a list; one or two are subheads.
_LIST_LINES = 3

# A machine puts these into every entry (Reddit's feeds): never text, not even when alone.
_STAMP = re.compile(r"^submitted by .{1,120}$|^\[link\]\s*\[comments\]$", re.IGNORECASE)
_ITEM = re.compile(r"^[^\W\d_]\w{1,20}: |[.!?…].{0,5}$")
_CODE = re.compile(r"[{}<>;=\\]")
_CELL = re.compile(r"\bt[dh]\.")
_ANNOUNCES = re.compile("[:：]$")
_NO_LETTERS = re.compile(r"^[\W_]*$")
_NOT_WORD = re.compile(r"[\W_]+")
# "NEW DELHI: The court …" begins an article; further down it is somebody who speaks.
_PLACE_COLON = re.compile(r"^[A-ZÀ-ÞЀ-Я][A-ZÀ-ÞЀ-Я .'’-]{3,30}:\s+(?=[A-ZÀ-ÞЀ-Я])")

_ESCAPED = re.compile(r"<(?:!--|a|div|img|p|table)\b.*</(?:a|div|p|table)>", re.DOTALL)

# Scripts that end a sentence with a space at most (Thai, Lao): no stop is no sign of a subhead.
_UNSTOPPED = re.compile("[\u0e00-\u0eff]")

_MARKDOWN = re.compile(
    r"\[[^\[\]\n]+\]\([^()\[\]\s]*\)|^#{1,6} |\*\*[^*\n]+\*\*|^```|^> |^(?:={3,}|-{3,})$"
    r"|^\|(?: ?:?-{2,}:? ?\|)+$",
    re.MULTILINE,
)
# Indented lines of plain text are no code, and a line that starts with "1986. " is no list.
_markdown = MarkdownIt("commonmark", {"html": True}).disable("code").enable("table")
_FRONT_MATTER = re.compile(r"\A---[ \t]*\n((?:[^\n]*\n){1,60}?)(?:---|\.\.\.)[ \t]*\n")
_FRONT_TITLE = re.compile(r"^title:[ \t]*(['\"]?)(.+?)\1[ \t]*$", re.MULTILINE | re.IGNORECASE)
_PARAGRAPH_BREAK = re.compile(r"\n[ \t]*\n")
_BULLET = re.compile(r"\s*[-*•–·]\s+\S")


def article_text(markup: str, title: str = "") -> str:
    """The article in a feed's HTML (or plain text), paragraphs parted by an empty line."""
    if has_markup(markup):
        return _join(clean_blocks(_html_blocks(markup)[1], title))
    paragraphs = _PARAGRAPH_BREAK.split(_lines(markup))
    found = [block for paragraph in paragraphs for block in blocks(paragraph)]
    return _join(clean_blocks(found, title))


def plain_text(text: str, title: str = "") -> str:
    """Like `article_text` for text that is not markup: `&` and `<` stand for themselves."""
    return _join(clean_blocks(_plain_blocks(text), title))


def file_text(text: str) -> tuple[str, str]:
    """Title and cleaned text of a file in HTML, Markdown or plain text (told by its look).

    The title is a page's own, else the first heading, or the first line when it reads like a
    headline (short, and no full stop at its end); empty when there is none.
    """
    title = ""
    if is_page(text) or (has_markup(text) and not _FRONT_MATTER.match(text)):
        title, found = _html_blocks(text)
    else:
        text = _lines(text)
        if front := _FRONT_MATTER.match(text):
            named = _FRONT_TITLE.search(front[1])
            title = squeeze(named[2]) if named else ""
            text = text[front.end() :]
        if front or _MARKDOWN.search(text):
            found = blocks(_markdown.render(text))
        else:
            found = _plain_blocks(text)
    if not title and len(found) > 1 and (found[0].kind == "heading" or _is_subhead(found[0])):
        title = found[0].text
        found = found[1:]
    return title, _join(clean_blocks(found, title))


def clean_blocks(found: list[Block], title: str = "") -> list[str]:
    """The paragraphs of `found` that belong to the article, with datelines taken off."""
    found = [block for block in found if not _STAMP.match(block.text)]
    heading, length = _letters(title), 2 * len(title)
    kept = [
        block
        for block in found
        if block.kind in ("text", "item")
        and not is_noise(block.text)
        and not (heading and len(block.text) <= length and _letters(block.text) == heading)
    ]
    body = _without_subheads(kept)
    # A teaser that is one line without a full stop is the text, not a subhead.
    chosen = body or kept or [block for block in found if not _NO_LETTERS.match(block.text)]
    texts = [without_dateline(block.text) for block in chosen]
    if len(texts) > 1 and not _PLACE_COLON.match(texts[1]):
        texts[0] = _PLACE_COLON.sub("", texts[0])
    return texts


def _html_blocks(markup: str) -> tuple[str, list[Block]]:
    if is_page(markup):
        return page_blocks(markup)
    found = blocks(markup)
    if len(found) == 1 and _ESCAPED.match(found[0].text):  # markup that was escaped twice
        found = blocks(found[0].text)
    return "", found


def _lines(text: str) -> str:
    return printable(text).replace("\r\n", "\n").replace("\r", "\n")


def _plain_blocks(text: str) -> list[Block]:
    lines = _lines(text).strip()
    parts = _PARAGRAPH_BREAK.split(lines)
    if len(parts) == 1:
        # No empty line anywhere: either wrapped prose or one paragraph a line.
        rows = [row for row in map(squeeze, lines.split("\n")) if row]
        stopped = sum(bool(SENTENCE_END.search(row)) for row in rows)
        if len(rows) > 1 and 2 * stopped >= len(rows):
            return [_block(row) for row in joined_lines(rows)]
    out: list[Block] = []
    for part in parts:
        rows = [row for row in map(squeeze, part.split("\n")) if row]
        if any(_BULLET.match(row) for row in rows):
            out.extend(map(_block, _bullets(rows)))
        elif rows:
            out.append(Block(" ".join(_without_noisy_rows(rows))))
    return out


def _block(row: str) -> Block:
    if _BULLET.match(row):
        return Block(re.sub(r"^[-*•–·]\s+", "", row), "item")
    return Block(row)


def _bullets(rows: list[str]) -> list[str]:
    """The rows of a list, each with the rows that its text was wrapped to."""
    out: list[str] = []
    for row in rows:
        if out and _BULLET.match(out[-1]) and not _BULLET.match(row) and row[:1].islower():
            out[-1] += " " + row
        else:
            out.append(row)
    return out


def _without_noisy_rows(rows: list[str]) -> list[str]:
    """The rows of one paragraph without those that stand before or after its sentences."""
    if len(rows) == 1:
        return rows
    out: list[str] = []
    for number, row in enumerate(rows):
        parted = not out or SENTENCE_END.search(out[-1])
        following = rows[number + 1] if number + 1 < len(rows) else ""
        if not (parted and is_noise(row) and not following[:1].islower()):
            out.append(row)
    return out or rows


def _is_subhead(block: Block, words: int = _SUBHEAD_WORDS) -> bool:
    text = block.text
    return (
        block.kind == "text"
        and (_is_short(text) if words == _SUBHEAD_WORDS else len(text.split()) <= words)
        and not SENTENCE_END.search(text)
        and not _UNSTOPPED.search(text)
    )


def _without_subheads(found: list[Block]) -> list[Block]:
    """`found` without subheads and captions; lists of short lines stay."""
    out: list[Block] = []
    for short, group in groupby(found, key=_is_subhead):
        lines = list(group)
        if not short or (len(lines) >= _LIST_LINES and _is_list(lines, after=out)):
            out += lines
    # "More from our reporters:" after which the list of links is gone.
    while len(out) > 1 and _ANNOUNCES.search(out[-1].text) and _is_short(out[-1].text):
        out.pop()
    stopped = sum(bool(SENTENCE_END.search(block.text)) for block in out if block.kind == "text")
    texts = sum(block.kind == "text" for block in out)
    if stopped < _REGULAR or 2 * (texts - stopped) > stopped:
        return out
    # The last one may have lost its stop with its end, where a feed cuts its texts.
    return [block for block in out[:-1] if not _is_caption(block)] + out[-1:]


def _is_short(text: str) -> bool:
    return len(text) <= _SUBHEAD_CHARACTERS and len(text.split()) <= _SUBHEAD_WORDS


def _is_caption(block: Block) -> bool:
    text = block.text
    # "Price: …" is an item of a list; a stop near the end has something odd behind it.
    return not _is_short(text) and _is_subhead(block, _CAPTION_WORDS) and not _ITEM.search(text)


def _is_list(lines: list[Block], after: list[Block]) -> bool:
    """Short lines are a list when they are announced or tell numbers, a menu when not."""
    if any(_CODE.search(line.text) or _CELL.search(line.place) for line in lines):
        return False
    if after and _ANNOUNCES.search(after[-1].text):
        return True
    return 2 * sum(any(map(str.isdigit, line.text)) for line in lines) > len(lines)


def _letters(text: str) -> str:
    return _NOT_WORD.sub("", text.casefold())


def _join(paragraphs: list[str]) -> str:
    return "\n\n".join(paragraphs)
