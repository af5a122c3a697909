"""A Dask cluster as an executor: the door to `distributed`.

The scheduler is met when there is work, not before, and left a minute after the last job, so a
service depends on the cluster only while it builds, and looks anew each time at what the workers
have. Whatever is wrong with the cluster is a ClusterError that names its address; nothing here
waits for ever. Moments are told by this machine's monotonic clock: no worker's clock decides.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError, Executor, Future, InvalidStateError
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from digest.errors import ClusterError, ModelError
from digest.pipeline.pool import Pool, WorkersDiedError
from digest.pipeline.reaching import said, unreachable
from digest.pipeline.worker import ASKED, Job, Packages, kit, opener, packed, unfit

log = logging.getLogger(__name__)

# What the scheduler says of its workers, by their addresses.
_Workers = Mapping[str, Mapping[str, Any]]

# For the scheduler to answer: a connection takes one packet there and back, and a busy scheduler
# answers within a second or two.
_ANSWER = 10.0
# A worker that died is started again by its nanny in some 3 to 10 seconds.
_PATIENCE = 30.0
_IDLE = 60.0
# A run has several stages, none of which should wait for what the one before it waited for in vain.
_AGAIN = 60.0
_LOOK = 1.0
# For one of several batches to be done. The slowest that is in use, of a dozen articles by a model
# of some billion parameters on two cores, takes a quarter of an hour.
_LONGEST = 3600.0
_GPU = "GPU"
_NOISY = ("distributed", "distributed.client", "distributed.gc", "tornado", "tornado.application")
_WHAT_TO_DO = (
    "start `dask scheduler` and `dask worker {address}` with this version of digest, or unset "
    "DIGEST_DASK_SCHEDULER (DIGEST_DASK_FALLBACK=true lets this machine do the work then)"
)


@contextmanager
def cluster(address: str, *, fallback: bool = False, patience: float = _PATIENCE) -> Iterator[Pool]:
    """The cluster whose scheduler is at `address` (`tcp://host:8786`) as a pool.

    Nobody is asked before there is work. `fallback` is what `Pool` says; `patience` is for how
    many seconds a cluster may be without a worker. The connection ends with the block.
    """
    machines = _Cluster(address, patience)
    try:
        yield Pool(
            _Door(machines, writes=False),
            machines.threads,
            writers=_Door(machines, writes=True),
            away=True,
            fallback=fallback,
        )
    finally:
        machines.close()


class _Door(Executor):
    """One kind of job: those in which a model `writes` go to workers with a GPU where some are."""

    def __init__(self, machines: _Cluster, *, writes: bool) -> None:
        self._machines = machines
        self._writes = writes

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Sends `fn` away. Raises ClusterError, as does the future; its result is that of `fn`."""
        return self._machines.submit(Job(kit(), fn, args, kwargs, self._writes))


@dataclass(slots=True)
class _Sent:
    """A job on its way; `inner` is the library's own future of it, `on_gpu` whether it asks one."""

    payload: bytes
    writes: bool
    inner: Future[Any] | None = None
    on_gpu: bool = False


