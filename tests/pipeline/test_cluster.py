"""Work on a Dask cluster: a real scheduler and real `dask worker` processes, on loopback."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, Future
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import ClusterError
from digest.models.encoder import Encoder
from digest.pipeline import cluster as room
from digest.pipeline.cluster import cluster
from digest.pipeline.pool import Pool
from digest.pipeline.summarizing import in_batches, summarize, text_document
from digest.pipeline.worker import (
    ASKED,
    CARRIERS,
    LIBRARIES,
    Job,
    differences,
    installed,
    kit,
    opener,
    packed,
    told,
    unfit,
)
from digest.records import Document, Encoded

AWAY = Path(__file__).parent / "away"
sys.path.insert(0, str(AWAY))

import cluster_jobs as jobs  # noqa: E402

Machine = Callable[..., "subprocess.Popen[bytes]"]  # what the fixture of that name gives
House = Any  # conftest.House: a conftest can't be imported by name, every room has one
LONG = 120.0  # nothing takes so long; a test that hangs should end

pytest.importorskip("distributed")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until(true: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + LONG
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.05)


def wait_for(workers: int, address: str) -> None:
    """Until so many workers are there; a scheduler needs a moment to start, too."""

    def came() -> bool:
        with cluster(address) as pool:  # each time anew: a failure is remembered for a while
            try:
                return pool.workers == workers
            except ClusterError:
                return False

    wait_until(came, "the workers didn't come")


@dataclass
class Machines:
    """A scheduler and workers, as a user starts them: processes of their own."""

    folder: Path
    port: int = field(default_factory=free_port)
    running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"tcp://127.0.0.1:{self.port}"

    def scheduler(self) -> subprocess.Popen[bytes]:
        where = ("--host", "127.0.0.1", "--port", str(self.port))
        return self._start("scheduler", *where, "--dashboard-address", ":0", environment={})

    def worker(self, *options: str, **environment: str) -> subprocess.Popen[bytes]:
        where = ("--local-directory", str(self.folder), "--nthreads", "1", "--no-dashboard")
        return self._start("worker", self.address, *where, *options, environment=environment)

    def _start(self, *command: str, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
        env = {**os.environ, "PYTHONPATH": str(AWAY), "OMP_NUM_THREADS": "1", **environment}
        name = f"{command[0]}-{len(self.running)}.log"
        with (self.folder / name).open("wb") as told:
            process = subprocess.Popen(
                [sys.executable, "-m", "dask", *command], env=env, stdout=told, stderr=told
            )
        self.running.append(process)
        return process

    def end(self, process: subprocess.Popen[bytes], how: int = signal.SIGTERM) -> None:
        process.send_signal(how)
        process.wait(LONG)

    def end_all(self) -> None:
        for process in reversed(self.running):
            if process.poll() is None:
                self.end(process)


@contextmanager
def machines_in(folder: Path, workers: int = 0, *options: str) -> Iterator[Machines]:
    """A scheduler, and so many workers; all have come when the block begins."""
    folder.mkdir(exist_ok=True)
    found = Machines(folder)
    try:
        found.scheduler()
        for _ in range(workers):
            found.worker(*options)
        if workers:
            wait_for(workers, found.address)
        yield found
    finally:
        found.end_all()


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """Two workers of one thread each; one lives in another time zone, three days from now."""
    folder = tmp_path_factory.mktemp("dask")
    with machines_in(folder) as found:
        found.worker()
        late = os.pathsep.join((str(AWAY / "late"), str(AWAY)))
        found.worker(PYTHONPATH=late, TZ="Pacific/Kiritimati")
        wait_for(2, found.address)
        yield found


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """A scheduler without workers, for tests that start and end their own."""
    with machines_in(tmp_path_factory.mktemp("lone")) as found:
        yield found


@pytest.fixture
def machine(lone: Machines) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Starts a worker that ends with the test, with options and environment."""
    started: list[subprocess.Popen[bytes]] = []

    def start(*options: str, wait: bool = True, **environment: str) -> subprocess.Popen[bytes]:
        started.append(lone.worker("--no-nanny", *options, **environment))
        if wait:
            wait_for(sum(one.poll() is None for one in started), lone.address)
        return started[-1]

    yield start
    for one in started:
        if one.poll() is None:
            lone.end(one)


