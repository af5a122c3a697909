"""No query of a run, of sending or of the desk reads a whole table of those that grow.

The statements are those that are really sent to the database, on SQLite and on PostgreSQL. SQLite
plans without looking at the rows; PostgreSQL needs some thousand of them, and statistics.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, make_url
from starlette.testclient import TestClient

from digest.config import Settings, load_config
from digest.pipeline.delivering import deliver
from digest.pipeline.pool import Pool
from digest.pipeline.run import run
from digest.pipeline.summarizers import Summarizers
from digest.pipeline.wiring import Workshop, open_workshop, theme_folders
from digest.preview.app import create_app
from digest.preview.jobs import Jobs
from digest.preview.room import DeskRoom
from digest.records import NewSubscriber
from digest.store.database import Database
from digest.store.store import Store
from tests.postgres import PostgresServer

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import filled
from hashed import HashedEncoder, no_model
from plans import Statements, collected, queries, scans, scans_of_postgres

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
DAY = timedelta(days=1)
WORDS = (
    ("Harbour", "Library", "Glacier", "Tramway"),
    ("Comets", "Orchards", "Elections", "Bakeries"),
)


def write_feeds(folder: Path, now: datetime) -> None:
    for name in ("gazette", "courier"):
        items = [
            {
                "id": f"{name}-{now:%d}-{number}",
                "url": f"https://{name}.example/{now:%d}/{number}",
                "title": f"{word} {word} {name}",
                "date_published": (now - timedelta(hours=number + 1)).isoformat(),
                "content_text": f"{word} {word} {word}. {name} saw {word}, {number} of them.",
            }
            for number, word in enumerate(WORDS[now.day % 2])
        ]
        feed = {"version": "https://jsonfeed.org/version/1.1", "title": name, "items": items}
        (folder / f"{name}.json").write_text(json.dumps(feed), "utf-8")
    (folder / "feeds.yaml").write_text(
        "digests:\n  - {name: morning, topics: [Town], review: true, from: d@example.org}\n"
        "feeds:\n  - {name: gazette, url: gazette.json}\n  - {name: courier, url: courier.json}\n",
        "utf-8",
    )


def live(folder: Path, url: str) -> None:
    """Two days: a run, a look at all pages of the desk, an approval, sending; then housekeeping."""
    settings = Settings(
        state_dir=folder / "state",
        outbox_dir=folder / "outbox",
        database_url=url,
        smtp_url=f"file:{folder / 'mail'}",
        smtp_per_hour=1_000,
        public_url="https://news.example.org",
    )
    with open_workshop(settings) as workshop, ThreadPoolExecutor(1) as here:
        encoder = HashedEncoder()
        tools = Summarizers(encoder, no_model)
        workshop = replace(workshop, encoder=encoder, summarizers=tools, pool=Pool(here, 1))
        people = workshop.store.subscribers
        people.subscribe("morning", [NewSubscriber("ann@example.org")], NOW)
        people.ask("morning", NewSubscriber("bo@example.org"), NOW)
        people.letters_wait(NOW)
        people.confirmations(NOW, 10)
        for now in (NOW, NOW + DAY):
            write_feeds(folder, now)
            config = load_config(folder / "feeds.yaml")
            [outcome] = run(workshop, config, config.digests, now).digests
            assert outcome.status == "built", outcome.reason
            look(workshop, folder / "feeds.yaml", now)
            key = ("morning", now.date().isoformat())
            workshop.store.editions.move(
                *key, ("draft",), now, state="approved", approved=now, send_at=now
            )
            [report] = deliver(workshop, lambda now=now: now)
            assert report.state == "sent"
        feeds = config.records()
        workshop.store.feed_rates(feeds, now)
        workshop.store.feed_days("gazette", NOW - 30 * DAY, now)
        workshop.store.runs("send", 5)
        workshop.store.pruning.prune(now - 400 * DAY)


def look(workshop: Workshop, feeds: Path, now: datetime) -> None:
    """Asks for each page of the desk that there is."""

    def config() -> Any:
        return load_config(feeds)

    jobs = Jobs(workshop, config, lambda: "", lambda: now, serves=False)
    room = DeskRoom(
        workshop=workshop,
        config=config,
        config_error=lambda: "",
        clock=lambda: now,
        jobs=jobs,
        themes=theme_folders(Settings()),
    )
    edition = f"/editions/morning/{now.date()}"
    pages = ["/", "/editions", "/feeds", "/feeds/gazette", "/version", "/jobs", edition]
    pages += [
        f"{edition}/{page}"
        for page in ("weight", "written", "email.html", "digest.txt", "builds", "history", "send")
    ]
    try:
        with TestClient(create_app(room), base_url="http://localhost") as client:
            stories: set[str] = set()
            for page in pages:
                answer = client.get(page)
                assert answer.status_code == 200, f"{page}: {answer.status_code}"
                stories |= set(re.findall(rf"{edition}/stories/\w+", answer.text))
            for story in sorted(stories):
                assert client.get(story).status_code == 200
            assert stories
    finally:
        jobs.stop()


def without_scanning(connection: Connection, text: str, values: Any) -> list[str]:
    """What PostgreSQL would read whole even if that were dear."""
    connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
    return scans_of_postgres(connection, text, values)


@pytest.mark.slow
def test_no_query_scans_a_growing_table_on_sqlite(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'digest.db'}"
    Store(url).close()
    with collected() as found:
        live(tmp_path, url)
    looked, bad = scans(url, found)
    assert looked > 60
    assert bad == []


@pytest.mark.slow
def test_no_query_scans_a_growing_table_on_postgresql(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    def address(name: str) -> str:
        url = make_url(postgres.url(name)).set(drivername="postgresql")
        return url.render_as_string(hide_password=False)

    databases = filled.PostgresServer(address)
    filled.fill(databases, "plans", filled.Size(articles=4_000, feeds=40, people=10))
    url = databases.url("plans")
    with collected() as found:
        live(tmp_path, url)
    databases.execute("plans", "ANALYZE")
    looked, bad = scans(url, found, without_scanning)
    assert looked > 60
    assert bad == []


def test_a_window_is_found_by_the_index_also_where_articles_came_late(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'digest.db'}"
    store = Store(url)
    with collected() as found:
        store.articles(["gazette"], NOW - DAY, NOW, (NOW - 2 * DAY, NOW - DAY))
    store.close()
    assert steps(url, found) == [
        "SEARCH articles USING INDEX ix_articles_feed_published "
        "(feed=? AND published>? AND published<?)"
    ]


def steps(url: str, found: Statements) -> Sequence[str]:
    database = Database(url)
    with database.reading() as connection:
        found_steps = [
            row[3]
            for text, values in queries(found).items()
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values)
        ]
    database.close()
    return found_steps
