"""An editor's process is killed over and over: no change is lost, none is made twice, and nothing
leaves but what was approved."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..postgres import PostgresServer

HARNESS = Path(__file__).with_name("desk_kills.py")


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_an_editor_whose_process_is_killed_gets_the_edition_of_one_whose_is_not(
    engine: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    server: list[str] = []
    if engine == "postgresql":
        postgres: PostgresServer = request.getfixturevalue("postgres")
        server = [postgres.url()]
    result = subprocess.run(
        [sys.executable, str(HARNESS), str(tmp_path / "desk"), *server],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    said = json.loads(result.stdout)
    assert said["wrong"] == []
    # The editor who was left alone did what the script says, and readers have it.
    expected = said["expected"]
    assert [one["number"] for one in expected["operations"]] == list(range(1, 15))
    assert expected["idle"] == expected["waiting"] == []
    assert (expected["state"], expected["is_as_approved"]) == ("sent", True)
    assert len(expected["mail"]) == 2
    assert all("Good morning. It rains." in text for _, _, text in expected["mail"])
    assert "Nine parties" not in str(expected["mail"])
    # Each request was killed before and after all that it changes for others.
    for request, *steps in (
        ("change", "DeskStore.add"),
        ("undo", "DeskStore.switch"),
        ("redo", "DeskStore.switch"),
        ("take_out", "DeskStore.switch"),
        ("put_back", "DeskStore.switch"),
        ("complete", "DeskStore.checked"),
        ("approve", "DeskStore.save_build", "DeskStore.prune", "Store.save_told", "Editions.move"),
    ):
        for step in steps:
            for moment in ("before", "after"):
                assert said["deaths"].pop(f"{request}, {step}: {moment} its commit") > 0
    for moment in ("before", "after"):
        assert said["deaths"].pop(f"approve, a file or folder: {moment} its rename") > 0
    if engine == "sqlite":
        assert said["deaths"].pop("at random") >= 30
    assert said["deaths"] == {}
