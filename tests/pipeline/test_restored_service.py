"""A service that was restored goes on with the next edition, and sends nothing twice.

Whenever the backup was taken: its disk is lost after the edition of the day has gone out.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.cli.backing import came_due
from digest.config import Config
from digest.pipeline.approving import approve
from digest.pipeline.backup import back_up
from digest.pipeline.restoring import Restored, Wishes, restore
from digest.pipeline.run import run
from digest.records import DueEdition, NewSubscriber
from digest.service.service import run_due
from digest.store.store import Store

House = Any  # tests/pipeline/conftest.py
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
GRACE = 6 * HOUR
DUE = MIDNIGHT + 7 * HOUR
READERS = ["ann@example.org", "bob@example.org"]


@pytest.fixture
def paper(house: House, mail_server: Any) -> House:
    """A digest of every morning, with two readers."""
    house.options |= {"smtp_url": mail_server.url, "secret_key": "the-secret-of-these-tests"}
    house.options |= {"public_url": "https://news.example.org"}
    house.configure(
        "{name: daily, window: 48h, schedule: '0 7 * * *', from: 'Daily <daily@example.org>'}",
        "world",
    )
    house.feed("world", house.item("Mayor resigns over bridge", MIDNIGHT))
    for workshop in house.workshop():
        people = [NewSubscriber(address) for address in READERS]
        workshop.store.subscribers.subscribe("daily", people, MIDNIGHT)
    return house


def turn(paper: House, now: datetime, meanwhile: Callable[..., None] = lambda *_: None) -> Any:
    """What `digest run --scheduled` does."""
    config = paper.config
    (report,) = (
        run_due(workshop, config, config.digests, now, GRACE, clock=lambda: now, progress=meanwhile)
        for workshop in paper.workshop()
    )
    return report


def backup(paper: House, now: datetime) -> Path:
    path = paper.folder / "backup.tar.gz"
    return back_up(paper.settings, paper.folder / "feeds.yaml", path, now).path


def lose_the_disk_and_restore(paper: House, file: Path, now: datetime) -> Restored:
    for name in ("state", "outbox"):
        shutil.rmtree(paper.folder / name, ignore_errors=True)

    def due(config: Config, since: datetime, until: datetime) -> Sequence[DueEdition]:
        return came_due(config, since - GRACE, until)

    return restore(paper.settings, paper.folder / "feeds.yaml", file, now, due, Wishes())


def the_day_before(paper: House) -> Path:
    return backup(paper, DUE - 20 * HOUR)


def an_hour_before(paper: House) -> Path:
    return backup(paper, DUE - HOUR)


def while_it_is_built(paper: House) -> Path:
    taken: list[Path] = []

    def meanwhile(*_: Any) -> None:
        if not taken:
            with closing(Store(paper.settings.database)) as store:
                status = store.editions.status("daily", "2026-03-02")
            assert status is not None
            assert status.state == "building"
            taken.append(backup(paper, DUE))

    turn(paper, DUE, meanwhile)
    return taken[0]


def when_it_is_built(paper: House) -> Path:
    config = paper.config
    due = {"daily": DueEdition("daily", "2026-03-02", DUE)}
    for workshop in paper.workshop():
        run(workshop, config, config.digests, DUE, due=due)
    return backup(paper, DUE)


def in_the_midst_of_its_sending(paper: House, mail_server: Any) -> Path:
    mail_server.replies("rcpt", "450 4.2.0 later", to=READERS[1])
    turn(paper, DUE)
    assert mail_server.counts == {READERS[0]: 1}
    return backup(paper, DUE)


@pytest.mark.parametrize(
    "taken",
    [
        the_day_before,
        an_hour_before,
        while_it_is_built,
        when_it_is_built,
        in_the_midst_of_its_sending,
    ],
)
def test_nobody_has_the_edition_of_the_day_twice_and_the_next_one_comes(
    taken: Any, paper: House, mail_server: Any
) -> None:
    sending = taken is in_the_midst_of_its_sending
    file = taken(paper, mail_server) if sending else taken(paper)
    turn(paper, DUE + timedelta(minutes=10))
    assert mail_server.counts == dict.fromkeys(READERS, 1)

    restored = DUE + 2 * HOUR
    done = lose_the_disk_and_restore(paper, file, restored)
    told = (*done.resumed.drafts, *done.resumed.unconfirmed, *done.resumed.skipped)
    assert "daily/2026-03-02" in told
    for minutes in (0, 60):
        turn(paper, restored + timedelta(minutes=minutes))
    assert mail_server.counts == dict.fromkeys(READERS, 1)

    paper.feed("world", paper.item("Ferry runs again", DUE + 20 * HOUR))
    turn(paper, DUE + 24 * HOUR)
    assert mail_server.counts == dict.fromkeys(READERS, 2)
    assert "Ferry runs again" in paper.headlines("daily", "2026-03-03")


def test_what_never_went_out_goes_once_a_person_says_so(paper: House, mail_server: Any) -> None:
    file = when_it_is_built(paper)
    lose_the_disk_and_restore(paper, file, DUE + HOUR)
    turn(paper, DUE + HOUR)
    assert mail_server.counts == {}
    for workshop in paper.workshop():
        approve(workshop, "daily", "2026-03-02", DUE + HOUR)
    turn(paper, DUE + HOUR)
    assert mail_server.counts == dict.fromkeys(READERS, 1)


def test_an_edition_that_was_due_and_is_skipped_can_be_built_by_hand(
    paper: House, mail_server: Any
) -> None:
    lose_the_disk_and_restore(paper, an_hour_before(paper), DUE + HOUR)
    turn(paper, DUE + HOUR)
    assert mail_server.counts == {}
    paper.run(DUE + HOUR)
    assert "Mayor resigns over bridge" in paper.headlines("daily", "2026-03-02")


def test_a_backup_that_is_restored_before_the_edition_is_due_loses_none(
    paper: House, mail_server: Any
) -> None:
    done = lose_the_disk_and_restore(paper, an_hour_before(paper), DUE - timedelta(minutes=30))
    assert done.resumed.skipped == ()
    turn(paper, DUE)
    assert mail_server.counts == dict.fromkeys(READERS, 1)


def test_moments_are_those_of_the_digests_own_zone(paper: House) -> None:
    paper.configure(
        "{name: auckland, schedule: '30 7 * * *', timezone: Pacific/Auckland}\n"
        "{name: honolulu, schedule: '0 19 * * *', timezone: Pacific/Honolulu}\n"
        "{name: by_hand}",
        "world",
    )
    # In Auckland half past seven on the 3rd, in Honolulu seven in the evening of the 1st.
    assert came_due(paper.config, MIDNIGHT, MIDNIGHT + 19 * HOUR) == [
        DueEdition("auckland", "2026-03-03", MIDNIGHT + timedelta(hours=18, minutes=30)),
        DueEdition("honolulu", "2026-03-01", MIDNIGHT + 5 * HOUR),
    ]
