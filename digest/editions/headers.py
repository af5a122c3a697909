"""Header fields that every mail program reads back as they were (RFC 5322, RFC 2047).

Python's own folding (3.11) changes spaces in long subjects and in long names, so that a text does
not come back as it went in; and it is another in each version, which would change the bytes.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from email.charset import Charset
from itertools import groupby

from digest.editions.printable import printable

# One less than the 78 of RFC 5322, 2.1.1, and the same as of an encoded line (RFC 2047, 2).
_LINE = 76
_ENCODED_WORD = 75
_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")
_UTF8 = Charset("utf-8")  # of its two encodings it takes the shorter


def unstructured(name: str, text: str) -> str:
    """A field of free text, such as a subject, on one line as `printable` makes it.

    All of it is encoded when a part must be: only between two encoded words does the blank of the
    folding count for nothing, so that every blank of the text's own comes back.
    """
    text = printable(text).strip()
    words = text.split(" ")
    plain = text.isascii() and "=?" not in text and all(0 < len(word) < _LINE for word in words)
    return fold(name, words if plain else _encoded(text, _LINE - len(name) - 2))


def named(name: str, display: str, address: str) -> str:
    """A field of a display name, which may be empty, and what stands in angle brackets."""
    if not display:
        return fold(name, [f"<{address}>" if name.lower() == "list-id" else address])
    return fold(name, [*_phrase(display, _LINE - len(name) - 2), f"<{address}>"])


def fold(name: str, tokens: Sequence[str]) -> str:
    """The field, folded between `tokens`, which are ASCII and stay whole; without its last CRLF."""
    lines = [f"{name}:"]
    for number, token in enumerate(tokens):
        # A first line without a value is legal, but some programs take the field for empty.
        if number and len(lines[-1]) + 1 + len(token) > _LINE:
            lines.append(f" {token}")
        else:
            lines[-1] += f" {token}"
    return "\r\n".join(lines)


def _phrase(text: str, first: int) -> list[str]:
    """A display name as tokens (RFC 5322, 3.2.5; RFC 2047, 5.3). `first` as in `_encoded`."""
    words = printable(text).split()
    text = " ".join(words)
    if "=?" not in text and text.isascii():
        if all(_is_plain(word) and len(word) < first for word in words):
            return words
        quoted = re.sub(r'(["\\])', r"\\\1", text)
        if len(quoted) + 2 <= first:
            return [f'"{quoted}"']
    whole = _encoded(text, first)
    if len(whole) == 1:
        return whole
    # Python's parser sees a blank between two encoded words of a name, where there is none. Words
    # that need no encoding, left as they are, keep such neighbours as rare as they can be.
    tokens: list[str] = []
    for plain, run in groupby(words, _is_plain):
        some = list(run)
        tokens += some if plain else _encoded(" ".join(some), _ENCODED_WORD if tokens else first)
    return tokens if all(len(token) <= _ENCODED_WORD for token in tokens) else whole


def _is_plain(word: str) -> bool:
    return bool(_ATOM.fullmatch(word)) and "=?" not in word


def _encoded(text: str, first: int) -> list[str]:
    """Encoded words, none over 75 characters, the first not over `first`; no character is cut."""
    found: list[str] = []
    chunk = ""
    for character in text:
        longer = _UTF8.header_encode(chunk + character)
        if len(longer) > (min(first, _ENCODED_WORD) if not found else _ENCODED_WORD) and chunk:
            found.append(_UTF8.header_encode(chunk))
            chunk = character
        else:
            chunk += character
    return [*found, _UTF8.header_encode(chunk)] if chunk else found
