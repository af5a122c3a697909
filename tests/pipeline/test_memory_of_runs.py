"""Runs day after day: what an edition told comes back as an update with news, or not at all."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from digest.editions.message import build_message
from digest.editions.render import Renderer, packaged_themes
from digest.pipeline.remembering import Archive
from digest.records import DigestOutcome, Edition, RunReport
from digest.store.store import Store

House = Any  # conftest.House: a conftest can't be imported by name, every room has one
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

FERRY = (
    "Three people died when the ferry Havbris sank off the island of Skarland in a storm, the "
    "coastguard said. The ferry was on its way to Fellhaven with 48 passengers. Divers go on "
    "searching the wreck of the ferry."
)
REWRITE = (
    "The ferry Havbris went down off Skarland island in a storm and three people died. There were "
    "48 passengers on the ferry to Fellhaven, the coastguard said. The search of the wreck by "
    "divers goes on."
)
TOLL = (
    "Five people are now known to have died when the ferry Havbris sank off the island of Skarland "
    "in a storm, the coastguard said. Divers found two more in the wreck of the ferry on its way "
    "to Fellhaven."
)

CARTOONS = (
    "A minister in a rowing boat looks for the tide. Two gulls hold the map upside down.",
    "An owl at a night school asks for the light to be put out. The teacher is a bat.",
    "A snowman queues for a flu jab. The nurse has brought a carrot and an umbrella.",
)


def only(report: RunReport) -> DigestOutcome:
    (outcome,) = report.digests
    return outcome


def ferry(house: House) -> Any:
    return replace(house.item("Ferry sinks off Skarland, three dead"), text=FERRY)


def rewrite(house: House, when: datetime = NOON + 20 * HOUR) -> Any:
    item = house.item("Three die as ferry sinks in storm off Skarland", when)
    return replace(item, text=REWRITE)


def toll(house: House, when: datetime = NOON + 21 * HOUR) -> Any:
    item = house.item("Ferry that sank off Skarland: five dead", when)
    return replace(item, text=TOLL)


def first_day(house: House) -> None:
    """One edition that tells of the ferry, and of something else."""
    house.feed("world", ferry(house), house.item("Alpha"))
    house.feed("town")
    assert only(house.run()).stories == 2


def update(edition: Edition) -> Any:
    (story,) = (one for one in edition.stories if one.update)
    return story


def story_of_day_one(house: House) -> Any:
    return next(one for one in house.edition().stories if "Ferry" in one.headline)


# --- told again, or not --------------------------------------------------------------------


def test_a_rewrite_of_what_was_told_is_not_told(house: House) -> None:
    first_day(house)
    house.feed("town", rewrite(house), house.item("Beta", NOON + 20 * HOUR))
    outcome = only(house.run(NOON + DAY))
    assert (outcome.stories, outcome.retold, outcome.updates) == (1, 1, 0)
    assert house.headlines(date="2026-03-03") == {"Beta"}
    assert house.edition(date="2026-03-03").retold == 1
    assert "Left out: 1 story told before, with nothing new." in " ".join(
        house.files(date="2026-03-03")["digest.txt"].decode().split()
    )


def test_when_all_was_told_there_is_no_edition_and_the_reason_says_so(house: House) -> None:
    first_day(house)
    house.feed("town", rewrite(house))
    outcome = only(house.run(NOON + DAY))
    assert (outcome.status, outcome.retold, outcome.articles) == ("empty", 1, 1)
    assert outcome.reason == (
        "no edition: 1 new article in 1 story, with nothing new on what earlier editions told"
    )
    assert house.outbox.dates("daily") == ["2026-03-02"]
    # The next day it is no longer looked at.
    assert only(house.run(NOON + DAY + HOUR)).retold == 1
    outcome = only(house.run(NOON + 2 * DAY - 5 * HOUR))
    assert (outcome.status, outcome.retold) == ("empty", 0)


def test_articles_that_come_again_are_no_edition_and_the_reason_says_so(house: House) -> None:
    house.configure("{name: daily, window: 7d}", "world")
    house.feed("world", house.item("Alpha"), house.item("Beta"))
    house.run()
    assert only(house.run(NOON + DAY)).reason == (
        "no edition: nothing new in the last 7 days from 1 feed; other editions have told "
        "2 articles"
    )


def test_news_of_what_was_told_comes_back_as_an_update(house: House) -> None:
    first_day(house)
    house.feed("town", toll(house), rewrite(house))
    outcome = only(house.run(NOON + DAY))
    assert (outcome.status, outcome.stories, outcome.updates, outcome.retold) == ("built", 1, 1, 0)
    story, before = update(house.edition(date="2026-03-03")), story_of_day_one(house)
    assert story.headline == "Ferry that sank off Skarland: five dead"
    assert [other.headline for other in story.also] == [rewrite(house).title]
    assert story.id == before.id
    assert story.update.date == "2026-03-02"
    assert (story.update.story, story.update.headline) == (before.id, before.headline)
    assert "Five" in story.update.news or "five" in story.update.news
    assert set(story.articles).isdisjoint(before.articles)


def test_an_entry_that_is_rewritten_in_place_hides_no_news_from_readers(house: House) -> None:
    first_day(house)
    house.feed("world", replace(ferry(house), text=TOLL), house.item("Alpha"))
    house.feed("town", toll(house))
    outcome = only(house.run(NOON + DAY))
    assert (outcome.stories, outcome.updates) == (1, 1), outcome


def test_what_stands_under_the_same_headline_each_day_is_told_each_day(house: House) -> None:
    def cartoon(day: int) -> Any:
        item = house.item("Cartoon of the day", NOON + day * DAY - HOUR, guid=f"cartoon-{day}")
        return replace(item, text=f"{CARTOONS[day]} Drawn for readers of the town.")

    for day in range(len(CARTOONS)):
        house.feed("world", cartoon(day))
        outcome = only(house.run(NOON + day * DAY))
        assert (outcome.status, outcome.stories, outcome.updates) == ("built", 1, 0), outcome


def test_nothing_is_told_twice_in_a_week_of_the_same_event(house: House) -> None:
    first_day(house)
    house.feed("town", toll(house), rewrite(house))
    house.run(NOON + DAY)
    again = replace(toll(house, NOON + 44 * HOUR), title="Skarland ferry: five dead", guid="again")
    house.feed("world", ferry(house), again)
    outcome = only(house.run(NOON + 2 * DAY))
    assert (outcome.status, outcome.retold) == ("empty", 1)
    seven = replace(
        toll(house, NOON + 68 * HOUR),
        title="Ferry that sank off Skarland: seven dead",
        text=TOLL.replace("Five", "Seven").replace("two more", "four more"),
        guid="seven",
    )
    house.feed("world", ferry(house), again, seven)
    house.run(NOON + 3 * DAY)
    latest = update(house.edition(date="2026-03-05"))
    # To the latest edition that told of it, not to the first.
    assert (latest.update.date, latest.update.headline) == ("2026-03-03", toll(house).title)
    told = [house.edition(date=date).told for date in house.outbox.dates("daily")]
    assert sum(map(len, told)) == len({article for one in told for article in one})


# --- days, and how far back ----------------------------------------------------------------


def test_what_was_told_before_memory_began_is_told_anew(house: House) -> None:
    house.configure("{name: daily, window: 48h, memory: 1d}", "world", "town")
    first_day(house)
    house.feed("town", rewrite(house))
    outcome = only(house.run(NOON + 2 * DAY))
    assert (outcome.stories, outcome.retold) == (1, 0)


def test_without_memory_stories_are_not_compared_but_articles_are(house: House) -> None:
    house.configure("{name: daily, window: 7d, memory: 0d}", "world", "town")
    first_day(house)
    house.feed("town", rewrite(house))
    assert only(house.run(NOON + DAY)).stories == 1
    assert house.headlines(date="2026-03-03") == {rewrite(house).title}


def test_what_says_the_same_is_not_told_once_memory_has_passed(house: House) -> None:
    house.configure("{name: daily, window: all, memory: 1d}", "world", "town")
    first_day(house)
    house.feed("town", rewrite(house))
    assert only(house.run(NOON + DAY)).retold == 1
    for days in (2, 3):
        assert only(house.run(NOON + days * DAY)).status == "empty"


def test_the_edition_itself_is_no_memory_when_it_is_built_again(house: House) -> None:
    first_day(house)
    before = house.files()
    assert only(house.run(force=True)).stories == 2
    assert house.files() == before
    house.feed("town", toll(house), rewrite(house))
    house.run(NOON + DAY)
    before = house.files(date="2026-03-03")
    outcome = only(house.run(NOON + DAY, force=True))
    assert (outcome.stories, outcome.updates) == (1, 1)
    assert house.files(date="2026-03-03") == before


def test_an_edition_for_which_nothing_is_left_stays_and_is_remembered(house: House) -> None:
    house.configure("{name: daily, window: 48h}", "world", "town")
    first_day(house)
    house.feed("town", house.item("Beta", NOON + 20 * HOUR))
    house.run(NOON + DAY)
    house.configure("{name: daily, window: 2h}", "world", "town")
    house.feed("town", rewrite(house, NOON + DAY + 2 * HOUR))
    outcome = only(house.run(NOON + DAY + 3 * HOUR, force=True))
    assert (outcome.status, outcome.retold) == ("empty", 1)
    assert house.headlines(date="2026-03-03") == {"Beta"}
    house.configure("{name: daily, window: 7d}", "world", "town")
    assert only(house.run(NOON + 2 * DAY)).retold == 1


def test_later_editions_are_no_memory(house: House) -> None:
    first_day(house)
    house.feed("town", rewrite(house, NOON - 20 * HOUR))
    outcome = only(house.run(NOON - 13 * HOUR))
    assert (outcome.date, outcome.stories, outcome.retold) == ("2026-03-01", 1, 0)


def test_another_time_zone_keeps_the_memory(house: House) -> None:
    first_day(house)
    house.configure("{name: daily, timezone: Pacific/Kiritimati}", "world", "town")
    house.feed("town", rewrite(house), house.item("Beta", NOON + 20 * HOUR))
    outcome = only(house.run(NOON + DAY))
    assert (outcome.date, outcome.retold) == ("2026-03-04", 1)
    assert house.headlines(date="2026-03-04") == {"Beta"}


def test_digests_on_one_store_have_their_own_memories(house: House) -> None:
    house.configure("{name: daily}\n{name: evening}", "world", "town")
    house.feed("world", ferry(house))
    house.feed("town")
    house.run(NOON, "daily")
    house.feed("town", rewrite(house))
    daily, evening = house.run(NOON + DAY).digests
    assert (daily.status, daily.retold) == ("empty", 1)
    assert (evening.status, evening.stories, evening.retold) == ("built", 1, 0)


# --- what may be lost ----------------------------------------------------------------------


def test_a_lost_state_leaves_the_outbox_to_remember(house: House) -> None:
    first_day(house)
    (house.folder / "state").rename(house.folder / "lost")
    house.feed("world", status=500)
    house.feed("town", toll(house))
    assert only(house.run(NOON + DAY)).updates == 1
    story, before = update(house.edition(date="2026-03-03")), story_of_day_one(house)
    assert (story.id, story.update.story) == (before.id, before.id)


def test_a_lost_state_tells_no_rewrite(house: House) -> None:
    first_day(house)
    (house.folder / "state").rename(house.folder / "lost")
    house.feed("world", status=500)
    house.feed("town", rewrite(house))
    assert only(house.run(NOON + DAY)).retold == 1


@pytest.mark.parametrize("format", [1, 2])
def test_editions_of_older_formats_are_remembered(house: House, format: int) -> None:
    house.feed("world", ferry(house))
    other = replace(rewrite(house, NOON - HOUR), title="Ferry lost in storm off Skarland island")
    house.feed("town", other)
    assert only(house.run()).stories == 1
    as_format(house, format)
    house.feed("town", other, rewrite(house), toll(house))
    assert only(house.run(NOON + DAY)).updates == 1
    house.feed("town", other, rewrite(house))
    assert only(house.run(NOON + DAY, force=True)).updates == 1  # what came is kept in the store


def as_format(house: House, format: int) -> None:
    """Rewrites day one's edition as an older version wrote it."""
    path = house.outbox.folder("daily", "2026-03-02") / "edition.json"
    raw = json.loads(path.read_bytes())
    raw["format"] = format
    del raw["retold"], raw["archive"]
    for topic in raw["topics"]:
        for story in topic["stories"]:
            for name in ("articles", "update", "rank_parts", "runner_up", "runner_up_score", "why"):
                del story[name]
            for other in story["also"]:
                del other["copy"], other["article"], other["why"]
    path.write_text(json.dumps(raw), encoding="utf-8")


