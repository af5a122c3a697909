"""Editors' changes in one order, none twice and none lost; and the builds that they change."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import update

from digest.errors import ConflictError, GoneError, StoreError
from digest.records import EditionState, NewOperation, Operation, Verdict
from digest.store.database import Database
from digest.store.desk import BUILDS_KEPT, DeskStore
from digest.store.schema import BuildRow
from digest.store.store import Store

KEY = ("morning", "2026-03-02")
HOUR = timedelta(hours=1)


def no_clash(_since: Sequence[Operation]) -> str:
    return ""


def begun(store: Store, now: datetime, date: str = KEY[1]) -> int:
    """The edition of `date` is a draft; gives its revision."""
    assert store.editions.begin(KEY[0], date, "here", now, now + HOUR, again=True)
    assert store.editions.built(KEY[0], date, "here", now, fingerprint="f", built=now, review=True)
    return revision(store, date)


def revision(store: Store, date: str = KEY[1]) -> int:
    status = store.editions.status(KEY[0], date)
    assert status is not None
    return status.revision


def change(key: str, seen: int, **changes: Any) -> NewOperation:
    new = NewOperation("headline", {"text": "Ferries return"}, "Asha", key, seen, "s1", "a1")
    return replace(new, **changes)


@pytest.fixture
def desk(store: Store, now: datetime) -> DeskStore:
    begun(store, now)
    return store.desk


# --- one after the other --------------------------------------------------------------------


def test_a_change_gets_the_next_number_and_the_next_revision(
    store: Store, desk: DeskStore, now: datetime
) -> None:
    seen = revision(store)
    first = desk.add(*KEY, change("k1", seen), now, no_clash)
    second = desk.add(*KEY, change("k2", seen + 1, kind="drop", values={}), now + HOUR, no_clash)

    assert first == Operation(
        1, "headline", {"text": "Ferries return"}, "Asha", now, "s1", "a1", revision=seen + 1
    )
    assert (second.number, second.revision, second.made) == (2, seen + 2, now + HOUR)
    assert revision(store) == seen + 2
    assert desk.operations(*KEY) == [first, second]


def test_the_same_request_twice_is_one_change(store: Store, desk: DeskStore, now: datetime) -> None:
    seen = revision(store)
    made = desk.add(*KEY, change("k1", seen), now, no_clash)

    assert desk.add(*KEY, change("k1", seen), now + HOUR, no_clash) == made
    assert desk.operations(*KEY) == [made]
    assert revision(store) == seen + 1


def test_a_request_whose_answer_was_lost_is_answered_after_the_edition_was_approved(
    store: Store, desk: DeskStore, now: datetime
) -> None:
    made = desk.add(*KEY, change("k1", revision(store)), now, no_clash)
    assert store.editions.move(*KEY, ("draft",), now, state="approved")

    assert desk.add(*KEY, change("k1", 0), now, no_clash) == made
    assert desk.made(*KEY, "k1") == made
    assert desk.made(*KEY, "k2") is None


def test_one_key_may_stand_for_changes_of_two_editions(
    store: Store, desk: DeskStore, now: datetime
) -> None:
    begun(store, now, "2026-03-03")
    desk.add(*KEY, change("k1", revision(store)), now, no_clash)
    desk.add("morning", "2026-03-03", change("k1", 1), now, no_clash)

    assert [len(desk.operations("morning", date)) for date in (KEY[1], "2026-03-03")] == [1, 1]


def test_times_of_any_zone_are_kept_in_utc(store: Store, desk: DeskStore, now: datetime) -> None:
    local = now.astimezone(timezone(timedelta(hours=9)))
    made = desk.add(*KEY, change("k1", revision(store)), local, no_clash)

    assert made.made == now
    assert made.made.tzinfo is UTC
    with pytest.raises(StoreError, match="no time zone"):
        desk.add(*KEY, change("k2", revision(store)), now.replace(tzinfo=None), no_clash)


def test_a_lone_surrogate_costs_one_character(store: Store, desk: DeskStore, now: datetime) -> None:
    new = change("k\udc80", revision(store), who="As\ud800ha", values={"text": ["\udfff", "é漢🙂"]})
    made = desk.add(*KEY, new, now, no_clash)

    assert (made.who, made.values) == ("As?ha", {"text": ["?", "é漢🙂"]})
    assert desk.add(*KEY, new, now, no_clash) == made


# --- what can't be changed ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "what"),
    [
        ("building", "is being built now; wait"),
        ("approved", "is approved; take its approval back"),
        ("sending", "is being sent"),
        ("sent", "has been sent"),
        ("skipped", "was skipped.*digest run"),
        ("failed", "failed.*digest outbox"),
    ],
)
def test_only_a_draft_is_changed(
    store: Store, desk: DeskStore, now: datetime, state: EditionState, what: str
) -> None:
    made = desk.add(*KEY, change("k1", revision(store)), now, no_clash)
    assert store.editions.move(*KEY, ("draft",), now, state=state)
    before = revision(store)

    with pytest.raises(ConflictError, match=rf"morning/2026-03-02 {what}"):
        desk.add(*KEY, change("k2", before), now, no_clash)
    with pytest.raises(ConflictError, match=rf"morning/2026-03-02 {what}"):
        desk.switch(*KEY, 1, undone=True, seen=before, now=now)
    assert desk.operations(*KEY) == [made]
    assert revision(store) == before


def test_an_edition_that_is_not_there_is_said_to_be_gone(desk: DeskStore, now: datetime) -> None:
    for act in (
        lambda: desk.add("evening", "2026-03-02", change("k1", 0), now, no_clash),
        lambda: desk.switch("evening", "2026-03-02", 1, undone=True, seen=0, now=now),
    ):
        with pytest.raises(GoneError, match=r"no edition evening/2026-03-02.*digest outbox"):
            act()


def test_who_has_seen_everything_is_not_asked_for_clashes(
    store: Store, desk: DeskStore, now: datetime
) -> None:
    def never(_since: Sequence[Operation]) -> str:
        raise AssertionError("there is nothing since")

    desk.add(*KEY, change("k1", revision(store)), now, never)
    desk.add(*KEY, change("k2", revision(store)), now, never)
    begun(store, now)  # built anew: no editor's change
    desk.add(*KEY, change("k3", revision(store) - 1), now, never)


def test_what_was_done_since_the_page_was_loaded_decides_about_a_clash(
    store: Store, desk: DeskStore, now: datetime
) -> None:
    seen = revision(store)
    first = desk.add(*KEY, change("k1", seen), now, no_clash)
    desk.add(*KEY, change("k2", seen + 1), now, no_clash)
    loaded = revision(store)
    third = desk.add(*KEY, change("k3", loaded, story="s3"), now, no_clash)
    first = desk.switch(*KEY, first.number, undone=True, seen=loaded + 1, now=now + HOUR)
    asked: list[Sequence[Operation]] = []

    def clash(since: Sequence[Operation]) -> str:
        asked.append(since)
        return "look at it" if any(operation.story == "s1" for operation in since) else ""

    with pytest.raises(ConflictError, match=r"^look at it$"):
        desk.add(*KEY, change("k4", loaded), now, clash)
    assert asked == [[first, third]]
    assert [operation.number for operation in desk.operations(*KEY)] == [1, 2, 3]
    assert revision(store) == loaded + 2

    # The taking out was seen by now, and the other story is not in the way.
    made = desk.add(*KEY, change("k4", loaded + 2, story="s2"), now, clash)
    assert (made.number, made.revision) == (4, loaded + 3)


def test_a_page_of_a_later_state_than_there_is_is_refused(
    store: Store, desk: DeskStore, now: datetime
) -> None:
    # After a backup was restored: what that editor saw is not there any more.
    with pytest.raises(ConflictError, match=r"not as your page showed it any more: look at it"):
        desk.add(*KEY, change("k1", revision(store) + 1), now, no_clash)
    assert desk.operations(*KEY) == []


# --- taking out and putting back ------------------------------------------------------------


def test_what_was_taken_out_is_put_back_in_its_place(
    store: Store, desk: DeskStore, now: datetime
) -> None:
    seen = revision(store)
    made = [desk.add(*KEY, change(f"k{n}", seen + n), now, no_clash) for n in range(3)]
    out = desk.switch(*KEY, 2, undone=True, seen=seen + 3, now=now + HOUR, who="Cleo")

    by_cleo = replace(made[1], switched=now + HOUR, switched_by="Cleo")
    assert out == replace(by_cleo, undone=now + HOUR, revision=seen + 4)
    assert desk.operations(*KEY) == [made[0], out, made[2]]
    back = desk.switch(*KEY, 2, undone=False, seen=seen + 4, now=now + 2 * HOUR, who="Dan")
    by_dan = replace(made[1], switched=now + 2 * HOUR, switched_by="Dan")
    assert back == replace(by_dan, revision=seen + 5)
    assert desk.operations(*KEY) == [made[0], back, made[2]]
    assert revision(store) == seen + 5


def test_whoever_takes_something_out_must_have_seen_the_whole(
    store: Store, desk: DeskStore, now: datetime
) -> None:
    seen = revision(store)
    desk.add(*KEY, change("k1", seen), now, no_clash)
    desk.add(*KEY, change("k2", seen + 1, who="Bram"), now, no_clash)

    with pytest.raises(ConflictError, match=r"^Bram changed .*06:30 UTC\): look at it"):
        desk.switch(*KEY, 1, undone=True, seen=seen + 1, now=now + HOUR)
    desk.switch(*KEY, 1, undone=True, seen=seen + 2, now=now + HOUR)
    with pytest.raises(ConflictError, match=r"change 1 by Asha was taken out at 07:30 UTC"):
        desk.switch(*KEY, 2, undone=True, seen=seen + 2, now=now + HOUR)
    with pytest.raises(ConflictError, match=r"taken out at 2026-03-02 07:30 UTC"):
        desk.switch(*KEY, 2, undone=True, seen=seen + 2, now=now + timedelta(days=2))
    there = ZoneInfo("Asia/Tokyo")
    with pytest.raises(ConflictError, match=r"taken out at 16:30 JST: look at it"):
        desk.switch(*KEY, 2, undone=True, seen=seen + 2, now=now + HOUR, zone=there)
    begun(store, now)
    with pytest.raises(ConflictError, match="not as your page showed it any more"):
        desk.switch(*KEY, 2, undone=True, seen=seen + 3, now=now + HOUR)
    assert [operation.undone for operation in desk.operations(*KEY)] == [now + HOUR, None]


def test_a_switch_that_changes_nothing_is_refused(
    store: Store, desk: DeskStore, now: datetime
) -> None:
    desk.add(*KEY, change("k1", revision(store)), now, no_clash)
    with pytest.raises(ConflictError, match="change 1 counts already"):
        desk.switch(*KEY, 1, undone=False, seen=revision(store), now=now)
    desk.switch(*KEY, 1, undone=True, seen=revision(store), now=now)
    with pytest.raises(ConflictError, match="change 1 is taken out already"):
        desk.switch(*KEY, 1, undone=True, seen=revision(store), now=now)
    with pytest.raises(GoneError, match="no change 7"):
        desk.switch(*KEY, 7, undone=True, seen=revision(store), now=now)


# --- verdicts -------------------------------------------------------------------------------

GOOD = Verdict("Ferries return.", True, 0.875, (), (0, 3))
BAD = Verdict("Nine did.", False, 0.125, ("“Nine” stands nowhere in the article",), ())


def test_verdicts_are_kept_by_the_content_that_they_were_held_against(
    store: Store, desk: DeskStore, now: datetime
) -> None:
    made = desk.add(*KEY, change("k1", revision(store)), now, no_clash)
    before = revision(store)
    desk.checked(*KEY, 1, "h1", [BAD])
    desk.checked(*KEY, 1, "h2", [])
    desk.checked(*KEY, 1, "h1", [GOOD, BAD])

    assert desk.operations(*KEY) == [replace(made, checked={"h1": (GOOD, BAD), "h2": ()})]
    # Whoever approves must have seen them.
    assert revision(store) == before + 3
    with pytest.raises(GoneError, match="no change 2"):
        desk.checked(*KEY, 2, "h1", [GOOD])


# --- two at once ----------------------------------------------------------------------------


def test_changes_of_many_at_once_are_all_there_once(
    url: str, store: Store, desk: DeskStore, now: datetime
) -> None:
    seen = revision(store)
    editors, each = 4, 15
    got: list[Operation] = []

    def edit(name: str) -> None:
        mine = Store(url)
        for n in range(each):
            new = change(f"{name}-{n}", seen, who=name, story=f"{name}-{n}")
            got.append(mine.desk.add(*KEY, new, now, no_clash))
            got.append(mine.desk.add(*KEY, new, now, no_clash))  # a double click
        mine.close()

    threads = [threading.Thread(target=edit, args=(f"editor{n}",)) for n in range(editors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    operations = desk.operations(*KEY)
    assert [operation.number for operation in operations] == list(range(1, editors * each + 1))
    assert {operation.story for operation in operations} == {
        f"editor{n}-{m}" for n in range(editors) for m in range(each)
    }
    assert sorted(operation.revision for operation in operations) == [
        seen + n for n in range(1, editors * each + 1)
    ]
    assert len(got) == 2 * editors * each
    assert all(operations[operation.number - 1] == operation for operation in got)


EDITOR = """
import sys
from datetime import UTC, datetime
from digest.records import NewOperation
from digest.store.store import Store

