"""E-mail addresses as logs, reasons and reports may show them: never whole."""

from __future__ import annotations

import re

# What ends an address, and what no local part holds unless it is quoted (RFC 5322, 3.2.3).
_RUN = re.compile(r"[^\s<>()\[\],;:\"]+")
# As URLs (once or twice encoded) and other scripts write it.
_AT = re.compile(r"[@＠﹫]|%(?:25)*40", re.IGNORECASE)
_AT_IN_HTML = re.compile(r"&(?:#0*64|#x0*40|commat);", re.IGNORECASE)
_QUOTED = re.compile(r"\"((?:[^\"\\]|\\.)*)\"(?=[@＠﹫]|%(?:25)*40)", re.DOTALL)
_WORD = re.compile(r"[^\W_]")


def masked(address: str) -> str:
    """`jane.doe@example.org` as `j…@example.org`; of what is no address, the first letter."""
    found = list(_AT.finditer(address))
    if not found:
        return f"{_beginning(address)}…"
    return f"{_beginning(address[: found[-1].start()])}…{address[found[-1].start() :]}"


def without_addresses(text: str) -> str:
    """`text` with every address in it masked: bare, in brackets, quoted, or percent-encoded.

    Where two stand together without a blank or a comma, the first goes altogether.
    """
    text = _AT_IN_HTML.sub("@", text)
    text = _QUOTED.sub(lambda quoted: f"{_beginning(quoted[1])}…", text)
    return _RUN.sub(lambda run: _masked_run(run[0]), text)


def _masked_run(run: str) -> str:
    found = list(_AT.finditer(run))
    # A name that begins with @, and a sign that stands alone, are no addresses.
    if not found or not found[-1].start():
        return run
    local = run[: found[-1].start()]
    # What a quotation or a list puts before it.
    opening = re.match(r"['‘’“„«`*]*", local)
    before = opening[0] if opening and opening[0] != local else ""
    return f"{before}{_beginning(local)}…{run[found[-1].start() :]}"


def _beginning(local: str) -> str:
    """The first letter or digit, or nothing where there is none."""
    found = _WORD.search(local)
    return found[0] if found else ""
