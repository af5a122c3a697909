"""The command line: its commands, its exit statuses, and errors in words instead of tracebacks.

Nothing heavy is imported here: each command imports the rooms it works with when it is called.
"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from digest import __version__
from digest.cli import (
    backing,
    bounces,
    building,
    database,
    doctor,
    feeds,
    grouping,
    linting,
    models,
    outbox,
    sending,
    serving,
    subscribers,
    templates,
    texts,
    upkeep,
    verifying,
)
from digest.cli.common import NOTHING_DONE, WRONG_USE, complain
from digest.errors import ConfigError, DigestError, UsageError

app = typer.Typer(
    name="digest",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help=(
        "RSS feeds in, an e-mail digest out in which nothing is invented.\n\n"
        "Start with `digest init`, then `digest run`, then `digest preview`. Digests and feeds "
        "stand in `feeds.yaml`; settings are `DIGEST_*` variables or lines of `.env`."
    ),
    epilog=(
        "Exit status: 0 done, 1 done with failures that are listed, 2 wrong use or wrong "
        "configuration, 3 nothing could be done."
    ),
)

_BUILDING = "The daily work"
_TEXTS = "Each stage by itself"
_UPKEEP = "Looking after it"

app.command("run", rich_help_panel=_BUILDING)(building.run)
app.command("preview", rich_help_panel=_BUILDING)(serving.preview)
app.command("send", rich_help_panel=_BUILDING)(sending.send)
app.command("approve", rich_help_panel=_BUILDING)(sending.approve)
app.command("outbox", rich_help_panel=_BUILDING)(outbox.outbox)
app.command("serve", rich_help_panel=_BUILDING)(serving.serve)
app.command("fetch", rich_help_panel=_TEXTS)(building.fetch)
app.command("lint", rich_help_panel=_TEXTS)(linting.lint)
app.command("summarize", rich_help_panel=_TEXTS)(texts.summarize)
app.command("verify", rich_help_panel=_TEXTS)(verifying.verify)
app.command("group", rich_help_panel=_TEXTS)(grouping.group)
app.command("init", rich_help_panel=_UPKEEP)(upkeep.init)
app.command("doctor", rich_help_panel=_UPKEEP)(doctor.doctor)
app.add_typer(subscribers.subscribers, name="subscribers", rich_help_panel=_UPKEEP)
app.add_typer(bounces.bounces, name="bounces", rich_help_panel=_UPKEEP)
app.add_typer(feeds.feeds, name="feeds", rich_help_panel=_UPKEEP)
app.add_typer(templates.templates, name="templates", rich_help_panel=_UPKEEP)
app.add_typer(models.models, name="models", rich_help_panel=_UPKEEP)
app.command("backup", rich_help_panel=_UPKEEP)(backing.backup)
app.command("restore", rich_help_panel=_UPKEEP)(backing.restore)
app.add_typer(database.database, name="db", rich_help_panel=_UPKEEP)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"digest {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Say which version."),
    ] = False,
) -> None:
    """Options before the command."""


def main() -> None:
    """Runs the command line and exits with its status."""
    try:
        app(prog_name="digest")
    except (ConfigError, UsageError) as error:
        complain(str(error))
        sys.exit(WRONG_USE)
    except DigestError as error:
        complain(str(error))
        sys.exit(NOTHING_DONE)
