"""`digest models`: what is on disk, with its problems, and how more gets there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def models(digest, tmp_path: Path):
    """Runs `digest models …` with a hub's cache of its own and no hub."""

    def run(*words: str, **settings: str):
        place = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_CACHE": str(tmp_path / "home" / "hub")}
        nowhere = {"HF_ENDPOINT": "http://127.0.0.1:9", "HF_HUB_OFFLINE": "0"}
        return digest("models", *words, **{**place, **nowhere, **settings})

    return run


def listed(done) -> dict[str, dict[str, Any]]:
    return {line["name"]: line for line in map(json.loads, done.stdout.splitlines())}


def cache(tmp_path: Path, repo: str, **files: str) -> Path:
    place = tmp_path / "home" / "hub" / f"models--{repo.replace('/', '--')}"
    folder = place / "snapshots" / COMMIT
    folder.mkdir(parents=True)
    (place / "refs").mkdir()
    (place / "refs" / "main").write_text(COMMIT)
    for name, content in files.items():
        (folder / name.replace("_json", ".json")).write_text(content)
    return folder


def test_the_list_shows_the_encoder_first_and_then_the_presets(models) -> None:
    done = models("list", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    lines = listed(done)
    assert [*lines][1:6] == ["distilbart", "bart-large-cnn", "pegasus", "flan-t5-small", "smollm2"]
    encoder = next(iter(lines.values()))
    assert (encoder["use"], encoder["problem"]) == ("encoder", "")
    assert encoder["size"] > 80_000_000
    absent = lines["distilbart"]
    assert (absent["use"], absent["path"], absent["size"]) == ("summaries", "", 0)
    assert absent["problem"].endswith("run: digest models pull distilbart")
    assert set(absent) == {"name", "use", "path", "size", "sha256", "problem", "revision"}


def test_the_list_is_for_reading_too(models, tmp_path: Path) -> None:
    done = models("list")
    assert done.returncode == 0
    assert "(encoder): 9" in done.stdout
    assert "pegasus (summaries): pegasus is not on this disk; run: digest models pull pegasus" in (
        done.stdout
    )
    folder = cache(tmp_path, "acme/quants")
    (folder / "a.gguf").write_bytes(b"GGUF" + bytes(2_000_000))
    assert f"acme/quants (summaries): 2 MB, revision {COMMIT[:12]}, {folder}" in (
        models("list").stdout
    )


def test_a_broken_model_is_a_failure_that_is_listed(models, tmp_path: Path) -> None:
    config = '{"architectures": ["BartForConditionalGeneration"]}'
    cache(tmp_path, "acme/half", config_json=config)
    done = models("list")
    assert done.returncode == 1
    assert "acme/half (summaries): " in done.stdout
    assert "there are no weights" in done.stdout
    assert "run: digest models pull acme/half" in done.stdout


@pytest.mark.parametrize(
    ("name", "settings", "status", "message"),
    [
        ("distilbart", {}, 3, "http://127.0.0.1:9 can't be reached ("),
        ("acme/tiny", {"HF_HUB_OFFLINE": "1"}, 3, "HF_HUB_OFFLINE is set; unset it and pull again"),
        ("distilbrt", {}, 2, "'distilbrt' names no model: did you mean distilbart?"),
    ],
)
def test_what_cannot_be_pulled_ends_with_a_sentence(
    models, name: str, settings: dict[str, str], status: int, message: str
) -> None:
    done = models("pull", name, **settings)
    assert done.returncode == status
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
