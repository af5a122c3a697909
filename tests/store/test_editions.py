"""The states of editions: each change from the state it expects, and one builder at a time."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from digest.records import EditionState
from digest.store.editions import Editions
from digest.store.store import Store

HOUR = timedelta(hours=1)
KEY = ("morning", "2026-03-02")


def everybody(*_choice: tuple[str, ...]) -> bool:
    return True


@pytest.fixture
def editions(store: Store) -> Editions:
    return store.editions


def begin(editions: Editions, owner: str, now: datetime, *, again: bool = False) -> bool:
    return editions.begin(*KEY, owner, now, now + HOUR, again=again)


def built(editions: Editions, owner: str, now: datetime, *, review: bool = False) -> bool:
    return editions.built(*KEY, owner, now, fingerprint="f", built=now, review=review)


def state(editions: Editions) -> EditionState | None:
    status = editions.status(*KEY)
    return status.state if status else None


def test_an_edition_is_one_builders(editions: Editions, now: datetime) -> None:
    assert begin(editions, "here", now)
    assert not begin(editions, "there", now + HOUR / 2)
    assert state(editions) == "building"


def test_a_claim_that_has_run_out_is_anybodys(editions: Editions, now: datetime) -> None:
    assert begin(editions, "here", now)
    assert begin(editions, "there", now + 2 * HOUR)
    assert not built(editions, "here", now + 2 * HOUR)
    assert not editions.renew(*KEY, "here", now + 3 * HOUR)
    assert built(editions, "there", now + 2 * HOUR)


def test_a_renewed_claim_stays_ours(editions: Editions, now: datetime) -> None:
    assert begin(editions, "here", now)
    assert editions.renew(*KEY, "here", now + 4 * HOUR)
    assert not begin(editions, "there", now + 3 * HOUR)


def test_what_a_killed_process_of_ours_began_is_begun_again(
    editions: Editions, now: datetime
) -> None:
    assert begin(editions, "here", now)
    assert begin(editions, "here", now + HOUR / 60)


@pytest.mark.parametrize(("review", "expected"), [(True, "draft"), (False, "approved")])
def test_what_is_built_waits_for_an_editor_only_where_one_is_asked_for(
    editions: Editions, now: datetime, review: bool, expected: str
) -> None:
    assert begin(editions, "here", now)
    assert built(editions, "here", now, review=review)
    status = editions.status(*KEY)
    assert status is not None
    assert (status.state, status.fingerprint, status.built) == (expected, "f", now)
    assert (status.approved is None) == review


def test_what_is_built_is_begun_again_only_when_asked_for(
    editions: Editions, now: datetime
) -> None:
    begin(editions, "here", now)
    built(editions, "here", now)
    assert not begin(editions, "here", now)
    assert begin(editions, "here", now, again=True)


def test_what_has_recipients_is_never_begun_again(
    store: Store, editions: Editions, now: datetime
) -> None:
    begin(editions, "here", now)
    built(editions, "here", now)
    assert store.deliveries.freeze(*KEY, now, everybody) == 0
    assert not begin(editions, "here", now, again=True)
    editions.move(*KEY, ("sending",), now, state="failed")
    assert not begin(editions, "here", now, again=True)


def test_an_approval_taken_back_means_that_nothing_is_frozen(
    store: Store, editions: Editions, now: datetime
) -> None:
    begin(editions, "here", now)
    built(editions, "here", now)
    assert editions.move(*KEY, ("approved",), now, state="draft")
    assert store.deliveries.freeze(*KEY, now, everybody) is None
    assert state(editions) == "draft"


def test_a_claim_given_back_leaves_what_was(editions: Editions, now: datetime) -> None:
    begin(editions, "here", now)
    assert editions.give_back(*KEY, "here", now, None)
    assert state(editions) is None
    begin(editions, "here", now)
    built(editions, "here", now, review=True)
    before = editions.status(*KEY)
    begin(editions, "here", now, again=True)
    assert editions.give_back(*KEY, "here", now + HOUR, before)
    after = editions.status(*KEY)
    assert before is not None
    assert after is not None
    assert (after.state, after.fingerprint, after.built) == ("draft", "f", before.built)


def test_a_date_is_skipped_only_where_it_has_no_edition(editions: Editions, now: datetime) -> None:
    assert editions.skip(*KEY, "it was down", now, asked=now)
    status = editions.status(*KEY)
    assert status is not None
    assert (status.state, status.reason, status.asked) == ("skipped", "it was down", now)
    assert begin(editions, "here", now)
    assert not editions.skip(*KEY, "too late", now)
    assert editions.skip(*KEY, "its builder died", now + 2 * HOUR)
    begin(editions, "here", now)
    built(editions, "here", now)
    assert not editions.skip(*KEY, "too late", now + 9 * HOUR)
    assert state(editions) == "approved"


def test_a_change_from_another_state_changes_nothing(editions: Editions, now: datetime) -> None:
    begin(editions, "here", now)
    built(editions, "here", now)
    assert not editions.move(*KEY, ("draft", "sending"), now, state="sent", reason="no")
    assert not editions.move(*KEY, ("approved",), now, owner="there", state="sent")
    assert state(editions) == "approved"


def test_an_edition_of_the_outbox_is_taken_up_once(editions: Editions, now: datetime) -> None:
    assert editions.adopt(*KEY, now, fingerprint="f", built=now, review=False)
    assert not editions.adopt(*KEY, now, fingerprint="other", built=now, review=True)
    status = editions.status(*KEY)
    assert status is not None
    assert (status.state, status.fingerprint) == ("approved", "f")


def test_the_newest_come_first(editions: Editions, now: datetime) -> None:
    for date in ("2026-03-01", "2026-03-03", "2026-03-02"):
        editions.skip("morning", date, "", now)
    editions.adopt("evening", "2026-03-02", now, fingerprint="f", built=now, review=False)
    assert [one.date[-1] for one in editions.statuses("morning")] == ["3", "2", "1"]
    assert [one.name for one in editions.statuses(states=("approved",))] == ["evening/2026-03-02"]
