"""Once a day the service forgets what is older than it keeps, and what nobody confirmed."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from digest.cli.tidying import tidied
from digest.config import Config, Settings, load_config
from digest.errors import StoreError
from digest.pipeline.wiring import Workshop, open_workshop
from digest.records import Article, FeedState, NewSubscriber
from digest.service.housekeeping import keep_house, keep_house_daily, kept
from digest.store import pruning

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def configured(folder: Path, *digests: str) -> Config:
    lines = ["digests:", *(f"  - {{{line}}}" for line in digests), "feeds:"]
    lines += [f"  - {{name: {name}, url: {name}.json}}" for name in ("gazette", "almanac")]
    (folder / "feeds.yaml").write_text("\n".join(lines) + "\n", "utf-8")
    return load_config(folder / "feeds.yaml")


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    settings = Settings(state_dir=tmp_path / "state", outbox_dir=tmp_path / "outbox")
    with open_workshop(settings) as opened:
        yield opened


def bring(workshop: Workshop, feed: str, when: datetime) -> str:
    article = Article(
        id=f"{feed}{when:%Y%m%d}",
        feed=feed,
        title=f"News of {when.date()}",
        text="The harbour opened.",
        published=when,
        content_hash=f"{when:%Y%m%d}",
    )
    workshop.store.save_feeds([FeedState(feed, f"{feed}.json")], {feed: [article]}, when)
    return article.id


def worked(workshop: Workshop) -> None:
    for day in (3, 2, 1):
        workshop.store.save_run(NOW - day * DAY, 1.0, {})


def test_what_is_older_than_is_kept_goes(workshop: Workshop, tmp_path: Path) -> None:
    config = configured(tmp_path, "name: morning")
    old, young = bring(workshop, "gazette", NOW - 410 * DAY), bring(workshop, "gazette", NOW)
    workshop.store.subscribers.ask("morning", NewSubscriber("cyd@example.org"), NOW - 40 * DAY)
    worked(workshop)
    done = keep_house(workshop, config, 400, NOW)
    assert str(done) == "1 unconfirmed subscription forgotten; removed: articles 1"
    assert list(workshop.store.articles_by_id([old, young])) == [young]
    assert str(keep_house(workshop, config, 400, NOW)) == (
        "0 unconfirmed subscriptions forgotten; removed: nothing"
    )


def test_before_the_service_has_worked_on_three_dates_nothing_goes(
    workshop: Workshop, tmp_path: Path
) -> None:
    config = configured(tmp_path, "name: morning")
    old = bring(workshop, "gazette", NOW - 410 * DAY)
    assert keep_house(workshop, config, 400, NOW + 5_000 * DAY).pruned.articles == 0
    assert list(workshop.store.articles_by_id([old])) == [old]


def test_windows_and_memories_reach_further_back_than_the_days_that_are_kept(
    tmp_path: Path,
) -> None:
    before, feeds = kept(configured(tmp_path, "name: morning, window: 24h"), 60, NOW)
    assert (before, feeds) == (NOW - 60 * DAY, frozenset())
    for wish, days in (
        ("window: 300d, memory: 0d", 302),
        ("memory: 300d, window: 24h", 303),
        ("memory: 300d, window: 30d", 332),
    ):
        before, _ = kept(configured(tmp_path, f"name: morning, {wish}", "name: noon"), 60, NOW)
        assert before == NOW - days * DAY


def test_a_digest_without_a_window_keeps_all_of_its_feeds(
    workshop: Workshop, tmp_path: Path
) -> None:
    config = configured(tmp_path, "name: morning", "name: all, window: all, feeds: [almanac]")
    assert kept(config, 400, NOW)[1] == {"almanac"}
    ids = [bring(workshop, feed, NOW - 410 * DAY) for feed in ("gazette", "almanac")]
    worked(workshop)
    keep_house(workshop, config, 400, NOW)
    assert list(workshop.store.articles_by_id(ids)) == [ids[1]]


def test_commands_that_cron_starts_do_it_once_a_day(workshop: Workshop, tmp_path: Path) -> None:
    config = configured(tmp_path, "name: morning")
    workshop.state.mkdir(exist_ok=True)
    assert keep_house_daily(workshop, config, 400, NOW) is not None
    assert keep_house_daily(workshop, config, 400, NOW + timedelta(hours=2)) is None
    assert keep_house_daily(workshop, config, 400, NOW + DAY) is not None


class Soon(threading.Event):
    """Is set once it has been asked for a few times."""

    asked = 0

    def is_set(self) -> bool:
        self.asked += 1
        return self.asked > 3


def test_one_that_is_stopped_is_gone_on_with_at_the_same_date(
    workshop: Workshop,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO", "digest.cli.tidying")
    monkeypatch.setattr(pruning, "_AT_ONCE", 1)
    config = configured(tmp_path, "name: morning")
    workshop.state.mkdir(exist_ok=True)
    ids = [bring(workshop, "gazette", NOW - (410 + n) * DAY) for n in range(5)]
    worked(workshop)
    assert tidied(workshop, config, 400, NOW, Soon())
    left = list(workshop.store.articles_by_id(ids))
    assert 0 < len(left) < 5
    assert caplog.messages[-1] == "housekeeping: stopped; the next turn goes on with it"
    assert tidied(workshop, config, 400, NOW, threading.Event())
    assert list(workshop.store.articles_by_id(ids)) == []
    assert caplog.messages[-1].endswith(f"removed: articles {len(left)}")
    # All is done at that date, so there is nothing to stop.
    caplog.clear()
    stopped = threading.Event()
    stopped.set()
    assert tidied(workshop, config, 400, NOW, stopped)
    assert caplog.messages == []


def test_a_state_folder_that_can_t_be_used_is_named(workshop: Workshop, tmp_path: Path) -> None:
    config = configured(tmp_path, "name: morning")
    (workshop.state / "housekeeping").mkdir(parents=True)
    with pytest.raises(StoreError, match=r"housekeeping: .*DIGEST_STATE_DIR"):
        keep_house_daily(workshop, config, 400, NOW)
