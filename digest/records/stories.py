"""Stories: one event each, the heading it stands under, and what of it was told before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from digest.records.feeds import Article


@dataclass(frozen=True, slots=True)
class Topic:
    """A heading. `descriptions` say in plain words what belongs under it, one matter each.

    An article that has one of `keywords` (words or phrases, in any case) is likely to belong.
    """

    name: str
    descriptions: tuple[str, ...]
    keywords: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TopicChoice:
    """The topic given to a story, with its score and the runner-up's."""

    topic: str
    score: float
    runner_up: str = ""
    runner_up_score: float = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """A story as an edition of the digest told it, on local `date`; `articles` are their ids."""

    story: str
    date: str
    headline: str
    articles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Update:
    """What makes a story that was told before worth telling again.

    `date` is the local date of the edition that told it last, `story` its id there, `headline` the
    one it had; `news` are the names and numbers that no article told then, as they are written.
    """

    date: str
    story: str
    headline: str
    news: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """The articles that tell one event, its lead first.

    `id` stays when articles join. `why` says in a line, by article id, what makes an article part
    of the story (none for the one that the others joined); `copies` names, by the id of an article
    that is a copy, the one it is a copy of.
    """

    id: str
    articles: tuple[Article, ...]
    topic: str
    topic_score: float = 0.0
    runner_up: str = ""
    runner_up_score: float = 0.0
    why: Mapping[str, str] = field(default_factory=dict)
    copies: Mapping[str, str] = field(default_factory=dict)
    update: Update | None = None
    rank: float = 0.0
    rank_parts: Mapping[str, float] = field(default_factory=dict)

    @property
    def lead(self) -> Article:
        return self.articles[0]
