"""`digest preview` and `digest serve`."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import (
    ConfigOption,
    HostOption,
    NoBrowserOption,
    PortOption,
    announce,
    complain,
    load,
    load_settings,
)

if TYPE_CHECKING:
    from digest.config import DigestSpec

log = logging.getLogger(__name__)

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


# Digests that are due within a quarter of an hour share one asking of their feeds.
_FRESH = timedelta(minutes=15)


def serve(
    config: ConfigOption = None,
    host: HostOption = "127.0.0.1",
    port: PortOption = 8000,
    no_browser: NoBrowserOption = False,
) -> None:
    """Run each digest by its schedule, and show the editions, until stopped.

    The schedule's cron lines are read in each digest's own time zone. A run that was missed (the
    machine slept) still starts within DIGEST_MISFIRE_GRACE_HOURS. `/healthz` answers while the
    service lives.
    """
    settings, configuration = load(config)
    from digest.cli.building import print_report
    from digest.pipeline.run import run as run_digests
    from digest.pipeline.wiring import open_workshop, theme_folders
    from digest.preview.app import create_app
    from digest.preview.server import serve_preview
    from digest.service.schedule import Schedule

    with open_workshop(settings) as workshop:

        def build(spec: DigestSpec, due: datetime) -> None:
            now = datetime.now(UTC)
            print_report(run_digests(workshop, configuration, [spec], now, due=due, need=_FRESH))

        schedule = Schedule(
            configuration.digests, build, timedelta(hours=settings.misfire_grace_hours)
        )
        schedule.start()
        for name, due in schedule.next_runs().items():
            spec = configuration.digest(name)
            complain(f"{name}: next edition at {due:%Y-%m-%d %H:%M} UTC ({_zone(spec)})")
        for spec in configuration.digests:
            if spec.schedule is None:
                complain(f"{spec.name}: has no schedule; only `digest run` builds it")
        app = create_app(settings.outbox_dir, theme_folders(settings), hosts=(host,))
        try:
            serve_preview(app, host, port, open_browser=not no_browser, announce=announce)
        finally:
            schedule.stop()


def _zone(spec: DigestSpec | None) -> str:
    return "" if spec is None else f"{spec.schedule} in {spec.timezone}"
