"""An edition as the bytes of an Internet message (RFC 5322), ready for a file or an SMTP server.

Lines end with CRLF, as both want. Nothing random, nothing of the machine: an edition and a reader
always give the same message, so that a copy sent again is recognised by its Message-ID and bytes.
docs/email.md says of each field what it is for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from digest.editions.filters import language_tag, safe_url
from digest.editions.headers import fold, named, unstructured
from digest.editions.limits import MAX_READER_ADDRESS
from digest.editions.mailboxes import Mailbox, make_mailbox, parse_mailbox
from digest.editions.printable import printable
from digest.editions.signing import Signer
from digest.errors import OutboxError
from digest.records import Edition, Reader, Rendered

# As long as the name of a digest may be.
_MAX_ATOM = 100

# All that Exchange answers by itself, but for the reports that a message could not be delivered
# (NDR, which `All` would include): those tell the sender that an address is dead.
NO_ANSWERS = "DR, RN, NRN, OOF, AutoReply"

_SENDER_ID = range(5, 16)
_AS_IT_IS = bytes(byte for byte in range(127) if byte != ord("="))


def build_message(
    edition: Edition,
    rendered: Rendered,
    *,
    reader: Reader | None = None,
    signer: Signer | None = None,
    mark: str = "",
    moment: datetime | None = None,
) -> bytes:
    """The whole message: multipart/alternative, plain text first, for `reader` or its own sender.

    `moment` is its date, the edition's own when None: a draft that waited for its editor is not
    dated before it was approved.
    `mark` (letters and digits) makes another Message-ID: a copy for trying must not be taken, by
    any mail program, for the one that a reader has or is going to get.

    It is signed (DKIM) where there is a `signer`. An edition whose first story is an update of
    one that an earlier edition told names that edition's message in `References` (not in
    `In-Reply-To`: it is no reply). The subject is of that first story, and a reader finds what it
    builds on one step up the thread. For a story further down it would file the day's mail under
    one that most of it has nothing to do with.

    Raises OutboxError when the sender or the reader has no e-mail address, or the reader's address
    to unsubscribe can't stand in a header.
    """
    sender, moment = _sender(edition), moment or edition.built
    fields = [
        *_envelope(edition, sender, reader, mark, moment),
        *_list(edition, sender, reader),
        *_automatic(edition, sender),
        "MIME-Version: 1.0",
    ]
    if language := language_tag(edition.language):
        fields.append(f"Content-Language: {language}")
    boundary = _boundary(edition, rendered)
    fields.append(fold("Content-Type", ["multipart/alternative;", f'boundary="{boundary}"']))
    lines = [
        *fields,
        "",
        f"--{boundary}",
        part("plain", rendered.text),
        f"--{boundary}",
        part("html", rendered.html),
        f"--{boundary}--",
        "",
    ]
    message = "\r\n".join(lines).encode("ascii")
    return (
        message if signer is None else signer.sign(message, sender.domain, moment or edition.built)
    )


def message_id(
    edition: Edition, reader: Reader | None = None, *, date: str = "", mark: str = ""
) -> str:
    """The Message-ID, in its angle brackets, of the edition of `date` (its own) for `reader`.

    It is the same whenever it is asked for, and shows of the address only a hash: a message is
    forwarded, and archived, with its Message-ID.
    """
    parts = [_atom(edition.digest), _atom(date or edition.date)]
    if reader is not None:
        address = _addressee(edition, reader).address.lower()
        seed = f"{edition.digest}\0{address}".encode()
        parts.append(hashlib.sha256(seed).hexdigest()[:24])
    if mark:
        parts.append(_atom(mark))
    return f"<{'.'.join(parts)}@{_sender(edition).domain}>"


def _envelope(
    edition: Edition, sender: Mailbox, reader: Reader | None, mark: str, moment: datetime
) -> Iterator[str]:
    """What RFC 5322 knows: from whom, for whom, when, about what."""
    to = Mailbox(sender.local, sender.domain) if reader is None else _addressee(edition, reader)
    yield named("From", sender.name, sender.address)
    yield named("To", to.name, to.address)
    yield unstructured("Subject", printable(edition.subject).strip() or edition.title)
    yield f"Date: {format_datetime(moment.astimezone(UTC))}"
    yield f"Message-ID: {message_id(edition, reader, mark=mark)}"
    first = next(iter(edition.stories), None)
    if first is not None and first.update is not None:
        yield f"References: {message_id(edition, reader, date=first.update.date)}"


def _list(edition: Edition, sender: Mailbox, reader: Reader | None) -> Iterator[str]:
    """What mail programs and filters know a list by (RFC 2369, 2919), and how to leave it."""
    name = _atom(edition.digest)
    yield named("List-Id", edition.title, f"{name}.{sender.domain}")
    by_mail = f"mailto:{quote(sender.local)}@{sender.domain}?subject=unsubscribe%20{quote(name)}"
    web = _unsubscribe(edition, reader)
    # Clients take the first that they can use.
    yield fold("List-Unsubscribe", [f"<{web}>,", f"<{by_mail}>"] if web else [f"<{by_mail}>"])
    if web.startswith("https:"):
        yield "List-Unsubscribe-Post: List-Unsubscribe=One-Click"  # RFC 8058, 3.1
    folder = f"{edition.archive}/{quote(edition.digest, safe='')}"
    archive = safe_url(f"{folder}/index.html") if edition.archive else ""
    if archive and len(archive) <= MAX_READER_ADDRESS:
        yield f"List-Archive: <{archive}>"


def _automatic(edition: Edition, sender: Mailbox) -> Iterator[str]:
    """That no person has written it, so that no program answers; and for Gmail's statistics."""
    yield "Auto-Submitted: auto-generated"  # RFC 3834, 5
    yield f"X-Auto-Response-Suppress: {NO_ANSWERS}"
    # In no standard, but it is what old vacation programs go by. Not `bulk`: some servers put
    # that last in their queues.
    yield "Precedence: list"
    # Campaign, customer, kind of mail, and who sends: the last has 5 to 15 characters and stays.
    who = sender.domain
    if len(who) not in _SENDER_ID:
        who = hashlib.sha256(who.encode()).hexdigest()[: _SENDER_ID[-1]]
    yield f"Feedback-ID: {_atom(edition.date)}:{_atom(edition.digest)}:digest:{who}"


