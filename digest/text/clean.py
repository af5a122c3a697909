"""Article text: what the writer wrote, without what the page put round it.

`article_text` takes a feed's markup, `file_text` an HTML, Markdown or plain-text file; both give
paragraphs parted by an empty line. Dropped are bylines, datelines, credits, captions, subheads,
pointers to other articles, share and newsletter lines. Quotations, lists and numbers stay, and
a text that would be cleaned away whole is given back uncleaned: better untidy than lost.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

from digest.text.html import Block, blocks, has_markup, printable, squeeze

# A subhead, caption or credit is short and does not end like a sentence; a paragraph that short
# does. The limits are generous: subheads seldom pass nine words, bylines with three names sixteen.
_SUBHEAD_WORDS = 12
_SUBHEAD_CHARACTERS = 90
_BYLINE_WORDS = 16
_LINE_WORDS = 25
_CREDIT_WORDS = 5

# What ends a sentence, in the scripts that feeds come in, closing quotes and brackets after it.
_SENTENCE_END = re.compile(r"[.!?…:;。！？।॥؟۔։።។။]['\"’”»›)\]]*$")

_AGENCY = (
    r"(?:AP|AFP|ANSA|Bloomberg|CNN|dpa|EFE|EPA(?:-EFE)?|Getty(?: Images)?|Kyodo|PA|Reuters|"
    r"Shutterstock|TASS|UPI|Xinhua)"
)
_CREDIT = re.compile(
    rf"^\(?(?:photo(?:graph)?s?|picture|image|illustration|video|graphic|credits?|courtesy|foto|bild)"
    rf"(?:\s*(?:credit|by|courtesy|:|/|©)).*$|^(?:©|\(c\)\s|copyright\b).*$"
    rf"|^[^.!?]*(?:\s/|\||,|\()\s*(?:{_AGENCY})\)?\.?$|^[\w .'’-]+\s/\s[\w .'’-]*[\w'’]$",
    re.IGNORECASE,
)
_BYLINE = re.compile(
    r"^(?:by|words by|written by|reporting by|editing by|von|par|por)\s+\S.*$", re.I
)
_DATE_LINE = re.compile(
    r"^(?:(?:first )?published|updated|posted|last (?:updated|modified))\s*"
    r"(?::|(?:(?:on|at)\s+)?(?:\w+day,?\s+)?(?:\w{3,12}\.?\s+)?\d).{0,60}$"
    r"|^(?:\w+day,?\s+)?(?:\d{1,2}\.?\s+\w{3,12},?\s+\d{4}|\w{3,12}\.?\s+\d{1,2},\s+\d{4})"
    r"(?:,?\s+(?:at\s+)?\d{1,2}[:.]\d{2}.{0,12})?$|^\d+\s+min(?:ute)?s?\s+read$",
    re.IGNORECASE,
)
# Pointers to elsewhere. Each form needs its colon, its arrow or its whole line, since sentences
# too begin with "Watch", "Follow" or "Read".
_POINTER = re.compile(
    r"^(?:related(?: (?:article|story|stories|articles|content|topics|coverage|links?))?|"
    r"read(?: more)?|"
    r"read also|also read|see also|more on this(?: story)?|more from|in pictures|"
    r"recommended|don['’]t miss|original(?: url| source| article| link)?|tags?|filed under|topics)"
    r"\s*[:|»→].*$"
    r"|^\W*(?:read (?:more|on|the (?:full|whole) (?:story|article|post).*|next)|continue reading.*|"
    r"keep reading|more|full story|click here.*|related (?:articles?|stories|content)|"
    r"original (?:url|source|article|link)|advertisement|advert|sponsored(?: content)?|comments?|"
    r"leave a comment|share(?: this.*)?|tweet|print|email|permalink|view (?:comments|in browser)|"
    r"story continues below.*|scroll to continue.*|back to top)\W*$"
    r"|^the post .{1,300} (?:first )?appeared (?:first )?on .{1,120}$"
    r"|^copyright (?:© |\(c\) )?\d{4}\b.{0,80}$"
    r"|^(?:please )?(?:sign up|subscribe|register)\b.{0,60}\b(?:newsletters?|inbox|"
    r"(?:daily|weekly|email) updates|briefing|podcast|alerts|channel)\b.*$"
    r"|^get .{0,60}\b(?:in|to) your inbox\b.*$"
    r"|^(?:follow|like|join|find) us on (?:twitter|x|facebook|instagram|"
    r"whatsapp|telegram|youtube|tiktok|linkedin|threads|bluesky|mastodon|google|social)\b.*$"
    r"|^share (?:this|on|via)\b.{0,60}$"
    r"|^(?:we|(?:this|our) (?:web ?)?(?:site|page))\b.{0,40}\buses? cookies\b.*$"
    r"|^this article (?:was )?(?:first|originally) (?:appeared|published).*$",
    re.IGNORECASE,
)
# These begin sentences too ("Source: …", "Watch: …"), so a whole one after the colon stays.
_LABEL = re.compile(r"^(?:source|via|watch|listen|explainer|more)\s*[:|»→].*$", re.IGNORECASE)
_LABEL_WORDS = 8
_ADDRESS_ONLY = re.compile(r"^[<(]?(?:https?://|www\.)\S+[>)]?$", re.IGNORECASE)
_NO_LETTERS = re.compile(r"^[\W_]*$")

# "PARIS (AP) —", "Paris (AFP) -", "LONDON, March 3 (Reuters) -", "(CNN) --", "KYIV —": a place, an
# agency or both, then a dash and the beginning of a sentence. A dash that comes again in the same
# sentence is a bracket ("NATO — Germany's partner — said") and stays.
_PLACE = r"[A-ZÀ-Þ][A-ZÀ-Þ.'’/\- ]{1,40}"
_DAY = r"(?:,\s[\w.\- ]{2,30}){0,2}"
_DATELINE = re.compile(
    rf"^(?:(?:{_PLACE}{_DAY}\s*)?\([A-Z][\w.&'’-]{{0,20}}(?: [A-Z][\w.&'’-]{{0,20}}){{0,3}}\)"
    rf"|[A-ZÀ-Þ][\w.'’\- ]{{1,40}}{_DAY}\s*\({_AGENCY}\))\s*(?:[—–―]|--?)\s*(?=[A-ZÀ-Þ\"“‘\d])"
    rf"|^{_PLACE}[A-ZÀ-Þ.]{_DAY}(?:\s*—\s*|\s+(?:[–―]|--)\s+)(?=[A-ZÀ-Þ\"“‘])(?![^.!?]{{0,300}}\s[—–―]\s)"
    rf"|^\((?:CNN|AP|AFP|Reuters|dpa)\)\s*"
)

# A machine puts these into every entry (Reddit's feeds): never text, not even when alone.
_STAMP = re.compile(r"^submitted by .{1,120}$|^\[link\]\s*\[comments\]$", re.IGNORECASE)

# Scripts that end a sentence with a space at most (Thai, Lao): no stop is no sign of a subhead.
_UNSTOPPED = re.compile("[\u0e00-\u0eff]")

_MARKDOWN = re.compile(
    r"\[[^\[\]\n]+\]\([^()\[\]\s]*\)|^#{1,6} |\*\*[^*\n]+\*\*|^```|^> ", re.MULTILINE
)
# Indented lines of plain text are no code, and a line that starts with "1986. " is no list.
_markdown = MarkdownIt("commonmark", {"html": True}).disable("code")
_PARAGRAPH_BREAK = re.compile(r"\n[ \t]*\n")


def article_text(markup: str, title: str = "") -> str:
    """The article in a feed's HTML (or plain text), paragraphs parted by an empty line."""
    if has_markup(markup):
        return _join(clean_blocks(blocks(markup), title))
    paragraphs = _PARAGRAPH_BREAK.split(printable(markup).replace("\r\n", "\n"))
    found = [block for paragraph in paragraphs for block in blocks(paragraph)]
    return _join(clean_blocks(found, title))


