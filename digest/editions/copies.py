"""What of an edition a reader gets who wants only some topics, or some languages. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from digest.editions.opening import opened
from digest.editions.words import Words
from digest.records import Edition, EditionStory, EditionTopic


def copy_for(
    edition: Edition, topics: Sequence[str], languages: Sequence[str], words: Words
) -> Edition | None:
    """The edition with only the stories of `topics` and of `languages` (BCP 47); None without any.

    Empty means all. Letter case and a language's region don't matter (`en` takes en-GB), and a
    story whose language nobody knows stays. Subject and preheader speak of what is left. `words`
    are those of the edition's language.
    """
    headings = {topic.casefold() for topic in topics}
    spoken = {_primary(tag) for tag in languages}
    kept = tuple(
        EditionTopic(topic.name, stories)
        for topic in edition.topics
        if not headings or topic.name.casefold() in headings
        if (stories := tuple(story for story in topic.stories if _speaks(story, spoken)))
    )
    if not kept:
        return None
    if kept == edition.topics:
        return edition
    return opened(replace(edition, topics=kept), words)


def _speaks(story: EditionStory, languages: set[str]) -> bool:
    return not languages or not story.language or _primary(story.language) in languages


def _primary(tag: str) -> str:
    return tag.replace("_", "-").split("-")[0].casefold()
