"""`digest run --scheduled` and `digest serve` as processes: what is due, and how they end."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.records import Article, FeedState, NewSubscriber
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


def subscribe(folder: Path, *addresses: str) -> None:
    store = Store(f"sqlite:///{folder / 'state' / 'digest.db'}")
    people = [NewSubscriber(address) for address in addresses]
    store.subscribers.subscribe("town", people, datetime.now(UTC))
    store.close()


def test_nothing_due_is_said_and_is_no_failure(command, tmp_path: Path) -> None:
    configure(tmp_path, "0 7 * * *")
    done = command("run", "--scheduled", "--now", "2026-03-02T06:59Z")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "nothing is due, and nothing waits to be sent\n"


def test_a_date_that_is_too_late_is_recorded(command, tmp_path: Path) -> None:
    configure(tmp_path, "0 7 * * *")
    done = command("run", "--scheduled", "--now", "2026-03-02T13:01Z", "--json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert report["run"] is None
    (skipped,) = report["skipped"]
    assert (skipped["date"], skipped["due"]) == ("2026-03-02", "2026-03-02T07:00:00+00:00")
    again = command("run", "--scheduled", "--now", "2026-03-02T14:00Z", "--json")
    assert json.loads(again.stdout)["skipped"] == []
    shown = command("outbox")
    assert "was due at 2026-03-02 07:00 UTC" in shown.stdout


def bring(store: Store, name: str, at: datetime) -> None:
    """Stores an article of the town's that came at that time."""
    article = Article(
        id=name,
        feed="town",
        title="News",
        text="The harbour opened.",
        published=at,
        content_hash=name,
    )
    store.save_feeds([FeedState("town", "town.xml")], {"town": [article]}, at)


def old_and_young(folder: Path, now: datetime) -> Store:
    """A store with an article of long ago and one of today, whose service ran on three dates."""
    store = Store(f"sqlite:///{folder / 'state' / 'digest.db'}")
    bring(store, "old", now - timedelta(days=410))
    bring(store, "young", now)
    for days in (3, 2, 1):
        store.save_run(now - timedelta(days=days), 1.0, {})
    return store


def test_a_timer_keeps_house_once_a_day(command, tmp_path: Path) -> None:
    configure(tmp_path, "0 7 * * *")
    now = datetime(2026, 3, 2, 5, tzinfo=UTC)
    with closing(old_and_young(tmp_path, now)) as store:
        turns = ("2026-03-02T05:00Z", "2026-03-02T06:00Z", "2026-03-03T05:00Z")
        for turn, left in zip(turns, (["young"], ["old", "young"], ["young"]), strict=True):
            done = command("run", "--scheduled", "--now", turn)
            assert (done.returncode, done.stderr) == (0, "")
            assert sorted(store.articles_by_id(["old", "young"])) == left
            bring(store, "old", now - timedelta(days=410))


def test_a_house_that_could_not_be_kept_is_told_with_status_1(command, tmp_path: Path) -> None:
    configure(tmp_path, "0 7 * * *")
    (tmp_path / "state" / "housekeeping").mkdir(parents=True)
    done = command("run", "--scheduled", "--now", "2026-03-02T06:59Z")
    assert done.returncode == 1
    assert re.search(r"housekeeping: .*DIGEST_STATE_DIR", done.stderr)
    assert done.stdout == "nothing is due, and nothing waits to be sent\n"


@pytest.mark.parametrize("option", [["--force"], ["--note", "x"], ["--window", "7d"]])
def test_what_is_scheduled_takes_no_options_of_builds_by_hand(
    command, tmp_path: Path, option: list[str]
) -> None:
    configure(tmp_path, "0 7 * * *")
    done = command("run", "--scheduled", *option)
    assert done.returncode == 2
    assert "--scheduled takes no --force, --window or --note" in done.stderr


@pytest.mark.model
def test_a_timer_builds_and_sends_what_is_due_once(command, tmp_path: Path) -> None:
    configure(tmp_path, "0 7 * * *")
    mail = {"DIGEST_SMTP_URL": f"maildir:{tmp_path / 'mail'}"}
    subscribe(tmp_path, "ann@example.org", "bob@example.org")
    for minute in (0, 5, 10):
        now = f"2026-03-02T07:{minute:02}Z"
        done = command("run", "--scheduled", "--now", now, **mail)
        assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("nothing is due")
    assert len(list((tmp_path / "mail" / "new").iterdir())) == 2


@pytest.mark.model
def test_what_servers_put_off_is_said_and_no_failure(command, tmp_path: Path, mail_server) -> None:
    configure(tmp_path, "0 7 * * *")
    mail = {"DIGEST_SMTP_URL": mail_server.url}
    subscribe(tmp_path, "ann@example.org", "bob@example.org", "eve@example.org")
    mail_server.replies("rcpt", "451 come back later", to="bob@example.org")
    first = command("run", "--scheduled", "--now", "2026-03-02T07:00Z", **mail)
    assert first.returncode == 0, first.stderr
    assert "2 of 3 have it, 1 deferred" in first.stdout
    later = command("run", "--scheduled", "--now", "2026-03-02T07:01Z", **mail)
    assert (later.returncode, later.stderr) == (0, "")
    assert later.stdout == "town/2026-03-02: 1 of 3 waits until 07:05 UTC\n"
    as_json = command("run", "--scheduled", "--now", "2026-03-02T07:01Z", "--json", **mail)
    (waiting,) = json.loads(as_json.stdout)["waiting"]
    assert waiting == {
        "digest": "town",
        "date": "2026-03-02",
        "left": 1,
        "total": 3,
        "until": "2026-03-02T07:05:00+00:00",
        "reason": "",
    }
    mail_server.behaves()
    last = command("run", "--scheduled", "--now", "2026-03-02T07:06Z", **mail)
    assert (last.returncode, "3 of 3 have it" in last.stdout) == (0, True)


