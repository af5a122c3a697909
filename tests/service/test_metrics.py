"""What Prometheus is told: it parses, it is true, and it names nobody."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import generate_latest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from digest.pipeline.backup import back_up
from digest.pipeline.progress import listening, measured
from digest.records import NewSubscriber
from digest.service import metrics
from digest.service.health import Check
from digest.service.metrics import Values, families
from digest.service.pulse import JobRuns
from digest.store.counts import Sizes, Work

Watched = Any
"""The fixture of `conftest`, which tests can't import."""

TOKEN = "a-key-of-these-tests"
DAY = timedelta(days=1)
READERS = ("ann@example.org", "ben@example.org")


async def page(watched: Watched, **headers: str) -> str:
    async with watched.client() as client:
        answer = await client.get("/metrics", headers=headers)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(
        headers.get("Accept", "text/plain; version=0.0.4").partition(";")[0]
    )
    return answer.text


def samples(text: str) -> dict[tuple[str, tuple[str, ...]], float]:
    """The values by name and labels' values."""
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.fixture
def lived(watched: Watched) -> Watched:
    """A service that has built an edition and sent it to two readers; a third must yet confirm."""
    people = watched.workshop.store.subscribers
    people.subscribe("morning", [NewSubscriber(one) for one in READERS], watched.now)
    people.ask("morning", NewSubscriber("cay@example.org"), watched.now)
    watched.news()
    with listening(watched.metrics.stage):
        jobs = {job.name: job for job in watched.pulse.jobs}
        jobs["tick"].call()
        jobs["deliveries"].call()
    return watched


# --- its form ------------------------------------------------------------------------------------


async def test_it_parses_in_both_formats_and_says_the_same(lived: Watched) -> None:
    text = await page(lived)
    as_openmetrics = await page(lived, Accept="application/openmetrics-text; version=1.0.0")
    plain = {
        sample.name for family in text_string_to_metric_families(text) for sample in family.samples
    }
    opened = {
        sample.name for family in openmetrics_families(as_openmetrics) for sample in family.samples
    }
    assert plain == opened
    assert len([name for name in plain if name.startswith("digest_")]) > 25


async def test_names_follow_the_rules(lived: Watched) -> None:
    for family in text_string_to_metric_families(await page(lived)):
        assert family.documentation, family.name
        assert re.fullmatch(r"(digest|process|python)_[a-z0-9_]+", family.name)
        if family.name.startswith("digest_"):
            # Counters end in `_total`, which the parser takes off, and nothing else does.
            totals = {sample.name.endswith("_total") for sample in family.samples}
            assert totals <= {family.type == "counter"}, family.name
            assert not re.search(r"_(ms|minutes|hours|kb|mb|percent|count|sum)$", family.name)


async def test_labels_are_few_and_name_no_feed_and_nobody(lived: Watched) -> None:
    text = await page(lived)
    known = {
        "check",
        "name",
        "state",
        "digest",
        "folder",
        "queue",
        "stage",
        "le",
        "outcome",
        "fate",
    }
    for family in text_string_to_metric_families(text):
        if family.name.startswith("digest_") and family.name != "digest_build_info":
            assert len(family.samples) < 200, family.name
            for sample in family.samples:
                assert sample.labels.keys() <= known, family.name
    for secret in (*READERS, "cay", "hush", "court", "town", str(lived.folder)):
        assert secret not in text


# --- what it says --------------------------------------------------------------------------------


