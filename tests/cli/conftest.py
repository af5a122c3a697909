"""The console script, run as users run it, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Run = Callable[..., subprocess.CompletedProcess[str]]
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def environment() -> dict[str, str]:
    """The environment without any DIGEST_* of whoever runs the tests."""
    return {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")}


@pytest.fixture
def digest(tmp_path: Path, environment: dict[str, str]) -> Run:
    """Runs `digest` with the given words in `tmp_path`; keyword arguments are the environment."""

    def run(*words: str, input: str = "", **settings: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(Path(sys.executable).with_name("digest")), *words],
            cwd=tmp_path,
            env={**environment, **settings},
            input=input,
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.fixture
def examples() -> Path:
    """The demo's feeds.yaml."""
    return ROOT / "examples" / "feeds.yaml"