class _Cluster:
    """A connection that is made when it is needed, and everything that is under way over it."""

    def __init__(self, address: str, patience: float) -> None:
        self._address = address
        self._patience = patience
        # Held while connecting, sending and leaving; never by what the library's own thread calls,
        # for which those may be waiting.
        self._lock = threading.Lock()
        self._client: Any = None  # of the library, which is loaded at the first use
        self._threads = 0
        self._gpus = False
        self._pending: dict[Future[Any], _Sent] = {}
        self._left = threading.Event()
        self._moved = time.monotonic()
        self._refused: tuple[float, str] | None = None

    def threads(self) -> int:
        """How many jobs are done at once. Raises ClusterError."""
        with self._lock:
            self._look_at(_workers(self._connected(), _ANSWER))
            return self._threads

    def submit(self, job: Job) -> Future[Any]:
        """The outcome of `job`, some time. Raises ClusterError, as the future may."""
        sent = _Sent(packed(job), job.writes)
        future: Future[Any] = Future()
        with self._lock:
            client = self._connected()
            self._pending[future] = sent
            try:
                self._send(client, future, sent)
            except Exception as error:  # the connection broke this moment
                self._pending.pop(future, None)
                raise self._trouble(f"it is gone ({said(error)})") from error
        future.add_done_callback(self._forget)
        return future

    def close(self) -> None:
        """Leaves the cluster; what is under way there is given up."""
        self._fail(self._trouble("it was left"))
        with self._lock:
            self._leave()

    # --- the connection, with the lock held --------------------------------------------------

    def _connected(self) -> Any:
        if self._client is not None and self._client.status == "running":
            return self._client
        self._leave()
        if self._refused is not None and time.monotonic() - self._refused[0] < _AGAIN:
            raise ClusterError(self._refused[1])
        try:
            workers = self._meet()
        except ClusterError as error:
            self._refused = (time.monotonic(), str(error))
            raise
        self._look_at(workers)
        # What must agree is compared in `_meet`, more strictly, and said in words.
        dask = _library()
        warnings.filterwarnings("ignore", category=dask.versions.VersionMismatchWarning)
        options = {"timeout": _ANSWER, "set_as_default": False, "name": "digest"}
        try:
            client = dask.Client(self._address, **options)
        except Exception as error:  # what the library raises here is of many kinds
            raise self._trouble(f"it is gone ({said(error)})") from error
        self._client = client
        self._left = threading.Event()
        watch = partial(self._watch, client, self._left)
        threading.Thread(target=watch, name="cluster", daemon=True).start()
        log.info("cluster %s: %d workers", self._address, len(workers))
        return client

    def _look_at(self, workers: _Workers | None) -> None:
        """Notes what there is, workers that came later included."""
        if workers:
            self._threads = sum(int(worker["nthreads"]) for worker in workers.values())
            self._gpus = any(map(_has_gpu, workers.values()))

    def _leave(self) -> None:
        self._left.set()
        client, self._client = self._client, None
        if client is not None:
            try:
                client.close(timeout=_ANSWER)
            except Exception as error:  # it is gone already
                log.debug("cluster %s: %s", self._address, said(error))

    def _send(self, client: Any, future: Future[Any], sent: _Sent) -> None:
        sent.on_gpu = sent.writes and self._gpus
        executor = client.get_executor(pure=False)
        wish = {"resources": {_GPU: 1}} if sent.on_gpu else {}
        sent.inner = executor.submit(opener(), sent.payload, **wish)
        sent.inner.add_done_callback(partial(self._done, future))

    def _meet(self) -> _Workers:
        """The workers by address. Raises ClusterError where there are none, or unfit machines."""
        try:
            workers, own, versions = asyncio.run(_met(self._address, self._patience))
        except _NoSchedulerError as error:
            raise self._trouble(str(error)) from error
        except ModuleNotFoundError as error:
            raise ClusterError(
                f"the Dask cluster at {self._address} can't be used: {error.name} is not installed "
                "here; run: pip install distributed"
            ) from error
        except Exception as error:  # what the library raises here is of many kinds
            log.debug("no scheduler at %s: %s", self._address, said(error))
            why = unreachable(self._address, _ANSWER / 2)
            why = why or "what answers there is no Dask scheduler, or one of another version"
            raise self._trouble(why) from error
        if not workers:
            raise self._trouble("it has no workers")
        if unfitting := unfit(own, {place: versions.get(place, {}) for place in workers}):
            raise self._trouble("; ".join(unfitting))
        return workers

    # --- jobs that are under way; no lock, since these are called by the library's thread --------

    def _done(self, future: Future[Any], inner: Future[Any]) -> None:
        sent = self._pending.get(future)
        if sent is None or sent.inner is not inner:
            return  # it was given up, or sent anew
        del self._pending[future]
        self._moved = time.monotonic()
        try:
            how, what = inner.result()
        except CancelledError:
            self._settle(future, self._trouble("it is gone: the connection broke"))
        except BaseException as error:  # of the cluster: what a job raises comes as an outcome
            self._settle(future, self._failure(error))
        else:
            if how == "refused":
                self._settle(future, self._trouble(f"one of its workers {what}"))
            elif how == "raised" and isinstance(what, ModelError):
                told = f"on a worker of the Dask cluster at {self._address}: {what}"
                self._settle(future, ModelError(told))
            elif how == "raised":
                self._settle(future, what)
            else:
                self._settle(future, None, what)

    def _failure(self, error: BaseException) -> Exception:
        if isinstance(error, _library().KilledWorker):
            return WorkersDiedError(
                f"each worker of the Dask cluster at {self._address} that took one of the batches "
                "ended with it"
            )
        return self._trouble(f"it could not do its work ({said(error)})")

    @staticmethod
    def _settle(future: Future[Any], error: BaseException | None, result: object = None) -> None:
        with suppress(InvalidStateError):  # it was cancelled this moment
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

    def _forget(self, future: Future[Any]) -> None:
        """Calls a job off, where its future is cancelled."""
        sent = self._pending.pop(future, None)
        if sent is not None and sent.inner is not None:
            sent.inner.cancel()

    def _fail(self, error: ClusterError) -> None:
        """Gives up everything that is under way."""
        for future in list(self._pending):
            if self._pending.pop(future, None) is not None:
                self._settle(future, error)

    # --- the watch, a thread of its own --------------------------------------------------------

    def _watch(self, client: Any, left: threading.Event) -> None:
        """Ends what would wait for ever: for a scheduler that is gone, or for workers."""
        self._moved = busy = answered = staffed = equipped = time.monotonic()
        while not left.wait(_LOOK):
            now = time.monotonic()
            if not self._pending:
                if now - busy > _IDLE and self._lock.acquire(blocking=False):
                    try:
                        if not self._pending and not left.is_set():
                            self._leave()
                            return
                    finally:
                        self._lock.release()
                self._moved = answered = staffed = equipped = now
                continue
            busy = now
            workers = _workers(client, self._patience)
            now = time.monotonic()
            if workers is not None:
                answered = now
            if workers:
                staffed = now
                self._look_at(workers)
            if self._gpus:
                equipped = now
            if now - answered >= self._patience:
                self._fail(self._trouble("it is gone: the scheduler doesn't answer"))
            elif now - staffed >= self._patience:
                self._fail(self._trouble("its workers are gone"))
            elif now - self._moved >= _LONGEST:
                self._fail(self._trouble(f"nothing was done for {_LONGEST / 60:.0f} minutes"))
            elif now - equipped >= self._patience:
                self._do_without(client)

    def _do_without(self, client: Any) -> None:
        """Sends anew what waits for a GPU, to any worker: those that had one are gone."""
        with self._lock:
            for future, sent in list(self._pending.items()):
                if sent.on_gpu and future in self._pending:
                    before = sent.inner
                    try:
                        self._send(client, future, sent)
                    except Exception as error:  # the connection broke this moment
                        self._pending.pop(future, None)
                        self._settle(future, self._trouble(f"it is gone ({said(error)})"))
                    if before is not None:
                        before.cancel()

    def _trouble(self, why: str) -> ClusterError:
        advice = _WHAT_TO_DO.format(address=self._address)
        return ClusterError(f"the Dask cluster at {self._address} can't be used: {why}; {advice}")


