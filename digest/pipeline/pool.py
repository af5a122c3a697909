"""Where work is done that can be done elsewhere: an executor, and how wide it is.

The stages hand picklable functions and records to a `concurrent.futures.Executor` that they are
given. Here it is a pool of processes on this machine; a cluster's executor can take its place.
"""

from __future__ import annotations

import multiprocessing
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from digest.feeds.work import host_of

Request = TypeVar("Request")

# Fewer requests than this are one process's work: a second one would start longer than it works.
_FEW = 8


@dataclass(frozen=True, slots=True)
class Pool:
    """`executor`, and the number of jobs that it does at once."""

    executor: Executor
    workers: int


@contextmanager
def processes(workers: int) -> Iterator[Pool]:
    """A pool of `workers` processes, ended at the end.

    They are started at the first job, by a fork of a small server: starting afresh takes half a
    second each, and forking ourselves would copy the threads' locks in whatever state they are in.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["digest.feeds.work"])
    before = set(multiprocessing.active_children())
    executor = ProcessPoolExecutor(workers, mp_context=context)
    try:
        yield Pool(executor, workers)
    except BaseException:
        # Ctrl-C, or a database that fails: nobody waits for what is under way.
        for worker in set(multiprocessing.active_children()) - before:
            worker.terminate()
        raise
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def workers_for(jobs: int) -> int:
    """How many processes so many requests are worth."""
    return 1 if jobs < _FEW else _cores()


def shared_out(
    requests: Sequence[Request], address: Callable[[Request], str], workers: int
) -> list[list[Request]]:
    """`requests` in at most `workers` batches of about equal size, a host's in one of them.

    So each host meets one worker, which keeps to the number of connections it allows. `address` is
    the URL of a request; files are nobody's.
    """
    by_host: defaultdict[str, list[Request]] = defaultdict(list)
    for number, request in enumerate(requests):
        by_host[host_of(address(request)) or f"file {number}"].append(request)
    batches: list[list[Request]] = [[] for _ in range(workers)]
    for group in sorted(by_host.values(), key=len, reverse=True):
        min(batches, key=len).extend(group)
    return [batch for batch in batches if batch]


def _cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
