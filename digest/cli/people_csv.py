"""`digest subscribers import` and `export`: lists of people as CSV files."""

from __future__ import annotations

import io
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, TextIO

import typer

from digest.cli.common import (
    NOTHING_DONE,
    SOME_FAILED,
    ConfigOption,
    NowOption,
    complain,
    load,
    moment,
    shown,
)
from digest.cli.people import (
    REFUSED,
    AgainOption,
    ConfirmOption,
    ConsentOption,
    DigestOption,
    StateOption,
    check_confirm,
    digest_named,
    list_if_any,
    list_of,
    selected,
    subscribed,
    topics_of,
    vouched,
)
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.records import NewSubscriber, Subscription
    from digest.subscribers.csvfile import Line

# So many lines are stored in one transaction: memory stays flat, and others can write in between.
_AT_ONCE = 5000
_READY = {"": "", "active": "", "subscribed": "", "confirmed": "", "enabled": ""}
_NOT_READY = {
    **dict.fromkeys(("ended", "unsubscribed", "disabled"), "left"),
    **dict.fromkeys(("dead", "bounced", "cleaned", "blocklisted"), "dead"),
    **dict.fromkeys(("pending", "unconfirmed"), "unconfirmed"),
}


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="A CSV file; - is stdin.")],
    digest: DigestOption = None,
    confirm: ConfirmOption = False,
    consent: ConsentOption = "",
    again: AgainOption = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would happen, and change nothing.")
    ] = False,
    config: ConfigOption = None,
    now: NowOption = None,
) -> None:
    """Put the people of a CSV file on the list of a digest.

    The first line names the columns: email, and if there are any, name, topics, language, consent,
    subscribed (a date). What is wrong with a line is said, with its number, and the other lines
    are taken all the same.
    """
    from digest.subscribers.csvfile import BadLine, PeopleFile

    settings, configuration = load(config)
    spec = digest_named(configuration, digest)
    at = moment(now)
    check_confirm(settings, confirm)
    called = shown(file)
    said = " ".join(consent.split()) or vouched(f"imported from {Path(called).name}", at, confirm)
    counts: Counter[str] = Counter()
    with _opened(file) as data, list_of(settings) as people:
        table = PeopleFile(data, called, topics_of(spec), at)
        for note in table.notes:
            complain(f"{called}: {note}")

        def take(lines: Sequence[Line]) -> None:
            given = [_with_consent(line.person, said) for line in lines]
            outcomes = subscribed(
                people, spec.name, given, at, confirm=confirm, again=again, dry_run=dry_run
            )
            for line, outcome in zip(lines, outcomes, strict=True):
                counts[outcome] += 1
                if outcome in REFUSED:
                    complain(f"{called}:{line.number}: {REFUSED[outcome]}")

        waiting: list[Line] = []
        for line in table.lines():
            problem = line.problem if isinstance(line, BadLine) else _unfit(line, confirm, again)
            if problem:
                counts["bad"] += 1
                complain(f"{called}:{line.number}: {problem}")
            elif not isinstance(line, BadLine):
                waiting.append(line)
            if len(waiting) == _AT_ONCE:
                take(waiting)
                waiting = []
        take(waiting)
    failed = counts["bad"] + counts["left"] + counts["dead"]
    taken = sum(counts[one] for one in ("added", "back", "asked", "updated", "there"))
    would = "would be " if dry_run else ""
    asked = f", {counts['asked']} {would}asked by a letter" if confirm else ""
    back = f", {counts['back']} {would}brought back" if again else ""
    typer.echo(
        f"{spec.name}: {counts['added']} {would}added{back}{asked}, {counts['updated']} "
        f"{would}changed, {counts['there']} there already, {failed} not taken"
    )
    if failed:
        raise typer.Exit(SOME_FAILED if taken else NOTHING_DONE)


def export(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="Where to; - is stdout.")] = "-",
    digest: DigestOption = None,
    state: StateOption = "",
    config: ConfigOption = None,
) -> None:
    """Write the list of a digest as a CSV file in UTF-8, which `import` reads again.

    Cells that a spreadsheet would take for formulas get an apostrophe before them.
    """
    from digest.subscribers.csvfile import write_people

    settings, configuration = load(config)
    if digest is None:
        digest = digest_named(configuration, digest).name
    with list_if_any(settings) as people:
        chosen = selected(people, configuration, digest, state)
        if file == "-":
            with _unbuffered() as out:
                write_people(out, chosen)
            return
        count = _write_whole(Path(file), chosen)
    complain(f"{count} line{'' if count == 1 else 's'} written to {file}")


def _with_consent(person: NewSubscriber, consent: str) -> NewSubscriber:
    return person if person.consent else replace(person, consent=consent)


def _unfit(line: Line, confirm: bool, again: bool) -> str:
    """Why somebody isn't taken by the word of the file's own column `state`; empty if it's fine."""
    if line.state in _READY:
        return ""
    kind = _NOT_READY.get(line.state)
    if kind is None:
        known = ", ".join(("active", *sorted(_NOT_READY)))
        return f"the state {line.state[:40]!r} is not known; write one of: {known}"
    if kind == "unconfirmed":
        return "" if confirm else "has not confirmed yet; to ask them by a letter, use --confirm"
    return "" if again else REFUSED[kind]


@contextmanager
def _opened(name: str) -> Iterator[BinaryIO]:
    """A file that can be read twice; what comes through a pipe is put into one. UsageError."""
    try:
        with (
            sys.stdin.buffer if name == "-" else Path(name).open("rb") as file,
            tempfile.TemporaryFile() as copy,
        ):
            if name != "-" and file.seekable():
                yield file
            else:
                shutil.copyfileobj(file, copy)
                copy.seek(0)
                yield copy
    except OSError as error:
        raise UsageError(f"{shown(name)}: {error.strerror}") from error


@contextmanager
def _unbuffered() -> Iterator[TextIO]:
    """Standard output for CSV: UTF-8, line ends as they are written."""
    out = io.TextIOWrapper(sys.stdout.buffer, encoding="utf-8", errors="replace", newline="")
    try:
        yield out
        out.flush()
    finally:
        out.detach()


def _write_whole(path: Path, subscriptions: Iterator[Subscription]) -> int:
    """All of the table, for the user's own eyes, or the file as it was. Raises UsageError."""
    from digest.subscribers.csvfile import write_people

    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        number = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(number, "w", encoding="utf-8", errors="replace", newline="") as file:
            count = write_people(file, subscriptions)
        beside.replace(path)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}; nothing was written") from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    return count