# --- what is asked of a scheduler ------------------------------------------------------------


class _NoSchedulerError(Exception):
    """Something answers at the address, and says itself that it isn't a scheduler."""


async def _met(address: str, patience: float) -> tuple[_Workers, Packages, dict[str, Packages]]:
    """Workers by address, the scheduler's packages, and theirs; waits a while for the first one.

    Raises whatever the library does when what is at the address isn't a scheduler.
    """
    dask = _library()
    ask = dask.core.send_recv
    options = dask.security.Security().get_connection_args("client")
    # The library's own time-out is for the connection; one that is made and silent has none.
    async with asyncio.timeout(_ANSWER + 1):
        comm = await dask.comm.connect(address, timeout=_ANSWER, **options)
    try:
        deadline = time.monotonic() + min(patience, _ANSWER)
        while True:
            async with asyncio.timeout(_ANSWER):
                found = await ask(comm, op="identity")
            if found.get("type") != "Scheduler":
                raise _NoSchedulerError(
                    f"it is a {str(found.get('type')).lower()}'s address, not the scheduler's"
                )
            if found["workers"] or time.monotonic() > deadline:
                break
            await asyncio.sleep(0.2)
        async with asyncio.timeout(_PATIENCE):
            asked = {"op": "versions", "packages": list(ASKED)}
            own = await ask(comm, **asked)
            answers = await ask(comm, op="broadcast", msg=asked, on_error="ignore")
        theirs = {place: each["packages"] for place, each in answers.items()}
        return found["workers"], own["packages"], theirs
    finally:
        comm.abort()


def _workers(client: Any, seconds: float) -> _Workers | None:
    """The workers that there are now; None when the scheduler doesn't say."""
    if client.status != "running" or client.scheduler is None:
        return None
    try:
        found = client.sync(client.scheduler.identity, callback_timeout=max(seconds, _LOOK))
    except Exception as error:  # what the library raises here is of many kinds
        log.debug("the scheduler doesn't answer: %s", said(error))
        return None
    workers: _Workers = found["workers"]
    return workers


def _has_gpu(worker: Mapping[str, Any]) -> bool:
    return float(worker.get("resources", {}).get(_GPU, 0)) >= 1


def _library() -> Any:
    """`distributed`, kept from writing to the terminal: what matters is said by us, once.

    Raises ModuleNotFoundError.
    """
    import distributed

    for name in _NOISY:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(logging.CRITICAL)
    return distributed