@pytest.mark.parametrize("format", [1, 2])
def test_an_older_edition_says_which_articles_a_story_was_made_of(
    house: House, format: int
) -> None:
    house.feed("world", ferry(house), house.item("Alpha"))
    house.feed("town", replace(rewrite(house, NOON - HOUR), title="Ferry lost off Skarland island"))
    house.run()
    printed = {story.headline: set(story.articles) for story in house.edition().stories}
    as_format(house, format)
    for workshop in house.workshop():
        archive = Archive(workshop.store, house.outbox, "daily", "2026-03-03")
        told = archive.remember(DAY).told
    assert {one.headline: set(one.articles) for one in told} == printed


def test_a_damaged_edition_costs_its_own_memory_only(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    first_day(house)
    house.feed("town", toll(house), house.item("Beta", NOON + 20 * HOUR))
    house.run(NOON + DAY)
    (house.outbox.folder("daily", "2026-03-02") / "edition.json").write_bytes(b"{")
    again = replace(toll(house, NOON + 44 * HOUR), title="Skarland ferry: five dead", guid="again")
    house.feed("town", again)
    assert only(house.run(NOON + 2 * DAY)).retold == 1
    assert "2026-03-02" in caplog.text
    assert caplog.text.count("can't be read") == 1


def test_an_article_that_the_store_lost_is_stood_in_for(house: House) -> None:
    first_day(house)
    for workshop in house.workshop():
        archive = Archive(workshop.store, house.outbox, "daily", "2026-03-03")
        whole = archive.remember(DAY)
    (house.folder / "state").rename(house.folder / "lost")
    for workshop in house.workshop():
        archive = Archive(workshop.store, house.outbox, "daily", "2026-03-03")
        rest = archive.remember(DAY)
    assert rest.told == whole.told
    assert [one.id for one in rest.articles] == [one.id for one in whole.articles]
    for full, printed in zip(whole.articles, rest.articles, strict=True):
        assert (printed.title, printed.url) == (full.title, full.url)
        assert printed.published == full.published
        assert printed.text
        assert set(printed.text.split()) <= set(full.text.split())


# --- ids -----------------------------------------------------------------------------------


def test_a_story_keeps_its_id_when_an_older_article_joins_it(house: House) -> None:
    first_day(house)
    before = story_of_day_one(house).id
    house.feed("town", rewrite(house, NOON - 20 * HOUR))
    house.run(force=True)
    story = story_of_day_one(house)
    assert (story.id, len(story.articles)) == (before, 2)
    for workshop in house.workshop():
        known = workshop.store.story_ids("daily", list(story.articles))
    assert set(known.values()) == {before}


def test_a_power_cut_between_outbox_and_store_tells_nothing_twice(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    first_day(house)
    house.feed("town", rewrite(house))
    assert only(house.run(NOON + DAY)).status == "empty"  # the rewrite is noted for that date
    house.feed("town", rewrite(house), house.item("Beta", NOON + 22 * HOUR))
    save_told = Store.save_told

    def cut(store: Store, digest: str, date: str, articles: Any) -> None:
        if articles:
            raise KeyboardInterrupt
        save_told(store, digest, date, articles)

    monkeypatch.setattr(Store, "save_told", cut)
    with pytest.raises(KeyboardInterrupt):
        house.run(NOON + DAY)
    monkeypatch.setattr(Store, "save_told", save_told)
    assert house.headlines(date="2026-03-03") == {"Beta"}
    assert only(house.run(NOON + 2 * DAY - 5 * HOUR)).status == "empty"


# --- print ---------------------------------------------------------------------------------


def test_a_page_of_the_outbox_leads_to_the_earlier_one_and_a_mail_names_it(house: House) -> None:
    first_day(house)
    house.feed("town", toll(house))
    house.run(NOON + DAY)
    files, before = house.files(date="2026-03-03"), story_of_day_one(house)
    link = f"../2026-03-02/index.html#{before.id}"
    assert f'href="{link}"' in files["index.html"].decode()
    folder = house.outbox.folder("daily", "2026-03-03")
    target = (folder / link.partition("#")[0]).resolve()
    assert f'id="{before.id}"' in target.read_text("utf-8")
    for name in ("digest.txt", "digest.eml"):
        assert b"We told of this on Monday, 2 March" in files[name]
        assert b"2026-03-02/index.html" not in files[name]


def test_a_published_outbox_is_led_to_from_page_text_and_mail(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DIGEST_PUBLIC_URL", "https://news.example.org/d/")
    first_day(house)
    house.feed("town", toll(house))
    house.run(NOON + DAY)
    edition, files = house.edition(date="2026-03-03"), house.files(date="2026-03-03")
    before = story_of_day_one(house)
    assert edition.archive == "https://news.example.org/d"
    link = f"https://news.example.org/d/daily/2026-03-02/index.html#{before.id}"
    assert f'href="{link}"' in files["index.html"].decode()
    assert link in files["digest.txt"].decode().splitlines()
    # The edition alone gives all bytes again.
    renderer = Renderer([packaged_themes()])
    page, mail = renderer.render(edition), renderer.render(edition, mail=True)
    assert page.html.encode() == files["index.html"]
    assert page.text.encode() == files["digest.txt"]
    assert build_message(edition, mail) == files["digest.eml"]


def test_limits_for_topics_and_feeds_are_those_of_the_file(house: House) -> None:
    house.configure("{name: daily, max_stories: 4, max_per_feed: 1}", "world", "town")
    house.feed("world", *(house.item(f"W{n}", NOON - HOUR) for n in range(6)))
    house.feed("town", *(house.item(f"T{n}", NOON - 20 * HOUR) for n in range(2)))
    house.run()
    taken = sorted(story.source for story in house.edition().stories)
    assert taken == ["town", "world", "world", "world"]
