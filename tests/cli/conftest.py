"""The console script, run as users run it, in an empty folder: as a process, or in this one."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

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


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def json(self) -> Any:
        return json.loads(self.stdout)


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsysbinary: pytest.CaptureFixture[bytes]
) -> Callable[..., Ran]:
    """As `digest`, but in this process, which has the libraries and the model loaded already."""
    from digest.cli.app import main

    monkeypatch.chdir(tmp_path)
    for variable in [one for one in os.environ if one.startswith("DIGEST_")]:
        monkeypatch.delenv(variable)

    def run(*words: str, input: str = "", **settings: str) -> Ran:
        with monkeypatch.context() as patch:
            for variable, value in settings.items():
                patch.setenv(variable, value)
            patch.setattr(sys, "argv", ["digest", *words])
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(input.encode())))
            capsysbinary.readouterr()
            status = 0
            try:
                main()
            except SystemExit as ended:
                status = int(ended.code or 0)
        out, err = capsysbinary.readouterr()
        return Ran(status, out.decode(), err.decode())

    return run


@pytest.fixture
def examples() -> Path:
    """The demo's feeds.yaml."""
    return ROOT / "examples" / "feeds.yaml"
