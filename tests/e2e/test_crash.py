"""The promise, by the harness that measures it: killed over and over, nobody has two or none."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..postgres import PostgresServer

HARNESS = Path(__file__).parents[2] / "benchmarks" / "crash.py"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("engine", "storm", "kills"), [("sqlite", 140, 200), ("postgresql", 30, 100)]
)
def test_killed_at_every_state_change_nobody_is_lost_and_nobody_has_it_twice(
    engine: str, storm: int, kills: int, request: pytest.FixtureRequest
) -> None:
    server: list[str] = []
    if engine == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        server = ["--database", postgres.new_database()]
    result = subprocess.run(
        [sys.executable, str(HARNESS), "--readers", "2", "--storm", str(storm), *server],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    rows = {
        cells[0]: [int(cell) for cell in cells[1:]]
        for line in result.stdout.splitlines()
        if (cells := line.strip("| ").split(" | "))[-1].isdecimal()
    }
    killed, recipients, unconfirmed, twice, lost = rows.pop("**all**")
    assert killed >= kills
    assert recipients > unconfirmed > 0
    assert (twice, lost) == (0, 0)
    # Each store method that changes an edition's or a delivery's state was killed in.
    methods = {
        match[1] for name in rows if (match := re.match(r"([\w.]+): before its commit", name))
    }
    assert methods >= {
        "Editions.begin",
        "Editions.renew",
        "Editions.built",
        "Editions.move",
        "Deliveries.freeze",
        "Deliveries.free",
        "Deliveries.turn",
        "Deliveries.begin",
        "Deliveries.finish",
        "Store.save_told",
    }
