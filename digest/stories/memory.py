"""Memory: what earlier editions of a digest told is not told again, unless there is news.

Pure functions of stories and of what was told; what counts as news is said in `news`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from digest.records import Article, Story, Told, Update
from digest.stories.news import Known
from digest.stories.rank import choose_lead

# Most of an update's news that is kept, for editors.
_KEPT = 5


@dataclass(frozen=True, slots=True)
class Retold:
    """What memory makes of stories: those to tell, updates among them, and those left out.

    `left_out` are the stories that an earlier edition told and whose new articles bring no news;
    `repeats` are the ids of all new articles that only say again what was told.
    """

    to_tell: tuple[Story, ...]
    left_out: tuple[Story, ...] = ()
    repeats: tuple[str, ...] = ()


def retell(stories: Sequence[Story], told: Sequence[Told], weights: Mapping[str, float]) -> Retold:
    """The `stories` worth telling after what was `told`; their articles may be told ones too.

    A story without told articles stays as it is, one with told articles only is in no part. One
    with both is told if a later article brings news: without the told articles and what only
    copies them, led by an article with the news (`weights` are by feed name), under the id it had,
    and with what was told of it last.
    """
    memory = _Memory(stories, told)
    to_tell: list[Story] = []
    left_out: list[Story] = []
    repeats: list[str] = []
    taken = {story.id for story in stories}
    for story in stories:
        earlier = memory.earlier(story)
        new = [article.id for article in story.articles if article.id not in memory.told]
        if not earlier:
            to_tell.append(story)
            continue
        if not new:
            continue
        copies = _copies_of_told(story, memory.told)
        found = memory.news(story, copies, earlier)
        if not found:
            left_out.append(story)
            repeats += new
            continue
        said_again = copies - set(found)
        repeats += sorted(said_again)
        left = set(new) - said_again
        fresh = [article for article in story.articles if article.id in left]
        last = max(earlier, key=lambda one: (one.date, one.story))
        update = _updated(story, fresh, found, last, weights)
        # Where a story has split, its id stays with one part: an edition has an id once.
        if last.story not in taken:
            taken.add(last.story)
            update = replace(update, id=last.story)
        to_tell.append(update)
    return Retold(tuple(to_tell), tuple(left_out), tuple(repeats))


class _Memory:
    """What was told, by article and by story."""

    def __init__(self, stories: Sequence[Story], told: Sequence[Told]) -> None:
        self._by_article: dict[str, set[str]] = {}
        self._by_story: dict[str, list[Told]] = {}
        for one in told:
            self._by_story.setdefault(one.story, []).append(one)
            for article in one.articles:
                self._by_article.setdefault(article, set()).add(one.story)
        self.told = frozenset(self._by_article)
        self._articles = {
            article.id: article
            for story in stories
            for article in story.articles
            if article.id in self.told
        }

    def earlier(self, story: Story) -> list[Told]:
        """All that was told of the stories that the story's articles belonged to."""
        ids = {id for one in story.articles for id in self._by_article.get(one.id, ())}
        return [one for id in sorted(ids) for one in self._by_story[id]]

    def news(
        self, story: Story, copies: Collection[str], earlier: Sequence[Told]
    ) -> dict[str, tuple[str, ...]]:
        """The news of each new article that has some and is later than all that was told, by id.

        `copies` are those whose text was told: an agency's next version is nearly the same text
        too, but only numbers make it one; a paper that adds its own town to a text adds no news.
        """
        ids = dict.fromkeys(article for one in earlier for article in one.articles)
        told = [self._articles[id] for id in ids if id in self._articles]
        # Times that the feed gave, where there are any: ours may be hours after the event.
        dated = [article for article in told if article.date_origin == "feed"] or told
        last = max(article.published for article in dated)
        later = [
            article
            for article in story.articles
            if article.id not in self.told and article.published > last
        ]
        if not later:
            return {}
        known = Known(told)
        found = {one.id: known.news_in(one, numbers_only=one.id in copies) for one in later}
        return {id: facts for id, facts in found.items() if facts}


def _copies_of_told(story: Story, told: frozenset[str]) -> set[str]:
    """The story's new articles whose text was told under another address."""

    def root(id: str) -> str:
        seen = {id}
        while (original := story.copies.get(id)) is not None and original not in seen:
            seen.add(original)
            id = original
        return id

    texts = {root(article.id) for article in story.articles if article.id in told}
    return {
        article.id
        for article in story.articles
        if article.id not in told and root(article.id) in texts
    }


def _updated(
    story: Story,
    fresh: Sequence[Article],
    found: Mapping[str, tuple[str, ...]],
    last: Told,
    weights: Mapping[str, float],
) -> Story:
    there = {article.id for article in fresh}
    copies = {
        id: original for id, original in story.copies.items() if id in there and original in there
    }
    lead = choose_lead([one for one in fresh if one.id in found], weights, copies=copies)
    others = sorted(
        (other for other in fresh if other is not lead),
        key=lambda other: (other.published.timestamp(), other.id),
    )
    facts = dict.fromkeys(fact for one in (lead, *others) for fact in found.get(one.id, ()))
    return replace(
        story,
        articles=(lead, *others),
        why={id: line for id, line in story.why.items() if id in there},
        copies=copies,
        update=Update(last.date, last.story, last.headline, tuple(facts)[:_KEPT]),
    )
