"""Whether a change would go over another that its editor has not seen."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from digest.editions.desk.values import Change, others_of, text_of, texts_of
from digest.records import Draft, NewOperation, Operation, OperationKind
from digest.words import desk_words

# What only one of each edition has: two changes of a kind speak of the same.
_WHOLE: tuple[OperationKind, ...] = ("note", "subject", "section")


def clash(new: NewOperation, since: Sequence[Operation], draft: Draft) -> str:
    """Why `new` can't be made blindly after the changes `since`, in words; or empty.

    Two changes clash that speak of the same story, or both of the note, the subject, the order of
    the headings or the same feed; and what is done to a story with leaving out the feed of the
    article that it is named by. Changes to other stories don't, wherever they put them. One that
    was taken out `since` is told as such. The last that clashes is told, with its time by the
    digest's clock.
    """
    feeds = {article.id: article.feed for story in draft.stories for article in story.articles}
    found = (other for other in reversed(since) if _meet(new, other, feeds))
    zone = ZoneInfo(draft.plan.timezone)
    return next((_told(new, other, draft, zone) for other in found), "")


def _meet(new: NewOperation, other: Operation, feeds: dict[str, str]) -> bool:
    kinds = {new.kind, other.kind}
    if not kinds.isdisjoint(_WHOLE):
        return new.kind == other.kind
    if kinds == {"exclude"}:
        return text_of(new, "feed") == text_of(other, "feed")
    if "exclude" in kinds:
        exclude, change = (new, other) if new.kind == "exclude" else (other, new)
        feed = text_of(exclude, "feed")
        return any(feeds.get(id) == feed for id in _named(change))
    return not _named(new).isdisjoint(_named(other))


def _named(change: Change) -> set[str]:
    """The ids of the stories that a change is about, and of the articles that it names.

    What a story is put behind is not meant: it stays as it is.
    """
    others = {id for other in others_of(change) for id in other}
    articles = {text_of(change, "lead"), *texts_of(change, "articles")}
    return {id for id in (change.story, change.article, *others, *articles) if id}


def _told(new: NewOperation, other: Operation, draft: Draft, zone: ZoneInfo) -> str:
    t = desk_words()
    titles = {story.id: story.lead.title for story in draft.stories}
    it = t("clash.one_of") if new.kind == "merge" else t("clash.it")
    if new.kind != "merge" and new.story in titles:
        it = t("history.title", title=titles[new.story])
    did = t(f"clash.{other.kind}", it=it, feed=text_of(other, "feed"))
    who = other.who or t("clash.somebody")
    when = other.switched or other.undone or other.made
    values = {"who": who, "did": did, "by": other.switched_by, "time": _clock(when, zone)}
    if other.undone is not None:
        return t("clash.told_undone_by" if other.switched_by else "clash.told_undone", **values)
    return t("clash.told_again_by" if other.switched_by else "clash.told", **values)


def _clock(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%H:%M %Z}"
