"""Writes docs/commands.md: the help of every command, as a terminal of 80 columns shows it.

.venv/bin/python scripts/command_docs.py          # prints it
.venv/bin/python scripts/command_docs.py --write  # writes docs/commands.md
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import typer
from typer.testing import CliRunner

from digest.cli.app import app


def _commands() -> tuple[str, ...]:
    """Every command, as it is typed after `digest`, in the order of `--help`; first of all none."""

    def under(command: Any, words: str) -> Iterator[str]:
        for name, child in getattr(command, "commands", {}).items():
            path = f"{words} {name}".strip()
            if hasattr(child, "commands"):
                yield from under(child, path)
            elif not child.hidden:
                yield path

    return ("", *under(typer.main.get_command(app), ""))


COMMANDS = _commands()
PAGE = Path(__file__).resolve().parent.parent / "docs" / "commands.md"


def page() -> str:
    """The whole page as Markdown."""
    parts = [
        "# Commands\n",
        "What `--help` says, written by `scripts/command_docs.py`. [README](../README.md) has the "
        "overview,\n[configuration.md](configuration.md) the settings.\n",
    ]
    for command in COMMANDS:
        words = f"digest {command}".strip()
        parts.append(f"## {words}\n\n```text\n{help_of(command)}```\n")
    return "\n".join(parts)


def help_of(command: str) -> str:
    """What `digest <command> --help` prints, without colours, less the blank line ends."""
    done = CliRunner().invoke(
        app,
        [*command.split(), "--help"],
        prog_name="digest",
        env={"COLUMNS": "80", "NO_COLOR": "1", "TERM": "dumb"},
    )
    if done.exit_code:
        raise RuntimeError(f"digest {command} --help: {done.output}")
    lines = [line.rstrip() for line in done.stdout.splitlines()]
    return "\n".join(lines).strip("\n") + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--write", action="store_true", help="write docs/commands.md")
    if parser.parse_args().write:
        PAGE.write_text(page(), encoding="utf-8")
    else:
        sys.stdout.write(page())


if __name__ == "__main__":
    main()
