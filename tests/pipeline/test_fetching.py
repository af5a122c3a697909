"""Which feeds are asked, when again, and where the work is done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
)
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.feeds.options import FetchOptions
from digest.feeds.work import FeedRequest, FetchedFeed, read_feeds
from digest.pipeline import fetching
from digest.pipeline.pool import Pool, processes, shared_out, worked_on
from digest.records import Feed, FeedAnswer, Validators

House = Any  # conftest.House: a conftest can't be imported by name, every room has one
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


# --- when ----------------------------------------------------------------------------------


def test_a_feed_that_asks_for_nothing_may_be_asked_at_any_time(house: House) -> None:
    house.feed("world", house.item("Alpha"), etag='"1"')
    house.feed("town", house.item("Gamma"))
    house.fetch()
    second = house.fetch(NOON + MINUTE)
    assert ("/world", '"1"') in house.site.asked
    assert {outcome.status for outcome in second.values()} == {"unchanged"}


def test_a_feed_is_not_asked_while_its_server_says_it_is_fresh(house: House) -> None:
    house.feed("world", house.item("Alpha"), Cache_Control="max-age=3600")
    house.feed("town", house.item("Gamma"))
    house.fetch()
    second = house.fetch(NOON + 59 * MINUTE)
    assert [path for path, _ in house.site.asked] == ["/town"]
    assert second["world"].status == "waiting"
    assert "2026-03-02 13:00 UTC" in second["world"].reason
    assert "Cache-Control" in second["world"].reason
    assert second["world"].entries == 1
    assert house.fetch(NOON + HOUR)["world"].status == "unchanged"


def test_what_waits_is_told_all_the_same(house: House) -> None:
    house.feed("world", house.item("Alpha"), Cache_Control="max-age=3600")
    house.feed("town", house.item("Gamma"))
    house.fetch()
    report = house.run(NOON + MINUTE)
    assert report.digests[0].status == "built"
    assert house.headlines() == {"Alpha", "Gamma"}


def test_whoever_insists_may_ask(house: House) -> None:
    house.feed("world", house.item("Alpha"), Cache_Control="max-age=3600")
    house.feed("town", status=503, Retry_After="3600")
    house.fetch()
    forced = house.fetch(NOON + MINUTE, force=True)
    assert (forced["world"].status, forced["town"].status) == ("unchanged", "failed")
    assert len(house.site.asked) == 2


def test_retry_after_is_kept_over_restarts(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", status=429, Retry_After="7200")
    house.fetch()
    house.feed("town", house.item("Gamma"))
    early = house.fetch(NOON + HOUR)
    assert [path for path, _ in house.site.asked] == ["/world"]
    assert early["town"].status == "failed"
    assert early["town"].reason == (
        "HTTP 429 Too Many Requests (asked too often); not asked again before "
        "2026-03-02 14:00 UTC (digest fetch --force asks)"
    )
    assert house.fetch(NOON + 2 * HOUR)["town"].status == "fetched"


def test_a_failing_feed_is_asked_less_and_less_often(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", status=500)
    asked = 0
    for minute in range(0, 24 * 60, 20):
        house.fetch(NOON + minute * MINUTE)
        asked += sum(path == "/town" for path, _ in house.site.asked)
    assert 4 <= asked <= 10  # of 72
    assert house.fetch(NOON + 2 * DAY)["town"].reason == "HTTP 500 Internal Server Error"


def test_when_no_server_can_be_reached_nobody_waits(house: House) -> None:
    """It is our network that was down; once it is back, the next run asks."""
    path = house.folder / "feeds.yaml"
    good = path.read_text()
    dead = good.replace(f"{house.site.base}/world", "http://127.0.0.1:1/")
    path.write_text(dead.replace(f"{house.site.base}/town", "http://127.0.0.2:1/"))
    first = house.fetch()
    second = house.fetch(NOON + MINUTE)
    assert first["world"].reason == second["world"].reason
    assert "not asked again" not in second["world"].reason
    assert house.states()["world"].failures == 0


def test_a_lone_server_that_can_t_be_reached_is_given_time(house: House) -> None:
    house.configure("{name: daily}", "world")
    path = house.folder / "feeds.yaml"
    path.write_text(path.read_text().replace(f"{house.site.base}/world", "http://127.0.0.1:1/"))
    house.fetch()
    assert "not asked again before" in house.fetch(NOON + MINUTE)["world"].reason


def test_the_feed_s_hours_of_rest_are_kept(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", house.item("Gamma"))
    page = house.site.pages["/world"]
    rest = b"<channel><skipHours><hour>14</hour></skipHours>"
    house.site.pages["/world"] = replace(page, body=page.body.replace(b"<channel>", rest))
    house.fetch()
    asked = {}
    for hour in (1, 2, 3):
        house.fetch(NOON + hour * HOUR)
        asked[12 + hour] = "/world" in [path for path, _ in house.site.asked]
    assert asked == {13: True, 14: False, 15: True}


def test_a_file_needs_no_rest(house: House) -> None:
    house.configure("{name: daily}", "world")
    file = house.folder / "world.xml"
    hours = "".join(f"<hour>{hour}</hour>" for hour in range(8, 20))
    file.write_text(
        f"<rss version='2.0'><channel><ttl>600</ttl><skipHours>{hours}</skipHours><item>"
        "<title>Alpha</title><guid>1</guid></item></channel></rss>"
    )
    path = house.folder / "feeds.yaml"
    path.write_text(path.read_text().replace(f"{house.site.base}/world", "world.xml"))
    assert [house.fetch(NOON + n * HOUR)["world"].status for n in range(2)] == [
        "fetched",
        "unchanged",
    ]


def test_another_version_asks_for_the_whole_feed(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.feed("world", house.item("Alpha"), etag='"1"')
    house.feed("town", house.item("Gamma"))
    house.fetch()
    monkeypatch.setattr(fetching, "__version__", "99")
    house.fetch(NOON + HOUR)
    assert ("/world", None) in house.site.asked


def test_one_server_that_can_t_be_reached_is_given_time(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    path = house.folder / "feeds.yaml"
    path.write_text(path.read_text().replace(f"{house.site.base}/town", "http://127.0.0.1:1/"))
    house.fetch()
    assert "not asked again before" in house.fetch(NOON + MINUTE)["town"].reason


def test_a_feed_that_was_corrected_is_asked_at_once(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", status=404)
    house.fetch()
    house.feed("village", house.item("Gamma"))
    path = house.folder / "feeds.yaml"
    path.write_text(path.read_text().replace("/town'", "/village'"))
    assert house.fetch(NOON + MINUTE)["town"].status == "fetched"


def test_what_was_asked_so_lately_that_it_is_fresh_enough_is_not_asked(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", status=500)
    house.fetch()
    for workshop in house.workshop():
        outcomes = fetching.fetch(
            house.config.records(),
            workshop.store,
            workshop.fetching,
            NOON + 10 * MINUTE,
            need=15 * MINUTE,
        )
    assert outcomes[0].status == "waiting"


def test_a_clock_that_was_set_back_keeps_no_feed_waiting(house: House) -> None:
    house.feed("world", house.item("Alpha"), Cache_Control="max-age=3600")
    house.feed("town", house.item("Gamma"))
    house.fetch(NOON + 30 * DAY)
    assert house.fetch(NOON)["world"].status == "unchanged"


# --- where it is ---------------------------------------------------------------------------


def moved(house: House, status: int = 301) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", status=status, Location=f"{house.site.base}/new")
    house.feed("new", house.item("Gamma"))


def test_a_feed_that_moved_is_asked_at_its_new_address_after_two_fetches(house: House) -> None:
    moved(house)
    asked = []
    for hour in range(3):
        house.fetch(NOON + hour * HOUR)
        asked.append(sorted(path for path, _ in house.site.asked if path != "/world"))
    assert asked == [["/new", "/town"], ["/new", "/town"], ["/new"]]


def test_a_moved_feed_keeps_its_password(house: House) -> None:
    moved(house)
    path = house.folder / "feeds.yaml"
    secret = house.site.base.replace("http://", "http://me:secret@")
    path.write_text(path.read_text().replace(f"{house.site.base}/town", f"{secret}/town"))
    for hour in range(3):
        house.fetch(NOON + hour * HOUR)
    assert house.states()["town"].address == f"{house.site.base}/new"
    assert dict(house.site.logins[-2:])["/new"] == "Basic bWU6c2VjcmV0"


def test_a_temporary_redirect_is_followed_each_time(house: House) -> None:
    moved(house, 302)
    for hour in range(4):
        house.fetch(NOON + hour * HOUR)
    assert "/town" in [path for path, _ in house.site.asked]


def test_a_feed_that_is_gone_is_not_asked_any_more(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", status=410)
    house.fetch()
    later = house.fetch(NOON + 30 * DAY)
    assert [path for path, _ in house.site.asked] == ["/world"]
    assert later["town"].status == "waiting"
    assert "closed by its server, as it said on 2026-03-02" in later["town"].reason
    house.feed("town", house.item("Gamma"))
    assert house.fetch(NOON + 31 * DAY, force=True)["town"].status == "fetched"
    assert house.fetch(NOON + 32 * DAY)["town"].status == "unchanged"


def test_a_body_that_did_not_change_is_not_read_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", house.item("Gamma"))
    house.fetch()
    monkeypatch.setattr("digest.feeds.work.parse_feed", _never)
    with ThreadPoolExecutor() as executor:
        house.pool = Pool(executor, 1)
        again = house.fetch(NOON + HOUR)
        assert {outcome.status for outcome in again.values()} == {"unchanged"}
        house.feed("world", house.item("Beta"))
        assert "parsed" in house.fetch(NOON + 2 * HOUR)["world"].reason


def _never(*_: object) -> None:
    raise AssertionError("parsed")


# --- where the work is done ----------------------------------------------------------------


class Recorder(Executor):
    """An executor from outside, which does the work at once and remembers what it was given."""

    def __init__(self) -> None:
        self.jobs: list[tuple[str, object]] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        self.jobs.append((getattr(fn, "func", fn).__name__, args[0]))
        future: Future[Any] = Future()
        with ThreadPoolExecutor(1) as own:
            future.set_result(own.submit(fn, *args, **kwargs).result())
        return future


def test_feeds_and_summaries_are_worked_on_by_the_executor_that_is_given(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", house.item("Gamma"))
    recorder = Recorder()
    house.pool = Pool(recorder, 2)
    house.run()
    with_executor = house.files()
    assert {name for name, _ in recorder.jobs} == {"fetch_and_parse", "summarize_batch"}
    house.pool = None
    house.run(force=True)
    assert house.files() == with_executor


class Broken(Executor):
    """An executor whose workers are gone."""

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(BrokenExecutor("the scheduler is gone"))
        return future


def test_an_executor_that_fails_costs_its_batches_only(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", house.item("Gamma"))
    house.pool = Pool(Broken(), 2)
    outcomes = house.fetch()
    assert {outcome.status for outcome in outcomes.values()} == {"failed"}
    assert outcomes["world"].reason == "the worker that asked it failed; see the log"
    house.pool = None
    assert house.fetch(force=True)["world"].status == "fetched"


def test_a_host_s_feeds_are_one_worker_s() -> None:
    feeds = [
        FeedRequest(Feed(f"f{n}", ""), f"https://host-{n % 7}.example/{n}", Validators())
        for n in range(100)
    ]
    batches = shared_out(feeds, lambda request: request.address, 3)
    assert sorted(len(batch) for batch in batches) == [29, 29, 42]
    hosts = [{request.address.split("/")[2] for request in batch} for batch in batches]
    assert sum(len(names) for names in hosts) == len(set().union(*hosts)) == 7


def test_many_are_shared_out_in_more_batches_than_there_are_workers() -> None:
    addresses = [f"https://paper{number}.example/feed" for number in range(1_000)]
    batches = shared_out(addresses, str, 4)
    assert sorted(address for batch in batches for address in batch) == sorted(addresses)
    assert {len(batch) for batch in batches} == {100}


def test_files_are_shared_out_one_by_one() -> None:
    assert [len(b) for b in shared_out(["/a", "/b", "/c", "/d"], str, 2)] == [2, 2]
    assert shared_out(["/a"], str, 4) == [["/a"]]


def _die_of_town(
    items: list[FetchedFeed], options: FetchOptions, now: datetime
) -> list[FeedAnswer]:
    if any(request.feed.name == "town" for request, _ in items):
        os._exit(9)  # as the kernel does it, when memory runs out
    return read_feeds(items, options, now)


def test_a_worker_that_dies_costs_only_the_feed_it_died_of(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"feed-{n}" for n in range(12)]
    house.configure("{name: daily}", *names, "town")
    for name in (*names, "town"):
        house.feed(name, house.item(f"Alpha of {name}"))
    monkeypatch.setattr(fetching, "read_feeds", _die_of_town)
    outcomes = house.fetch()
    assert {outcomes[name].status for name in names} == {"fetched"}
    assert outcomes["town"].status == "failed"
    assert "memory" in outcomes["town"].reason


def test_no_process_is_started_where_nothing_is_to_be_read(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.feed("world", house.item("Alpha"), etag='"1"')
    house.feed("town", house.item("Gamma"))
    house.fetch()
    monkeypatch.setattr(ProcessPoolExecutor, "submit", _never)
    assert {outcome.status for outcome in house.fetch(NOON + HOUR).values()} == {"unchanged"}


def test_results_come_while_others_are_waited_for() -> None:
    """A server that hangs delays nobody: what is done is handed on in the meantime."""
    seen: list[int] = []

    def items() -> Iterator[int | None]:
        yield from range(6)
        while len(seen) < 6:
            time.sleep(0.01)
            yield None
        yield 6

    for results in worked_on(items(), _negated, lambda item: item == 0, lambda item: item):
        seen += results
    assert sorted(seen) == [-6, -5, -4, -3, -2, -1, 0]


def _negated(numbers: Sequence[int]) -> list[int]:
    return [-number for number in numbers]


def test_processes_end_with_the_block_that_needs_them() -> None:
    with processes(2) as executor:
        ids = {executor.submit(os.getpid).result() for _ in range(4)}
    assert os.getpid() not in ids
    for id_ in ids:
        with pytest.raises(ProcessLookupError):
            os.kill(id_, 0)


_PARENT = """
import os, sys, time
from digest.pipeline.pool import processes

if __name__ == "__main__":
    with processes(2) as executor:
        ids = {executor.submit(os.getpid).result() for _ in range(4)}
        print(*ids, flush=True)
        time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_processes_end_with_their_parent_however_that_ends(tmp_path: Path, how: int) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    parent = subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    assert parent.stdout.readline().split()
    parent.send_signal(how)
    # What comes to its end when the last process that holds it has ended.
    _, said = parent.communicate(timeout=60)
    assert "ForkServerProcess" not in said
