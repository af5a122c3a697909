"""What differs between two builds of an edition, for a page that tells it."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from digest.records import Edition, EditionStory

T = TypeVar("T")

# What is printed once in an edition and isn't told in a way of its own.
_COUNTS = ("feeds", "articles", "left_out", "retold", "trimmed")
_SETTINGS = (
    *("title", "sender", "template", "language", "timezone", "images", "postal", "archive"),
    "show_failed",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a story is printed; `number` counts from 1 under its topic."""

    topic: str
    number: int


@dataclass(frozen=True, slots=True)
class Printed:
    """A story that only one of the two has.

    `part_of` is the headline of the story that tells most of its articles in the other one, empty
    where none does: it was merged there, or split off from there.
    """

    id: str
    headline: str
    place: Place
    part_of: str = ""


@dataclass(frozen=True, slots=True)
class Changed:
    """A story that both have, where they differ.

    `what` holds `topic`, `moved` (among the stories of its topic), `headline`, `summary`, `lead`,
    `sources` (other articles are told with it) or `details` (anything else that is printed of it).
    `lead` and `old_lead` name the leads' feeds as they are printed, with the addresses; `joined`
    and `left` count the articles that it is made of and wasn't, and the other way round.
    """

    id: str
    headline: str
    place: Place
    summary: tuple[str, ...]
    lead: tuple[str, str]
    old_id: str
    old_headline: str
    old_place: Place
    old_summary: tuple[str, ...]
    old_lead: tuple[str, str]
    what: frozenset[str]
    joined: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class Difference:
    """What of `new` is other than in `old`. Pairs are old and new, None where they are the same.

    `counts` and `settings` are pairs by the field of `Edition`, only those that differ; `counts`
    has `stories` too. Of the topics only those are told that both have, when their order differs.
    """

    added: tuple[Printed, ...] = ()
    gone: tuple[Printed, ...] = ()
    changed: tuple[Changed, ...] = ()
    topics: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    subject: tuple[str, str] | None = None
    preheader: tuple[str, str] | None = None
    note: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    failed: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    counts: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    settings: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many differences there are, those of the counts apart; 0 where both print the same.

        The counts say in numbers what the others tell, or what nobody reads.
        """
        once = (self.topics, self.subject, self.preheader, self.note, self.failed)
        lists = (self.added, self.gone, self.changed, self.settings)
        return sum(pair is not None for pair in once) + sum(map(len, lists))


def differences(old: Edition, new: Edition) -> Difference:
    """What of `new` is other than in `old`, in the order of print.

    A story is the same with the same id, else with the most articles in common.
    """
    before, after = old.stories, new.stories
    pairs = dict(_pairs(before, after))
    back = {new_number: old_number for old_number, new_number in pairs.items()}
    places, old_places = _places(new), _places(old)
    moved = _moved(old_places, places, pairs)
    changed = (
        _changed(before[was], old_places[was], after[now], places[now], now in moved)
        for now, was in sorted(back.items())
    )
    return Difference(
        added=_only(after, places, back.keys(), before),
        gone=_only(before, old_places, pairs.keys(), after),
        changed=tuple(change for change in changed if change.what),
        topics=_topics(old, new),
        subject=_pair(old.subject, new.subject),
        preheader=_pair(old.preheader, new.preheader),
        note=_pair(old.note, new.note),
        failed=_pair(_failed(old), _failed(new)),
        counts={
            name: (was, now)
            for name, was, now in (
                ("stories", len(before), len(after)),
                *((name, getattr(old, name), getattr(new, name)) for name in _COUNTS),
            )
            if was != now
        },
        settings={
            name: (str(getattr(old, name)), str(getattr(new, name)))
            for name in _SETTINGS
            if getattr(old, name) != getattr(new, name)
        },
    )


def _pair(old: T, new: T) -> tuple[T, T] | None:
    return (old, new) if old != new else None


def _failed(edition: Edition) -> tuple[str, ...]:
    return tuple(f"{failed.feed}: {failed.reason}" for failed in edition.failed)


def _topics(old: Edition, new: Edition) -> tuple[tuple[str, ...], tuple[str, ...]] | None:
    names, old_names = ({topic.name for topic in edition.topics} for edition in (new, old))
    both = names & old_names
    before, after = (
        tuple(topic.name for topic in edition.topics if topic.name in both)
        for edition in (old, new)
    )
    return _pair(before, after)


def _articles(story: EditionStory) -> set[str]:
    return {story.article, *story.articles}


def _pairs(old: Sequence[EditionStory], new: Sequence[EditionStory]) -> Iterator[tuple[int, int]]:
    """The numbers of the stories that are one, in `old` and in `new`."""
    numbers = {story.id: number for number, story in enumerate(new)}
    same = {number: numbers[one.id] for number, one in enumerate(old) if one.id in numbers}
    yield from same.items()
    holders = _holders(new)
    shared = Counter(
        (number, holder)
        for number, story in enumerate(old)
        if number not in same
        for article in _articles(story)
        for holder in holders.get(article, ())
    )
    left, taken = set(same), set(same.values())
    for (number, other), _ in sorted(shared.items(), key=lambda item: (-item[1], item[0])):
        if number not in left and other not in taken:
            left.add(number)
            taken.add(other)
            yield number, other


def _holders(stories: Sequence[EditionStory]) -> dict[str, list[int]]:
    """The numbers of the stories that an article is part of, by its id."""
    holders: dict[str, list[int]] = {}
    for number, story in enumerate(stories):
        for article in _articles(story):
            holders.setdefault(article, []).append(number)
    return holders


def _places(edition: Edition) -> list[Place]:
    return [
        Place(topic.name, number)
        for topic in edition.topics
        for number in range(1, len(topic.stories) + 1)
    ]


def _only(
    stories: Sequence[EditionStory],
    places: Sequence[Place],
    paired: Collection[int],
    others: Sequence[EditionStory],
) -> tuple[Printed, ...]:
    holders = _holders(others)

    def part_of(story: EditionStory) -> str:
        held = Counter(holder for id in _articles(story) for holder in holders.get(id, ()))
        most = min(held, key=lambda holder: (-held[holder], holder), default=None)
        return "" if most is None else others[most].headline

    return tuple(
        Printed(story.id, story.headline, places[number], part_of(story))
        for number, story in enumerate(stories)
        if number not in paired
    )


def _moved(old: Sequence[Place], new: Sequence[Place], pairs: Mapping[int, int]) -> set[int]:
    """Those of the new stories that stand elsewhere among those of their topic.

    As few as can be: without them the others are in the order in which they were (they are all but
    a longest increasing subsequence). What only moved up for a story that is gone did not move.
    """
    by_topic: dict[str, list[tuple[int, int]]] = {}
    for was, now in pairs.items():
        if old[was].topic == new[now].topic:
            by_topic.setdefault(new[now].topic, []).append((now, was))
    found: set[int] = set()
    for stayed in by_topic.values():
        stayed.sort()
        found |= {now for now, _ in stayed} - _longest(stayed)
    return found


def _longest(pairs: Sequence[tuple[int, int]]) -> set[int]:
    """The first numbers of a longest subsequence of `pairs` in which the second ones increase."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, (_, value) in enumerate(pairs):
        at = bisect_left(ends, value)
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1] = [value]
        last[at : at + 1] = [index]
    found: set[int] = set()
    index = last[-1] if last else -1
    while index >= 0:
        found.add(pairs[index][0])
        index = before[index]
    return found


