"""Some days of `benchmarks/year.py`, one after another, with a backup and a restore among them."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

YEAR = Path(__file__).parents[2] / "benchmarks" / "year.py"
DAYS = 6


@pytest.mark.slow
def test_days_follow_one_another_over_a_backup_and_a_restore(tmp_path: Path) -> None:
    figures = tmp_path / "figures.json"
    size = ["--days", str(DAYS), "--feeds", "12", "--articles", "15", "--readers", "2"]
    done = subprocess.run(
        [sys.executable, str(YEAR), *size, "--figures", str(figures)],
        capture_output=True,
        encoding="utf-8",
        timeout=300,
        check=False,
    )
    # It says itself what is WRONG: an edition that is missing or not sent, a copy that came twice.
    assert done.returncode == 0, done.stdout + done.stderr
    assert "backup: " in done.stdout
    assert "restore: " in done.stdout
    days = json.loads(figures.read_text("utf-8"))
    assert len(days) == DAYS
    assert all(day["messages"] >= 4 for day in days)
