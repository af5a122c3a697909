"""Each command as users call it: its exit status, what it says, and where it says it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parents[2]
NOW = "2026-03-02T07:00+00:00"
SCRIPT = str(Path(sys.executable).with_name("digest"))

FEED = """<?xml version="1.0"?><rss version="2.0"><channel><title>Town</title>
<link>https://town.example/</link><description>d</description>
<item><title>Bridge closes</title><link>https://town.example/1</link><guid>1</guid>
<pubDate>2 hours ago</pubDate><description>The bridge closes on Monday for nine weeks, the port
authority said. Drivers are sent round by the northern road.</description></item>
</channel></rss>"""
CONFIG = """digests:
  - {name: town, title: Town News}
feeds:
  - {name: town, url: town.xml}
"""


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """A folder with one digest of one feed."""
    (tmp_path / "town.xml").write_text(FEED)
    (tmp_path / "feeds.yaml").write_text(CONFIG)
    return tmp_path


@pytest.mark.model
def test_run_builds_an_edition_once_and_says_where_it_is(digest, town: Path) -> None:
    first = digest("run", "--now", NOW)
    assert first.returncode == 0, first.stderr
    page = "outbox/town/2026-03-02/index.html"
    assert f"  {page}\n" in first.stdout
    assert "town 2026-03-02: 1 story from 1 article (1 summarised now" in first.stdout
    assert sorted(path.name for path in (town / page).parent.iterdir()) == [
        "digest.eml",
        "digest.md",
        "digest.txt",
        "edition.json",
        "index.html",
    ]
    before = (town / page).stat()
    again = digest("run", "--now", NOW, "--json")
    assert again.returncode == 0, again.stderr
    report = json.loads(again.stdout)
    assert report["feeds"] == []
    assert report["digests"][0]["status"] == "exists"
    assert report["digests"][0]["summarized"] == 0
    assert (town / page).stat().st_mtime_ns == before.st_mtime_ns


@pytest.mark.model
def test_the_editors_note_comes_from_the_command_line_or_standard_input(
    command, town: Path
) -> None:
    done = command("run", "--now", NOW, "--note", "Good morning.\n\nThe bridge\nis closed.")
    assert done.returncode == 0, done.stderr
    edition = town / "outbox" / "town" / "2026-03-02" / "edition.json"
    assert json.loads(edition.read_text())["note"] == ["Good morning.", "The bridge is closed."]
    done = command("run", "--now", NOW, "--force", "--note", "-", input="From a file.\n")
    assert done.returncode == 0, done.stderr
    assert json.loads(edition.read_text())["note"] == ["From a file."]


@pytest.mark.model
def test_a_failed_feed_makes_status_1_and_its_reason_goes_to_stderr(command, town: Path) -> None:
    (town / "feeds.yaml").write_text(CONFIG + "  - {name: gone, url: gone.xml}\n")
    done = command("run", "--now", NOW)
    assert done.returncode == 1
    assert "feed gone: " in done.stderr
    assert "gone.xml" in done.stderr
    assert "feed gone" not in done.stdout


def test_when_every_feed_fails_nothing_could_be_done(digest, town: Path) -> None:
    (town / "town.xml").unlink()
    done = digest("run", "--now", NOW)
    assert done.returncode == 3
    assert "none of its feeds could be read (1 feed asked)" in done.stdout
    assert not (town / "outbox").exists()


def test_an_empty_day_builds_no_edition_and_says_so(digest, town: Path) -> None:
    (town / "town.xml").write_text(FEED.replace("2 hours ago", "3 days ago"))
    done = digest("run", "--now", NOW)
    assert done.returncode == 0
    assert "no edition: nothing new in the last 24 hours from 1 feed" in done.stdout
    assert not (town / "outbox").exists()


@pytest.mark.usefixtures("town")
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "--window", "soon"], "--window: 'soon' is not a window"),
        (["run", "--now", "noon"], "--now 'noon' is no time"),
        (["run", "--note", "word " * 1000], "--note: 5,000 characters are an article"),
        (["run", "evening"], "there is no digest 'evening' in feeds.yaml; it has: town"),
        (["run", "--config", "gone.yaml"], "gone.yaml"),
        (["feeds", "check", "x"], "there is no feed 'x' in feeds.yaml; it has: town"),
        (["preview", "nowhere"], "nowhere"),
        (["init"], "feeds.yaml is there already"),
    ],
)
def test_wrong_use_is_status_2_with_one_clear_line(digest, words: list[str], message: str) -> None:
    done = digest(*words)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_a_broken_configuration_is_status_2_with_file_line_and_field(digest, town: Path) -> None:
    (town / "feeds.yaml").write_text(CONFIG.replace("url: town.xml", "url: 'htp://x'"))
    done = digest("run")
    assert done.returncode == 2
    assert done.stderr == (
        "feeds.yaml:4: feeds[0].url: 'htp://x' is not an http(s) address or a path\n"
    )


def test_a_broken_setting_is_status_2(digest, town: Path) -> None:  # noqa: ARG001
    done = digest("run", DIGEST_MISFIRE_GRACE_HOURS="soon")
    assert done.returncode == 2
    assert "DIGEST_MISFIRE_GRACE_HOURS" in done.stderr


def test_fetch_prints_a_row_a_feed_and_stores_what_came(command, town: Path) -> None:
    assert command("feeds", "list").stdout == f"town: {town / 'town.xml'} (not asked yet)\n"
    done = command("fetch", "--now", NOW)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("town: fetched, 1 entry, 1 new, 0 updated")
    again = command("fetch", "--now", NOW)
    assert again.stdout.startswith("town: fetched, 1 entry, 0 new, 0 updated")
    assert "1 entry, 2026-03-02 07:00 UTC" in command("feeds", "list").stdout


def test_feeds_check_stores_nothing(command, town: Path) -> None:
    done = command("feeds", "check", "town")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("town: healthy")
    assert not (town / "state").exists()


def test_a_password_in_a_feeds_address_is_never_printed(command, town: Path) -> None:
    (town / "feeds.yaml").write_text(
        CONFIG.replace("town.xml", '"http://user:sesame@127.0.0.1:9/feed"')
    )
    for words in (["feeds", "list"], ["feeds", "check"], ["run"], ["fetch", "--json"]):
        done = command(*words)
        assert "town" in done.stdout + done.stderr
        assert "sesame" not in done.stdout + done.stderr


@pytest.mark.model
def test_models_list_and_doctor_find_the_packaged_encoder_fit(command, town: Path) -> None:
    listed = json.loads(command("models", "list", "--json").stdout.splitlines()[0])
    assert listed["name"] == "all-MiniLM-L6-v2"
    assert listed["problem"] == ""
    done = command("doctor")
    assert done.returncode == 0, done.stdout
    assert all(line.endswith(": ok") for line in done.stdout.splitlines())
    assert (town / "state").is_dir()


def test_doctor_names_what_is_wrong(digest, town: Path) -> None:
    digests = "{name: town, template: gothic}\n  - {name: kaupunki, language: fi}"
    (town / "feeds.yaml").write_text(CONFIG.replace("{name: town, title: Town News}", digests))
    (town / "outbox").write_text("a file where the folder should be")
    done = digest("doctor", DIGEST_OUTBOXDIR="x", DIGEST_ENCODER="./nowhere", DIGEST_DKIM_KEY="k")
    assert done.returncode == 1
    assert "DIGEST_OUTBOXDIR: unknown setting (did you mean DIGEST_OUTBOX_DIR?)" in done.stdout
    assert "encoder: nowhere: " in done.stdout
    assert "theme gothic: theme 'gothic' is unknown" in done.stdout
    assert "theme classic in fi: language 'fi': its words are missing" in done.stdout
    assert "DIGEST_DKIM_KEY: can't be read" in done.stdout
    assert "outbox outbox: can't be written" in done.stdout


def test_doctor_asks_the_cluster_and_says_nothing_of_what_it_cannot_read(
    digest, town: Path
) -> None:
    (town / "state").mkdir()
    (town / "state" / "digest.db").write_text("no database at all, " * 100)
    done = digest("doctor", DIGEST_DASK_SCHEDULER="tcp://127.0.0.1:9")
    assert done.returncode == 1
    told = dict(line.split(": ", 1) for line in done.stdout.splitlines())
    assert "nothing listens there" in told["cluster tcp://127.0.0.1:9"]
    assert "not a database" in told["database"]
    assert not {"health of the feeds", "subscribers"} & told.keys()


def test_doctor_tries_the_theme_and_finds_what_is_misspelt(command, town: Path) -> None:
    theme = town / "templates" / "classic"
    theme.mkdir(parents=True)
    (theme / "digest.html.j2").write_text("<p>\n{{ edition.titel }}</p>")
    (town / "feeds.yaml").write_text(
        "digests:\n  - {name: town, topics: [World, Bussiness]}\n"
        "feeds:\n  - {name: town, url: www.town.example/feed, topic: Sceince}\n"
    )
    done = command("doctor")
    assert done.returncode == 1
    assert "theme classic: templates/classic/digest.html.j2:2: " in done.stdout
    assert "town: Bussiness is no built-in topic (did you mean Business?)" in done.stdout
    assert "town: no digest has the topic Sceince (did you mean Science?)" in done.stdout
    assert "www.town.example/feed (an address begins with https://)" in done.stdout


def test_init_writes_a_configuration_that_loads(digest, tmp_path: Path) -> None:
    done = digest("init", "new")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "new" / "feeds.yaml").is_file()
    listed = digest("feeds", "list", "--config", "new/feeds.yaml")
    assert listed.returncode == 0, listed.stderr
    assert len(listed.stdout.splitlines()) >= 4


def test_version_and_an_unknown_command(digest) -> None:
    assert re.fullmatch(r"digest \d+\.\d+\.\d+\n", digest("--version").stdout)
    assert digest("frobnicate").returncode == 2


def test_output_into_a_closed_pipe_ends_quietly(town: Path) -> None:
    done = subprocess.run(
        f"{SCRIPT} feeds list | true", shell=True, cwd=town, capture_output=True, text=True
    )
    assert done.stderr == ""


def _started(words: list[str], folder: Path, environment: dict[str, str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [SCRIPT, *words, "--no-browser", "--port", "0"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.model
def test_preview_shows_the_edition_until_it_is_stopped(
    digest, town: Path, environment: dict[str, str]
) -> None:
    assert digest("run", "--now", NOW).returncode == 0
    with _started(["preview", "town"], town, environment) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        page = httpx.get(address, follow_redirects=True, trust_env=False)
        assert page.status_code == 200
        assert "Town News" in page.text
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("command", ["preview", "serve"])
def test_where_others_can_come_the_printed_address_holds_the_key(
    town: Path, environment: dict[str, str], command: str
) -> None:
    with _started([command, "--host", "0.0.0.0"], town, environment) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        base, _, query = address.partition("/enter?token=")
        with httpx.Client(trust_env=False, follow_redirects=True) as client:
            assert len(query) == 32
            assert 'type="password"' in client.get(f"{base}/editions").text
            assert 'type="password"' not in client.get(address).text
            assert client.get(f"{base}/editions").status_code == 200
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err


def test_the_desk_opens_without_feeds_yaml_and_says_what_is_missing(
    town: Path, environment: dict[str, str]
) -> None:
    (town / "feeds.yaml").unlink()
    with _started(["preview"], town, environment) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        with httpx.Client(trust_env=False, follow_redirects=True) as client:
            page = client.get(address)
            assert page.status_code == 200
            assert "feeds.yaml" in page.text
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_answers_tells_the_next_runs_and_ends_cleanly(
    town: Path, environment: dict[str, str], number: signal.Signals
) -> None:
    (town / "feeds.yaml").write_text(
        CONFIG.replace("title: Town News", 'schedule: "0 7 29 2 *", timezone: Europe/London')
    )
    with _started(["serve"], town, environment) as process:
        assert process.stdout is not None
        address = process.stdout.readline().strip()
        assert httpx.get(f"{address}healthz", trust_env=False).json() == {"status": "ok"}
        process.send_signal(number)
        _, err = process.communicate(timeout=30)
    assert process.returncode == 0, err
    assert re.search(r"town: next edition at \d{4}-\d\d-\d\d 0[67]:00 UTC", err)
    # SQLite removes its write-ahead log when the last connection is closed in good order.
    assert [path.name for path in (town / "state").iterdir() if "wal" in path.name] == []


def test_messages_of_the_help_need_neither_a_terminal_nor_a_configuration(tmp_path: Path) -> None:
    done = subprocess.run(
        [SCRIPT, "run", "--help"],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "--window" in done.stdout
