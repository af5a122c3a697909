"""Counts for whoever watches: true on either engine, and by an index where there is much."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import event, insert

from digest.store.counts import Sizes, Work
from digest.store.schema import (
    ArticleRow,
    DeliveryRow,
    EditionRow,
    SubscriberRow,
    SubscriptionRow,
)
from digest.store.store import Store

DAY = timedelta(days=1)


def fill(store: Store, row: Any, *values: dict[str, Any]) -> None:
    with store._database.transaction() as connection:
        for one in values:
            connection.execute(insert(row).values(**one))


def edition(digest: str, date: str, state: str, now: datetime, **more: Any) -> dict[str, Any]:
    return {"digest": digest, "date": date, "state": state, "updated": now, **more}


def deliveries(digest: str, date: str, **counts: int) -> list[dict[str, Any]]:
    states = [state for state, count in counts.items() for _ in range(count)]
    return [
        {"digest": digest, "date": date, "subscriber": number, "state": state}
        for number, state in enumerate(states, 1)
    ]


def test_a_database_that_answers_says_nothing(store: Store) -> None:
    assert store.counts.answer() is None


def test_nothing_is_under_way_at_first(store: Store, now: datetime) -> None:
    assert store.counts.work(now, "2026-02-23") == Work()
    sizes = store.counts.sizes(["morning"])
    assert sizes == Sizes(0, {}, sizes.database)
    assert sizes.database > 0


def test_deliveries_count_while_they_are_under_way_or_lately_done(
    store: Store, now: datetime
) -> None:
    fill(
        store,
        EditionRow,
        edition("morning", "2026-03-01", "sent", now),
        edition("morning", "2026-02-01", "sent", now),
        edition("evening", "2026-02-02", "sending", now),
        edition("evening", "2026-03-01", "skipped", now),
    )
    fill(
        store,
        DeliveryRow,
        *deliveries("morning", "2026-03-01", sent=3, bounced=1, unconfirmed=1),
        *deliveries("morning", "2026-02-01", sent=50),
        *deliveries("evening", "2026-02-02", pending=2, deferred=1, sent=1),
    )
    work = store.counts.work(now, "2026-02-23")
    assert work.editions == {"sent": 2, "sending": 1, "skipped": 1}
    assert work.deliveries == {
        "sent": 4,
        "bounced": 1,
        "unconfirmed": 1,
        "pending": 2,
        "deferred": 1,
    }


def test_an_approved_edition_that_should_leave_is_known_by_its_oldest_time(
    store: Store, now: datetime
) -> None:
    fill(
        store,
        EditionRow,
        edition("morning", "2026-03-02", "approved", now, send_at=now - timedelta(minutes=5)),
        edition("evening", "2026-03-02", "approved", now, send_at=now - timedelta(minutes=9)),
        edition("night", "2026-03-02", "approved", now, send_at=now + timedelta(minutes=1)),
        edition("noon", "2026-03-02", "approved", now),
        edition("noon", "2026-03-01", "sent", now, send_at=now - DAY),
    )
    assert store.counts.work(now, "2026-02-23").leaving == now - timedelta(minutes=9)


def test_an_edition_that_was_approved_after_its_time_should_leave_from_then_on(
    store: Store, now: datetime
) -> None:
    late, early = now - timedelta(minutes=2), now - 2 * DAY
    fill(
        store,
        EditionRow,
        edition("morning", "2026-03-02", "approved", now, send_at=now - DAY, approved=late),
    )
    assert store.counts.work(now, "2026-02-23").leaving == late
    fill(
        store,
        EditionRow,
        edition(
            "evening",
            "2026-03-02",
            "approved",
            now,
            send_at=now - timedelta(minutes=5),
            approved=early,
        ),
    )
    assert store.counts.work(now, "2026-02-23").leaving == now - timedelta(minutes=5)


def test_letters_wait_until_they_are_sent(store: Store, now: datetime) -> None:
    fill(
        store,
        SubscriptionRow,
        *(
            {"subscriber": n, "digest": "morning", "state": "pending", "asked": now}
            | {"confirmation": confirmation}
            for n, confirmation in enumerate(["wanted", "wanted", "sent", ""])
        ),
    )
    assert store.counts.work(now, "2026-02-23").letters == 2


def test_the_last_run_is_told_and_rounds_of_sending_are_none(store: Store, now: datetime) -> None:
    store.save_run(now - DAY, 3.0, {})
    store.save_run(now, 2.5, {})
    store.save_run(now, 99.0, {}, kind="send")
    assert store.counts.work(now, "2026-02-23").run == (now, 2.5)


def test_sizes_are_of_the_digests_that_are_asked_for(store: Store, now: datetime) -> None:
    people = [
        {"key": f"k{n}", "address": f"p{n}@example.org", "address_key": f"p{n}", "created": now}
        for n in range(3)
    ]
    fill(store, SubscriberRow, *people)
    fill(
        store,
        SubscriptionRow,
        *(
            {"subscriber": n, "digest": digest, "state": state, "asked": now}
            for n, digest, state in [
                (1, "morning", "active"),
                (2, "morning", "active"),
                (3, "morning", "ended"),
                (1, "gone", "active"),
            ]
        ),
    )
    fill(store, ArticleRow, *(article(f"a{n}", now) for n in range(5)))
    sizes = store.counts.sizes(["morning", "new"])
    assert sizes.articles == 5
    assert sizes.subscriptions == {("morning", "active"): 2, ("morning", "ended"): 1}


def article(id: str, now: datetime) -> dict[str, Any]:
    texts = dict.fromkeys(
        ("guid", "url", "title", "author", "language", "summary", "text", "image"), ""
    )
    return {
        **texts,
        "id": id,
        "feed": "town",
        "published": now,
        "date_origin": "feed",
        "tags": [],
        "content_hash": id,
        "first_seen": now,
    }


def test_the_newest_editions_come_first_and_the_last_one_built_is_among_them(
    store: Store, now: datetime
) -> None:
    dates = [f"2026-02-{day:02}" for day in range(1, 29)]
    fill(
        store,
        EditionRow,
        edition("morning", "2026-01-01", "sent", now, built=now - 60 * DAY),
        edition("morning", "2026-01-02", "sent", now, built=now - 59 * DAY),
        *(edition("morning", date, "skipped", now) for date in dates),
        edition("morning", "2026-09-01", "skipped", now),  # of a clock that was wrong
        edition("evening", "2026-02-28", "sent", now, built=now - 3 * DAY),
    )
    found = store.counts.newest_editions(
        {"morning": "2026-03-03", "evening": "2026-03-03", "new": "2026-03-03"}, most=3
    )
    assert {digest: [row.date for row in rows] for digest, rows in found.items()} == {
        "morning": ["2026-02-28", "2026-02-27", "2026-02-26", "2026-01-02"],
        "evening": ["2026-02-28"],
        "new": [],
    }


# --- how it is counted ---------------------------------------------------------------------------


@contextmanager
def statements(store: Store) -> Iterator[list[tuple[str, Any]]]:
    seen: list[tuple[str, Any]] = []
    engine = store._database._engine

    def heard(_c: object, _k: object, statement: str, values: Any, *_: object) -> None:
        if statement.startswith("SELECT"):
            seen.append((statement, values))

    event.listen(engine, "before_cursor_execute", heard)
    yield seen
    event.remove(engine, "before_cursor_execute", heard)


def test_what_is_under_way_is_found_by_an_index(tmp_path: Path, now: datetime) -> None:
    store = Store(f"sqlite:///{tmp_path / 'digest.db'}")
    fill(
        store,
        EditionRow,
        *(
            edition("morning", f"20{y}-{m:02}-01", "sent", now)
            for y in range(10, 26)
            for m in range(1, 13)
        ),
    )
    fill(store, DeliveryRow, *deliveries("morning", "2025-12-01", sent=500))
    with statements(store) as seen:
        store.counts.work(now, "2025-11-25")
        store.counts.newest_editions({"morning": "2026-03-03"})
        store.counts.answer()
    plans = {}
    with store._database.reading() as connection:
        for statement, values in seen:
            rows = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)
            plans[statement] = [row[3] for row in rows]
    store.close()
    assert len(plans) >= 6
    for statement, plan in plans.items():
        for step in plan:
            # `editions` has a row a digest and day; all else may have a million.
            if step.startswith("SCAN") and "editions" not in step:
                assert "secrets" in step or "runs" in step, f"{step}: {statement}"
