"""People come on the list and leave it, and nobody is brought back who left."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, select

from digest.records import NewSubscriber, Subscription
from digest.store.database import Database
from digest.store.schema import DeliveryRow, SecretRow, SubscriberRow, SubscriptionRow
from digest.store.subscribers import Subscribers

NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
JANE = NewSubscriber("jane@example.org", "Jane", ("World",), ("en",), "wrote to us")


@pytest.fixture
def database(url: str) -> Iterator[Database]:
    opened = Database(url, lock_seconds=5)
    yield opened
    opened.close()


@pytest.fixture
def people(database: Database) -> Subscribers:
    return Subscribers(database)


def outcomes(
    people: Subscribers, *new: NewSubscriber, digest: str = "morning", **how: Any
) -> list[str]:
    return [outcome for _, outcome in people.subscribe(digest, new, how.pop("now", NOW), **how)]


def the(people: Subscribers, address: str = "jane@example.org") -> Subscription:
    (found,) = people.of_address(address)
    return found


def deliver(database: Database, person: int, **states: str) -> None:
    """A delivery for each digest, its date in the name: `morning_02="pending"`."""
    rows = [
        {
            "digest": name.split("_")[0],
            "date": f"2026-03-{name.split('_')[1]}",
            "subscriber": person,
            "state": state,
        }
        for name, state in states.items()
    ]
    with database.transaction() as connection:
        connection.execute(insert(DeliveryRow), rows)


def deliveries(database: Database) -> dict[str, str]:
    with database.reading() as connection:
        query = select(DeliveryRow.digest, DeliveryRow.date, DeliveryRow.state)
        return {f"{row[0]}_{row[1][-2:]}": row[2] for row in connection.execute(query)}


# --- subscribe ------------------------------------------------------------------------------


def test_somebody_new_is_added_with_all_that_is_known(people: Subscribers) -> None:
    assert outcomes(people, JANE) == ["added"]
    found = the(people)
    assert (found.subscriber.address, found.subscriber.name) == ("jane@example.org", "Jane")
    assert (found.digest, found.state, found.asked) == ("morning", "active", NOW)
    assert (found.topics, found.languages) == (("World",), ("en",))
    assert (found.consent, found.confirmed, found.ended) == ("wrote to us", None, None)
    assert people.subscription(found.subscriber.key, "morning") == found
    assert people.subscription(found.subscriber.key, "evening") is None
    assert people.subscription("nobody", "morning") is None


def test_a_date_of_subscription_is_kept(people: Subscribers) -> None:
    outcomes(people, NewSubscriber("jane@example.org", asked=NOW - 400 * DAY))
    assert the(people).asked == NOW - 400 * DAY


def test_an_address_is_one_whatever_its_case(people: Subscribers) -> None:
    assert outcomes(people, JANE) == ["added"]
    assert outcomes(people, NewSubscriber("Jane@Example.ORG")) == ["there"]
    assert len(people.of_address("JANE@example.org")) == 1


def test_somebody_who_is_there_keeps_what_the_record_leaves_out(people: Subscribers) -> None:
    outcomes(people, JANE)
    assert outcomes(people, NewSubscriber("jane@example.org")) == ["there"]
    changed = NewSubscriber("jane@example.org", "J. Doe", topics=("Sport",), consent="other")
    assert outcomes(people, changed) == ["updated"]
    assert outcomes(people, changed) == ["there"]
    found = the(people)
    assert (found.topics, found.languages, found.consent) == (("Sport",), ("en",), "wrote to us")
    assert found.subscriber.name == "J. Doe"


def test_a_person_of_two_digests_is_one_person(people: Subscribers) -> None:
    outcomes(people, JANE)
    assert outcomes(people, JANE, digest="evening") == ["added"]
    evening, morning = people.of_address("jane@example.org")
    assert (evening.digest, morning.digest) == ("evening", "morning")
    assert evening.subscriber == morning.subscriber


def test_somebody_twice_in_one_list_is_there_the_second_time(people: Subscribers) -> None:
    assert outcomes(people, JANE, NewSubscriber("JANE@example.org")) == ["added", "there"]


def test_who_left_stays_away_unless_they_ask_again(people: Subscribers) -> None:
    outcomes(people, JANE)
    assert people.end(the(people).subscriber.key, "morning", NOW + HOUR)
    assert outcomes(people, JANE, now=NOW + DAY) == ["left"]
    assert outcomes(people, JANE, now=NOW + DAY, confirm=True) == ["left"]
    assert (the(people).state, the(people).ended) == ("ended", NOW + HOUR)
    assert outcomes(people, JANE, now=NOW + DAY, again=True) == ["added"]
    assert (the(people).state, the(people).ended, the(people).asked) == ("active", None, NOW + DAY)


def test_a_dead_address_stays_dead_unless_they_ask_again(people: Subscribers) -> None:
    outcomes(people, JANE)
    assert people.bounced("jane@example.org", "550 5.1.1 <jane@example.org> unknown", NOW)
    assert outcomes(people, JANE) == ["dead"]
    assert outcomes(people, JANE, digest="evening") == ["dead"]
    assert len(people.of_address("jane@example.org")) == 1
    assert the(people).subscriber.bounced == NOW
    assert outcomes(people, JANE, again=True) == ["there"]
    assert (the(people).subscriber.bounced, the(people).subscriber.bounce_reason) == (None, "")


def test_to_be_confirmed_means_a_letter_first(people: Subscribers) -> None:
    assert outcomes(people, JANE, confirm=True) == ["asked"]
    assert the(people).state == "pending"
    assert people.confirmations(NOW, 10) == [the(people)]
    assert outcomes(people, JANE, confirm=True) == ["there"]
    assert outcomes(people, JANE) == ["added"], "the operator may vouch for them after all"
    assert the(people).state == "active"
    assert people.confirmations(NOW, 10) == []


def test_a_dry_run_says_the_same_and_keeps_nothing(people: Subscribers) -> None:
    outcomes(people, JANE)
    bob = NewSubscriber("bob@example.org")
    assert outcomes(people, JANE, bob, dry_run=True) == ["there", "added"]
    assert people.of_address("bob@example.org") == []


def test_a_list_longer_than_a_statement_holds_is_taken(people: Subscribers) -> None:
    new = [NewSubscriber(f"reader{number}@example.org") for number in range(2500)]
    assert set(outcomes(people, *new)) == {"added"}
    assert set(outcomes(people, *new)) == {"there"}
    assert [one.subscriber.address for one in people.listed()] == [one.address for one in new]
    assert people.counts() == {("morning", "active"): 2500}


def test_no_two_people_have_one_key_and_none_is_given_again(people: Subscribers) -> None:
    outcomes(people, JANE)
    first = the(people).subscriber
    people.erase("jane@example.org")
    outcomes(people, JANE)
    second = the(people).subscriber
    assert first.key != second.key
    assert first.id < second.id


def test_two_processes_that_add_the_same_person_both_succeed(url: str) -> None:
    databases = [Database(url, lock_seconds=20) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda one: outcomes(Subscribers(one), JANE), databases))
    assert sorted(results) == [["added"], ["there"], ["there"], ["there"]]
    for one in databases:
        one.close()


# --- leaving --------------------------------------------------------------------------------


def test_who_leaves_gets_nothing_that_still_waits(people: Subscribers, database: Database) -> None:
    outcomes(people, JANE)
    person = the(people).subscriber
    deliver(
        database,
        person.id,
        morning_01="sent",
        morning_02="pending",
        morning_03="deferred",
        morning_04="sending",
        morning_05="unconfirmed",
        evening_02="pending",
    )
    assert people.end(person.key, "morning", NOW)
    assert deliveries(database) == {
        "morning_01": "sent",
        "morning_04": "sending",
        "morning_05": "unconfirmed",
        "evening_02": "pending",
    }
    assert not people.end(person.key, "morning", NOW + HOUR), "they had left"
    assert the(people).ended == NOW
    assert not people.end(person.key, "evening", NOW)
    assert not people.end("nobody", "morning", NOW)


def test_removing_ends_one_digest_or_all(people: Subscribers) -> None:
    for digest in ("morning", "evening", "weekly"):
        outcomes(people, JANE, digest=digest)
    assert people.remove("JANE@example.org", "evening", NOW) == 1
    assert people.remove("jane@example.org", None, NOW) == 2
    assert people.remove("jane@example.org", None, NOW) == 0
    assert people.remove("bob@example.org", None, NOW) == 0
    assert {one.state for one in people.of_address("jane@example.org")} == {"ended"}


def test_an_erased_person_leaves_a_number_behind(people: Subscribers, database: Database) -> None:
    outcomes(people, JANE, NewSubscriber("bob@example.org"))
    person = the(people).subscriber
    deliver(database, person.id, morning_01="sent", morning_02="pending")
    assert people.erase("Jane@example.org")
    assert not people.erase("jane@example.org")
    assert people.of_address("jane@example.org") == []
    assert [one.subscriber.address for one in people.listed()] == ["bob@example.org"]
    assert deliveries(database) == {"morning_01": "sent"}
    with database.reading() as connection:
        assert len(connection.execute(select(SubscriptionRow.subscriber)).all()) == 1
        assert len(connection.execute(select(SubscriberRow.id)).all()) == 1


def test_a_dead_address_gets_nothing_that_still_waits(
    people: Subscribers, database: Database
) -> None:
    outcomes(people, JANE)
    outcomes(people, JANE, digest="evening", confirm=True)
    deliver(
        database,
        the_first(people).id,
        morning_01="sent",
        morning_02="pending",
        evening_02="deferred",
    )
    assert people.bounced("Jane@example.org", "550 <jane@example.org> unknown", NOW)
    assert deliveries(database) == {
        "morning_01": "sent",
        "morning_02": "bounced",
        "evening_02": "bounced",
    }
    assert the_first(people).bounce_reason == "550 <j…@example.org> unknown"
    assert people.confirmations(NOW, 10) == []
    assert not people.bounced("jane@example.org", "again", NOW + HOUR)
    assert the_first(people).bounced == NOW
    assert not people.bounced("bob@example.org", "unknown", NOW)


def the_first(people: Subscribers) -> Any:
    return people.of_address("jane@example.org")[0].subscriber


def test_preferences_hold_for_copies_that_wait(people: Subscribers, database: Database) -> None:
    outcomes(people, JANE)
    person = the(people).subscriber
    deliver(database, person.id, morning_01="sent", morning_02="pending", evening_02="pending")
    assert people.set_preferences(person.key, "morning", ["Sport", "World"], [], NOW)
    assert (the(people).topics, the(people).languages) == (("Sport", "World"), ())
    with database.reading() as connection:
        rows = connection.execute(select(DeliveryRow.digest, DeliveryRow.date, DeliveryRow.topics))
        assert {(row[0], row[1][-2:]): row[2] for row in rows} == {
            ("morning", "01"): [],
            ("morning", "02"): ["Sport", "World"],
            ("evening", "02"): [],
        }
    people.end(person.key, "morning", NOW)
    assert not people.set_preferences(person.key, "morning", [], [], NOW)
    assert not people.set_preferences("nobody", "morning", [], [], NOW)


# --- the web form and its letter ------------------------------------------------------------


def test_who_asks_and_confirms_has_the_digest(people: Subscribers) -> None:
    assert people.ask("morning", JANE, NOW)
    key = the(people).subscriber.key
    assert the(people).state == "pending"
    assert people.confirm(key, "morning", "confirmed by link", NOW + HOUR)
    found = the(people)
    assert (found.state, found.confirmed, found.consent) == (
        "active",
        NOW + HOUR,
        "confirmed by link",
    )
    assert people.confirm(key, "morning", "again", NOW + DAY), "a second press does no harm"
    assert the(people).confirmed == NOW + HOUR
    assert not people.confirm("nobody", "morning", "", NOW)


def test_an_address_gets_a_letter_a_day_whoever_asks(people: Subscribers) -> None:
    assert people.ask("morning", JANE, NOW)
    assert not people.ask("morning", JANE, NOW), "the letter waits"
    people.confirmation_sent(the(people), NOW + HOUR)
    assert people.confirmations(NOW + DAY, 10) == []
    assert not people.ask("morning", JANE, NOW + 2 * HOUR)
    assert not people.ask("morning", JANE, NOW + DAY)
    assert people.ask("morning", JANE, NOW + DAY + HOUR)
    assert people.confirmations(NOW + DAY + HOUR, 10) == [the(people)]


def asked_for(people: Subscribers, now: datetime, most: int = 10) -> list[str]:
    """The digests that a round sends Jane a letter about."""
    taken = people.confirmations(now, most)
    for one in taken:
        people.confirmation_sent(one, now)
    return [one.digest for one in taken]


def test_an_address_gets_three_letters_a_day_whatever_the_digests(people: Subscribers) -> None:
    for number in range(5):
        assert people.ask(f"d{number}", JANE, NOW + number * timedelta(seconds=1))
    people.ask("d4", NewSubscriber("bob@example.org"), NOW + HOUR)
    assert asked_for(people, NOW + HOUR, most=4) == ["d0", "d1", "d2"]
    assert asked_for(people, NOW + HOUR, most=1) == ["d4"], "who has had enough holds up nobody"
    assert asked_for(people, NOW + HOUR + DAY - timedelta(seconds=1)) == []
    for number in range(3):
        people.ask(f"d{number}", JANE, NOW + DAY + 2 * HOUR)
    assert asked_for(people, NOW + DAY + 2 * HOUR) == ["d3", "d4", "d0"]
    assert asked_for(people, NOW + DAY + 3 * HOUR) == []


def test_letters_in_hand_or_put_off_count_for_the_day(people: Subscribers) -> None:
    for number in range(4):
        people.ask(f"d{number}", JANE, NOW)
    first, second, _ = people.confirmations(NOW, 10)
    assert people.confirmations(NOW, 10) == [], "another service is to wait"
    people.confirmation_failed(first, "450", NOW + HOUR)
    people.confirmation_sent(second, NOW)
    assert people.confirmations(NOW, 10) == []


def test_who_confirms_may_go_on_asking(people: Subscribers) -> None:
    for number in range(4):
        people.ask(f"d{number}", JANE, NOW)
    assert len(asked_for(people, NOW)) == 3
    key = people.of_address(JANE.address)[0].subscriber.key
    assert people.confirm(key, "d0", "by the link", NOW + HOUR)
    assert asked_for(people, NOW + HOUR) == ["d3"]


def test_letters_of_the_last_hour_are_known(people: Subscribers) -> None:
    for number in range(3):
        people.ask(f"d{number}", JANE, NOW)
    assert people.letters_since(NOW - HOUR) == []
    assert len(asked_for(people, NOW)) == 3
    assert people.letters_since(NOW - HOUR) == [NOW] * 3
    assert people.letters_since(NOW) == []
    key = people.of_address(JANE.address)[0].subscriber.key
    people.confirm(key, "d0", "by the link", NOW + HOUR / 2)
    assert sorted(people.letters_since(NOW - HOUR)) == [NOW, NOW, NOW + HOUR / 2]


def test_a_clock_that_was_wrong_keeps_nobody_out(people: Subscribers) -> None:
    people.ask("morning", JANE, NOW + 1000 * DAY)
    people.confirmation_sent(the(people), NOW + 1000 * DAY)
    assert people.ask("morning", JANE, NOW)


def test_whoever_has_the_digest_or_a_dead_address_gets_no_letter(people: Subscribers) -> None:
    outcomes(people, JANE, NewSubscriber("bob@example.org"))
    people.bounced("bob@example.org", "unknown", NOW)
    assert not people.ask("morning", NewSubscriber("jane@example.org", "Mallory"), NOW)
    assert not people.ask("morning", NewSubscriber("bob@example.org"), NOW)
    assert not people.ask("evening", NewSubscriber("bob@example.org"), NOW)
    assert the(people).subscriber.name == "Jane"
    assert people.confirmations(NOW, 10) == []


def test_a_stranger_can_not_rename_anybody(people: Subscribers) -> None:
    outcomes(people, JANE)
    assert people.ask("evening", NewSubscriber("jane@example.org", "Mallory"), NOW)
    assert {one.subscriber.name for one in people.of_address("jane@example.org")} == {"Jane"}


def test_who_left_and_asks_again_has_left_until_they_confirm(people: Subscribers) -> None:
    outcomes(people, JANE)
    key = the(people).subscriber.key
    people.end(key, "morning", NOW)
    assert not people.confirm(key, "morning", "an old link", NOW)
    assert people.ask("morning", JANE, NOW + DAY)
    assert the(people).state == "ended"
    assert outcomes(people, JANE) == ["left"]
    assert people.forget_unconfirmed(NOW + 30 * DAY) == 0
    assert people.confirm(key, "morning", "confirmed by link", NOW + DAY)
    assert (the(people).state, the(people).ended) == ("active", None)


def test_an_old_link_does_not_bring_back_who_left_after_the_letter(people: Subscribers) -> None:
    people.ask("morning", JANE, NOW)
    people.confirmation_sent(the(people), NOW)
    key = the(people).subscriber.key
    assert people.end(key, "morning", NOW + HOUR)
    assert not people.confirm(key, "morning", "by link", NOW + 2 * HOUR)
    assert the(people).state == "ended"


def test_letters_go_out_in_order_and_so_many_at_a_time(people: Subscribers) -> None:
    for number in range(5):
        person = NewSubscriber(f"reader{number}@example.org")
        people.ask("morning", person, NOW - number * HOUR)
    first = [one.subscriber.address[6] for one in people.confirmations(NOW, 3)]
    assert first == ["4", "3", "2"]


def test_a_letter_that_fails_is_tried_five_times(people: Subscribers) -> None:
    people.ask("morning", JANE, NOW)
    at = NOW
    for _ in range(5):
        (waiting,) = people.confirmations(at, 10)
        people.confirmation_failed(waiting, "421 try later", at + HOUR)
        assert people.confirmations(at, 10) == []
        at += HOUR
    assert people.confirmations(at + DAY, 10) == []
    assert people.ask("morning", JANE, at + DAY), "they may ask anew"
    assert len(people.confirmations(at + DAY, 10)) == 1


def test_who_does_not_answer_is_forgotten(people: Subscribers, database: Database) -> None:
    people.ask("morning", JANE, NOW)
    people.confirmation_sent(the(people), NOW + DAY)
    people.ask("morning", NewSubscriber("bob@example.org"), NOW)
    outcomes(people, NewSubscriber("amy@example.org"))
    people.ask("evening", NewSubscriber("amy@example.org"), NOW)
    assert people.forget_unconfirmed(NOW) == 0
    assert people.forget_unconfirmed(NOW + HOUR) == 2, "for whom no letter went out"
    assert people.of_address("bob@example.org") == []
    assert [one.digest for one in people.of_address("amy@example.org")] == ["morning"]
    assert people.forget_unconfirmed(NOW + DAY) == 0, "the letter to Jane came later"
    assert people.forget_unconfirmed(NOW + DAY + HOUR) == 1
    with database.reading() as connection:
        kept = connection.execute(select(SubscriberRow.address)).scalars().all()
    assert kept == ["amy@example.org"]


# --- looking --------------------------------------------------------------------------------


def test_a_list_is_of_a_digest_and_in_states(people: Subscribers) -> None:
    outcomes(people, JANE, NewSubscriber("bob@example.org"))
    outcomes(people, JANE, digest="evening", confirm=True)
    people.remove("bob@example.org", None, NOW)

    def listed(*which: Any) -> list[tuple[str, str]]:
        return [(one.subscriber.address[0], one.digest) for one in people.listed(*which)]

    assert listed() == [("j", "evening"), ("j", "morning"), ("b", "morning")]
    assert listed("morning") == [("j", "morning"), ("b", "morning")]
    assert listed(None, ["ended", "pending"]) == [("j", "evening"), ("b", "morning")]
    assert listed("weekly") == []
    assert people.counts() == {
        ("evening", "pending"): 1,
        ("morning", "active"): 1,
        ("morning", "ended"): 1,
    }


def test_nobody_is_missed_by_a_list_that_is_read_while_people_leave(people: Subscribers) -> None:
    outcomes(people, *(NewSubscriber(f"r{number}@example.org") for number in range(2000)))
    seen = []
    for one in people.listed("morning"):
        seen.append(one.subscriber.id)
        if one.subscriber.id % 500 == 0:
            people.erase(one.subscriber.address)
    assert len(seen) == len(set(seen)) == 2000


def test_the_secret_is_made_once_for_all_services(url: str) -> None:
    databases = [Database(url, lock_seconds=20) for _ in range(4)]
    made = iter(range(100))
    with ThreadPoolExecutor(4) as pool:
        secrets = list(
            pool.map(lambda one: Subscribers(one).secret(lambda: f"s{next(made)}"), databases)
        )
    assert len(set(secrets)) == 1
    with databases[0].reading() as connection:
        assert connection.execute(select(SecretRow.value)).scalars().all() == [secrets[0]]
    for one in databases:
        one.close()


# --- whatever happens -----------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["add", "confirmed add", "ask", "confirm", "end", "remove", "bounce", "sent", "forget"]
        ),
        st.sampled_from(["a@example.org", "b@example.org"]),
        st.sampled_from(["morning", "evening"]),
    ),
    max_size=25,
)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(STEPS)
def test_nobody_who_left_or_is_dead_is_active_by_anything_but_their_own_yes(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, str, str]]
) -> None:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('people') / 'digest.db'}")
    people = Subscribers(database)
    gone: set[tuple[str, str]] = set()
    dead: set[str] = set()
    at = NOW
    try:
        for step, address, digest in steps:
            at += 2 * HOUR
            person = NewSubscriber(address)
            key = next((one.subscriber.key for one in people.of_address(address)), "")
            if step == "add":
                people.subscribe(digest, [person], at)
            elif step == "confirmed add":
                people.subscribe(digest, [person], at, confirm=True)
            elif step == "ask":
                people.ask(digest, person, at)
            elif step == "confirm" and people.confirm(key, digest, "yes", at):
                gone.discard((address, digest))
                dead.discard(address)
            elif step == "end" and people.end(key, digest, at):
                gone.add((address, digest))
            elif step == "remove":
                gone |= {
                    (address, one.digest)
                    for one in people.of_address(address)
                    if people.remove(address, one.digest, at)
                }
            elif step == "bounce" and people.bounced(address, "unknown", at):
                dead.add(address)
            elif step == "sent":
                for one in people.confirmations(at, 1):
                    people.confirmation_sent(one, at)
            elif step == "forget":
                people.forget_unconfirmed(at - 5 * HOUR)
                # Of whom nothing but an unanswered letter was known, nothing is.
                dead = {one for one in dead if people.of_address(one)}
            for one in people.listed():
                who = (one.subscriber.address, one.digest)
                assert not (one.state == "active" and who in gone)
                assert not (one.subscriber.address in dead and one.subscriber.bounced is None)
                assert (one.ended is not None) == (one.state == "ended")
            assert not any(one.subscriber.address in dead for one in people.confirmations(at, 9))
    finally:
        database.close()
