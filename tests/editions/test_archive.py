from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import feedparser
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.archive import FEED_ENTRIES, archive_of, atom_feed, entry
from digest.errors import OutboxError
from digest.records import ArchiveEntry, DigestArchive, Edition, EditionStory, EditionTopic

ATOM = "{http://www.w3.org/2005/Atom}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def an_entry(day: int, **fields: object) -> ArchiveEntry:
    moment = datetime(2026, 1, 1, 7, tzinfo=UTC) + timedelta(days=day)
    made = ArchiveEntry(
        date=moment.date().isoformat(),
        subject=f"Subject {day}",
        preheader=f"Preheader {day}",
        built=moment,
        stories=day,
        headlines=("One", "Two"),
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def an_archive(*entries: ArchiveEntry, **fields: object) -> DigestArchive:
    made = DigestArchive(
        digest="morning",
        title="The Morning Digest",
        language="pt_BR",
        timezone="Europe/London",
        template="classic",
        sender="News of Bücher <digest@bücher.example>",
        archive="https://news.example.org/digests",
        entries=entries,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def is_valid(feed: bytes) -> ElementTree.Element:
    """Checks what RFC 4287 says a feed MUST have; gives its root."""
    root = ElementTree.fromstring(feed)
    assert root.tag == f"{ATOM}feed"
    entries = root.findall(f"{ATOM}entry")
    ids = [element.findtext(f"{ATOM}id") for element in (root, *entries)]
    assert len(set(ids)) == len(ids)
    for element in (root, *entries):
        for name in ("id", "title", "updated"):  # 4.1.1, 4.1.2: exactly one
            (found,) = element.findall(f"{ATOM}{name}")
            assert found.text
        assert str(element.findtext(f"{ATOM}id")).startswith("tag:")  # 4.2.6: an IRI with a scheme
        assert datetime.fromisoformat(str(element.findtext(f"{ATOM}updated"))).tzinfo  # 3.3
        links = [
            (link.get("rel"), link.get("type"), link.get("hreflang"))
            for link in element.findall(f"{ATOM}link")
        ]
        assert [relation for relation, *_ in links].count("alternate") == 1  # 4.1.2
        assert len(set(links)) == len(links)
        assert all(link.get("href") for link in element.findall(f"{ATOM}link"))  # 4.2.7.1
    assert root.findtext(f"{ATOM}author/{ATOM}name")  # 4.1.1
    order = [child.tag for child in root]
    assert f"{ATOM}entry" not in order[: len(order) - len(entries)]  # metadata first
    return root


def test_an_entry_says_what_an_edition_is(edition: Edition) -> None:
    assert entry(edition) == ArchiveEntry(
        date="2026-11-24",
        subject=edition.subject,
        preheader=edition.preheader,
        built=edition.built,
        stories=10,
        headlines=tuple(topic.stories[0].headline for topic in edition.topics),
    )


def test_a_heading_without_stories_has_no_headline(
    edition: Edition, make_story: Callable[..., EditionStory]
) -> None:
    topics = (EditionTopic("Empty", ()), EditionTopic("World", (make_story("One"),)))

    assert entry(replace(edition, topics=topics)).headlines == ("One",)


def test_an_archive_lists_newest_first_each_date_once(edition: Edition) -> None:
    rebuilt = an_entry(2, subject="Built again")
    archive = archive_of(edition, [an_entry(1), an_entry(3), an_entry(2), rebuilt])

    assert archive.entries == (an_entry(3), rebuilt, an_entry(1))
    assert (archive.digest, archive.title, archive.sender) == (
        "morning",
        "The Morning Digest",
        edition.sender,
    )


def test_a_feed_reader_finds_the_editions() -> None:
    parsed = feedparser.parse(atom_feed(an_archive(an_entry(2), an_entry(1))))

    assert not parsed.bozo
    assert parsed.version == "atom10"
    feed = parsed.feed
    assert feed.title == "The Morning Digest"
    assert feed.language == "pt-BR"
    assert feed.author == "News of Bücher"
    assert feed.id == "tag:xn--bcher-kva.example,2026:morning"
    assert feed.updated == "2026-01-03T07:00:00Z"
    assert {link.rel: link.href for link in feed.links} == {
        "self": "https://news.example.org/digests/morning/atom.xml",
        "alternate": "https://news.example.org/digests/morning/index.html",
    }
    newest = parsed.entries[0]
    assert newest.id == "tag:xn--bcher-kva.example,2026-01-03:morning"
    assert newest.link == "https://news.example.org/digests/morning/2026-01-03/index.html"
    assert (newest.title, newest.summary) == ("Subject 2", "Preheader 2")
    assert newest.updated == "2026-01-03T07:00:00Z"


def test_without_a_public_address_links_lead_from_where_the_feed_lies() -> None:
    root = is_valid(atom_feed(an_archive(an_entry(1), archive="")))

    links = [link.get("href") for link in root.iter(f"{ATOM}link")]
    assert links == ["atom.xml", "index.html", "2026-01-02/index.html"]
    assert not any("base" in name for element in root.iter() for name in element.attrib)


def test_a_feed_has_the_newest_editions_only() -> None:
    entries = [an_entry(day) for day in range(100, 0, -1)]
    root = is_valid(atom_feed(an_archive(*entries)))

    titles = [element.findtext(f"{ATOM}title") for element in root.iter(f"{ATOM}entry")]
    assert titles == [f"Subject {day}" for day in range(100, 100 - FEED_ENTRIES, -1)]


def test_ids_stay_when_the_editions_move_or_are_built_again() -> None:
    def ids(archive: DigestArchive) -> list[str | None]:
        return [one.text for one in ElementTree.fromstring(atom_feed(archive)).iter(f"{ATOM}id")]

    first = ids(an_archive(an_entry(2), an_entry(1)))
    again = an_entry(2, subject="Another", built=datetime(2026, 1, 9, tzinfo=UTC))
    assert ids(an_archive(again, an_entry(1), archive="https://other.example", title="T")) == first
    assert ids(an_archive(an_entry(2))) == first[:2]


def test_the_archives_host_stands_in_for_a_sender_without_a_domain() -> None:
    feed = atom_feed(an_archive(an_entry(1), sender="nobody"))

    assert b"<id>tag:news.example.org,2026:morning</id>" in feed
    assert feedparser.parse(feed).feed.author == "The Morning Digest"


def test_a_feed_that_nothing_names_is_told() -> None:
    with pytest.raises(OutboxError, match=r"digest morning: its feed needs a domain.*`from:`"):
        atom_feed(an_archive(an_entry(1), sender="nobody", archive=""))


def test_a_feed_of_nothing_is_told() -> None:
    with pytest.raises(OutboxError, match="digest morning: there is no edition"):
        atom_feed(an_archive())


def test_what_is_missing_is_stood_in_for() -> None:
    archive = an_archive(an_entry(1, subject="", preheader=""), language="?", title="")
    root = is_valid(atom_feed(archive))

    assert root.findtext(f"{ATOM}title") == "morning"
    assert root.findtext(f"{ATOM}entry/{ATOM}summary") == "One; Two"
    assert LANG not in root.attrib


def test_equal_archives_give_equal_bytes() -> None:
    assert atom_feed(an_archive(an_entry(1))) == atom_feed(an_archive(an_entry(1)))


@given(st.text(), st.text(), st.text())
def test_any_text_makes_a_valid_feed(title: str, subject: str, preheader: str) -> None:
    archive = an_archive(
        an_entry(1, subject=f"<b>&{subject}]]>", preheader=preheader),
        title=f"&{title}",
        digest=f"m{title}",
    )
    feed = atom_feed(archive)

    is_valid(feed)
    assert not feedparser.parse(feed).bozo