async def test_it_tells_of_feeds_articles_editions_deliveries_and_queues(lived: Watched) -> None:
    lived.now += DAY / 4
    told = samples(await page(lived))
    expected = {
        ("digest_ready", ()): 1.0,
        ("digest_feeds", ("healthy",)): 1.0,
        ("digest_feeds", ("never_worked",)): 1.0,  # nobody answers at court.example
        ("digest_articles", ()): 3.0,
        ("digest_stories_total", ("morning", "printed")): 3.0,
        ("digest_stories_total", ("morning", "retold")): 0.0,
        ("digest_subscriptions", ("morning", "active")): 2.0,
        ("digest_subscriptions", ("morning", "pending")): 1.0,
        ("digest_editions", ("sent",)): 1.0,
        ("digest_editions", ("draft",)): 0.0,
        ("digest_deliveries", ("sent",)): 2.0,
        ("digest_deliveries", ("pending",)): 0.0,
        ("digest_queue_length", ("deliveries",)): 0.0,
        ("digest_queue_length", ("letters",)): 1.0,
        ("digest_edition_age_seconds", ("morning",)): 6 * 3600.0,
        ("digest_edition_overdue_seconds", ("morning",)): 0.0,
        ("digest_edition_builds_total", ("morning", "built")): 1.0,
        ("digest_delivery_attempts_total", ("sent",)): 2.0,
        ("digest_delivery_attempts_total", ("bounced",)): 0.0,
        ("digest_stage_failures_total", ("fetch",)): 1.0,
        ("digest_job_runs_total", ("tick",)): 1.0,
        ("digest_job_runs_total", ("letters",)): 0.0,
    }
    assert {key: told.get(key) for key in expected} == expected
    stages = {
        key[1][0]: n for key, n in told.items() if key[0] == "digest_stage_duration_seconds_count"
    }
    assert stages == dict.fromkeys(
        ("fetch", "pages", "encode", "group", "summarise", "compose", "publish", "send"), 1.0
    )
    assert told["digest_database_size_bytes", ()] > 0
    assert told["digest_disk_free_bytes", ("outbox",)] > 0
    assert told["process_resident_memory_bytes", ()] > 0


async def test_the_last_backup_is_told_also_that_there_is_none(
    lived: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "_GOOD_FOR", 0.0)
    lived.watch()
    name = ("digest_last_backup_time_seconds", ())
    assert samples(await page(lived))[name] == 0
    feeds, file = lived.folder / "feeds.yaml", lived.folder / "backup.tar.gz"
    back_up(lived.settings, feeds, file, lived.now)
    assert samples(await page(lived))[name] == lived.now.timestamp()
    # Whether there is one nobody knows then, and so nobody says that there is none.
    (lived.settings.state_dir / "last-backup").write_text("yesterday")
    assert name not in samples(await page(lived))


async def test_a_failed_build_and_an_overdue_edition_show(watched: Watched) -> None:
    watched.now += 3 * DAY / 24
    told = samples(await page(watched))
    assert told["digest_edition_overdue_seconds", ("morning",)] == 3 * 3600.0
    assert told["digest_check_ok", ("editions",)] == 0.0
    assert told["digest_check_ok", ("database",)] == 1.0
    assert told["digest_ready", ()] == 0.0
    assert ("digest_edition_age_seconds", ("morning",)) not in told


async def test_an_edition_that_can_t_leave_shows(watched_at: Callable[..., Watched]) -> None:
    watched = watched_at()
    watched.news()
    watched.service.tick()
    watched.now += timedelta(minutes=20)
    told = samples(await page(watched))
    assert told["digest_editions", ("approved",)] == 1.0
    assert told["digest_edition_unsent_seconds", ()] == 20 * 60.0


async def test_where_no_mail_is_set_up_no_edition_is_late_to_leave(
    watched_at: Callable[..., Watched],
) -> None:
    watched = watched_at(mail=False)
    watched.news()
    watched.service.tick()
    watched.now += timedelta(hours=20)
    told = samples(await page(watched))
    assert told["digest_editions", ("approved",)] == 1.0
    assert told["digest_edition_unsent_seconds", ()] == 0.0


async def test_without_a_database_its_values_are_left_out(lived: Watched) -> None:
    lived.workshop.store.close()
    (lived.folder / "state" / "digest.db").rename(lived.folder / "elsewhere")
    told = samples(await page(lived))
    assert told["digest_check_ok", ("database",)] == 0.0
    names = {name for name, _ in told}
    assert not names & {"digest_articles", "digest_editions", "digest_queue_length", "digest_feeds"}
    assert told["digest_edition_builds_total", ("morning", "built")] == 1.0
    assert told["digest_disk_free_bytes", ("state",)] > 0


