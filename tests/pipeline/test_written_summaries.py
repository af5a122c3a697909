"""A digest whose summaries a model writes: verified, kept, and stood in for."""

from __future__ import annotations

from typing import Any

import pytest

from digest.models.generator import TextGenerator

House = Any  # conftest.House: a conftest can't be imported by name, every room has one

WRITTEN = "{name: daily, window: all, summary: {model: smollm2}}"


@pytest.fixture
def written(house: House) -> House:
    house.configure(WRITTEN, "world")
    house.feed("world", house.item("Alpha"), house.item("Beta"))
    return house


def test_the_model_s_name_is_printed_with_what_it_wrote(written: House) -> None:
    (outcome,) = written.run().digests
    assert (outcome.summarized, outcome.remembered) == (2, 0)
    assert written.writer.asked == 2
    for story in written.edition().stories:
        assert (story.model, len(story.summary)) == ("writer", 1)
    assert "was checked against the article" in written.files()["digest.txt"].decode()


def test_what_the_article_does_not_say_is_not_printed(written: House) -> None:
    invention = "Olga Petrova bought 77 ferries."
    plain = written.writer.writes
    written.writer.writes = lambda text: f"{invention} {plain(text)}"
    written.run()
    for story in written.edition().stories:
        assert story.model == "writer"
        assert [dropped.text for dropped in story.dropped] == [invention]
        assert story.dropped[0].reasons
    assert b"Petrova" not in written.files()["index.html"]
    assert b"Petrova" not in written.files()["digest.eml"]


def test_where_nothing_is_left_the_extractive_summary_stands_in(written: House) -> None:
    written.writer.writes = lambda _: "Olga Petrova bought 77 ferries."
    written.run()
    for story in written.edition().stories:
        assert (story.model, story.instead_of) == ("extractive", "writer")
        assert story.summary


def test_nothing_is_written_twice_but_by_force(written: House) -> None:
    written.run()
    written.configure(WRITTEN + "\n{name: other, window: all, summary: {model: smollm2}}", "world")
    report = written.run()
    assert [outcome.remembered for outcome in report.digests if outcome.digest == "other"] == [2]
    assert written.writer.asked == 2
    written.run(force=True)
    assert written.writer.asked == 6  # each digest makes its own anew


def test_a_model_that_wrote_nothing_is_asked_again(written: House) -> None:
    plain = written.writer.writes
    written.writer.writes = lambda _: ""
    written.run()
    assert {story.instead_of for story in written.edition().stories} == {"writer"}
    written.writer.writes = plain
    written.configure(WRITTEN.replace("daily", "other"), "world")
    (outcome,) = written.run().digests
    assert (outcome.summarized, outcome.remembered) == (2, 0)
    assert {story.model for story in written.edition("other").stories} == {"writer"}


def test_another_revision_of_the_model_writes_anew(written: House) -> None:
    written.run()
    written.writer.key = "writer@2"
    written.configure(WRITTEN.replace("daily", "other"), "world")
    (outcome,) = written.run().digests
    assert (outcome.summarized, outcome.remembered) == (2, 0)


def test_only_what_is_printed_is_summarised(written: House) -> None:
    written.configure(WRITTEN.replace("window: all", "window: all, max_stories: 1"), "world")
    (outcome,) = written.run().digests
    assert (outcome.stories, outcome.left_out, outcome.summarized) == (1, 1, 1)
    assert written.writer.asked == 1


def test_what_is_remembered_is_what_was_kept_with_all_that_was_dropped(written: House) -> None:
    plain = written.writer.writes
    written.writer.writes = lambda text: f"{plain(text)} Olga Petrova bought 77 ferries."
    written.run()
    first = {story.headline: story for story in written.edition().stories}
    written.configure(WRITTEN.replace("daily", "other"), "world")
    written.run()
    for story in written.edition("other").stories:
        assert story.summary == first[story.headline].summary
        assert story.dropped == first[story.headline].dropped != ()


def test_a_model_that_is_missing_costs_its_digest_alone_and_says_what_to_do(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.configure(
        "{name: daily, window: all}\n{name: other, window: all, summary: {model: ./nowhere}}",
        "world",
    )
    house.feed("world", house.item("Alpha"))
    monkeypatch.setattr(house, "generator", TextGenerator)
    daily, other = house.run().digests
    assert (daily.status, other.status) == ("built", "failed")
    assert "nowhere: there is no such folder" in other.reason
