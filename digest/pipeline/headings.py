"""Under which headings stories stand: those of a list, or those that the stories suggest."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from digest.records import Article, Encoded, Feed, TopicChoice, Vectors
from digest.stories.auto_topics import find_topics
from digest.stories.topics import Encode, TopicChooser


@dataclass(frozen=True, slots=True)
class Headed:
    """The headings in the order of print, and the choice for each story."""

    names: tuple[str, ...]
    choices: tuple[TopicChoice, ...]


class Headings(Protocol):
    """A way to find headings for stories."""

    def of(
        self,
        stories: Sequence[Sequence[Article]],
        encoded: Mapping[str, Encoded],
        feeds: Mapping[str, Feed],
    ) -> Headed:
        """Headings for `stories`, given as their articles.

        `encoded` are the embeddings by article id, `feeds` the feeds by name.
        """


class ListedTopics:
    """The topics of a list, all built-in ones when None; see `digest.stories.topics.resolve`."""

    def __init__(
        self,
        wanted: Mapping[str, str] | Sequence[str] | None,
        encode: Encode,
        keywords: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self._chooser = TopicChooser.of(wanted, encode, keywords)

    def of(
        self,
        stories: Sequence[Sequence[Article]],
        encoded: Mapping[str, Encoded],
        feeds: Mapping[str, Feed],
    ) -> Headed:
        names = self._chooser.names
        choices = (
            self._chooser.choose_story(
                story,
                [encoded[article.id] for article in story],
                [_hint(article, names, feeds) for article in story],
            )
            for story in stories
        )
        return Headed(names, tuple(choices))


class FoundTopics:
    """Topics that the stories themselves suggest; see `digest.stories.auto_topics`."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode

    def of(
        self,
        stories: Sequence[Sequence[Article]],
        encoded: Mapping[str, Encoded],
        feeds: Mapping[str, Feed],  # noqa: ARG002 - what a feed is about is no topic of a list here
    ) -> Headed:
        if not stories:
            return Headed((), ())
        centres = np.stack([_centre([encoded[a.id] for a in story]) for story in stories])
        found = find_topics(stories, centres, self._encode)
        return Headed(found.names, found.choices)


def _centre(story: Sequence[Encoded]) -> Vectors:
    """What a story is about, each article the same and each of its sentences: shape (d,).

    Not the vector that tells events apart, in which a headline weighs as much as half a text: what
    a text says is a better sign of its topic than a headline's pun.
    """
    rows = [np.concatenate([one.title[None], one.sentences]).mean(axis=0) for one in story]
    units = [row / (float(np.linalg.norm(row)) or 1.0) for row in rows]
    return np.asarray(np.mean(units, axis=0), dtype=np.float32)


def _hint(article: Article, topics: Collection[str], feeds: Mapping[str, Feed]) -> str | None:
    """The topic that the article's own categories name, else the one its feed is about."""
    known = {name.casefold() for name in topics}
    named = next((tag for tag in article.tags if tag.casefold() in known), None)
    return named or (feeds[article.feed].topic if article.feed in feeds else None)
