"""`digest feeds`, `digest models`, `digest doctor` and `digest init`."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import (
    DONE,
    NOTHING_DONE,
    SOME_FAILED,
    ConfigOption,
    JsonOption,
    NowOption,
    load,
    load_settings,
    moment,
    print_json,
    progress_bar,
)
from digest.errors import ConfigError, DigestError, UsageError

if TYPE_CHECKING:
    from digest.config import Settings

feeds = typer.Typer(no_args_is_help=True, help="The feeds, and how they are.")
models = typer.Typer(no_args_is_help=True, help="The models on disk.")


@feeds.command("list")
def feeds_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the feeds of feeds.yaml, and how each went when it was last asked."""
    from digest.text.urls import redact

    settings, configuration = load(config)
    states = _states(settings)
    for feed in configuration.feeds:
        state = states.get(feed.name)
        line = {
            "name": feed.name,
            "title": feed.title,
            "url": redact(feed.url),
            "tags": list(feed.tags),
            "topic": feed.topic,
            "weight": feed.weight,
            "last": _last(state),
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


@models.command("list")
def models_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:  # noqa: ARG001
    """List the models on disk, with size and hash of their weights."""
    settings = load_settings()
    from digest.models.encoder import Encoder

    info = Encoder(settings.model_path).info()
    if as_json:
        print_json({**asdict(info), "path": str(info.path)})
    elif info.problem:
        typer.echo(f"{info.name} ({info.use}): {info.problem}")
    else:
        typer.echo(
            f"{info.name} ({info.use}): {info.size / 1e6:.0f} MB, sha256 {info.sha256[:12]}…, "
            f"{info.path}"
        )
    if info.problem:
        raise typer.Exit(NOTHING_DONE)


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


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check this set-up and say what is wrong with it, and what to do."""
    checks = list(_checks(config))
    for name, problem in checks:
        if as_json:
            print_json({"check": name, "ok": not problem, "problem": problem})
        else:
            typer.echo(f"{name}: {problem or 'ok'}")
    raise typer.Exit(SOME_FAILED if any(problem for _, problem in checks) else DONE)


def _checks(config: Path | None) -> Iterator[tuple[str, str]]:
    """Each check's name and what is wrong; empty when nothing is."""
    try:
        settings = load_settings()
    except ConfigError as error:
        yield "settings", str(error)
        return
    from digest.config import load_config, unknown_settings

    yield "settings", "; ".join(unknown_settings(os.environ))
    path = config or settings.config
    yield f"configuration {path}", _problem(lambda: load_config(path))
    yield "encoder", _problem(lambda: _encode(settings))
    yield "database", _problem(lambda: _states(settings, create=True))
    yield f"outbox {settings.outbox_dir}", _writable(settings.outbox_dir)
    yield f"state {settings.state_dir}", _writable(settings.state_dir)
    yield "theme", _problem(lambda: _themes(settings, path))


def _problem(check: Callable[[], object]) -> str:
    try:
        check()
    except DigestError as error:
        return str(error)
    return ""


def _encode(settings: Settings) -> None:
    from digest.models.encoder import Encoder

    Encoder(settings.model_path).encode(["One sentence shows that the weights load."])


def _themes(settings: Settings, config: Path) -> None:
    """Raises for a digest whose theme isn't there; feeds.yaml itself is another check's matter."""
    from digest.config import load_config
    from digest.editions.render import Renderer
    from digest.pipeline.wiring import theme_folders

    there = Renderer(theme_folders(settings)).themes()
    try:
        wanted = {spec.template: spec.name for spec in load_config(config).digests}
    except ConfigError:
        return
    for theme, digest in wanted.items():
        if theme not in there:
            raise UsageError(f"{digest}: theme {theme!r} isn't there; there is: {', '.join(there)}")


def _writable(folder: Path) -> str:
    """Tries it: rights alone don't tell of a read-only file system or a full disk."""
    probe = folder / ".doctor"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        return f"can't be written ({error.strerror}); check its rights, or name another folder"
    free = shutil.disk_usage(folder).free
    # A year of two daily digests takes about 100 MB, their database about 1 GB.
    return f"only {free / 1e6:.0f} MB are free" if free < 200e6 else ""


def _states(settings: Settings, *, create: bool = False) -> dict[str, dict[str, Any]]:
    """How the feeds went, from the database when there is one."""
    file = settings.state_dir / "digest.db"
    if not create and settings.database_url is None and not file.exists():
        return {}
    from digest.store.store import Store

    store = Store(settings.database)
    try:
        return store.feed_states()
    finally:
        store.close()


def _last(state: dict[str, Any] | None) -> str:
    if state is None or state["checked"] is None:
        return "not asked yet"
    when = f"{state['checked']:%Y-%m-%d %H:%M} UTC"
    if state["reason"]:
        return f"failed {state['failures']} times, last {when}: {state['reason']}"
    return f"{state['entries']} entries, {when}"
