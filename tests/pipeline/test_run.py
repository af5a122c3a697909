"""Runs from feeds to outbox: what is done once, what is told once, and what a failure costs."""

from __future__ import annotations

import shutil
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from digest.errors import DigestError, StoreError
from digest.feeds import work
from digest.models import encoder as encoder_module
from digest.pipeline.pool import Pool
from digest.pipeline.run import fetch_only, run
from digest.records import (
    DigestOutcome,
    DueEdition,
    FailedFeed,
    Feed,
    Fetched,
    ParsedFeed,
    RunReport,
)
from digest.store.store import Store

House = Any  # conftest.House: a conftest can't be imported by name, every room has one
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def only(report: RunReport) -> DigestOutcome:
    (outcome,) = report.digests
    return outcome


def entries(report: RunReport) -> dict[str, tuple[str, int, int, int]]:
    return {
        outcome.feed: (outcome.status, outcome.entries, outcome.new, outcome.updated)
        for outcome in report.feeds
    }


# --- done once -----------------------------------------------------------------------------


def test_a_run_builds_the_whole_edition(house: House) -> None:
    house.feed("world", house.item("Alpha"), house.item("Beta"))
    house.feed("town", house.item("Gamma"))
    report = house.run()
    outcome = only(report)
    assert outcome.status == "built"
    assert (outcome.date, outcome.articles, outcome.stories) == ("2026-03-02", 3, 3)
    assert (outcome.encoded, outcome.summarized, outcome.remembered) == (3, 3, 0)
    assert outcome.path == str(house.outbox.folder("daily", "2026-03-02") / "index.html")
    assert set(house.files()) == {
        "edition.json",
        "index.html",
        "digest.txt",
        "digest.md",
        "digest.eml",
    }
    assert house.headlines() == {"Alpha", "Beta", "Gamma"}
    assert entries(report) == {"world": ("fetched", 2, 2, 0), "town": ("fetched", 1, 1, 0)}
    edition = house.edition()
    assert (edition.feeds, edition.articles, edition.failed) == (2, 3, ())
    assert all(story.summary for story in edition.stories)


