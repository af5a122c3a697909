"""`digest feeds` and `digest init`."""

from __future__ import annotations

from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import (
    NOTHING_DONE,
    SOME_FAILED,
    ConfigOption,
    JsonOption,
    NowOption,
    load,
    moment,
    print_json,
    progress_bar,
)
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.config import Settings

feeds = typer.Typer(no_args_is_help=True, help="The feeds, and how they are.")


@feeds.command("list")
def feeds_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the feeds of feeds.yaml, and how each went when it was last asked."""
    from digest.text.urls import redact

    settings, configuration = load(config)
    states = _states(settings)
    for feed, record in zip(configuration.feeds, configuration.records(), strict=True):
        state = states.get(feed.name)
        line = {
            "name": feed.name,
            "title": feed.title,
            "url": redact(feed.url),
            "tags": list(feed.tags),
            "topic": feed.topic,
            "weight": feed.weight,
            "last": _last(state, record.url),
        }
        if as_json:
            print_json(line)
        else:
            typer.echo(f"{feed.name}: {line['url']} ({line['last']})")


@feeds.command("check")
def feeds_check(
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="[NAME]...", help="Feeds to ask; all when none is named."),
    ] = None,
    config: ConfigOption = None,
    now: NowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Ask the feeds now and say what each gives; nothing is stored."""
    settings, configuration = load(config)
    known = {feed.name: feed for feed in configuration.records()}
    for name in names or []:
        if name not in known:
            raise UsageError(f"there is no feed {name!r} in feeds.yaml; it has: {', '.join(known)}")
    wanted = [known[name] for name in dict.fromkeys(names or known)]
    from digest.cli.building import feed_line
    from digest.pipeline.fetching import fetch
    from digest.pipeline.wiring import fetch_options
    from digest.store.store import Store

    # A store of its own, thrown away: nothing is remembered, and every feed answers in full.
    with TemporaryDirectory(prefix="digest-") as folder, progress_bar() as progress:
        store = Store(f"sqlite:///{folder}/check.db")
        try:
            outcomes = fetch(wanted, store, fetch_options(settings), moment(now), progress)
        finally:
            store.close()
    for outcome in outcomes:
        if as_json:
            print_json(asdict(outcome))
        else:
            typer.echo(feed_line(outcome))
    failed = sum(outcome.status == "failed" for outcome in outcomes)
    if failed:
        raise typer.Exit(NOTHING_DONE if failed == len(outcomes) else SOME_FAILED)


def init(
    folder: Annotated[Path, typer.Argument(help="Where to put it.")] = Path(),
) -> None:
    """Write a first feeds.yaml to start from. An existing one is left alone."""
    path = folder / "feeds.yaml"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(files("digest.cli").joinpath("starter.yaml").read_text("utf-8"))
    except FileExistsError as error:
        raise UsageError(f"{path} is there already; it was left as it is") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}") from error
    typer.echo(f"{path}\nNext: digest run --config {path}")


def _states(settings: Settings) -> dict[str, dict[str, Any]]:
    """How the feeds went, from the database when there is one."""
    file = settings.state_dir / "digest.db"
    if settings.database_url is None and not file.exists():
        return {}
    from digest.store.store import Store

    store = Store(settings.database)
    try:
        return store.feed_states()
    finally:
        store.close()


def _last(state: dict[str, Any] | None, url: str) -> str:
    if state is None or state["checked"] is None or state["url"] != url:
        return "not asked yet"
    when = f"{state['checked']:%Y-%m-%d %H:%M} UTC"
    if state["reason"]:
        times = "" if state["failures"] == 1 else f" {state['failures']} times, last"
        return f"failed{times} {when}: {state['reason']}"
    return f"{state['entries']} entries, {when}"
