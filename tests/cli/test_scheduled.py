"""`digest run --scheduled` and `digest serve` as processes: what is due, and how they end."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.records import NewSubscriber
from digest.store.store import Store

SCRIPT = str(Path(sys.executable).with_name("digest"))
FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Town</title>
<link>https://town.example/</link><description>d</description>
<item><title>Bridge closes</title><link>https://town.example/1</link><guid>1</guid>
<pubDate>2 hours ago</pubDate><description>The bridge closes on Monday for nine weeks, the port
authority said. Drivers are sent round by the northern road.</description></item>
</channel></rss>"""
PATIENCE = 30  # seconds; it ends within ten on a machine that isn't busy


def configure(folder: Path, schedule: str) -> None:
    (folder / "town.xml").write_text(FEED)
    (folder / "feeds.yaml").write_text(
        f'digests:\n  - {{name: town, schedule: "{schedule}"}}\n'
        "feeds:\n  - {name: town, url: town.xml}\n"
    )


def due_now() -> str:
    """A cron line whose moment was a minute ago."""
    at = datetime.now(UTC) - timedelta(minutes=1)
    return f"{at.minute} {at.hour} * * *"


def test_nothing_due_is_said_and_is_no_failure(digest, tmp_path: Path) -> None:
    configure(tmp_path, "0 7 * * *")
    done = digest("run", "--scheduled", "--now", "2026-03-02T06:59Z")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "nothing is due, and nothing waits to be sent\n"


def test_a_date_that_is_too_late_is_recorded(digest, tmp_path: Path) -> None:
    configure(tmp_path, "0 7 * * *")
    done = digest("run", "--scheduled", "--now", "2026-03-02T13:01Z", "--json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["run"] is None
    (skipped,) = report["skipped"]
    assert (skipped["date"], skipped["due"]) == ("2026-03-02", "2026-03-02T07:00:00+00:00")
    again = digest("run", "--scheduled", "--now", "2026-03-02T14:00Z", "--json")
    assert json.loads(again.stdout)["skipped"] == []
    shown = digest("outbox")
    assert "was due at 2026-03-02 07:00 UTC" in shown.stdout


@pytest.mark.parametrize("option", [["--force"], ["--note", "x"], ["--window", "7d"]])
def test_what_is_scheduled_takes_no_options_of_builds_by_hand(
    digest, tmp_path: Path, option: list[str]
) -> None:
    configure(tmp_path, "0 7 * * *")
    done = digest("run", "--scheduled", *option)
    assert done.returncode == 2
    assert "--scheduled takes no --force, --window or --note" in done.stderr


@pytest.mark.model
def test_a_timer_builds_and_sends_what_is_due_once(digest, tmp_path: Path) -> None:
    configure(tmp_path, "0 7 * * *")
    mail = {"DIGEST_SMTP_URL": f"maildir:{tmp_path / 'mail'}"}
    store = Store(f"sqlite:///{tmp_path / 'state' / 'digest.db'}")
    people = [NewSubscriber("ann@example.org"), NewSubscriber("bob@example.org")]
    store.subscribers.subscribe("town", people, datetime.now(UTC))
    store.close()
    for minute in (0, 5, 10):
        now = f"2026-03-02T07:{minute:02}Z"
        done = digest("run", "--scheduled", "--now", now, **mail)
        assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("nothing is due")
    assert len(list((tmp_path / "mail" / "new").iterdir())) == 2


@pytest.mark.model
@pytest.mark.parametrize("after", [0.0, 2.0])
def test_serve_ends_in_time_in_the_middle_of_a_build(
    digest, tmp_path: Path, environment: dict[str, str], after: float
) -> None:
    configure(tmp_path, due_now())
    with subprocess.Popen(
        [SCRIPT, "serve", "--no-browser", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        time.sleep(after)
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    assert "stopping: finishing what is in hand" in err
    # Whatever was reached, the next turn has it.
    assert digest("run", "--scheduled").returncode == 0
    (edition,) = (tmp_path / "outbox" / "town").glob("*-*-*")
    assert (edition / "index.html").exists()


def test_serve_takes_up_a_changed_configuration_and_refuses_a_broken_one(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    configure(tmp_path, "0 7 29 2 *")
    path = tmp_path / "feeds.yaml"
    text = path.read_text()
    with subprocess.Popen(
        [SCRIPT, "serve", "--no-browser", "--port", "0"],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert re.search(r"town: next edition at \d{4}-02-29 07:00 UTC", process.stderr.readline())
        assert "DIGEST_SMTP_URL isn't set" in process.stderr.readline()
        path.write_text(text.replace("7 29", "77 29"))
        assert "can't be used" in process.stderr.readline()
        assert "feeds.yaml:2: digests[0].schedule" in process.stderr.readline()
        path.write_text(text.replace("7 29", "8 29"))
        assert re.search(r"town: next edition at \d{4}-02-29 08:00 UTC", process.stderr.readline())
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
