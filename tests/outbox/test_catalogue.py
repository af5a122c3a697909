from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.errors import OutboxError
from digest.outbox.catalogue import catalogue
from digest.outbox.outbox import CATALOGUE, EDITION, Outbox
from digest.records import ArchiveEntry

DATES = ("2026-03-01", "2026-03-02", "2026-03-03")


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    outbox = Outbox(tmp_path / "outbox")
    for date in DATES:
        write(outbox, date, f"Subject of {date}")
    return outbox


def write(outbox: Outbox, date: str, subject: str) -> None:
    outbox.write("morning", date, {EDITION: json.dumps([date, subject]).encode()})


class Reading:
    """Reads an edition as these tests write them, and counts."""

    def __init__(self) -> None:
        self.read: list[str] = []

    def __call__(self, data: bytes, source: str) -> ArchiveEntry:
        self.read.append(Path(source).parent.name)
        try:
            date, subject = json.loads(data)
        except ValueError as error:
            raise OutboxError(f"{source}: damaged") from error
        return ArchiveEntry(date, subject, "", datetime(2026, 3, 1, 7, 30, tzinfo=UTC), 2, ("é",))


def subjects(outbox: Outbox, reading: Reading) -> list[str]:
    return [one.subject for one in catalogue(outbox, "morning", reading).entries]


def test_each_edition_is_read_once(outbox: Outbox) -> None:
    reading = Reading()
    first = catalogue(outbox, "morning", reading)
    assert [one.date for one in first.entries] == list(DATES)
    assert reading.read == list(DATES)

    assert catalogue(outbox, "morning", reading) == first
    assert reading.read == list(DATES)


def test_a_digest_without_editions_has_none_and_leaves_no_trace(outbox: Outbox) -> None:
    assert catalogue(outbox, "evening", Reading()).entries == ()
    assert not (outbox.root / "evening").exists()


def test_what_was_replaced_changed_added_or_deleted_is_seen(outbox: Outbox) -> None:
    catalogue(outbox, "morning", Reading())
    reading = Reading()

    write(outbox, DATES[0], "Built again")
    by_hand = outbox.folder("morning", DATES[1]) / EDITION
    by_hand.write_text(json.dumps([DATES[1], "By hand"]))
    shutil.rmtree(outbox.folder("morning", DATES[2]))
    write(outbox, "2026-02-01", "Put there")

    assert subjects(outbox, reading) == ["Put there", "Built again", "By hand"]
    assert reading.read == ["2026-02-01", DATES[0], DATES[1]]


def test_a_change_of_the_same_length_is_seen(outbox: Outbox) -> None:
    catalogue(outbox, "morning", Reading())
    file = outbox.folder("morning", DATES[0]) / EDITION
    changed = file.read_bytes().replace(b"Subject", b"Another")
    file.write_bytes(changed)
    os.utime(file, ns=(1, 1))

    assert subjects(outbox, Reading())[0] == f"Another of {DATES[0]}"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"format": 1, "editions": {"2026-03-01": {"stamp": [1, 2]}}}',
        b'{"format": 0, "editions": {}}',
    ],
)
def test_a_damaged_catalogue_is_made_anew(outbox: Outbox, content: bytes) -> None:
    whole = catalogue(outbox, "morning", Reading())
    file = outbox.root / "morning" / CATALOGUE
    kept = file.read_bytes()
    file.write_bytes(content)

    assert catalogue(outbox, "morning", Reading()) == whole
    assert file.read_bytes() == kept


def test_a_catalogue_of_another_format_is_made_anew(outbox: Outbox) -> None:
    catalogue(outbox, "morning", Reading())
    file = outbox.root / "morning" / CATALOGUE
    file.write_bytes(file.read_bytes().replace(b'"format":1', b'"format":2').replace(b"Subj", b"S"))

    assert subjects(outbox, Reading())[0] == f"Subject of {DATES[0]}"


def test_a_damaged_edition_is_left_out_with_a_note_and_looked_at_again(outbox: Outbox) -> None:
    file = outbox.folder("morning", DATES[1]) / EDITION
    whole = file.read_bytes()
    file.write_bytes(b"{")

    for _ in range(2):
        found = catalogue(outbox, "morning", Reading())
        assert [one.date for one in found.entries] == [DATES[0], DATES[2]]
        assert found.notes == (f"{file}: damaged",)
    file.write_bytes(whole)
    assert catalogue(outbox, "morning", Reading()).notes == ()


def test_an_edition_in_the_folder_of_another_date_is_left_out(outbox: Outbox) -> None:
    shutil.copytree(
        outbox.folder("morning", DATES[0]),
        outbox.folder("morning", "2026-05-05"),
        copy_function=shutil.copy2,
    )

    found = catalogue(outbox, "morning", Reading())
    assert [one.date for one in found.entries] == list(DATES)
    assert "it says that it is of 2026-03-01; rename its folder" in found.notes[0]


def test_a_kill_before_the_catalogue_is_written_costs_nothing(outbox: Outbox) -> None:
    """The next time finds the edition by its stamp."""
    catalogue(outbox, "morning", Reading())
    write(outbox, "2026-03-04", "New")
    (outbox.root / "morning" / ".catalogue.json.part").write_bytes(b"{")

    reading = Reading()
    assert subjects(outbox, reading)[-1] == "New"
    assert reading.read == ["2026-03-04"]
    assert not (outbox.root / "morning" / ".catalogue.json.part").exists()
