"""Approving, a time to leave, test copies, and what became of each copy."""

from __future__ import annotations

import email
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from digest.errors import GoneError, UsageError
from digest.preview import steps
from digest.records import EditionStatus, NewSubscriber

from .conftest import NOON, DeskFixture, words_of

if TYPE_CHECKING:
    from tests.conftest import MailServer


def prepare(desk: DeskFixture, *, mail: str = "", people: int = 2) -> None:
    """A draft of a digest with a time zone and some subscribers."""
    desk.configure(
        "review: true", "timezone: Europe/London", "from: The Daily <daily@paper.example>"
    )
    if mail:
        desk.options["smtp_url"] = mail
    desk.build()
    with desk.opened() as workshop:
        new = [NewSubscriber(f"reader{n}@home.example") for n in range(people)]
        workshop.store.subscribers.subscribe(desk.digest, new, desk.now)


@pytest.fixture
def draft(desk_on: DeskFixture) -> Iterator[DeskFixture]:
    """A running desk without a mail server."""
    prepare(desk_on)
    with desk_on.running():
        yield desk_on


@pytest.fixture
def mailing(desk_on: DeskFixture, mail_server: MailServer) -> Iterator[DeskFixture]:
    """A running desk with a mail server on loopback."""
    prepare(desk_on, mail=mail_server.url)
    with desk_on.running():
        yield desk_on


def status_of(desk: DeskFixture) -> EditionStatus:
    status = desk.workshop.store.editions.status(desk.digest, desk.date)
    assert status is not None
    return status


def send(desk: DeskFixture, act: str, **fields: Any) -> httpx.Response:
    return desk.post(f"{desk.path}/{act}", **{"seen": str(desk.revision), **fields})


def page_of(desk: DeskFixture) -> str:
    answer = desk.client.get(f"{desk.path}/send")
    assert answer.status_code == 200
    return answer.text


def wait(desk: DeskFixture) -> None:
    """Until all work in hand is done."""
    desk.wait()


# --- approving ---------------------------------------------------------------------------------


def test_an_edition_is_approved_and_taken_back(draft: DeskFixture) -> None:
    assert "2 readers get it" in words_of(page_of(draft))
    assert send(draft, "approve", when="hand").status_code == 303
    assert status_of(draft).state == "approved"
    assert "It waits for somebody to send it" in words_of(page_of(draft))
    assert send(draft, "take-back").status_code == 303
    assert status_of(draft).state == "draft"


def test_what_was_changed_since_it_was_looked_at_is_not_approved(draft: DeskFixture) -> None:
    seen = str(draft.revision)
    story = next(iter(draft.stories().values()))
    form = {"seen": seen, "key": "one", "story": story, "article": "", "do": "drop"}
    assert draft.post(f"{draft.path}/operations", **form).status_code == 303
    answer = send(draft, "approve", when="hand", seen=seen)
    assert answer.status_code == 409
    assert "was changed since you looked at it" in words_of(answer.text)
    assert status_of(draft).state == "draft"


def test_a_time_is_by_the_clock_of_the_digest(draft: DeskFixture) -> None:
    assert send(draft, "approve", when="at", at="2026-04-01T07:30").status_code == 303
    # British Summer Time has begun by then.
    assert status_of(draft).send_at == datetime(2026, 4, 1, 6, 30, tzinfo=UTC)
    page = words_of(page_of(draft))
    assert "It leaves on Wednesday, 01 April, 07:30 BST (+0100)" in page
    assert "digest serve , which must be running then" in page


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (
            "2026-03-29T01:30",
            "does not exist in Europe/London: the clocks go forward then, to 02:30",
        ),
        ("2026-03-02T11:59", "is past; it is 2026-03-02 12:00 there now"),
        ("2036-03-02T07:00", "over a year ahead"),
        ("tomorrow", "'tomorrow' is no date and time"),
        ("", "Choose a date and a time"),
    ],
)
def test_a_time_that_is_none_is_refused_and_kept(draft: DeskFixture, at: str, said: str) -> None:
    answer = send(draft, "approve", when="at", at=at)
    assert answer.status_code == 422
    assert said in words_of(answer.text)
    if at:
        assert f'value="{at}"' in answer.text
    assert 'value="at" checked' in answer.text
    assert status_of(draft).state == "draft"


