"""Where work is done that can be done elsewhere.

The stages hand picklable functions and records to a `concurrent.futures.Executor`. One that comes
from outside, a cluster's (`digest.pipeline.cluster`), is given whole batches of requests, to fetch
and to read them there. Where none does, this process fetches, and processes of this machine read
what came.
"""

from __future__ import annotations

import logging
import math
import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    as_completed,
    wait,
)
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from digest.errors import ClusterError
from digest.feeds.pages import host_of
from digest.text.urls import is_http

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")
Job = Callable[[Sequence[Item]], list[Result]]

# Items that go to a process together: sending one costs half a millisecond, reading a feed thirty.
_CHUNK = 4
# Items that wait or are worked on; bodies of feeds mostly have 0.1 MB, and 32 MB at the most.
_AHEAD = 48
# Requests that go to another machine together: what is done again when it dies, and what is stored
# when it is done. A hundred take a worker about as long as its slowest server.
_AWAY_AT_ONCE = 100
# Results that are handed on together.
_BATCH = 50


@dataclass(frozen=True, slots=True)
class Pool:
    """`executor`, and the number of jobs that it does at once.

    That number may be asked for only when there is work: a cluster's is known once it is met.
    `writers` is where models write, `executor` when None. `away` is whether the workers are on
    machines that don't have our files; `fallback` whether this machine does what they can't.
    """

    executor: Executor
    jobs: int | Callable[[], int]
    writers: Executor | None = None
    away: bool = False
    fallback: bool = False

    @property
    def workers(self) -> int:
        """The jobs that are done at once. Raises ClusterError where there is nobody to do any."""
        return self.jobs if isinstance(self.jobs, int) else self.jobs()


class WorkersDiedError(BrokenExecutor):
    """Each worker that had this batch ended without a word: it may be the batch that kills them."""


@dataclass(frozen=True, slots=True)
class Errand(Generic[Item, Result]):
    """What is to be done with requests, whoever does it.

    `address` is a request's URL, or a file. `job(workers)` is what each of so many workers does
    with its batch; `here` does the same on this machine, as results come; `lost` is the result of
    a request whose batch failed.
    """

    address: Callable[[Item], str]
    job: Callable[[int], Job[Item, Result]]
    here: Callable[[Sequence[Item]], Iterator[list[Result]]]
    lost: Callable[[Item], Result]


@contextmanager
def processes(workers: int) -> Iterator[Executor]:
    """At most `workers` processes, each started when it is needed, ended at the end.

    They are forked from a small server that has the parsers loaded: starting afresh takes half a
    second each, and forking ourselves would copy the threads' locks in whatever state they are in.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["digest.feeds.work"])
    before = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(workers, mp_context=context, initializer=_live_with_parent)
    try:
        yield executor
    except BaseException:
        # Ctrl-C, or a database that fails: nobody waits for what is under way.
        for worker in set(multiprocessing.active_children()) - before:
            worker.terminate()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _live_with_parent() -> None:
    """Makes a worker end when its parent does, however that ends, and not before.

    Ctrl-C goes to all processes of a terminal; what becomes of the workers is the parent's to say.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(0)


def worked_on(
    items: Iterable[Item | None],
    job: Job[Item, Result],
    is_light: Callable[[Item], bool],
    lost: Callable[[Item], Result],
) -> Iterator[list[Result]]:
    """What `job` makes of `items`, as it is done, by processes of this machine.

    Where `is_light` says so it is done here. None among `items` is a moment in which none came.
    When a process dies, the items it had are worked on once more, each by a process of its own;
    of one whose process dies again `lost` tells the result.
    """
    found: list[Result] = []
    chunk: list[Item] = []
    with ExitStack() as stack:
        workers = _Workers(job, stack)
        for item in items:
            if item is not None and is_light(item):
                found += job([item])
            elif item is not None:
                chunk.append(item)
            if len(chunk) == _CHUNK or (chunk and item is None):
                workers.give(chunk)
                chunk = []
            found += workers.results(wait_for_some=len(workers) >= _AHEAD)
            if len(found) >= _BATCH or (found and item is None):
                yield found
                found = []
        if chunk:
            workers.give(chunk)
        while len(workers):
            found += workers.results(wait_for_some=True)
            if found:
                yield found
                found = []
    if found:
        yield found
    for item in workers.orphans:
        yield [_alone(item, job, lost)]


