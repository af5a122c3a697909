"""`digest serve` as those who watch it see it: its answers, and a log that programs can read."""

from __future__ import annotations

import io
import json
import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
import typer
from prometheus_client.parser import text_string_to_metric_families

from digest.cli.common import NOTHING_DONE
from digest.cli.defects import errors_told
from digest.cli.logs import Voice, set_up
from digest.errors import StoreError

SCRIPT = str(Path(sys.executable).with_name("digest"))
KEY = "a-key-of-these-tests"


def test_a_service_tells_how_it_is_and_its_log_is_json(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "feeds.yaml").write_text(
        'digests:\n  - {name: town, schedule: "0 7 29 2 *"}\n'
        "feeds:\n  - {name: town, url: town.xml}\n"
    )
    settings = {"DIGEST_LOG_FORMAT": "json", "DIGEST_DESK_TOKEN": KEY, "DIGEST_FETCH_MINUTES": "0"}
    process = subprocess.Popen(
        [SCRIPT, "serve", "--no-browser", "--port", "0"],
        cwd=tmp_path,
        env={**environment, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        port = urlsplit(address).port
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False) as client:
            assert client.get("/healthz").json() == {"status": "ok"}
            ready = client.get("/readyz")
            assert (ready.status_code, ready.json()["status"]) == (200, "ready")
            names = {
                one.name for one in text_string_to_metric_families(client.get("/metrics").text)
            }
            assert {"digest_ready", "digest_queue_length", "process_cpu_seconds"} <= names
            through = client.get("/metrics", headers={"X-Forwarded-For": "203.0.113.9"})
            assert through.status_code == 401
        # What isn't HTTP: the web server logs it, in its own words.
        with socket.create_connection(("127.0.0.1", port or 0), timeout=20) as stranger:
            stranger.sendall(b"\x16\x03\x01 hello\r\n\r\n")
            assert stranger.recv(64)
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (0, "")
    lines = [json.loads(line) for line in err.splitlines()]
    assert {"timestamp", "level", "logger", "message"} <= set.intersection(*map(set, lines))
    assert "uvicorn.error" in {line["logger"] for line in lines}
    assert KEY not in err


# --- what ends it --------------------------------------------------------------------------------


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """The log, as JSON."""
    root, ours = logging.getLogger(), logging.getLogger("digest")
    handlers, level = list(root.handlers), ours.level
    stream = io.StringIO()
    set_up("warning", "json", stream)
    yield stream
    root.handlers[:] = handlers
    ours.setLevel(level)
    logging.captureWarnings(False)


def test_a_defect_ends_it_with_a_line_that_has_the_traceback(out: io.StringIO) -> None:
    with pytest.raises(typer.Exit) as ended, errors_told(Voice("json")):
        raise KeyError("paper")
    assert ended.value.exit_code == NOTHING_DONE
    (line,) = map(json.loads, out.getvalue().splitlines())
    assert line["level"] == "error"
    assert "please report it" in line["message"]
    assert line["exception"].endswith("KeyError: 'paper'")


def test_a_thread_that_fails_is_a_line_too(out: io.StringIO) -> None:
    def fail() -> None:
        raise ValueError("to jane.doe@example.org")

    before = threading.excepthook
    with errors_told(Voice("json")):
        thread = threading.Thread(target=fail, name="mending")
        thread.start()
        thread.join()
    assert threading.excepthook is before
    (line,) = map(json.loads, out.getvalue().splitlines())
    assert line["message"] == "mending failed (please report it)"
    assert line["exception"].endswith("ValueError: to j…@example.org")


def test_without_json_errors_are_left_to_the_command_line(out: io.StringIO) -> None:
    with pytest.raises(StoreError), errors_told(Voice("console")):
        raise StoreError("gone")
    assert out.getvalue() == ""
