"""An edition to its readers, the ordinary way: who gets it, when, how fast, and who does not."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from itertools import pairwise
from typing import Any

import pytest

from digest.errors import UsageError
from digest.outbox.outbox import EDITION
from digest.pipeline import delivering
from digest.pipeline.approving import approve
from digest.pipeline.delivering import deliver
from digest.pipeline.outgoing import release, take_back
from digest.records import Envelope

Mailroom = Any  # tests/pipeline/conftest.py
WORLD, BUSINESS = "Lighthouse keepers find a second lamp", "Bakers agree"
HOUR = timedelta(hours=1)


def texts(mail_server: Any) -> dict[str, str]:
    """What each recipient reads, all lines in one."""
    found = {}
    for recipient, data in mail_server.accepted:
        body = message_from_bytes(data, policy=policy.default).get_body(("plain",))
        assert body is not None
        found[recipient] = " ".join(body.get_content().split())
    return found


# --- who gets it -----------------------------------------------------------------------------


@pytest.mark.parametrize("connections", [1, 4])
def test_everybody_has_one_copy_and_the_edition_is_sent(
    mailroom: Mailroom, mail_server: Any, connections: int
) -> None:
    people = mailroom.subscribe(*(f"r{number}" for number in range(12)))
    mailroom.options["smtp_connections"] = connections
    mailroom.build()
    (report,) = mailroom.deliver()
    assert mail_server.counts == dict.fromkeys(people, 1)
    assert (report.state, report.counts, report.tried) == ("sent", {"sent": 12}, {"sent": 12})
    assert (report.reason, report.waits_until) == ("", None)
    assert mailroom.status.started == mailroom.status.finished == mailroom.now
    assert 1 <= mail_server.sessions <= connections
    assert mailroom.deliver() == []
    assert mail_server.counts == dict.fromkeys(people, 1)


def test_a_report_of_the_round_is_kept(mailroom: Mailroom) -> None:
    mailroom.subscribe("ann")
    mailroom.build()
    mailroom.deliver()
    mailroom.deliver()
    with mailroom.store() as store:
        (run,) = store.runs("send", 9)
    assert (run["started"], run["report"]["state"]) == (mailroom.now, "sent")
    assert run["report"]["tried"] == {"sent": 1}


def test_each_message_bears_its_readers_own_link_and_address(
    mailroom: Mailroom, mail_server: Any
) -> None:
    people = mailroom.subscribe("ann", "bob", "cid")
    mailroom.build()
    mailroom.deliver()
    with mailroom.store() as store:
        keys = {one.subscriber.address: one.subscriber.key for one in store.subscribers.listed()}
    ids = set()
    for recipient, data in mail_server.accepted:
        message = message_from_bytes(data, policy=policy.default)
        assert message["To"] == recipient
        ids.add(message["Message-ID"])
        own = texts(mail_server)[recipient]
        with mailroom.opened() as workshop:
            links = {
                address: workshop.links.unsubscribe(key, mailroom.digest)
                for address, key in keys.items()
            }
        assert [address for address, link in links.items() if link in own] == [recipient]
        assert links[recipient] in message["List-Unsubscribe"].replace(" ", "")
    assert len(ids) == len(people)


def test_who_wants_a_part_gets_that_part_and_who_wants_nothing_of_it_gets_nothing(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("all")
    mailroom.subscribe("world", topics=("World",))
    mailroom.subscribe("business", topics=("business",))
    mailroom.subscribe("japanese", languages=("ja",))
    mailroom.subscribe("chess", topics=("Chess",))
    mailroom.build()
    (report,) = mailroom.deliver()
    got = {address.partition("@")[0]: text for address, text in texts(mail_server).items()}
    assert "chess" not in got
    assert WORLD in got["all"]
    assert WORLD in got["world"]
    assert WORLD not in got["business"]
    assert got["business"]
    assert got["world"].count(" ") < got["all"].count(" ")
    assert report.counts == {"sent": len(got)}


def test_who_subscribes_after_the_recipients_were_frozen_waits_for_the_next_edition(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann", "bob")
    mail_server.replies("rcpt", "450 4.2.0 later", to="bob@example.org")
    mailroom.build()
    mailroom.deliver()
    mailroom.subscribe("late")
    mailroom.deliver_until_done()
    assert mail_server.counts == {"ann@example.org": 1, "bob@example.org": 1}
    mailroom.date = "2026-03-03"
    mailroom.build()
    mailroom.deliver()
    assert mail_server.counts == {
        "ann@example.org": 2,
        "bob@example.org": 2,
        "late@example.org": 1,
    }


@pytest.mark.parametrize("moment", ["before", "at_the_dot"])
def test_who_leaves_in_mid_round_gets_nothing_any_more_at_the_last_moment_too(
    mailroom: Mailroom, mail_server: Any, moment: str
) -> None:
    people = mailroom.subscribe(*(f"r{number}" for number in range(5)))
    left: list[str] = []

    def leave(envelope: Envelope) -> None:
        """The one in hand, by the web, which has a connection of its own to the database."""
        if len(left) == 0 and len(mail_server.accepted) == 2:
            left.append(envelope.recipient)
            with mailroom.store() as store:
                (subscription,) = store.subscribers.of_address(envelope.recipient)
                key = subscription.subscriber.key
                assert store.subscribers.end(key, mailroom.digest, mailroom.now)

    mailroom.around = lambda inner: mailroom.meddling(inner, **{moment: leave})
    mailroom.build()
    (report,) = mailroom.deliver()
    assert len(left) == 1
    assert mail_server.counts == dict.fromkeys(set(people) - set(left), 1)
    assert (report.state, report.counts) == ("sent", {"sent": 4})


def test_who_leaves_while_waiting_for_a_second_try_is_left_alone(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann", "bob")
    mail_server.replies("rcpt", "450 4.2.0 later", to="bob@example.org")
    mailroom.build()
    mailroom.deliver()
    with mailroom.store() as store:
        assert store.subscribers.remove("bob@example.org", mailroom.digest, mailroom.now) == 1
    mailroom.later(hours=1)
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("sent", {"sent": 1})
    assert mail_server.counts == {"ann@example.org": 1}


def test_somebody_erased_in_mid_round_is_nobody_to_send_to(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann", "bob")
    mailroom.build()

    def erase(envelope: Envelope) -> None:
        if envelope.recipient.startswith("ann"):
            with mailroom.store() as store:
                store.subscribers.erase("bob@example.org")

    mailroom.around = lambda inner: mailroom.meddling(inner, after=erase)
    (report,) = mailroom.deliver()
    assert mail_server.counts == {"ann@example.org": 1}
    assert (report.state, report.counts) == ("sent", {"sent": 1})


def test_an_edition_for_nobody_is_skipped(mailroom: Mailroom, mail_server: Any) -> None:
    mailroom.build()
    (report,) = mailroom.deliver()
    assert (report.state, report.reason) == (
        "skipped",
        "nobody is to get it: there is no subscriber, or none who wants what is in it",
    )
    assert mail_server.sessions == 0


def test_a_dead_address_is_given_up_for_this_and_all_editions(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann", "gone")
    mail_server.replies("rcpt", "550 5.1.1 no such user here", to="gone@example.org")
    mailroom.build()
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("sent", {"sent": 1, "bounced": 1})
    with mailroom.store() as store:
        (subscription,) = store.subscribers.of_address("gone@example.org")
        assert subscription.subscriber.bounced == mailroom.now
        assert "no such user here" in subscription.subscriber.bounce_reason
    mailroom.date = "2026-03-03"
    mailroom.build()
    mailroom.deliver()
    assert mail_server.counts == {"ann@example.org": 2}
    assert sum("gone@" in command for command in mail_server.commands) == 1


def test_a_refusal_that_says_nothing_of_the_address_is_for_this_edition_only(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann", "bob")
    mail_server.replies("rcpt", "550 5.7.1 not today", to="bob@example.org")
    mailroom.build()
    mailroom.deliver()
    assert mailroom.counts == {"sent": 1, "bounced": 1}
    mailroom.date = "2026-03-03"
    mailroom.build()
    mailroom.deliver()
    assert mail_server.counts == {"ann@example.org": 2, "bob@example.org": 1}


# --- trying again ----------------------------------------------------------------------------


def test_what_was_put_off_is_tried_again_for_those_it_failed_for_and_not_too_early(
    mailroom: Mailroom, mail_server: Any
) -> None:
    people = mailroom.subscribe("ann", "bob", "cid")
    mail_server.replies("rcpt", "450 4.2.0 greylisted", to="bob@example.org", times=2)
    mailroom.build()
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("sending", {"sent": 2, "deferred": 1})
    assert report.waits_until == mailroom.now + timedelta(minutes=5)
    mailroom.later(minutes=4)
    assert mailroom.deliver() == []
    mailroom.later(minutes=1)
    (report,) = mailroom.deliver()
    assert report.waits_until == mailroom.now + timedelta(minutes=10)
    mailroom.later(minutes=10)
    (report,) = mailroom.deliver()
    assert (report.state, report.tried) == ("sent", {"sent": 1})
    assert mail_server.counts == dict.fromkeys(people, 1)
    assert sum("RCPT TO:<bob" in command for command in mail_server.commands) == 3
    assert sum("RCPT TO:<ann" in command for command in mail_server.commands) == 1


def test_what_is_put_off_for_too_long_counts_as_bounced(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.options["send_retry_hours"] = 10
    mailroom.subscribe("ann", "bob")
    mail_server.replies("rcpt", "452 4.2.2 mailbox full", to="bob@example.org", times=99)
    mailroom.build()
    reports = mailroom.deliver_until_done()
    assert timedelta(hours=10) < mailroom.now - mailroom.status.started < timedelta(hours=13.1)
    assert reports[-1].counts == {"sent": 1, "bounced": 1}
    assert 6 <= sum("RCPT TO:<bob" in command for command in mail_server.commands) <= 9
    with mailroom.store() as store:
        (one,) = store.deliveries.listed(*mailroom.key, ("bounced",))
    assert one.reason == "tried for over 10 hours: 452 4.2.2 mailbox full"
    assert one.attempts == sum("RCPT TO:<bob" in command for command in mail_server.commands)


def test_a_server_that_stays_away_is_given_up_and_says_who_has_nothing(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.options["send_retry_hours"] = 2
    people = mailroom.subscribe("ann", "bob")
    mail_server.down()
    mailroom.build()
    reports = mailroom.deliver_until_done()
    moments = [report.waits_until for report in reports if report.waits_until]
    waits = [later - earlier for earlier, later in pairwise(moments)]
    assert waits == sorted(waits)
    assert max(waits) <= timedelta(minutes=15)
    assert mailroom.status.state == "failed"
    assert mailroom.status.reason.startswith("given up after 2 hours with 2 of 2 not sent")
    assert "can't be reached" in mailroom.status.reason
    assert mailroom.counts == {"pending": 2}
    # Whoever sends it by name goes on where it stopped.
    mail_server.up()
    with mailroom.opened() as workshop:
        status = release(workshop, mailroom.status, mailroom.now)
        (report,) = deliver(workshop, mailroom.clock, editions=[status])
    assert report.state == "sent"
    assert mail_server.counts == dict.fromkeys(people, 1)


# --- when it leaves --------------------------------------------------------------------------


def test_it_leaves_at_its_time_and_not_before(mailroom: Mailroom, mail_server: Any) -> None:
    mailroom.subscribe("ann")
    mailroom.build(send_at=mailroom.now + HOUR)
    assert mailroom.deliver() == []
    mailroom.later(hours=1)
    (report,) = mailroom.deliver()
    assert report.state == "sent"
    assert mail_server.counts == {"ann@example.org": 1}


def test_an_edition_built_by_hand_does_not_leave_by_itself(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann")
    mailroom.build(send_at=None)
    mailroom.later(hours=3)
    assert mailroom.deliver() == []
    assert mail_server.sessions == 0


def test_what_could_not_leave_within_the_grace_is_skipped_and_says_so(
    mailroom: Mailroom, mail_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    mailroom.subscribe("ann")
    mailroom.build()
    mailroom.later(hours=6, seconds=1)
    assert mailroom.deliver() == []
    status = mailroom.status
    assert (status.state, status.reason) == (
        "skipped",
        "could not be sent within 6 hours of its time",
    )
    assert "`digest send sample/2026-03-02` sends it all the same" in caplog.text
    assert mail_server.sessions == 0
    with mailroom.opened() as workshop:
        deliver(workshop, mailroom.clock, editions=[release(workshop, status, mailroom.now)])
    assert mail_server.counts == {"ann@example.org": 1}


def test_what_has_begun_to_leave_goes_on_after_the_grace(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann", "bob")
    mail_server.replies("rcpt", "450 4.2.0 later", to="bob@example.org", times=9)
    mailroom.build()
    mailroom.deliver_until_done()
    assert mailroom.now - mailroom.status.started > timedelta(hours=6)
    assert mail_server.counts == {"ann@example.org": 1, "bob@example.org": 1}


def test_editions_leave_oldest_first(mailroom: Mailroom, mail_server: Any) -> None:
    mailroom.subscribe("ann")
    for date in ("2026-03-02", "2026-03-01"):
        mailroom.build(date=date)
    reports = mailroom.deliver()
    assert [report.date for report in reports] == ["2026-03-01", "2026-03-02"]
    assert mail_server.counts == {"ann@example.org": 2}


def test_a_clock_that_jumped_back_delays_and_neither_loses_nor_repeats(
    mailroom: Mailroom, mail_server: Any
) -> None:
    people = mailroom.subscribe("ann", "bob", "cid")
    mail_server.replies("rcpt", "450 4.2.0 later", to="bob@example.org")
    mail_server.replies("rcpt", "450 4.2.0 later", to="cid@example.org")
    mailroom.build(send_at=mailroom.now)
    mailroom.deliver()
    # Of a wrong clock, a year ahead, only what it wrote is left.
    mailroom.later(days=-365)
    (report,) = mailroom.deliver()
    assert report.state == "sent"
    assert mail_server.counts == dict.fromkeys(people, 1)


# --- what is not sent ------------------------------------------------------------------------


def test_an_edition_that_was_altered_by_hand_is_not_sent_and_says_so(
    mailroom: Mailroom, mail_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    people = mailroom.subscribe("ann")
    mailroom.build()
    path = mailroom.outbox.folder(*mailroom.key) / EDITION
    built = path.read_bytes()
    path.write_bytes(built.replace(b"lamp", b"lamb"))
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("approved", {})
    assert f"{EDITION} was changed after the edition was built" in report.reason
    assert "put the file back, or build it again: digest run sample --force" in caplog.text
    assert mail_server.sessions == 0
    path.write_bytes(built)
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(people, 1)


def test_an_edition_that_is_altered_between_two_rounds_is_not_sent_on(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann", "bob")
    mail_server.replies("rcpt", "450 4.2.0 later", to="bob@example.org")
    mailroom.build()
    mailroom.deliver()
    path = mailroom.outbox.folder(*mailroom.key) / EDITION
    path.write_bytes(path.read_bytes().replace(b"lamp", b"lamb"))
    mailroom.later(minutes=6)
    (report,) = mailroom.deliver()
    assert "was changed after the edition was built" in report.reason
    assert mail_server.counts == {"ann@example.org": 1}
    assert mailroom.counts == {"sent": 1, "deferred": 1}


def test_an_edition_that_lies_in_another_outbox_is_left_to_whoever_has_it(
    mailroom: Mailroom, mail_server: Any
) -> None:
    people = mailroom.subscribe("ann")
    mailroom.build()
    other = replace(mailroom, state="other", outbox_name="elsewhere")
    assert other.deliver() == []
    assert mailroom.status.state == "approved"
    mailroom.deliver()
    assert mail_server.counts == dict.fromkeys(people, 1)


def test_what_another_service_did_not_send_in_time_is_skipped_by_whoever_sees_it(
    mailroom: Mailroom,
) -> None:
    mailroom.subscribe("ann")
    mailroom.build()
    other = replace(mailroom, state="other", outbox_name="elsewhere")
    other.later(hours=7)
    assert other.deliver() == []
    assert mailroom.status.state == "skipped"
    assert "within 6 hours" in mailroom.status.reason


def test_a_draft_never_leaves_by_itself_and_leaves_when_it_is_approved(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann")
    mailroom.build(review=True)
    for _ in range(3):
        assert mailroom.deliver() == []
        mailroom.later(hours=5)
    assert mailroom.status.state == "draft"
    with mailroom.opened() as workshop:
        approve(workshop, *mailroom.key, mailroom.now)
        assert [one.state for one in deliver(workshop, mailroom.clock)] == ["sent"]
    assert mail_server.counts == {"ann@example.org": 1}


def test_an_approval_can_be_taken_back_until_sending_starts(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann", "bob")
    mailroom.build(send_at=mailroom.now + HOUR)
    with mailroom.opened() as workshop:
        take_back(workshop, mailroom.status, mailroom.now)
        mailroom.later(hours=2)
        assert deliver(workshop, mailroom.clock) == []
        approve(workshop, *mailroom.key, mailroom.now)
        mail_server.replies("rcpt", "450 4.2.0 later", to="bob@example.org")
        deliver(workshop, mailroom.clock)
        with pytest.raises(UsageError, match="sample/2026-03-02 is sending, not approved"):
            take_back(workshop, mailroom.status, mailroom.now)
    assert mail_server.counts == {"ann@example.org": 1}


def test_an_approval_taken_back_between_looking_and_freezing_counts(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann")
    mailroom.build()
    with mailroom.opened() as workshop:
        seen = mailroom.status
        take_back(workshop, seen, mailroom.now)
        assert deliver(workshop, mailroom.clock, editions=[seen]) == []
    assert mail_server.sessions == 0
    assert mailroom.status.state == "draft"


def test_nothing_leaves_where_no_mail_server_is_set(mailroom: Mailroom) -> None:
    mailroom.subscribe("ann")
    mailroom.build()
    mailroom.options["smtp_url"] = None
    assert mailroom.deliver() == []
    assert mailroom.status.state == "approved"


def test_one_process_of_a_state_folder_sends_at_a_time(
    mailroom: Mailroom, mail_server: Any
) -> None:
    people = mailroom.subscribe("ann", "bob")
    second: list[Any] = []

    def look(_: Envelope) -> None:
        second.append(replace(mailroom, around=lambda transport: transport).deliver())

    mailroom.around = lambda inner: mailroom.meddling(inner, before=look)
    mailroom.build()
    mailroom.deliver()
    assert second == [[], []]
    assert mail_server.counts == dict.fromkeys(people, 1)


def test_two_services_on_one_database_share_an_edition(
    mailroom: Mailroom, mail_server: Any
) -> None:
    people = mailroom.subscribe(*(f"r{number}" for number in range(30)))
    mailroom.build()
    services = [replace(mailroom, state=f"state{number}") for number in range(2)]
    threads = [threading.Thread(target=service.deliver) for service in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(people, 1)
    assert mailroom.counts == {"sent": 30}


# --- how fast --------------------------------------------------------------------------------


@pytest.mark.parametrize("connections", [1, 3])
def test_the_limit_of_an_hour_pauses_the_edition_and_says_until_when(
    mailroom: Mailroom, mail_server: Any, connections: int
) -> None:
    people = mailroom.subscribe(*(f"r{number}" for number in range(7)))
    mailroom.options |= {"smtp_per_hour": 3, "smtp_connections": connections}
    mailroom.build()
    begun = time.monotonic()
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("sending", {"sent": 3, "pending": 4})
    assert report.reason == "the limit of messages an hour is reached"
    assert report.waits_until is not None
    assert HOUR - timedelta(seconds=1) < report.waits_until - mailroom.now < HOUR * 1.01
    # Another process counts what this one sent.
    mailroom.later(minutes=59)
    assert mailroom.deliver() == []
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(people, 1)
    # The mailroom's clock stands still while messages leave, and the pacer's goes on.
    really = timedelta(seconds=time.monotonic() - begun)
    assert mailroom.now - mailroom.status.started + really >= 2 * HOUR
    assert mailroom.status.reason == ""


def test_the_limit_of_an_hour_is_kept_over_several_editions(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann", "bob")
    mailroom.options["smtp_per_hour"] = 3
    for date in ("2026-03-01", "2026-03-02"):
        mailroom.build(date=date)
    states = [(report.date[-1], report.state) for report in mailroom.deliver()]
    assert states == [("1", "sent"), ("2", "sending")]
    assert sum(mail_server.counts.values()) == 3


def test_a_limit_a_second_is_waited_for_with_nothing_in_doubt(
    mailroom: Mailroom, mail_server: Any
) -> None:
    people = mailroom.subscribe("ann", "bob", "cid")
    mailroom.options["smtp_per_second"] = 8
    states: list[dict[str, int]] = []
    mailroom.around = lambda inner: mailroom.meddling(
        inner, before=lambda _: states.append(mailroom.counts)
    )
    mailroom.build()
    mailroom.deliver()
    assert states == [{"pending": 3}, {"pending": 2, "sent": 1}, {"pending": 1, "sent": 2}]
    assert mail_server.counts == dict.fromkeys(people, 1)


def test_connections_are_renewed_after_as_many_messages_as_are_set(
    mailroom: Mailroom, mail_server: Any
) -> None:
    people = mailroom.subscribe(*(f"r{number}" for number in range(5)))
    mailroom.options["smtp_per_connection"] = 2
    mailroom.build()
    mailroom.deliver()
    assert mail_server.sessions == 3
    assert mail_server.counts == dict.fromkeys(people, 1)


# --- without a mail server -------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["maildir", "file"])
def test_a_folder_is_a_way_for_mail_to_leave(mailroom: Mailroom, kind: str) -> None:
    mailroom.subscribe("ann", "bob")
    folder = mailroom.folder / "mail"
    mailroom.url = f"{kind}:{folder}"
    mailroom.build()
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("sent", {"sent": 2})
    assert sum(path.is_file() for path in folder.rglob("*")) == 2


@pytest.mark.parametrize("was_placed", [True, False])
def test_what_a_killed_process_had_in_hand_is_looked_for_in_the_folder(
    mailroom: Mailroom, was_placed: bool
) -> None:
    folder = mailroom.folder / "mail"
    mailroom.url = f"file:{folder}"
    mailroom.subscribe("ann", "bob")
    mailroom.build()
    with mailroom.opened() as workshop:
        store, owner, now = workshop.store, f"{workshop.owner}.0", mailroom.now
        copies = delivering.copies_of(workshop, delivering.frozen(workshop, mailroom.status))
        store.deliveries.freeze(*mailroom.key, now, copies.holds_any)
        held = store.deliveries.turn(*mailroom.key, owner, now, now + HOUR)
        assert held is not None
        assert workshop.mail is not None
        transport = workshop.mail.open_transport()
        assert store.deliveries.begin(held, owner, now, transport.address)
        if was_placed:
            transport.send(copies.envelope(held))
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("sent", {"sent": 2})
    assert report.tried == {"sent": 1 if was_placed else 2}
    assert sum(path.is_file() for path in folder.rglob("*")) == 2


def test_what_a_killed_process_had_in_hand_with_a_server_is_unconfirmed(
    mailroom: Mailroom, mail_server: Any, caplog: pytest.LogCaptureFixture
) -> None:
    people = mailroom.subscribe("ann", "bob", "cid")
    mailroom.build()
    with mailroom.opened() as workshop:
        store, owner, now = workshop.store, f"{workshop.owner}.0", mailroom.now
        store.deliveries.freeze(*mailroom.key, now, lambda *_: True)
        held = store.deliveries.turn(*mailroom.key, owner, now, now + HOUR)
        assert held is not None
        assert store.deliveries.begin(held, owner, now)
    # To another service it is in good hands until its time is over.
    other = replace(mailroom, state="other")
    (report,) = other.deliver()
    assert (report.state, report.counts) == ("sending", {"sent": 2, "sending": 1})
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("sent", {"sent": 2, "unconfirmed": 1})
    assert "the process ended while the server may have had the message" in caplog.text
    assert mail_server.counts == dict.fromkeys(set(people) - {held.address}, 1)
    assert mailroom.who("unconfirmed") == {held.address}


def test_what_another_service_had_in_hand_is_settled_when_its_time_is_over(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann", "bob")
    mailroom.build()
    other = replace(mailroom, state="other")
    with other.opened() as workshop:
        store, owner, now = workshop.store, f"{workshop.owner}.0", mailroom.now
        store.deliveries.freeze(*mailroom.key, now, lambda *_: True)
        held = store.deliveries.turn(*mailroom.key, owner, now, now + HOUR)
        assert held is not None
        assert store.deliveries.begin(held, owner, now)
    mailroom.deliver()
    assert mailroom.counts == {"sent": 1, "sending": 1}
    mailroom.later(hours=1, seconds=1)
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("sent", {"sent": 1, "unconfirmed": 1})
    assert sum(mail_server.counts.values()) == 1


def test_the_time_that_is_told_is_the_clocks(mailroom: Mailroom) -> None:
    mailroom.subscribe("ann")
    mailroom.build()
    moments: list[datetime] = []

    def clock() -> datetime:
        mailroom.later(seconds=1)
        moments.append(mailroom.now)
        return mailroom.now

    with mailroom.opened() as workshop:
        deliver(workshop, clock)
    assert mailroom.status.started in moments
    assert mailroom.status.finished in moments


def test_a_folder_knows_nothing_of_what_went_to_a_server(
    mailroom: Mailroom, mail_server: Any
) -> None:
    """Killed while an SMTP server had it, started again with a folder in its place."""
    mailroom.subscribe("ann")
    mailroom.build()
    with mailroom.opened() as workshop:
        store, owner, now = workshop.store, f"{workshop.owner}.0", mailroom.now
        store.deliveries.freeze(*mailroom.key, now, lambda *_: True)
        held = store.deliveries.turn(*mailroom.key, owner, now, now + HOUR)
        assert held is not None
        assert store.deliveries.begin(held, owner, now, mail_server.url)
    mailroom.url = f"file:{mailroom.folder / 'mail'}"
    (report,) = mailroom.deliver()
    assert report.counts == {"unconfirmed": 1}


def test_one_reader_whom_the_theme_stumbles_over_costs_the_others_nothing(
    mailroom: Mailroom, mail_server: Any
) -> None:
    people = mailroom.subscribe("ann", "bob", "cid")
    mailroom.build()
    theme = mailroom.folder / "templates" / "bare" / "digest.html.j2"
    theme.write_text(
        "<p>{{ 1 // (0 if reader and reader.address[0] == 'b' else 1) }}</p>", encoding="utf-8"
    )
    (report,) = mailroom.deliver()
    assert report.counts == {"sent": 2, "deferred": 1}
    assert mail_server.counts == {people[0]: 1, people[2]: 1}
    with mailroom.store() as store:
        (one,) = store.deliveries.listed(*mailroom.key, ("deferred",))
    assert "could not be made" in one.reason


def test_whoever_chose_anew_and_is_left_with_nothing_gets_nothing(
    mailroom: Mailroom, mail_server: Any
) -> None:
    people = mailroom.subscribe("ann", "bob")
    mailroom.build()
    with mailroom.opened() as workshop:
        store, now = workshop.store, mailroom.now
        store.deliveries.freeze(*mailroom.key, now, lambda *_: True)
        (first, _) = store.deliveries.listed(*mailroom.key, ("pending",))
        assert store.subscribers.set_preferences(first.key, "sample", ("Chess",), (), now)
    (report,) = mailroom.deliver()
    assert (report.state, report.counts) == ("sent", {"sent": 1})
    assert mail_server.counts == {people[1]: 1}


def test_the_limit_of_an_hour_does_not_wait_for_what_a_wrong_clock_noted(
    mailroom: Mailroom, mail_server: Any
) -> None:
    people = mailroom.subscribe("ann", "bob", "cid")
    mailroom.options["smtp_per_hour"] = 2
    mailroom.build()
    with mailroom.store() as store:
        far = mailroom.now + timedelta(days=30)
        store.deliveries.freeze(*mailroom.key, mailroom.now, lambda *_: True)
        for _ in range(2):
            held = store.deliveries.turn(*mailroom.key, "x.0", far, far + HOUR)
            assert held is not None
            assert store.deliveries.begin(held, "x.0", far)
        for left in store.deliveries.left_over(*mailroom.key, "x", far):
            assert store.deliveries.resolve(left, "pending", "")
    mailroom.deliver_until_done()
    assert mail_server.counts == dict.fromkeys(people, 1)
