"""`digest subscribers list|add|remove|import|export`: what they say, and who is on the list."""

from __future__ import annotations

import functools
import json
import re
import shlex
import stat
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from digest.store.store import Store

Run = Callable[..., Any]
CONFIG = """
digests:
  - name: morning
    topics: [World, Sport]
{more}
feeds:
  - {{name: town, url: town.xml}}
"""
EVENING = "  - {name: evening, topics: auto}\n  - {name: weekly}"
NOW = ("--now", "2026-03-02T07:00Z")


@pytest.fixture(autouse=True)
def config(tmp_path: Path) -> Path:
    path = tmp_path / "feeds.yaml"
    path.write_text(CONFIG.format(more=""))
    return path


@pytest.fixture
def people(command: Run) -> Run:
    return functools.partial(command, "subscribers")


def listed(people: Run, *words: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in people("list", "--json", *words).stdout.splitlines()]


def test_who_is_added_is_on_the_list(people: Run) -> None:
    ran = people(
        "add", " Jane@Example.org", "--name", "Jane Doe", "--topics", "world",
        "--language", "en;de",
        "--consent", "by telephone", *NOW,
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, "added Jane@example.org to morning\n")
    assert listed(people) == [
        {
            "email": "Jane@example.org",
            "name": "Jane Doe",
            "digest": "morning",
            "state": "active",
            "topics": ["World"],
            "languages": ["en", "de"],
            "subscribed": "2026-03-02T07:00:00+00:00",
            "confirmed": None,
            "ended": None,
            "consent": "by telephone",
            "bounced": None,
            "bounce_reason": "",
        }
    ]
    ran = people("list")
    assert ran.stdout == (
        "Jane@example.org: morning, active since 2026-03-02; topics World; in en, de\n"
    )
    assert ran.stderr == "1 active\n"


def test_without_words_of_consent_it_says_who_vouches(people: Run) -> None:
    people("add", "jane@example.org", *NOW)
    (jane,) = listed(people)
    assert jane["consent"] == "added by the operator on 2026-03-02; the operator vouches for it"


def test_adding_again_changes_what_is_given_and_nothing_else(people: Run) -> None:
    people("add", "jane@example.org", "--name", "Jane")
    ran = people("add", "jane@example.org")
    assert (ran.returncode, "nothing was changed" in ran.stdout) == (0, True)
    ran = people("add", "jane@example.org", "--topics", "Sport")
    assert "changed what was given" in ran.stdout
    (jane,) = listed(people)
    assert (jane["name"], jane["topics"]) == ("Jane", ["Sport"])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["jane"], "the e-mail address has no @; nobody was added"),
        (["Jane <jane@example.org>"], "write the address alone"),
        (["jane@example.org\nBcc: x@example.org"], "line break"),
        (["jane@example.org", "--name", "Jane\r\nBcc: x@example.org"], "write it in one line"),
        (["jane@example.org", "--topics", "Weather"], "no topic 'Weather'; the digest has: World"),
        (["jane@example.org", "--language", "English please"], "is no language tag"),
        (["jane@example.org", "--digest", "noon"], "no digest 'noon' in feeds.yaml; it has: morn"),
        (["jane@example.org", "--confirm"], "DIGEST_PUBLIC_URL"),
    ],
)
def test_what_can_not_be_added_is_refused_before_anything_is_stored(
    people: Run, tmp_path: Path, words: list[str], said: str
) -> None:
    ran = people("add", *words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert not (tmp_path / "state").exists()


def test_several_digests_must_be_told_apart(people: Run, config: Path) -> None:
    config.write_text(CONFIG.format(more=EVENING))
    ran = people("add", "jane@example.org")
    assert ran.returncode == 2
    assert "name one: --digest morning" in ran.stderr
    assert (
        people("add", "jane@example.org", "--digest", "evening", "--topics", "any").returncode == 0
    )
    assert (
        people("add", "jane@example.org", "--digest", "weekly", "--topics", "Culture").returncode
        == 0
    )
    assert [one["digest"] for one in listed(people)] == ["evening", "weekly"]
    assert [one["digest"] for one in listed(people, "--digest", "weekly")] == ["weekly"]
    assert people("export").returncode == 2


def test_with_confirm_they_are_only_asked(people: Run) -> None:
    ran = people("add", "jane@example.org", "--confirm", DIGEST_PUBLIC_URL="https://news.example")
    assert ran.returncode == 0
    assert "will be asked by a letter" in ran.stdout
    assert "DIGEST_SMTP_URL" in ran.stderr
    assert [one["state"] for one in listed(people)] == ["pending"]


def test_who_was_removed_comes_back_only_if_they_asked(people: Run) -> None:
    people("add", "jane@example.org")
    ran = people("remove", "JANE@example.org")
    assert (ran.returncode, ran.stdout) == (0, "removed JANE@example.org from morning\n")
    assert [one["state"] for one in listed(people)] == ["ended"]
    assert people("remove", "jane@example.org").returncode == 3
    ran = people("add", "jane@example.org")
    assert ran.returncode == 3
    assert "has left the list" in ran.stderr
    assert "--again" in ran.stderr
    back = people("add", "jane@example.org", "--again")
    assert (back.returncode, back.stdout) == (0, "brought jane@example.org back to morning\n")
    assert [one["state"] for one in listed(people)] == ["active"]


def test_removing_from_one_digest_leaves_the_others(people: Run, config: Path) -> None:
    config.write_text(CONFIG.format(more=EVENING))
    for name in ("morning", "evening"):
        people("add", "jane@example.org", "--digest", name)
    assert people("remove", "jane@example.org", "--digest", "noon").returncode == 2
    assert people("remove", "jane@example.org", "--digest", "evening").returncode == 0
    assert [one["state"] for one in listed(people)] == ["ended", "active"]
    assert [one["digest"] for one in listed(people, "--state", "ended")] == ["evening"]


def test_who_is_erased_is_not_known_any_more(people: Run) -> None:
    people("add", "jane@example.org")
    assert people("remove", "jane@example.org", "--erase", "--digest", "morning").returncode == 2
    ran = people("remove", "jane@example.org", "--erase")
    assert (ran.returncode, ran.stdout[:6]) == (0, "erased")
    assert listed(people) == []
    assert people("remove", "jane@example.org", "--erase").returncode == 3


def test_nobody_is_found_where_nobody_is(people: Run, tmp_path: Path) -> None:
    ran = people("list")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "nobody\n")
    assert people("remove", "jane@example.org").returncode == 3
    assert people("list", "--state", "asleep").returncode == 2
    assert not (tmp_path / "state").exists(), "looking makes no database"


