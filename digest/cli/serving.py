"""`digest preview` and `digest serve`."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
import webbrowser
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from digest.cli.common import (
    DONE,
    ConfigOption,
    HostOption,
    NoBrowserOption,
    PortOption,
    announce,
    complain,
    load_settings,
)
from digest.cli.desk import entrance, open_desk
from digest.cli.stopping import SIGNALS, end_at_the_latest
from digest.errors import StoreError

if TYPE_CHECKING:
    from digest.cli.logs import Voice
    from digest.config import Config, Settings
    from digest.pipeline.wiring import Workshop
    from digest.preview.room import DeskRoom
    from digest.service.health import Health
    from digest.service.metrics import Metrics
    from digest.service.pulse import Pulse
    from digest.service.schedule import Schedule
    from digest.service.service import DueReport, Service

Application = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""

EditionArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[NAME|EDITION]",
        help="A digest (its newest edition) or an edition such as morning/2026-03-02; "
        "the newest of all when left out.",
        show_default=False,
    ),
]


def preview(
    wanted: EditionArgument = None,
    config: ConfigOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8765,
    no_browser: NoBrowserOption = False,
) -> None:
    """Open the editor's desk in the browser: read, change, approve and send editions.

    The page renews itself when a template, feeds.yaml or another editor changes something. It is
    for this machine alone, unless --host names an address that others reach: then the printed
    address holds the key that it asks for, DIGEST_DESK_TOKEN or one made for the time. Nothing
    leaves by itself; that is what `digest serve` does. Ctrl-C ends it.
    """
    settings = load_settings()
    from digest.config.watching import WatchedConfig
    from digest.pipeline.wiring import open_workshop
    from digest.preview.app import create_app
    from digest.preview.server import listen, serve_preview, settle_memory
    from digest.preview.shelf import address_for

    watched = WatchedConfig(config or settings.config)

    def in_force() -> Config | None:
        watched.look()
        return watched.config

    known = in_force()
    names = [spec.name for spec in known.digests] if known else []
    path = address_for(settings.outbox_dir, wanted or "", names)
    with open_workshop(settings) as workshop, listen(host, port) as listener:
        desk = open_desk(settings, workshop, in_force, lambda: watched.error, host, listener)
        app = create_app(desk)
        settle_memory()
        try:
            serve_preview(
                app,
                listener,
                path=entrance(desk, path, is_own=settings.desk_token is not None),
                open_browser=not no_browser,
                announce=announce,
                on_stopping=desk.stop,
            )
        finally:
            desk.stop()
            left = desk.jobs.stop(_SECONDS)
            if left:
                complain(f"stopped in the middle of: {', '.join(left)}; start it again")
                _leave()


def serve(
    config: ConfigOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    no_browser: NoBrowserOption = False,
) -> None:
    """Build and send each digest by its schedule, with the editor's desk, until stopped.

    The schedule's cron lines are read in each digest's own time zone. A date whose time was missed
    (the machine slept, the service was down) still has its edition within
    DIGEST_MISFIRE_GRACE_HOURS; later than that it is skipped, which `digest outbox` shows. A
    changed feeds.yaml is taken up within seconds; a broken one is refused, and the old one stays.
    The desk is that of `digest preview`; with --host it asks for a key in the same way.
    `/healthz` answers while the service lives, `/readyz` while it can do its work, and `/metrics`
    is for Prometheus. Ctrl-C or SIGTERM ends it within ten seconds.
    """
    settings = load_settings()
    from digest.cli.defects import errors_told
    from digest.cli.logs import Voice, take_structlog

    take_structlog()
    voice = Voice(settings.log_format)
    with errors_told(voice), _lock_of_service(settings, voice):
        _serve(settings, voice, config or settings.config, host, port, not no_browser)


def _serve(
    settings: Settings, voice: Voice, config: Path, host: str, port: int, open_browser: bool
) -> None:
    from digest.config.watching import ConfigFile
    from digest.pipeline.progress import listening
    from digest.pipeline.wiring import open_workshop
    from digest.preview.server import address_of, build_server, listen, settle_memory
    from digest.service.pulse import Pulse
    from digest.service.schedule import Schedule
    from digest.service.service import Service

    file = ConfigFile(config)
    with open_workshop(settings) as workshop:
        service = Service(
            workshop,
            settings,
            file.config,
            file.changed,
            on_report=lambda report: _report(voice, metrics, report),
            on_config=lambda new: _take_up(schedule, workshop, new, voice),
        )
        pulse = Pulse(service.jobs())
        schedule = Schedule(pulse.jobs, pulse.noting("tick", service.tick), service.grace)
        listener = listen(host, port)
        desk = open_desk(
            settings,
            workshop,
            lambda: service.config,
            lambda: file.error,
            host,
            listener,
            serves=True,
        )
        address = address_of(listener) + entrance(desk, "/", is_own=settings.desk_token is not None)

        def started() -> None:
            announce(address)
            if open_browser:
                # In a thread: some browsers are started as a child and waited for.
                Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        health, metrics = _watched(settings, workshop, service, schedule, pulse, desk)
        app = _application(settings, workshop, service, host, desk, health, metrics)
        server = build_server(app, on_started=started, on_stopping=desk.stop)
        settle_memory()

        def ask_to_end() -> None:
            service.stop()
            server.should_exit = True

        with listener, listening(metrics.stage), _ending(ask_to_end, voice) as ending:
            _take_up(schedule, workshop, file.config, voice)
            if workshop.mail is None:
                voice.say("DIGEST_SMTP_URL isn't set: editions are built, and nothing is sent")
            schedule.start()
            try:
                server.run(sockets=[listener])
            finally:
                service.stop()
                desk.stop()
                _stop(schedule, desk, ending, voice)


@contextmanager
def _lock_of_service(settings: Settings, voice: Voice) -> Iterator[None]:
    """Says so where another service has the state folder. Raises StoreError."""
    from filelock import FileLock, Timeout

    lock = FileLock(settings.state_dir / "serve.lock")
    try:
        settings.state_dir.mkdir(parents=True, exist_ok=True)
        lock.acquire(timeout=0)
    except Timeout:
        voice.say(
            "another `digest serve` works in this state folder; that is safe, one of them builds "
            "and sends"
        )
    except OSError as error:
        raise StoreError(
            f"{lock.lock_file}: {error.strerror}; the state folder must be writable "
            "(DIGEST_STATE_DIR)"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _report(voice: Voice, metrics: Metrics, report: DueReport) -> None:
    from digest.cli.building import due_json, print_due

    metrics.report(report)
    if voice.is_json:
        voice.say("report", **due_json(report))
    else:
        print_due(report)


def _watched(
    settings: Settings,
    workshop: Workshop,
    service: Service,
    schedule: Schedule,
    pulse: Pulse,
    desk: DeskRoom,
) -> tuple[Health, Metrics]:
    """What tells others how the service is."""
    from digest.pipeline.backup import last_backup
    from digest.service.health import Health
    from digest.service.metrics import Metrics

    def config() -> Config:
        return service.config

    def clock() -> datetime:
        return datetime.now(UTC)

    folders = {"outbox": settings.outbox_dir, "state": settings.state_dir}
    store = workshop.store
    health = Health(store, folders, config, service.grace, schedule.silence, pulse, clock)
    metrics = Metrics(
        store,
        config,
        health,
        pulse,
        schedule.silence,
        clock,
        lambda: last_backup(settings.state_dir),
        desk_jobs=lambda: sum(job.is_open for job in desk.jobs.all()),
        sends=workshop.mail is not None,
    )
    return health, metrics


def _application(
    settings: Settings,
    workshop: Workshop,
    service: Service,
    host: str,
    desk: DeskRoom,
    health: Health,
    metrics: Metrics,
) -> Application:
    """The editor's desk and, where there is a public address, the pages for readers."""
    from digest.preview.app import create_app
    from digest.service.spoken import Spoken
    from digest.service.web import PublicFirst, create_public_app

    private = create_app(desk, [*health.routes(), *metrics.routes()])
    if workshop.links is None:
        return private
    public = urlsplit(settings.archive)
    pages = create_public_app(
        workshop.store.subscribers,
        workshop.links,
        lambda: service.config,
        workshop.renderer.words,
        lambda: datetime.now(UTC),
        hosts=(host, public.hostname or ""),
        prefix=public.path,
        languages=Spoken(workshop.outbox),
    )
    return PublicFirst(pages, private, public.path)


