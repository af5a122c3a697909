"""Cutting a text where it hurts least."""

from __future__ import annotations

import regex


def shorten(text: str, limit: int) -> str:
    """`text` in at most `limit` characters, cut between words and marked with an ellipsis.

    What is one sign to a reader (a flag, a letter with its accents) is not cut apart (UAX #29).
    """
    if len(text) <= limit:
        return text
    cut = text[: limit - 1]
    head, space, _ = cut.rpartition(" ")
    if space and len(head) > limit // 2:
        cut = head
    else:
        # The sign that reaches over the edge goes whole: seen from a little before, for speed.
        start = max(0, len(cut) - _LONGEST_SIGN)
        signs = regex.findall(r"\X", text[start : limit - 1 + _LONGEST_SIGN])
        length = start
        for sign in signs:
            if length + len(sign) > limit - 1:
                break
            length += len(sign)
        cut = text[:length]
    return cut.rstrip(" ,;:·-–—") + "…"


_LONGEST_SIGN = 32
"""Characters; a family of four with skin tones has eleven. Longer ones are nobody's writing."""
