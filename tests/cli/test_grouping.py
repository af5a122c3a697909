"""`digest group` over JSON lines, good and bad."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

ITEMS = Path(__file__).parents[1] / "data" / "topics.jsonl"

pytestmark = pytest.mark.model

GROUPED = [
    {
        "id": "a",
        "title": "Harbour bridge closes for nine weeks",
        "text": "The harbour bridge will close for nine weeks from Monday while engineers replace "
        "forty cables, the port authority said.",
        "published": "2026-03-02T06:00:00Z",
    },
    {
        "id": "b",
        "title": "Nine-week closure for Port Ellery's harbour bridge",
        "text": "Port Ellery's harbour bridge shuts on Monday for nine weeks; forty cables will be "
        "replaced, according to the port authority.",
        "published": "2026-03-02T07:00:00+01:00",
    },
    {
        "id": "c",
        "title": "Rovers win the cup after extra time",
        "text": "A goal in the 117th minute gave Ellery Rovers the cup against Aldmoor City.",
    },
]


@pytest.fixture
def digest(command):
    """In this process: the model is loaded once, and not for each test."""
    return command


def test_articles_on_one_event_share_a_story_and_stand_under_their_topic(
    digest, tmp_path: Path
) -> None:
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps(line) for line in GROUPED))
    done = digest("group", "--jsonl", "in.jsonl", "--topics", "Local life,Sport,Business")
    assert done.returncode == 0, done.stderr
    out = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["id"] for line in out] == ["a", "b", "c"]
    assert out[0]["story"] == out[1]["story"] != out[2]["story"]
    assert out[2]["topic"] == "Sport"
    assert set(out[0]) == {"id", "story", "topic", "topic_score", "runner_up", "runner_up_score"}
    assert out[0]["topic_score"] >= out[0]["runner_up_score"]
    assert out[0]["runner_up"] in ("Local life", "Sport", "Business")
    assert out[1]["why"].startswith("like “Harbour bridge closes for nine weeks”: same words: ")
    assert out[1]["why"].endswith(", 0 min apart"), "7:00 in Oslo is 6:00 in London"


def test_grouping_does_not_depend_on_the_order_of_the_lines(digest) -> None:
    orders = [GROUPED, GROUPED[::-1]]
    found = [
        sorted(
            digest(
                "group", "--jsonl", "-", input="\n".join(map(json.dumps, order))
            ).stdout.splitlines()
        )
        for order in orders
    ]
    assert found[0] == found[1]
    assert len(found[0]) == 3


def test_bad_lines_of_a_group_are_named_and_the_others_go_on(digest) -> None:
    lines = [
        json.dumps(GROUPED[0]),
        json.dumps({"id": "x", "published": "2026"}),
        json.dumps({**GROUPED[1], "published": "yesterday"}),
        json.dumps(GROUPED[0]),
    ]
    done = digest("group", "--jsonl", "-", input="\n".join(lines))
    assert done.returncode == 1
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr.splitlines() == [
        'standard input:2: needs "title" or "text", strings',
        'standard input:3: "published" is no ISO 8601 time',
        "standard input:4: id 'a' was there before",
    ]


def grouped(digest, lines: list[dict[str, Any]], *words: str) -> list[dict[str, Any]]:  # type: ignore[no-untyped-def]
    done = digest("group", "--jsonl", "-", *words, input="\n".join(map(json.dumps, lines)))
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_same_page_and_the_same_text_are_told_as_copies(digest) -> None:
    page = {**GROUPED[0], "url": "https://paper.example/bridge"}
    lines = [
        page,
        {**page, "id": 7, "title": "Harbour bridge closes", "url": page["url"] + "/amp?utm_id=4"},
        {**page, "id": "agency", "url": "https://other.example/x", "feed": "Other"},
    ]
    out = grouped(digest, lines)
    assert len({line["story"] for line in out}) == 1
    assert sum("copy_of" in line for line in out) == 2
    assert {line.get("copy_of") for line in out} & {"a", 7, "agency"}
    assert any(line.get("why", "").startswith("copy of “") for line in out)


def test_nothing_in_is_nothing_out(digest) -> None:
    done = digest("group", "--jsonl", "-", input="")
    assert done.stdout == ""
    assert done.stderr == ""
    assert done.returncode == 0


def test_one_article_is_one_story(digest) -> None:
    (line,) = grouped(digest, GROUPED[:1], "--topics", "Local life")
    assert (line["topic"], line["runner_up"]) == ("Local life", "")


def test_times_that_nobody_can_believe_keep_no_articles_apart(digest) -> None:
    years = ["1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z", None, "2026-03-02T06:00:00Z"]
    text = [GROUPED[0], GROUPED[1]] * 2
    lines = [
        {**line, "id": year or "none", "published": year}
        for line, year in zip(text, years, strict=True)
    ]
    out = grouped(digest, lines)
    assert len({line["story"] for line in out}) == 1
    assert all("apart" not in line.get("why", "") for line in out)


def test_articles_without_text_or_words_are_stories_of_their_own(digest) -> None:
    out = grouped(digest, [{"id": 1, "title": "🦊"}, {"id": 2, "title": "…"}, GROUPED[0]])
    assert len({line["story"] for line in out}) == 3
    assert out[0]["topic"] == "More"


def test_topics_that_the_articles_suggest_are_named_by_their_words(digest) -> None:
    lines = [json.loads(line) for line in ITEMS.read_text("utf-8").splitlines()]
    out = grouped(digest, lines, "--topics", "auto")
    names = {line["topic"] for line in out} - {"More"}
    assert 2 <= len(names) <= 10
    said = " ".join(f"{line['title']} {line['text']}" for line in lines).casefold()
    for name in names:
        assert all(word.strip().casefold() in said for word in name.split("·")), name


@pytest.mark.parametrize(
    ("topics", "said"),
    [
        ("More,World", "'More' is the heading of what fits no topic"),
        ("auto,World", "topics: auto"),
        (",,", "names no topic"),
        ("World,World", "'World' is listed twice"),
        ("World,world", "the same heading"),
    ],
)
def test_topics_that_feeds_yaml_refuses_are_refused(digest, topics: str, said: str) -> None:
    done = digest("group", "--jsonl", "-", "--topics", topics, input=json.dumps(GROUPED[0]))
    assert done.returncode == 2
    assert "--topics: " in done.stderr
    assert said in done.stderr
    assert done.stdout == ""
