"""Reports that a message could not be delivered (RFC 3464, in a multipart/report of RFC 6522).

Pure: bytes of a message in, what it says of whom out. Anybody can write such a report to the
address that they come to, so nothing here is believed: whoever calls says what counts as proof.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import quopri
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from email.errors import MessageError
from email.message import Message
from email.parser import BytesParser, HeaderParser

from digest.outbox.verdicts import NO_SUCH_ADDRESS, printable
from digest.records import Bounce

_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")
_RETURNED_TYPES = (
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global-headers",
)
_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.]*\d)")
_BRACKETED = re.compile(r"<([^<>\s]+@[^<>\s]+)>")
_BARE = re.compile(r"[^<>\s,;:]+@[^<>\s,;:]+")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_MESSAGE_ID = re.compile(r"<[^<>\s@]{1,200}@[^<>\s@]{1,255}>")
# `<DIGEST.DATE.HASH@DOMAIN>`, as `editions.message.message_id` makes it for a reader.
_OURS = re.compile(r"<([A-Za-z0-9_=-]+)\.(\d{4}-\d\d-\d\d)\.([0-9a-f]{24})@[^@\s]+>")
_TOKEN = re.compile(r"/subscription/(unsubscribe|preferences|confirm)/([A-Za-z0-9._-]{1,200})")
# What the standard library's parser raises for what it was not made for, and depth beyond it.
_BROKEN = (
    MessageError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RecursionError,
)
# A report on a list of many; more recipients than a server takes at once are somebody's trick.
_MOST_RECIPIENTS = 1000
# RFC 5321, 4.5.3.1, with room for a name beside it.
_LONGEST_ADDRESS = 320
_LONGEST_FIELD = 2000


@dataclass(frozen=True, slots=True)
class Returned:
    """What a report holds of the message that came back.

    `links` are the links to a subscription in it: purpose and token, whoever made them.
    """

    message_id: str = ""
    links: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """What a report says of one recipient, and whether it holds proof that it is about our mail."""

    bounce: Bounce
    is_proven: bool


Proof = Callable[[Returned, str], bool]
"""Whether what came back shows that it was sent to this address by us."""


def read_report(data: bytes, proof: Proof) -> list[Judged] | None:
    """What a report says, a recipient each; None for a message that is no report. Never raises.

    Of the addresses that a report may name for one recipient (the one we sent to, the one it was
    forwarded to), the one that there is proof for counts.
    """
    try:
        message = BytesParser().parsebytes(data)
        status = next(_parts(message, _STATUS_TYPES), None)
        if status is None:
            return None
        headers, text = _returned(next(_parts(message, _RETURNED_TYPES), None))
        returned = Returned(_message_id(message, headers), tuple(dict.fromkeys(_links(text))))
        groups = [_fields(block) for block in _blocks(status)]
        to = _addresses(str(headers.get("To", "")))
    except _BROKEN:
        return None
    recipients = [fields for fields in groups if "action" in fields][:_MOST_RECIPIENTS]
    judged = (
        _judged(fields, to if len(recipients) == 1 else [], returned, proof)
        for fields in recipients
    )
    return [one for one in judged if one is not None]


def edition_of(message_id: str) -> tuple[str, str] | None:
    """The digest and the local date of the edition that a message was of; None if it isn't ours."""
    found = _OURS.fullmatch(message_id)
    if found is None:
        return None
    try:
        date.fromisoformat(found[2])
    except ValueError:
        return None
    return found[1], found[2]


def is_message_to(message_id: str, address: str) -> bool:
    """Whether `editions.message.message_id` makes this Message-ID for a reader of that address.

    Nothing in it is secret: whoever knows the digest and the address can make it as well.
    """
    found = _OURS.fullmatch(message_id)
    if found is None:
        return False
    seed = f"{found[1]}\0{address.lower()}".encode("utf-8", "replace")
    return hashlib.sha256(seed).hexdigest()[:24] == found[3]


def _judged(
    fields: dict[str, str], to: list[str], returned: Returned, proof: Proof
) -> Judged | None:
    """What is said of one recipient; None where it is that all is well, or of nobody."""
    action = fields["action"].split("(")[0].strip().lower()
    named = [
        address
        for name in ("original-recipient", "final-recipient")
        for address in _recipient(fields.get(name, ""))
    ]
    addresses = list(dict.fromkeys((*named, *to)))
    if action not in ("failed", "delayed") or not addresses:
        return None
    proven = next((address for address in addresses if proof(returned, address)), None)
    diagnostic = " ".join(fields.get("diagnostic-code", "").split())
    status = _status(fields.get("status", ""), diagnostic)
    failed = action == "failed"
    said = diagnostic.partition(";")[2].strip() or diagnostic
    bounce = Bounce(
        address=proven or addresses[0],
        failed=failed,
        dead=failed and status in NO_SUCH_ADDRESS,
        status=status,
        reason=printable(said if status in said else f"{status} {said}"),
        message_id=returned.message_id,
    )
    return Judged(bounce, proven is not None)


