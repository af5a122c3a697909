"""The unit files of docs/systemd: systemd takes them, and programs take the commands in them."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "docs" / "systemd").iterdir())
SERVICES = [path for path in UNITS if path.suffix == ".service"]
BIN = Path(sys.executable).parent
# What systemd puts in for specifiers.
MEANT = {"%i": "1", "%H": "here"}


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """Section, key, and all values that were given to it, in order."""
    parser = configparser.ConfigParser(interpolation=None, strict=False, dict_type=_Gathering)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(path.read_text(encoding="utf-8"))
    return {name: {key: parser[name][key].split("\n") for key in parser[name]} for name in parser}


class _Gathering(dict):  # type: ignore[type-arg]
    """Keeps the values of a key that comes again, as systemd does."""

    def __setitem__(self, key: object, value: object) -> None:
        if isinstance(value, list) and isinstance(self.get(key), list):
            value = [*self[key], *value]
        super().__setitem__(key, value)


def command(path: Path) -> list[str]:
    """The words of ExecStart, as systemd would start them."""
    service = unit(path)["Service"]
    (line,) = service["ExecStart"]
    given = [pair for row in service.get("Environment", []) for pair in shlex.split(row)]
    line = re.sub("|".join(map(re.escape, MEANT)), lambda found: MEANT[found[0]], line)
    for name, value in (pair.split("=", 1) for pair in given):
        line = line.replace(f"${{{name}}}", value)
    return [word for word in shlex.split(line) if word != "$WORKER_OPTIONS"]


def test_there_are_the_service_its_cluster_its_backups_and_a_timer_in_its_place() -> None:
    assert [path.name for path in UNITS] == [
        "dask-scheduler.service",
        "digest-backup.service",
        "digest-backup.timer",
        "digest-run.service",
        "digest-run.timer",
        "digest-worker@.service",
        "digest.service",
    ]


def started_as(path: Path) -> str:
    """The name of a unit; of a template, that of its first instance."""
    return path.name.replace("@.", "@1.")


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """The units, with programs that are here. Where those are is each machine's own affair."""
    for each in UNITS:
        text = each.read_text(encoding="utf-8")
        text = re.sub(r"^(ExecStart=)/opt/digest/bin", rf"\1{BIN}", text, flags=re.M)
        text = re.sub(r"^(User|Group|Documentation)=.*\n", "", text, flags=re.M)
        (tmp_path / started_as(each)).write_text(text, encoding="utf-8")
    return tmp_path


def analyse(*words: str | Path) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("needs systemd-analyze")
    return subprocess.run([program, *words], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.name)
def test_systemd_finds_nothing_wrong(path: Path, installed: Path) -> None:
    done = analyse("verify", "--man=no", installed / started_as(path))
    ours = [line for line in done.stderr.splitlines() if str(installed) in line or "digest" in line]
    assert ours == []


# Measured: 1.5, of 10, for each. What is left is that they speak to the network and read /proc.
_MOST_EXPOSED = 20


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_a_service_may_do_no_more_than_it_needs(path: Path, installed: Path) -> None:
    # With its user, which is part of what is looked at.
    (installed / started_as(path)).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    threshold = f"--threshold={_MOST_EXPOSED}"
    done = analyse("security", "--offline=true", threshold, installed / started_as(path))
    assert done.returncode == 0, done.stdout[-2000:]


@pytest.mark.parametrize("path", SERVICES, ids=lambda path: path.name)
def test_the_command_and_its_options_are_there(path: Path) -> None:
    program, name, *options = command(path)
    assert program.startswith("/opt/digest/bin/")
    shown = subprocess.run(
        [BIN / Path(program).name, name, "--help"],
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    for option in (word for word in options if word.startswith("--")):
        assert option in shown.stdout
    longest = 10  # seconds that `digest` takes to end by itself
    assert int(unit(path)["Service"]["TimeoutStopSec"][-1]) > longest


def test_old_backups_are_removed_by_the_names_that_new_ones_get(tmp_path: Path) -> None:
    path = next(path for path in UNITS if path.name == "digest-backup.service")
    service = unit(path)["Service"]
    _, folder, _, pattern, *rest = shlex.split(service["ExecStartPost"][0])
    assert command(path)[-1] == folder == "/var/lib/digest-backups"
    assert "digest-backups" in service["StateDirectory"][0].split()
    assert rest == ["-mtime", "+30", "-delete"]
    (tmp_path / "feeds.yaml").write_text(
        "digests: [{name: morning}]\nfeeds: [{name: one, url: one.xml}]\n", encoding="utf-8"
    )
    (tmp_path / "backups").mkdir()
    for words in (["db", "upgrade"], ["backup", "backups"]):
        subprocess.run([BIN / "digest", *words], cwd=tmp_path, check=True, capture_output=True)
    (made,) = (tmp_path / "backups").iterdir()
    assert made.match(pattern)


def test_the_cluster_knows_nothing_that_only_the_service_needs() -> None:
    for path in SERVICES:
        service = unit(path)["Service"]
        is_of_the_cluster = "/bin/dask " in service["ExecStart"][0]
        assert service["User"] == (["digest-worker"] if is_of_the_cluster else ["digest"])
        secrets = "-/etc/digest-worker.env" if is_of_the_cluster else "-/etc/digest.env"
        assert service["EnvironmentFile"] == [secrets]


def test_the_scheduler_listens_on_this_machine_unless_told_otherwise() -> None:
    path = next(path for path in UNITS if path.name == "dask-scheduler.service")
    words = command(path)
    assert words[words.index("--host") + 1] == "127.0.0.1"
    assert "--dashboard-address 127.0.0.1:8787" in " ".join(words)


def test_a_worker_asks_the_scheduler_of_this_machine_unless_told_otherwise() -> None:
    scheduler, worker = (
        next(path for path in UNITS if path.name.startswith(name))
        for name in ("dask-scheduler", "digest-worker")
    )
    words = command(scheduler)
    assert command(worker)[2] == f"tcp://127.0.0.1:{words[words.index('--port') + 1]}"


def test_a_worker_and_its_nanny_listen_on_this_machine_unless_told_otherwise() -> None:
    worker = next(path for path in UNITS if path.name.startswith("digest-worker"))
    words = command(worker)
    assert words[words.index("--host") + 1] == "127.0.0.1"
    # Without a dashboard too there is a port for figures.
    assert words[words.index("--dashboard-address") + 1].startswith("127.0.0.1:")
    (line,) = unit(worker)["Service"]["ExecStart"]
    assert "--host ${WORKER_HOST} " in line
    assert "--memory-limit ${WORKER_MEMORY} " in line
    assert words[words.index("--memory-limit") + 1] == "4GiB"


def test_the_pages_name_each_file() -> None:
    pages = [ROOT / "docs" / name for name in ("service.md", "installing.md")]
    text = "".join(page.read_text(encoding="utf-8") for page in pages)
    for path in UNITS:
        assert f"systemd/{path.name}" in text
