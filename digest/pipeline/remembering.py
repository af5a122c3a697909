"""What a digest may tell, and what its earlier editions told: from the store and the outbox."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date as Date
from datetime import datetime, timedelta

from digest.editions.frozen import load_edition
from digest.errors import OutboxError
from digest.outbox.outbox import EDITION, Outbox
from digest.records import Article, Edition, EditionSource, EditionStory, Feed, Story, Told
from digest.store.store import Store

log = logging.getLogger(__name__)

# An article that came in after the edition before is taken although it is older than the window,
# by at most this: feeds lag behind their articles' times, and a run may start late. Lags are
# minutes mostly, and most of a day where a paper's archive fills its feed.
_OVERDUE = timedelta(hours=24)
# That holds for the edition right before this one, up to this much before the window begins; after
# a gap (a weekend, a holiday) the window is meant as it says.
_LATE = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Candidates:
    """The articles that an edition may tell; `told` counts those that other editions told."""

    articles: tuple[Article, ...]
    told: int = 0


@dataclass(frozen=True, slots=True)
class Remembered:
    """What earlier editions told, story by story, and the articles of those stories.

    An article that the store has lost is stood in for by what the edition printed of it.
    """

    told: tuple[Told, ...] = ()
    articles: tuple[Article, ...] = ()

    @property
    def stories(self) -> dict[str, str]:
        """The id of the story that each article was told in, by article id; the last counts."""
        return {
            article: one.story
            for one in sorted(self.told, key=lambda one: (one.date, one.story))
            for article in one.articles
        }


class Archive:
    """The editions of one digest, seen from the one for local `date`, and what they told."""

    def __init__(self, store: Store, outbox: Outbox, digest: str, date: str) -> None:
        self._store = store
        self._outbox = outbox
        self._digest = digest
        self._date = date
        self._read: dict[str, Edition | None] = {}

    def candidates(
        self, feeds: Sequence[Feed], window: timedelta | None, now: datetime
    ) -> Candidates:
        """The articles of the window up to `now` that none of the digest's other editions told."""
        self.relearn()
        since, late = None, None
        if window is not None:
            since = now - window
            before = [other for other in self._outbox.dates(self._digest) if other < self._date]
            earlier = self._edition(before[-1]) if before else None
            if earlier is not None and earlier.built >= since - _LATE:
                late = (since - _OVERDUE, earlier.built)
        found = self._store.articles([feed.name for feed in feeds], since, now, late)
        told = self._store.told(self._digest, self._date, [article.id for article in found])
        # The same page may come again under another id: through a second feed of its house, after
        # a feed was renamed, or because the feed changed its guids.
        addresses = {article.url for article in found}
        pages = self._store.told_pages(self._digest, self._date, addresses)
        new = tuple(
            article
            for article in found
            if article.id not in told and (article.url, article.title) not in pages
        )
        return Candidates(new, len(found) - len(new))

    def remember(self, memory: timedelta) -> Remembered:
        """What the editions of the `memory` before this one's date told; later ones are ignored."""
        if not memory:
            return Remembered()
        first = (Date.fromisoformat(self._date) - memory).isoformat()
        dates = [one for one in self._outbox.dates(self._digest) if first <= one < self._date]
        editions = {one: edition for one in dates if (edition := self._edition(one)) is not None}
        ids = {
            id
            for edition in editions.values()
            for id in (*edition.told, *(story.article for story in edition.stories))
        }
        articles = self._store.articles_by_id(sorted(ids))
        told: list[Told] = []
        used: set[str] = set()
        for one, edition in editions.items():
            for story in edition.stories:
                members = _members(story, edition, articles)
                for article in _stand_ins(story, one, {articles[id].url for id in members}):
                    if article.id not in members:
                        articles[article.id] = article
                        members.append(article.id)
                told.append(Told(story.id, one, story.headline, tuple(dict.fromkeys(members))))
                used.update(members)
        return Remembered(tuple(told), tuple(articles[id] for id in sorted(used)))

    def story_ids(self, articles: Sequence[Article], remembered: Remembered) -> dict[str, str]:
        """The story that each of `articles` was in before, by id; as the store last had it."""
        ids = [article.id for article in articles]
        return {**remembered.stories, **self._store.story_ids(self._digest, ids)}

    def keep(self, stories: Sequence[Story]) -> None:
        """Notes which article is in which of `stories`, so that they keep their ids."""
        ids = {article.id: story.id for story in stories for article in story.articles}
        self._store.save_story_ids(self._digest, ids)

    def relearn(self) -> None:
        """Notes what editions in the outbox tell where the store does not know it.

        So it is after a power cut between the two, or when the state was lost and the outbox kept.
        """
        known = self._store.told_dates(self._digest)
        for date in self._outbox.dates(self._digest):
            if date not in known:
                edition = self._edition(date)
                if edition is not None:
                    self._store.save_told(self._digest, date, edition.told)

    def _edition(self, date: str) -> Edition | None:
        """Another edition; None, with a warning, when it is damaged: that stops no run."""
        if date not in self._read:
            path = self._outbox.folder(self._digest, date) / EDITION
            try:
                self._read[date] = load_edition(self._outbox.read(self._digest, date), str(path))
            except OutboxError as error:
                log.warning(
                    "an earlier edition can't be read, what it told may be told again: %s", error
                )
                self._read[date] = None
        return self._read[date]


def _members(story: EditionStory, edition: Edition, articles: Mapping[str, Article]) -> list[str]:
    """The articles of a printed story that the store still has as they were.

    Many papers rewrite an entry in place: what it says now, readers were not told.
    """
    if story.articles:
        return [
            id
            for id, hash in story.articles.items()
            if id in articles and articles[id].content_hash == hash
        ]
    # Before format 3 an edition did not say which story an article was told in, but what was
    # printed of it.
    printed = {(story.url, story.headline), *((other.url, other.headline) for other in story.also)}
    pages = {url for url, _ in printed if url}
    return [
        id
        for id in dict.fromkeys((story.article, *edition.told))
        if id in articles
        and (
            id == story.article
            or articles[id].url in pages
            or (articles[id].url, articles[id].title) in printed
        )
    ]


def _stand_ins(story: EditionStory, date: str, there: Collection[str]) -> Iterator[Article]:
    """What an edition printed of a story, as articles; less those whose address is `there`."""
    if not story.url or story.url not in there:
        text = " ".join(sentence.text for sentence in story.summary)
        yield _stand_in(story.article, story.source, story, story, text)
    for other in story.also:
        if not other.url or other.url not in there:
            # Before format 3 the others had no ids.
            id = other.article or f"{date} {other.url or other.headline}"
            yield _stand_in(id, other.feed, story, other)


def _stand_in(
    id: str,
    feed: str,
    story: EditionStory,
    printed: EditionStory | EditionSource,
    text: str = "",
) -> Article:
    words = f"{printed.headline}\0{text}".encode("utf-8", "replace")
    return Article(
        id=id,
        feed=feed,
        title=printed.headline,
        text=text,
        published=printed.published,
        url=printed.url,
        language=story.language,
        content_hash=hashlib.sha256(words).hexdigest(),
    )
