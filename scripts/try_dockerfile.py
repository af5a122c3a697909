"""Tries the Dockerfile where no container engine is at hand: step by step, on a clean Debian root.

    python scripts/try_dockerfile.py [--folder DIR] [--keep] [--base DIR] [--build-arg NAME=VALUE]…

Needs Linux, root and debootstrap, and the package registries. Each instruction is carried out as
the Dockerfile reference tells, in a root of its own for each stage; then the image is tried without
a network and with a root that can't be written: `digest run` on the examples, the start command
with its health check, and the Dask commands of compose.yaml, over which the same edition is built.

What stands in for what: `python:3.X-slim-SUITE` is debootstrap's minbase of that suite with
Debian's python3 (the same 3.X, the patch is Debian's) and python3-venv, `python` a link to it. It
comes from the mirror that this machine uses, whose configuration of pip is lent to the steps.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from dockerfile import Step, TrialError, command_of, parse, substituted
from image_roots import Stage, base_root, context_of, copy, lent, must_be, run_in

REPOSITORY = Path(__file__).resolve().parents[1]
_NOTED = {"EXPOSE", "STOPSIGNAL", "LABEL", "MAINTAINER"}


@dataclass(slots=True)
class Trial:
    """Carries out steps, one after the other, in roots under `folder`."""

    folder: Path
    context: Path
    given: Mapping[str, str]
    base: Path | None = None
    stages: dict[str, Stage] = field(default_factory=dict)

    def take(self, stage: Stage | None, step: Step) -> Stage:
        """The stage after a step. Raises TrialError that says what went wrong."""
        if step.keyword == "FROM":
            return self._begin(step.arguments)
        if stage is None:
            raise TrialError("there is no FROM before it")
        after = self._after(stage, step)
        self.stages[after.name] = after
        return after

    def _after(self, stage: Stage, step: Step) -> Stage:
        # In what a shell or the program itself reads, nothing is filled in.
        text = substituted(step.arguments, stage.values)
        match step.keyword:
            case "ARG":
                name, _, default = text.partition("=")
                value = self.given.get(name, default.strip('"'))
                return replace(stage, arguments={**stage.arguments, name: value})
            case "ENV":
                pairs = dict(word.split("=", 1) for word in shlex.split(text))
                return replace(stage, environment={**stage.environment, **pairs})
            case "WORKDIR":
                folder = PurePosixPath(stage.folder) / text
                (stage.root / folder.relative_to("/")).mkdir(parents=True, exist_ok=True)
                return replace(stage, folder=str(folder))
            case "USER":
                return replace(stage, user=text)
            case "COPY":
                copy(stage, text, self.context, self.stages)
                return stage
            case "RUN":
                variables, binds = lent()
                must_be(run_in(stage, command_of(step.arguments), binds, lent=variables), (0,))
                return stage
            case "VOLUME":
                return replace(stage, volumes=tuple(command_of(text)))
            case "ENTRYPOINT":
                return replace(stage, entrypoint=tuple(command_of(step.arguments)))
            case "CMD":
                return replace(stage, command=tuple(command_of(step.arguments)))
            case "HEALTHCHECK":
                asked = step.arguments.partition("CMD ")[2].strip()
                return replace(stage, health=tuple(command_of(asked)))
            case keyword if keyword in _NOTED:
                return stage
            case keyword:
                raise TrialError(f"{keyword} isn't known here")

    def _begin(self, arguments: str) -> Stage:
        image, *rest = arguments.split()
        name = rest[1] if rest else str(len(self.stages))
        base = base_root(image, self.base or self.folder / image.replace("/", "_"))
        root = self.folder / f"stage-{name}"
        subprocess.run(["cp", "-a", "--reflink=auto", base, root], check=True)
        stage = Stage(name, root)
        self.stages[name] = stage
        return stage


# --- what the image is worth ---------------------------------------------------------------------

# So long a program may take to answer its health check: torch is read from a cold disk.
_SECONDS = 90
_ASK = (
    "from http.client import HTTPConnection; c = HTTPConnection('127.0.0.1', {port}, timeout=9); "
    "c.request('GET', '{path}'); r = c.getresponse(); print(r.status, r.read().decode()); "
    "raise SystemExit(r.status != 200)"
)


@dataclass(frozen=True, slots=True)
class Image:
    """A finished stage as a container starts it: with volumes, a root that can't be written, and
    no network."""

    stage: Stage
    volumes: Path
    examples: Path

    def run(self, words: Sequence[str], statuses: Sequence[int], **settings: str) -> str:
        """What a program says. Raises TrialError when it ends otherwise than expected."""
        binds = {"/examples": str(self.examples)}
        for path in self.stage.volumes:
            binds[path] = str(self._volume(path))
        stage = replace(self.stage, environment={**self.stage.environment, **settings})
        done = run_in(stage, words, binds, writable=self.stage.volumes, is_cut_off=True)
        return must_be(done, statuses)

    def _volume(self, path: str) -> Path:
        """A new volume takes over what the image has in its place: here, whose it is."""
        volume, inside = self.volumes / path.replace("/", "_"), self.stage.root / path.lstrip("/")
        if not volume.exists():
            volume.mkdir(parents=True)
            os.chown(volume, inside.stat().st_uid, inside.stat().st_gid)
        return volume

    def digest(self, *words: str) -> list[str]:
        """The image's entry point with other words than its own."""
        return [*self.stage.entrypoint, *words]