def _changed(
    old: EditionStory, old_place: Place, new: EditionStory, place: Place, moved: bool
) -> Changed:
    summary, old_summary = _sentences(new), _sentences(old)
    what = {
        "topic": place.topic != old_place.topic,
        "moved": moved,
        "headline": new.headline != old.headline,
        "summary": summary != old_summary,
        "lead": new.article != old.article,
        # Times are left out: feeds set them anew with every edit of theirs.
        "sources": _sources(new) != _sources(old),
        "details": _details(new) != _details(old),
    }
    return Changed(
        id=new.id,
        headline=new.headline,
        place=place,
        summary=summary,
        lead=(new.source, new.url),
        old_id=old.id,
        old_headline=old.headline,
        old_place=old_place,
        old_summary=old_summary,
        old_lead=(old.source, old.url),
        what=frozenset(name for name, differs in what.items() if differs),
        joined=len(_articles(new) - _articles(old)),
        left=len(_articles(old) - _articles(new)),
    )


def _sentences(story: EditionStory) -> tuple[str, ...]:
    return tuple(sentence.text for sentence in story.summary)


def _sources(story: EditionStory) -> tuple[object, ...]:
    return tuple((one.feed, one.headline, one.url, one.copy) for one in story.also)


def _details(story: EditionStory) -> tuple[object, ...]:
    """What else is printed of a story."""
    return (
        *(story.source, story.url, story.author),
        *(story.minutes, story.image, story.update, story.paywall),
        *(story.language, story.direction),
    )
