"""A feed's bytes as text that is safe to parse: decoded, without DTD and forbidden characters.

feedparser would do part of this, but it believes an encoding label whenever decoding doesn't fail
(UTF-8 under an ISO-8859-1 label becomes mojibake), falls back to windows-1252 for one damaged
byte in a UTF-8 text, and hands entity declarations of some forms on to the parser.
"""

from __future__ import annotations

import codecs
import html
import re
from dataclasses import dataclass
from email.message import Message

import chardet
from w3lib.encoding import resolve_encoding

_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The first "<" without a byte order mark (XML 1.0, appendix F).
_FIRST_BYTES = (
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\x00\x00\x00<", "utf-32-be"),
    (b"<\x00", "utf-16-le"),
    (b"\x00<", "utf-16-be"),
)
_LABEL = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']([A-Za-z0-9._:-]{1,40})["']""")
# Old Apache and PHP send this for every text, so a document that names another knows better.
_SERVER_DEFAULTS = frozenset({"iso-8859-1", "latin1", "latin-1", "us-ascii", "ascii"})
# Every text in one of these is ASCII to look at: only the label tells.
_SEVEN_BIT = ("iso-2022-", "hz", "utf-7")
# A UTF-8 text with a damaged character here and there keeps well over nine of ten; in texts of
# single-byte and East Asian encodings valid UTF-8 sequences are rarer than one in ten.
_DAMAGE = 0.1
# Detection looks at this much; more takes time and changes no answer.
_SAMPLE = 32 * 1024

# A root element must begin within so many characters. Real prologs are below 2,000; MathML and
# HTML entity sets inlined in a DTD reach 40,000.
_PROLOG = 256 * 1024
_MAX_EXPANSION = 1024 * 1024
"""Characters that a feed's own entities may add: its `&pub;` in 10,000 entries, not a bomb."""

_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_CHARACTER_REFERENCE = re.compile(r"&#(?:[xX]([0-9a-fA-F]{1,8})|([0-9]{1,8}));")
_OVERLONG_REFERENCE = re.compile(r"&#[xX]?[0-9a-fA-F]{9,};?")
_ELEMENT = re.compile(r"<(?=[A-Za-z_])")
_ELEMENT_OR_COMMENT = re.compile(r"<(?=[A-Za-z_])|<!--")
_DOCTYPE = re.compile(r"<!DOCTYPE\b[^\[>]*", re.IGNORECASE)
_SUBSET_END = re.compile(r"\]\s*>")
_ENTITY = re.compile(r"""<!ENTITY\s+([\w.-]+)\s+(?:"([^"]*)"|'([^']*)')\s*>""")
_ANY_ENTITY = re.compile(r"<!ENTITY\b", re.IGNORECASE)
_PLAIN_VALUE = re.compile(r"(?:[^&<%]|&#\w{1,8};)*")
_ROOT_NAME = re.compile(r"<([A-Za-z_][\w.:-]*)")


@dataclass(frozen=True, slots=True)
class XmlText:
    """The document from its root element on; `root` is that element's name, "" for none."""

    text: str
    root: str
    notes: tuple[str, ...] = ()


def xml_text(body: bytes, content_type: str = "") -> XmlText:
    """Decode `body` and take off everything before the root element, the DTD included.

    Entities that the DTD declares as plain characters are resolved; those that refer to other
    entities or files are not (an entity bomb stays the few bytes that it was). Time and memory
    are linear in the size of `body`. Never raises.
    """
    text, notes = _decode(body, content_type)
    text = _FORBIDDEN.sub("", text).lstrip("\ufeff \t\r\n")
    text = _OVERLONG_REFERENCE.sub("", _CHARACTER_REFERENCE.sub(_allowed_reference, text))
    head = text[:_PROLOG]
    doctype, start = _find_doctype(head)
    root_at = _first_element(head, start, len(head))
    if root_at < 0:
        return XmlText(text, "", notes)
    name = _ROOT_NAME.match(text, root_at)
    document = text[root_at:]
    if doctype and _ANY_ENTITY.search(doctype):
        document, complete = _resolve(document, doctype)
        if not complete:
            notes += ("declares entities that refer to others or unfold too far; not expanded",)
    return XmlText(document, name[1] if name else "", notes)


# --- encoding ------------------------------------------------------------------------------


