"""What the commands share: options, settings, exit statuses, and how they talk.

Results go to stdout, everything else to stderr; progress bars only to a terminal.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.config import Config, DigestSpec, Settings
    from digest.pipeline.progress import Progress
    from digest.records import Finding

DONE = 0
SOME_FAILED = 1
WRONG_USE = 2
NOTHING_DONE = 3

ConfigOption = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="FILE",
        help="Digests and feeds; DIGEST_CONFIG, else feeds.yaml in this folder.",
        show_default=False,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
NamesArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[NAME]...",
        help="Digests of feeds.yaml; all when none is named.",
        show_default=False,
    ),
]
HostOption = Annotated[str, typer.Option("--host", help="Address to listen on.")]
PortOption = Annotated[
    int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 takes a free one.")
]
NoBrowserOption = Annotated[bool, typer.Option("--no-browser", help="Don't open a browser.")]
NowOption = Annotated[
    str | None,
    typer.Option(
        "--now",
        metavar="ISO",
        help="Act as if it were this moment (2026-03-02T07:00+01:00; UTC when no zone is given).",
        show_default=False,
    ),
]


def complain(message: str) -> None:
    """An error or a remark, to stderr."""
    typer.echo(message, err=True)


def announce(address: str) -> None:
    """An address to open, to stdout at once: who started us may be waiting for it."""
    typer.echo(address)
    sys.stdout.flush()


def print_json(value: Any) -> None:
    """One JSON value on one line, to stdout."""
    text = json.dumps(value, ensure_ascii=False)
    # A lone surrogate, which JSON can hold, can't be written as UTF-8.
    typer.echo(text.encode("utf-8", "replace").decode("utf-8"))


def finding_line(finding: Finding) -> str:
    """What the lint found, in a line: how bad it is, where, what, and by which rule."""
    where = f"{_near(finding.where)}: " if finding.where else ""
    return f"{finding.severity}: {where}{finding.message} [{finding.rule}]"


def _near(where: str) -> str:
    """A file's place as one can open it from here."""
    here = f"{Path.cwd()}/"
    return where.removeprefix(here)


def load(config: Path | None) -> tuple[Settings, Config]:
    """Settings and feeds.yaml, with logging set up. Raises ConfigError."""
    from digest.config import load_config

    settings = load_settings()
    return settings, load_config(config or settings.config)


def load_settings(file: Path | None = None) -> Settings:
    """The settings, of `file` instead of .env, with logging set up by them. Raises ConfigError."""
    from digest.cli.logs import set_up
    from digest.config import load_settings as read

    settings = read() if file is None else read(file)
    set_up(settings.log_level, settings.log_format)
    return settings


def chosen(config: Config, names: list[str] | None) -> list[DigestSpec]:
    """The digests called `names`, or all. Raises UsageError for a name that isn't there."""
    if not names:
        return list(config.digests)
    found: list[DigestSpec] = []
    for name in dict.fromkeys(names):
        spec = config.digest(name)
        if spec is None:
            there = ", ".join(digest.name for digest in config.digests)
            raise UsageError(f"there is no digest {name!r} in feeds.yaml; it has: {there}")
        found.append(spec)
    return found


def moment(text: str | None) -> datetime:
    """`--now` as an aware time in UTC; the clock when it isn't given. Raises UsageError."""
    if text is None:
        return datetime.now(UTC)
    try:
        given = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            f"--now {text!r} is no time; write it like 2026-03-02T07:00+01:00"
        ) from error
    # The web began in 1990; and a window or a time zone must not lead out of the calendar.
    if not 1990 <= given.year < 2200:
        raise UsageError(f"--now {text!r} is not between 1990 and 2200")
    return (given if given.tzinfo else given.replace(tzinfo=UTC)).astimezone(UTC)


def shown(name: str) -> str:
    """A file's name for messages; `-` is standard input."""
    return "standard input" if name == "-" else name


def read_text(name: str) -> str:
    """A file's text, or standard input's for `-`. Raises UsageError that names the file."""
    try:
        data = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{shown(name)}: {error.strerror}") from error
    from digest.text.page import decoded

    try:
        return decoded(data)
    except UnicodeDecodeError as error:
        message = f"{shown(name)}: is not UTF-8 (byte {error.start}); convert it first"
        raise UsageError(message) from error


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """Progress on stderr when that is a terminal; silence otherwise."""
    from digest.pipeline.progress import silent

    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    bars = Bars(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    tasks: dict[str, Any] = {}

    def show(stage: str, done: int, total: int) -> None:
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=total)
        bars.update(tasks[stage], completed=done, total=total)

    with bars:
        yield show