@pytest.fixture
def pool(machines: Machines) -> Iterator[Pool]:
    wait_for(2, machines.address)  # one may have been killed
    with cluster(machines.address) as found:
        yield found


def documents(count: int, sentences: int = 1800) -> tuple[list[Document], dict[str, Encoded]]:
    """Documents so long that each is a batch, with embeddings that mean nothing."""
    made = [
        text_document(f"d{number}", f"Title {number}", f"Sentence {number} begins. " * sentences)
        for number in range(count)
    ]
    encoded = {
        one.id: Encoded(np.zeros(4, np.float32), np.zeros((len(one.sentences), 4), np.float32))
        for one in made
    }
    return made, encoded


def begun(folder: Path) -> Counter[str]:
    """How often each batch was begun."""
    return Counter(path.name.split("-")[1] for path in folder.glob("began-*"))


def both(house: House, address: str, **options: Any) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """All files of the outbox of a run here, and of a run on the cluster."""
    built = []
    for settings in ({}, {"dask_scheduler": address, **options}):
        house.options = settings
        report = house.run()
        assert [outcome.status for outcome in report.digests] == ["built"] * len(report.digests)
        outbox = house.folder / "outbox"
        built.append(
            {
                str(path.relative_to(outbox)): path.read_bytes()
                for path in outbox.rglob("*")
                # The catalogue is a cache that has the times at which files were written.
                if path.is_file() and path.name != ".catalogue.json"
            }
        )
        outbox.rename(house.folder / f"outbox-{len(built)}")
        (house.folder / "state").rename(house.folder / f"state-{len(built)}")
    return built[0], built[1]


# --- the same bytes ------------------------------------------------------------------------


def furnish(house: House) -> None:
    """Feeds of two hosts' names and one that is a file here; full texts; a model that writes."""
    house.encoder = jobs.WordEncoder()
    house.writer = jobs.Writer()
    house.configure(
        "{name: daily, window: 24h, topics: {Town: streets and shops}, summary: {model: smollm2}}\n"
        "{name: plain, window: 24h}",
        "world",
        "town",
        "gone",
        "late",
    )
    for number, name in enumerate(("world", "town", "late")):
        items = [house.item(f"{name.title()} {n} of {number}") for n in range(12)]
        house.feed(name, *items)
    house.feed("gone", status=404)


def test_an_edition_made_on_a_cluster_is_the_one_made_here_byte_for_byte(
    house: House, machines: Machines
) -> None:
    furnish(house)
    file = house.folder / "own.xml"
    file.write_bytes(house.site.pages["/late"].body.replace(b"Late", b"Own"))
    with (house.folder / "feeds.yaml").open("a") as feeds:
        feeds.write(f"  - {{name: own, url: '{file}', full_text: never}}\n")
    here, there = both(house, machines.address)
    assert len([name for name in here if name.endswith("edition.json")]) == 2
    assert {Path(name).name for name in here} >= {"index.html", "digest.eml", "digest.txt"}
    assert there == here


def test_the_workers_of_these_tests_live_at_other_times(pool: Pool) -> None:
    """So no clock and no time zone of a worker decides what an edition says."""
    moment = time.time()
    clocks = [
        future.result(LONG) for future in [pool.executor.submit(jobs.clock) for _ in range(8)]
    ]
    late = {zone for told, zone in clocks if told < moment - 86_400}
    right = {zone for told, zone in clocks if told > moment - 3600}
    assert late == {"+14"}
    assert "+14" not in right
    assert right


# --- models are loaded once ----------------------------------------------------------------


def test_a_model_is_sent_by_name_and_kept(pool: Pool) -> None:
    """An encoder arrives as the one that is there already; other options make another."""
    encoder, other = Encoder(None, "cpu"), Encoder(None, "meta")
    assert len(packed(Job(kit(), jobs.which, (encoder,), {}))) < 2000
    arrived = {pool.executor.submit(jobs.which, encoder).result(LONG) for _ in range(6)}
    assert len({pid for pid, _ in arrived}) == len(arrived)
    assert pool.executor.submit(jobs.which, other).result(LONG) not in arrived