def started(words: Sequence[str], health: Sequence[str]) -> str:
    """Lines of a shell: start a program behind, and wait until its health check passes."""
    check = f"{shlex.join(health)} >/dev/null 2>&1"
    return f"""
{shlex.join(words)} & started=$!
waited=0
until {check}; do
    waited=$((waited + 1))
    [ $waited -lt {_SECONDS} ] && kill -0 $started || {{ echo "{words[0]}: not healthy"; exit 9; }}
    sleep 1
done
echo "healthy after $waited s: {words[0]} {words[1]}"
"""


def trials(image: Image, compose: Mapping[str, Any]) -> Iterator[tuple[str, Callable[[], str]]]:
    """What is tried, each with a title; gives what it printed."""
    stage = image.stage
    now = datetime.now(UTC).isoformat(timespec="seconds")
    edition = ["run", "--config", "/examples/feeds.yaml", "--now", now]
    # One of the example's feeds is broken on purpose: exit status 1.
    done = (0, 1)

    def whose() -> str:
        said = image.run(["id"], (0,)) + image.run(image.digest("--version"), (0,))
        if "uid=0" in said:
            raise TrialError("it runs as root")
        return said

    def driver() -> str:
        # Nobody listens there; that the driver is missing would be said before that is noticed.
        address = "postgresql://nobody@127.0.0.1:9/none"
        said = image.run(image.digest("db", "check"), (3,), DIGEST_DATABASE_URL=address)
        if "does not answer" not in said:
            raise TrialError(said)
        return said

    def local() -> str:
        return image.run(
            image.digest(*edition),
            done,
            DIGEST_OUTBOX_DIR="/data/state/here/outbox",
            DIGEST_STATE_DIR="/data/state/here",
        )

    def served() -> str:
        ask = [["python", "-c", _ASK.format(port=8000, path=path)] for path in _PATHS]
        script = [
            "set -e",
            started([*stage.entrypoint, *stage.command], stage.health),
            *map(shlex.join, ask),
            "kill -TERM $started; wait $started",
        ]
        return image.run(
            ["/bin/sh", "-c", "\n".join(script)], (0,), DIGEST_CONFIG="/examples/feeds.yaml"
        )

    def on_a_cluster() -> str:
        services = {name: compose["services"][name] for name in ("scheduler", "worker")}
        script = ["set -e"]
        for service in services.values():
            words = [*service["entrypoint"], *service["command"]]
            # One machine's loopback stands in for the network of Compose.
            words = [word.replace("//scheduler:", "//127.0.0.1:") for word in words]
            script.append(started(words, service["healthcheck"]["test"][1:]))
        script += [
            f"{shlex.join(image.digest(*edition))} || [ $? -eq 1 ]",
            shlex.join(["python", "-c", _ASK.format(port=8787, path="/metrics")])
            + " | grep ^dask_scheduler_prefix_state_totals_total || "
            "{ echo 'the scheduler was given nothing to do'; exit 9; }",
            # The catalogue knows files by when they were written.
            "diff -r -x .catalogue.json /data/state/here/outbox /data/state/there/outbox",
            "echo 'the same edition, byte for byte'",
        ]
        return image.run(
            ["/bin/sh", "-c", "\n".join(script)],
            (0,),
            DIGEST_DASK_SCHEDULER="tcp://127.0.0.1:8786",
            DIGEST_OUTBOX_DIR="/data/state/there/outbox",
            DIGEST_STATE_DIR="/data/state/there",
        )

    yield "whose it is", whose
    yield "the driver for PostgreSQL", driver
    yield "digest run on the examples", local
    yield "the start command and its health check", served
    yield "the scheduler and a worker of compose.yaml", on_a_cluster