def plain_text(text: str, title: str = "") -> str:
    """Like `article_text` for text that is not markup: `&` and `<` stand for themselves."""
    return _join(clean_blocks(_plain_blocks(text), title))


def file_text(text: str) -> tuple[str, str]:
    """Title and cleaned text of a file in HTML, Markdown or plain text (told by its look).

    The title is the first heading, or the first line when it reads like a headline (short, and
    no full stop at its end); empty when there is none.
    """
    if has_markup(text):
        found = blocks(text)
    elif _MARKDOWN.search(text):
        found = blocks(_markdown.render(text))
    else:
        found = _plain_blocks(text)
    title = ""
    if len(found) > 1 and (found[0].kind == "heading" or _is_subhead(found[0])):
        title = found[0].text
        found = found[1:]
    return title, _join(clean_blocks(found, title))


def clean_blocks(found: list[Block], title: str = "") -> list[str]:
    """The paragraphs of `found` that belong to the article, with datelines taken off."""
    found = [block for block in found if not _STAMP.match(block.text)]
    kept = [
        block
        for block in found
        if block.kind not in ("heading", "caption")
        and not _is_furniture(block.text)
        and squeeze(block.text).casefold() != title.casefold()
    ]
    body = [block for block in kept if not _is_subhead(block)]
    # A teaser that is one line without a full stop is the text, not a subhead.
    chosen = body or kept or [block for block in found if not _NO_LETTERS.match(block.text)]
    return [_without_dateline(block.text) for block in chosen]


