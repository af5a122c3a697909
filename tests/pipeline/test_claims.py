"""The right to build an edition: one service at a time, and never what readers have already."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from digest.errors import StoreError
from digest.pipeline.claims import Claims
from digest.pipeline.delivering import fingerprint
from digest.records import DigestOutcome, DueEdition, EditionStatus, RunReport
from digest.store.store import Store

House = Any  # tests/pipeline/conftest.py
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DATE = "2026-03-02"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DUE = {"daily": DueEdition("daily", DATE, NOON)}


@pytest.fixture
def houses(house: House) -> tuple[House, House]:
    """Two services with a state folder and an outbox of their own, on one database."""
    shared = {"database_url": f"sqlite:///{house.folder / 'shared' / 'digest.db'}"}
    house.options = shared
    house.feed("world", house.item("Alpha"), house.item("Beta"))
    house.feed("town")
    other = house.folder / "other"
    other.mkdir()
    shutil.copy(house.folder / "feeds.yaml", other)
    return house, replace(house, folder=other)


def only(report: RunReport) -> DigestOutcome:
    (outcome,) = report.digests
    return outcome


def status(house: House, date: str = DATE) -> EditionStatus | None:
    store = Store(house.settings.database)
    try:
        return store.editions.status("daily", date)
    finally:
        store.close()


def known(house: House, date: str = DATE) -> EditionStatus:
    found = status(house, date)
    assert found is not None
    return found


def claim(house: House, now: datetime) -> None:
    """Begins to build, as a process does that is killed then."""
    for workshop in house.workshop():
        assert Claims(workshop, now, {}).take(house.config.digests[0], DATE, again=False) == ""


def once(do: Callable[[], None]) -> Callable[[str, int, int], None]:
    """Progress of a run that does something at its first step."""
    done: list[str] = []

    def progress(stage: str, _done: int, _total: int) -> None:
        if not done:
            done.append(stage)
            do()

    return progress


# --- two services ----------------------------------------------------------------------------


def test_what_one_service_builds_another_leaves_alone(houses: tuple[House, House]) -> None:
    here, there = houses
    seen: list[DigestOutcome] = []
    progress = once(lambda: seen.append(only(there.run())))
    assert only(here.run(progress=progress)).status == "built"
    (outcome,) = seen
    assert outcome.status == "exists"
    assert outcome.reason == "another service builds this date's edition, since 12:00 UTC"
    assert there.outbox.dates("daily") == []


def test_what_one_service_has_built_another_does_not_build(houses: tuple[House, House]) -> None:
    here, there = houses
    here.run()
    for force in (False, True):
        outcome = only(there.run(NOON + HOUR))
        assert outcome.status == "exists"
        assert outcome.reason == "this date's edition is approved, in another outbox than this one"
        assert force or there.outbox.dates("daily") == []


def test_of_two_that_share_an_outbox_the_second_finds_it_there(
    houses: tuple[House, House],
) -> None:
    here, there = houses
    here.run()
    there.options = {**here.options}
    shutil.copytree(here.folder / "outbox", there.folder / "outbox")
    outcome = only(there.run(due=DUE))
    assert (outcome.status, known(here).send_at) == ("exists", NOON)


def test_a_foreign_builder_that_died_is_taken_over_when_its_time_is_over(
    houses: tuple[House, House],
) -> None:
    here, there = houses
    claim(there, NOON)
    early = only(here.run(NOON + HOUR - MINUTE))
    assert (early.status, known(here).state) == ("exists", "building")
    assert "another service builds this date's edition" in early.reason
    assert only(here.run(NOON + HOUR + MINUTE)).status == "built"
    assert known(here).state == "approved"


def test_an_own_builder_that_died_is_taken_over_at_once(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    claim(house, NOON)
    assert known(house).state == "building"
    assert only(house.run(NOON + MINUTE)).status == "built"


def test_a_builder_whose_claim_went_to_another_writes_nothing(
    houses: tuple[House, House],
) -> None:
    here, there = houses

    def take_over() -> None:
        assert only(there.run(NOON + 2 * HOUR)).status == "built"

    outcome = only(here.run(progress=once(take_over)))
    assert outcome.status == "failed"
    assert "another service builds this edition now" in outcome.reason
    assert here.outbox.dates("daily") == []
    assert known(here).state == "approved"


# --- what comes of a claim -------------------------------------------------------------------


def test_a_build_that_fails_is_noted_and_waits_longer_each_time(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for workshop in house.workshop():
        assert workshop.owner  # which is written once, and not what fails here
    waits = []
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        for attempt in range(1, 6):
            outcome = only(house.run(due=DUE))
            assert outcome.status == "failed"
            assert "the disk is full; make room" in outcome.reason
            failed = known(house)
            assert (failed.state, failed.attempts, failed.asked) == ("failed", attempt, NOON)
            assert failed.not_before is not None
            waits.append((failed.not_before - NOON) / MINUTE)
    assert waits == [5, 10, 20, 40, 60]
    outcome = only(house.run(NOON + HOUR, due=DUE))
    assert outcome.status == "built"
    built = known(house)
    assert (built.state, built.attempts, built.not_before, built.send_at) == (
        "approved",
        0,
        None,
        NOON,
    )


def test_a_day_with_nothing_to_tell_is_skipped_and_can_be_built_later(house: House) -> None:
    house.feed("world")
    house.feed("town")
    assert only(house.run(due=DUE)).status == "empty"
    skipped = known(house)
    assert (skipped.state, skipped.asked) == ("skipped", NOON)
    assert "nothing new" in skipped.reason
    house.feed("world", house.item("Alpha"))
    assert only(house.run(NOON + HOUR)).status == "built"
    assert known(house).state == "approved"


class Stopped(BaseException):
    """What a service raises in a run that is to end."""


def test_a_run_that_is_stopped_gives_its_claim_back(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")

    def stop() -> None:
        assert known(house).state == "building"
        raise Stopped

    with pytest.raises(Stopped):
        house.run(progress=once(stop))
    assert status(house) is None
    assert only(house.run(NOON + MINUTE)).status == "built"


def test_a_forced_run_that_is_stopped_leaves_the_edition_that_was_there(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.run(due=DUE)
    before, files = known(house), house.files()

    def stop() -> None:
        raise Stopped

    with pytest.raises(Stopped):
        house.run(NOON + HOUR, force=True, progress=once(stop))
    after = known(house)
    assert replace(after, updated=before.updated) == before
    assert house.files() == files


def test_force_builds_again_and_the_new_one_is_what_is_sent(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.run(due=DUE)
    before = known(house)
    house.feed("world", house.item("Alpha"), house.item("Beta"))
    assert only(house.run(NOON + HOUR, force=True)).status == "built"
    after = known(house)
    assert (after.state, after.send_at) == ("approved", NOON)
    assert after.fingerprint != before.fingerprint


def test_an_approved_edition_that_needs_review_is_a_draft_again_when_it_is_built_again(
    house: House,
) -> None:
    house.configure("{name: daily, window: 24h, review: true}", "world")
    house.feed("world", house.item("Alpha"))
    house.run()
    assert known(house).state == "draft"
    store = Store(house.settings.database)
    store.editions.move("daily", DATE, ("draft",), NOON, state="approved", approved=NOON)
    store.close()
    house.run(NOON + HOUR, force=True)
    assert (known(house).state, known(house).approved) == ("draft", None)


@pytest.mark.parametrize(
    ("state", "words"), [("sending", "is being sent"), ("sent", "has been sent")]
)
def test_what_readers_have_or_are_getting_is_not_built_again_by_force(
    house: House, state: str, words: str
) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.run(due=DUE)
    files = house.files()
    store = Store(house.settings.database)
    store.deliveries.freeze("daily", DATE, NOON, lambda *_: True)
    store.editions.move("daily", DATE, ("sending",), NOON, state=state)
    store.close()
    house.feed("world", house.item("Alpha"), house.item("Beta"))
    outcome = only(house.run(NOON + HOUR, force=True))
    assert outcome.status == "exists"
    assert words in outcome.reason
    assert "a date has one edition" in outcome.reason
    assert house.files() == files
    plain = only(house.run(NOON + HOUR))
    assert (plain.status, "--force" in plain.reason) == ("exists", False)


# --- what the outbox and the store know ------------------------------------------------------


def test_an_edition_that_its_own_outbox_lost_is_built_again(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.run(due=DUE)
    shutil.rmtree(house.folder / "outbox")
    assert only(house.run(NOON + HOUR)).status == "built"
    assert (known(house).state, known(house).send_at) == ("approved", NOON)


@pytest.mark.parametrize(("review", "state"), [("false", "approved"), ("true", "draft")])
def test_an_edition_of_an_earlier_version_is_taken_up_with_its_hash(
    house: House, review: str, state: str
) -> None:
    house.configure(f"{{name: daily, window: 24h, review: {review}}}", "world")
    house.feed("world", house.item("Alpha"))
    house.run()
    built = known(house)
    shutil.rmtree(house.folder / "state")
    assert only(house.run(NOON + HOUR)).status == "exists"
    taken = known(house)
    assert (taken.state, taken.fingerprint, taken.built) == (state, built.fingerprint, NOON)
    # Nobody asked for it now: it leaves by hand, or when the schedule asks.
    assert taken.send_at is None
    house.run(NOON + HOUR, due=DUE)
    assert known(house).send_at == NOON


def test_a_process_killed_after_writing_before_noting_is_made_good_by_the_next(
    house: House,
) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.run()
    built = known(house)
    store = Store(house.settings.database)
    store.editions.move("daily", DATE, ("approved",), NOON, state="building", until=NOON + HOUR)
    store.close()
    assert only(house.run(NOON + MINUTE, due=DUE)).status == "exists"
    found = known(house)
    assert (found.state, found.fingerprint, found.send_at) == ("approved", built.fingerprint, NOON)


def test_an_edition_by_hand_is_not_sent_by_itself_and_a_due_one_is(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.run()
    assert known(house).send_at is None
    house.run(NOON + HOUR, due=DUE)
    assert (known(house).asked, known(house).send_at) == (NOON, NOON)


# --- what fails before or after the building -------------------------------------------------


@pytest.mark.parametrize("trouble", ["outbox", "theme"])
def test_what_cannot_even_be_begun_is_noted_where_the_schedule_asks(
    house: House, trouble: str
) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    leftover = house.folder / "outbox" / "daily" / f".{DATE}.building"
    if trouble == "outbox":
        leftover.parent.mkdir(parents=True)
        leftover.write_text("a file where a folder is needed")
    else:
        house.configure("{name: daily, window: 24h, template: nosuch}", "world")
    assert only(house.run()).status == "failed"
    assert status(house) is None  # who does it by hand sees it
    for attempt in (1, 2):
        outcome = only(house.run(due=DUE))
        failed = known(house)
        assert (failed.state, failed.attempts, failed.asked) == ("failed", attempt, NOON)
        assert failed.reason == outcome.reason != ""
        assert failed.not_before == NOON + attempt * 5 * MINUTE
    leftover.unlink(missing_ok=True)
    house.configure("{name: daily, window: 24h}", "world")
    assert only(house.run(NOON + HOUR, due=DUE)).status == "built"
    assert (known(house).state, known(house).send_at) == ("approved", NOON)


def test_an_edition_that_was_written_and_could_not_be_noted_still_leaves(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk is full when the edition is in the outbox, and only its note is missing."""
    house.feed("world", house.item("Alpha"))
    house.feed("town")

    def full(*_: object) -> None:
        raise StoreError("the disk is full; make room and run again")

    with monkeypatch.context() as patch:
        patch.setattr(Store, "save_told", full)
        outcome = only(house.run(due=DUE))
    assert (outcome.status, known(house).state) == ("failed", "failed")
    assert house.outbox.dates("daily") == [DATE]
    assert only(house.run(NOON + HOUR, due=DUE)).status == "exists"
    found = known(house)
    assert (found.state, found.send_at, found.attempts) == ("approved", NOON, 0)
    assert found.fingerprint == fingerprint(house.outbox.read("daily", DATE))


def test_what_was_skipped_as_too_late_is_not_let_leave_by_a_run(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.run(due=DUE)
    store = Store(house.settings.database)
    store.editions.move("daily", DATE, ("approved",), NOON, state="skipped", reason="too late")
    store.close()
    assert only(house.run(NOON + 9 * HOUR)).status == "exists"
    assert known(house).state == "skipped"
