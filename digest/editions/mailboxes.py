"""E-mail addresses as headers carry them: ASCII, with internationalised domains as A-labels."""

from __future__ import annotations

import re
from dataclasses import dataclass
from email.utils import getaddresses, parseaddr

import idna

from digest.editions.printable import printable

# A dot-atom (RFC 5322, 3.2.3). A quoted local part (`"a b"@…`) is legal and nobody has one.
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")
# RFC 5321, 4.5.3.1; RFC 1035, 2.3.4.
_MAX_LOCAL = 64
_MAX_DOMAIN = 253
_MAX_LABEL = 63


@dataclass(frozen=True, slots=True)
class Mailbox:
    """Whom a message is from or for. `local` and `domain` are ASCII; `name` may be empty."""

    local: str
    domain: str
    name: str = ""

    @property
    def address(self) -> str:
        return f"{self.local}@{self.domain}"


def parse_mailbox(text: str) -> Mailbox:
    """`Name <local@domain>` or `local@domain`. Raises ValueError that says what is wrong."""
    text = printable(text)
    name, address = parseaddr(text)
    if len(getaddresses([text])) > 1:
        raise ValueError("there is more than one address in it")
    return make_mailbox(address, name)


def make_mailbox(address: str, name: str = "") -> Mailbox:
    """From an addr-spec and a display name. Raises ValueError that says what is wrong."""
    local, at, domain = address.rpartition("@")
    if not at:
        raise ValueError("there is no address in it")
    if not local.isascii():
        # It would take SMTPUTF8 (RFC 6531) at every server on the way.
        raise ValueError("what stands before @ isn't ASCII")
    if not _LOCAL.fullmatch(local) or len(local) > _MAX_LOCAL:
        raise ValueError("what stands before @ isn't the name of a mailbox")
    return Mailbox(local, ascii_domain(domain), " ".join(printable(name).split()))


def ascii_domain(domain: str) -> str:
    """A domain in lower case and in A-labels (RFC 5890). Raises ValueError for what is none.

    By IDNA 2008: the older way of Python's own codec makes another domain of one with `ß`, and the
    mail would go to strangers.
    """
    try:
        # In pure ASCII there is nothing to convert, and IDNA refuses the `_` that some hosts have.
        ascii_ = domain.lower() if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError as error:
        raise ValueError(f"{domain!r} is no domain ({error})") from error
    labels = ascii_.split(".")
    if len(ascii_) > _MAX_DOMAIN or not all(
        _LABEL.fullmatch(label) and len(label) <= _MAX_LABEL for label in labels
    ):
        raise ValueError(f"{domain!r} is no domain")
    return ascii_
