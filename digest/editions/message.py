"""An edition as the bytes of an Internet message (RFC 5322), ready for a file or an SMTP server.

Lines end with CRLF, as both want. Nothing random, nothing of the machine: an edition always gives
the same message, so that a copy sent again is recognised by its Message-ID and its bytes.
"""

from __future__ import annotations

import hashlib
import re
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import parseaddr

from digest.editions.filters import language_tag, printable
from digest.errors import OutboxError
from digest.records import Edition, Rendered

# 76 is the longest line that quoted-printable and base64 may have (RFC 2045, 6.7 and 6.8).
_POLICY = SMTP.clone(max_line_length=76)


def build_message(edition: Edition, rendered: Rendered) -> bytes:
    """The whole message: multipart/alternative, plain text first, addressed to its own sender.

    Raises OutboxError when the sender is no e-mail address.
    """
    sender = _sender(edition)
    list_id = f"{_atom(edition.digest)}.{sender.domain}"
    message = EmailMessage(_POLICY)
    message["Subject"] = printable(edition.subject)
    message["From"] = sender
    message["To"] = Address(addr_spec=sender.addr_spec)
    message["Date"] = edition.built
    message["Message-ID"] = f"<{_atom(edition.digest)}.{edition.date}@{sender.domain}>"
    message["List-Id"] = f"<{list_id}>"
    message.set_content(rendered.text, cte=_encoding(rendered.text))
    message.add_alternative(rendered.html, subtype="html", cte=_encoding(rendered.html))
    languages = {language_tag(story.language) for story in edition.stories}
    if len(languages) == 1 and "" not in languages:
        message["Content-Language"] = languages.pop()
    message.set_boundary(_boundary(edition, rendered))
    return message.as_bytes()


def _sender(edition: Edition) -> Address:
    name, address = parseaddr(printable(edition.sender))
    local, at, domain = address.rpartition("@")
    try:
        if not at:
            raise ValueError("there is no address in it")
        host = domain.encode("idna").decode("ascii")
        return Address(name, addr_spec=f"{local}@{host}")
    # The parser's own mistakes on broken addresses come as IndexError.
    except (ValueError, IndexError, MessageError) as error:
        raise OutboxError(
            f"edition {edition.digest} {edition.date}: sender {edition.sender!r} is not an e-mail "
            f"address ({error}); correct `from:` of digest {edition.digest!r}, for example "
            '"The Morning Digest <digest@example.org>"'
        ) from error


def _encoding(body: str) -> str:
    """Whichever is shorter: quoted-printable costs two more bytes for each that isn't ASCII."""
    encoded = body.encode("utf-8")
    others = sum(byte > 126 or byte == ord("=") for byte in encoded)
    return "base64" if 2 * others > len(encoded) / 3 else "quoted-printable"


def _boundary(edition: Edition, rendered: Rendered) -> str:
    """Decided by the content. `=_` can't occur in either encoding (RFC 2045, 6.7, note 5)."""
    parts = (edition.digest, edition.date, rendered.text, rendered.html)
    digest = hashlib.sha256("\0".join(parts).encode("utf-8")).hexdigest()
    return f"=_{digest[:32]}"


def _atom(name: str) -> str:
    """The digest's name as an atom (RFC 5322, 3.2.3), which a-z, 0-9, `-` and `_` are already.

    Other characters only come from an edition made by hand; their codes keep names apart.
    """
    return re.sub(r"[^A-Za-z0-9_-]", lambda other: f"={ord(other[0]):x}", name)
