"""What an answer changes in what is known of a feed, and what is told of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from digest.feeds.health import after, health
from digest.records import (
    FeedAnswer,
    FeedRate,
    FeedState,
    Headers,
    Hop,
    ParsedFeed,
    Rhythm,
    Validators,
)

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)
URL = "https://gazette.example/feed"
NEW = "https://gazette.example/new"
FRESH = FeedState("gazette", URL)
WHENEVER = Rhythm()
UNKNOWN = FeedRate()


def came(
    *hops: Hop,
    complete: bool = True,
    rhythm: Rhythm = WHENEVER,
    headers: Headers = (),
) -> FeedAnswer:
    return FeedAnswer(
        "gazette",
        "fetched",
        http=200,
        url=hops[-1].url if hops else URL,
        hops=hops,
        headers=headers,
        seconds=0.2,
        validators=Validators('"1"', None),
        body_hash="b1",
        parsed=ParsedFeed("Gazette", "", "en", (), complete=complete, rhythm=rhythm),
    )


def failed(http: int | None = 500, headers: Headers = (), *hops: Hop) -> FeedAnswer:
    return FeedAnswer(
        "gazette",
        "failed",
        reason="it broke",
        told="HTTP 500",
        http=http,
        headers=headers,
        hops=hops,
    )


def unchanged(http: int = 304) -> FeedAnswer:
    return FeedAnswer("gazette", "unchanged", http=http, validators=Validators('"1"', None))


def history(state: FeedState, *answers: FeedAnswer, every: timedelta = DAY) -> FeedState:
    """`state` after `answers`, which came one every `every`."""
    for number, answer in enumerate(answers):
        state = after(state, answer, NOW + number * every)
    return state


# --- answers -------------------------------------------------------------------------------


def test_a_good_answer_is_remembered() -> None:
    state = after(FRESH, came(), NOW)
    assert (state.checked, state.succeeded, state.worked) == (NOW, NOW, NOW)
    assert (state.validators, state.body_hash) == (Validators('"1"', None), "b1")
    assert (state.failures, state.not_before) == (0, None)


def test_half_a_feed_is_asked_for_again_in_full() -> None:
    state = history(FRESH, came(), came(complete=False))
    assert (state.validators, state.body_hash) == (Validators(), "")


def test_an_unchanged_feed_keeps_what_its_body_said() -> None:
    state = history(FRESH, came(rhythm=Rhythm(ttl=60)), unchanged())
    assert (state.body_hash, state.rhythm, state.unchanged) == ("b1", Rhythm(ttl=60), 1)
    assert state.not_before == NOW + DAY + timedelta(hours=1)


def test_only_not_modified_counts_as_unchanged() -> None:
    state = history(FRESH, came(), unchanged(200), unchanged(), unchanged())
    assert health(state, FeedRate(), NOW).unchanged == 0.5


def test_failures_count_up_until_a_success_and_keep_what_was_known() -> None:
    state = history(FRESH, came(), failed(), failed())
    assert (state.failures, state.failing_since) == (2, NOW + DAY)
    assert (state.validators, state.succeeded) == (Validators('"1"', None), NOW)
    assert state.not_before is not None
    state = after(state, came(), NOW + 3 * DAY)
    assert (state.failures, state.failing_since, state.reason) == (0, None, "")
    assert state.not_before is None


def test_a_file_may_always_be_read_again() -> None:
    file = FeedState("gazette", "/srv/feed.xml")
    assert after(file, came(rhythm=Rhythm(ttl=600)), NOW).not_before is None
    assert after(file, failed(None), NOW).not_before is None


# --- moves ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 308])
def test_a_permanent_redirect_is_taken_when_it_was_seen_twice(status: int) -> None:
    hop = Hop(status, NEW)
    once = history(FRESH, came(hop))
    assert once.address == URL
    assert history(once, came(hop)).address == NEW


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_temporary_redirect_is_never_taken(status: int) -> None:
    hop = Hop(status, NEW)
    assert history(FRESH, came(hop), came(hop), came(hop)).address == URL


def test_a_move_counts_only_as_far_as_it_is_permanent() -> None:
    hops = (Hop(301, NEW), Hop(302, "https://cdn.example/42"))
    assert history(FRESH, came(*hops), came(*hops)).address == NEW


def test_two_different_moves_are_not_two_of_one() -> None:
    state = history(FRESH, came(Hop(301, NEW)), came(Hop(301, NEW + "er")))
    assert (state.address, state.moving_to, state.moved_seen) == (URL, NEW + "er", 1)


def test_a_move_that_is_taken_back_is_forgotten() -> None:
    state = history(FRESH, came(Hop(301, NEW)), came(), came(Hop(301, NEW)))
    assert state.address == URL


def test_a_redirect_to_what_is_no_feed_is_no_move() -> None:
    portal = failed(200, (), Hop(301, "https://portal.example/login"))
    state = history(FRESH, portal, portal, portal)
    assert (state.moved_to, state.moving_to) == ("", "")


def test_a_feed_stays_at_its_new_address_while_that_works() -> None:
    moved = history(FRESH, came(Hop(301, NEW)), came(Hop(301, NEW)))
    assert history(moved, unchanged(), came(), failed(503)).address == NEW


def test_a_feed_that_moves_on_keeps_its_address_until_that_is_sure() -> None:
    moved = history(FRESH, came(Hop(301, NEW)), came(Hop(301, NEW)))
    further = Hop(301, "https://gazette.example/newest")
    assert history(moved, came(further)).address == NEW
    assert history(moved, came(further), came(further)).address == further.url


def test_a_feed_that_fails_at_its_new_address_is_asked_at_the_old_now_and_then() -> None:
    state = history(FRESH, came(Hop(301, NEW)), came(Hop(301, NEW)))
    asked = []
    for _ in range(7):
        state = after(state, failed(None), NOW)
        asked.append(state.address)
    assert asked == [NEW, NEW, URL, NEW, NEW, URL, NEW]


def test_a_feed_that_answers_at_its_old_address_again_has_moved_back() -> None:
    moved = history(FRESH, came(Hop(301, NEW)), came(Hop(301, NEW)))
    lost = history(moved, failed(None), failed(None), failed(None))
    assert history(lost, came()).moved_to == ""
    assert history(lost, came(Hop(301, NEW))).moved_to == NEW


def test_gone_at_the_end_of_a_detour_is_not_gone() -> None:
    detour = Hop(302, "https://cdn.example/42")
    assert history(FRESH, failed(410, (), detour)).gone is None
    assert history(FRESH, failed(410, (), Hop(301, NEW))).gone == NOW


def test_gone_at_the_old_address_of_a_feed_that_moved_is_not_gone() -> None:
    lost = history(FRESH, came(Hop(301, NEW)), came(Hop(301, NEW)), *[failed(None)] * 3)
    assert lost.address == URL
    state = after(lost, failed(410), NOW)
    assert (state.gone, state.address) == (None, NEW)


@pytest.mark.parametrize("status", [404, 410])
def test_a_new_address_that_is_no_good_leads_back_to_the_old(status: int) -> None:
    moved = history(FRESH, came(Hop(301, NEW)), came(Hop(301, NEW)))
    state = after(moved, failed(status), NOW)
    assert (state.address, state.gone, state.validators) == (URL, None, Validators())


def test_a_move_to_plain_http_is_not_taken() -> None:
    hop = Hop(301, "http://gazette.example/new")
    assert history(FRESH, came(hop), came(hop)).address == URL


def test_a_feed_with_a_password_moves_only_within_its_server() -> None:
    locked = FeedState("gazette", "https://me:secret@gazette.example/feed")
    away, here = Hop(301, "https://other.example/feed"), Hop(301, NEW)
    assert history(locked, came(away), came(away)).address == locked.url
    assert history(locked, came(here), came(here)).address == NEW


def test_gone_is_gone_until_the_feed_answers() -> None:
    state = history(FRESH, came(), failed(410), failed(410))
    assert state.gone == NOW + DAY
    assert history(state, came()).gone is None


# --- what is told --------------------------------------------------------------------------


def kind(state: FeedState, rate: FeedRate = UNKNOWN, now: datetime = NOW) -> str:
    return health(state, rate, now).state


def test_each_state_has_its_name() -> None:
    assert kind(FRESH) == "not asked"
    assert kind(history(FRESH, failed())) == "never worked"
    assert kind(history(FRESH, came())) == "healthy"
    assert kind(history(FRESH, came(), failed())) == "failing"
    assert kind(history(FRESH, came(), failed(410))) == "gone"
    assert kind(history(FRESH, came(Hop(301, NEW)), came(Hop(301, NEW)))) == "moved"


def test_failing_tells_since_when_and_why() -> None:
    told = health(history(FRESH, came(), failed(), failed()), FeedRate(), NOW)
    assert (told.since, told.reason) == (NOW + DAY, "it broke")


def test_moved_tells_where_to() -> None:
    told = health(history(FRESH, came(Hop(301, NEW)), came(Hop(301, NEW))), FeedRate(), NOW)
    assert NEW in told.reason


@pytest.mark.parametrize(
    ("silent", "gap", "expected"),
    [
        (13, 0.1, "healthy"),  # holidays
        (15, 0.1, "stale"),
        (90, 30, "healthy"),  # a monthly
        (121, 30, "stale"),
        (29, None, "healthy"),
        (31, None, "stale"),
    ],
)
def test_stale_depends_on_the_feed_s_own_rhythm(
    silent: int, gap: float | None, expected: str
) -> None:
    rate = FeedRate(newest=NOW - silent * DAY, gap=gap)
    told = health(after(FRESH, came(), NOW), rate, NOW)
    assert told.state == expected
    if expected == "stale":
        assert f"{silent} days" in told.reason


def test_a_feed_that_never_had_an_entry_is_stale_after_a_month() -> None:
    state = after(FRESH, came(), NOW)
    assert kind(state, UNKNOWN, NOW + 29 * DAY) == "healthy"
    assert kind(state, UNKNOWN, NOW + 31 * DAY) == "stale"


def test_one_bad_night_is_nobody_s_business() -> None:
    assert not history(FRESH, came(), failed()).troubled
    hour = timedelta(hours=1)
    assert not history(FRESH, came(), failed(), failed(), every=hour).troubled


def test_editors_are_told_of_what_keeps_failing() -> None:
    hour = timedelta(hours=1)
    assert history(FRESH, came(), failed(), failed(), failed(), every=hour).troubled
    assert history(FRESH, came(), failed(), failed()).troubled  # two days
    assert history(FRESH, came(), failed(410)).troubled


def test_they_are_told_until_it_worked_twice() -> None:
    state = history(FRESH, failed(), failed(), failed())
    assert after(state, came(), NOW).troubled
    flapping = history(state, came(), failed(), came(), failed(), every=timedelta(hours=1))
    assert flapping.troubled
    assert not history(state, came(), came()).troubled


def test_the_usual_time_to_answer_follows_the_last_answers() -> None:
    slow = replace(came(), seconds=1.2)
    state = history(FRESH, came(), slow)
    assert 0.2 < state.seconds < 1.2
    assert history(state, *[slow] * 20).seconds == pytest.approx(1.2, abs=0.01)