def _take_up(schedule: Schedule, workshop: Workshop, config: Config, voice: Voice) -> None:
    """Schedules the digests of a configuration.

    Says when the next edition of each is due, and where people subscribe to it.
    """
    from digest.service.due import next_due

    schedule.set_digests(config.digests)
    for spec in config.digests:
        say = partial(voice.say, digest=spec.name)
        if spec.schedule is None:
            say(f"{spec.name}: has no schedule; only `digest run` builds it")
        else:
            known = {row.date: row for row in workshop.store.editions.statuses(spec.name)}
            due = next_due(spec, known, datetime.now(UTC))
            when = "never" if due is None else f"at {due.moment:%Y-%m-%d %H:%M} UTC"
            say(f"{spec.name}: next edition {when} ({spec.schedule} in {spec.timezone})")
        if workshop.links is not None:
            say(f"{spec.name}: people subscribe at {workshop.links.subscribe(spec.name)}")


# From the signal to the end: ten seconds are promised. The rest is for closing the database, and a
# second for taking the libraries down, which is given up at the latest then.
_SECONDS = 8.0


class _Ending:
    """When the end was asked for, by the monotonic clock; None before that."""

    asked: float | None = None

    @property
    def seconds_left(self) -> float:
        return _SECONDS - (time.monotonic() - self.asked) if self.asked else _SECONDS


@contextmanager
def _ending(ask: Callable[[], None], voice: Voice) -> Iterator[_Ending]:
    """Calls `ask` at SIGINT or SIGTERM; a second Ctrl-C ends the process at once."""
    ending = _Ending()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        if ending.asked is None:
            ending.asked = time.monotonic()
            voice.say_in_a_signal(
                "stopping: finishing what is in hand (Ctrl-C again ends it at once)"
            )
            Thread(target=end_at_the_latest, args=(DONE,), daemon=True).start()
            ask()
        elif number == signal.SIGINT:
            voice.say_in_a_signal("ended at once; what was begun is taken up at the next start")
            os._exit(130)

    before = {number: signal.signal(number, on_signal) for number in SIGNALS}
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _stop(schedule: Schedule, desk: DeskRoom, ending: _Ending, voice: Voice) -> None:
    """Waits for what runs; what doesn't end in time is left, as a power cut would leave it."""
    running = [*schedule.stop(max(0.0, ending.seconds_left))]
    running += desk.jobs.stop(max(0.0, ending.seconds_left))
    if not running:
        return
    voice.say(
        f"stopped in the middle of: {', '.join(running)}. Nothing is lost: it is taken up at the "
        "next start"
    )
    _leave()


def _leave() -> None:
    """Ends the process in the middle of what its threads do."""
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Its threads can't be ended otherwise, and the interpreter would wait for them.
    os._exit(0)
