"""The real command, twice at once and killed half-way, on one state."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

Desk = Any  # conftest.Desk: a conftest can't be imported by name, every room has one

DEMO = Path(__file__).parents[2] / "examples" / "feeds.yaml"
ARGUMENTS = ("run", "--config", str(DEMO), "--now", "2026-03-02T07:00+00:00", "--json")

# `digest` itself, but that it is killed at the moment named by its first argument.
KILLED = """
import os, signal, sys

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

if sys.argv.pop(1) == "before the store knows":
    from digest.store.store import Store
    Store.save_told = die
else:
    from digest.outbox.outbox import Outbox
    Outbox.write = die

from digest.cli import main
main()
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(desk: Desk, small_encoder: Path) -> Desk:
    """A desk whose commands have a small encoder: which story is which matters to none of this."""
    return replace(desk, settings={"DIGEST_ENCODER": str(small_encoder)})


def test_two_processes_at_once_on_a_new_state_build_one_edition(desk: Desk) -> None:
    command = [Path(sys.executable).with_name("digest"), *ARGUMENTS]
    running = [
        subprocess.Popen(
            command,
            cwd=desk.folder,
            env=desk.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    results = [(*process.communicate(timeout=120), process.returncode) for process in running]
    assert sorted(code for *_, code in results) == [0, 1], results
    statuses = [json.loads(out)["digests"][0]["status"] for out, _, _ in results]
    assert sorted(statuses) == ["built", "exists"]
    assert sorted(path.name for path in (desk.outbox / "demo").iterdir()) == [
        ".catalogue.json",
        "2026-03-02",
        "atom.xml",
        "index.html",
    ]


def killed(desk: Desk, when: str) -> None:
    result = subprocess.run(
        [sys.executable, "-c", KILLED, when, *ARGUMENTS],
        cwd=desk.folder,
        env=desk.environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == -signal.SIGKILL, result.stderr


def test_a_run_killed_before_it_wrote_is_made_up_without_summarising_again(desk: Desk) -> None:
    killed(desk, "before the outbox")
    report = desk.run_json(*ARGUMENTS[:-1])
    (outcome,) = report["digests"]
    assert outcome["status"] == "built"
    assert (outcome["encoded"], outcome["summarized"]) == (0, 0)
    assert outcome["remembered"] == outcome["stories"] > 0


def test_a_run_killed_before_the_store_knows_tells_nothing_twice(desk: Desk) -> None:
    killed(desk, "before the store knows")
    first = told(desk, "2026-03-02")
    assert desk.run_json(*ARGUMENTS[:-1])["digests"][0]["status"] == "exists"
    following = ("run", "--config", DEMO, "--now", "2026-03-03T07:00+00:00", "--window", "all")
    (outcome,) = desk.run_json(*following)["digests"]
    assert outcome["status"] == "built"
    assert first
    assert told(desk, "2026-03-03") & first == set()


def told(desk: Desk, date: str) -> set[str]:
    path = desk.outbox / "demo" / date / "edition.json"
    return set(json.loads(path.read_bytes())["told"])
