"""Whether the service lives and can do its work: said in plain words, in time, to anybody."""

from __future__ import annotations

import asyncio
import json
import logging
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, text

from digest.config import DigestSpec
from digest.records import EditionState, EditionStatus
from digest.service import health
from digest.service.due import decide
from digest.service.health import standing, try_folder
from digest.service.schedule import Job, Schedule

Watched = Any
"""The fixture of `conftest`, which tests can't import."""

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
GRACE = 6 * HOUR
CHECKS = {"database", "outbox", "state", "scheduler", "editions"}


async def asked(watched: Watched, path: str) -> tuple[int, Any]:
    """What a stranger is told; the guard is for what would otherwise hang for ever."""
    async with watched.client("203.0.113.9", token="a-key-of-these-tests") as client:
        answer = await asyncio.wait_for(client.get(path), 30)
    return answer.status_code, answer.json()


async def problems(watched: Watched) -> dict[str, str]:
    status, said = await asked(watched, "/readyz")
    assert said["checks"].keys() == CHECKS
    found = {name: check["problem"] for name, check in said["checks"].items() if check["problem"]}
    assert all(check["ok"] is not bool(check["problem"]) for check in said["checks"].values())
    assert (status, said["status"]) == ((503, "not ready") if found else (200, "ready"))
    return found


# --- alive ---------------------------------------------------------------------------------------


async def test_it_lives_while_the_scheduler_does(watched: Watched) -> None:
    assert await asked(watched, "/healthz") == (200, {"status": "ok"})
    watched.silence = 61.0
    status, said = await asked(watched, "/healthz")
    assert (status, said["status"]) == (503, "not alive")
    assert "restart the service" in said["problem"]


def test_the_scheduler_is_heard_while_a_job_takes_long() -> None:
    gate = threading.Event()

    def work() -> None:
        gate.wait(20)

    often = timedelta(seconds=0.02)
    schedule = Schedule([Job("work", work, often, "build")], lambda: None, GRACE)
    try:
        schedule.start()
        for _ in range(3):
            before, end = schedule.silence(), time.monotonic() + 20
            while schedule.silence() >= before and time.monotonic() < end:
                before = max(before, schedule.silence())
            assert schedule.silence() < before
    finally:
        gate.set()
        schedule.stop(20)


# --- ready ---------------------------------------------------------------------------------------


async def test_a_service_with_nothing_wrong_is_ready(watched: Watched) -> None:
    assert await problems(watched) == {}
    assert not watched.settings.outbox_dir.exists()  # it is made with the first edition


