"""`digest lint` as it is called: which edition it looks at, what it prints, how it ends."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from digest.editions.frozen import dump_edition
from digest.editions.render import packaged_themes
from digest.editions.sample import sample_edition
from digest.records import Edition

Run = Callable[..., subprocess.CompletedProcess[str]]

HEAD = "sample 2026-03-02, theme classic: "


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """An outbox with two editions; the newer one is in the theme `compact`."""
    put(tmp_path / "outbox", sample_edition("classic"))
    newer = replace(sample_edition("compact"), digest="other", date="2026-03-03")
    put(tmp_path / "outbox", newer)
    return tmp_path / "outbox"


def put(outbox: Path, edition: Edition) -> Path:
    folder = outbox / edition.digest / edition.date
    folder.mkdir(parents=True)
    (folder / "edition.json").write_bytes(dump_edition(edition))
    return folder


def last_line(done: subprocess.CompletedProcess[str]) -> str:
    return done.stdout.splitlines()[-1]


@pytest.mark.usefixtures("outbox")
def test_the_newest_edition_is_looked_at_and_warnings_are_no_failure(digest: Run) -> None:
    done = digest("lint")
    assert done.returncode == 0, done.stdout + done.stderr
    assert last_line(done).startswith("other 2026-03-03, theme compact: 0 errors, ")
    assert "kB of at most 100" in last_line(done)
    assert "100% of what reading needs" in last_line(done)
    assert all(line.startswith("warning: ") for line in done.stdout.splitlines()[:-1])
    assert "the story has no link [links]" in done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize(
    "wanted",
    [
        "sample",
        "sample/2026-03-02",
        "outbox/sample/2026-03-02/",
        "outbox/sample/2026-03-02/edition.json",
    ],
)
@pytest.mark.usefixtures("outbox")
def test_an_edition_is_named_by_its_digest_its_date_or_its_folder(digest: Run, wanted: str) -> None:
    done = digest("lint", wanted)
    assert done.returncode == 0, done.stdout + done.stderr
    assert last_line(done).startswith(HEAD)


@pytest.mark.usefixtures("outbox")
def test_an_error_makes_status_1_stands_first_and_names_the_line(
    digest: Run, tmp_path: Path
) -> None:
    theme = tmp_path / "templates" / "classic"
    theme.mkdir(parents=True)
    css = (packaged_themes() / "classic" / "style.css").read_text("utf-8")
    line = css.count("\n") + 1
    (theme / "style.css").write_text(css + "h1 { color: #cccccc }\n", "utf-8")
    done = digest("lint", "sample")
    assert done.returncode == 1, done.stdout + done.stderr
    first = done.stdout.splitlines()[0]
    assert first.startswith(f"error: templates/classic/style.css:{line}: #cccccc on #")
    assert first.endswith("[contrast]")
    assert last_line(done).startswith(f"{HEAD}1 error, ")


@pytest.mark.usefixtures("outbox")
def test_json_is_one_object_with_all_of_it(digest: Run) -> None:
    done = digest("lint", "sample", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["edition"] == "sample/2026-03-02"
    assert report["theme"] == "classic"
    assert report["errors"] == 0
    assert report["warnings"] == len(report["findings"]) > 0
    assert 0 < report["bytes"] < report["max_bytes"] == 100_000
    assert report["support"]["needed"] == 1
    assert 0.5 < report["support"]["all"] < 1
    assert set(report["findings"][0]) == {"rule", "severity", "message", "where", "support"}
    features = {feature["feature"]: feature for feature in report["features"]}
    assert "Gmail, mobile web" in features["css-display-none"]["lacking"]
    assert features["css-display-none"]["without"]


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("nobody", "no edition 'nobody'"),
        ("sample/2026-03-09", "there are other/2026-03-03, sample/2026-03-02"),
        ("outbox", "outbox: has no edition.json; name the folder of one edition"),
    ],
)
@pytest.mark.usefixtures("outbox")
def test_an_edition_that_is_not_there_is_wrong_use(digest: Run, wanted: str, said: str) -> None:
    done = digest("lint", wanted)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""


def test_an_empty_outbox_says_how_to_fill_it(digest: Run) -> None:
    done = digest("lint")
    assert done.returncode == 2
    assert "`digest run` builds one" in done.stderr


@pytest.mark.parametrize("data", [b"{", b'{"format": 5}', b"\xff\xfe"])
def test_a_damaged_edition_is_named_with_the_remedy(digest: Run, outbox: Path, data: bytes) -> None:
    file = outbox / "sample" / "2026-03-02" / "edition.json"
    file.write_bytes(data)
    done = digest("lint", "sample")
    assert done.returncode == 3
    assert "sample/2026-03-02/edition.json: not a usable edition" in done.stderr
    assert "`digest run --force`" in done.stderr
    assert "Traceback" not in done.stderr


def test_an_edition_without_its_file_is_named_with_the_remedy(digest: Run, outbox: Path) -> None:
    (outbox / "sample" / "2026-03-02" / "edition.json").unlink()
    done = digest("lint", "sample")
    assert done.returncode == 3
    assert "edition.json: can't be read" in done.stderr
    assert "`digest run --force`" in done.stderr


def test_a_theme_that_is_gone_is_named(digest: Run, outbox: Path) -> None:
    put(outbox, replace(sample_edition("vanished"), digest="lost"))
    done = digest("lint", "lost")
    assert done.returncode == 3
    assert "theme 'vanished' is unknown" in done.stderr
