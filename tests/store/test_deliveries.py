"""Deliveries: recipients frozen with the edition, one holder at a time, one in doubt at most."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from digest.records import Delivery, NewSubscriber
from digest.store.deliveries import Settled
from digest.store.store import Store

HOUR = timedelta(hours=1)
KEY = ("morning", "2026-03-02")


def everybody(*_choice: tuple[str, ...]) -> bool:
    return True


def not_chess(topics: tuple[str, ...], _languages: tuple[str, ...]) -> bool:
    return "Chess" not in topics


def subscribe(store: Store, now: datetime, *names: str, topics: tuple[str, ...] = ()) -> None:
    people = [NewSubscriber(f"{name}@example.org", topics=topics) for name in names]
    store.subscribers.subscribe("morning", people, now)


def approve(store: Store, now: datetime) -> None:
    store.editions.adopt(*KEY, now, fingerprint="f", built=now, review=False)


@pytest.fixture
def sending(store: Store, now: datetime) -> Store:
    """An edition that is being sent to three people."""
    subscribe(store, now, "ann", "bob", "cid")
    approve(store, now)
    assert store.deliveries.freeze(*KEY, now, everybody) == 3
    return store


def turn(
    store: Store,
    now: datetime,
    owner: str = "here.0",
    done: Settled | None = None,
    claim: bool = True,
) -> Delivery | None:
    return store.deliveries.turn(*KEY, owner, now, now + HOUR, done=done, claim=claim)


def taken(store: Store, now: datetime, owner: str = "here.0") -> Delivery:
    delivery = turn(store, now, owner)
    assert delivery is not None
    return delivery


def begun(store: Store, now: datetime, owner: str = "here.0") -> Delivery:
    delivery = taken(store, now, owner)
    assert store.deliveries.begin(delivery, owner, now)
    return delivery


# --- freezing --------------------------------------------------------------------------------


def test_recipients_are_who_subscribes_at_that_moment(store: Store, now: datetime) -> None:
    subscribe(store, now, "ann", "bob")
    subscribe(store, now, "dora", topics=("Chess",))
    approve(store, now)
    wants = store.deliveries.freeze(*KEY, now, not_chess)
    assert wants == 2
    subscribe(store, now, "late")
    assert store.deliveries.counts(*KEY) == {"pending": 2}
    status = store.editions.status(*KEY)
    assert status is not None
    assert (status.state, status.started) == ("sending", now)


def test_recipients_are_frozen_once(sending: Store, now: datetime) -> None:
    assert sending.deliveries.freeze(*KEY, now, everybody) is None
    assert sending.deliveries.counts(*KEY) == {"pending": 3}


def test_dead_addresses_and_those_who_left_are_no_recipients(store: Store, now: datetime) -> None:
    subscribe(store, now, "ann", "bob", "cid")
    store.subscribers.bounced("ann@example.org", "no such user", now)
    store.subscribers.remove("bob@example.org", "morning", now)
    approve(store, now)
    assert store.deliveries.freeze(*KEY, now, everybody) == 1


def test_what_people_chose_is_asked_once_for_all_who_chose_it(store: Store, now: datetime) -> None:
    subscribe(store, now, *(f"r{n}" for n in range(9)), topics=("World",))
    approve(store, now)
    asked = []
    store.deliveries.freeze(*KEY, now, lambda *choice: asked.append(choice) is None)
    assert asked == [(("World",), ())]


# --- taking turns ----------------------------------------------------------------------------


def test_nobody_is_in_two_hands(sending: Store, now: datetime) -> None:
    hands = [taken(sending, now, owner).address for owner in ("here.0", "here.1", "there.0")]
    assert sorted(hands) == ["ann@example.org", "bob@example.org", "cid@example.org"]
    assert turn(sending, now) is None


def test_one_transaction_notes_what_became_of_one_and_takes_the_next(
    sending: Store, now: datetime
) -> None:
    first = begun(sending, now)
    second = turn(sending, now, done=Settled(first, "sent"))
    assert second is not None
    assert second.subscriber != first.subscriber
    assert sending.deliveries.counts(*KEY) == {"sent": 1, "pending": 2}


def test_what_was_settled_by_another_is_not_settled_again(sending: Store, now: datetime) -> None:
    delivery = begun(sending, now)
    assert sending.deliveries.resolve(delivery, "unconfirmed", "killed") is False
    (left,) = sending.deliveries.left_over(*KEY, "here", now)
    assert sending.deliveries.resolve(left, "unconfirmed", "killed")
    turn(sending, now, done=Settled(delivery, "sent"), claim=False)
    assert sending.deliveries.counts(*KEY) == {"unconfirmed": 1, "pending": 2}


def test_who_leaves_at_the_last_moment_gets_nothing(sending: Store, now: datetime) -> None:
    delivery = taken(sending, now)
    assert sending.subscribers.end(delivery.key, "morning", now)
    assert not sending.deliveries.begin(delivery, "here.0", now)
    assert sending.deliveries.counts(*KEY) == {"pending": 2}


def test_a_reservation_that_ran_out_is_anybodys_and_not_ours(sending: Store, now: datetime) -> None:
    delivery = taken(sending, now)
    later = now + 2 * HOUR
    others = {taken(sending, later, "there.0").subscriber for _ in range(3)}
    assert delivery.subscriber in others
    assert not sending.deliveries.begin(delivery, "here.0", later)


def test_what_was_only_reserved_by_a_killed_process_waits_as_before(
    sending: Store, now: datetime
) -> None:
    taken(sending, now, "here.0")
    taken(sending, now, "here.1")
    sending.deliveries.free(*KEY, "here")
    assert sending.deliveries.left_over(*KEY, "here", now) == []
    assert {taken(sending, now).address for _ in range(3)} == {
        "ann@example.org",
        "bob@example.org",
        "cid@example.org",
    }


def test_what_was_begun_by_a_killed_process_is_left_over(sending: Store, now: datetime) -> None:
    mine, theirs = begun(sending, now, "here.0"), begun(sending, now, "there.0")
    sending.deliveries.free(*KEY, "here")
    assert [one.subscriber for one in sending.deliveries.left_over(*KEY, "here", now)] == [
        mine.subscriber
    ]
    late = sending.deliveries.left_over(*KEY, "here", now + 2 * HOUR)
    assert {one.subscriber for one in late} == {mine.subscriber, theirs.subscriber}


def test_who_was_put_off_comes_after_the_others_and_not_too_early(
    sending: Store, now: datetime
) -> None:
    first = taken(sending, now)
    put_off = Settled(first, "deferred", "450 later", now + HOUR)
    seen = []
    delivery = turn(sending, now, done=put_off)
    while delivery is not None:
        seen.append(delivery.subscriber)
        delivery = turn(sending, now, done=Settled(delivery, "sent"))
    assert len(seen) == 2
    assert first.subscriber not in seen
    assert sending.deliveries.next_try(*KEY) == now + HOUR
    again = taken(sending, now + HOUR)
    assert (again.subscriber, again.attempts, again.reason) == (first.subscriber, 1, "450 later")


def test_a_wait_set_by_a_clock_that_was_years_ahead_is_over(sending: Store, now: datetime) -> None:
    for _ in range(3):
        far = now + timedelta(days=4000)
        turn(sending, now, done=Settled(taken(sending, now), "deferred", "", far), claim=False)
    assert taken(sending, now).state == "deferred"


def test_a_server_that_was_not_reached_is_no_attempt(sending: Store, now: datetime) -> None:
    delivery = taken(sending, now)
    turn(sending, now, done=Settled(delivery, "pending", counts=False), claim=False)
    (first, *_) = sending.deliveries.listed(*KEY, ("pending",))
    assert (first.attempts, first.tried) == (0, None)


# --- the end ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("outcomes", "state"),
    [
        (("sent", "sent", "sent"), "sent"),
        (("sent", "bounced", "unconfirmed"), "sent"),
        (("bounced", "bounced", "bounced"), "failed"),
        (("sent", "sent", "deferred"), "sending"),
    ],
)
def test_an_edition_is_sent_when_nobody_waits(
    sending: Store, now: datetime, outcomes: tuple[str, ...], state: str
) -> None:
    for outcome in outcomes:
        done = Settled(begun(sending, now), outcome)  # type: ignore[arg-type]
        turn(sending, now, done=done, claim=False)
    assert sending.deliveries.finish(*KEY, now) == (state != "sending")
    status = sending.editions.status(*KEY)
    assert status is not None
    assert status.state == state


def test_an_edition_for_nobody_is_skipped_and_can_be_built_again(
    store: Store, now: datetime
) -> None:
    approve(store, now)
    assert store.deliveries.freeze(*KEY, now, everybody) == 0
    assert store.deliveries.finish(*KEY, now)
    status = store.editions.status(*KEY)
    assert status is not None
    assert (status.state, status.reason, status.started) == (
        "skipped",
        "nobody is to get it: there is no subscriber, or none who wants what is in it",
        None,
    )


def test_a_report_of_later_makes_a_sent_one_bounced(sending: Store, now: datetime) -> None:
    delivery = begun(sending, now)
    turn(sending, now, done=Settled(delivery, "sent"), claim=False)
    address = delivery.address.upper()
    assert sending.deliveries.bounced(*KEY, address, "5.1.1", now)
    assert not sending.deliveries.bounced(*KEY, address, "5.1.1", now)
    assert not sending.deliveries.bounced(*KEY, "stranger@example.org", "5.1.1", now)
    assert sending.deliveries.counts(*KEY) == {"bounced": 1, "pending": 2}


def test_what_a_person_decides_is_for_the_ones_named(sending: Store, now: datetime) -> None:
    for _ in range(2):
        turn(sending, now, done=Settled(begun(sending, now), "unconfirmed", "?"), claim=False)
    first, second = sending.deliveries.listed(*KEY, ("unconfirmed",))
    decide = sending.deliveries.decide
    assert decide(*KEY, ("unconfirmed",), "sent", "seen", [first.subscriber]) == 1
    assert sending.deliveries.reasons(*KEY) == {("pending", ""): 1, ("unconfirmed", "?"): 1}
    again = sending.deliveries.again
    assert again(*KEY, ("unconfirmed",), [first.subscriber, second.subscriber], "gone", now) == 1
    pending = sending.deliveries.listed(*KEY, ("pending",))
    assert second.subscriber in {one.subscriber for one in pending}


def test_what_is_sent_again_opens_the_edition_with_it(sending: Store, now: datetime) -> None:
    for _ in range(3):
        turn(sending, now, done=Settled(begun(sending, now), "unconfirmed", "?"), claim=False)
    assert sending.deliveries.finish(*KEY, now)
    doubtful = sending.deliveries.listed(*KEY, ("unconfirmed",))
    left, *others = [one.subscriber for one in doubtful]
    sending.subscribers.end(doubtful[0].key, "morning", now)
    assert sending.deliveries.again(*KEY, ("unconfirmed",), [left, *others], "gone", now) == 2
    status = sending.editions.status(*KEY)
    assert status is not None
    assert (status.state, status.finished) == ("sending", None)
    assert sending.deliveries.reasons(*KEY) == {("bounced", "gone"): 1, ("pending", ""): 2}


# --- who has left ----------------------------------------------------------------------------


def test_who_left_while_the_server_put_them_off_is_no_recipient(
    sending: Store, now: datetime
) -> None:
    delivery = begun(sending, now)
    sending.subscribers.end(delivery.key, "morning", now)
    turn(sending, now, done=Settled(delivery, "deferred", "451", now), claim=False)
    for _ in range(2):
        turn(sending, now, done=Settled(begun(sending, now), "sent"), claim=False)
    assert turn(sending, now + HOUR) is None
    assert sending.deliveries.finish(*KEY, now)
    assert sending.deliveries.counts(*KEY) == {"sent": 2}


def test_who_is_erased_in_mid_send_leaves_nothing_that_waits(sending: Store, now: datetime) -> None:
    delivery = begun(sending, now)
    sending.subscribers.erase(delivery.address)
    turn(sending, now, done=Settled(delivery, "deferred", "451", now), claim=False)
    for _ in range(2):
        turn(sending, now, done=Settled(begun(sending, now), "sent"), claim=False)
    assert sending.deliveries.finish(*KEY, now)


def test_what_a_wrong_clock_holds_for_a_year_is_free(sending: Store, now: datetime) -> None:
    ahead = now + timedelta(days=365)
    assert turn(sending, ahead, "there.0") is not None
    assert {taken(sending, now).subscriber for _ in range(3)} == {
        one.subscriber for one in sending.deliveries.listed(*KEY, ("pending",))
    }
    begun_there = turn(sending, ahead, "there.1")
    assert begun_there is not None
    assert sending.deliveries.begin(begun_there, "there.1", ahead)
    assert sending.deliveries.left_over(*KEY, "here", now) != []


def test_only_the_build_that_was_looked_at_is_frozen(store: Store, now: datetime) -> None:
    subscribe(store, now, "ann")
    approve(store, now)
    assert store.deliveries.freeze(*KEY, now, everybody, "another build") is None
    assert store.deliveries.freeze(*KEY, now, everybody, "f") == 1


def test_the_hour_is_counted_over_restarts(sending: Store, now: datetime) -> None:
    turn(sending, now, done=Settled(begun(sending, now), "sent"), claim=False)
    late = now + HOUR
    turn(sending, late, done=Settled(begun(sending, late), "bounced"), claim=False)
    assert sending.deliveries.tried_since(now - HOUR) == [now, late]
    assert sending.deliveries.tried_since(now) == [late]
    assert sending.deliveries.total() == {"sent": 1, "bounced": 1, "pending": 1}


def test_editions_are_found_by_the_state_of_their_deliveries(sending: Store, now: datetime) -> None:
    assert sending.deliveries.with_state("pending") == {KEY: 3}
    assert sending.deliveries.with_state("unconfirmed") == {}
    doubt = Settled(begun(sending, now), "unconfirmed", "lost")
    turn(sending, now, done=doubt, claim=False)
    assert sending.deliveries.with_state("unconfirmed") == {KEY: 1}
    assert sending.deliveries.with_state("pending") == {KEY: 2}
