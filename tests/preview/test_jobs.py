"""Work that takes longer than a page: asked for, waited for, told of, stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from digest.errors import DigestError, UsageError
from digest.preview import jobs as jobs_module
from digest.preview.jobs import Job, Jobs

Desk = Any
"""The fixture of `conftest`, which tests can't import."""


def ended(jobs: Jobs, number: int) -> Job:
    """The job, once it has ended."""
    news = threading.Event()
    heard = jobs.heard

    def hear(job: Job) -> None:
        heard(job)
        if job.number == number and not job.is_open:
            news.set()

    jobs.heard = hear
    [job] = [job for job in jobs.all() if job.number == number]
    if job.is_open:
        assert news.wait(60), job
    jobs.heard = heard
    return next(job for job in jobs.all() if job.number == number)


class Held:
    """Holds the first run until it is let go; counts all."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Event(), threading.Event()
        self.calls: list[str] = []

    def __call__(self, _: Any, digest: str, date: str, __: Any, progress: Any) -> bool:
        self.calls.append(f"{digest}/{date}")
        self.begun.set()
        while not self.go.wait(0.02):
            progress("checks", 1, 2)
        progress("checks", 2, 2)
        return True


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    holding = Held()
    monkeypatch.setattr(jobs_module, "complete", holding)
    yield holding
    holding.go.set()


@contextmanager
def jobs_of(desk: Desk, config: Callable[[], Any] = lambda: None, **more: Any) -> Iterator[Jobs]:
    with desk.opened() as workshop:
        jobs = Jobs(workshop, config, lambda: "feeds.yaml:1: broken", lambda: desk.now, **more)
        yield jobs
        jobs.stop()


def test_the_first_edition_is_built_and_the_next_time_built_anew(desk_on: Desk) -> None:
    with desk_on.running() as desk:
        for _ in range(2):
            answer = desk.post(f"/digests/{desk.digest}/build", next="/jobs")
            assert (answer.status_code, answer.headers["location"]) == (303, "/jobs")
            job = ended(desk.room.jobs, desk.room.jobs.all()[0].number)
            assert (job.state, job.message) == ("done", "8 stories from 10 articles")
            assert job.message in desk.client.get("/jobs").text
        assert len(desk.stories()) == 8


def test_a_build_tells_of_feeds_that_gave_nothing(desk_on: Desk) -> None:
    (desk_on.folder / "gull.xml").unlink()
    with desk_on.running() as desk:
        job = ended(desk.room.jobs, desk.room.jobs.build("daily").number)
        assert job.state == "done"
        assert job.message.endswith("; no answer from gull")


def test_an_edition_that_people_have_is_not_built_again(desk: Desk) -> None:
    store = desk.workshop.store
    store.editions.move(desk.digest, desk.date, ("draft",), desk.now, state="approved")
    store.deliveries.freeze(desk.digest, desk.date, desk.now, lambda *_: True)
    job = ended(desk.room.jobs, desk.room.jobs.build("daily").number)
    assert job.state == "done"
    assert "there already" in job.message


def test_an_unknown_digest_and_a_broken_feeds_yaml_are_said_at_once(desk_on: Desk) -> None:
    with jobs_of(desk_on) as jobs, pytest.raises(UsageError, match=r"feeds\.yaml:1: broken"):
        jobs.build("daily")
    with desk_on.running() as desk:
        answer = desk.post("/digests/other/build")
        assert answer.status_code == 422
        assert "it has: daily" in answer.text
        assert desk.room.jobs.all() == ()


def test_the_same_is_not_waited_for_twice(desk_on: Desk, held: Held) -> None:
    with jobs_of(desk_on) as jobs:
        first = jobs.complete("daily", "2026-03-02")
        assert held.begun.wait(10)
        # What runs may have looked at the operations already: it is done once more, and only once.
        second = jobs.complete("daily", "2026-03-02")
        assert jobs.complete("daily", "2026-03-02").number == second.number
        other = jobs.complete("daily", "2026-03-03")
        assert len({first.number, second.number, other.number}) == 3
        held.go.set()
        assert ended(jobs, other.number).state == "done"
    assert held.calls == ["daily/2026-03-02", "daily/2026-03-02", "daily/2026-03-03"]


def test_progress_is_kept_and_told(desk_on: Desk, held: Held) -> None:
    with jobs_of(desk_on) as jobs:
        heard: list[Job] = []
        jobs.heard = heard.append
        number = jobs.complete("daily", "2026-03-02").number
        assert held.begun.wait(10)
        held.go.set()
        job = ended(jobs, number)
        assert (job.state, job.stage, job.done, job.total) == ("done", "checks", 2, 2)
        assert [one.state for one in heard][:2] == ["queued", "running"]
        assert heard[-1] == job
        assert jobs.open_of("daily", "2026-03-02") is None


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (DigestError("no model is here; fetch one"), "no model is here; fetch one"),
        (ValueError("odd"), "unexpected ValueError: odd (please report it)"),
    ],
)
def test_what_fails_is_said_in_words_and_the_next_job_is_done(
    desk_on: Desk, monkeypatch: pytest.MonkeyPatch, error: Exception, message: str
) -> None:
    def fails(*_: Any) -> bool:
        raise error

    monkeypatch.setattr(jobs_module, "complete", fails)
    with jobs_of(desk_on) as jobs:
        for date in ("2026-03-02", "2026-03-03"):
            job = ended(jobs, jobs.complete("daily", date).number)
            assert (job.state, job.message) == ("failed", message)


def test_stopping_ends_what_is_in_hand_and_begins_nothing(desk_on: Desk, held: Held) -> None:
    with jobs_of(desk_on) as jobs:
        first, second = jobs.complete("daily", "2026-03-02"), jobs.complete("daily", "2026-03-03")
        assert held.begun.wait(10)
        assert jobs.stop(30) == []
        states = {job.number: (job.state, job.message) for job in jobs.all()}
        assert states[first.number] == ("failed", "it was stopped with the desk")
        assert states[second.number][0] == "queued"
        assert len(held.calls) == 1


def test_what_does_not_heed_the_stop_is_named(
    desk_on: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go = threading.Event(), threading.Event()

    def deaf(*_: Any) -> bool:
        begun.set()
        return go.wait(30)

    monkeypatch.setattr(jobs_module, "complete", deaf)
    with jobs_of(desk_on) as jobs:
        jobs.complete("daily", "2026-03-02")
        assert begun.wait(10)
        assert jobs.stop(0.01) == ["complete daily/2026-03-02"]
        go.set()


def test_delivering_is_left_to_a_service_where_there_is_one(desk_on: Desk) -> None:
    with jobs_of(desk_on, serves=True) as jobs:
        assert jobs.deliver("daily", "2026-03-02") is None
        assert jobs.all() == ()


def test_without_a_mail_server_sending_says_what_to_set(desk: Desk) -> None:
    job = desk.room.jobs.deliver(desk.digest, desk.date)
    job = ended(desk.room.jobs, job.number)
    assert job.state == "failed"
    assert "DIGEST_SMTP_URL" in job.message


def test_what_is_not_approved_is_not_sent(desk_on: Desk) -> None:
    desk_on.options["smtp_url"] = f"maildir:{desk_on.folder / 'mail'}"
    desk_on.build()
    with desk_on.running() as desk:
        job = ended(desk.room.jobs, desk.room.jobs.deliver(desk.digest, desk.date).number)
        assert (job.state, job.message) == (
            "failed",
            "daily/2026-03-02 isn't approved, so it isn't sent",
        )