# --- workers that are lost -----------------------------------------------------------------


def test_a_worker_that_is_killed_costs_its_batch_a_second_time(pool: Pool, tmp_path: Path) -> None:
    made, encoded = documents(8)
    (tmp_path / "die-d3").touch()
    assert pool.writers is not None
    noted = replace(pool, writers=Noted(pool.writers, tmp_path))
    found = summarize(made, encoded, jobs.Noting(tmp_path), "none", pool=noted)
    assert begun(tmp_path) == Counter({one.id: 2 if one.id == "d3" else 1 for one in made})
    assert found.fresh == 8
    assert found.summaries == summarize(made, encoded, jobs.Noting(tmp_path), "none").summaries


@dataclass
class Noted(Executor):
    """An executor that notes in `folder` each batch that has been fetched, for `jobs.Noting`."""

    inner: Executor
    folder: Path

    def submit(self, fn: Any, *args: Any, **kwargs: Any) -> Future[Any]:
        future = self.inner.submit(fn, *args, **kwargs)
        _, batch, *_ = args
        name = "fetched-" + "+".join(document.id for document in batch)
        future.add_done_callback(lambda _: (self.folder / name).touch())
        return future


def test_a_batch_that_ends_each_worker_is_done_with_care_here(
    pool: Pool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One by one, in a process of its own; the text that ends that one too is quoted instead."""
    made, encoded = documents(2)
    short = [text_document(f"t{n}", "", f"Number {n} begins. It goes on.") for n in range(3)]
    encoded |= {
        one.id: Encoded(np.zeros(4, np.float32), np.zeros((len(one.sentences), 4), np.float32))
        for one in short
    }
    made += short
    assert [len(batch) for batch in in_batches(made)] == [1, 1, 3]
    (tmp_path / "die-t1").touch()
    found = summarize(made, encoded, jobs.Noting(tmp_path, always=True), "none", pool=pool)
    models = [found.summaries[one.id].model for one in made]
    assert models == ["noting", "noting", "noting", "extractive", "noting"]
    assert found.summaries["t1"].instead_of == "noting"
    assert found.summaries["t1"].text == short[1].sentences[0] + " " + short[1].sentences[1]
    assert "this machine does it again, with care" in caplog.text


def test_feeds_whose_batch_ends_each_worker_are_asked_here(
    house: House, machines: Machines
) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", house.item("Gamma"))
    with cluster(machines.address) as pool:
        house.pool = replace(pool, executor=Deadly(pool.executor))
        assert {outcome.status for outcome in house.fetch().values()} == {"fetched"}


@dataclass
class Deadly(Executor):
    """An executor that sends something else, of which workers die."""

    inner: Executor

    def submit(self, *_: Any, **__: Any) -> Future[Any]:
        return self.inner.submit(jobs.die)


# --- where the work is done ----------------------------------------------------------------


def test_models_write_where_there_is_a_gpu_and_elsewhere_once_it_is_gone(
    lone: Machines, machine: Machine, tmp_path: Path
) -> None:
    plain, with_gpu = machine(), machine("--resources", "GPU=1")
    with cluster(lone.address, patience=3) as pool:
        writers = pool.writers
        assert writers is not None
        wrote = {one.result(LONG) for one in [writers.submit(jobs.moment) for _ in range(4)]}
        read = {one.result(LONG) for one in [pool.executor.submit(jobs.moment) for _ in range(6)]}
        assert wrote == {with_gpu.pid}
        assert read == {plain.pid, with_gpu.pid}
        under_way = [writers.submit(jobs.until, str(tmp_path / "go")) for _ in range(2)]
        wait_until(lambda: bool(list(tmp_path.glob("go-*"))), "it didn't begin")
        lone.end(with_gpu, signal.SIGKILL)
        (tmp_path / "go").touch()
        assert {one.result(LONG) for one in under_way} == {plain.pid}


def test_batches_are_of_about_equal_work_and_keep_the_order() -> None:
    short = [text_document(str(n), "", "It rained. " * 30) for n in range(100)]
    long = [text_document(f"long {n}", "", "It rained all day. " * 1200) for n in range(5)]
    made = in_batches([*short, *long])
    assert [one for batch in made for one in batch] == [*short, *long]
    assert [len(batch) for batch in made] == [25, 25, 25, 25, 1, 1, 1, 1, 1]
    assert in_batches([]) == []
    assert in_batches(short[:1]) == [short[:1]]


@given(st.lists(st.integers(0, 80_000), max_size=120))
def test_batches_are_as_few_as_full_ones_and_none_is_larger(sizes: list[int]) -> None:
    blank = text_document("", "", "")
    all_of_them = [replace(blank, id=str(n), text="a" * size) for n, size in enumerate(sizes)]
    made = in_batches(all_of_them)
    assert [one for batch in made for one in batch] == all_of_them
    # Tokens: a quarter of the bytes, and a hundred that are written.
    costs = [[min(len(one.text) // 4, 12_000) + 100 for one in batch] for batch in made]
    assert all(len(batch) == 1 or sum(batch) <= 6144 for batch in costs)
    assert all(1 <= len(batch) <= 32 for batch in costs)
    in_order = [cost for batch in costs for cost in batch]
    assert len(made) == fewest(in_order, 6144)
    # What costs more than there is room for is alone whatever the others do.
    largest = max((sum(batch) for batch in costs if len(batch) > 1), default=0)
    if largest:
        assert fewest(in_order, largest - 1) > len(made)


def fewest(costs: list[int], most: int) -> int:
    """How many batches of `most` at the most, and of 32 articles, it takes in that order."""
    batches = room = number = 0
    for cost in costs:
        if not batches or cost > room or number == 32:
            batches, room, number = batches + 1, most, 0
        room, number = room - cost, number + 1
    return batches


# --- a cluster that is gone, or none -------------------------------------------------------


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "_ANSWER", 2.0)


@contextmanager
def listening(answer: bytes) -> Iterator[str]:
    """Something that isn't Dask: says `answer` to whoever says something, or nothing at all."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        over = threading.Event()

        def serve() -> None:
            server.settimeout(0.1)
            with ExitStack() as stack:
                while not over.is_set():
                    try:
                        client = stack.enter_context(server.accept()[0])
                    except TimeoutError:
                        continue
                    if answer:
                        client.recv(100)
                        client.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"tcp://127.0.0.1:{server.getsockname()[1]}"
        finally:
            over.set()
            thread.join()


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n", b"", b"\0" * 64]
)
def test_what_is_no_scheduler_is_told_in_words(answer: bytes) -> None:
    with listening(answer) as address, cluster(address) as pool:
        with pytest.raises(ClusterError, match="no Dask scheduler") as caught:
            pool.executor.submit(jobs.whoami)
        assert address in str(caught.value)
        assert "unset DIGEST_DASK_SCHEDULER" in str(caught.value)


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("tcp://127.0.0.1:{port}", "nothing listens there"),
        ("tcp://no-such-host.invalid:8786", "the host no-such-host.invalid is not known"),
    ],
)
def test_an_address_where_nothing_is(address: str, why: str) -> None:
    with (
        cluster(address.format(port=free_port())) as pool,
        pytest.raises(ClusterError, match=why),
    ):
        _ = pool.workers