url, name = sys.argv[1:]
store = Store(url)
print("ready", flush=True)
sys.stdin.readline()
for n in range(30):
    # Half of the keys are the other's too: a form that was sent by two windows.
    key = f"shared-{n}" if n % 2 else f"{name}-{n}"
    new = NewOperation("drop", {}, name, key, 1, key)
    made = store.desk.add("morning", "2026-03-02", new, datetime.now(UTC), lambda since: "")
    print(made.number, made.story, flush=True)
"""


def test_changes_of_two_processes_at_once_are_all_there_once(
    url: str, store: Store, desk: DeskStore
) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", EDITOR, url, name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("asha", "bram")
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    outputs = [process.communicate("go\n", timeout=60)[0] for process in processes]

    operations = desk.operations(*KEY)
    assert [operation.number for operation in operations] == list(range(1, 46))
    assert len({operation.story for operation in operations}) == 45
    assert revision(store) == 46
    known = {f"{operation.number} {operation.story}" for operation in operations}
    for process, output in zip(processes, outputs, strict=True):
        assert process.returncode == 0
        assert len(output.splitlines()) == 30
        assert set(output.splitlines()) <= known


def test_of_two_who_take_out_at_one_revision_one_is_told_of_the_other(
    url: str, store: Store, desk: DeskStore, now: datetime
) -> None:
    for n in range(2):
        desk.add(*KEY, change(f"k{n}", revision(store)), now, no_clash)
    seen = revision(store)
    together = threading.Barrier(2)
    outcomes: list[str] = []

    def take_out(number: int) -> None:
        mine = Store(url)
        together.wait()
        try:
            mine.desk.switch(*KEY, number, undone=True, seen=seen, now=now)
            outcomes.append("done")
        except ConflictError as error:
            outcomes.append(str(error))
        mine.close()

    threads = [threading.Thread(target=take_out, args=(number,)) for number in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    other, done = sorted(outcomes)
    assert done == "done"
    assert "was taken out at" in other
    assert revision(store) == seen + 1


# --- builds ---------------------------------------------------------------------------------


def test_builds_are_counted_and_come_back_as_they_were(desk: DeskStore, now: datetime) -> None:
    assert desk.draft(*KEY) is None
    assert desk.draft_number(*KEY) == 0
    assert desk.save_build(*KEY, now, "built", b'{"a": 1}', b"draft one") == 1
    assert desk.save_build(*KEY, now + HOUR, "approved", b'{"a": 2}', None) == 2

    assert desk.builds(*KEY) == [(1, now, "built"), (2, now + HOUR, "approved")]
    assert [desk.build(*KEY, number) for number in (1, 2, 3)] == [b'{"a": 1}', b'{"a": 2}', None]
    assert desk.draft(*KEY) == (1, b"draft one")
    assert desk.draft_number(*KEY) == 1


def test_a_build_made_again_after_a_crash_is_one_build(desk: DeskStore, now: datetime) -> None:
    built = [desk.save_build(*KEY, now + n * HOUR, "built", b"1", b"draft") for n in range(2)]
    approved = [desk.save_build(*KEY, now + n * HOUR, "approved", b"1", None) for n in range(2)]
    assert (built, approved) == ([1, 1], [2, 2])
    assert desk.builds(*KEY) == [(1, now, "built"), (2, now, "approved")]
    assert desk.save_build(*KEY, now, "built", b"1", b"draft") == 3  # after what was approved
    assert desk.save_build(*KEY, now, "built", b"1", b"another draft") == 4


def test_an_edition_that_only_the_outbox_knows_may_have_builds(
    desk: DeskStore, now: datetime
) -> None:
    assert desk.save_build("evening", "2026-03-02", now, "approved", b"{}", None) == 1
    assert desk.build("evening", "2026-03-02", 1) == b"{}"


def test_only_the_newest_builds_stay_and_always_the_newest_draft(
    desk: DeskStore, now: datetime
) -> None:
    desk.save_build(*KEY, now, "built", b"1", b"old draft")
    desk.save_build(*KEY, now, "built", b"2", b"the draft")
    for n in range(3, 31):
        assert desk.save_build(*KEY, now, "approved", str(n).encode(), None) == n

    numbers = [number for number, _, _ in desk.builds(*KEY)]
    assert numbers == [2, *range(31 - BUILDS_KEPT, 31)]
    assert desk.draft(*KEY) == (2, b"the draft")
    assert desk.save_build(*KEY, now, "built", b"31", b"newer") == 31
    assert [number for number, _, _ in desk.builds(*KEY)] == list(range(32 - BUILDS_KEPT, 32))
    assert desk.draft(*KEY) == (31, b"newer")


def test_old_builds_are_pruned_by_the_editions_date_and_operations_stay(
    store: Store, desk: DeskStore, now: datetime
) -> None:
    begun(store, now, "2026-03-03")
    made = desk.add(*KEY, change("k1", revision(store)), now, no_clash)
    for date in (KEY[1], "2026-03-03"):
        for n in range(2):
            desk.save_build("morning", date, now, "built", b"%d" % n, b"draft")

    assert desk.prune("2026-03-03") == 2
    assert desk.builds(*KEY) == []
    assert desk.draft(*KEY) is None
    assert len(desk.builds("morning", "2026-03-03")) == 2
    assert desk.operations(*KEY) == [made]


def test_the_builds_of_what_is_not_sent_stay_however_old_they_are(
    store: Store, desk: DeskStore, now: datetime
) -> None:
    begun(store, now, "2026-03-03")
    store.editions.skip("morning", "2026-03-04", "nothing new", now)
    for date in ("2026-03-03", "2026-03-04"):
        desk.save_build("morning", date, now, "built", b"{}", b"draft")
    assert desk.prune("2100-01-01", waiting=False) == 1
    assert len(desk.builds("morning", "2026-03-03")) == 1


def test_a_damaged_build_is_named_with_what_to_do(url: str, desk: DeskStore, now: datetime) -> None:
    desk.save_build(*KEY, now, "built", b"{}", None)
    database = Database(url)
    with database.transaction() as connection:
        connection.execute(update(BuildRow).values(edition=b"no zlib stream"))
    database.close()

    with pytest.raises(StoreError, match=r"build 1 of morning/2026-03-02 .*digest run --force"):
        desk.build(*KEY, 1)


def test_builds_of_two_at_once_have_numbers_of_their_own(
    url: str, desk: DeskStore, now: datetime
) -> None:
    def build(name: str) -> None:
        mine = Store(url)
        for n in range(5):
            edition = f"{name}{n}".encode()
            numbers.append(mine.desk.save_build(*KEY, now, "built", edition, None))
        mine.close()

    numbers: list[int] = []
    threads = [threading.Thread(target=build, args=(name,)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(numbers) == list(range(1, 11))
    assert len(desk.builds(*KEY)) == 10
