"""Stories as editors reshape them: other leads, put together, split, without a feed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from digest.editions.desk.values import texts_of
from digest.records import Article, Draft, Operation, Story
from digest.words import desk_words


def age(article: Article) -> tuple[float, str]:
    """Sorts articles from the earliest to the latest."""
    return article.published.timestamp(), article.id


def led_by(story: Story, lead: str) -> Story:
    """The story with its article of id `lead` first; the others keep their order."""
    first = next(article for article in story.articles if article.id == lead)
    rest = tuple(article for article in story.articles if article.id != lead)
    return replace(story, articles=(first, *rest))


def without(story: Story, gone: Collection[str]) -> Story | None:
    """The story without the articles whose ids are in `gone`; None when it has no others."""
    left = [article for article in story.articles if article.id not in gone]
    if not left:
        return None
    return story if len(left) == len(story.articles) else _of(story, left)


def merged(story: Story, others: Sequence[Story], foremost: Story) -> Story:
    """`story` with the articles of `others` behind its own, ranked like `foremost` of them all.

    An article that joins keeps the reason it had; that of the one which began its story was none.
    What an earlier edition told of any of them, it told of the whole.
    """
    joined = desk_words()("together.joined")
    why = dict(story.why)
    copies = dict(story.copies)
    for other in others:
        why |= {article.id: other.why.get(article.id) or joined for article in other.articles}
        copies |= other.copies
    return replace(
        story,
        articles=(*story.articles, *(article for other in others for article in other.articles)),
        why=why,
        copies=copies,
        update=next((one.update for one in (story, *others) if one.update is not None), None),
        rank=foremost.rank,
        rank_parts=foremost.rank_parts,
    )


def parted(story: Story, off: Collection[str], id: str) -> tuple[Story, Story]:
    """The rest of the story, and its articles `off` (some, not all) as a story `id` of their own.

    Of both the lead is the earliest, but the rest keeps the story's where it still has it. Reasons
    that name an article of the other part are replaced.
    """
    went = [article for article in story.articles if article.id in off]
    stayed = [article for article in story.articles if article.id not in off]
    t = desk_words()
    rest, part = _of(story, stayed), led_by(_of(story, went), min(went, key=age).id)
    return (
        replace(rest, why=_still_true(rest, went, t("together.stayed"))),
        replace(part, why=_still_true(part, stayed, t("together.split_off")), id=id, update=None),
    )


def split_id(articles: Iterable[Article], taken: Collection[str]) -> str:
    """An id for `articles`, split off together, that is none of `taken`: from the oldest."""
    oldest = min(articles, key=age).id
    for attempt in range(len(taken) + 1):
        seed = f"{oldest}\nsplit" + (f"\n{attempt}" if attempt else "")
        id = "s" + hashlib.sha256(seed.encode("utf-8", "replace")).hexdigest()[:16]
        if id not in taken:
            return id
    raise AssertionError("as many ids as attempts can't all be taken")


def split_ids(draft: Draft, operations: Sequence[Operation]) -> dict[int, str]:
    """The ids of the stories that are split off, by the number of the operation.

    Known beforehand and of those undone too, so that no other change alters them.
    """
    by_id = {article.id: article for story in draft.stories for article in story.articles}
    taken = {story.id for story in draft.stories}
    found: dict[int, str] = {}
    for operation in operations:
        if operation.kind == "split":
            named = [by_id[id] for id in texts_of(operation, "articles") if id in by_id]
            if named:
                found[operation.number] = split_id(named, taken)
                taken.add(found[operation.number])
    return found


def _of(story: Story, articles: Sequence[Article]) -> Story:
    """The story with only `articles`; where its lead is none of them, the earliest leads."""
    there = {article.id for article in articles}
    kept = replace(
        story,
        articles=tuple(articles),
        why={id: reason for id, reason in story.why.items() if id in there},
        copies=_copies(articles, story.copies),
    )
    return kept if story.lead.id in there else led_by(kept, min(articles, key=age).id)


def _copies(articles: Sequence[Article], copies: Mapping[str, str]) -> dict[str, str]:
    """What each of `articles` is a copy of, among them.

    Copies of one that isn't there are copies of the earliest of them: they all have its text.
    """
    there = {article.id for article in articles}
    first: dict[str, str] = {}
    found: dict[str, str] = {}
    for article in sorted(articles, key=age):
        seen = {article.id}
        original = article.id
        while (before := copies.get(original, original)) not in seen:
            seen.add(before)
            original = before
            if original in there:
                break
        if original in there:
            if original != article.id:
                found[article.id] = original
        elif first.setdefault(original, article.id) != article.id:
            found[article.id] = first[original]
    return found


def _still_true(story: Story, elsewhere: Sequence[Article], instead: str) -> dict[str, str]:
    """The story's reasons, but `instead` of those that name an article `elsewhere`.

    The lead needs none. Reasons name articles by their titles, in quotes.
    """
    titles = {article.title for article in story.articles}
    named = [f"“{other.title}”" for other in elsewhere if other.title not in titles]
    still = {id: not any(name in reason for name in named) for id, reason in story.why.items()}
    return {
        id: reason if still[id] else instead
        for id, reason in story.why.items()
        if still[id] or id != story.lead.id
    }
