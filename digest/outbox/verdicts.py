"""What a reply of a mail server means: for one recipient, or for all of them.

Pure. A reply comes in a phase of the session, of which `connect` is the greeting, or after the dot
that ends the message. Codes are of RFC 5321, section 4.2, enhanced ones (5.1.1) of RFC 3463.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from digest.records import Receipt
from digest.text.masking import without_addresses

Phase = Literal["connect", "helo", "starttls", "auth", "mail", "rcpt", "data"]

LONGEST_REASON = 300
"""Characters of a reason: a reply's line has 512 octets at most, of which the first half tells."""

_SHUTTING_DOWN = 421
_NEEDS_LOGIN = frozenset({530, 534, 535, 538})
_ANSWERED = {"connect": {220}, "starttls": {220}, "auth": {235, 503}, "data": {354}}
NO_SUCH_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
"""Enhanced codes of a dead address: no such mailbox, system or name; moved away (RFC 3463, 3.2); a
null MX (RFC 7505); disabled. Nothing else says so: a bare 550 may come from a relay that refuses
everybody, and a full mailbox or a filter's verdict tells nothing of the address."""
# A full mailbox, and congestion or a day's quota: RFC 3463 has them for what passes.
_PASSING = frozenset({"5.2.2", "5.4.5"})
_TOO_LARGE = frozenset({"5.2.3", "5.3.4"})
_OF_THE_SYSTEM = ("5.3.", "5.4.")
_ENHANCED = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})(?!\S)")
# Said to those who forgot the password or asked the wrong server: true for everybody, or for all of
# a domain. Nobody's edition should be lost by it, so it is tried again.
_NO_RELAY = re.compile(
    r"relay(?:ing)?\b.{0,40}\b(?:denied|prohibited|not (?:permitted|allowed))"
    r"|(?:not permitted|unable|not allowed|refus\w+) to relay",
    re.I,
)
# Postfix tells by default only at RCPT that it refuses the sender or us, whoever the recipient is.
_NOT_THE_RECIPIENT = re.compile(r"\b(?:sender address|client host|helo command) rejected\b", re.I)
_BAD_SENDER = frozenset({"5.1.7", "5.1.8", "4.1.7", "4.1.8"})
_DONE = {
    "connect": "it greets with a refusal",
    "helo": "it refuses our greeting",
    "starttls": "it refuses to begin TLS",
    "auth": "it refuses the user or the password",
    "mail": "it refuses the sender",
    "rcpt": "it takes no recipients",
    "data": "it takes no message",
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """The server serves nobody now; `lasting` as in `RelayError`, `reason` in words."""

    reason: str
    lasting: bool = False


def judge(phase: Phase, code: int, text: str) -> Receipt | Refusal | None:
    """What a reply before the dot means: the end of one message, a refusal of all, or None: go on.

    `text` is the reply without its code, lines joined by LF.
    """
    said = reason(code, text)
    kind = code // 100
    if code == _SHUTTING_DOWN:
        return Refusal(f"it ends the session: {said}")
    if code in _ANSWERED.get(phase, ()) or (phase not in _ANSWERED and kind == 2):
        return None
    if phase in ("rcpt", "data") and kind in (4, 5):
        return _of_one_recipient(phase, code, text, said)
    return Refusal(f"{_DONE[phase]}: {said}", lasting=_is_lasting(phase, code, text))


def after_the_dot(code: int, text: str) -> Receipt:
    """What the reply to a whole message means; `text` as in `judge`."""
    said = reason(code, text)
    if code // 100 == 2:
        return Receipt("sent", said)
    if code // 100 in (4, 5):
        return _of_the_message(None, code, text, said)
    return Receipt("unconfirmed", f"an answer that says neither yes nor no: {said}")


def reason(code: int, text: str) -> str:
    """Code and first line of a reply, printable, addresses masked, `LONGEST_REASON` at most."""
    return printable(f"{code} {text.strip()}")


def printable(text: str) -> str:
    """The first line of what a server says, fit for reports as `reason` is."""
    first = text.strip().partition("\n")[0][: 4 * LONGEST_REASON]
    words = "".join(letter if letter.isprintable() else " " for letter in first).split()
    return without_addresses(" ".join(words))[:LONGEST_REASON].rstrip()


def _of_one_recipient(phase: Phase, code: int, text: str, said: str) -> Receipt | Refusal:
    if code in _NEEDS_LOGIN:
        return Refusal(f"it wants a login first: {said}", lasting=True)
    if _enhanced(code, text) in _BAD_SENDER or _NOT_THE_RECIPIENT.search(text):
        return Refusal(f"{_DONE['mail']}: {said}", lasting=_is_lasting("mail", code, text))
    if code == 503:
        return Refusal(f"it lost track of the session: {said}")
    return _of_the_message(phase, code, text, said)


def _of_the_message(phase: Phase | None, code: int, text: str, said: str) -> Receipt:
    enhanced = _enhanced(code, text)
    # RFC 5321, 4.5.3.1.10: servers say 552 where they mean 452, and it is to be read so.
    full = phase == "rcpt" and code == 552 and enhanced not in _TOO_LARGE
    if code // 100 == 4 or full or enhanced in _PASSING:
        return Receipt("deferred", said)
    if phase == "rcpt" and enhanced in NO_SUCH_ADDRESS:
        return Receipt("bounced", said, dead=True)
    if phase == "rcpt" and _NO_RELAY.search(text):
        return Receipt("deferred", said)
    return Receipt("bounced", said)


def _is_lasting(phase: Phase, code: int, text: str) -> bool:
    """Whether a refusal stays until somebody changes the set-up."""
    if code // 100 != 5:
        return False
    if phase == "auth":
        return True
    return phase == "mail" and not _enhanced(code, text).startswith(_OF_THE_SYSTEM)


def _enhanced(code: int, text: str) -> str:
    """The enhanced code of a reply (`5.1.1`), empty if it has none or one of another class."""
    found = _ENHANCED.match(text.strip())
    return found.group() if found and found[1] == str(code)[0] else ""