def _status(status: str, diagnostic: str) -> str:
    """The enhanced code (RFC 3463); where it says nothing (5.0.0), that of the server's answer."""
    codes = [found.group() for text in (status, diagnostic) for found in _STATUS.finditer(text)]
    return next((code for code in codes if not code.endswith(".0.0")), codes[0] if codes else "")


def _recipient(value: str) -> list[str]:
    """The address of `rfc822; jane@example.org`, also as it is when xtext (RFC 3461) is undone."""
    written = value.rpartition(";")[2] if '"' not in value else value.partition(";")[2]
    found = _addresses(written)
    plain = [_XTEXT.sub(lambda code: chr(int(code[1], 16)), address) for address in found]
    return [*found, *plain]


def _addresses(text: str) -> list[str]:
    """The one address in a field, or none where there are several."""
    text = text[:_LONGEST_FIELD]
    bare = _BRACKETED.findall(text) or _BARE.findall(text)
    return bare if len(bare) == 1 and len(bare[0]) <= _LONGEST_ADDRESS else []


def _message_id(report: Message, headers: Message) -> str:
    """Of the message that came back; some servers only name it as what they answer to."""
    for message, name in ((headers, "Message-ID"), (report, "In-Reply-To"), (report, "References")):
        found = _MESSAGE_ID.findall(str(message.get(name, "")))
        if found:
            return str(found[-1])
    return ""


def _links(text: str) -> Iterator[tuple[str, str]]:
    for found in _TOKEN.finditer(text):
        yield found[1], found[2].rstrip(".")


# --- MIME ----------------------------------------------------------------------------------


def _parts(message: Message, types: tuple[str, ...]) -> Iterator[Message]:
    """The parts of those types, but not what stands inside of messages that were enclosed."""
    waiting = [message]
    while waiting:
        part = waiting.pop(0)
        if part.get_content_type() in types:
            yield part
        elif part.is_multipart() and part.get_content_maintype() == "multipart":
            waiting = [*_children(part), *waiting]


def _children(part: Message) -> list[Message]:
    payload = part.get_payload()
    return [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []


def _blocks(status: Message) -> list[str]:
    """The groups of fields of a delivery status: of the message first, then of each recipient."""
    text = "\n\n".join(_raw(part) for part in _children(status)) or _raw(status)
    encoding = str(status.get("Content-Transfer-Encoding", "")).strip().lower()
    if encoding in ("base64", "quoted-printable"):
        text = _decoded(text, encoding)
    return re.split(r"\n(?:[ \t]*\n)+", text.replace("\r\n", "\n"))


def _raw(part: Message) -> str:
    """Headers and text of a part as they came, so far as the parser has left them."""
    headers = [f"{name}: {value}" for name, value in part.items()]
    payload = part.get_payload()
    return "\n".join([*headers, *(["", payload] if isinstance(payload, str) else [])])


def _decoded(text: str, encoding: str) -> str:
    data = text.encode("ascii", "replace")
    try:
        plain = base64.b64decode(data) if encoding == "base64" else quopri.decodestring(data)
    except binascii.Error:
        return text
    return plain.decode("utf-8", "replace")


def _fields(block: str) -> dict[str, str]:
    """The fields of a group, by name in lower case; of one that comes twice, the first."""
    fields: dict[str, str] = {}
    for name, value in HeaderParser().parsestr(block.strip("\n") + "\n\n").items():
        fields.setdefault(name.lower(), str(value))
    return fields


def _returned(part: Message | None) -> tuple[Message, str]:
    """The headers of the message that came back, and all of its text that can be read."""
    if part is None:
        return Message(), ""
    children = _children(part)
    if children:
        message = children[0]
    else:
        text = _raw_text(part)
        message = HeaderParser().parsestr(text.lstrip("\r\n"))
    texts = [re.sub(r"\r?\n[ \t]+", " ", f"{name}: {value}") for name, value in message.items()]
    if children:
        texts += [_raw_text(body) for body in _parts(message, ("text/plain", "text/html"))]
    return message, "\n".join(texts)


def _raw_text(part: Message) -> str:
    data = part.get_payload(decode=True)
    return data.decode("utf-8", "replace") if isinstance(data, bytes) else ""
