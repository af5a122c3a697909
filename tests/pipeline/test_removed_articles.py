"""What was told stays told, also when an article was too old to keep and its feed still has it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

House = Any  # conftest.House: a conftest can't be imported by name, every room has one
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def test_an_article_that_was_removed_and_comes_in_again_is_not_told_again(house: House) -> None:
    house.configure("{name: daily, window: all, memory: 0d, topics: [Town]}", "world")
    dated, undated = house.item("The harbour opens"), house.item("Trams return", None)
    house.feed("world", dated, undated)
    house.run(NOON)
    assert house.headlines() == {"The harbour opens", "Trams return"}
    for workshop in house.workshop():
        assert workshop.store.pruning.prune(NOON + 500 * DAY).articles == 2
    house.feed("world", dated, undated, house.item("Comet seen at dusk", NOON + DAY))
    report = house.run(NOON + DAY)
    assert report.feeds[0].new == 3
    assert house.headlines(date="2026-03-03") == {"Comet seen at dusk"}
