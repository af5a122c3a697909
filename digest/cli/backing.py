"""`digest backup` and `digest restore`."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import (
    ConfigOption,
    JsonOption,
    NowOption,
    complain,
    load_settings,
    moment,
    print_json,
)
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.config import Config
    from digest.pipeline.backup import BackedUp
    from digest.pipeline.restoring import Restored
    from digest.pipeline.sealed import Manifest
    from digest.records import DueEdition

_ENDING = ".tar.gz"


def backup(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="[FILE]",
            help="The new file, or a folder in which it gets the time for a name.",
            show_default=False,
        ),
    ] = Path(),
    config: ConfigOption = None,
    with_env: Annotated[
        bool, typer.Option("--with-env", help="Put .env into it, too, with its passwords.")
    ] = False,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> None:
    """Put database, outbox and configuration into one checked file, while the service works.

    Configuration is feeds.yaml and the folder of your own themes. `.env` holds passwords and is
    left out unless you ask for it; so are keys that it names, models, and what can be made again.
    The file holds your subscribers' addresses and the key of their links: only you may read it.
    It needs room for the database beside it, and never takes the place of another.
    """
    settings = load_settings()
    from digest.config.settings import ENV_FILE
    from digest.pipeline.backup import back_up

    taken = moment(now)
    if file.is_dir():
        file = file / f"digest-{taken:%Y-%m-%dT%H%M%SZ}{_ENDING}"
    elif not file.name.endswith(_ENDING):
        # A folder that is missing, as a disk that isn't there, must not become a file.
        raise UsageError(f"{file} is no folder; name one that is there, or a file *{_ENDING}")
    if with_env and not ENV_FILE.is_file():
        raise UsageError(f"there is no {ENV_FILE} in this folder; leave --with-env out")
    environment = ENV_FILE if with_env else None
    done = back_up(settings, config or settings.config, file, taken, environment=environment)
    if as_json:
        print_json(_backup_json(done))
        return
    for remark in done.remarks:
        complain(remark)
    typer.echo(f"{done.path}: {_size(done.size)}, {_contents(done.manifest)}")


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file that `digest backup` made.")],
    config: ConfigOption = None,
    force: Annotated[
        bool,
        typer.Option("--force", help="Move away what is there; it is kept beside, and named."),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Only verify the file and say what is in it.")
    ] = False,
    without_outbox: Annotated[
        bool, typer.Option("--without-outbox", help="Leave the outbox as it is here.")
    ] = False,
    without_configuration: Annotated[
        bool,
        typer.Option("--without-configuration", help="Leave feeds.yaml and themes as they are."),
    ] = False,
    with_env: Annotated[
        bool, typer.Option("--with-env", help="Go by the .env of the backup, and put it back.")
    ] = False,
    nothing_sent: Annotated[
        bool,
        typer.Option(
            "--nothing-sent-since",
            help="No service has worked since the backup, as when you move to another machine: "
            "all goes on where it was.",
        ),
    ] = False,
    as_json: JsonOption = False,
    now: NowOption = None,
) -> None:
    """Put a backup back, to where the settings say: database, outbox, configuration.

    The whole file is verified before anything is touched, and an older schema brought up. What is
    there already is left alone, and nothing restored, unless you say `--force`. Stop the service
    first.

    Whatever was on its way when the backup was taken may have been sent since, and is not sent
    again by itself: approved editions are drafts again (`digest approve`), unsettled deliveries
    unconfirmed (`digest send EDITION --confirm` or `--retry`), editions that were due since are
    skipped. The next one is built and sent as ever.
    """
    from digest.pipeline.restoring import Wishes, environment
    from digest.pipeline.restoring import restore as put_back
    from digest.pipeline.sealed import look_through

    settings = load_settings()
    if check:
        manifest = look_through(file)
        if as_json:
            print_json(_manifest_json(manifest))
        else:
            typer.echo(f"{file}: whole, {_contents(manifest)}")
        return
    at = moment(now)
    kept: list[str] = []
    wishes = Wishes(
        force=force,
        outbox=not without_outbox,
        configuration=not without_configuration,
        nothing_sent=nothing_sent,
    )

    def due(configuration: Config, since: datetime, until: datetime) -> Sequence[DueEdition]:
        # What was due before the backup may have been built after it, within the grace.
        grace = timedelta(hours=settings.misfire_grace_hours)
        return came_due(configuration, since - grace, until)

    with ExitStack() as stack:
        if with_env:
            from digest.config.settings import ENV_FILE

            # Its settings count at once; the file is put there when all else has been.
            theirs = stack.enter_context(environment(file, ENV_FILE, force=force, now=at))
            settings = load_settings(theirs.path)
            kept += [theirs.kept] if theirs.kept else []
        done = put_back(settings, config or settings.config, file, at, due, wishes)
    kept += done.kept
    if as_json:
        print_json(_restored_json(done, kept))
    else:
        _print_restored(file, done, kept, nothing_sent=nothing_sent)


def came_due(config: Config, since: datetime, until: datetime) -> list[DueEdition]:
    """The editions of `config` whose last moment up to `until` came after `since` (both aware)."""
    from digest.records import DueEdition
    from digest.service.due import moments

    found = []
    # A local date begins up to 14 hours before that of UTC, and ends up to 12 hours after it.
    first, last = since.date() - timedelta(days=1), until.date() + timedelta(days=1)
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    for spec in config.digests:
        for day in days:
            came = [at for at in moments(spec, day) if since < at <= until]
            if came:
                found.append(DueEdition(spec.name, day.isoformat(), max(came)))
    return found


def _contents(manifest: Manifest) -> str:
    """What a backup holds, in a line."""
    editions = _editions(manifest)
    digests = {name.partition("/")[0] for name in editions}
    configuration = len(manifest.names("configuration"))
    return (
        f"taken {manifest.taken:%Y-%m-%d %H:%M} UTC by digest {manifest.version}: database (schema "
        f"{manifest.schema or 'none'}), {_counted(len(editions), 'edition')} of "
        f"{_counted(len(digests), 'digest')}, {_counted(configuration, 'file')} of configuration"
    )


def _editions(manifest: Manifest) -> set[str]:
    """The editions in a backup, as digest and date."""
    parts = (name.split("/") for name in manifest.names("outbox"))
    return {f"{part[1]}/{part[2]}" for part in parts if len(part) == 4}


def _print_restored(file: Path, done: Restored, kept: list[str], *, nothing_sent: bool) -> None:
    typer.echo(f"restored from {file}: {_contents(done.manifest)}")
    before, after = done.schema
    if before != after:
        typer.echo(f"its schema was brought up from {before or 'none'} to {after}")
    for path in kept:
        typer.echo(f"kept: {path}")
    for remark in done.remarks:
        complain(remark)
    for name in done.resumed.drafts:
        typer.echo(f"{name}: a draft; if it has not gone out: digest approve {name}")
    for name, count in done.resumed.unconfirmed.items():
        typer.echo(
            f"{name}: {_counted(count, 'delivery', 'deliveries')} unconfirmed; "
            f"digest send {name} --confirm, or --retry"
        )
    for name in done.resumed.skipped:
        typer.echo(f"{name}: skipped; it was due, and may have gone out")
    if done.resumed.letters:
        typer.echo(
            f"{_counted(done.resumed.letters, 'letter')} that ask for confirmation count as sent"
        )
    if not nothing_sent:
        typer.echo(
            f"Subscribers are those of {done.manifest.taken:%Y-%m-%d %H:%M} UTC: whoever has left "
            "since is subscribed again, until `digest subscribers remove`."
        )


def _backup_json(done: BackedUp) -> dict[str, object]:
    return {
        "path": str(done.path),
        "bytes": done.size,
        "remarks": list(done.remarks),
        **_manifest_json(done.manifest),
    }


def _manifest_json(manifest: Manifest) -> dict[str, object]:
    return {
        "taken": manifest.taken.isoformat(),
        "version": manifest.version,
        "schema": manifest.schema,
        "engine": manifest.engine,
        "editions": sorted(_editions(manifest)),
        "members": len(manifest.members),
        "unpacked": manifest.size,
    }


def _restored_json(done: Restored, kept: list[str]) -> dict[str, object]:
    resumed = done.resumed
    return {
        **_manifest_json(done.manifest),
        "schema_now": done.schema[1],
        "kept": kept,
        "remarks": list(done.remarks),
        "drafts": list(resumed.drafts),
        "unconfirmed": dict(resumed.unconfirmed),
        "skipped": list(resumed.skipped),
        "letters": resumed.letters,
    }


def _counted(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