class _Workers(Generic[Item, Result]):
    """Processes at one job, and others when they die; `len` counts the items they have.

    `orphans` are the items of processes that died.
    """

    def __init__(self, job: Job[Item, Result], stack: ExitStack) -> None:
        self._job = job
        self._stack = stack
        self._executor = stack.enter_context(processes(cores()))
        self._pending: dict[Future[list[Result]], list[Item]] = {}
        self.orphans: list[Item] = []

    def __len__(self) -> int:
        return sum(map(len, self._pending.values()))

    def give(self, items: list[Item]) -> None:
        """Hands `items` to one of the processes."""
        try:
            future = self._executor.submit(self._job, items)
        except BrokenExecutor:
            self._executor = self._stack.enter_context(processes(cores()))
            future = self._executor.submit(self._job, items)
        self._pending[future] = items

    def results(self, *, wait_for_some: bool) -> list[Result]:
        """What is done by now; with `wait_for_some`, when something is."""
        if wait_for_some and self._pending:
            wait(self._pending, return_when=FIRST_COMPLETED)
        found: list[Result] = []
        for future in [future for future in self._pending if future.done()]:
            items = self._pending.pop(future)
            try:
                found += future.result()
            except BrokenExecutor:
                self.orphans += items
        return found


def _alone(item: Item, job: Job[Item, Result], lost: Callable[[Item], Result]) -> Result:
    """What `job` makes of `item`, in a process that it shares with nothing."""
    log.warning("a worker process ended; what it worked on is done again, one by one")
    with processes(1) as executor:
        try:
            (result,) = executor.submit(job, [item]).result()
        except BrokenExecutor:
            return lost(item)
    return result


def sent_out(
    requests: Sequence[Item], errand: Errand[Item, Result], pool: Pool
) -> Iterator[list[Result]]:
    """What becomes of `requests` in `pool`, batch by batch, as they are done.

    Those of a batch that fails are lost: an executor may lose its workers. What no other machine
    can do, because it is a file of ours or because the workers died of it, is done here. Raises
    ClusterError when the cluster as a whole can't be used, unless the pool's `fallback` says that
    this machine does the rest then.
    """
    sent = [one for one in requests if not pool.away or is_http(errand.address(one))]
    ours = [one for one in requests if pool.away and not is_http(errand.address(one))]
    futures: dict[Future[list[Result]], list[Item]] = {}
    waiting: list[list[Item]] = []
    try:
        waiting = [sent] if sent else []  # in one, until it is known in how many
        workers = pool.workers if sent else 1
        waiting = shared_out(sent, errand.address, workers)
        job = errand.job(workers)
        for batch in list(waiting):
            futures[pool.executor.submit(job, batch)] = batch
        for future in as_completed(futures):
            batch = futures[future]
            try:
                results = future.result()
            except WorkersDiedError as error:
                log.warning("%s; this machine does it again, with care", error)
                ours += batch
                results = []
            except ClusterError:
                raise
            except Exception:  # jobs raise nothing: whatever it is, the executor is the reason
                log.exception("a worker failed, with a batch of %d", len(batch))
                results = [errand.lost(item) for item in batch]
            waiting.remove(batch)
            if results:
                yield results
    except ClusterError as error:
        if not pool.fallback:
            raise
        log.warning("%s. This machine does the work, as DIGEST_DASK_FALLBACK says", error)
        ours += [item for batch in waiting for item in batch]
    finally:
        for future in futures:
            future.cancel()
    if ours:
        yield from errand.here(ours)


def shared_out(
    requests: Sequence[Item], address: Callable[[Item], str], workers: int
) -> list[list[Item]]:
    """`requests` in batches of about equal size, a host's in one of them; one a worker or more.

    So each host meets one worker, which keeps to the number of connections it allows. `address` is
    the URL of a request; files are nobody's.
    """
    by_host: defaultdict[str, list[Item]] = defaultdict(list)
    for number, request in enumerate(requests):
        by_host[host_of(address(request)) or f"file {number}"].append(request)
    count = max(workers, math.ceil(len(requests) / _AWAY_AT_ONCE))
    batches: list[list[Item]] = [[] for _ in range(count)]
    for group in sorted(by_host.values(), key=len, reverse=True):
        min(batches, key=len).extend(group)
    return [batch for batch in batches if batch]


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
