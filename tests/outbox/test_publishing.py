"""What lies beside the editions: the list of them, their feed, our own note."""

from __future__ import annotations

import errno
import os
import threading
from pathlib import Path

import pytest

from digest.errors import OutboxError
from digest.outbox.outbox import CATALOGUE, EDITION, Outbox
from digest.preview.shelf import list_editions

DATE = "2026-03-02"
OLD = {"index.html": b"<p>old</p>" * 5000, "atom.xml": b"<old/>"}
NEW = {"index.html": b"<p>new</p>" * 5000, "atom.xml": b"<new/>"}


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox")


def names(outbox: Outbox) -> list[str]:
    return sorted(path.name for path in (outbox.root / "morning").iterdir())


def test_what_is_published_is_read_back_and_replaced(outbox: Outbox) -> None:
    assert outbox.published("morning", "index.html") is None
    assert outbox.publish("morning", OLD) == outbox.root / "morning"
    assert outbox.published("morning", "index.html") == OLD["index.html"]

    outbox.publish("morning", {"index.html": b"new"})

    assert outbox.published("morning", "index.html") == b"new"
    assert outbox.published("morning", "atom.xml") == OLD["atom.xml"]
    assert names(outbox) == ["atom.xml", "index.html"]


def test_editions_are_found_as_if_nothing_lay_beside_them(outbox: Outbox) -> None:
    outbox.write("morning", DATE, {EDITION: b"{}"})
    outbox.publish("morning", {**OLD, CATALOGUE: b"{}"})

    outbox.recover("morning")

    assert outbox.dates("morning") == [DATE]
    assert [edition.date for edition in list_editions(outbox.root)] == [DATE]
    assert names(outbox) == [CATALOGUE, DATE, "atom.xml", "index.html"]
    outbox.write("morning", DATE, {EDITION: b"{ }"})
    assert outbox.published("morning", "index.html") == OLD["index.html"]


@pytest.mark.parametrize("name", [DATE, "..", "a/b", "", ".hidden", ".2026-03-02.building"])
def test_no_name_stands_in_the_way_of_an_edition_or_leads_out(outbox: Outbox, name: str) -> None:
    with pytest.raises(OutboxError, match="can't be a"):
        outbox.publish("morning", {**OLD, name: b"x"})
    with pytest.raises(OutboxError, match="can't be a"):
        outbox.published("morning", name)
    assert not outbox.root.exists()


def test_a_reader_never_sees_half_a_file(outbox: Outbox) -> None:
    page = outbox.publish("morning", OLD) / "index.html"
    seen: set[bytes] = set()
    done = threading.Event()

    def watch() -> None:
        while not done.is_set():
            seen.add(page.read_bytes())  # it is never missing either

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        turn = 0
        # Until the reader had its turn between two of them: in memory they are quick.
        while turn < 24 or (len(seen) < 2 and turn < 2_000):
            outbox.publish("morning", NEW if turn % 2 else OLD)
            turn += 1
    finally:
        done.set()
        watcher.join()
    assert seen == {OLD["index.html"], NEW["index.html"]}


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.ENOSPC, "the disk is full"), (errno.EROFS, "DIGEST_OUTBOX_DIR")],
)
def test_a_disk_that_refuses_leaves_what_was_there(
    outbox: Outbox, monkeypatch: pytest.MonkeyPatch, number: int, words: str
) -> None:
    outbox.publish("morning", OLD)

    def refuse(_: int) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refuse)
        with pytest.raises(OutboxError, match=words):
            outbox.publish("morning", NEW)
    assert outbox.published("morning", "index.html") == OLD["index.html"]
    assert names(outbox) == ["atom.xml", "index.html"]


def test_what_a_kill_left_is_cleared(outbox: Outbox) -> None:
    outbox.publish("morning", OLD)
    (outbox.root / "morning" / ".index.html.part").write_bytes(b"<p>ne")

    outbox.recover("morning")
    assert names(outbox) == ["atom.xml", "index.html"]
    (outbox.root / "morning" / ".index.html.part").write_bytes(b"<p>ne")

    outbox.publish("morning", NEW)
    assert outbox.published("morning", "index.html") == NEW["index.html"]
    assert names(outbox) == ["atom.xml", "index.html"]


def test_a_folder_in_the_place_of_the_page_is_named(outbox: Outbox) -> None:
    (outbox.root / "morning" / "index.html").mkdir(parents=True)

    with pytest.raises(OutboxError, match=r"index\.html: a folder stands where a file is needed"):
        outbox.publish("morning", OLD)
    assert names(outbox) == ["index.html"]


def test_the_stamp_is_that_of_the_edition(outbox: Outbox) -> None:
    file = outbox.write("morning", DATE, {EDITION: b"{}"}) / EDITION
    os.utime(file, ns=(5, 7))

    assert outbox.stamp("morning", DATE) == (7, 2)
    with pytest.raises(OutboxError, match="2026-03-03"):
        outbox.stamp("morning", "2026-03-03")