@pytest.mark.usefixtures("hasty")
def test_a_worker_s_address_is_no_scheduler_s(pool: Pool) -> None:
    address = pool.executor.submit(jobs.address).result(LONG)
    with cluster(address) as wrong, pytest.raises(ClusterError, match="it is a worker's address"):
        _ = wrong.workers


@pytest.mark.usefixtures("hasty")
def test_a_run_without_its_cluster_is_an_error_or_done_here_as_the_settings_say(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    furnish(house)
    address = f"tcp://127.0.0.1:{free_port()}"
    house.options = {"dask_scheduler": address}
    with pytest.raises(ClusterError, match="nothing listens there"):
        house.run()
    here, fallen_back = both(house, address, dask_fallback=True)
    assert fallen_back == here
    assert address in caplog.text
    assert "This machine does the work" in caplog.text


def test_a_cluster_that_goes_in_the_middle(tmp_path: Path) -> None:
    """It is an error that names it, or the rest is done here; nobody waits for ever."""
    made, encoded = documents(6)
    for number, fallback in enumerate((False, True)):
        folder = tmp_path / str(number)
        folder.mkdir()
        with ExitStack() as stack:
            machines = stack.enter_context(machines_in(folder, 1, "--no-nanny"))
            pool = stack.enter_context(cluster(machines.address, fallback=fallback, patience=5))
            ending = threading.Thread(target=end_in_the_middle, args=(machines, folder))
            ending.start()
            work = partial(summarize, made, encoded, jobs.Noting(folder, 0.3), "none")
            if fallback:
                there = work(pool=pool)
                here = summarize(made, encoded, jobs.Noting(tmp_path), "none")
                assert there.summaries == here.summaries
                again = [id_ for id_, times in begun(folder).items() if times > 1]
                assert len(again) <= 2  # that in hand, and that whose result was on its way
            else:
                with pytest.raises(ClusterError, match=machines.address):
                    work(pool=pool)
            ending.join()


def end_in_the_middle(machines: Machines, folder: Path) -> None:
    wait_until(lambda: len(begun(folder)) >= 2, "it didn't begin")
    machines.end(machines.running[0], signal.SIGKILL)


def test_workers_that_are_all_gone_are_not_waited_for_for_ever(
    lone: Machines, machine: Machine, tmp_path: Path
) -> None:
    worker = machine()
    with cluster(lone.address, patience=2) as pool:
        future = pool.executor.submit(jobs.until, str(tmp_path / "never"))
        wait_until(lambda: bool(list(tmp_path.glob("never-*"))), "it didn't begin")
        lone.end(worker, signal.SIGKILL)
        with pytest.raises(ClusterError, match="its workers are gone"):
            future.result(LONG)
    with cluster(lone.address, patience=1) as pool, pytest.raises(ClusterError) as caught:
        _ = pool.workers
    assert "it has no workers; start" in str(caught.value)


# --- workers that are unfit ----------------------------------------------------------------


def test_a_worker_with_another_version_is_refused_with_a_word(
    lone: Machines, machine: Machine, tmp_path: Path
) -> None:
    """One that says so at the beginning, and one that comes later."""
    other = tmp_path / "other" / "lxml-0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: lxml\nVersion: 0.1\n")
    paths = os.pathsep.join((str(AWAY), str(other.parent)))
    worker = machine()
    with cluster(lone.address) as pool:
        assert pool.executor.submit(jobs.whoami).result(LONG) == worker.pid
        lone.end(worker)
        machine(PYTHONPATH=paths, wait=False)
        with pytest.raises(ClusterError, match=r"one of its workers has lxml 0\.1 \(here "):
            pool.executor.submit(jobs.whoami).result(LONG)
    with cluster(lone.address) as pool, pytest.raises(ClusterError) as caught:
        _ = pool.workers
    assert re.search(r"the worker at tcp\S+ has lxml 0\.1 \(here ", str(caught.value))