def _decode(body: bytes, content_type: str) -> tuple[str, tuple[str, ...]]:
    for mark, encoding in (*_BOMS, *_FIRST_BYTES):
        if body.startswith(mark):
            return body.decode(encoding, "replace"), ()
    labels = _labels(body, content_type)
    text = body.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    if damaged == 0:
        seven_bit = next((label for label in labels if label.startswith(_SEVEN_BIT)), "")
        if not (seven_bit and text.isascii()):
            # Pure ASCII is right under every other label; non-ASCII text that happens to be valid
            # UTF-8 is UTF-8, whatever the label says.
            wrong = "" if text.isascii() or not labels else labels[0]
            return text, _label_note(wrong, "utf-8")
    elif damaged <= _DAMAGE * sum(character > "\x7f" for character in text):
        return text, (f"damaged characters (invalid UTF-8): {damaged}",)
    for label in labels:
        encoding = resolve_encoding(label) or label
        try:
            return body.decode(encoding), _label_note(labels[0], encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    # chardet reads Portuguese, German and French right where charset-normalizer finds Baltic.
    encoding = chardet.detect(body[:_SAMPLE])["encoding"] or "cp1252"
    encoding = resolve_encoding(encoding) or encoding
    try:
        text = body.decode(encoding, "replace")
    except LookupError:  # chardet knows encodings that Python doesn't
        encoding, text = "cp1252", body.decode("cp1252", "replace")
    if not labels:
        return text, (f"names no encoding; read as {encoding}",)
    return text, _label_note(labels[0], encoding)


def _labels(body: bytes, content_type: str) -> list[str]:
    """What the text is said to be, most believed first (RFC 7303, section 3)."""
    header = Message()
    header["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    said = str(header.get_content_charset("") or "")
    match = _LABEL.match(body[:1024])
    declared = match[1].decode("ascii").lower() if match else ""
    ordered = [declared, said] if said in _SERVER_DEFAULTS else [said, declared]
    return [label for label in ordered if label]


def _label_note(label: str, encoding: str) -> tuple[str, ...]:
    if not label or (resolve_encoding(label) or label) in (encoding, "ascii"):
        return ()
    return (f"labelled {label}, but is {encoding}",)


# --- prolog --------------------------------------------------------------------------------


def _find_doctype(head: str) -> tuple[str, int]:
    """The document type declaration, and where the text after it begins."""
    match = _DOCTYPE.search(head)
    if match is None:
        return "", 0
    if _first_element(head, 0, match.start()) >= 0:
        return "", 0  # it stands inside the document
    if head[match.end() : match.end() + 1] != "[":
        return match[0], match.end()
    end = _SUBSET_END.search(head, match.end())
    stop = end.end() if end else len(head)
    return head[match.start() : stop], stop


def _first_element(head: str, start: int, end: int) -> int:
    """Where the first element outside comments begins; -1 when there is none.

    By hand, since a pattern for comments takes quadratic time on many that are never closed.
    """
    while match := _ELEMENT_OR_COMMENT.search(head, start, end):
        if match[0] == "<":
            return match.start()
        closed = head.find("-->", match.end(), end)
        if closed < 0:  # it hides nothing
            element = _ELEMENT.search(head, match.end(), end)
            return element.start() if element else -1
        start = closed + 3
    return -1


def _resolve(document: str, doctype: str) -> tuple[str, bool]:
    """`document` with the plain entities of `doctype` resolved; False when some were not."""
    values = {
        match[1]: html.escape(html.unescape(match[2] if match[2] is not None else match[3]), False)
        for match in _ENTITY.finditer(doctype)
        if _PLAIN_VALUE.fullmatch(match[2] if match[2] is not None else match[3])
    }
    left = _MAX_EXPANSION

    def expand(match: re.Match[str]) -> str:
        nonlocal left
        value = values.get(match[1])
        if value is None:
            return match[0]
        left -= len(value)
        return value if left >= 0 else ""

    complete = len(values) == len(_ANY_ENTITY.findall(doctype))
    resolved = re.sub(r"&([A-Za-z_][\w.-]{0,60});", expand, document)
    return resolved, complete and left >= 0


def _allowed_reference(match: re.Match[str]) -> str:
    """The reference, or nothing where XML doesn't allow the character (XML 1.0, section 2.2)."""
    code = int(match[1], 16) if match[1] else int(match[2])
    allowed = (
        code in (0x9, 0xA, 0xD)
        or 0x20 <= code <= 0xD7FF
        or 0xE000 <= code <= 0xFFFD
        or 0x10000 <= code <= 0x10FFFF
    )
    return match[0] if allowed else ""
