"""The unit files of docs/systemd: systemd takes them, and `digest` takes the commands in them."""

from __future__ import annotations

import configparser
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "docs" / "systemd").iterdir())
SCRIPT = str(Path(sys.executable).with_name("digest"))


def unit(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=True)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    return parser


def test_there_are_a_service_and_a_timer_with_what_it_starts() -> None:
    names = [path.name for path in UNITS]
    assert names == ["digest-run.service", "digest-run.timer", "digest.service"]


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_finds_nothing_wrong(path: Path, tmp_path: Path) -> None:
    analyse = shutil.which("systemd-analyze")
    if analyse is None:
        pytest.skip("needs systemd-analyze")
    # Where the program and its user are is each machine's own affair.
    for each in UNITS:
        text = each.read_text(encoding="utf-8")
        text = re.sub(r"^ExecStart=\S+", f"ExecStart={SCRIPT}", text, flags=re.M)
        text = re.sub(r"^(User|Group|Documentation)=.*\n", "", text, flags=re.M)
        (tmp_path / each.name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [analyse, "verify", "--man=no", str(tmp_path / path.name)],
        capture_output=True,
        text=True,
    )
    ours = [line for line in done.stderr.splitlines() if str(tmp_path) in line or "digest" in line]
    assert ours == []


@pytest.mark.parametrize(
    "path", [path for path in UNITS if path.suffix == ".service"], ids=lambda path: path.name
)
def test_the_command_and_its_options_are_there(path: Path) -> None:
    service = unit(path)["Service"]
    program, command, *options = shlex.split(service["ExecStart"])
    assert program.endswith("/digest")
    shown = subprocess.run([SCRIPT, command, "--help"], capture_output=True, text=True)
    assert shown.returncode == 0
    for option in (word for word in options if word.startswith("--")):
        assert option in shown.stdout
    assert int(service["TimeoutStopSec"]) > 10, "longer than it takes by itself"


def test_the_page_on_the_service_names_each_file() -> None:
    page = (ROOT / "docs" / "service.md").read_text(encoding="utf-8")
    for path in UNITS:
        assert f"systemd/{path.name}" in page
