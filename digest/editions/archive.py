"""What is told of a digest's editions where they are published: a list, and an Atom feed.

Pure functions of records. The list's page is made by a theme from a `DigestArchive`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

from digest.editions.filters import headline, language_tag, safe_url
from digest.editions.mailboxes import Mailbox, ascii_domain, parse_mailbox
from digest.editions.printable import printable_record
from digest.errors import OutboxError
from digest.records import ArchiveEntry, DigestArchive, Edition

PAGE = "index.html"
FEED = "atom.xml"
"""The names of the two files, beside the editions' folders."""

FEED_ENTRIES = 30
"""Six weeks of an edition each working day. A feed is asked for again and again: it stays small."""

_ATOM = "http://www.w3.org/2005/Atom"
# A tag URI names a day on which its maker held the domain (RFC 4151, 2.1). Of an edition that is
# its date; a feed has none that would stay when old editions are cleared away, so it is the year
# since which there are such feeds.
_FEED_YEAR = "2026"


def entry(edition: Edition) -> ArchiveEntry:
    """The edition's line in the list of editions."""
    return ArchiveEntry(
        date=edition.date,
        subject=edition.subject,
        preheader=edition.preheader,
        built=edition.built,
        stories=len(edition.stories),
        headlines=tuple(headline(topic.stories[0]) for topic in edition.topics if topic.stories),
    )


def archive_of(newest: Edition, entries: Iterable[ArchiveEntry]) -> DigestArchive:
    """All editions of the digest that `newest` is of; one entry a date, newest first."""
    by_date = {one.date: one for one in entries}
    return DigestArchive(
        digest=newest.digest,
        title=newest.title,
        language=newest.language,
        timezone=newest.timezone,
        template=newest.template,
        sender=newest.sender,
        archive=newest.archive,
        entries=tuple(by_date[date] for date in sorted(by_date, reverse=True)),
    )


def atom_feed(archive: DigestArchive) -> bytes:
    """The newest editions as an Atom feed (RFC 4287), UTF-8. Equal archives, equal bytes.

    Links are absolute when the archive's address is known; else relative to where the feed lies,
    which is beside the editions. Raises OutboxError for an archive without editions, and where
    neither the sender nor the archive's address has a domain.
    """
    archive = printable_record(replace(archive, entries=archive.entries[:FEED_ENTRIES]))
    if not archive.entries:
        raise OutboxError(f"digest {archive.digest}: there is no edition to make a feed of")
    authority = _authority(archive)
    # Attributes and names without a namespace of their own: ElementTree would number prefixes.
    root = ElementTree.Element("feed", {"xmlns": _ATOM})
    language = language_tag(archive.language)
    if language:
        root.set("xml:lang", language)
    _text(root, "id", f"tag:{authority},{_FEED_YEAR}:{quote(archive.digest)}")
    _text(root, "title", archive.title or archive.digest)
    _text(root, "updated", _moment(max(one.built for one in archive.entries)))
    author = ElementTree.SubElement(root, "author")
    _text(author, "name", _author(archive))
    _link(root, "self", _address(archive, FEED), "application/atom+xml")
    _link(root, "alternate", _address(archive, PAGE), "text/html")
    _text(root, "generator", "digest")
    for one in archive.entries:
        element = ElementTree.SubElement(root, "entry")
        _text(element, "id", f"tag:{authority},{quote(one.date)}:{quote(archive.digest)}")
        _text(element, "title", one.subject or f"{archive.title} {one.date}")
        # No `published`: of an edition that was built again, nothing tells when it first was.
        _text(element, "updated", _moment(one.built))
        _link(element, "alternate", _address(archive, f"{quote(one.date)}/{PAGE}"), "text/html")
        _text(element, "summary", one.preheader or "; ".join(one.headlines))
    ElementTree.indent(root)
    body: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return body + b"\n"


def _sender(archive: DigestArchive) -> Mailbox | None:
    """Who sends the digest; None where that is no address, as in an edition made by hand."""
    try:
        return parse_mailbox(archive.sender)
    except ValueError:
        return None


def _authority(archive: DigestArchive) -> str:
    """The domain that makes the ids the digest's own: the sender's, else the archive's."""
    if sender := _sender(archive):
        return sender.domain
    try:
        return ascii_domain(urlsplit(archive.archive).hostname or "")
    except ValueError as error:
        raise OutboxError(
            f"digest {archive.digest}: its feed needs a domain to be known by; correct `from:`, or "
            "set DIGEST_PUBLIC_URL"
        ) from error


def _author(archive: DigestArchive) -> str:
    """The sender's name; its address is for mail, and feeds are read by those who collect them."""
    sender = _sender(archive)
    return (sender.name if sender else "") or archive.title or archive.digest


def _address(archive: DigestArchive, path: str) -> str:
    if archive.archive:
        folder = f"{archive.archive.rstrip('/')}/{quote(archive.digest, safe='')}"
        if address := safe_url(f"{folder}/{path}"):
            return address
    return path


def _text(parent: ElementTree.Element, name: str, text: str) -> None:
    ElementTree.SubElement(parent, name).text = text


def _link(parent: ElementTree.Element, relation: str, address: str, kind: str) -> None:
    ElementTree.SubElement(parent, "link", {"rel": relation, "type": kind, "href": address})


def _moment(moment: datetime) -> str:
    """RFC 3339, to the second, in UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