def test_every_difference_is_named() -> None:
    ours = {"Python": "3.11", "digest": "1.2", "numpy": "2.4", "torch": "2.13.0", "lxml": ""}
    theirs = told({"python": "3.12.1.final.0", "digest": None, "torch": "2.13.0+cu130"})
    assert differences(ours, theirs) == [
        "Python 3.12 (here 3.11)",
        "no digest (here 1.2)",
        "no numpy (here 2.4)",
    ]
    assert differences(kit(), kit()) == []
    assert set(kit()) == {"Python", "digest", *LIBRARIES}


def test_a_scheduler_needs_what_carries_the_jobs_and_nothing_of_ours() -> None:
    ours = dict(installed())
    bare = {"python": ours["Python"], **dict.fromkeys(ASKED)}
    carries = bare | {name: ours[name] for name in CARRIERS[1:]}
    fit = ours | {"python": ours["Python"]}
    assert unfit(carries, {"tcp://one": fit}) == []
    assert unfit(carries | {"distributed": "1.0"}, {"tcp://one": fit | {"lxml": "0.1"}}) == [
        f"the scheduler has distributed 1.0 (here {ours['distributed']})",
        f"the worker at tcp://one has lxml 0.1 (here {ours['lxml']})",
    ]
    assert "the scheduler has no dask" in unfit(bare, {})[0]


