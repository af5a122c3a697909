"""The e-mail's copy in the desk's frame: the same HTML, told its colour scheme and screen."""

from __future__ import annotations

import re
from typing import Literal

_STYLE = re.compile(r"(<style\b[^>]*>)(.*?)(</style\s*>)", re.IGNORECASE | re.DOTALL)
_SCHEME = re.compile(r"\(\s*prefers-color-scheme\s*:\s*(light|dark)\s*\)", re.IGNORECASE)
_HEAD_END = re.compile(r"</head\s*>", re.IGNORECASE)

# Media features that hold everywhere and nowhere: unlike `all` they may stand in any condition.
_ALWAYS, _NEVER = "(min-width: 0)", "(max-width: 0)"


def served_copy(html: str, scheme: Literal["light", "dark"], *, phone: bool = False) -> str:
    """The e-mail in the wanted colour scheme whatever the editor's system prefers.

    Byte for byte the e-mail but for two things, without which a frame couldn't show it: in its
    `<style>` elements conditions on `prefers-color-scheme` become true or false, and at the end of
    its head stands one insertion, by which links open a new tab instead of the frame and, for a
    phone, the scroll bar takes no width, as on a real one.
    """

    def decide(condition: re.Match[str]) -> str:
        return _ALWAYS if condition[1].lower() == scheme else _NEVER

    def in_style(style: re.Match[str]) -> str:
        return style[1] + _SCHEME.sub(decide, style[2]) + style[3]

    scroll_bar = "html{scrollbar-width:none}" if phone else ""
    extra = (
        f'<base target="_blank"><style>:root{{color-scheme:{scheme}!important}}{scroll_bar}</style>'
    )
    decided = _STYLE.sub(in_style, html)
    head_end = _HEAD_END.search(decided)
    at = head_end.start() if head_end else 0
    return decided[:at] + extra + decided[at:]
