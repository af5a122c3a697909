"""`digest db`: the database brought up to date, looked after, and moved to another engine."""

from __future__ import annotations

import re
from contextlib import ExitStack, closing
from typing import Annotated

import typer

from digest.cli.common import (
    SOME_FAILED,
    JsonOption,
    complain,
    load_settings,
    print_json,
    progress_bar,
)
from digest.errors import StoreError, UsageError

database = typer.Typer(
    no_args_is_help=True,
    help="Look after the database: bring it up to this version, check it, copy it to another one.",
)

# Of texts that were mended, so many are named.
_NAMED = 20


@database.command()
def upgrade() -> None:
    """Bring the database of DIGEST_DATABASE_URL up to this version's schema.

    Every command does so by itself when it opens the database; this one does only that, and says
    from what to what. All or nothing. Make a backup first: there is no way back but that.
    """
    settings = load_settings()
    from digest.store.database import Database

    opened = Database(settings.database, upgrade=False)
    try:
        before, after = opened.upgrade()
    finally:
        opened.close()
    if before == after:
        typer.echo(f"{opened.address}: is up to date (schema {after})")
    elif before:
        typer.echo(f"{opened.address}: brought up from schema {before} to {after}")
    else:
        typer.echo(f"{opened.address}: made, with schema {after}")


@database.command()
def check(as_json: JsonOption = False) -> None:
    """Check the database of DIGEST_DATABASE_URL: schema, file, every row, and what belongs to what.

    Changes nothing, not even an older schema. Exit status 1 when something is wrong, with what to
    do; 3 when the database can't be used at all.
    """
    settings = load_settings()
    from digest.store.checking import check_database
    from digest.store.database import Database
    from digest.store.snapshots import sqlite_file

    file = sqlite_file(settings.database)
    if file is not None and not file.exists():
        raise StoreError(f"{file}: there is no database; the first run makes it")
    opened = Database(settings.database, upgrade=False)
    wrong = False
    try:
        for name, problem in check_database(opened):
            wrong = wrong or bool(problem)
            if as_json:
                print_json({"check": name, "ok": not problem, "problem": problem})
            else:
                typer.echo(f"{name}: {problem or 'ok'}")
    finally:
        opened.close()
    if wrong:
        raise typer.Exit(SOME_FAILED)


@database.command()
def copy(
    source: Annotated[
        str, typer.Argument(metavar="FROM", help="The address of a database, as sqlite:///FILE.")
    ],
    target: Annotated[
        str,
        typer.Argument(
            metavar="TO", help="The address of an empty one, as postgresql://user@host/name."
        ),
    ],
    as_json: JsonOption = False,
) -> None:
    """Copy a whole database into an empty one, of whatever engine, counted and compared.

    Stop the services first: what they do meanwhile, or afterwards, is not in the copy, and the
    database of the settings is not copied while a service has the state folder. All or nothing;
    each table is read back, and its rows' checksum must be that of the original. FROM stays as it
    is, and the services use it until DIGEST_DATABASE_URL names the other. A password needn't stand
    on the command line: PostgreSQL's clients read ~/.pgpass and PGPASSWORD.
    """
    settings = load_settings()
    from digest.pipeline.restoring import alone
    from digest.store.copying import copy_database
    from digest.store.database import Database
    from digest.store.snapshots import sqlite_file

    addresses = _address(source, "FROM"), _address(target, "TO")
    file = sqlite_file(addresses[0])
    if file is not None and not file.exists():
        raise UsageError(f"FROM {file}: there is no such file")
    ours = sqlite_file(settings.database)
    is_ours = addresses[0] == settings.database
    if ours is not None and file is not None:
        is_ours = ours.resolve() == file.resolve()
    with ExitStack() as stack:
        if is_ours:
            stack.enter_context(alone(settings, "copy"))
        old = stack.enter_context(closing(Database(addresses[0], upgrade=False)))
        new = stack.enter_context(closing(Database(addresses[1], upgrade=False)))
        with progress_bar() as progress:
            copied = copy_database(old, new, progress)
    if as_json:
        print_json(
            {
                "tables": [
                    {"table": one.name, "rows": one.rows, "checksum": one.checksum}
                    for one in copied.tables
                ],
                "rows": copied.rows,
                "mended": list(copied.mended),
            }
        )
        return
    for where in copied.mended[:_NAMED]:
        complain(f"{where}: a NUL character became \N{REPLACEMENT CHARACTER}")
    if len(copied.mended) > _NAMED:
        complain(f"and {len(copied.mended) - _NAMED} more")
    width = max(len(one.name) for one in copied.tables)
    for one in copied.tables:
        typer.echo(f"{one.name:{width}}  {one.rows:>11,}  {one.checksum[:12]}")
    typer.echo(f"{'all':{width}}  {copied.rows:>11,}  the same in both")


def _address(text: str, name: str) -> str:
    """An address as SQLAlchemy wants it: with the driver."""
    if "://" not in text:
        raise UsageError(
            f"{name} {text!r} is no address of a database; for example sqlite:///state/digest.db "
            "or postgresql://user@host/name"
        )
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", text)
