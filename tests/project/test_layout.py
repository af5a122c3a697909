"""What holds for the repository as a whole."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

LONGEST = 400

# Put together here, since this file is searched as well.
HOSTS = ["py" + "pi.org", "pythonhosted" + ".org", "deb.debian" + ".org", "test.py" + "pi"]
FOLDERS = ["work", "tmp/lab", "home", "root", "Users"]
# A folder in an address (https://…/home/) or below another (state/tmp/…) is not this machine's.
MACHINE_PATH = re.compile(rf"(?<![\w.~>/:-])/(?:{'|'.join(FOLDERS)})/[\w.-]+")

HEAVY = {
    "aiohttp",
    "alembic",
    "apscheduler",
    "dateparser",
    "feedparser",
    "jinja2",
    "lxml",
    "numpy",
    "premailer",
    "pydantic",
    "scipy",
    "sentence_transformers",
    "sklearn",
    "sqlalchemy",
    "starlette",
    "torch",
    "transformers",
    "uvicorn",
}

# Prints its modules on stderr: stdout is the help.
_HELP = """
import json, sys
from digest.cli import main
sys.argv = ["digest", "--help"]
try:
    main()
except SystemExit as ended:
    json.dump({"status": ended.code, "modules": sorted(sys.modules)}, sys.stderr)
"""


@pytest.fixture(scope="module")
def repository_files() -> list[Path]:
    """The files that are, or would be, under version control."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: which files belong to the repository is unknown")
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    files = [ROOT / name for name in listing.stdout.split("\0") if name]
    return [file for file in files if file.is_file()]


def _lines(file: Path) -> list[str]:
    data = file.read_bytes()
    return [] if b"\0" in data[:8192] else data.decode("utf-8", "replace").splitlines()


def test_no_module_is_longer_than_400_lines() -> None:
    lengths = {
        str(file.relative_to(ROOT)): len(_lines(file)) for file in (ROOT / "digest").rglob("*.py")
    }
    assert lengths
    assert {name: length for name, length in lengths.items() if length > LONGEST} == {}


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("see " + "/work" + "/main/x", True),
        ('"' + "/home" + '/someone"', True),
        ("https://example.org" + "/home" + "/page", False),
        ("href=../" + "work" + "/page", False),
    ],
)
def test_a_machine_path_is_told_from_an_address(line: str, found: bool) -> None:
    assert bool(MACHINE_PATH.search(line)) is found


def test_no_file_names_a_path_of_one_machine(repository_files: list[Path]) -> None:
    places = [
        f"{file.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for file in repository_files
        for number, line in enumerate(_lines(file), start=1)
        if MACHINE_PATH.search(line)
    ]
    assert places == []


def test_no_file_names_the_host_of_a_package_registry(repository_files: list[Path]) -> None:
    places = [
        f"{file.relative_to(ROOT)}:{number}: {host}"
        for file in repository_files
        for number, line in enumerate(_lines(file), start=1)
        for host in HOSTS
        if host in line
    ]
    assert places == []


def test_every_file_of_text_ends_with_a_line_feed(repository_files: list[Path]) -> None:
    texts = [file for file in repository_files if file.suffix in {".py", ".md", ".toml", ".yaml"}]
    unended = [file for file in texts if (data := file.read_bytes()) and not data.endswith(b"\n")]
    assert unended == []


def test_help_imports_nothing_heavy() -> None:
    environment = {name: os.environ[name] for name in os.environ if name != "PYTHONPATH"}
    ended = subprocess.run(
        [sys.executable, "-c", _HELP],
        cwd=ROOT,
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    report = json.loads(ended.stderr)
    assert report["status"] == 0
    assert "Usage: digest" in ended.stdout
    assert HEAVY.intersection(report["modules"]) == set()