# --- CSV ------------------------------------------------------------------------------------


def test_a_list_is_imported_and_each_bad_line_is_named(people: Run, tmp_path: Path) -> None:
    people("add", "left@example.org")
    people("remove", "left@example.org")
    people("add", "there@example.org")
    (tmp_path / "people.csv").write_text(
        "Email,Name,Topics,Phone\n"
        "jane@example.org,Jane,World;Sport,1\n"
        "nobody,Nobody,,2\n"
        "left@example.org,,,3\n"
        "there@example.org,,,4\n"
        "jane@example.org,,,5\n"
        "bob@example.org,Bob,Weather,6\n"
    )
    ran = people("import", "people.csv", "--dry-run")
    assert ran.returncode == 1
    assert ran.stdout == (
        "morning: 1 would be added, 0 would be changed, 1 there already, 4 not taken\n"
    )
    assert len(listed(people)) == 2
    ran = people("import", "people.csv", *NOW)
    assert ran.returncode == 1
    assert ran.stdout == "morning: 1 added, 0 changed, 1 there already, 4 not taken\n"
    assert ran.stderr.splitlines() == [
        "people.csv: columns that are not read: Phone",
        "people.csv:3: the e-mail address has no @",
        "people.csv:6: the same address as in line 2; that line counts, take this one out",
        "people.csv:7: there is no topic 'Weather'; the digest has: World; Sport",
        "people.csv:4: has left the list; if they asked to come back, use --again",
    ]
    jane = next(one for one in listed(people) if one["email"] == "jane@example.org")
    assert jane["topics"] == ["World", "Sport"]
    assert jane["consent"] == (
        "imported from people.csv on 2026-03-02; the operator vouches for it"
    )


def test_an_import_says_how_many_it_brings_back(people: Run, tmp_path: Path) -> None:
    for name in ("left", "dead", "there"):
        people("add", f"{name}@example.org", *NOW)
    people("remove", "left@example.org", *NOW)
    store = Store(f"sqlite:///{tmp_path / 'state' / 'digest.db'}")
    store.subscribers.bounced("dead@example.org", "no such mailbox", datetime.now(UTC))
    store.close()
    people("export", "all.csv")
    with (tmp_path / "all.csv").open("a") as file:
        file.write("new@example.org,,,,,,,,\r\n")
    ran = people("import", "all.csv", "--again", "--dry-run")
    assert ran.stdout == (
        "morning: 1 would be added, 2 would be brought back, 0 would be changed, "
        "1 there already, 0 not taken\n"
    )
    assert len(listed(people, "--state", "active")) == 1
    ran = people("import", "all.csv", "--again")
    assert (ran.returncode, ran.stdout) == (
        0,
        "morning: 1 added, 2 brought back, 0 changed, 1 there already, 0 not taken\n",
    )
    assert len(listed(people, "--state", "active")) == 4
    ran = people("import", "all.csv", "--again")
    assert "0 added, 0 brought back, 0 changed, 4 there already" in ran.stdout


