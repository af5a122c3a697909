"""What is too old goes, and nothing that anybody still needs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from digest.records import (
    Article,
    EditionState,
    Encoded,
    Feed,
    NewOperation,
    NewSubscriber,
    Summary,
    SummarySentence,
    Validators,
)
from digest.store.pruning import Pruned
from digest.store.store import Store

Make = Callable[..., Article]
Save = Callable[..., tuple[int, int]]
DAY = timedelta(days=1)
FEED = Feed("gazette", "https://gazette.example/feed")
NOTHING = Validators(None, None)
YEAR = 400 * DAY


@pytest.fixture
def before(now: datetime) -> datetime:
    return now - YEAR


def hashed(number: int) -> str:
    """Hashes that are spread as SHA-256 spreads them."""
    return f"{number % 256:02x}{number:062x}"


@pytest.fixture
def daily(store: Store, save: Save, make_article: Make, now: datetime) -> Callable[..., list[str]]:
    """A feed that listed its ten newest articles on each of `days`, the last one `ago`; ids."""

    def live(days: int, ago: int = 0, feed: Feed = FEED, listed: int = 10) -> list[str]:
        made: list[Article] = []
        for day in range(days + ago, ago, -1):
            when = now - day * DAY
            id, content = f"{feed.name}{day:04}", hashed(day)
            article = make_article(
                id,
                feed=feed.name,
                guid=id,
                published=when - timedelta(hours=2),
                content_hash=content,
                url=f"https://{feed.name}.example/{day}",
            )
            made.append(article)
        # Some at a time, with the time of the last of them: it is that they are old which counts.
        for start in range(0, len(made), listed):
            part = made[start : start + listed]
            save(store, feed, part, NOTHING, part[-1].published + timedelta(hours=2))
        hashes = [article.content_hash for article in made]
        vectors = Encoded(np.ones(4, dtype=np.float32), np.ones((2, 4), dtype=np.float32))
        store.save_embeddings("encoder", dict.fromkeys(hashes, vectors))
        summary = Summary((SummarySentence("The harbour opened.", (0,), 1.0),), "extractive")
        store.save_summaries("extractive", dict.fromkeys(hashes, summary))
        store.save_story_ids("morning", {article.id: article.id for article in made})
        return [article.id for article in made]

    return live


def there(store: Store, ids: Sequence[str]) -> list[str]:
    return sorted(store.articles_by_id(ids))


def test_articles_go_with_all_that_was_made_of_them(
    store: Store, daily: Callable[..., list[str]], before: datetime
) -> None:
    ids = daily(500)
    gone = store.pruning.prune(before)
    kept = [id for id in ids if int(id[-4:]) <= 400]
    assert there(store, ids) == sorted(kept)
    assert sorted(store.story_ids("morning", ids)) == sorted(kept)
    hashes = [hashed(day) for day in range(1, 501)]
    assert set(store.embeddings("encoder", hashes)) == {hashed(day) for day in range(1, 401)}
    assert set(store.summaries("extractive", hashes)) == {hashed(day) for day in range(1, 401)}
    assert (gone.articles, gone.embeddings, gone.summaries) == (100, 100, 100)
    assert store.pruning.prune(before) == Pruned()


def test_old_articles_stay_that_came_in_lately(
    store: Store, save: Save, make_article: Make, now: datetime, before: datetime
) -> None:
    ten_years = [
        make_article(f"a{n}", published=now - n * 36 * DAY, content_hash=hashed(n))
        for n in range(100)
    ]
    save(store, FEED, ten_years, NOTHING, now)
    assert store.pruning.prune(before) == Pruned()
    assert len(there(store, [article.id for article in ten_years])) == 100


def test_what_a_feed_lists_stays_however_old_so_that_it_is_never_new_again(
    store: Store, save: Save, make_article: Make, now: datetime, before: datetime
) -> None:
    ten_years = [
        make_article(f"a{n}", guid=f"g{n}", published=now - n * 36 * DAY, content_hash=hashed(n))
        for n in range(100)
    ]
    save(store, FEED, ten_years, NOTHING, now - 2 * YEAR)
    save(store, FEED, ten_years, NOTHING, now)
    assert store.pruning.prune(before) == Pruned()
    assert save(store, FEED, ten_years, NOTHING, now + DAY) == (0, 0)


def test_of_a_feed_that_never_answers_any_more_nothing_old_is_kept(
    store: Store, daily: Callable[..., list[str]], before: datetime
) -> None:
    ids = daily(30, ago=450)
    assert store.pruning.prune(before).articles == 30
    assert there(store, ids) == []


def test_articles_stay_of_feeds_that_a_digest_without_a_window_reads(
    store: Store, daily: Callable[..., list[str]], before: datetime
) -> None:
    endless = Feed("almanac", "https://almanac.example/feed")
    kept, gone = daily(30, ago=450, feed=endless), daily(30, ago=450)
    store.pruning.prune(before, keep={"almanac"})
    assert there(store, [*kept, *gone]) == sorted(kept)


def test_an_article_that_went_and_comes_again_is_known_to_be_told(
    store: Store,
    daily: Callable[..., list[str]],
    save: Save,
    make_article: Make,
    now: datetime,
    before: datetime,
) -> None:
    first, *_ = daily(30, ago=450)
    store.save_told("morning", "2024-12-01", [first])
    store.pruning.prune(before)
    assert save(store, FEED, [make_article(first, published=now)], NOTHING, now) == (1, 0)
    assert store.told("morning", "2026-03-02", [first]) == {first}
    assert store.told_dates("morning") == {"2024-12-01"}


def test_a_content_that_a_younger_article_has_too_stays_embedded(
    store: Store,
    daily: Callable[..., list[str]],
    save: Save,
    make_article: Make,
    now: datetime,
    before: datetime,
) -> None:
    daily(1, ago=450)
    other = Feed("courier", "https://courier.example/feed")
    copy = make_article("copy", feed="courier", content_hash=hashed(451), published=now)
    save(store, other, [copy], NOTHING, now)
    assert store.pruning.prune(before).articles == 1
    assert set(store.embeddings("encoder", [hashed(451)])) == {hashed(451)}


def test_what_was_made_of_contents_that_were_corrected_goes_within_a_month(
    store: Store, daily: Callable[..., list[str]], before: datetime
) -> None:
    daily(3)
    vectors = Encoded(np.ones(4, dtype=np.float32), np.ones((0, 4), dtype=np.float32))
    left = [hashed(number) for number in range(1_000, 1_300)]
    store.save_embeddings("encoder", dict.fromkeys(left, vectors))
    gone = sum((store.pruning.prune(before + day * DAY) for day in range(32)), start=Pruned())
    assert replace(gone, pages=0) == Pruned(embeddings=300)
    assert store.embeddings("encoder", left) == {}
    assert len(store.embeddings("encoder", [hashed(day) for day in (1, 2, 3)])) == 3


def test_it_takes_a_little_at_a_time_and_goes_on_where_it_was_stopped(
    store: Store, daily: Callable[..., list[str]], before: datetime
) -> None:
    ids = daily(1_300, ago=450, listed=1_300)
    turns = []

    class Stopped(Exception):
        pass

    def go_on() -> None:
        turns.append(len(there(store, ids)))
        if len(turns) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        store.pruning.prune(before, go_on=go_on)
    assert turns == [1_300, 800, 300]
    assert store.pruning.prune(before).articles == 300


# --- editions --------------------------------------------------------------------------------


def edition(
    store: Store, date: str, state: EditionState, now: datetime, *, people: bool = True
) -> None:
    """An edition of `date` that came into `state` at `now`, with a change and a build."""
    editions, key = store.editions, ("morning", date)
    store.subscribers.subscribe("morning", [NewSubscriber("ann@example.org")], now)
    assert editions.begin(*key, "here", now, now + DAY, again=False)
    editions.built(*key, "here", now, fingerprint="f", built=now, review=True)
    change = NewOperation("note", {"text": ["Good morning."]}, "ann", key="k", seen=1)
    store.desk.add(*key, change, now, lambda _: "")
    store.desk.save_build(*key, now, "built", b"{}", b"draft")
    if people:
        editions.move(*key, ("draft",), now, state="approved", approved=now)
        store.deliveries.freeze(*key, now, lambda *_: True)
    if state != "draft":
        editions.move(*key, ("draft", "sending"), now, state=state)


def test_deliveries_changes_and_builds_of_what_was_sent_go_and_that_it_was_sent_stays(
    store: Store, now: datetime, before: datetime
) -> None:
    edition(store, "2024-12-01", "sent", before - 30 * DAY)
    edition(store, "2026-02-01", "sent", now - 29 * DAY)
    assert store.pruning.prune(before) == Pruned(deliveries=1, operations=1, builds=1)
    assert store.deliveries.counts("morning", "2024-12-01") == {}
    assert store.desk.operations("morning", "2024-12-01") == []
    assert store.desk.draft("morning", "2024-12-01") is None
    assert not store.editions.begin("morning", "2024-12-01", "x", now, now + DAY, again=True)
    assert store.deliveries.counts("morning", "2026-02-01") == {"pending": 1}
    assert len(store.desk.operations("morning", "2026-02-01")) == 1


@pytest.mark.parametrize("state", ["draft", "approved", "sending", "failed"])
def test_what_is_not_sent_keeps_its_deliveries_and_its_draft(
    store: Store, now: datetime, before: datetime, state: EditionState
) -> None:
    edition(store, "2024-12-01", state, before - 30 * DAY, people=state != "draft")
    gone = store.pruning.prune(before)
    assert gone.deliveries == 0
    counts = store.deliveries.counts("morning", "2024-12-01")
    assert counts == ({} if state == "draft" else {"pending": 1})
    if state != "failed":
        assert gone == Pruned()
        assert store.desk.draft("morning", "2024-12-01") == (1, b"draft")
    assert now > before


def test_an_old_date_s_edition_that_was_sent_lately_keeps_who_got_it(
    store: Store, now: datetime, before: datetime
) -> None:
    edition(store, "2024-12-01", "sent", now - DAY)
    assert store.pruning.prune(before) == Pruned()


# --- reports -----------------------------------------------------------------------------------


def test_reports_and_failures_go_when_they_are_old(
    store: Store, now: datetime, before: datetime
) -> None:
    for day in range(0, 600, 100):
        store.save_run(now - day * DAY, 1.0, {"day": day})
        failed = replace(
            store.feed_states([FEED])["gazette"], failures=1, checked=now - day * DAY, reason="no"
        )
        store.save_feeds([failed], {}, now - day * DAY)
    assert store.pruning.prune(before) == Pruned(runs=1, failures=1)
    assert [run["report"]["day"] for run in store.runs("run", 9)] == [400, 300, 200, 100, 0]
    assert len(store.feed_failures("gazette")) == 5


def test_a_clock_that_is_ahead_for_a_day_is_not_believed(store: Store, now: datetime) -> None:
    assert store.pruning.trusted(now) is None
    for day in (3, 2, 2, 1):
        assert store.pruning.trusted(now) is None
        store.save_run(now - day * DAY, 1.0, {})
    assert store.pruning.trusted(now) == now - 3 * DAY
    ahead = now + 5_000 * DAY
    store.save_run(ahead, 1.0, {})
    store.save_run(ahead, 1.0, {})
    assert store.pruning.trusted(ahead) == now - 2 * DAY
    assert store.pruning.trusted(now - 10 * DAY) == now - 10 * DAY


# --- SQLite's file -----------------------------------------------------------------------------


def test_a_file_that_is_mostly_empty_is_made_smaller(
    tmp_path: Path, make_article: Make, before: datetime
) -> None:
    path = tmp_path / "digest.db"
    store = Store(f"sqlite:///{path}")
    old = [
        make_article(f"a{n}", published=before - n * DAY, text="word " * 2_000)
        for n in range(1, 800)
    ]
    store.save_feeds(list(store.feed_states([FEED]).values()), {"gazette": old}, before - 90 * DAY)
    store.close()
    store = Store(f"sqlite:///{path}")
    size = path.stat().st_size
    gone = store.pruning.prune(before)
    store.close()
    assert gone.articles == 799
    assert gone.pages > 1_000
    assert path.stat().st_size < size / 3
