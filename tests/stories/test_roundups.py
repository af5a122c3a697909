from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import numpy as np
import pytest

from digest.records import Article
from digest.stories.cluster import cluster
from digest.stories.roundups import is_live, is_roundup

Make = Callable[..., Article]
NOW = datetime(2026, 3, 2, 6, 30, tzinfo=UTC)

SHIP = "Ninety containers fell off the Brackwater freighter near Tarn Point, the coast guard said."
VOTE = "Parliament voted by 51 to 49 to raise the pension age; premier Ashby called it overdue."


@pytest.mark.parametrize(
    "title",
    [
        "Five things to know for Tuesday",
        "7 stories you may have missed this week",
        "What you need to know this morning",
        "Morning briefing: ferry, vote, flood",
        "The Gazette's evening news bulletin",
        "Tuesday's papers: what the papers say",
        "News in brief",
        "The week in pictures",
        "Sport round-up: Rovers through, Lions out",
        "Business digest: rates, oil and a merger",
        "Today in history",
        "Die Presseschau vom Dienstag",
        "Revue de presse du 3 mars",
        "Resumen del día",
        "Підсумки дня: що сталося",
        "Here's what happened overnight",
        "What we know this morning: Belo, Ilka, Northbank",
        "Markets wrap: shares slip as oil rises",
        "Today's headlines",
        "Key events of the day",
        "In pictures: the flood",
        "AP Top News at 5:07 p.m.",
        "Was heute wichtig ist",
        "Nachrichten am Morgen: Sturm, Streik, Wahl",
        "World news summary",
    ],
)
def test_a_headline_of_many_events_is_known(title: str) -> None:
    assert is_roundup(Article("a", "f", title, "", NOW))


@pytest.mark.parametrize(
    "title",
    [
        "Five killed as ferry runs aground",
        "Seven things stolen from museum",
        "Farmers round up stray cattle after flood",
        "Minister briefed on morning attack",
        "Review: a quiet novel about a loud week",
        "Weekly paper closes after ninety years",
        "Police need to know who owned the boat",
        "World digests defeat in cup final",
        "In brief case, lawyer finds missing will",
        "Live music returns to the old market",
        "Where the river dolphins live",
        "Daily Mail publisher fined over phone hacking",
        "Sunday Mail wins newspaper of the year",
        "Daily News journalist arrested at border",
        "Evening News anchor sacked after remark",
        "Monday mail deliveries to end in March",
        "Morning report confirms two dead in storm",
        "Weekly wage report shows jobs up",
        "Three reasons why the bank cut its rate today",
        "Building of ten stories burns today",
        "Two stories of apartment block collapse on Monday",
        "Three pictures stolen from museum on Monday",
        "Police need to know before charging suspect",
        "Global markets digest rate cut",
        "Election quiz show star dies",
        "Today in Skarland thousands marched",
        "The week the harbour froze",
    ],
)
def test_a_headline_of_one_event_is_left_alone(title: str) -> None:
    article = Article("a", "f", title, "", NOW)
    assert not is_roundup(article)
    assert not is_live(article)


@pytest.mark.parametrize(
    "title",
    [
        "Pension vote: live updates",
        "LIVE: Ashby speaks to parliament",
        "Ferry aground – live",
        "Rovers v Lions, minute by minute",
        "Cup final as it happened",
        "Liveticker: Sturm über Skarland",
        "Vote des retraites, en direct",
        "Business live: rate cut lifts shares",
        "Ukraine war briefing: what we know on day 1,373",
    ],
)
def test_a_live_blog_is_known(title: str) -> None:
    article = Article("a", "f", title, "", NOW)
    assert is_live(article)
    assert not is_roundup(article)


def stories(*articles: Article) -> list[tuple[int, ...]]:
    vectors = np.tile(np.float32([1, 0]), (len(articles), 1))
    return [group.members for group in cluster(articles, vectors)]


def test_a_roundup_glues_no_stories_and_joins_none(make_article: Make) -> None:
    ship, vote = make_article("a", "Containers lost", SHIP), make_article("b", "Pensions", VOTE)
    both = make_article("c", "Morning briefing", f"{SHIP}\n\n{VOTE}")
    assert (2,) in stories(ship, vote, both)
    assert stories(ship, vote, both)[:2] == stories(ship, vote)


def test_a_live_blog_joins_its_story(make_article: Make) -> None:
    again = "Premier Ashby won the vote on the pension age in parliament by 51 to 49."
    found = stories(
        make_article("a", "Pension age raised", VOTE),
        make_article("b", "Pensions: parliament says yes", again),
        make_article("c", "Pension vote: live updates", VOTE),
        make_article("d", "Containers lost", SHIP),
    )
    assert found == [(0, 1, 2), (3,)]
