"""Three days of a small town: nothing is told twice, and one story comes back with news."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from typing import Any

import pytest

Desk = Any  # conftest.Desk: a conftest can't be imported by name, every room has one

pytestmark = pytest.mark.model

MONDAY = datetime(2026, 3, 2, 7, tzinfo=UTC)
DATES = ("2026-03-02", "2026-03-03", "2026-03-04")


def item(day: int, hours: int, title: str, text: str) -> str:
    """An entry of so many hours before the run of a day (0 is Monday)."""
    published = MONDAY + timedelta(days=day, hours=-hours)
    name = re.sub(r"\W+", "-", title.casefold())
    return (
        f"<item><title>{escape(title)}</title><link>https://paper.example/{name}</link>"
        f"<pubDate>{format_datetime(published)}</pubDate>"
        f"<description>{escape(text)}</description></item>"
    )


FERRY = item(
    0,
    9,
    "Ferry Havbris sinks off Skarland, three dead",
    "Three people died when the ferry Havbris sank off the island of Skarland in a storm on Sunday "
    "evening, the coastguard said. The ferry was on its way to Fellhaven with 48 passengers. Most "
    "were taken aboard by fishing boats within the hour. Divers will search the wreck today.",
)
LIBRARY = item(
    0,
    6,
    "Night library opens in the old tram depot",
    "A library that lends books from ten at night until six has opened in the old tram depot of "
    "Fellhaven. Its first readers were nurses and bakers on their way home from a shift. The town "
    "pays for two librarians, and bakers bring bread at four.",
)
ORCHARDS = item(
    0,
    5,
    "Apple trees bloom three weeks early in the valley",
    "Apple trees across the Sorn valley came into bloom three weeks early after the warmest "
    "February on record. Growers fear that one night of frost could cost them the crop.",
)
# Day two: what is new of the ferry, what is not of the library, and something else.
TOLL = item(
    1,
    4,
    "Five now known to have died as ferry Havbris sank",
    "Five people are now known to have died when the ferry Havbris sank off the island of Skarland "
    "in Sunday's storm, the coastguard said. Divers found two more passengers in the wreck on "
    "Monday. The ferry was on its way to Fellhaven.",
)
LIBRARY_AGAIN = item(
    1,
    8,
    "Books by night: library in the tram depot opens its doors",
    "In the old tram depot of Fellhaven a library has opened that lends its books at night, from "
    "ten until six. Nurses and bakers were the first readers, on their way home from a shift. “I "
    "never had a library that was awake when I was,” said one of the nurses.",
)
BRIDGE = item(
    1,
    3,
    "Footbridge over the Sorn closed for repairs",
    "The footbridge over the river Sorn is closed for repairs to its planks. Walkers are sent "
    "round by the mill, which takes a quarter of an hour more, the council said.",
)
# Day three: the same again in other words, and one small thing.
FERRY_AGAIN = item(
    2,
    5,
    "Havbris: storm took five lives off Skarland",
    "The sinking of the ferry Havbris off the island of Skarland in Sunday's storm took five "
    "lives, as the coastguard said. Divers had found two more passengers in the wreck. The ferry "
    "had been on its way to Fellhaven.",
)
CHESS = item(
    2,
    2,
    "Schoolgirl wins the valley's chess open",
    "A schoolgirl of eleven won the chess open of the valley against a retired judge, who called "
    "her last move the rudest he had ever admired.",
)

DAYS = (
    ((FERRY, ORCHARDS), (LIBRARY,)),
    ((FERRY, ORCHARDS, LIBRARY_AGAIN), (TOLL, BRIDGE, LIBRARY)),
    ((ORCHARDS, LIBRARY_AGAIN, FERRY_AGAIN), (TOLL, BRIDGE, LIBRARY, CHESS)),
)


@pytest.fixture(scope="module")
def desk(new_desk: Any) -> Desk:
    return new_desk()


@pytest.fixture(scope="module")
def reports(desk: Desk) -> list[dict[str, Any]]:
    desk.configure(
        "{name: town, window: 36h, title: The Town}",
        [("gazette", "gazette.xml"), ("nordlys", "nordlys.xml")],
    )
    found = []
    for day, papers in enumerate(DAYS):
        for name, items in zip(("gazette", "nordlys"), papers, strict=True):
            head = '<?xml version="1.0"?><rss version="2.0"><channel><title>Paper</title>'
            body = "".join(items)
            (desk.folder / f"{name}.xml").write_text(f"{head}{body}</channel></rss>", "utf-8")
        report = desk.run_json("run", "--now", (MONDAY + timedelta(days=day)).isoformat())
        assert report["exit"] == 0, report
        found.append(report["digests"][0])
    return found


def stories(desk: Desk, date: str) -> list[dict[str, Any]]:
    edition = json.loads((desk.outbox / "town" / date / "edition.json").read_bytes())
    return [story for topic in edition["topics"] for story in topic["stories"]]


def test_each_day_tells_what_is_new_and_counts_what_is_not(
    reports: list[dict[str, Any]], desk: Desk
) -> None:
    counts = [(one["stories"], one["updates"], one["retold"]) for one in reports]
    assert counts == [(3, 0, 0), (2, 1, 1), (1, 0, 1)]
    headlines = [sorted(story["headline"][:12] for story in stories(desk, date)) for date in DATES]
    assert headlines == [
        ["Apple trees ", "Ferry Havbri", "Night librar"],
        ["Five now kno", "Footbridge o"],
        ["Schoolgirl w"],
    ]


def test_nothing_is_told_twice(reports: list[dict[str, Any]], desk: Desk) -> None:
    assert reports
    told = [id for date in DATES for story in stories(desk, date) for id in story["articles"]]
    assert len(told) == len(set(told))


def test_the_update_leads_to_what_was_told_the_day_before(
    reports: list[dict[str, Any]], desk: Desk
) -> None:
    assert reports
    (update,) = (story for story in stories(desk, DATES[1]) if story["update"])
    (before,) = (story for story in stories(desk, DATES[0]) if "Ferry" in story["headline"])
    assert update["id"] == before["id"]
    assert update["update"]["date"] == DATES[0]
    assert update["update"]["headline"] == before["headline"]
    assert "Five" in update["update"]["news"]
    folder = desk.outbox / "town" / DATES[1]
    links = re.findall(r'href="(\.\./[^"]*)"', (folder / "index.html").read_text("utf-8"))
    (link,) = set(links) - {"../index.html"}  # that of all editions
    path, _, anchor = link.partition("#")
    assert f'id="{anchor}"' in (folder / path).read_text("utf-8")
    text = " ".join((folder / "digest.txt").read_text("utf-8").split())
    assert "Update: Five now known to have died" in text
    assert "We told of this on Monday, 2 March: Ferry Havbris sinks" in text


def test_the_report_in_words_says_so_too(desk: Desk, reports: list[dict[str, Any]]) -> None:
    assert reports
    now = (MONDAY + timedelta(days=1)).isoformat()
    result = desk.run("run", "--now", now, "--force")
    assert "2 stories (1 update) from " in result.stdout
    assert ", 1 told before (" in result.stdout
