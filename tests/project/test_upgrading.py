"""What docs/upgrading.md and docs/installing.md promise of schema, settings and commands is so."""

from __future__ import annotations

import ast
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from digest.config.settings import Settings, variable

ROOT = Path(__file__).resolve().parents[2]
UPGRADING = (ROOT / "docs" / "upgrading.md").read_text(encoding="utf-8")
INSTALLING = (ROOT / "docs" / "installing.md").read_text(encoding="utf-8")
MIGRATIONS = sorted((ROOT / "digest" / "store" / "migrations" / "versions").glob("[0-9]*.py"))
DIGEST = Path(sys.executable).parent / "digest"


def _upgrades() -> dict[str, ast.FunctionDef]:
    """The function that raises the schema to each revision."""
    found = {}
    for path in MIGRATIONS:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found[path.name[:4]] = next(
            node
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and node.name == "upgrade"
        )
    return found


def test_every_schema_has_its_line_and_each_line_its_schema() -> None:
    told = re.findall(r"^\| (\d{4}) \|", UPGRADING, re.MULTILINE)
    assert told == list(_upgrades())


def test_no_upgrade_removes_anything() -> None:
    for revision, upgrade in _upgrades().items():
        called = {
            node.func.attr
            for node in ast.walk(upgrade)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
        }
        assert not {name for name in called if name.startswith("drop")}, revision
        statements = [
            node.value
            for node in ast.walk(upgrade)
            if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        assert not [text for text in statements if re.match(r"\s*(DELETE|DROP|TRUNCATE)\b", text)]


def test_that_it_refuses_a_newer_database_is_said_in_its_own_words(tmp_path: Path) -> None:
    import sqlite3

    from digest.errors import StoreError
    from digest.store.store import Store

    path = tmp_path / "digest.db"
    Store(f"sqlite:///{path}").close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0042'")
    connection.close()
    with pytest.raises(StoreError) as refused:
        Store(f"sqlite:///{path}")
    told = str(refused.value).replace(str(path), "state/digest.db")
    assert f"\n{told}\n" in UPGRADING


@pytest.mark.parametrize("page", [UPGRADING, INSTALLING], ids=["upgrading", "installing"])
def test_every_setting_that_is_named_is_one(page: str) -> None:
    known = {variable(field) for field in Settings.model_fields}
    named = set(re.findall(r"DIGEST_[A-Z_]*[A-Z](?!_?…)\b", page))
    families = set(re.findall(r"(DIGEST_[A-Z_]+_)…", page))
    assert named
    assert named - known == set()
    assert all(any(name.startswith(family) for name in known) for family in families)


# What there was before the first schema that the table of settings names.
_FROM_THE_BEGINNING = """
    config outbox_dir state_dir database_url templates_dir contact public_url dkim_key dkim_selector
    dkim_domain allow_private_networks encoder device dtype misfire_grace_hours
    fetch_timeout_seconds log_level
""".split()


def test_every_setting_that_was_added_since_is_in_the_table() -> None:
    table = UPGRADING.partition("## Settings")[2]
    families = tuple(re.findall(r"`(DIGEST_[A-Z_]+_)…`", table))
    added = [variable(one) for one in Settings.model_fields if one not in _FROM_THE_BEGINNING]
    missing = [name for name in added if f"`{name}`" not in table]
    assert [name for name in missing if not name.startswith(families)] == []


def _commands() -> list[str]:
    """The commands of `digest` that the pages show, without what a shell does with them."""
    lines = [line.partition("#")[0] for line in (UPGRADING + INSTALLING).splitlines()]
    lines += re.findall(r"`([^`\n]+)`", UPGRADING + INSTALLING)
    calls = []
    for line in lines:
        words = line.replace("docker compose exec digest ", "").strip()
        words = re.sub(r"^docker compose run --rm digest ", "digest ", words)
        if words.startswith("digest ") and not re.match(r"digest [A-Z:]", words):
            calls.append(words)
    return sorted(set(calls))


@pytest.mark.parametrize("line", _commands())
def test_every_command_takes_what_is_given_to_it(line: str) -> None:
    words = shlex.split(line)[1:]
    groups = {"db", "feeds", "subscribers", "models", "templates", "bounces"}
    names = words[: 2 if words[0] in groups else 1]
    shown = subprocess.run(
        [DIGEST, *names, "--help"],
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "160"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    for word in words[len(names) :]:
        if word.startswith("--"):
            assert word in shown.stdout


def test_what_compose_is_told_on_the_pages_is_in_its_file() -> None:
    from ruamel.yaml import YAML

    compose = YAML(typ="safe").load(ROOT / "compose.yaml")
    pages = UPGRADING + INSTALLING
    assert set(re.findall(r"--profile (\w+)", pages)) == {"try", "watch"}
    profiles = {name for one in compose["services"].values() for name in one.get("profiles", ())}
    assert profiles == {"try", "watch"}
    assert set(re.findall(r"--scale (\w+)=", pages)) <= compose["services"].keys()
    assert set(re.findall(r"docker compose exec (\S+)", pages)) <= compose["services"].keys()
    for volume in re.findall(r"docker volume rm digest_(\w+)", pages):
        assert compose["name"] == "digest"
        assert volume in compose["volumes"]


def test_the_worker_with_a_graphics_card_is_the_usual_one_with_little_changed() -> None:
    from ruamel.yaml import YAML

    block = re.search(r"```yaml\n(.*?)```", INSTALLING, re.DOTALL)
    assert block is not None
    ours = YAML().load(block[1])["services"]["worker"]
    usual = YAML(typ="safe").load(ROOT / "compose.yaml")["services"]["worker"]
    command = list(ours["command"])
    assert set(command) - set(usual["command"]) == {"--resources=GPU=1"}
    assert set(usual["command"]) <= set(command)


def _called(folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("DIGEST_")}
    return subprocess.run(
        [DIGEST, *shlex.split(line)[1:]],
        cwd=folder,
        env={**environment, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


def _blocks(number: int) -> list[str]:
    """The commands of `digest` in a section of the page, in order; 0 is what stands first."""
    section = re.split(r"^## ", UPGRADING, flags=re.MULTILINE)[number]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    lines = [line.partition("#")[0].strip() for line in "\n".join(blocks).splitlines()]
    return [line for line in lines if line.startswith("digest ")]


def _in(folder: Path, line: str) -> str:
    """The command with its backup in a folder of the test's, by the name that it was given."""
    line = line.replace("/var/lib/digest-backups/", f"{folder}/backups/")
    return line.replace("NAME.tar.gz", next((one.name for one in folder.glob("backups/*")), ""))


@pytest.mark.slow
def test_the_commands_of_an_upgrade_and_of_the_way_back_do_what_the_page_says(
    tmp_path: Path,
) -> None:
    from alembic import command
    from sqlalchemy import create_engine

    from digest.store.database import _alembic

    (tmp_path / "state").mkdir()
    (tmp_path / "backups").mkdir()
    engine = create_engine(f"sqlite:///{tmp_path}/state/digest.db")
    with engine.begin() as connection:
        command.upgrade(_alembic(connection), "0007")
    engine.dispose()
    (tmp_path / "feeds.yaml").write_text(
        "digests: [{name: morning}]\nfeeds: [{name: one, url: one.xml}]\n", encoding="utf-8"
    )
    (tmp_path / "one.xml").write_text("<rss><channel><title>One</title></channel></rss>")

    sections = dict(enumerate(re.findall(r"^## (.+)$", UPGRADING, re.MULTILINE), start=1))
    forth = _blocks(0)
    assert [line.split()[1] for line in forth] == ["backup", "db", "db", "db", "doctor"]
    # The doctor loads a model to see whether it can be: others test that.
    backup, before, upgrade, after = (_called(tmp_path, _in(tmp_path, line)) for line in forth[:-1])
    assert backup.returncode == 0, backup.stderr
    # Whole, and told to be an older version's.
    assert "0007" in before.stdout
    assert upgrade.returncode == 0, upgrade.stderr
    assert re.search(r"from schema 0007 to \d{4}", upgrade.stdout)
    assert after.returncode == 0, after.stdout

    back = _blocks(next(number for number, title in sections.items() if title == "Going back"))
    assert [line.split()[1] for line in back] == ["restore", "outbox"]
    restored, outbox = (_called(tmp_path, _in(tmp_path, line)) for line in back)
    assert restored.returncode == 0, restored.stderr
    assert "kept: " in restored.stdout
    assert outbox.returncode in (0, 1), outbox.stderr
