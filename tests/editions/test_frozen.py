from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime

import pytest

from digest.editions.frozen import FORMAT, dump_edition, load_edition
from digest.errors import OutboxError
from digest.records import Edition


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
        (lambda data: data.replace(b'"date": "2026-11-24"', b'"date": "24 Nov"'), "date"),
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


def test_a_file_of_format_1_is_read_as_one_in_which_nothing_was_dropped(edition: Edition) -> None:
    old = json.loads(dump_edition(edition))
    old["format"] = 1
    for topic in old["topics"]:
        for story in topic["stories"]:
            del story["dropped"], story["instead_of"]
    assert load_edition(json.dumps(old).encode(), "edition.json").topics == edition.topics


def test_what_is_no_time_is_not_written(edition: Edition) -> None:
    with pytest.raises(TypeError, match="bytes has no place"):
        dump_edition(replace(edition, title=b"bytes"))  # type: ignore[arg-type]


def test_times_of_another_zone_are_written_in_utc(edition: Edition) -> None:
    moved = replace(edition, built=datetime.fromisoformat("2026-11-24T08:00:12+01:00"))

    assert dump_edition(moved) == dump_edition(edition)
