"""JSON lines in: each with its place, the bad ones named, the others gone on with."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import IO, Any

from digest.cli.common import DONE, NOTHING_DONE, SOME_FAILED, complain, shown


def json_lines(names: list[str], problems: list[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each line's place (`file:line`) and its object, which has an `id` at least."""
    for name in names:
        try:
            with _opened(name) as lines:
                for number, line in enumerate(lines, start=1):
                    if not line.strip():
                        continue
                    place = f"{shown(name)}:{number}"
                    try:
                        data = json.loads(line)
                    except json.JSONDecodeError as error:
                        problems.append(f"{place}:{error.colno}: is not JSON ({error.msg})")
                        continue
                    except UnicodeDecodeError:
                        problems.append(f"{place}: is not UTF-8")
                        continue
                    except (ValueError, RecursionError):  # a number or a nesting beyond limits
                        problems.append(f"{place}: is not JSON that can be read (too large)")
                        continue
                    if not isinstance(data, dict) or data.get("id") is None:
                        problems.append(f'{place}: is not an object with an "id"')
                        continue
                    yield place, data
        except OSError as error:
            problems.append(f"{name}: {error.strerror}")


def _opened(name: str) -> AbstractContextManager[IO[bytes]]:
    return nullcontext(sys.stdin.buffer) if name == "-" else Path(name).open("rb")


def finish(problems: list[str], done: int) -> int:
    """Says what could not be read; gives the exit status."""
    for problem in problems:
        complain(problem)
    if problems:
        return SOME_FAILED if done else NOTHING_DONE
    return DONE