def test_who_is_asked_by_a_letter_is_not_back_yet(people: Run) -> None:
    people("add", "left@example.org", *NOW)
    people("remove", "left@example.org", *NOW)
    ran = people(
        "import",
        "-",
        "--again",
        "--confirm",
        input="email\nleft@example.org\n",
        DIGEST_PUBLIC_URL="https://news.example.org",
    )
    assert ran.stdout == (
        "morning: 0 added, 0 brought back, 1 asked by a letter, 0 changed, 0 there already, "
        "0 not taken\n"
    )


def test_a_second_import_changes_nothing(people: Run) -> None:
    text = "email,name\njane@example.org,Jane\n"
    assert people("import", "-", input=text).stdout.startswith("morning: 1 added")
    ran = people("import", "-", input=text)
    assert (ran.returncode, ran.stdout[:44]) == (0, "morning: 0 added, 0 changed, 1 there already")


def test_nothing_is_imported_from_a_file_with_a_wrong_header(people: Run) -> None:
    ran = people("import", "-", input="name,phone\nJane,1\n")
    assert ran.returncode == 2
    assert "standard input:1: there is no column 'email'" in ran.stderr
    assert people("import", "-", input="email\nnobody\n").returncode == 3
    assert people("import", "gone.csv").returncode == 2
    assert listed(people) == []


def test_what_is_exported_comes_back_as_it_was(people: Run, tmp_path: Path) -> None:
    people("add", "jane@example.org", "--name", "=Jane", "--topics", "World", *NOW)
    people("add", "+bob@example.org", "--language", "de", "--consent", "on paper", *NOW)
    people("add", "left@example.org", *NOW)
    people("remove", "left@example.org", *NOW)
    ran = people("export", "list.csv")
    assert (ran.returncode, ran.stderr) == (0, "3 lines written to list.csv\n")
    path = tmp_path / "list.csv"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes().splitlines()[:2] == [
        b"email,name,topics,language,state,subscribed,confirmed,ended,consent",
        b"jane@example.org,'=Jane,World,,active,2026-03-02T07:00:00+00:00,,,added by the operator "
        b"on 2026-03-02; the operator vouches for it",
    ]
    assert people("export").stdout.encode() == path.read_bytes()
    before = listed(people)
    for person in before:
        people("remove", person["email"], "--erase")
    ran = people("import", "list.csv", "--now", "2026-04-01")
    assert ran.returncode == 1
    assert "list.csv:4: has left the list" in ran.stderr
    assert listed(people) == [one for one in before if one["state"] == "active"]


def test_people_who_have_not_confirmed_are_asked_or_left(people: Run) -> None:
    text = (
        "email,state\njane@example.org,pending\nbob@example.org,asleep\namy@example.org,cleaned\n"
    )
    ran = people("import", "-", input=text)
    assert ran.returncode == 3
    assert "standard input:2: has not confirmed yet" in ran.stderr
    assert "standard input:3: the state 'asleep' is not known" in ran.stderr
    assert "standard input:4: mail to this address came back" in ran.stderr
    ran = people("import", "-", "--confirm", input=text, DIGEST_PUBLIC_URL="https://news.example")
    assert "1 asked by a letter" in ran.stdout


def test_one_line_is_written_in_the_singular(people: Run) -> None:
    people("add", "jane@example.org")
    assert people("export", "list.csv").stderr == "1 line written to list.csv\n"


def test_an_export_that_can_not_be_written_leaves_the_old_one(people: Run, tmp_path: Path) -> None:
    ran = people("export", "no/such/folder.csv")
    assert ran.returncode == 2
    assert "nothing was written" in ran.stderr
    (tmp_path / "folder").mkdir()
    assert people("export", "folder").returncode == 2
    assert [path.name for path in tmp_path.iterdir()].count("folder") == 1
    assert not list(tmp_path.glob(".folder*"))


def test_the_command_is_one_of_digest(digest: Callable[..., Any]) -> None:
    ran = digest("subscribers", "list")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "nobody\n")


def test_the_examples_of_the_page_run_in_their_order(command: Run, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "subscribers.md").read_text(encoding="utf-8")
    (table,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (tmp_path / "people.csv").write_text(table)
    for name in ("cur", "new", "tmp"):
        (tmp_path / "Maildir" / name).mkdir(parents=True)
    (tmp_path / "bounces.mbox").touch()
    blocks = re.findall(r"```sh\n(.*?)```", page, re.DOTALL)
    commands = [shlex.split(line) for block in blocks for line in block.splitlines()]
    assert len(commands) == 11
    for words in commands:
        assert words[0] == "digest"
        ran = command(*words[1:])
        assert ran.returncode == 0, (words, ran.stderr)
    assert "amy@example.org" in (tmp_path / "list.csv").read_text(encoding="utf-8")
