from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from digest.editions.render import Renderer
from digest.records import Edition

SCRIPT = Path(__file__).parents[2] / "scripts" / "screenshots.py"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False
    )


def test_a_folder_without_a_page_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path)

    assert done.returncode == 2
    assert "index.html is missing" in done.stderr


@pytest.mark.browser
@pytest.mark.skipif(
    shutil.which("chromium") is None and not os.environ.get("CI"),
    reason="needs chromium on PATH; in CI its absence is a failure",
)
def test_an_edition_is_pictured_three_ways(
    edition: Edition, renderer: Renderer, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text(renderer.render(edition).html, "utf-8")

    done = run(tmp_path, "--out", tmp_path / "images")

    assert done.returncode == 0, done.stderr
    for name, width in (("desktop", 800), ("phone", 375), ("dark", 800)):
        picture = (tmp_path / "images" / f"email-{name}.png").read_bytes()
        assert struct.unpack(">I", picture[16:20]) == (width,)
        assert len(picture) < 400_000