async def test_asking_often_does_not_ask_the_database_often(lived: Watched) -> None:
    statements: list[str] = []

    def heard(_c: object, _k: object, statement: str, *_: object) -> None:
        statements.append(statement)

    engine = lived.workshop.store._database._engine
    await page(lived)
    event.listen(engine, "before_cursor_execute", heard)
    for _ in range(5):
        await page(lived)
    event.remove(engine, "before_cursor_execute", heard)
    assert [one for one in statements if one not in ("BEGIN", "BEGIN IMMEDIATE")] == []


def test_a_stage_that_fails_is_counted_and_one_that_is_stopped_is_not(watched: Watched) -> None:
    @measured("group")
    def group(trouble: type[BaseException]) -> None:
        raise trouble

    with listening(watched.metrics.stage):
        for trouble in (KeyError, KeyboardInterrupt):
            with pytest.raises(trouble):
                group(trouble)
    with pytest.raises(KeyError):
        group(KeyError)  # nobody listens any more
    told = samples(generate_latest(watched.metrics.registry).decode())
    assert told["digest_stage_failures_total", ("group",)] == 1.0
    assert told["digest_stage_duration_seconds_count", ("group",)] == 1.0


counts = st.integers(0, 10**12)


@given(
    articles=counts,
    names=st.lists(st.from_regex(r"[a-z0-9][a-z0-9_-]{0,63}", fullmatch=True), max_size=5),
    number=counts,
    problem=st.text(),
)
def test_whatever_there_is_parses(
    articles: int, names: list[str], number: int, problem: str
) -> None:
    values = Values(
        now=datetime(2026, 3, 2, tzinfo=UTC),
        checks=[Check("database", problem)],
        jobs=[JobRuns("tick", number, None, None)],
        silence=0.5,
        desk_jobs=number,
        work=Work({"sent": number}, {"bounced": number}, number, None),
        sizes=Sizes(articles, {(name, "active"): number for name in names}, number),
    )

    class Once:
        def collect(self) -> Iterator[Any]:
            return families(values)

    told = samples(generate_latest(Once()).decode())  # type: ignore[arg-type]
    assert told["digest_articles", ()] == articles
    assert told["digest_check_ok", ("database",)] == (not problem)
    assert {labels[0] for name, labels in told if name == "digest_subscriptions"} == set(names)


# --- who may read it -----------------------------------------------------------------------------


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


async def test_this_machine_reads_without_a_key_even_where_the_desk_asks_for_one(
    watched: Watched,
) -> None:
    for peer in ("127.0.0.1", "::1"):
        async with watched.client(peer, TOKEN) as client:
            assert (await client.get("/metrics")).status_code == 200
            assert (await client.get("/editions")).status_code == 303  # nothing else


@pytest.mark.parametrize("headers", [{"X-Forwarded-For": "203.0.113.9"}, {"Via": "1.1 proxy"}])
async def test_what_a_proxy_passes_on_is_not_of_this_machine(
    watched: Watched, headers: dict[str, str]
) -> None:
    async with watched.client("127.0.0.1", TOKEN) as client:
        assert (await client.get("/metrics", headers=headers)).status_code == 401
        with_key = await client.get("/metrics", headers={**headers, **bearer(TOKEN)})
        assert with_key.status_code == 200
    async with watched.client("127.0.0.1") as client:
        assert (await client.get("/metrics", headers=headers)).status_code == 403


async def test_others_need_the_key_and_are_not_led_to_a_page(watched: Watched) -> None:
    async with watched.client("203.0.113.9", TOKEN) as client:
        answer = await client.get("/metrics")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
        assert answer.headers["content-type"].startswith("text/plain")
        assert "digest_" not in answer.text
        for given_ in (bearer(TOKEN), {"Authorization": f"bearer  {TOKEN} "}):
            assert (await client.get("/metrics", headers=given_)).status_code == 200
        for given_ in (bearer("another-key"), {"Authorization": f"Basic {TOKEN}"}):
            assert (await client.get("/metrics", headers=given_)).status_code == 401
        head = await client.head("/metrics", headers=bearer(TOKEN))
        assert (head.status_code, head.content) == (200, b"")
        assert (await client.post("/metrics", headers=bearer(TOKEN))).status_code in (403, 415)


