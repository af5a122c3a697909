"""What an open page hears: that something changed, how far work is, and that the desk is there."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from digest.preview import live
from digest.records import NewSubscriber

Desk = Any
"""The fixture of `conftest`, which tests can't import."""


class Ear:
    """Listens to the events of a desk."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self.comments = 0

    def next(self, wanted: str = "change") -> str:
        """The data of the next event of that name."""
        name = ""
        for line in self._lines:
            self.comments += line.startswith(":")
            if line.startswith("event: "):
                name = line.removeprefix("event: ")
            if line.startswith("data: ") and name == wanted:
                return line.removeprefix("data: ")
        return ""

    def is_over(self) -> bool:
        """Whether the stream ends; what comes before is heard out."""
        return all(True for _ in self._lines)


@contextmanager
def listening(desk: Desk) -> Iterator[Ear]:
    with desk.browser() as client, client.stream("GET", "/events") as answer:
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("text/event-stream")
        yield Ear(answer.iter_lines())


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked for many times a second, so that a test takes no longer."""
    monkeypatch.setattr(live, "_LOOK_SECONDS", 0.05)


def edit_theme(desk: Desk) -> None:
    desk.template.write_text(desk.template.read_text() + "<hr>")


def edit_feeds(desk: Desk) -> None:
    desk.configure("language: de")


def break_feeds(desk: Desk) -> None:
    (desk.folder / "feeds.yaml").write_text("nonsense: [")


def build_again(desk: Desk) -> None:
    desk.build(force=True)


def next_day(desk: Desk) -> None:
    folder = desk.folder / "outbox" / desk.digest / "2026-03-03"
    folder.mkdir()
    (folder / "edition.json").write_text("{}")


def approve(desk: Desk) -> None:
    store = desk.workshop.store
    store.editions.move(desk.digest, desk.date, ("draft",), desk.now, state="approved")


def send(desk: Desk) -> None:
    store = desk.workshop.store
    store.subscribers.subscribe(desk.digest, [NewSubscriber("ada@example.org")], desk.now)
    approve(desk)
    store.deliveries.freeze(desk.digest, desk.date, desk.now, lambda *_: True)


CHANGES = [edit_theme, edit_feeds, break_feeds, build_again, next_day, approve, send]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_told_with_the_version_that_pages_have(
    desk: Desk, change: Callable[[Desk], None]
) -> None:
    with listening(desk) as ear:
        first = ear.next()
        assert first == desk.client.get("/version").json()["version"]
        change(desk)
        assert ear.next() != first


def test_nothing_is_told_while_nothing_changes(desk: Desk) -> None:
    with listening(desk) as ear:
        first = ear.next()
        for _ in range(20):
            assert desk.client.get("/version").json()["version"] == first
        desk.room.jobs.complete(desk.digest, desk.date)
        assert json.loads(ear.next("job"))["kind"] == "complete"


def test_work_is_told_of_from_its_beginning_to_its_end(desk: Desk) -> None:
    with listening(desk) as ear:
        ear.next()
        desk.post(f"/digests/{desk.digest}/build")
        heard = [json.loads(ear.next("job"))]
        while heard[-1]["state"] in ("queued", "running"):
            heard.append(json.loads(ear.next("job")))
    assert [heard[0]["state"], heard[1]["state"], heard[-1]["state"]] == [
        "queued",
        "running",
        "done",
    ]
    assert any(job["stage"] and job["total"] for job in heard)
    assert {job["number"] for job in heard} == {1}


def test_every_open_page_hears_it(desk: Desk) -> None:
    with listening(desk) as one, listening(desk) as other:
        before = {one.next(), other.next()}
        edit_theme(desk)
        after = {one.next(), other.next()}
    assert len(before) == len(after) == 1
    assert before != after


def test_a_page_that_is_opened_right_after_a_change_takes_it_from_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_LOOK_SECONDS", 0.5)
    with listening(desk) as one:
        before = one.next()
        edit_theme(desk)
        with listening(desk) as other:
            after = other.next()
            assert after != before
            assert one.next() == after


def test_a_quiet_stream_shows_that_it_lives(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "_COMMENT_SECONDS", 0.02)
    with listening(desk) as ear:
        first = ear.next()
        threading.Timer(0.3, edit_theme, [desk]).start()
        assert ear.next() != first
        assert ear.comments > 2


def test_streams_end_with_the_server(desk: Desk) -> None:
    with listening(desk) as ear:
        ear.next()
        with ThreadPoolExecutor(1) as thread:
            stopped = thread.submit(desk.stop_server)
            assert ear.is_over()
            stopped.result()


def test_one_who_left_is_not_counted_any_more(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MAX_LISTENERS", 1)
    with listening(desk) as ear:
        ear.next()
        with desk.browser() as client:
            refused = client.get("/events")
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    for _ in range(100):
        with desk.browser() as client, client.stream("GET", "/events") as answer:
            if answer.status_code == 200:
                return
    raise AssertionError("the place of one who left is never free again")