def test_a_worker_without_this_package_says_so() -> None:
    how, why = opener()(b"cdigest_of_another_name\nJob\n.")
    assert how == "refused"
    assert why == "can't read what it is sent: No module named 'digest_of_another_name'"


def test_workers_without_our_weights_are_refused_with_a_word(
    house: House, lone: Machines, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    furnish(house)
    there = house.folder / "there.json"
    there.write_text("{}")
    machine(THERE=str(there))
    house.options = {"dask_scheduler": lone.address}
    for differs, why in (
        ({"writer": ""}, "the writer's weights are not installed"),
        ({"writer": "writer@2"}, "writer is another model or version here"),
        ({"encoder": "others"}, "the encoder is another one here (others)"),
    ):
        there.write_text(json.dumps(differs))
        daily = house.run().digests[0]
        assert daily.status == "failed"
        assert f"on a worker of the Dask cluster at {lone.address}: " in daily.reason
        assert why in daily.reason
    for name in ("outbox", "state"):
        (house.folder / name).rename(house.folder / f"{name}-0")
    here, fallen_back = both(house, lone.address, dask_fallback=True)
    assert fallen_back == here
    assert "the encoder is another one here (others)" in caplog.text


# --- nothing is left behind ----------------------------------------------------------------


def test_nobody_is_asked_before_there_is_work(tmp_path: Path) -> None:
    before = set(threading.enumerate())
    with cluster(f"tcp://127.0.0.1:{free_port()}") as pool:
        assert summarize([], {}, jobs.Noting(tmp_path), "none", pool=pool).fresh == 0
        assert set(threading.enumerate()) == before


def test_no_thread_stays_behind(machines: Machines) -> None:
    before = set(threading.enumerate())
    with cluster(machines.address) as pool:
        assert pool.executor.submit(jobs.whoami).result(LONG) != os.getpid()
        waiting = pool.executor.submit(jobs.moment)
    with pytest.raises(ClusterError, match="it was left"):
        waiting.result(LONG)
    wait_until(lambda: set(threading.enumerate()) <= before, "a thread stayed")


def test_a_connection_without_work_ends_by_itself(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "_IDLE", 0.5)
    monkeypatch.setattr(room, "_LOOK", 0.1)
    before = set(threading.enumerate())
    with cluster(machines.address) as pool:
        for _ in range(2):
            assert pool.executor.submit(jobs.whoami).result(LONG) != os.getpid()
            wait_until(lambda: set(threading.enumerate()) <= before, "a thread stayed")


@pytest.mark.slow
def test_the_command_says_nothing_of_the_library_s_own(house: House, machines: Machines) -> None:
    """And it ends with exit status 3 where there is no cluster."""
    house.feed("world", house.item("Alpha"))
    house.feed("town", house.item("Gamma"))
    said = []
    for number, address in enumerate((machines.address, f"tcp://127.0.0.1:{free_port()}")):
        env = {
            **os.environ,
            "DIGEST_DASK_SCHEDULER": address,
            "DIGEST_STATE_DIR": f"state-{number}",
            "DIGEST_ALLOW_PRIVATE_NETWORKS": "true",
        }
        done = subprocess.run(
            [sys.executable, "-W", "error", "-m", "digest", "fetch"],
            cwd=house.folder,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        said.append((done.returncode, done.stdout, done.stderr))
    (code, _, error), (without, _, reason) = said
    assert (code, error) == (0, "2 fetched\n")
    assert without == 3
    assert reason.startswith("the Dask cluster at tcp://127.0.0.1:")
    assert "nothing listens there; start `dask scheduler`" in reason
    assert len(reason.splitlines()) == 1