async def test_where_the_desk_has_no_key_others_can_t_read_it(watched: Watched) -> None:
    async with watched.client("203.0.113.9") as client:
        for headers in ({}, bearer(""), bearer(TOKEN)):
            assert (await client.get("/metrics", headers=headers)).status_code == 403


async def test_with_the_key_it_may_be_asked_for_by_any_name(watched: Watched) -> None:
    async with watched.client("203.0.113.9", TOKEN, host="digest.monitoring.internal") as client:
        assert (await client.get("/metrics", headers=bearer(TOKEN))).status_code == 200
        assert (await client.get("/metrics")).status_code == 421
        assert (await client.get("/editions", headers=bearer(TOKEN))).status_code == 421
    # A site that leads its name to this machine (DNS rebinding) has no key.
    async with watched.client("127.0.0.1", TOKEN, host="evil.example") as client:
        assert (await client.get("/metrics")).status_code == 421


async def test_keys_can_t_be_tried_out_and_editors_don_t_notice(watched: Watched) -> None:
    async with watched.client("203.0.113.9", TOKEN) as client:
        codes = [
            (await client.get("/metrics", headers=bearer(f"guess {n}"))).status_code
            for n in range(7)
        ]
        assert codes == [401] * 5 + [429] * 2
        assert (await client.get("/metrics", headers=bearer(TOKEN))).status_code == 429
        assert (await client.get("/enter", params={"token": TOKEN})).status_code == 303
        assert (await client.get("/metrics")).status_code == 200  # by the cookie that it has now
        watched.now += timedelta(minutes=1)
        assert (await client.get("/metrics", headers=bearer(TOKEN))).status_code == 200


async def test_the_key_of_the_metrics_opens_nothing_else(watched: Watched) -> None:
    async with watched.client("203.0.113.9", TOKEN) as client:
        for path in ("/", "/editions", "/jobs", "/metrics/", "/metricsx"):
            assert (await client.get(path, headers=bearer(TOKEN))).status_code == 303, path


@pytest.mark.parametrize("token", [None, TOKEN])
async def test_how_it_is_is_told_to_anybody_and_nothing_else_is(
    watched: Watched, token: str | None
) -> None:
    through = {"X-Forwarded-For": "203.0.113.7"}
    for peer, host, headers in (
        ("203.0.113.9", "localhost", {}),
        ("127.0.0.1", "digest.balancer.internal", {}),
        ("127.0.0.1", "localhost", through),
        ("203.0.113.9", "digest.balancer.internal", through),
    ):
        async with watched.client(peer, token, host=host) as client:
            live = await client.get("/healthz", headers=headers)
            assert (live.status_code, live.json()) == (200, {"status": "ok"})
            ready = await client.get("/readyz", headers=headers)
            assert ready.json()["checks"]["database"]["ok"] is True
            head = await client.head("/healthz", headers=headers)
            assert (head.status_code, head.content) == (200, b"")
            assert (await client.post("/healthz", headers=headers)).status_code >= 400
            for path in ("/", "/metrics", "/jobs", "/healthz/", "/readyz/x", "//healthz"):
                refused = (await client.get(path, headers=headers)).status_code
                assert refused in (303, 401, 403, 421), path


async def test_a_desk_without_a_service_has_no_metrics_and_is_ready(watched: Watched) -> None:
    async with watched.client("127.0.0.1", serves=False) as client:
        assert (await client.get("/metrics")).status_code == 404
    async with watched.client("203.0.113.9", TOKEN, serves=False) as client:
        for path in ("/healthz", "/readyz"):
            assert (await client.get(path)).json() == {"status": "ok"}
