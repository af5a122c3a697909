"""An editor's changes applied to what an edition is made from.

Every change of the list is made again, in its order, on the stories of the draft: the edition is
never stored half changed, and after a rebuild the same changes meet the new stories. What finds
its story or article no more changes nothing, and is told. Nothing here raises.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from digest.editions.compose import choose
from digest.editions.desk.reshaping import led_by, merged, parted, split_ids, without
from digest.editions.desk.values import others_of, paragraphs, text_of, texts_of
from digest.records import Article, Draft, Idle, Operation, Plan, Story
from digest.words import desk_words


@dataclass(frozen=True, slots=True)
class Arranged:
    """A draft's stories with an editor's changes made.

    `stories` are all of them, by rank. By story id: `dropped` and `pinned`; the last operations
    that set `headlines` and `summaries`, or ask for another summary (`lengths`). `note` (a text a
    paragraph) and `subject` are None where nobody set them. `sections` are
    all headings in their order, `order` the ids of the stories under each, printed or not. `base`
    are the stories that the machine chooses from, `roots` which of them a story comes from, `kept`
    the stories that are printed whatever their rank: those pinned, and those put at a place.
    """

    stories: tuple[Story, ...]
    dropped: frozenset[str]
    pinned: frozenset[str]
    headlines: Mapping[str, Operation]
    summaries: Mapping[str, Operation]
    lengths: Mapping[str, Operation]
    note: tuple[str, ...] | None
    subject: str | None
    sections: tuple[str, ...]
    order: Mapping[str, tuple[str, ...]]
    base: tuple[Story, ...]
    roots: Mapping[str, tuple[str, ...]]
    kept: frozenset[str]
    idle: tuple[Idle, ...]


def arranged(draft: Draft, operations: Sequence[Operation]) -> Arranged:
    """The stories of `draft` with those of its `operations` that aren't undone, in their order.

    A story is found by its id, else by the article; feeds are excluded before all else.
    """
    table = _Table(draft, operations)
    for operation in operations:
        if operation.undone is None:
            table.apply(operation)
    return table.arranged()


def sections(
    arranged: Arranged, plan: Plan, most: int | None = None
) -> tuple[tuple[str, tuple[Story, ...]], ...]:
    """The headings that have stories, in their order, each with its stories in that of print.

    Printed are the stories that the machine chooses by the limits of `plan`, without those dropped
    (nothing moves up for them) and with those kept. Putting together, splitting and moving don't
    change what else is chosen: an editor isn't to lose one story by moving another. `most` is how
    many have room in an e-mail, None for all; the last by rank go first, those kept after them.
    """
    limits = plan.max_stories, plan.max_per_topic, plan.max_per_feed
    chosen = {story.id for story in choose(arranged.base, *limits)}
    printed = [
        story
        for story in arranged.stories
        if story.id not in arranged.dropped
        and (story.id in arranged.kept or not chosen.isdisjoint(arranged.roots[story.id]))
    ]
    # Stable, so that both groups are by rank.
    printed.sort(key=lambda story: story.id not in arranged.kept)
    room = {story.id: story for story in printed[:most]}
    found = (
        (topic, tuple(room[id] for id in arranged.order.get(topic, ()) if id in room))
        for topic in arranged.sections
    )
    return tuple((topic, stories) for topic, stories in found if stories)


@dataclass(slots=True)
class _Table:
    """The stories while they are being arranged."""

    draft: Draft
    operations: Sequence[Operation]
    stories: dict[str, Story] = field(default_factory=dict)
    # Where a story stands by rank: its number in the draft, behind it what was split off.
    places: dict[str, tuple[int, ...]] = field(default_factory=dict)
    roots: dict[str, tuple[str, ...]] = field(default_factory=dict)
    order: dict[str, list[str]] = field(default_factory=dict)
    topics: list[str] = field(default_factory=list)
    moved: set[str] = field(default_factory=set)
    dropped: set[str] = field(default_factory=set)
    pinned: set[str] = field(default_factory=set)
    kept: set[str] = field(default_factory=set)
    # Pinned before it was dropped; and kept before it was pinned.
    pinned_before: set[str] = field(default_factory=set)
    kept_before: set[str] = field(default_factory=set)
    headlines: dict[str, Operation] = field(default_factory=dict)
    summaries: dict[str, Operation] = field(default_factory=dict)
    lengths: dict[str, Operation] = field(default_factory=dict)
    # By the id of a story that isn't there: the one which it is now.
    joined: dict[str, str] = field(default_factory=dict)
    parts: dict[int, str] = field(default_factory=dict)
    note: tuple[str, ...] | None = None
    subject: str | None = None
    base: tuple[Story, ...] = ()
    excluded: frozenset[str] = frozenset()
    idle: dict[Idle, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        feeds = {
            text_of(operation, "feed")
            for operation in self.operations
            if operation.kind == "exclude" and operation.undone is None
        }
        self.excluded = frozenset(
            article.id
            for story in self.draft.stories
            for article in story.articles
            if article.feed in feeds
        )
        left = (without(story, self.excluded) for story in self.draft.stories)
        self.base = tuple(story for story in left if story is not None)
        self.parts = split_ids(self.draft, self.operations)
        self.topics = list(dict.fromkeys(self.draft.plan.topics))
        for number, story in enumerate(self.base):
            self.stories[story.id] = story
            self.places[story.id] = (number,)
            self.roots[story.id] = (story.id,)
            self.under(story.topic).append(story.id)

    def arranged(self) -> Arranged:
        by_rank = sorted(self.stories, key=lambda id: (self.places[id], id))
        return Arranged(
            stories=tuple(self.stories[id] for id in by_rank),
            dropped=frozenset(self.dropped),
            pinned=frozenset(self.pinned),
            headlines=self.headlines,
            summaries=self.summaries,
            lengths=self.lengths,
            note=self.note,
            subject=self.subject,
            sections=tuple(self.topics),
            order={topic: tuple(ids) for topic, ids in self.order.items()},
            base=self.base,
            roots=self.roots,
            kept=frozenset(self.kept),
            idle=tuple(self.idle),
        )

    def apply(self, operation: Operation) -> None:
        match operation.kind:
            case "note":
                self.note = paragraphs(text_of(operation, "text"))
            case "subject":
                self.subject = text_of(operation, "text")
            case "section":
                self.section(operation)
            case "exclude":
                self.exclude(operation)
            case _:
                story = self.find(operation.story, operation.article)
                if story is None:
                    self.tell(operation, self.missing(operation.article))
                else:
                    self.change(operation, story)

    def change(self, operation: Operation, story: Story) -> None:
        match operation.kind:
            case "move":
                self.move(operation, story)
            case "topic":
                self.moved.discard(story.id)
                self.stand(story.id, text_of(operation, "topic"))
            case "drop":
                self.drop(story.id)
            case "undrop":
                self.undrop(story.id)
            case "pin":
                self.pin(story.id)
            case "unpin":
                self.pinned.discard(story.id)
                self.pinned_before.discard(story.id)
                # What was put at a place by hand stays in.
                if story.id not in self.kept_before:
                    self.kept.discard(story.id)
            case "merge":
                self.merge(operation, story)
            case "split":
                self.split(operation, story)
            case "lead":
                self.lead(operation, story)
            case "headline":
                self.headlines[story.id] = operation
            case "summary":
                self.summaries[story.id] = operation
                self.lengths.pop(story.id, None)
            case "length":
                # The later of the two is what the editor wants.
                self.lengths[story.id] = operation
                self.summaries.pop(story.id, None)

    def drop(self, id: str) -> None:
        self.pinned_before |= {id} & self.pinned
        self.dropped.add(id)
        self.pinned.discard(id)
        self.kept.discard(id)

    def undrop(self, id: str) -> None:
        """What is taken in is printed whatever its rank, and pinned if it was."""
        if id in self.dropped:
            self.dropped.discard(id)
            self.kept.add(id)
            self.pinned |= {id} & self.pinned_before

    def pin(self, id: str) -> None:
        if id in self.kept and id not in self.pinned:
            self.kept_before.add(id)
        self.pinned.add(id)
        self.kept.add(id)
        self.dropped.discard(id)

    # --- places -------------------------------------------------------------------------------

    def under(self, topic: str) -> list[str]:
        """The stories under a heading, which comes last where it is new."""
        if topic not in self.order and topic not in self.topics:
            self.topics.append(topic)
        return self.order.setdefault(topic, [])

    def stand(self, id: str, topic: str, at: int | None = None) -> None:
        """Put the story under `topic`, at a place in its list or, when None, by its rank."""
        story = self.stories[id]
        self.order[story.topic].remove(id)
        self.stories[id] = replace(story, topic=topic)
        ids = self.under(topic)
        ids.insert(self.by_rank(id, ids) if at is None else at, id)

    def by_rank(self, id: str, ids: Sequence[str]) -> int:
        """Before the first of lower rank that stands there by its rank too; else last."""
        lower = (
            number
            for number, other in enumerate(ids)
            if other not in self.moved and self.places[other] > self.places[id]
        )
        return next(lower, len(ids))

    def move(self, operation: Operation, story: Story) -> None:
        topic, after = text_of(operation, "topic"), text_of(operation, "after")
        after = self.named(after)
        self.dropped.discard(story.id)
        self.kept.add(story.id)
        if after == story.id:
            # Behind itself: where it is, if that is under the heading at all.
            if story.topic != topic:
                self.stand(story.id, topic)
        elif not after:
            self.stand(story.id, topic, 0)
        elif after in (others := self.under(topic)):
            place = [id for id in others if id != story.id].index(after)
            self.stand(story.id, topic, place + 1)
        else:
            self.moved.discard(story.id)
            self.stand(story.id, topic)
            self.tell(operation, desk_words()("idle.place_gone"))
        self.moved.add(story.id)

    def section(self, operation: Operation) -> None:
        topic, after = text_of(operation, "topic"), text_of(operation, "after")
        if topic not in self.topics:
            self.tell(operation, desk_words()("idle.heading_gone"))
        elif after and after not in self.topics:
            self.tell(operation, desk_words()("idle.heading_place_gone"))
        elif after != topic:
            self.topics.remove(topic)
            self.topics.insert(self.topics.index(after) + 1 if after else 0, topic)

    # --- stories ------------------------------------------------------------------------------

    def merge(self, operation: Operation, story: Story) -> None:
        others: dict[str, Story] = {}
        for id, article in others_of(operation):
            other = self.find(id, article)
            if other is None:
                why = self.missing(article)
                self.tell(operation, desk_words()("idle.not_joined", why=why))
            elif other.id == story.id:
                self.tell(operation, desk_words()("idle.not_joined_same"))
            else:
                others[other.id] = other
        together = [story, *others.values()]
        foremost = min(together, key=lambda one: self.places[one.id])
        self.stories[story.id] = merged(story, list(others.values()), foremost)
        ids = [one.id for one in together]
        self.roots[story.id] = tuple(dict.fromkeys(root for id in ids for root in self.roots[id]))
        # What somebody wanted printed is printed, as a part of this.
        if not self.dropped.issuperset(ids):
            self.dropped.discard(story.id)
        if any(id in self.kept and id not in self.pinned for id in ids):
            self.kept_before.add(story.id)
        for marked in (self.pinned, self.kept, self.pinned_before, self.kept_before):
            if not marked.isdisjoint(ids):
                marked.add(story.id)
        self.places[story.id] = self.places[foremost.id]
        for id in others:
            self.leave(id, story.id)
        if foremost is not story and story.id not in self.moved:
            self.stand(story.id, story.topic)

    def leave(self, id: str, into: str) -> None:
        """The story `id` is gone, having become part of another."""
        self.order[self.stories.pop(id).topic].remove(id)
        self.joined[id] = into
        for texts in (self.headlines, self.summaries, self.lengths):
            if (operation := texts.pop(id, None)) is not None:
                self.tell(operation, desk_words()("idle.text_joined"))
        for ids in (self.dropped, self.pinned, self.kept, self.moved):
            ids.discard(id)
        del self.places[id], self.roots[id]

    def split(self, operation: Operation, story: Story) -> None:
        there = {article.id for article in story.articles}
        wanted = texts_of(operation, "articles")
        off = there.intersection(wanted)
        for gone in set(wanted) - there:
            why = self.missing(gone, "idle.not_split_gone")
            self.tell(operation, desk_words()("idle.not_split", why=why))
        if not off:
            return
        id = self.parts[operation.number]
        if off == there:
            self.tell(operation, desk_words()("idle.not_split_alone"))
            self.joined[id] = story.id
            return
        self.stories[story.id], self.stories[id] = parted(story, off, id)
        self.places[id] = (*self.places[story.id], operation.number)
        self.roots[id] = self.roots[story.id]
        ids = self.order[story.topic]
        ids.insert(ids.index(story.id) + 1, id)
        # As much printed as what it was part of.
        before = (self.pinned_before, self.kept_before)
        for marked in (self.dropped, self.pinned, self.kept, self.moved, *before):
            if story.id in marked:
                marked.add(id)

    def lead(self, operation: Operation, story: Story) -> None:
        lead = text_of(operation, "lead")
        if any(article.id == lead for article in story.articles):
            self.stories[story.id] = led_by(story, lead)
        else:
            self.tell(operation, self.missing(lead, "idle.article_gone"))

    def exclude(self, operation: Operation) -> None:
        """Tell it when there is nothing of the feed; the articles have left before all else."""
        feed = text_of(operation, "feed")
        if not any(article.feed == feed for article in self.articles()):
            self.tell(operation, desk_words()("idle.no_feed"))

    # --- finding and telling ------------------------------------------------------------------

    def articles(self) -> Iterator[Article]:
        return (article for story in self.draft.stories for article in story.articles)

    def find(self, id: str, article: str) -> Story | None:
        """The story with that id, else the one that holds the article.

        What is split off is not looked for by its articles where that split is undone or without
        effect: what was meant for the part is not for the whole.
        """
        if id not in self.stories and id not in self.parts.values():
            id = self.holder(article)
        return self.stories.get(self.named(id))

    def holder(self, article: str) -> str:
        """The id of the story that holds the article, or held it before its feed was excluded."""
        every = (*self.stories.values(), *self.draft.stories)
        holds = (story for story in every if any(one.id == article for one in story.articles))
        return next((story.id for story in holds), "")

    def named(self, id: str) -> str:
        """The id of the story that `id` has become part of, or is."""
        while id not in self.stories and id in self.joined:
            id = self.joined[id]
        return id

    def missing(self, article: str, gone: str = "idle.gone") -> str:
        """Why an article isn't there; `gone` names the words where its feed isn't excluded."""
        return desk_words()("idle.excluded" if article in self.excluded else gone)

    def tell(self, operation: Operation, reason: str) -> None:
        self.idle[Idle(operation.number, reason)] = None
