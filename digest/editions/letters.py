"""The letter that asks somebody whether they want a digest (double opt-in), as a message.

Anybody can have it sent to anybody, by writing an address into a form. So nothing else that was
written there is in it, not the name either: it would carry strangers' words under our name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from html import escape

from digest.editions.filters import direction, language_tag
from digest.editions.headers import fold, named, unstructured
from digest.editions.mailboxes import Mailbox, make_mailbox, parse_mailbox
from digest.editions.message import NO_ANSWERS, part
from digest.editions.plain import wrap
from digest.editions.printable import printable
from digest.editions.signing import Signer
from digest.editions.words import Words
from digest.errors import OutboxError
from digest.records import Reader

# The colours of the packaged themes; each pair has over 4.5:1, and so have those of the dark.
_HTML = """\
<!DOCTYPE html>
<html lang="{language}" dir="{direction}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>{subject}</title>
<style>
:root {{ color-scheme: light dark; supported-color-schemes: light dark }}
@media (prefers-color-scheme: dark) {{
  body, .ground {{ background-color: #121110 !important }}
  .page {{ background-color: #1c1a18 !important }}
  h1, p {{ color: #f3eee5 !important }}
  .button {{ background-color: #eba594 !important; color: #1c1a18 !important }}
  .small, .small a {{ color: #b5ada1 !important }}
}}
</style>
</head>
<body style="margin: 0; padding: 0; background-color: #efebe3">
<div role="main">
<div role="article" aria-label="{subject}" lang="{language}" dir="{direction}">
<table role="presentation" class="ground" width="100%" cellpadding="0" cellspacing="0" border="0" \
style="background-color: #efebe3"><tr><td align="center" style="padding: 24px 0">
<table role="presentation" class="page" width="100%" cellpadding="0" cellspacing="0" border="0" \
style="max-width: 560px; background-color: #fffefb; word-break: break-word"><tr>\
<td align="{start}" style="padding: 32px 24px">
<h1 style="margin: 0 0 16px; font: bold 26px/1.2 Georgia, serif; color: #1c1a17">{title}</h1>
<p style="{paragraph}">{why}</p>
<p style="{paragraph}">{how}</p>
<p style="margin: 24px 0 0"><a class="button" href="{link}" style="display: inline-block; \
padding: 14px 28px; border-radius: 4px; background-color: #8a1c1c; color: #fffefb; \
font: bold 17px/1.3 Helvetica, Arial, sans-serif; text-decoration: none">{button}</a></p>
<p class="small" style="{small}"><a href="{link}" style="color: #5e5850">{link}</a></p>
<p style="{paragraph}">{otherwise}</p>
{postal}</td></tr></table>
</td></tr></table>
</div>
</div>
</body>
</html>
"""
_PARAGRAPH = "margin: 0 0 14px; font: 17px/1.5 Georgia, serif; color: #1c1a17"
_SMALL = (
    "margin: 14px 0 24px; font: 13px/1.5 Helvetica, Arial, sans-serif; color: #5e5850; "
    "word-break: break-all"
)


def confirmation_letter(
    sender: str,
    title: str,
    language: str,
    words: Words,
    reader: Reader,
    link: str,
    now: datetime,
    *,
    days: int,
    postal: str = "",
    signer: Signer | None = None,
) -> tuple[bytes, str]:
    """The message (RFC 5322, CRLF, ASCII) and its Message-ID, in angle brackets.

    `sender` is a mailbox as `from:` in feeds.yaml has it, `title` the digest's, `words` those of
    `language` (BCP 47); `link` is where the reader says yes, within `days` of `now` (aware). Of
    the reader only the address is in it. The same arguments give the same bytes. Raises
    OutboxError when the sender or the reader has no e-mail address.
    """
    title, postal = printable(title).strip(), printable(postal).strip()
    own = _mailbox(sender)
    to = _addressee(reader)
    subject = words.gettext("Please confirm: %(title)s") % {"title": title}
    why, how, otherwise, button = _sentences(words, title, to.address, days)
    text = "\n\n".join(
        [wrap(why), wrap(how), link, wrap(otherwise), *([f"-- \n{wrap(postal)}"] if postal else [])]
    )
    html = _HTML.format(
        language=escape(language_tag(language) or "en"),
        direction=direction(language),
        start="right" if direction(language) == "rtl" else "left",
        paragraph=_PARAGRAPH,
        small=_SMALL,
        subject=escape(subject),
        title=escape(title),
        why=escape(why),
        how=escape(how),
        otherwise=escape(otherwise),
        button=escape(button),
        link=escape(link),
        postal=f'<p class="small" style="{_SMALL}">{escape(postal)}</p>\n' if postal else "",
    )
    seed = hashlib.sha256("\0".join((to.address.lower(), link, now.isoformat())).encode())
    name = f"<confirm.{seed.hexdigest()[:32]}@{own.domain}>"
    boundary = f"=_{hashlib.sha256((text + html).encode('utf-8', 'replace')).hexdigest()[:32]}"
    lines = [
        *_header(own, to, subject, name, now),
        *([f"Content-Language: {tag}"] if (tag := language_tag(language)) else []),
        fold("Content-Type", ["multipart/alternative;", f'boundary="{boundary}"']),
        "",
        f"--{boundary}",
        part("plain", f"{text}\n"),
        f"--{boundary}",
        part("html", html),
        f"--{boundary}--",
        "",
    ]
    message = "\r\n".join(lines).encode("ascii")
    return (message if signer is None else signer.sign(message, own.domain, now)), name


def _sentences(words: Words, title: str, address: str, days: int) -> tuple[str, str, str, str]:
    """Why the letter comes, what to do, what if one does nothing, and the button."""
    values = {"title": title, "address": address, "num": days}
    return (
        words.gettext("Somebody, probably you, asked to receive %(title)s at %(address)s.")
        % values,
        words.ngettext(
            "If you want it, open this link within %(num)s day and confirm there:",
            "If you want it, open this link within %(num)s days and confirm there:",
            days,
        )
        % values,
        words.gettext(
            "If you did not ask for it, you need do nothing: nothing else will be sent to you."
        )
        % values,
        words.gettext("Confirm the subscription"),
    )


def _header(own: Mailbox, to: Mailbox, subject: str, name: str, now: datetime) -> Iterator[str]:
    yield named("From", own.name, own.address)
    yield named("To", "", to.address)
    yield unstructured("Subject", subject)
    yield f"Date: {format_datetime(now.astimezone(UTC))}"
    yield f"Message-ID: {name}"
    yield "Auto-Submitted: auto-generated"  # RFC 3834, 5
    yield f"X-Auto-Response-Suppress: {NO_ANSWERS}"
    yield "MIME-Version: 1.0"


def _mailbox(sender: str) -> Mailbox:
    try:
        return parse_mailbox(sender)
    except ValueError as error:
        raise OutboxError(
            f"the letter to confirm: sender {sender!r} is not an e-mail address ({error}); correct "
            '`from:` of the digest, for example "The Morning Digest <digest@example.org>"'
        ) from error


def _addressee(reader: Reader) -> Mailbox:
    try:
        return make_mailbox(reader.address)
    except ValueError as error:
        # The address is not named: reasons go into logs and reports.
        raise OutboxError(
            f"the letter to confirm: the reader has no e-mail address ({error}); take that reader "
            "off the list"
        ) from error
