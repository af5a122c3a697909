"""Dockerfiles and .dockerignore files as Docker's reference tells: what is written in them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class TrialError(Exception):
    """A step that can't be carried out, or that failed."""


@dataclass(frozen=True, slots=True)
class Step:
    """One instruction of a Dockerfile: its keyword, all that follows it, and where it stands."""

    keyword: str
    arguments: str
    line: int


def parse(text: str) -> tuple[Step, ...]:
    """The instructions in order; lines that go on are joined, comments gone (also between them)."""
    steps: list[Step] = []
    gathered, begun = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        begun = begun if gathered else number
        gathered += line.strip() if not gathered else line.lstrip()
        if gathered.endswith("\\"):
            gathered = gathered[:-1]
            continue
        keyword, _, arguments = gathered.partition(" ")
        steps.append(Step(keyword.upper(), arguments.strip(), begun))
        gathered = ""
    if gathered:
        raise TrialError(f"line {begun}: the last instruction goes on and has no end")
    return tuple(steps)


def reaches_the_builder(patterns: Sequence[str], path: str) -> bool:
    """Whether .dockerignore lets a file through: of the patterns that match it or a folder that it
    is in, the last decides."""
    parts = path.split("/")
    prefixes = ["/".join(parts[: n + 1]) for n in range(len(parts))]
    reaches = True
    for pattern in patterns:
        wanted = re.compile(_glob(pattern.removeprefix("!").strip("/")))
        if any(wanted.fullmatch(prefix) for prefix in prefixes):
            reaches = pattern.startswith("!")
    return reaches


def _glob(pattern: str) -> str:
    """A pattern of .dockerignore (Go's filepath.Match, and `**`) as a regular expression."""
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern)
    meant = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return "".join(meant.get(piece, re.escape(piece)) for piece in pieces)


def patterns_of(text: str) -> list[str]:
    """The patterns of a .dockerignore."""
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def substituted(text: str, values: Mapping[str, str]) -> str:
    """`$NAME`, `${NAME}` and `${NAME:-default}` filled in; a name that isn't known is empty."""

    def value(found: re.Match[str]) -> str:
        name = found["plain"] or found["name"]
        return values.get(name) or found["default"] or ""

    return re.sub(r"\$(?:(?P<plain>\w+)|\{(?P<name>\w+)(?::-(?P<default>[^}]*))?\})", value, text)


def command_of(arguments: str) -> list[str]:
    """The words of RUN, CMD, ENTRYPOINT or a health check: a JSON list, or a line for the shell."""
    if arguments.startswith("["):
        words: list[str] = json.loads(arguments)
        return words
    return ["/bin/sh", "-c", arguments]
