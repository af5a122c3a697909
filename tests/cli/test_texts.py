"""`digest summarize` over files and JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ARTICLE = """\
# Harbour bridge closes for repairs

By Ana Ruel

PORT ELLERY (Meridian) — The harbour bridge will close for nine weeks from Monday while engineers \
replace forty cables, the port authority said.

Photo: Port authority / Meridian

Drivers will be sent along the northern road, which adds 14 kilometres to the journey between the \
two halves of the town.

Related article: Why the bridge sways

"We would rather close for nine weeks than for ever," said the chief engineer, Odd Brekke.
"""
CLOSES = (
    "The harbour bridge will close for nine weeks from Monday while engineers "
    "replace forty cables, the port authority said."
)

pytestmark = pytest.mark.model


@pytest.fixture
def digest(command):
    """In this process: the model is loaded once, and not for each test."""
    return command


def test_a_markdown_file_is_summarised_in_its_own_words(digest, tmp_path: Path) -> None:
    (tmp_path / "bridge.md").write_text(ARTICLE)
    done = digest("summarize", "bridge.md", "--json", "--max-sentences", "1")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "id": "bridge.md",
        "summary": CLOSES,
        "sentences": [{"text": CLOSES, "source": [0], "support": 1.0}],
        "model": "extractive",
    }


def test_standard_input_is_read_and_the_summary_is_plain_text(digest) -> None:
    done = digest("summarize", "-", input=ARTICLE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(CLOSES)
    assert "Related" not in done.stdout
    assert "Photo" not in done.stdout


def test_json_lines_come_out_in_order_and_bad_ones_are_named_by_number(digest) -> None:
    lines = [
        json.dumps({"id": "one", "text": ARTICLE}),
        "{not json",
        json.dumps({"id": 2, "title": "Tram", "html": "<p>The tram runs.</p><script>x</script>"}),
        json.dumps({"id": "three"}),
        json.dumps(["no", "object"]),
        json.dumps({"id": "empty", "text": ""}),
        json.dumps({"id": "one", "text": "The same id twice is the user's own affair."}),
    ]
    done = digest("summarize", "--jsonl", input="\n".join(lines))
    assert done.returncode == 1
    out = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["id"] for line in out] == ["one", 2, "empty", "one"]
    assert out[1]["summary"] == "The tram runs."
    assert out[2]["sentences"] == []
    problems = done.stderr.splitlines()
    assert len(problems) == 3
    assert problems[0].startswith("standard input:2:2: is not JSON (")
    assert problems[1] == 'standard input:4: needs "text" or "html", a string'
    assert problems[2] == 'standard input:5: is not an object with an "id"'


def test_a_missing_and_an_empty_file_are_named_and_the_other_is_summarised(
    digest, tmp_path: Path
) -> None:
    (tmp_path / "good.txt").write_text(ARTICLE)
    (tmp_path / "empty.txt").write_text("\n")
    (tmp_path / "binary.txt").write_bytes(b"\xff\xfe\x00\x81")
    done = digest("summarize", "gone.txt", "empty.txt", "binary.txt", "good.txt")
    assert done.returncode == 1
    assert done.stdout.startswith(f"good.txt: {CLOSES}")
    assert done.stderr.splitlines() == [
        "gone.txt: No such file or directory",
        "empty.txt: is empty, there is nothing to summarise",
        "binary.txt: is not UTF-8 (byte 0); convert it first",
    ]


def test_nothing_that_can_be_read_is_status_3(digest) -> None:
    assert digest("summarize", "gone.txt").returncode == 3


def test_an_unknown_model_is_wrong_use(digest) -> None:
    done = digest("summarize", "-", "--model", "gpt", input="x")
    assert done.returncode == 2
    assert "names no model" in done.stderr
