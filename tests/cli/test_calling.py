"""What `digest outbox` and `digest doctor` call a person for, however long ago it was."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.records import NewSubscriber
from digest.store.deliveries import Settled
from digest.store.store import Store

# The commands go by the machine's clock.
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
CONFIG = "digests: [{names}]\nfeeds:\n  - {{name: town, url: town.xml}}\n"


@dataclass
class Desk:
    """A user's folder with editions in its store; commands run in this process."""

    folder: Path
    command: Callable[..., tuple[int, str]]

    def configure(self, *names: str) -> None:
        digests = ", ".join(f"{{name: {name}}}" for name in names)
        (self.folder / "feeds.yaml").write_text(CONFIG.format(names=digests))
        (self.folder / "town.xml").write_text("<rss/>")

    @contextmanager
    def store(self) -> Iterator[Store]:
        store = Store(f"sqlite:///{self.folder / 'state' / 'digest.db'}")
        yield store
        store.close()

    def edition(self, name: str, days: int, state: str, **changes: Any) -> str:
        """An edition of so many days ago; its name."""
        date, at = f"{NOW - days * DAY:%Y-%m-%d}", NOW - days * DAY
        with self.store() as store:
            store.editions.adopt(name, date, at, fingerprint="f", built=at, review=False)
            assert store.editions.move(name, date, ("approved",), at, state=state, **changes)
        return f"{name}/{date}"

    def unconfirmed(self, name: str, days: int) -> str:
        """A sent edition of which one delivery is in doubt."""
        date, at = f"{NOW - days * DAY:%Y-%m-%d}", NOW - days * DAY
        with self.store() as store:
            store.subscribers.subscribe(name, [NewSubscriber("ann@example.org")], at)
            store.editions.adopt(name, date, at, fingerprint="f", built=at, review=False)
            assert store.deliveries.freeze(name, date, at, lambda *_: True) == 1
            delivery = store.deliveries.turn(name, date, "here.0", at, at + DAY)
            assert delivery is not None
            assert store.deliveries.begin(delivery, "here.0", at)
            done = Settled(delivery, "unconfirmed", "the connection was lost")
            store.deliveries.turn(name, date, "here.0", at, at + DAY, done=done, claim=False)
            store.deliveries.finish(name, date, at)
        return f"{name}/{date}"

    def outbox(self, *words: str) -> tuple[int, list[str]]:
        """Exit status, and the editions that are shown."""
        status, out = self.command("outbox", *words, "--json")
        return status, [row["edition"] for row in json.loads(out)["editions"]]

    def doctor(self) -> dict[str, str]:
        """What each check found."""
        _, out = self.command("doctor", "--json")
        rows = [json.loads(line) for line in out.splitlines()]
        return {row["check"]: row["problem"] for row in rows}


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    from digest.cli.app import main

    monkeypatch.chdir(tmp_path)
    for variable in [one for one in os.environ if one.startswith("DIGEST_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("DIGEST_ENCODER", "./nowhere")  # no model is loaded

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["digest", *words])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().out

    desk = Desk(tmp_path, run)
    desk.configure("a", "b")
    return desk


def bury(desk: Desk) -> None:
    """More than any list of late shows, of both digests, all well."""
    for days in range(1, 17):
        desk.edition("a", days, "sent")
        desk.edition("b", days, "sent")


def test_when_all_is_well_nobody_is_called(desk: Desk) -> None:
    bury(desk)
    status, shown = desk.outbox()
    assert (status, len(shown)) == (0, 28)
    assert desk.doctor()["editions"] == ""


def test_an_unconfirmed_delivery_is_told_however_old(desk: Desk) -> None:
    bury(desk)
    name = desk.unconfirmed("a", 200)
    status, shown = desk.outbox()
    assert (status, shown[-1]) == (1, name)
    assert desk.outbox("b")[0] == 0
    assert desk.doctor()["editions"].startswith(f"{name}: 1 unconfirmed; ")


def test_a_failed_edition_is_told_for_thirty_days(desk: Desk) -> None:
    bury(desk)
    old = desk.edition("a", 40, "failed", reason="no theme")
    assert desk.outbox()[0] == 0
    assert desk.outbox(old)[0] == 0
    assert desk.doctor()["editions"] == ""
    late = desk.edition("b", 20, "failed", reason="disk full")
    status, shown = desk.outbox()
    assert (status, shown[-1]) == (1, late)
    assert desk.doctor()["editions"].startswith(f"{late} failed: disk full; ")


@pytest.mark.parametrize("state", ["approved", "sending"])
def test_an_edition_that_waits_in_trouble_is_told_however_old(desk: Desk, state: str) -> None:
    bury(desk)
    name = desk.edition("a", 20, state, attempts=3, reason="the mail server is away")
    status, shown = desk.outbox()
    assert (status, shown[-1]) == (1, name)
    assert desk.doctor()["editions"].startswith(f"{name} {state}: the mail server is away; ")


def test_an_edition_that_is_sent_for_longer_than_anything_is_tried_is_told(desk: Desk) -> None:
    bury(desk)
    young = desk.edition("b", 18, "sending", started=NOW - 2 * DAY)
    status, shown = desk.outbox()
    assert (status, shown[-1]) == (0, young), "shown, for it waits; and nobody is called"
    old = desk.edition("a", 20, "sending", started=NOW - 4 * DAY)
    status, shown = desk.outbox()
    assert (status, shown[-1]) == (1, old)
    assert desk.doctor()["editions"].startswith(f"{old} sending: since ")


def test_the_doctor_names_so_many_and_counts_the_others(desk: Desk) -> None:
    for days in range(1, 26):
        desk.edition("a", days, "failed", reason="no theme")
    assert "; and 5 more; `digest outbox`" in desk.doctor()["editions"]


def test_the_doctor_names_subscribers_whose_digest_is_gone(desk: Desk) -> None:
    with desk.store() as store:
        people = [NewSubscriber(f"{name}@example.org") for name in ("ann", "bob")]
        store.subscribers.subscribe("a", people, NOW)
        store.subscribers.ask("a", NewSubscriber("cid@example.org"), NOW)
        store.subscribers.subscribe("b", people, NOW)
        for one in people:
            store.subscribers.remove(one.address, "b", NOW)
    assert desk.doctor()["subscribers"] == ""
    desk.configure("new")
    told = desk.doctor()["subscribers"]
    assert told.startswith("a has subscribers (2 active, 1 pending) and is not in feeds.yaml")
    assert "digest subscribers export people.csv --digest a" in told
    assert "b has" not in told, "who left is nobody to be told of"


def test_what_the_doctor_says_moves_them(desk: Desk) -> None:
    with desk.store() as store:
        people = [NewSubscriber("ann@example.org", topics=("World",), consent="at the desk")]
        store.subscribers.subscribe("a", people, NOW)
    desk.configure("new")
    assert desk.command("subscribers", "export", "people.csv", "--digest", "a")[0] == 0
    assert desk.command("subscribers", "import", "people.csv", "--digest", "new")[0] == 0
    with desk.store() as store:
        (moved,) = store.subscribers.listed("new")
    assert (moved.state, moved.topics, moved.consent) == ("active", ("World",), "at the desk")
