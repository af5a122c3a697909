"""`docs/configuration.md` and `docs/feeds.schema.json` say what the code does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from digest.config import Config, DigestSpec, FeedSpec, Settings, SummarySpec, load_config
from digest.config.schema import feeds_schema
from digest.config.settings import variable

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.S)


@pytest.mark.parametrize("key", [*DigestSpec.keys(), *FeedSpec.keys()])
def test_every_key_has_its_row(key: str) -> None:
    assert re.search(rf"^\| `{key}` \|", PAGE, flags=re.M)


@pytest.mark.parametrize("key", [*Config.keys(), *SummarySpec.keys()])
def test_every_other_key_is_named(key: str) -> None:
    assert f"`{key}`" in PAGE


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_has_its_row_with_its_default(field: str) -> None:
    row = re.search(rf"^\| `{variable(field)}` \| (.*?) \|", PAGE, flags=re.M)
    assert row is not None
    default = Settings.model_fields[field].default
    shown = str(default).lower() if isinstance(default, bool) else default
    assert shown in (None, "") or row[1] == f"`{shown}`"


def test_no_row_is_about_a_key_or_setting_that_is_gone() -> None:
    rows = set(re.findall(r"^\| `(\w+)` \|", PAGE, flags=re.M))
    settings = {variable(field) for field in Settings.model_fields}
    assert rows == {*DigestSpec.keys(), *FeedSpec.keys(), *settings}


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_page_loads(example: str, write: Callable[[str], Path]) -> None:
    assert load_config(write(example)).digests


def test_the_page_has_examples_of_every_key() -> None:
    together = "\n".join(EXAMPLES)
    for key in (*DigestSpec.keys(), *FeedSpec.keys(), *SummarySpec.keys()):
        assert f"{key}:" in together


def test_the_schema_file_is_current() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "digest.config.schema"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    stored = (ROOT / "docs" / "feeds.schema.json").read_text(encoding="utf-8")
    assert stored == printed, "run: python -m digest.config.schema > docs/feeds.schema.json"


def _models() -> dict[str, dict[str, Any]]:
    schema = feeds_schema()
    return {"Config": schema, **schema["$defs"]}


@pytest.mark.parametrize("name", ["Config", "DigestSpec", "FeedSpec", "SummarySpec"])
def test_every_key_has_a_title_and_a_description_for_editors(name: str) -> None:
    model = _models()[name]
    assert model["additionalProperties"] is False
    for key, field in model["properties"].items():
        assert field["title"], key
        assert field["description"], key


def test_the_schema_refuses_empty_values_as_the_loader_does() -> None:
    models = _models()
    for name in ("DigestSpec", "FeedSpec"):
        for key, field in models[name]["properties"].items():
            kinds = [kind.get("type") for kind in field.get("anyOf", [field])]
            assert "null" not in kinds, key


def test_the_root_feeds_yaml_points_editors_to_the_schema() -> None:
    first = (ROOT / "feeds.yaml").read_text(encoding="utf-8").splitlines()[0]
    assert first == "# yaml-language-server: $schema=docs/feeds.schema.json"
    assert json.loads((ROOT / "docs" / "feeds.schema.json").read_text())["title"] == "feeds.yaml"