@pytest.mark.model
def test_a_build_by_hand_says_how_the_edition_leaves(command, tmp_path: Path) -> None:
    configure(tmp_path, "0 7 * * *")
    now = ("--now", "2026-03-02T07:00Z")
    assert "digest send" not in command("run", *now).stderr
    mail = {"DIGEST_SMTP_URL": f"maildir:{tmp_path / 'mail'}"}
    done = command("run", "--force", *now, **mail)
    assert done.stderr.splitlines()[-1] == "town/2026-03-02: `digest send town` sends it"
    subscribe(tmp_path, "ann@example.org")
    text = (tmp_path / "feeds.yaml").read_text()
    (tmp_path / "feeds.yaml").write_text(
        text.replace("name: town, s", "name: town, review: true, s")
    )
    done = command("run", "--force", *now)
    assert done.stderr.splitlines()[-1] == (
        "town/2026-03-02: `digest approve town` first, then `digest send town` sends it; "
        "it needs DIGEST_SMTP_URL"
    )
    assert "digest send" not in command("run", *now, **mail).stderr, "nothing was built"


@contextmanager
def serving(
    folder: Path, environment: dict[str, str], **settings: str
) -> Iterator[subprocess.Popen[str]]:
    """`digest serve` once it answers; its line of stdout is read."""
    with subprocess.Popen(
        [SCRIPT, "serve", "--no-browser", "--port", "0"],
        cwd=folder,
        env={**environment, **settings},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://127.0.0.1:")
        yield process


def ended(process: subprocess.Popen[str]) -> tuple[str, str]:
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    return out, err


@pytest.mark.model
def test_under_json_every_line_of_serve_is_an_object(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    configure(tmp_path, due_now())
    subscribe(tmp_path, "ann@example.org")
    with serving(
        tmp_path,
        environment,
        DIGEST_LOG_FORMAT="json",
        DIGEST_SMTP_URL=f"maildir:{tmp_path / 'mail'}",
        DIGEST_PUBLIC_URL="https://news.example.org/n",
    ) as process:
        mails = tmp_path / "mail" / "new"
        until = time.monotonic() + PATIENCE * 4
        while not (mails.exists() and list(mails.iterdir())) and time.monotonic() < until:
            time.sleep(0.1)
        time.sleep(0.5)
        out, err = ended(process)
    assert out == ""
    lines = [json.loads(line) for line in err.splitlines()]
    assert {"timestamp", "level", "logger", "message"} <= set.intersection(*map(set, lines))
    said = [line["message"] for line in lines]
    assert "next edition at" in said[0]
    assert said[1] == (
        "town: people subscribe at https://news.example.org/n/subscription/subscribe/town"
    )
    assert lines[1]["digest"] == "town"
    assert any(one.startswith("stopping: ") for one in said)
    reports = [line for line in lines if line["message"] == "report"]
    (run,) = [line["run"] for line in reports if line["run"]]
    assert run["digests"][0]["status"] == "built"
    (sent,) = [one for line in reports for one in line["sent"]]
    assert (sent["state"], sent["counts"]) == ("sent", {"sent": 1})
    assert "ann@" not in err


def test_under_json_what_keeps_serve_from_starting_is_an_object_too(digest, tmp_path: Path) -> None:
    (tmp_path / "feeds.yaml").write_text("digests: 3\n")
    done = digest("serve", "--no-browser", "--port", "0", DIGEST_LOG_FORMAT="json")
    assert done.returncode == 2
    (line,) = map(json.loads, done.stderr.splitlines())
    assert line["level"] == "error"
    assert "feeds.yaml" in line["message"]


def test_serve_says_where_people_subscribe(tmp_path: Path, environment: dict[str, str]) -> None:
    configure(tmp_path, "0 7 29 2 *")
    public = "https://news.example.org"
    with serving(tmp_path, environment, DIGEST_PUBLIC_URL=public) as process:
        _, err = ended(process)
    assert f"town: people subscribe at {public}/subscription/subscribe/town\n" in err
    with serving(tmp_path, environment) as process:
        _, err = ended(process)
    assert "subscribe at" not in err


def test_a_second_serve_in_a_state_folder_says_so_and_goes_on(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    configure(tmp_path, "0 7 29 2 *")
    told = (
        "another `digest serve` works in this state folder; that is safe, one of them builds and "
        "sends\n"
    )
    with serving(tmp_path, environment) as first:
        with serving(tmp_path, environment) as second:
            assert told in ended(second)[1]
        assert told not in ended(first)[1]
    with serving(tmp_path, environment) as third:
        assert told not in ended(third)[1]


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


@pytest.mark.model
def test_a_timers_turn_ends_after_the_message_in_hand(
    tmp_path: Path, environment: dict[str, str], mail_server
) -> None:
    configure(tmp_path, "0 7 * * *")
    subscribe(tmp_path, *(f"r{number}@example.org" for number in range(40)))
    mail_server.dawdles("dot", 0.3, times=999)
    process = subprocess.Popen(
        [SCRIPT, "run", "--scheduled", "--now", "2026-03-02T07:00Z"],
        cwd=tmp_path,
        env={**environment, "DIGEST_SMTP_URL": mail_server.url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while not mail_server.accepted:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=PATIENCE)
    assert "stopping after the message in hand" in err
    store = Store(f"sqlite:///{tmp_path / 'state' / 'digest.db'}")
    counts = store.deliveries.counts("town", "2026-03-02")
    store.close()
    assert counts == {"sent": len(mail_server.accepted), "pending": 40 - len(mail_server.accepted)}
    assert counts["pending"], out
