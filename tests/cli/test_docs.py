"""The documentation says what is so: its commands run, its help is the help."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def _script(name: str):
    spec = importlib.util.spec_from_file_location(name, ROOT / "scripts" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_the_page_of_commands_is_what_help_says() -> None:
    commands = _script("command_docs")
    assert commands.PAGE.read_text(encoding="utf-8") == commands.page(), (
        "run: python scripts/command_docs.py --write"
    )


def test_every_command_is_in_the_readme() -> None:
    for command in _script("command_docs").COMMANDS:
        assert f"digest {command}".strip() in README


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)|src=\"([^\"]+)\"", text)
    for target in (first or second for first, second in links):
        if "://" not in target:
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_make_targets_that_the_readme_names_are_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"(?:^|`)make (\w+)", README, re.MULTILINE)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.model
@pytest.mark.slow
def test_the_commands_of_your_own_digest_run_in_this_order(digest, tmp_path: Path) -> None:
    block = re.search(r"## Your own digest\n.*?```sh\n(.*?)```", README, re.DOTALL)
    assert block is not None
    lines = [line.partition("#")[0].strip() for line in block.group(1).splitlines()]
    commands = [shlex.split(line)[1:] for line in lines if line.startswith(".venv/bin/digest ")]
    assert commands == [["init"], ["doctor"], ["run"], ["preview"]]
    # `init` names feeds on the internet; the example's feeds stand in for them.
    shutil.copytree(ROOT / "examples" / "feeds", tmp_path / "feeds")
    assert digest("init").returncode == 0
    assert digest("doctor").returncode == 0
    shutil.copy(ROOT / "examples" / "feeds.yaml", tmp_path / "feeds.yaml")
    assert digest("run").returncode == 1  # one of the example's feeds is broken on purpose
    assert list((tmp_path / "outbox" / "demo").iterdir())


def test_the_readmes_feeds_yaml_loads(tmp_path: Path) -> None:
    from digest.config import load_config

    block = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert block is not None
    path = tmp_path / "feeds.yaml"
    path.write_text(block.group(1), encoding="utf-8")
    assert [spec.name for spec in load_config(path).digests] == ["morning"]