def _plain_blocks(text: str) -> list[Block]:
    lines = printable(text).replace("\r\n", "\n").replace("\r", "\n").strip()
    parts = _PARAGRAPH_BREAK.split(lines)
    if len(parts) == 1:
        # No empty line anywhere: either wrapped prose or one paragraph a line.
        rows = [row for row in lines.split("\n") if row.strip()]
        if len(rows) > 1 and all(_SENTENCE_END.search(row.strip()) for row in rows[1:]):
            parts = rows
    out: list[Block] = []
    for part in parts:
        rows = part.split("\n")
        if any(re.match(r"\s*[-*•–]\s+\S", row) for row in rows):
            out.extend(Block(item, "item") for row in rows if (item := _bullet_text(row)))
        elif line := squeeze(part):
            out.append(Block(line))
    return out


def _bullet_text(row: str) -> str:
    return re.sub(r"^[-*•–]\s+", "", squeeze(row))


def _is_furniture(text: str) -> bool:
    if _NO_LETTERS.match(text) or _ADDRESS_ONLY.match(text):
        return True
    if _POINTER.match(text):
        return True
    words = len(text.split())
    whole = bool(_SENTENCE_END.search(text))
    if _DATE_LINE.match(text) and not whole:
        return True
    if _BYLINE.match(text) and not whole and words <= _BYLINE_WORDS:
        return True
    if _LABEL.match(text) and not (whole and words > _LABEL_WORDS):
        return True
    # "Photo by A. Writer." is a credit; "Photos by the agency show the damage." is a sentence.
    is_sentence = words > _CREDIT_WORDS and text.endswith(".") and not re.search(r"[:/©|]", text)
    return words <= _LINE_WORDS and not is_sentence and bool(_CREDIT.match(text))


def _is_subhead(block: Block) -> bool:
    text = block.text
    return (
        block.kind == "text"
        and len(text) <= _SUBHEAD_CHARACTERS
        and len(text.split()) <= _SUBHEAD_WORDS
        and not _SENTENCE_END.search(text)
        and not _UNSTOPPED.search(text)
    )


def _without_dateline(text: str) -> str:
    rest = _DATELINE.sub("", text, count=1)
    return rest if rest else text


def _join(paragraphs: list[str]) -> str:
    return "\n\n".join(paragraphs)