async def test_a_database_that_is_gone_is_told_without_its_address(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    watched.workshop.store.close()
    (watched.folder / "state" / "digest.db").rename(watched.folder / "elsewhere")
    found = await problems(watched)
    assert found.keys() == {"database", "editions"}
    assert found["database"] == (
        "the database can't be used; the log of the service says why and what to do"
    )
    # In the log it stands, for whoever may read that.
    assert "digest.db" in caplog.text


@contextmanager
def locked(url: str) -> Iterator[Callable[[], None]]:
    engine = create_engine(url)
    with closing(engine.connect()) as other:
        other.execute(text("LOCK TABLE secrets, editions IN ACCESS EXCLUSIVE MODE"))
        yield other.rollback
    engine.dispose()


async def test_a_database_that_does_not_answer_keeps_nobody_waiting(
    watched_at: Callable[..., Watched], postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "ANSWER", 0.2)
    monkeypatch.setattr(health, "_GOOD_FOR", 0.0)
    monkeypatch.setattr(health, "_EDITIONS_GOOD_FOR", 0.0)
    watched = watched_at(database_url=postgres_url)
    assert await problems(watched) == {}
    with locked(postgres_url) as free:
        before = threading.active_count()
        end = time.monotonic() + 20
        while (await problems(watched)).keys() != {"database", "editions"}:
            assert time.monotonic() < end
        for _ in range(3):
            found = await problems(watched)
            assert "did not answer within" in found["database"]
        assert await asked(watched, "/healthz") == (200, {"status": "ok"})
        # One thread waits for each of the two, however many ask.
        assert threading.active_count() <= before + 2
        free()
        end = time.monotonic() + 20
        while await problems(watched) and time.monotonic() < end:
            await asyncio.sleep(0.02)
    assert await problems(watched) == {}


async def test_an_outbox_that_can_t_be_written_is_told_with_its_setting(watched: Watched) -> None:
    watched.settings.outbox_dir.write_text("a file where a folder should be")
    found = await problems(watched)
    assert found.keys() == {"outbox"}
    assert "Not a directory" in found["outbox"]
    assert "DIGEST_OUTBOX_DIR" in found["outbox"]


async def test_a_disk_that_is_nearly_full_is_told(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(watched.folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=199_999_999))
    found = await problems(watched)
    assert found == {
        "outbox": "the disk of the outbox folder has 199 MB left; make room (DIGEST_OUTBOX_DIR)",
        "state": "the disk of the state folder has 199 MB left; make room (DIGEST_STATE_DIR)",
    }


def test_a_folder_is_tried_by_writing_and_nothing_is_left(tmp_path: Path) -> None:
    space = try_folder(tmp_path / "not" / "there")
    assert 0 < space.free <= space.size
    assert list(tmp_path.iterdir()) == []


async def test_a_lane_that_stands_still_is_told(watched: Watched) -> None:
    watched.beat += 100
    found = await problems(watched)
    assert found.keys() == {"scheduler"}
    assert "sending (100 s)" in found["scheduler"]
    assert "building" not in found["scheduler"]
    for job in watched.pulse.jobs:
        if job.name in ("deliveries", "letters", "configuration"):
            job.call()
    assert await problems(watched) == {}
    watched.silence = 61.0
    assert "restart the service" in (await problems(watched))["scheduler"]


async def test_an_overdue_edition_is_told_until_it_is_there(watched: Watched) -> None:
    watched.now += 31 * MINUTE
    found = await problems(watched)
    assert found == {
        "editions": "overdue: morning/2026-03-02 (due 2026-03-02 07:00 UTC); `digest outbox` "
        "says why"
    }
    watched.news()
    watched.service.tick()
    watched.watch()
    assert await problems(watched) == {}


async def test_strangers_learn_no_secret_no_path_and_no_feed(watched: Watched) -> None:
    watched.now += HOUR
    watched.beat = watched.silence = 1e6
    watched.workshop.store.close()
    (watched.folder / "state" / "digest.db").rename(watched.folder / "elsewhere")
    watched.settings.outbox_dir.write_text("a file")
    said = json.dumps(await problems(watched))
    for secret in (str(watched.folder), "hush", "court.example", "town.xml", "sqlite", "maildir"):
        assert secret not in said


async def test_what_changes_is_logged_once(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "digest.service.health")
    watched.silence = 61.0
    for watched.silence in (61.0, 75.0, 90.0, 0.0, 0.0):
        await watched.health.checks()
    assert [(record.levelname, record.message.split(":")[0]) for record in caplog.records] == [
        ("ERROR", "not ready"),
        ("WARNING", "ready again"),
    ]


# --- which editions are overdue ------------------------------------------------------------------

DIGEST = DigestSpec(name="morning", schedule="0 7 * * *")
NOW = datetime.fromisoformat("2026-03-02T07:31:00+00:00")


def edition(state: EditionState, date: str = "2026-03-02", **more: Any) -> EditionStatus:
    moment = datetime.fromisoformat(f"{date}T07:00:00+00:00")
    built = moment if state in ("draft", "approved", "sending", "sent") else None
    given = {"built": built, "asked": moment, **more}
    return EditionStatus("morning", date, state, moment, **given)


YESTERDAY = edition("sent", "2026-03-01")


@pytest.mark.parametrize(
    ("row", "now", "is_overdue"),
    [
        pytest.param(None, NOW, True, id="nobody began it"),
        pytest.param(None, NOW - 2 * MINUTE, False, id="it may be being built"),
        pytest.param(None, NOW + 10 * HOUR, True, id="nobody said that it is skipped"),
        pytest.param(edition("building"), NOW, True, id="it takes too long"),
        pytest.param(edition("failed", not_before=NOW + HOUR), NOW, True, id="it waits for a try"),
        pytest.param(edition("failed"), NOW + 10 * HOUR, True, id="it was given up"),
        pytest.param(edition("skipped"), NOW, False, id="nothing new"),
        pytest.param(edition("draft", send_at=NOW), NOW, False, id="an editor looks at it"),
        pytest.param(edition("approved", send_at=NOW), NOW, False, id="it waits to be sent"),
        pytest.param(edition("sent"), NOW, False, id="it is out"),
    ],
)
def test_an_edition_is_overdue_when_it_is_neither_there_nor_skipped(
    row: EditionStatus | None, now: datetime, is_overdue: bool
) -> None:
    newest = [YESTERDAY] if row is None else [row, YESTERDAY]
    found = standing(DIGEST, newest, now, GRACE)
    assert (found.overdue == "2026-03-02") is is_overdue
    assert found.since == (datetime.fromisoformat("2026-03-02T07:00+00:00") if is_overdue else None)


def test_a_new_digest_has_no_editions_of_the_days_before_it() -> None:
    assert standing(DIGEST, [], NOW + 20 * HOUR, GRACE).overdue is None


def test_a_digest_without_a_schedule_is_never_overdue() -> None:
    assert standing(DigestSpec(name="morning"), [], NOW, GRACE).overdue is None


def test_the_last_edition_is_the_newest_that_was_built() -> None:
    newest = [edition("skipped"), YESTERDAY, edition("sent", "2026-02-28")]
    assert standing(DIGEST, newest, NOW, GRACE).built == YESTERDAY.built


def test_what_the_schedule_has_settled_is_not_overdue() -> None:
    """The same rule as the service's own: what it would do nothing about isn't called overdue."""
    for state in ("draft", "approved", "sending", "sent", "skipped"):
        row = edition(state, send_at=NOW)
        decided = decide(DIGEST, {row.date: row, YESTERDAY.date: YESTERDAY}, NOW, GRACE)
        assert decided == []
        assert standing(DIGEST, [row, YESTERDAY], NOW, GRACE).overdue is None
