"""Shared by the tests of the configuration: a folder to stand in, without settings around."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, with no `DIGEST_*` in the environment."""
    for name in os.environ:
        if name.upper().startswith("DIGEST_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Callable[[str], Path]:
    """Writes `feeds.yaml` in the current folder and gives its relative path."""

    def write_text(text: str) -> Path:
        (folder / "feeds.yaml").write_text(text, encoding="utf-8")
        return Path("feeds.yaml")

    return write_text