def _sender(edition: Edition) -> Mailbox:
    try:
        return parse_mailbox(edition.sender)
    except ValueError as error:
        raise OutboxError(
            f"edition {edition.digest} {edition.date}: sender {edition.sender!r} is not an e-mail "
            f"address ({error}); correct `from:` of digest {edition.digest!r}, for example "
            '"The Morning Digest <digest@example.org>"'
        ) from error


def _addressee(edition: Edition, reader: Reader) -> Mailbox:
    try:
        return make_mailbox(reader.address, reader.name)
    except ValueError as error:
        raise OutboxError(
            f"edition {edition.digest} {edition.date}: reader {reader.address!r} has no e-mail "
            f"address ({error}); correct it, or take that reader off the list"
        ) from error


def _unsubscribe(edition: Edition, reader: Reader | None) -> str:
    """The reader's own address to unsubscribe at, or nothing; what can't be used is told."""
    if reader is None:
        return ""
    _own_address(edition, reader, reader.preferences, "change what they get")
    return _own_address(edition, reader, reader.unsubscribe, "unsubscribe")


def _own_address(edition: Edition, reader: Reader, own: str, purpose: str) -> str:
    address = safe_url(own)
    if own and (not address.startswith(("http:", "https:")) or len(address) > MAX_READER_ADDRESS):
        raise OutboxError(
            f"edition {edition.digest} {edition.date}: {own[:200]!r} is no http(s) address of up "
            f"to {MAX_READER_ADDRESS} characters, at which {reader.address!r} could {purpose}; "
            "check DIGEST_PUBLIC_URL"
        )
    return address


def part(kind: str, text: str) -> str:
    """One of the two bodies with its own header, without the CRLF that the boundary begins with."""
    body = text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace")
    encoding = _encoding(body)
    encoded = _base64(body) if encoding == "base64" else _quoted_printable(body)
    return (
        f"Content-Type: text/{kind}; charset=utf-8\r\n"
        f"Content-Transfer-Encoding: {encoding}\r\n\r\n{encoded}"
    )


def _encoding(body: bytes) -> str:
    """Whichever is shorter: quoted-printable costs two more bytes for each that isn't ASCII."""
    others = len(body.translate(None, _AS_IT_IS))
    return "base64" if 2 * others > len(body) / 3 else "quoted-printable"


def _base64(body: bytes) -> str:
    """Lines of 76; a text's own lines end with CRLF in it (RFC 2045, 6.8)."""
    encoded = base64.encodebytes(body.replace(b"\n", b"\r\n")).decode("ascii")
    return encoded.replace("\n", "\r\n")


def _quoted_printable(body: bytes) -> str:
    """Lines of at most 76 (RFC 2045, 6.7).

    A line that begins with `From ` is altered in mailbox files, and with it the signature broken:
    its first letter is encoded (RFC 2049, 3), and a break makes room for that.
    """
    encoded = binascii.b2a_qp(body, istext=True).decode("ascii")
    # To look at each line for it takes as long as to encode them all.
    if encoded.startswith("From ") or "\nFrom " in encoded:
        encoded = re.sub(r"^(?:From )+", _no_from, encoded, flags=re.MULTILINE)
    return encoded.replace("\n", "\r\n")


def _no_from(found: re.Match[str]) -> str:
    return found[0].replace("From ", "=46rom =\n")


def _boundary(edition: Edition, rendered: Rendered) -> str:
    """Decided by the content. `=_` can't occur in either encoding (RFC 2045, 6.7, note 5)."""
    parts = (edition.digest, edition.date, rendered.text, rendered.html)
    digest = hashlib.sha256("\0".join(parts).encode("utf-8", "replace")).hexdigest()
    return f"=_{digest[:32]}"


def _atom(name: str) -> str:
    """The digest's name as an atom (RFC 5322, 3.2.3), which a-z, 0-9, `-` and `_` are already.

    Other characters, and none at all or too many, only come from an edition made by hand; their
    codes keep names apart.
    """
    atom = re.sub(r"[^A-Za-z0-9_-]", lambda other: f"={ord(other[0]):x}", name) or "="
    if len(atom) > _MAX_ATOM:
        return f"={hashlib.sha256(name.encode('utf-8', 'replace')).hexdigest()}"
    return atom
