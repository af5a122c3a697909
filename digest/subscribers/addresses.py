"""Addresses and names of subscribers: what is taken, and how it is written."""

from __future__ import annotations

import re

import email_validator
from email_validator import EmailNotValidError

MAX_NAME = 200
"""Characters that a person's name may have."""

# What cells and forms have around an address, and nobody sees.
_AROUND = " \t\r\n\f\v\xa0\u200b\u200c\u200d\u2060\ufeff"

# Blanks of whatever width, but not what ends a line.
_BLANKS = re.compile(r"[^\S\r\n\v\f\x1c-\x1f\x85\u2028\u2029]+")
# Names in Persian, and faces of more than one sign, are written with them.
_JOINERS = dict.fromkeys((0x200C, 0x200D))


def normalised(text: str) -> str:
    """The address that `text` is: an addr-spec in ASCII, its domain in lower case and A-labels.

    What stands before @ keeps its case, which some servers tell apart (RFC 5321, 2.4). Nothing is
    asked over the network. Raises ValueError that says in plain words, and without the address,
    what is wrong: it is the rest of a sentence that begins with the place.
    """
    text = text.strip(_AROUND)
    if not text:
        raise ValueError("there is no e-mail address")
    if not text.isprintable():
        raise ValueError("the e-mail address has a line break or another unseen character")
    if "@" not in text:
        raise ValueError("the e-mail address has no @")
    if any(mark in text for mark in ",;") or text.count("@") > 1:
        raise ValueError("there is more than one e-mail address; write one alone")
    if any(mark in text for mark in "<>"):
        raise ValueError("there is a name around the e-mail address; write the address alone")
    if any(mark in text for mark in '"()\\'):
        raise ValueError("the e-mail address has quotes or brackets, which are not supported")
    local = text.partition("@")[0]
    if not local.isascii():
        # It would take SMTPUTF8 (RFC 6531) at every server on the way.
        raise ValueError("what stands before @ has letters other than a to z, which can't be used")
    try:
        checked = email_validator.validate_email(
            text,
            check_deliverability=False,
            allow_smtputf8=False,
            # RFC 5321, 4.5.3.1.1: 64 characters before the @.
            strict=True,
            # `.test` is there to try things with (RFC 2606, 2); it makes no other difference.
            test_environment=True,
        )
    except EmailNotValidError as error:
        raise ValueError(f"the e-mail address can't be right: {_plainly(error)}") from error
    domain = checked.ascii_domain
    if "." not in domain:
        raise ValueError("what stands after @ has no dot, as example.org has")
    return f"{checked.ascii_local_part}@{domain}"


def address_key(address: str) -> str:
    """What is equal for addresses that are one: case is ignored on both sides of the @.

    RFC 5321 would let two mailboxes differ in case alone; no provider lets them.
    """
    return address.casefold()


def person_name(text: str) -> str:
    """A person's name in one line. Raises ValueError that says in plain words what is wrong."""
    name = _BLANKS.sub(" ", text).strip(_AROUND)
    if len(name) > MAX_NAME:
        raise ValueError(f"the name has over {MAX_NAME} characters")
    if not name.translate(_JOINERS).isprintable():
        raise ValueError(
            "the name has a line break or another unseen character; write it in one line"
        )
    return name


def _plainly(error: EmailNotValidError) -> str:
    """What the library says, without its capital and full stop."""
    words = str(error).rstrip(".")
    return words[:1].lower() + words[1:]
