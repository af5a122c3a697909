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
from threading import Thread
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import (
    ConfigOption,
    HostOption,
    NoBrowserOption,
    PortOption,
    announce,
    complain,
    load_settings,
)

if TYPE_CHECKING:
    from digest.config import Config, Settings
    from digest.pipeline.wiring import Workshop
    from digest.service.schedule import Schedule
    from digest.service.service import Service

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
    config: ConfigOption = None,  # noqa: ARG001 - every command takes it
    host: HostOption = "127.0.0.1",
    port: PortOption = 8765,
    no_browser: NoBrowserOption = False,
) -> None:
    """Show an edition in the browser: desktop, phone, dark and plain text.

    The page renders again when a template changes. Ctrl-C ends it.
    """
    settings = load_settings()
    from digest.pipeline.wiring import theme_folders
    from digest.preview.app import create_app
    from digest.preview.server import serve_preview
    from digest.preview.shelf import address_for

    path = address_for(settings.outbox_dir, wanted or "")
    app = create_app(settings.outbox_dir, theme_folders(settings), hosts=(host,))
    serve_preview(app, host, port, path=path, open_browser=not no_browser, announce=announce)


def serve(
    config: ConfigOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    no_browser: NoBrowserOption = False,
) -> None:
    """Build and send each digest by its schedule, and show the editions, until stopped.

    The schedule's cron lines are read in each digest's own time zone. A date whose time was missed
    (the machine slept, the service was down) still has its edition within
    DIGEST_MISFIRE_GRACE_HOURS; later than that it is skipped, which `digest outbox` shows. A
    changed feeds.yaml is taken up within seconds; a broken one is refused, and the old one stays.
    `/healthz` answers while the service lives. Ctrl-C or SIGTERM ends it within ten seconds.
    """
    settings = load_settings()
    from digest.cli.building import print_due
    from digest.cli.logs import take_structlog
    from digest.pipeline.wiring import open_workshop
    from digest.preview.server import address_of, build_server, listen
    from digest.service.schedule import Schedule
    from digest.service.service import Service
    from digest.service.watching import ConfigFile

    take_structlog()
    file = ConfigFile(config or settings.config)
    with open_workshop(settings) as workshop:
        service = Service(
            workshop,
            settings,
            file.config,
            file.changed,
            on_report=print_due,
            on_config=lambda new: _take_up(schedule, workshop, new),
        )
        schedule = Schedule(service.jobs(), service.tick, service.grace)
        listener = listen(host, port)
        address = address_of(listener) + "/"

        def started() -> None:
            announce(address)
            if not no_browser:
                # In a thread: some browsers are started as a child and waited for.
                Thread(target=webbrowser.open, args=(address,), daemon=True).start()

        app = _application(settings, workshop, service, host)
        server = build_server(app, on_started=started)

        def ask_to_end() -> None:
            service.stop()
            server.should_exit = True

        with listener, _ending(ask_to_end) as ending:
            _take_up(schedule, workshop, file.config)
            if workshop.mail is None:
                complain("DIGEST_SMTP_URL isn't set: editions are built, and nothing is sent")
            schedule.start()
            try:
                server.run(sockets=[listener])
            finally:
                service.stop()
                _stop(schedule, ending)


def _application(
    settings: Settings, workshop: Workshop, service: Service, host: str
) -> Application:
    """The preview for this machine and, where there is a public address, its pages for readers."""
    from urllib.parse import urlsplit

    from digest.pipeline.wiring import theme_folders
    from digest.preview.app import create_app
    from digest.service.web import PublicFirst, create_public_app

    private = create_app(settings.outbox_dir, theme_folders(settings), hosts=(host,))
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
    )
    return PublicFirst(pages, private, public.path)


def _take_up(schedule: Schedule, workshop: Workshop, config: Config) -> None:
    """Schedules the digests of a configuration, and says when the next edition of each is due."""
    from digest.service.due import next_due

    schedule.set_digests(config.digests)
    for spec in config.digests:
        if spec.schedule is None:
            complain(f"{spec.name}: has no schedule; only `digest run` builds it")
            continue
        known = {row.date: row for row in workshop.store.editions.statuses(spec.name)}
        due = next_due(spec, known, datetime.now(UTC))
        when = "never" if due is None else f"at {due.moment:%Y-%m-%d %H:%M} UTC"
        complain(f"{spec.name}: next edition {when} ({spec.schedule} in {spec.timezone})")


# From the signal to the end: ten seconds are promised. The rest is for closing the database, and a
# second for taking the libraries down, which is given up at the latest then.
_SECONDS = 8.0
_AT_THE_LATEST = 9.3


class _Ending:
    """When the end was asked for, by the monotonic clock; None before that."""

    asked: float | None = None

    @property
    def seconds_left(self) -> float:
        return _SECONDS - (time.monotonic() - self.asked) if self.asked else _SECONDS


@contextmanager
def _ending(ask: Callable[[], None]) -> Iterator[_Ending]:
    """Calls `ask` at SIGINT or SIGTERM; a second Ctrl-C ends the process at once."""
    ending = _Ending()

    def on_signal(number: int, _frame: FrameType | None) -> None:
        # `os.write`, since a handler may come in the middle of another line to stderr.
        if ending.asked is None:
            ending.asked = time.monotonic()
            os.write(2, b"stopping: finishing what is in hand (Ctrl-C again ends it at once)\n")
            Thread(target=_end_at_the_latest, daemon=True).start()
            ask()
        elif number == signal.SIGINT:
            os.write(2, b"ended at once; what was begun is taken up at the next start\n")
            os._exit(130)

    before = {number: signal.signal(number, on_signal) for number in _SIGNALS}
    try:
        yield ending
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_at_the_latest() -> None:
    time.sleep(_AT_THE_LATEST)
    os._exit(0)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def _stop(schedule: Schedule, ending: _Ending) -> None:
    """Waits for what runs; what doesn't end in time is left, as a power cut would leave it."""
    running = schedule.stop(max(0.0, ending.seconds_left))
    if not running:
        return
    complain(
        f"stopped in the middle of: {', '.join(running)}. Nothing is lost: it is taken up at the "
        "next start"
    )
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    # Its threads can't be ended otherwise, and the interpreter would wait for them.
    os._exit(0)
