"""From a composed edition to the outbox: what fits, what is found, what is listed."""

from __future__ import annotations

import email
import email.policy
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import feedparser
import pytest

from digest.editions.limits import MAX_BYTES, MAX_READER_ADDRESS
from digest.editions.render import Renderer, packaged_themes
from digest.errors import ConfigError
from digest.records import DigestOutcome, Reader

House = Any  # conftest.House: a conftest can't be imported by name, every room has one
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def built(house: House, now: datetime = NOON, **options: Any) -> DigestOutcome:
    (outcome,) = house.run(now, **options).digests
    assert outcome.status == "built", outcome
    return outcome  # type: ignore[no-any-return]


def mail_html(house: House, date: str = "2026-03-02") -> bytes:
    """The HTML part of the message, decoded."""
    message = email.message_from_bytes(
        house.files(date=date)["digest.eml"], policy=email.policy.default
    )
    part = message.get_body(("html",))
    assert part is not None
    return part.get_payload(decode=True)  # type: ignore[no-any-return]


def theme(house: House, **files: str) -> Path:
    """A theme `mine` of the user's: the packaged one but for `files` (with _ for .)."""
    folder: Path = house.folder / "templates" / "mine"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "digest.html.j2").write_text('{% extends "classic/digest.html.j2" %}', "utf-8")
    for name in ("style.css", "adaptive.css"):
        (folder / name).write_text(f'{{% include "classic/{name}" %}}', "utf-8")
    for name, text in files.items():
        (folder / name.replace("_", ".")).write_text(text, "utf-8")
    return folder


# --- size ----------------------------------------------------------------------------------


FULL = (
    "{name: daily, max_stories: 60, summary: {model: extractive, sentences: 10, words: 500}, "
    "topics: {Town: streets and shops}}"
)


@pytest.fixture
def full(house: House) -> House:
    """A day with more than an e-mail can hold: 60 stories whose summaries have 3,000 characters."""
    house.configure(FULL, "world")
    items = [house.item(f"Headline {number}") for number in range(60)]
    long = [
        type(item)(item.title, item.published, item.text * 8, item.guid)  # 32 sentences
        for item in items
    ]
    house.feed("world", *long)
    return house


def test_what_an_email_has_no_room_for_is_left_out_and_told_of(full: House) -> None:
    outcome = built(full)
    edition = full.edition()
    assert 0 < outcome.trimmed == 60 - len(edition.stories)
    assert edition.left_out == edition.trimmed == outcome.trimmed
    size = len(mail_html(full))
    assert MAX_BYTES * 0.9 < size <= MAX_BYTES
    assert not [finding for finding in outcome.findings if finding.severity == "error"]


def test_a_copy_with_the_longest_links_of_a_reader_s_own_fits_too(full: House) -> None:
    built(full)
    long = "https://list.example.org/".ljust(MAX_READER_ADDRESS, "x")
    reader = Reader("someone@example.org", unsubscribe=long, preferences=long)
    copy = Renderer([packaged_themes()]).render(full.edition(), mail=True, reader=reader)
    assert long in copy.html
    assert len(copy.html.encode()) <= MAX_BYTES


def test_what_was_trimmed_is_not_told_and_stands_in_the_next_edition(full: House) -> None:
    built(full)
    first = full.headlines()
    full.configure(FULL.replace("{name: daily", "{name: daily, window: all"), "world")
    built(full, NOON + DAY)
    second = full.headlines(date="2026-03-03")
    assert len(first) < 60
    assert not first & second
    assert len(second) == 60 - len(first)


# --- findings ------------------------------------------------------------------------------


def test_a_theme_that_clients_would_break_is_found_and_the_edition_built_all_the_same(
    house: House,
) -> None:
    css = '{% include "classic/style.css" %}\n.summary { color: #c8c8c8 }\n'
    theme(house, style_css=css)
    house.configure("{name: daily, template: mine}", "world")
    house.feed("world", house.item("Alpha"))
    outcome = built(house)
    faults = [finding for finding in outcome.findings if finding.severity == "error"]
    assert {finding.rule for finding in faults} == {"contrast"}
    assert house.headlines() == {"Alpha"}


