"""The demo on three days in a row: nothing is told twice, one story comes back as an update."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

Command = Any  # conftest.command: a conftest can't be imported by name, every room has one
DEMO = Path(__file__).parents[2] / "examples" / "feeds.yaml"

pytestmark = [pytest.mark.model, pytest.mark.slow]


@pytest.mark.parametrize("start", ["2026-03-02", "2026-03-04", "2026-03-07"])
def test_nothing_is_told_twice_and_one_story_comes_back(
    command: Command, tmp_path: Path, start: str
) -> None:
    demo = tmp_path / "outbox" / "demo"
    told: dict[str, str] = {}
    updates: list[dict[str, Any]] = []
    for day in range(3):
        now = datetime.fromisoformat(f"{start}T07:00").replace(tzinfo=UTC) + timedelta(days=day)
        report = command("run", "--config", str(DEMO), "--now", now.isoformat(), "--json").json
        (outcome,) = report["digests"]
        assert outcome["status"] in ("built", "empty"), report
        if outcome["status"] == "empty":
            continue
        date = now.date().isoformat()
        edition = json.loads((demo / date / "edition.json").read_bytes())
        for topic in edition["topics"]:
            for story in topic["stories"]:
                for article in story["articles"]:
                    assert article not in told, f"{story['headline']} on {told[article]} and {date}"
                    told[article] = date
                updates += [story] if story["update"] else []
    (update,) = updates
    assert "Kvikpay" in update["headline"]
    assert update["update"]["news"]
    earlier = demo / update["update"]["date"] / "index.html"
    assert f'id="{update["update"]["story"]}"' in earlier.read_text("utf-8")
