"""A feeds.yaml that pages look at: missing, broken, mended, changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from digest.config.watching import ConfigFile, WatchedConfig

GOOD = "digests:\n  - {name: daily}\nfeeds:\n  - {name: town, url: town.xml}\n"


@pytest.fixture
def yaml(tmp_path: Path) -> Path:
    return tmp_path / "feeds.yaml"


def settled(watched: WatchedConfig) -> WatchedConfig:
    """After two looks, since a file is read once it has stayed as it is."""
    watched.look()
    watched.look()
    return watched


def test_a_missing_file_is_an_error_until_it_is_there(yaml: Path) -> None:
    watched = settled(WatchedConfig(yaml))
    assert watched.config is None
    assert str(yaml) in watched.error
    yaml.write_text(GOOD)
    settled(watched)
    assert watched.config is not None
    assert watched.error == ""


def test_a_file_broken_from_the_start_is_told_with_its_line_until_it_is_mended(yaml: Path) -> None:
    yaml.write_text(GOOD.replace("name: town", "nam: town"))
    watched = settled(WatchedConfig(yaml))
    assert watched.config is None
    assert f"{yaml}:4: " in watched.error
    yaml.write_text(GOOD)
    assert settled(watched).error == ""


def test_a_file_that_breaks_leaves_the_one_before_in_force(yaml: Path) -> None:
    yaml.write_text(GOOD)
    watched = settled(WatchedConfig(yaml))
    before = watched.config
    yaml.write_text(GOOD + "nonsense: 1\n")
    settled(watched)
    assert watched.config == before
    assert f"{yaml}:5: unknown key 'nonsense'" in watched.error
    yaml.write_text(GOOD)
    assert settled(watched).error == ""
    yaml.unlink()
    settled(watched)
    assert watched.config == before
    assert watched.error != ""


def test_the_service_s_own_look_tells_the_error_too(yaml: Path) -> None:
    yaml.write_text(GOOD)
    file = ConfigFile(yaml)
    assert file.error == ""
    yaml.write_text("nonsense: [")
    assert [file.changed(), file.changed()] == [None, None]
    assert str(yaml) in file.error
    yaml.write_text(GOOD.replace("daily", "evening"))
    file.changed()
    assert file.changed() is not None
    assert file.error == ""
