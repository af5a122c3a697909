from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest

from digest.editions.frozen import FORMAT, dump_edition, load_edition
from digest.errors import OutboxError
from digest.records import Edition, Update


def test_an_edition_comes_back_equal(edition: Edition) -> None:
    assert load_edition(dump_edition(edition), "edition.json") == edition


def test_the_bytes_survive_a_round_trip(edition: Edition) -> None:
    data = dump_edition(edition)

    assert dump_edition(load_edition(data, "edition.json")) == data


def test_the_file_is_readable_utf8_json_with_times_in_z(edition: Edition) -> None:
    data = dump_edition(edition)
    raw = json.loads(data)

    assert raw["built"] == "2026-11-24T07:00:12Z"
    assert "みなと新聞".encode() in data
    assert data.endswith(b"}\n")
    assert list(raw)[:3] == ["digest", "title", "date"]


def test_a_lone_surrogate_costs_one_character_not_the_edition(edition: Edition) -> None:
    data = dump_edition(replace(edition, title="Morning\ud800"))

    assert load_edition(data, "edition.json").title == "Morning?"


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda _: b"", "Expecting value"),
        (lambda data: data[: len(data) // 2], "not a usable edition"),
        (lambda data: b"\xff\xfe" + data, "utf-8"),
        (lambda _: b"[]", "not a usable edition"),
        (lambda data: data.replace(b'"feeds": 14', b'"feeds": "14"'), "feeds"),
        (lambda data: data.replace(b'"feeds": 14', b'"fedes": 14'), "fedes"),
        (lambda data: data.replace(b"07:00:12Z", b"07:00:12"), "a time has no zone"),
        (lambda data: data.replace(b"Europe/London", b"Europe/Londom"), "timezone"),
        (lambda data: data.replace(b"Europe/London", b"America"), "timezone"),
        (lambda data: data.replace(b"Europe/London", b"../../etc/passwd"), "timezone"),
        (lambda data: data.replace(b'"date": "2026-11-24"', b'"date": "24 Nov"'), "date"),
        (lambda data: data.replace(b'"date": "2026-11-24"', b'"date": "20261124"'), "date"),
        (lambda data: data.replace(b'"built": "2026', b'"built": "9999'), "calendar"),
    ],
)
def test_a_damaged_file_is_refused_by_name_with_what_to_do(edition, damage, what) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(OutboxError) as raised:
        load_edition(damage(dump_edition(edition)), "outbox/morning/2026-11-24/edition.json")

    message = str(raised.value)
    assert message.startswith("outbox/morning/2026-11-24/edition.json: ")
    assert what in message
    assert "digest run --force" in message


def test_a_file_of_a_newer_version_is_refused_as_such(edition: Edition) -> None:
    now, next_one = f'"format": {FORMAT}'.encode(), f'"format": {FORMAT + 1}'.encode()
    assert now in dump_edition(edition)
    data = dump_edition(edition).replace(now, next_one)

    with pytest.raises(OutboxError, match=rf"edition\.json: .*newer version.*format {FORMAT + 1}"):
        load_edition(data, "edition.json")


NEW_IN_3 = (
    "articles", "update", "rank_parts", "runner_up", "runner_up_score", "why",
)  # fmt: skip


def test_an_edition_of_format_3_comes_back_with_all_that_it_has(edition: Edition) -> None:
    (topic, *others) = edition.topics
    (story, *further) = topic.stories
    full = replace(
        story,
        articles={"a": "hash-a", "b": "hash-b"},
        update=Update("2026-11-22", "s1", "Told before", ("five",)),
        rank_parts={"coverage": 1.0, "recency": 0.5},
        runner_up="Business",
        runner_up_score=0.25,
        why="same names",
        also=(replace(story.also[0], copy=True, article="b", why="same text"),),
    )
    made = replace(edition, topics=(replace(topic, stories=(full, *further)), *others), retold=3)
    assert load_edition(dump_edition(made), "edition.json") == made


@pytest.mark.parametrize("format", [1, 2])
def test_a_file_of_an_older_format_is_read_without_what_came_later(
    edition: Edition, format: int
) -> None:
    old = json.loads(dump_edition(edition))
    old["format"] = format
    del old["retold"], old["archive"]
    for topic in old["topics"]:
        for story in topic["stories"]:
            for name in (*NEW_IN_3, *(("dropped", "instead_of") if format == 1 else ())):
                del story[name]
            for other in story["also"]:
                del other["copy"], other["article"], other["why"]
    loaded = load_edition(json.dumps(old).encode(), "edition.json")
    assert loaded.format == format
    assert [story.headline for story in loaded.stories] == [s.headline for s in edition.stories]
    assert {story.update for story in loaded.stories} == {None}
    assert all(not story.articles for story in loaded.stories)
    assert not any(other.copy for story in loaded.stories for other in story.also)


def test_an_edition_from_before_format_4_still_tells_readers_what_failed(edition: Edition) -> None:
    old = json.loads(dump_edition(replace(edition, show_failed=False)))
    old["format"] = 3
    del old["show_failed"]
    assert load_edition(json.dumps(old).encode(), "edition.json").show_failed
    assert not load_edition(
        dump_edition(replace(edition, show_failed=False)), "edition.json"
    ).show_failed


def test_what_is_no_time_is_not_written(edition: Edition) -> None:
    with pytest.raises(TypeError, match="bytes has no place"):
        dump_edition(replace(edition, title=b"bytes"))  # type: ignore[arg-type]


def test_times_of_another_zone_are_written_in_utc(edition: Edition) -> None:
    moved = replace(edition, built=datetime.fromisoformat("2026-11-24T08:00:12+01:00"))

    assert dump_edition(moved) == dump_edition(edition)
