"""What changes under an open page, told to it as server-sent events (HTML, section 9.2)."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from threading import Event, Lock, Thread

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from digest.errors import DigestError
from digest.preview.jobs import Job

log = logging.getLogger(__name__)

MAX_LISTENERS = 50
"""Open pages that are told; one more tries again until another is closed."""

# Short enough to feel immediate after saving a file, long enough to cost nothing.
_LOOK_SECONDS = 1.0
# Proxies and browsers give up on connections that say nothing for half a minute or longer.
_COMMENT_SECONDS = 15.0
# What a page that doesn't read may be behind; each event says all there is, so older ones can go.
_BEHIND = 32
# Milliseconds after which a browser connects again.
_RETRY = 2000


@dataclass(eq=False, slots=True)
class _Listener:
    loop: asyncio.AbstractEventLoop
    queue: asyncio.Queue[str | None]

    def put(self, event: str | None) -> None:
        """In the listener's own loop."""
        if self.queue.full():
            self.queue.get_nowait()
        self.queue.put_nowait(event)


class Live:
    """Looks once a second whether `version` gives another value, while anybody listens."""

    def __init__(self, version: Callable[[], str], stopping: Event) -> None:
        self._version = version
        self._stopping = stopping
        self._listeners: set[_Listener] = set()
        self._lock = Lock()
        self._watcher: Thread | None = None
        self._last = ""

    def job(self, job: Job) -> None:
        """Tells of a job's news, from any thread."""
        data = {
            "number": job.number,
            "kind": job.kind,
            "digest": job.digest,
            "date": job.date,
            "state": job.state,
            "stage": job.stage,
            "done": job.done,
            "total": job.total,
            "message": job.message,
        }
        self._tell(_event("job", json.dumps(data)))

    def events(self, _: Request) -> Response:
        """The stream; 503 where too many listen already, or the desk is being stopped."""
        with self._lock:
            full = len(self._listeners) >= MAX_LISTENERS
        if full or self._stopping.is_set():
            return Response(status_code=503, headers={"Retry-After": "5"})
        return _Stream(self._stream(), media_type="text/event-stream")

    async def _stream(self) -> AsyncIterator[str]:
        listener = _Listener(asyncio.get_running_loop(), asyncio.Queue(_BEHIND))
        with self._lock:
            if len(self._listeners) >= MAX_LISTENERS:  # many came at once
                return
            self._listeners.add(listener)
        try:
            # What changed since the page was made is told by the first event.
            last = await asyncio.to_thread(self._now)
            yield f"retry: {_RETRY}\n" + _event("change", last)
            self._watch(last)
            while not self._stopping.is_set():
                try:
                    event = await asyncio.wait_for(listener.queue.get(), _COMMENT_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                    continue
                if event is None:
                    return
                yield event
        finally:
            with self._lock:
                self._listeners.discard(listener)

    def _watch(self, told: str) -> None:
        with self._lock:
            if self._watcher is None:
                self._watcher = Thread(
                    target=self._look, args=(told,), name="desk watcher", daemon=True
                )
                self._watcher.start()

    def _look(self, told: str) -> None:
        """Until nobody listens any more, or the desk stops; `told` is what they know."""
        while not self._stopping.wait(_LOOK_SECONDS):
            # Not against what was seen last: that may be what a page was told that came just now.
            if (now := self._now()) != told:
                told = now
                self._tell(_event("change", now))
            with self._lock:
                if not self._listeners:
                    self._watcher = None
                    return
        self._tell(None)

    def _now(self) -> str:
        try:
            self._last = self._version()
        except DigestError as error:
            # A database that is being backed up is back in a minute; the pages say what is wrong.
            log.debug("looking for changes: %s", error)
        except Exception:  # a defect must not end the watching, which nothing would begin again
            log.exception("looking for changes")
        return self._last

    def _tell(self, event: str | None) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener.loop.call_soon_threadsafe(listener.put, event)
            except RuntimeError:  # its loop has ended, and the page with it
                with self._lock:
                    self._listeners.discard(listener)


class _Stream(StreamingResponse):
    """Ends quietly when the server is being stopped."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except asyncio.CancelledError:
            log.debug("a page was cut off")


def _event(name: str, data: str) -> str:
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n"