_PATHS = ("/healthz", "/readyz")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where the roots are made (6 GB); temporary")
    parser.add_argument("--keep", action="store_true", help="leave the roots there")
    parser.add_argument("--base", type=Path, help="a clean root to begin with; made if not there")
    parser.add_argument("--build-arg", action="append", default=[], metavar="NAME=VALUE")
    wanted = parser.parse_args()
    if os.geteuid() != 0 or not sys.platform.startswith("linux"):
        sys.exit("the steps are carried out in roots of their own: that takes Linux and root")
    folder = Path(tempfile.mkdtemp(prefix="try-dockerfile-", dir=wanted.folder or "/var/tmp"))
    given = dict(argument.split("=", 1) for argument in wanted.build_arg)
    try:
        _try(folder, given, wanted.base)
    except TrialError as error:
        sys.exit(f"FAILED: {error}")
    finally:
        if wanted.keep:
            print(f"the roots are in {folder}")
        else:
            shutil.rmtree(folder)


def _try(folder: Path, given: Mapping[str, str], base: Path | None) -> None:
    from ruamel.yaml import YAML

    steps = parse((REPOSITORY / "Dockerfile").read_text(encoding="utf-8"))
    trial = Trial(folder, context_of(REPOSITORY, folder / "context"), given, base)
    stage: Stage | None = None
    begun = time.monotonic()
    for number, step in enumerate(steps, start=1):
        before = time.monotonic()
        shown = re.sub(r"\s+", " ", f"{step.keyword} {step.arguments}")[:76]
        try:
            stage = trial.take(stage, step)
        except TrialError as error:
            raise TrialError(f"Dockerfile:{step.line}: {shown}\n{error}") from error
        print(f"{number:2}/{len(steps)} {time.monotonic() - before:6.1f} s  {shown}", flush=True)
    if stage is None:
        raise TrialError("the Dockerfile has no step")
    size = subprocess.run(
        ["du", "--summarize", "--block-size=M", stage.root],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[0]
    print(f"built in {time.monotonic() - begun:.0f} s; the image's root has {size}")
    image = Image(stage, folder / "volumes", REPOSITORY / "examples")
    compose = YAML(typ="safe").load(REPOSITORY / "compose.yaml")
    for title, attempt in trials(image, compose):
        before = time.monotonic()
        said = attempt()
        print(f"tried {time.monotonic() - before:6.1f} s  {title}")
        print(
            "".join(f"    {line[:150]}\n" for line in said.splitlines()[-12:]), end="", flush=True
        )
    print(f"all passed in {time.monotonic() - begun:.0f} s")


if __name__ == "__main__":
    main()
