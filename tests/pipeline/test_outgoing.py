"""What a person decides about editions on their way: approve, send now, settle, try on oneself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes, policy
from typing import Any

import pytest

from digest.errors import ConflictError, OutboxError, UsageError
from digest.pipeline.approving import approve
from digest.pipeline.delivering import deliver
from digest.pipeline.outgoing import (
    copy_to_try,
    named,
    outgoing,
    release,
    settle,
    take_back,
    waiting,
)

Mailroom = Any  # tests/pipeline/conftest.py


# --- by name ---------------------------------------------------------------------------------


def test_a_digests_name_stands_for_its_newest_edition(mailroom: Mailroom) -> None:
    for date in ("2026-03-01", "2026-03-03", "2026-03-02"):
        mailroom.build(date=date)
    with mailroom.opened() as workshop:
        for name, date in (("sample", "2026-03-03"), ("sample/2026-03-01/", "2026-03-01")):
            assert named(workshop, mailroom.config, name, mailroom.now).date == date


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("sample/2026-03-09", "no edition sample/2026-03-09 in .*; there is: sample/2026-03-02"),
        ("evening", "no edition of 'evening' yet; digests here: sample"),
    ],
)
def test_a_name_of_nothing_says_what_there_is(mailroom: Mailroom, name: str, words: str) -> None:
    mailroom.build()
    with mailroom.opened() as workshop, pytest.raises(UsageError, match=words):
        named(workshop, mailroom.config, name, mailroom.now)


@pytest.mark.parametrize("name", ["sample/../../etc", "sample/today", "../x/2026-03-02"])
def test_no_name_leads_out_of_the_outbox(mailroom: Mailroom, name: str) -> None:
    with mailroom.opened() as workshop, pytest.raises((OutboxError, UsageError)):
        named(workshop, mailroom.config, name, mailroom.now)


@pytest.mark.parametrize(("digest", "state"), [("sample", "approved"), ("unknown", "draft")])
def test_an_edition_that_only_the_outbox_knows_is_taken_up(
    mailroom: Mailroom, digest: str, state: str
) -> None:
    mailroom.digest = digest
    mailroom.build()
    mailroom.options["database_url"] = f"sqlite:///{mailroom.folder / 'new.db'}"
    with mailroom.opened() as workshop:
        status = named(workshop, mailroom.config, f"{digest}/{mailroom.date}", mailroom.now)
    assert (status.state, status.send_at) == (state, None)
    assert status.fingerprint


def test_what_waits_is_the_newest_approved_of_each_digest_and_whatever_is_being_sent(
    mailroom: Mailroom,
) -> None:
    for date in ("2026-02-27", "2026-02-28", "2026-03-01"):
        mailroom.build(date=date)
    with mailroom.opened() as workshop:
        editions = workshop.store.editions
        editions.move("sample", "2026-02-27", ("approved",), mailroom.now, state="sending")
        dates = [status.date for status in waiting(workshop, ["sample", "evening"])]
        assert dates == ["2026-02-27", "2026-03-01"]
        editions.move("sample", "2026-03-01", ("approved",), mailroom.now, state="sent")
        assert [one.date for one in waiting(workshop, ["sample"])] == ["2026-02-27"]
        editions.skip("sample", "2026-03-02", "late", mailroom.now)
        assert waiting(workshop, ["evening"]) == []


# --- approving and sending now ---------------------------------------------------------------


def test_only_a_draft_is_approved_and_only_an_approval_taken_back(mailroom: Mailroom) -> None:
    mailroom.build(review=True)
    with mailroom.opened() as workshop:
        with pytest.raises(UsageError, match="sample/2026-03-02 is draft, not approved"):
            take_back(workshop, mailroom.status, mailroom.now)
        approve(workshop, *mailroom.key, mailroom.now)
        assert mailroom.status.approved == mailroom.now
        with pytest.raises(ConflictError, match="sample/2026-03-02 is approved, not a draft"):
            approve(workshop, *mailroom.key, mailroom.now)
        take_back(workshop, mailroom.status, mailroom.now)
    assert (mailroom.status.state, mailroom.status.approved) == ("draft", None)


@pytest.mark.parametrize(
    ("state", "words"),
    [
        ("draft", "waits for approval: `digest approve sample/2026-03-02`"),
        ("building", "is being built; wait for it"),
        ("sent", "has been sent; `digest outbox sample/2026-03-02` tells to how many"),
    ],
)
def test_what_cannot_be_sent_now_says_why(mailroom: Mailroom, state: str, words: str) -> None:
    mailroom.build(review=True)
    with mailroom.opened() as workshop:
        workshop.store.editions.move(*mailroom.key, ("draft",), mailroom.now, state=state)
        with pytest.raises(UsageError, match=words):
            release(workshop, mailroom.status, mailroom.now)


def test_what_was_never_built_cannot_be_sent(mailroom: Mailroom) -> None:
    with mailroom.opened() as workshop:
        workshop.store.editions.skip(*mailroom.key, "nothing new", mailroom.now)
        words = r"was not built \(nothing new\); `digest run sample` builds one"
        with pytest.raises(UsageError, match=words):
            release(workshop, mailroom.status, mailroom.now)


def test_an_edition_sent_by_name_leaves_before_its_time(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann")
    mailroom.build(send_at=mailroom.now + timedelta(hours=9))
    with mailroom.opened() as workshop:
        status = release(workshop, mailroom.status, mailroom.now)
        deliver(workshop, mailroom.clock, editions=[status])
    assert mail_server.counts == {"ann@example.org": 1}


def test_a_wait_after_a_failure_ends_when_somebody_sends_by_name(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann")
    mailroom.build()
    mail_server.replies("connect", "421 4.3.2 busy")
    mailroom.deliver()
    with mailroom.opened() as workshop:
        status = release(workshop, mailroom.status, mailroom.now)
        assert (status.state, status.not_before) == ("sending", None)
        (report,) = deliver(workshop, mailroom.clock, editions=[status])
    assert report.state == "sent"


# --- settling --------------------------------------------------------------------------------


def test_an_address_without_a_doubt_cannot_be_settled(mailroom: Mailroom, mail_server: Any) -> None:
    mailroom.subscribe("ann", "bob")
    mail_server.drops("dot")
    mailroom.build()
    mailroom.deliver()
    (doubtful,) = mailroom.who("unconfirmed")
    with mailroom.opened() as workshop:
        words = "no delivery to eve@example.org is unconfirmed or bounced; `digest outbox sample/2"
        with pytest.raises(UsageError, match=words):
            settle(
                workshop,
                mailroom.status,
                mailroom.now,
                arrived=False,
                addresses=[doubtful, "eve@example.org"],
            )
    assert mailroom.who("unconfirmed") == {doubtful}


def test_a_doubt_settled_is_settled_once(mailroom: Mailroom, mail_server: Any) -> None:
    people = mailroom.subscribe("ann", "bob")
    mail_server.drops("dot", times=2, taken=False)
    mailroom.build()
    mailroom.deliver()
    with mailroom.opened() as workshop:
        for expected in (2, 0):
            count = settle(workshop, mailroom.status, mailroom.now, arrived=False)
            assert count == expected
        deliver(workshop, mailroom.clock)
        assert settle(workshop, mailroom.status, mailroom.now, arrived=True) == 0
    assert mail_server.counts == dict.fromkeys(people, 1)


def test_a_dead_address_is_not_tried_again_by_a_retry(mailroom: Mailroom, mail_server: Any) -> None:
    mailroom.subscribe("ann", "gone", "zoe")
    mail_server.replies("rcpt", "550 5.1.1 unknown", to="gone@example.org", times=99)
    mail_server.drops("dot", skip=1, taken=False)
    mailroom.build()
    mailroom.deliver_until_done()
    assert mailroom.counts == {"sent": 1, "bounced": 1, "unconfirmed": 1}
    with mailroom.opened() as workshop:
        addresses = ["gone@example.org", "zoe@example.org"]
        assert (
            settle(workshop, mailroom.status, mailroom.now, arrived=False, addresses=addresses) == 1
        )
        deliver(workshop, mailroom.clock)
    assert mail_server.counts == {"ann@example.org": 1, "zoe@example.org": 1}
    assert sum("RCPT TO:<gone" in command for command in mail_server.commands) == 1


def test_who_has_left_meanwhile_is_not_tried_again_by_a_retry(
    mailroom: Mailroom, mail_server: Any
) -> None:
    mailroom.subscribe("ann", "bob")
    mail_server.drops("dot", times=2, taken=False)
    mailroom.build()
    mailroom.deliver()
    assert mailroom.counts == {"unconfirmed": 2}
    with mailroom.opened() as workshop:
        assert workshop.store.subscribers.remove("bob@example.org", None, mailroom.now)
        assert settle(workshop, mailroom.status, mailroom.now, arrived=False) == 1
        deliver(workshop, mailroom.clock)
    assert mail_server.counts == {"ann@example.org": 1}
    assert mailroom.counts == {"sent": 1, "bounced": 1}
    assert mailroom.status.state == "sent"


# --- looking and trying ----------------------------------------------------------------------


def test_what_sending_would_do_is_told_and_not_done(mailroom: Mailroom, mail_server: Any) -> None:
    mailroom.subscribe("ann", "dead")
    mailroom.subscribe("bob", topics=("World",))
    mailroom.subscribe("eve", topics=("Chess",))
    mailroom.build()
    with mailroom.opened() as workshop:
        workshop.store.subscribers.bounced("dead@example.org", "unknown", mailroom.now)
        found = outgoing(workshop, mailroom.status)
    assert (found.recipients, found.partial, found.nothing) == (2, 1, 1)
    (report,) = mailroom.deliver()
    assert report.counts == {"sent": found.recipients}
    assert len(mail_server.accepted) == 2


def test_a_copy_to_try_is_marked_and_counts_for_nothing(
    mailroom: Mailroom, mail_server: Any
) -> None:
    people = mailroom.subscribe("ann")
    mailroom.build()
    ids = set()
    with mailroom.opened() as workshop:
        transport = workshop.mail.open_transport()
        for _ in range(2):
            envelope = copy_to_try(workshop, mailroom.status, "ann@example.org")
            ids.add(envelope.message_id)
            assert transport.send(envelope).outcome == "sent"
        transport.close()
    for _, data in mail_server.accepted:
        message = message_from_bytes(data, policy=policy.default)
        assert message["Subject"].startswith("[Test] ")
        assert message["Message-ID"] in ids
    assert len(ids) == 2
    assert (mailroom.status.state, mailroom.counts) == ("approved", {})
    mailroom.deliver()
    assert mail_server.counts == dict.fromkeys(people, 3)
    assert mailroom.counts == {"sent": 1}


def test_an_edition_in_no_outbox_cannot_be_tried(mailroom: Mailroom) -> None:
    mailroom.build()
    elsewhere = replace(mailroom, outbox_name="elsewhere")
    with elsewhere.opened() as workshop, pytest.raises(OutboxError, match="is that edition there"):
        copy_to_try(workshop, mailroom.status, "ann@example.org")
