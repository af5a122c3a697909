"""`digest verify` over JSON lines."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

SOURCE = (
    "The harbour bridge will close for nine weeks from Monday, the port authority said.\n\n"
    "Drivers will be sent along the northern road.\n\n"
    "“We would rather close for nine weeks than for ever,” said the engineer, Odd Brekke."
)

pytestmark = pytest.mark.model


@pytest.fixture
def digest(command):
    """In this process: the model is loaded once, and not for each test."""
    return command


def test_each_sentence_gets_a_verdict_with_reasons_and_sources(digest, tmp_path: Path) -> None:
    summary = "Drivers will be sent along the northern road. Jane Roe closed it for ten weeks."
    line = json.dumps({"id": "bridge", "source": SOURCE, "summary": summary})
    (tmp_path / "in.jsonl").write_text(line)
    done = digest("verify", "--jsonl", "in.jsonl")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {"id", "supported", "score", "sentences"}
    assert found["id"] == "bridge"
    assert found["supported"] is False
    first, second = found["sentences"]
    assert first == {
        "text": "Drivers will be sent along the northern road.",
        "supported": True,
        "score": 1.0,
        "reasons": [],
        "source": [1],
    }
    assert second["supported"] is False
    assert second["score"] == found["score"] < 0.5
    assert second["reasons"][:2] == [
        "the number ten is not in the source",
        "the source does not name Jane Roe",
    ]


def test_lines_come_out_in_order_and_bad_ones_are_named_by_number(digest) -> None:
    lines = [
        json.dumps({"id": 1, "source": SOURCE, "summary": "Drivers take the northern road."}),
        "{not json",
        json.dumps({"id": "no-summary", "source": SOURCE}),
        json.dumps({"id": "empty", "source": SOURCE, "summary": ""}),
        json.dumps({"id": "no-source", "source": "", "summary": "A ship sank."}),
    ]
    done = digest("verify", "--jsonl", "-", "--json", input="\n".join(lines))
    assert done.returncode == 1
    out = [json.loads(line) for line in done.stdout.splitlines()]
    assert [(line["id"], line["supported"]) for line in out] == [
        (1, True),
        ("empty", True),
        ("no-source", False),
    ]
    assert out[1]["score"] == 1.0
    assert out[1]["sentences"] == []
    problems = done.stderr.splitlines()
    assert problems[0].startswith("standard input:2:2: is not JSON (")
    assert problems[1:] == ['standard input:3: needs "source" and "summary", strings']


def test_nothing_that_can_be_read_is_status_3(digest) -> None:
    assert digest("verify", "--jsonl", "gone.jsonl").returncode == 3


def test_line_ends_of_windows_and_half_characters_are_read(digest) -> None:
    # JSON can spell half of a surrogate pair, which no encoding has.
    line = json.dumps(
        {
            "id": "\ud800",
            "source": SOURCE.replace("\n\n", "\r\n\r\n") + " \udc00",
            "summary": "Drivers will be sent along the northern road.",
        }
    )
    done = digest("verify", "--jsonl", "-", input=line)
    assert done.returncode == 0, done.stderr
    [sentence] = json.loads(done.stdout)["sentences"]
    assert (sentence["score"], sentence["source"]) == (1.0, [1])