def test_an_edition_with_a_time_by_the_schedule_can_leave_at_it(draft: DeskFixture) -> None:
    later = draft.now + timedelta(hours=2)
    draft.workshop.store.editions.move(
        draft.digest, draft.date, ("draft",), draft.now, send_at=later
    )
    assert "At its time, Monday, 02 March, 14:00 GMT" in words_of(page_of(draft))
    # It would leave by itself, whatever was chosen: so that isn't offered, nor taken.
    assert send(draft, "approve", when="hand").status_code == 409
    assert send(draft, "approve", when="schedule").status_code == 303
    assert status_of(draft).send_at == later


def test_nothing_chosen_is_nothing_approved(draft: DeskFixture) -> None:
    assert send(draft, "approve", when="whenever").status_code == 422
    assert status_of(draft).state == "draft"


# --- no mail server ----------------------------------------------------------------------------


def test_without_a_mail_server_the_page_says_what_to_set(draft: DeskFixture) -> None:
    page = page_of(draft)
    assert "DIGEST_SMTP_URL=smtp://" in page
    assert "Send a test copy" not in page
    assert 'value="now"' not in page
    for act, form in (("test", {"address": "me@home.example"}), ("approve", {"when": "now"})):
        answer = send(draft, act, **form)
        assert answer.status_code == 409
        assert "No mail server is set" in words_of(answer.text)
    assert status_of(draft).state == "draft"


# --- test copies -------------------------------------------------------------------------------


def test_a_test_copy_goes_to_one_address_and_counts_for_nothing(
    mailing: DeskFixture, mail_server: MailServer
) -> None:
    assert send(mailing, "test", address="me@home.example").status_code == 303
    [(recipient, message)] = mail_server.accepted
    assert recipient == "me@home.example"
    assert str(email.message_from_bytes(message)["Subject"]).startswith("[Test] ")
    page = page_of(mailing)
    assert "m…@home.example" in page
    assert "me@home.example" not in page
    assert status_of(mailing).state == "draft"


def test_what_is_no_address_is_refused_and_kept(mailing: DeskFixture) -> None:
    answer = send(mailing, "test", address="me at home")
    assert answer.status_code == 422
    assert 'value="me at home"' in answer.text


def test_a_test_copy_that_is_not_taken_says_why(
    mailing: DeskFixture, mail_server: MailServer
) -> None:
    mail_server.replies("rcpt", "550 5.1.1 nobody of that name")
    answer = send(mailing, "test", address="me@home.example")
    assert answer.status_code == 422
    assert "nobody of that name" in words_of(answer.text)
    assert 'value="me@home.example"' in answer.text


def test_a_mail_server_that_is_down_is_told(mailing: DeskFixture, mail_server: MailServer) -> None:
    mail_server.down()
    answer = send(mailing, "test", address="me@home.example")
    assert answer.status_code == 502
    assert "127.0.0.1" in words_of(answer.text)
    assert 'value="me@home.example"' in answer.text


# --- sending -----------------------------------------------------------------------------------


def test_approved_now_it_is_sent_and_the_page_tells_to_whom(
    mailing: DeskFixture, mail_server: MailServer
) -> None:
    assert send(mailing, "approve", when="now").status_code == 303
    wait(mailing)
    assert mail_server.counts == {"reader0@home.example": 1, "reader1@home.example": 1}
    page = words_of(page_of(mailing))
    assert "2 of 2 have it" in page
    assert "r…@home.example" in page
    assert "reader0@" not in page
    assert status_of(mailing).state == "sent"


def test_an_approved_edition_is_sent_before_its_time(
    mailing: DeskFixture, mail_server: MailServer
) -> None:
    send(mailing, "approve", when="at", at="2026-03-03T07:00")
    assert mail_server.counts == {}
    assert send(mailing, "send-now").status_code == 303
    wait(mailing)
    assert sum(mail_server.counts.values()) == 2


def test_a_draft_is_not_sent(mailing: DeskFixture, mail_server: MailServer) -> None:
    answer = send(mailing, "send-now")
    assert answer.status_code == 409
    assert "approve it, then send it" in words_of(answer.text)
    assert mail_server.counts == {}


def test_what_waits_and_what_failed_is_told_with_why(
    mailing: DeskFixture, mail_server: MailServer
) -> None:
    mail_server.replies("rcpt", "550 5.1.1 no such person", to="reader0@home.example")
    mail_server.replies("rcpt", "451 4.7.1 come back later", to="reader1@home.example")
    send(mailing, "approve", when="now")
    wait(mailing)
    page = words_of(page_of(mailing))
    assert "0 of 2 have it" in page
    assert "no such person" in page
    assert "come back later" in page
    assert "reader0@" not in page


