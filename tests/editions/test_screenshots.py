from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from digest.editions.frozen import dump_edition
from digest.records import Edition

SCRIPT = Path(__file__).parents[2] / "scripts" / "screenshots.py"


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False
    )


def test_a_folder_without_an_edition_is_refused(tmp_path: Path) -> None:
    done = run(tmp_path)

    assert done.returncode == 2
    assert "edition.json is missing" in done.stderr


def test_an_edition_that_can_t_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "edition.json").write_text("{")

    done = run(tmp_path, "--chromium", "chromium")

    assert done.returncode == 2
    assert "edition.json" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.browser
@pytest.mark.skipif(
    shutil.which("chromium") is None and not os.environ.get("CI"),
    reason="needs chromium on PATH; in CI its absence is a failure",
)
def test_an_edition_is_pictured_in_both_themes(edition: Edition, tmp_path: Path) -> None:
    folder = tmp_path / edition.date
    folder.mkdir()
    (folder / "edition.json").write_bytes(dump_edition(edition))

    done = run(folder, "--out", tmp_path / "images")

    assert done.returncode == 0, done.stderr
    widths = {"desktop": 800, "phone": 375, "dark": 800, "no-images": 375, "large-text": 375}
    expected = {
        f"{theme}-{shot}.png": width
        for theme in ("classic", "compact")
        for shot, width in {**widths, "archive": 800}.items()
    }
    pictures = {path.name: path.read_bytes() for path in (tmp_path / "images").iterdir()}
    assert {name: struct.unpack(">I", data[16:20])[0] for name, data in pictures.items()} == (
        expected
    )
    assert max(map(len, pictures.values())) < 300_000
    # Dark, without pictures and with large text they look different; none is blank.
    assert len(set(pictures.values())) == len(pictures)
    assert min(map(len, pictures.values())) > 5_000
