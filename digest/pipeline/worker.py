"""What a worker of a cluster does with a job that it is sent, and what it must have for that.

A job travels as bytes that only the worker opens, so the scheduler needs nothing of ours, and a
worker that can't read them says so instead of failing somewhere inside its library.
"""

from __future__ import annotations

import pickle
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Literal

from digest import __version__

LIBRARIES = (
    "feedparser",
    "trafilatura",
    "lxml",
    "chardet",
    "dateparser",
    "py3langid",
    "sentencex",
    "markdown-it-py",
    "numpy",
    "torch",
    "transformers",
    "tokenizers",
    "sentence-transformers",
    "sentencepiece",
    "gguf",
    "dask",
    "distributed",
    "cloudpickle",
)
"""What decides, besides digest itself, what is read of a feed and written of an article, and what
carries it there and back."""

ASKED = ("digest", *LIBRARIES)

CARRIERS = ("Python", "dask", "distributed", "cloudpickle")
"""What the scheduler must have as well, which reads of a job only what function is to be called."""

Packages = Mapping[str, str | None]
"""What a machine says of its packages: versions by name, None for what isn't there."""

Outcome = tuple[Literal["done", "raised", "refused"], Any]
"""A job's result, the exception that it raised, or in words why it was not done."""

# Models are not written for two threads at once; one after the other, they share what is loaded.
_TURN = threading.Lock()


@dataclass(frozen=True, slots=True)
class Job:
    """`function` of `arguments`, for a worker that has what stands in `kit`.

    `writes` is true where a model may be at work: such jobs take turns in a process.
    """

    kit: Mapping[str, str]
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    named: Mapping[str, Any]
    writes: bool = False

    def __call__(self) -> Outcome:
        differ = differences(self.kit, kit())
        if differ:
            return "refused", f"has {', '.join(differ)}"
        try:
            if not self.writes:
                return "done", self.function(*self.arguments, **self.named)
            with _TURN:
                return "done", self.function(*self.arguments, **self.named)
        except Exception as error:
            return "raised", error


@cache
def kit() -> dict[str, str]:
    """The versions of Python, digest and LIBRARIES in this process; empty what isn't there."""
    return installed() | {"digest": __version__}


def installed() -> dict[str, str]:
    """As `kit`, but digest's version is that of the installed package, as other programs see it."""
    packages: dict[str, str | None] = {"python": sys.version.split()[0]}
    for name in ASKED:
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            packages[name] = None
    return told(packages)


def told(packages: Packages) -> dict[str, str]:
    """The versions, as `kit` has them, of what a worker says to the scheduler of its `packages`.

    Of Python's those two numbers stay that compiled functions depend on. What comes after a plus
    goes: torch 2.13.0+cpu and 2.13.0+cu130 are the same program, for other machines.
    """
    numbers = (packages.get("python") or "").split(".")[:2]
    versions = {name: (packages.get(name) or "").partition("+")[0] for name in ASKED}
    return {"Python": ".".join(numbers), **versions}


def unfit(scheduler: Packages, workers: Mapping[str, Packages]) -> list[str]:
    """In words, which of them have other `packages` than this process; workers by address."""
    ours = installed()
    carriers = {name: ours[name] for name in CARRIERS}
    wanted = [("the scheduler", carriers, scheduler)]
    wanted += [(f"the worker at {place}", ours, workers[place]) for place in sorted(workers)]
    return [
        f"{who} has {', '.join(differ)}"
        for who, needed, packages in wanted
        if (differ := differences(needed, told(packages)))
    ]


def differences(wanted: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """In words, what of `wanted` is not so in `found`; what is wanted empty may not be there."""
    return [
        f"{name} {found[name]} (here {number})" if found.get(name) else f"no {name} (here {number})"
        for name, number in wanted.items()
        if number and found.get(name) != number
    ]


def packed(job: Job) -> bytes:
    """`job` as `opener()` opens it; what can't be pickled raises what pickle raises."""
    return pickle.dumps(job, protocol=5)


def opener() -> Callable[[bytes], Outcome]:
    """What a worker is asked to call. It needs no package of ours to arrive, being sent as code."""

    def work(payload: bytes) -> Outcome:
        import pickle

        try:
            job = pickle.loads(payload)
        except (ImportError, AttributeError) as error:
            return "refused", f"can't read what it is sent: {error}"
        result: Outcome = job()
        return result

    return work