def test_a_defect_of_the_lint_costs_nobody_their_edition(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("defect")

    monkeypatch.setattr("digest.pipeline.publishing.lint", broken)
    house.feed("world", house.item("Alpha"))
    (finding,) = built(house).findings
    assert (finding.rule, finding.severity) == ("lint", "warning")
    assert "unexpected ZeroDivisionError: defect" in finding.message
    assert "ZeroDivisionError" in caplog.text
    assert house.headlines() == {"Alpha"}


def test_a_broken_template_names_file_and_line_and_the_previous_edition_stays(
    house: House,
) -> None:
    house.feed("world", house.item("Alpha"))
    built(house)
    before = house.files()
    folder = theme(house, digest_html_j2="<p>fine</p>\n{% for story in %}\n")
    house.configure("{name: daily, template: mine}", "world")
    (outcome,) = house.run(force=True).digests
    assert outcome.status == "failed"
    assert f"{folder / 'digest.html.j2'}:2: " in outcome.reason
    assert house.files() == before


def test_a_language_without_words_fails_before_a_feed_is_asked(house: House) -> None:
    house.configure("{name: daily, language: fi}", "world")
    house.feed("world", house.item("Alpha"))
    (outcome,) = house.run().digests
    assert outcome.status == "failed"
    assert "'fi'" in outcome.reason
    assert "uk" in outcome.reason
    assert house.site.asked == []


# --- what feeds.yaml and the editors say ------------------------------------------------------


def test_an_edition_says_what_its_editors_and_feeds_yaml_say(house: House) -> None:
    house.configure(
        '{name: daily, title: Das Blatt, language: de, subject: "{headline} | {title}", '
        "images: lead, postal_address: 'Hafenstraße 12, Beispielstadt'}",
        "world",
    )
    house.feed("world", house.item("Alpha"))
    built(house, note=("Guten Morgen.", "Bis morgen."))
    edition = house.edition()
    assert edition.subject == "Alpha | Das Blatt"
    assert (edition.language, edition.images) == ("de", "lead")
    assert edition.note == ("Guten Morgen.", "Bis morgen.")
    text = house.files()["digest.txt"].decode()
    assert "Montag, 2. März 2026" in text
    assert "Guten Morgen." in text
    assert "Hafenstraße 12, Beispielstadt" in mail_html(house).decode()
    assert "Bis morgen." in mail_html(house).decode()


def test_a_note_stays_when_the_edition_is_built_again_unless_another_is_given(
    house: House,
) -> None:
    house.feed("world", house.item("Alpha"))
    built(house, note=("Good morning.",))
    built(house, force=True)
    assert house.edition().note == ("Good morning.",)
    built(house, force=True, note=("Good evening.",))
    assert house.edition().note == ("Good evening.",)
    built(house, force=True, note=())
    assert house.edition().note == ()


def test_a_note_for_an_edition_that_is_there_already_is_not_dropped_in_silence(
    house: House,
) -> None:
    house.feed("world", house.item("Alpha"))
    built(house)
    (outcome,) = house.run(note=("Too late.",)).digests
    assert outcome.status == "exists"
    assert "without the note; --force" in outcome.reason


def test_only_feeds_that_the_articles_came_from_are_counted(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", status=500)
    built(house)
    assert (house.edition().articles, house.edition().feeds) == (1, 1)
    assert "1 article of 1 feed" in house.files()["digest.txt"].decode().replace("\n", " ")


@pytest.fixture
def rsa_key(tmp_path: Path) -> Path:
    path = tmp_path / "dkim.pem"
    subprocess.run(["openssl", "genrsa", "-out", path, "2048"], check=True, capture_output=True)
    return path


def test_messages_are_signed_when_there_is_a_key(
    house: House, monkeypatch: pytest.MonkeyPatch, rsa_key: Path
) -> None:
    house.feed("world", house.item("Alpha"))
    monkeypatch.setenv("DIGEST_DKIM_KEY", str(rsa_key))
    monkeypatch.setenv("DIGEST_DKIM_SELECTOR", "mail")
    house.configure("{name: daily, from: digest@example.org}", "world")
    built(house)
    message = email.message_from_bytes(house.files()["digest.eml"])
    assert "s=mail" in message["DKIM-Signature"]
    assert "d=example.org" in message["DKIM-Signature"]


def test_a_signature_of_another_domain_than_the_sender_s_is_told_of(
    house: House, monkeypatch: pytest.MonkeyPatch, rsa_key: Path
) -> None:
    house.feed("world", house.item("Alpha"))
    monkeypatch.setenv("DIGEST_DKIM_KEY", str(rsa_key))
    monkeypatch.setenv("DIGEST_DKIM_DOMAIN", "mailer.example.net")
    house.configure("{name: daily, from: digest@example.org}", "world")
    (finding,) = [found for found in built(house).findings if found.rule == "dkim"]
    assert finding.severity == "warning"
    assert "mailer.example.net" in finding.message


def test_a_key_that_is_not_there_stops_the_run_before_anything_is_built(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.feed("world", house.item("Alpha"))
    monkeypatch.setenv("DIGEST_DKIM_KEY", str(house.folder / "absent.pem"))
    with pytest.raises(ConfigError, match=r"absent\.pem: DIGEST_DKIM_KEY"):
        house.run()
    assert house.outbox.dates("daily") == []


# --- the archive ---------------------------------------------------------------------------


def listed(house: House) -> list[str]:
    """The dates that the feed beside the editions has, as it has them."""
    feed = feedparser.parse((house.folder / "outbox" / "daily" / "atom.xml").read_bytes())
    assert not feed.bozo
    return [entry.link.split("/")[-2] for entry in feed.entries]


def test_the_archive_lists_every_edition_newest_first(house: House) -> None:
    for day in range(3):
        house.feed("world", house.item(f"Story {day}", NOON + day * DAY - timedelta(hours=1)))
        built(house, NOON + day * DAY)
    assert listed(house) == ["2026-03-04", "2026-03-03", "2026-03-02"]
    page = (house.folder / "outbox" / "daily" / "index.html").read_text("utf-8")
    places = [page.index(f'href="2026-03-0{day}/index.html"') for day in (4, 3, 2)]
    assert places == sorted(places)
    assert 'href="atom.xml"' in page


def test_an_older_date_built_again_leaves_the_archive_s_look_to_the_newest(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    built(house)
    house.feed("world", house.item("Beta", NOON + timedelta(hours=20)))
    house.configure("{name: daily, title: Newer title}", "world")
    built(house, NOON + DAY)
    house.configure("{name: daily, title: Older title}", "world")
    house.feed("world", house.item("Alpha"), house.item("Gamma"))
    built(house, force=True)
    page = (house.folder / "outbox" / "daily" / "index.html").read_text("utf-8")
    assert "Newer title" in page


def test_an_archive_that_cannot_be_written_costs_the_archive_only(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    (house.folder / "outbox" / "daily" / "index.html").mkdir(parents=True)
    outcome = built(house)
    (finding,) = [finding for finding in outcome.findings if finding.rule == "archive"]
    assert finding.severity == "warning"
    assert "index.html" in finding.message
    assert house.headlines() == {"Alpha"}


def test_a_damaged_edition_is_left_out_of_the_archive_and_named(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    built(house)
    (house.outbox.folder("daily", "2026-03-02") / "edition.json").write_bytes(b"{")
    house.feed("world", house.item("Beta", NOON + timedelta(hours=20)))
    outcome = built(house, NOON + DAY)
    assert listed(house) == ["2026-03-03"]
    (finding,) = [finding for finding in outcome.findings if finding.rule == "archive"]
    assert "2026-03-02" in finding.message