def test_once_it_is_being_sent_it_is_locked_and_its_approval_stays(
    mailing: DeskFixture, mail_server: MailServer
) -> None:
    mail_server.replies("rcpt", "451 4.7.1 come back later", to="reader1@home.example")
    send(mailing, "approve", when="now")
    wait(mailing)
    assert status_of(mailing).state == "sending"
    answer = send(mailing, "take-back")
    assert answer.status_code == 409
    assert "is sending, not approved" in words_of(answer.text)
    story = next(iter(mailing.stories().values()))
    form = {"seen": str(mailing.revision), "key": "k", "story": story, "do": "drop"}
    answer = mailing.post(f"{mailing.path}/operations", **form)
    assert answer.status_code == 409
    assert "it is being sent" in words_of(answer.text)


def test_where_the_service_sends_the_desk_only_releases(
    desk_on: DeskFixture, mail_server: MailServer
) -> None:
    prepare(desk_on, mail=mail_server.url)
    desk_on.serves = True
    with desk_on.running() as desk:
        assert send(desk, "approve", when="now").status_code == 303
        assert desk.room.jobs.all() == ()
        status = status_of(desk)
        assert (status.state, status.send_at) == ("approved", NOON)


def test_an_edition_for_nobody_says_so(desk_on: DeskFixture, mail_server: MailServer) -> None:
    prepare(desk_on, mail=mail_server.url, people=0)
    with desk_on.running() as desk:
        assert "Nobody gets it" in words_of(page_of(desk))
        send(desk, "approve", when="now")
        wait(desk)
        assert desk.client.get(f"{desk.path}/send").status_code == 200


def test_the_page_of_an_edition_that_is_not_there(draft: DeskFixture) -> None:
    assert draft.client.get(f"/editions/{draft.digest}/2020-01-01/send").status_code == 404
    assert send(draft, "approve", when="hand").status_code == 303
    answer = draft.post(f"/editions/{draft.digest}/2020-01-01/approve", seen="0", when="hand")
    assert answer.status_code == 404


def test_the_addresses_of_forms_lead_to_the_page(draft: DeskFixture) -> None:
    for path in ("test", "approve", "take-back", "send-now"):
        answer = draft.client.get(f"{draft.path}/{path}")
        assert (answer.status_code, answer.headers["location"]) == (303, f"{draft.path}/send")


# --- places and moments, pure ------------------------------------------------------------------

SECTIONS = [("World", ["a", "b", "c"]), ("Town", ["d"])]


@pytest.mark.parametrize(
    ("story", "step", "goal"),
    [
        ("a", "up", None),
        ("a", "down", ("World", "b")),
        ("a", "last", ("World", "c")),
        ("a", "first", None),
        ("b", "up", ("World", "")),
        ("c", "up", ("World", "a")),
        ("c", "down", ("Town", "")),
        ("d", "up", ("World", "c")),
        ("d", "down", None),
        ("d", "first", None),
    ],
)
def test_a_step_leads_behind_a_story_of_a_topic(
    story: str, step: str, goal: tuple[str, str] | None
) -> None:
    assert steps.moved(SECTIONS, story, step) == goal


def test_steps_of_what_is_not_there_or_is_no_step() -> None:
    with pytest.raises(GoneError):
        steps.moved(SECTIONS, "z", "up")
    with pytest.raises(UsageError):
        steps.moved(SECTIONS, "a", "sideways")
    with pytest.raises(GoneError):
        steps.section_moved(["World"], "Sport", "up")
    with pytest.raises(UsageError):
        steps.section_moved(["World"], "World", "first")


@pytest.mark.parametrize(
    ("topic", "step", "after"),
    [("a", "up", None), ("b", "up", ""), ("c", "up", "a"), ("a", "down", "b"), ("c", "down", None)],
)
def test_a_topic_steps_over_its_neighbour(topic: str, step: str, after: str | None) -> None:
    assert steps.section_moved(["a", "b", "c"], topic, step) == after


def test_of_an_hour_that_comes_twice_the_first_is_meant() -> None:
    found = steps.moment("2026-10-25T01:30", "Europe/London", NOON)
    assert found == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert steps.comes_twice(found.astimezone(steps.ZoneInfo("Europe/London")))
    assert not steps.comes_twice(NOON)


def test_a_time_at_the_end_of_the_calendar_is_refused() -> None:
    for text in ("0001-01-01T00:00", "9999-12-31T23:59", "2026-03-03T07:00+01:00", "2026-03-03"):
        with pytest.raises(UsageError):
            steps.moment(text, "Pacific/Kiritimati", NOON)
