"""A draft as bytes and back: nothing is lost, and what is damaged is refused with what to do."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.drafts import FORMAT, dump_draft, load_draft
from digest.errors import OutboxError
from digest.records import (
    Article,
    Draft,
    DroppedSentence,
    FailedFeed,
    Image,
    Plan,
    Story,
    Summary,
    SummarySentence,
    Update,
)

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)


@pytest.fixture
def draft() -> Draft:
    lead = Article(
        "a1",
        "gazette",
        "The harbour opens",
        "The harbour opened on Monday.\n\n港が開いた。",
        NOW,
        url="https://gazette.example/harbour",
        image=Image("https://gazette.example/harbour.jpg", 640, 480, "Ships"),
        tags=("Local",),
        content_hash="h1",
        paywall=True,
    )
    other = replace(lead, id="a2", feed="herald", image=None, date_origin="missing")
    story = Story(
        "s1",
        (lead, other),
        "Town",
        0.5,
        "World",
        0.25,
        {"a2": "tells of the same harbour"},
        {"a2": "a1"},
        Update("2026-03-01", "s1", "Harbour to open", ("Monday",)),
        1.5,
        {"fresh": 0.5, "feeds": 1.0},
    )
    return Draft(
        Plan(
            "morning",
            "The Morning",
            "Europe/London",
            "plain",
            "desk@example.org",
            ("Town", "World"),
            12,
            max_per_topic=4,
            note=("Good morning.", "It rains."),
        ),
        "2026-03-02",
        NOW,
        (story, Story("s2", (replace(lead, id="a3"),), "World")),
        {
            "a1": Summary(
                (SummarySentence("The harbour opened.", (0,), 1.0),),
                "writer",
                (DroppedSentence("Nine came.", ("“Nine” stands nowhere",)),),
            )
        },
        {"gazette": "The Gazette", "herald": "The Herald"},
        (FailedFeed("herald", "it did not answer"),),
        considered=40,
        feeds=2,
        further=3,
        retold=1,
        repeats=("a9",),
        model="writer",
        sentences=3,
        words=52,
    )


def test_a_draft_comes_back_equal_and_equal_drafts_are_equal_bytes(draft: Draft) -> None:
    data = dump_draft(draft)

    assert load_draft(data, "build 3") == draft
    assert dump_draft(load_draft(data, "build 3")) == data


def test_articles_take_little_room(draft: Draft) -> None:
    text = "The harbour opened on Monday, and ships of nine lands came in. " * 80
    story = replace(
        draft.stories[0], articles=tuple(replace(a, text=text) for a in draft.stories[0].articles)
    )
    assert len(dump_draft(replace(draft, stories=(story,)))) < len(text) / 2


def test_a_lone_surrogate_costs_one_character_not_the_draft(draft: Draft) -> None:
    plan = replace(draft.plan, title="Morning\ud800")
    odd = replace(draft, plan=plan, labels={"gaz\udfffette": "\udc80"})
    loaded = load_draft(dump_draft(odd), "build 3")

    assert loaded.plan.title == "Morning?"
    assert loaded.labels == {"gaz?ette": "?"}


def test_times_are_written_in_utc(draft: Draft) -> None:
    local = NOW.astimezone(timezone(timedelta(hours=9)))
    assert dump_draft(replace(draft, built=local)) == dump_draft(draft)


def altered(path: str, value: Any) -> Callable[[bytes], bytes]:
    """Damage that puts `value` at a dotted path."""

    def alter(data: bytes) -> bytes:
        raw = json.loads(zlib.decompress(data))
        *steps, last = path.split(".")
        place = raw
        for step in steps:
            place = place[int(step) if step.isdecimal() else step]
        place[last] = value
        return zlib.compress(json.dumps(raw).encode())

    return alter


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (lambda _: b"", "incomplete"),
        (lambda data: data[: len(data) // 2], "incomplete"),
        (lambda data: zlib.decompress(data), "incorrect header"),
        (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "incorrect data check"),
        (lambda _: zlib.compress(b"\xff"), "utf-8"),
        (lambda _: zlib.compress(b"[]"), "not a usable draft"),
        (lambda _: zlib.compress(b'{"plan": '), "Expecting value"),
        (altered("feeds", "2"), "feeds: "),
        (altered("fedes", 2), "fedes: "),
        (altered("format", None), "format: "),
        (altered("stories.0.topic", 7), "stories.0.topic: "),
        (altered("stories.0.articles", []), "a story without articles"),
        (altered("built", "2026-03-02T06:30:00"), "a time has no zone"),
        (altered("stories.1.articles.0.published", "2026-03-02T06:30:00"), "a time has no zone"),
        (altered("stories.1.articles.0.published", "9999-12-31T23:30:00Z"), "calendar"),
        (altered("plan.timezone", "Europe/Londom"), "timezone: 'Europe/Londom'"),
        (altered("plan.timezone", "America"), "timezone: 'America'"),
        (altered("date", "2 March"), "date: '2 March' is not like"),
        (altered("date", "20260302"), "date: '20260302' is not like"),
    ],
)
def test_a_damaged_draft_is_refused_by_name_with_what_to_do(
    draft: Draft, damage: Callable[[bytes], bytes], what: str
) -> None:
    with pytest.raises(OutboxError) as raised:
        load_draft(damage(dump_draft(draft)), "morning/2026-03-02, build 3")

    message = str(raised.value)
    assert message.startswith("morning/2026-03-02, build 3: not a usable draft (")
    assert what in message
    assert "digest run --force" in message


def test_a_draft_of_a_newer_version_is_refused_as_such(draft: Draft) -> None:
    data = altered("format", FORMAT + 1)(altered("new_in_it", 1)(dump_draft(draft)))

    with pytest.raises(OutboxError, match=rf"build 3: .*newer version.*format {FORMAT + 1}.*inst"):
        load_draft(data, "build 3")


def test_a_time_that_is_none_is_refused_when_it_is_written(draft: Draft) -> None:
    with pytest.raises(TypeError, match="bytes has no place in it"):
        dump_draft(replace(draft, labels={"gazette": b"The Gazette"}))  # type: ignore[dict-item]


# --- whatever texts and numbers ------------------------------------------------------------

# Every character: controls, non-characters and lone surrogates too.
TEXTS = st.text(st.characters(), max_size=12)
NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
TIMES = st.datetimes(
    # Between these; hypothesis wants them without the zones that it gives them.
    datetime(1970, 1, 1),  # noqa: DTZ001
    datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=-11, minutes=-30))]),
)
MAPS = st.dictionaries(TEXTS, TEXTS, max_size=3)
IMAGES = st.builds(Image, TEXTS, st.integers(0), st.integers(0), TEXTS)
ARTICLES = st.builds(
    Article,
    *[TEXTS] * 4,
    published=TIMES,
    date_origin=st.sampled_from(["feed", "missing", "broken", "future"]),
    image=st.none() | IMAGES,
    tags=st.lists(TEXTS, max_size=2).map(tuple),
    text_from=st.sampled_from(["feed", "page"]),
    paywall=st.booleans(),
)
STORIES = st.builds(
    Story,
    TEXTS,
    st.lists(ARTICLES, min_size=1, max_size=2).map(tuple),
    TEXTS,
    NUMBERS,
    why=MAPS,
    copies=MAPS,
    update=st.none()
    | st.builds(Update, TEXTS, TEXTS, TEXTS, st.lists(TEXTS, max_size=2).map(tuple)),
    rank=NUMBERS,
    rank_parts=st.dictionaries(TEXTS, NUMBERS, max_size=2),
)
SUMMARIES = st.builds(
    Summary,
    st.lists(
        st.builds(SummarySentence, TEXTS, st.lists(st.integers(0), max_size=2).map(tuple), NUMBERS),
        max_size=2,
    ).map(tuple),
    TEXTS,
    st.lists(
        st.builds(DroppedSentence, TEXTS, st.lists(TEXTS, max_size=2).map(tuple)), max_size=1
    ).map(tuple),
)
PLANS = st.builds(
    Plan,
    TEXTS,
    TEXTS,
    st.just("Asia/Tokyo"),
    TEXTS,
    TEXTS,
    st.lists(TEXTS, max_size=2).map(tuple),
    st.integers(),
    max_per_feed=st.none() | st.integers(),
    images=st.sampled_from(["none", "lead", "all"]),
    note=st.lists(TEXTS, max_size=2).map(tuple),
)
DRAFTS = st.builds(
    Draft,
    PLANS,
    st.dates().map(lambda date: date.isoformat()),
    TIMES,
    st.lists(STORIES, max_size=2).map(tuple),
    st.dictionaries(TEXTS, SUMMARIES, max_size=2),
    MAPS,
    st.lists(st.builds(FailedFeed, TEXTS, TEXTS), max_size=1).map(tuple),
    words=st.none() | st.integers(),
)


def clean(value: Any) -> Any:
    """`value` with `?` for each lone surrogate."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {clean(key): clean(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return tuple(clean(item) for item in value)
    if hasattr(value, "__dataclass_fields__"):
        return replace(
            value, **{name: clean(getattr(value, name)) for name in value.__dataclass_fields__}
        )
    return value


@given(draft=DRAFTS)
def test_any_draft_comes_back_equal_but_for_lone_surrogates(draft: Draft) -> None:
    data = dump_draft(draft)
    loaded = load_draft(data, "build 3")

    assert loaded == clean(draft)
    assert dump_draft(loaded) == data
