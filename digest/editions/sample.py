"""An edition with one of everything, for trying a theme without building one."""

from __future__ import annotations

from datetime import UTC, datetime

from digest.records import (
    Edition,
    EditionSource,
    EditionStory,
    EditionTopic,
    FailedFeed,
    Image,
    SummarySentence,
    Update,
)


def sample_edition(template: str) -> Edition:
    """An edition of theme `template` in which every field that a theme may print is filled."""
    built = datetime(2026, 3, 2, 7, tzinfo=UTC)
    story = EditionStory(
        id="s1",
        article="a1",
        headline="A headline of the usual length, to see how it sits",
        url="https://example.org/story",
        source="The Example",
        published=built,
        date_origin="feed",
        summary=(
            SummarySentence("The first sentence says what happened.", (0,), 1.0),
            SummarySentence("The second one says why it matters.", (3,), 1.0),
        ),
        model="extractive",
        minutes=3,
        language="en",
        author="A. Writer",
        image=Image("https://example.org/image.jpg", 1200, 800, "What is to be seen"),
        also=(
            EditionSource("A Third Example", "", "https://example.org/same", built, copy=True),
            EditionSource("Another Example", "Told otherwise", "https://example.org/other", built),
            EditionSource("A Fourth Example", "", "https://example.org/again", built, copy=True),
        ),
        articles=dict.fromkeys(("a1", "a3", "a4", "a5"), ""),
        update=Update("2026-03-01", "s1", "What was told the day before", ("five",)),
    )
    bare = EditionStory(
        id="s2",
        article="a2",
        headline="A story of which nothing else is known",
        url="",
        source="The Example",
        published=built,
        date_origin="missing",
        summary=(),
        model="",
        minutes=0,
    )
    return Edition(
        digest="sample",
        title="Sample",
        date="2026-03-02",
        timezone="UTC",
        built=built,
        subject="Sample: a headline",
        preheader="Another headline",
        sender="Sample <sample@example.org>",
        template=template,
        topics=(EditionTopic("World", (story,)), EditionTopic("Culture", (bare,))),
        failed=(FailedFeed("The Silent Example", "no answer within 20 s"),),
        feeds=3,
        articles=3,
        left_out=1,
        told=("a1", "a2", "a3", "a4", "a5"),
        retold=1,
        archive="https://example.org/digests",
    )