def test_a_second_run_of_the_date_asks_no_feed_and_summarises_nothing(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", house.item("Gamma"))
    house.run()
    before, encoded = house.files(), house.encoder.texts
    report = house.run(NOON + HOUR)
    assert house.site.asked == []
    assert report.feeds == ()
    assert only(report).status == "exists"
    assert "--force" in only(report).reason
    assert only(report).path.endswith("index.html")
    assert house.encoder.texts == encoded
    assert house.files() == before


def test_the_next_date_tells_only_what_was_not_told_and_asks_conditionally(house: House) -> None:
    tag = 'W/"a-strange, \\"tag\\""'
    house.feed("world", house.item("Alpha"), etag=tag)
    house.feed("town", house.item("Gamma"))
    house.run()
    house.feed("town", house.item("Gamma"), house.item("Delta", NOON + 20 * HOUR))
    report = house.run(NOON + DAY)
    assert sorted(house.site.asked) == [("/town", None), ("/world", tag)]
    assert entries(report) == {"world": ("unchanged", 1, 0, 0), "town": ("fetched", 2, 1, 0)}
    assert house.headlines(date="2026-03-03") == {"Delta"}
    assert (only(report).summarized, only(report).remembered) == (1, 0)


def test_force_builds_equal_bytes_when_nothing_changed(house: House) -> None:
    house.feed("world", house.item("Alpha"), house.item("Undated", None), etag='"1"')
    house.feed("town", house.item("Gamma"))
    house.run()
    before, encoded = house.files(), house.encoder.texts
    report = house.run(force=True)
    assert only(report).status == "built"
    assert (only(report).encoded, only(report).summarized, only(report).remembered) == (0, 3, 0)
    assert house.encoder.texts == encoded
    assert house.files() == before


def test_the_same_moment_on_another_machine_gives_the_same_bytes(house: House) -> None:
    house.feed("world", house.item("Alpha"), house.item("Undated", None))
    house.feed("town", house.item("Gamma"), house.item("Beta"))
    house.run()
    first = house.files()
    for name in ("outbox", "state"):
        (house.folder / name).rename(house.folder / f"other-{name}")
    house.run()
    assert house.files() == first


def test_an_updated_article_is_summarised_again(house: House) -> None:
    house.feed("world", house.item("Alpha", guid="a"), house.item("Beta"))
    house.feed("town", house.item("Gamma"))
    house.run()
    house.feed("world", house.item("Alpha, corrected", guid="a"), house.item("Beta"))
    report = house.run(force=True)
    assert entries(report)["world"] == ("fetched", 2, 0, 1)
    assert (only(report).encoded, only(report).summarized, only(report).remembered) == (1, 3, 0)
    assert house.headlines() == {"Alpha, corrected", "Beta", "Gamma"}


def test_two_articles_of_one_content_are_summarised_once(house: House) -> None:
    house.feed("world", house.item("Alpha", guid="1"))
    house.feed("town", house.item("Alpha", guid="2"))
    outcome = only(house.run())
    assert (outcome.articles, outcome.stories) == (2, 1)
    assert (outcome.encoded, outcome.summarized, outcome.remembered) == (1, 1, 0)


# --- told once -----------------------------------------------------------------------------


def test_an_article_that_was_updated_after_it_was_told_is_not_told_again(house: House) -> None:
    house.feed("world", house.item("Alpha", guid="a"))
    house.feed("town")
    house.run()
    house.feed("world", house.item("Alpha, again", NOON + 20 * HOUR, guid="a"))
    report = house.run(NOON + DAY)
    assert entries(report)["world"] == ("fetched", 1, 0, 1)
    assert only(report).status == "empty"


def test_every_article_of_a_told_story_is_told(house: House) -> None:
    house.configure("{name: daily, window: all}", "world", "town")
    house.feed("world", house.item("Alpha", guid="1"))
    house.feed("town", house.item("Alpha", guid="2"))
    assert only(house.run()).stories == 1
    assert len(house.edition().told) == 2
    assert only(house.run(NOON + DAY)).status == "empty"


def test_what_did_not_fit_is_told_by_the_next_edition_of_window_all(house: House) -> None:
    house.configure("{name: daily, window: all, max_stories: 2}", "world")
    house.feed(
        "world", *(house.item(name) for name in ("Alpha", "Beta", "Gamma", "Delta", "Epsilon"))
    )
    told = []
    for day in range(3):
        house.run(NOON + day * DAY)
        told += sorted(house.headlines(date=f"2026-03-0{2 + day}"))
    assert sorted(told) == ["Alpha", "Beta", "Delta", "Epsilon", "Gamma"]
    assert only(house.run(NOON + 3 * DAY)).status == "empty"


def test_each_digest_tells_for_itself(house: House) -> None:
    house.configure("{name: early, window: all}\n{name: late, window: all}", "world")
    house.feed("world", house.item("Alpha"))
    house.run(NOON, "early")
    house.run(NOON + DAY, "late")
    assert house.headlines("early") == house.headlines("late", "2026-03-03") == {"Alpha"}


class PowerCutError(BaseException):
    """No `except Exception` catches it, as none catches the power going."""


def test_a_power_cut_before_the_store_knows_tells_nothing_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.configure("{name: daily, window: all}", "world")
    house.feed("world", house.item("Alpha"))

    def cut(*_: object) -> None:
        raise PowerCutError

    with monkeypatch.context() as patch:
        patch.setattr(Store, "save_told", cut)
        with pytest.raises(PowerCutError):
            house.run()
    assert house.headlines() == {"Alpha"}
    house.feed("world", house.item("Alpha"), house.item("Beta"))
    house.run(NOON + DAY)
    assert house.headlines(date="2026-03-03") == {"Beta"}


def test_a_power_cut_after_an_edition_was_replaced_tells_nothing_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.configure("{name: daily, window: all}", "world", "town")
    house.run()
    house.feed("town", house.item("Gamma"))
    save_told = Store.save_told

    def cut(store: Store, digest: str, date: str, articles: Any) -> None:
        if articles:
            raise KeyboardInterrupt
        save_told(store, digest, date, articles)

    monkeypatch.setattr(Store, "save_told", cut)
    with pytest.raises(KeyboardInterrupt):
        house.run(force=True)
    monkeypatch.setattr(Store, "save_told", save_told)
    assert house.headlines() == {"Alpha", "Gamma"}
    assert only(house.run(NOON + DAY)).status == "empty"


def test_a_page_that_was_told_is_not_told_again_under_another_id(house: House) -> None:
    alpha = house.item("Alpha")
    house.configure("{name: daily, window: all}", "world")
    house.feed("world", alpha)
    house.run()
    house.configure("{name: daily, window: all}", "renamed")
    house.feed("renamed", alpha)
    assert only(house.run(NOON + DAY)).status == "empty"


def test_an_entry_that_its_feed_doubles_is_not_told_again(house: House) -> None:
    alpha = house.item("Alpha")
    house.configure("{name: daily, window: all}", "world")
    house.feed("world", alpha)
    house.run()
    house.feed("world", alpha, alpha)
    assert only(house.run(NOON + DAY)).status == "empty"


def test_a_lost_state_is_learnt_again_from_the_outbox(house: House) -> None:
    house.configure("{name: daily, window: all}", "world")
    house.feed("world", house.item("Alpha"))
    house.run()
    (house.folder / "state").rename(house.folder / "lost")
    assert only(house.run(NOON + DAY)).status == "empty"


def test_a_damaged_earlier_edition_does_not_stop_today_s(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", house.item("Beta", NOON + 20 * HOUR))
    house.run()
    (house.outbox.folder("daily", "2026-03-02") / "edition.json").write_bytes(b"{}")
    (house.folder / "state").rename(house.folder / "lost")
    assert only(house.run(NOON + DAY)).status == "built"
    assert "2026-03-02" in caplog.text
    assert "may be told again" in caplog.text


# --- window and date -----------------------------------------------------------------------


def test_the_window_takes_what_lies_between_its_edges(house: House) -> None:
    second = timedelta(seconds=1)
    house.feed(
        "world", house.item("At the start", NOON - DAY), house.item("Just in", NOON - DAY + second)
    )
    house.feed("town", house.item("At the end", NOON))
    house.run()
    assert house.headlines() == {"Just in", "At the end"}


def test_a_run_that_starts_late_loses_nothing_since_the_edition_before(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.run(NOON)
    house.feed("town", house.item("Just after it", NOON + HOUR / 2))
    house.run(NOON + DAY + 5 * HOUR)
    assert house.headlines(date="2026-03-03") == {"Just after it"}


def test_an_article_that_its_feed_carries_late_is_told_by_the_next_edition(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.run(NOON)
    house.feed(
        "town",
        house.item("Dated before it", NOON - HOUR / 2),
        house.item("Of long ago", NOON - 3 * DAY),
    )
    house.run(NOON + DAY)
    assert house.headlines(date="2026-03-03") == {"Dated before it"}


def test_the_window_does_not_reach_back_to_an_edition_of_long_ago(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.run(NOON)
    house.feed(
        "town", house.item("Just after it", NOON + HOUR / 2), house.item("Today", NOON + DAY)
    )
    house.run(NOON + DAY + 7 * HOUR)
    assert house.headlines(date="2026-03-03") == {"Today"}


@pytest.mark.parametrize(
    ("zone", "date"),
    [
        ("UTC", "2026-03-02"),
        ("Pacific/Kiritimati", "2026-03-03"),  # 14 hours ahead
        ("Pacific/Pago_Pago", "2026-03-02"),  # 11 hours behind: one in the night
        ("Asia/Kathmandu", "2026-03-02"),
    ],
)
def test_the_date_is_that_of_the_readers(house: House, zone: str, date: str) -> None:
    house.configure(f"{{name: daily, timezone: {zone}}}", "world")
    house.feed("world", house.item("Alpha"))
    outcome = only(house.run())
    assert outcome.date == date
    assert house.edition(date=date).timezone == zone
    assert only(house.run(NOON - timedelta(hours=11, minutes=59))).date == (
        "2026-03-01" if zone == "Pacific/Pago_Pago" else "2026-03-02"
    )


def test_a_run_that_starts_after_midnight_builds_the_day_that_was_due(house: House) -> None:
    midnight = NOON + 12 * HOUR
    house.feed("world", house.item("Alpha", NOON))
    house.feed("town", house.item("After midnight", midnight + HOUR / 12))
    for workshop in house.workshop():
        now, moment = midnight + HOUR / 6, midnight - HOUR / 12
        due = {"daily": DueEdition("daily", "2026-03-02", moment)}
        outcome = only(run(workshop, house.config, house.config.digests, now, due=due))
    assert outcome.date == "2026-03-02"
    assert house.headlines(date="2026-03-02") == {"Alpha", "After midnight"}


def test_an_empty_day_builds_no_edition_and_says_so(house: House) -> None:
    house.feed("world", house.item("Long ago", NOON - 40 * DAY))
    house.feed("town")
    outcome = only(house.run())
    assert outcome.status == "empty"
    assert outcome.reason == "no edition: nothing new in the last 24 hours from 2 feeds"
    assert house.outbox.dates("daily") == []


@pytest.mark.parametrize(
    ("window", "words"),
    [("90m", "90 minutes"), ("36h", "36 hours"), ("7d", "7 days"), ("24h", "24 hours")],
)
def test_an_empty_day_names_its_window(house: House, window: str, words: str) -> None:
    house.configure(f"{{name: daily, window: {window}}}", "world")
    house.feed("world")
    assert only(house.run()).reason == f"no edition: nothing new in the last {words} from 1 feed"


# --- what a failure costs ------------------------------------------------------------------


def test_a_feed_that_fails_once_is_a_line_of_the_report_only(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", status=500)
    report = house.run()
    assert only(report).status == "built"
    assert entries(report)["town"][0] == "failed"
    assert house.edition().failed == ()


def failing_for_days(house: House) -> None:
    """Three editions, during which `town` fails."""
    for day in range(3):
        house.feed("world", house.item(f"Alpha {day}", NOON + day * DAY - HOUR))
        report = house.run(NOON + day * DAY)
        assert only(report).status == "built"


def test_a_feed_that_keeps_failing_is_told_to_editors_and_not_to_readers(house: House) -> None:
    house.feed("town", status=500)
    failing_for_days(house)
    edition = house.edition(date="2026-03-04")
    assert edition.failed == (FailedFeed("town", "HTTP 500, since 2 March"),)
    files = house.files(date="2026-03-04")
    for name in ("index.html", "digest.txt", "digest.eml"):
        assert b"HTTP 500" not in files[name]
    for workshop in house.workshop():
        for_editors = workshop.renderer.render(edition, editors=True)
    assert "For editors only" in for_editors.html
    assert "HTTP 500" in for_editors.html
    assert "HTTP 500" in for_editors.text


def test_readers_are_told_too_when_the_digest_wants_it(house: House) -> None:
    house.configure("{name: daily, show_failed_feeds: true}", "world", "town")
    house.feed("town", status=500)
    failing_for_days(house)
    for name in ("index.html", "digest.txt"):
        assert "HTTP 500" in house.files(date="2026-03-04")[name].decode()


def test_editors_are_told_until_the_feed_worked_twice(house: House) -> None:
    house.feed("town", status=500)
    failing_for_days(house)
    told = []
    for day in range(3, 6):
        house.feed("town", house.item(f"Beta {day}", NOON + day * DAY - HOUR))
        house.run(NOON + day * DAY)
        told.append(bool(house.edition(date=f"2026-03-0{day + 2}").failed))
    assert told == [True, False, False]


def test_readers_are_told_neither_hosts_nor_paths_nor_advice(house: House) -> None:
    failing_for_days(house)
    assert house.edition(date="2026-03-04").failed[0].reason == "HTTP 404, since 2 March"
    path = house.folder / "feeds.yaml"
    path.write_text(path.read_text().replace(f"{house.site.base}/town", "secret/town.xml"))
    for hour in range(3):
        report = house.run(NOON + 2 * DAY + hour * HOUR, force=True)
    assert "secret" in report.feeds[1].reason
    assert (
        house.edition(date="2026-03-04")
        .failed[0]
        .reason.startswith("it could not be reached, since")
    )


def test_when_every_feed_fails_the_digest_fails(house: House) -> None:
    house.feed("world", status=500)
    report = house.run()
    assert {outcome.status for outcome in report.feeds} == {"failed"}
    assert only(report).status == "failed"
    assert only(report).reason == "none of its feeds could be read (2 feeds asked)"
    assert house.outbox.dates("daily") == []


def test_feeds_that_fail_later_leave_what_they_gave_before(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", house.item("Gamma"))
    for workshop in house.workshop():
        fetch_only(workshop, house.config, house.config.digests, NOON)
    house.feed("world", status=503)
    house.feed("town", status=503)
    assert only(house.run()).status == "built"
    assert house.headlines() == {"Alpha", "Gamma"}


def test_a_parser_that_crashes_costs_that_feed_only(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", house.item("Gamma"))
    parse = work.parse_feed

    def crash(feed: Feed, fetched: Fetched, now: datetime) -> ParsedFeed:
        if feed.name == "town":
            raise RuntimeError("dictionary changed size")
        return parse(feed, fetched, now)

    monkeypatch.setattr(work, "parse_feed", crash)
    with ThreadPoolExecutor() as executor:
        house.pool = Pool(executor, 2)
        report = house.run()
    assert [outcome.status for outcome in report.feeds] == ["fetched", "failed"]
    assert "RuntimeError: dictionary changed size" in report.feeds[1].reason
    assert house.headlines() == {"Alpha"}


def test_a_digest_that_fails_leaves_the_others_alone(house: House) -> None:
    house.configure("{name: odd, template: nowhere}\n{name: daily}", "world")
    house.feed("world", house.item("Alpha"))
    odd, daily = house.run().digests
    assert (odd.status, daily.status) == ("failed", "built")
    assert "nowhere" in odd.reason
    assert house.outbox.dates("odd") == []


def test_a_digest_whose_outbox_is_in_the_way_leaves_the_others_alone(house: House) -> None:
    house.configure("{name: odd}\n{name: daily}", "world")
    house.feed("world", house.item("Alpha"))
    (house.folder / "outbox").mkdir()
    (house.folder / "outbox" / "odd").write_bytes(b"a file")
    odd, daily = house.run().digests
    assert (odd.status, daily.status) == ("failed", "built")
    assert "a file stands where a folder is needed" in odd.reason


def test_a_leftover_that_cannot_be_cleared_fails_that_digest_only(house: House) -> None:
    house.configure("{name: odd}\n{name: daily}", "world")
    house.feed("world", house.item("Alpha"))
    (house.folder / "outbox" / "odd").mkdir(parents=True)
    (house.folder / "outbox" / "odd" / ".2026-03-02.building").write_bytes(b"a file")
    odd, daily = house.run().digests
    assert (odd.status, daily.status) == ("failed", "built")


def test_a_defect_in_one_digest_leaves_the_others_alone(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    house.configure("{name: odd}\n{name: daily}", "world")
    house.feed("world", house.item("Alpha"))
    told = Store.told

    def defect(self: Store, digest: str, *rest: Any) -> set[str]:
        if digest == "odd":
            raise ZeroDivisionError("of nothing")
        return told(self, digest, *rest)

    monkeypatch.setattr(Store, "told", defect)
    odd, daily = house.run().digests
    assert (odd.status, daily.status) == ("failed", "built")
    assert odd.reason == "unexpected ZeroDivisionError: of nothing (please report it)"
    assert "digest odd: unexpected error" in caplog.text


def test_a_store_that_fails_ends_the_run(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", house.item("Gamma"))
    for workshop in house.workshop():
        other = sqlite3.connect(house.folder / "state" / "digest.db")
        other.execute("DROP TABLE articles")
        other.commit()
        other.close()
        with pytest.raises(StoreError, match=r"digest\.db"):
            run(workshop, house.config, house.config.digests, NOON)
    assert house.outbox.dates("daily") == []


def test_altered_weights_build_nothing_and_say_so(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town")
    house.encoder = encoder_module.Encoder()
    monkeypatch.setattr(encoder_module, "SHA256", "0" * 64)
    outcome = only(house.run())
    assert outcome.status == "failed"
    assert "not the published all-MiniLM-L6-v2" in outcome.reason
    assert house.outbox.dates("daily") == []


# --- two runs at once ----------------------------------------------------------------------


def test_two_runs_at_once_build_one_edition(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    house.feed("town", house.item("Gamma"))
    reports: list[RunReport] = []
    start = threading.Barrier(2)

    def build() -> None:
        for workshop in house.workshop():
            start.wait(20)
            reports.append(run(workshop, house.config, house.config.digests, NOON))

    threads = [threading.Thread(target=build) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(only(report).status for report in reports) == ["built", "exists"]
    assert sorted(path for path, _ in house.site.asked) == ["/town", "/world"]


def test_a_lock_that_is_held_too_long_is_named(house: House) -> None:
    for first in house.workshop():
        for second in house.workshop():
            held = pytest.raises(DigestError, match=r"another run has held .*run\.lock")
            with first.alone(), held, second.alone(0.1):
                pytest.fail("two runs hold the lock")
            with second.alone(0.1):
                pass


def test_a_state_folder_that_cannot_be_is_named(house: House) -> None:
    house.feed("world", house.item("Alpha"))
    shutil.rmtree(house.folder / "state")
    (house.folder / "state").write_bytes(b"a file")
    with pytest.raises(StoreError, match=r"state"):
        house.run()


# --- much ----------------------------------------------------------------------------------


@pytest.mark.slow
def test_ten_thousand_entries_make_one_bounded_edition(house: House) -> None:
    house.configure("{name: daily, window: all}", "world")
    house.feed(
        "world", *(house.item(f"Event{n}", NOON - n * timedelta(minutes=1)) for n in range(10_000))
    )
    report = house.run()
    assert entries(report)["world"] == ("fetched", 10_000, 10_000, 0)
    outcome = only(report)
    assert (outcome.articles, outcome.stories, outcome.summarized) == (10_000, 20, 20)
    assert len(house.files()["index.html"]) < 300_000
    encoded = house.encoder.texts
    assert only(house.run(NOON + DAY)).stories == 20
    assert house.encoder.texts == encoded


def test_embeddings_of_another_model_are_computed_again(house: House) -> None:
    house.feed("world", *(house.item(f"Story {letter}") for letter in "ABC"))
    house.run()

    class Wider(type(house.encoder)):  # type: ignore[misc]
        size = 96

        @property
        def key(self) -> str:
            return "wider"

    house.encoder = Wider()
    (outcome,) = house.run(NOON + timedelta(hours=1), force=True).digests
    assert (outcome.status, outcome.encoded) == ("built", 3)
    (outcome,) = house.run(NOON + timedelta(hours=2), force=True).digests
    assert outcome.encoded == 0, "and kept"
