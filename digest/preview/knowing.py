"""Why the edition is as it is: what sentences stand on, how stories rank, how feeds are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from digest.editions.filters import safe_url
from digest.errors import DigestError, GoneError
from digest.pipeline import editing
from digest.pipeline.checking import Checked, known
from digest.pipeline.drafting import EDITOR
from digest.pipeline.editing import Evidence, Sheet
from digest.preview.reading import base_of, local, long_date
from digest.preview.room import Room
from digest.preview.words import desk_words
from digest.records import Article, EditionStory, FeedDay, Story
from digest.text.urls import redact

DAYS = 30
"""Days that a feed's picture shows."""

# A sentence that the article has word for word has support 1; of others a percent is shown.
_WORD_FOR_WORD = 0.9999


def routes(room: Room) -> list[Route]:
    """What is to be known."""
    knowing = _Knowing(room)
    return [
        Route("/editions/{digest}/{date}/stories/{story}", knowing.story),
        Route("/feeds", knowing.feeds),
        Route("/feeds/{name}", knowing.feed),
    ]


@dataclass(frozen=True, slots=True)
class Claim:
    """A summary's sentence and what it stands on.

    `number` counts the printed sentences from 0, None for one that isn't printed; then `reasons`
    say why. `percent` is its support, `source` the numbers of the article's sentences.
    """

    text: str
    number: int | None
    percent: int
    source: tuple[int, ...]
    reasons: tuple[str, ...] = ()
    word_for_word: bool = False


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a rank or of a choice of topic: its value, as a share (0 to 1), and in words."""

    name: str
    value: str
    share: float
    words: str = ""
    soft: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """An article of a story: who told it and when, why it is in it, and whose copy it is."""

    title: str
    feed: str
    label: str
    url: str
    published: datetime | None
    why: str = ""
    copy_of: str = ""
    is_lead: bool = False
    paywall: bool = False


def story_context(room: Room, sheet: Sheet, sid: str, asked: str = "") -> dict[str, object]:
    """What `story.html` is filled in from, for whoever shows a story's page.

    `asked` is the number of the sentence whose support is asked for. Raises GoneError for a story
    that the edition doesn't have.
    """
    printed = next((one for one in sheet.edition.stories if one.id == sid), None)
    whole = sheet.stories.get(sid)
    if whole is None and printed is None:
        raise GoneError(desk_words()("why.gone", edition=sheet.status.name))
    evidence = editing.evidence(sheet, sid) if whole is not None else None
    claims = claims_of(sheet, sid, evidence, printed)
    claim = next((one for one in claims if asked and str(one.number) == asked), None)
    edits = [one for one in sheet.operations if one.story == sid and one.undone is None]
    return {
        "sheet": sheet,
        "sid": sid,
        "base": base_of(sheet),
        "printed": printed,
        "whole": whole,
        "evidence": evidence,
        "claims": claims,
        "asked": claim,
        "total": sum(one.number is not None for one in claims),
        "supporting": {number for one in claims for number in one.source},
        "wording": sheet.wordings.get(sid),
        "title": _title(printed, whole),
        "lead": _lead(sheet, printed, whole),
        "editor": next((one.who for one in reversed(edits) if one.kind == "summary"), ""),
        "is_edited": printed is not None and printed.model == EDITOR,
        "rank": rank_of(sheet, whole, printed),
        "place": _place(sheet, sid),
        "topic": topic_of(sheet, whole, printed),
        "articles": articles_of(sheet, whole, printed),
    }


def claims_of(
    sheet: Sheet, sid: str, evidence: Evidence | None, printed: EditionStory | None
) -> list[Claim]:
    """The sentences of a story's summary; of an edited one those that aren't printed too."""
    wording = sheet.wordings.get(sid)
    if wording is not None and wording.sentences:
        claims, number = [], 0
        for one in wording.sentences:
            own = number if one.supported else None
            number += one.supported
            claims.append(_claim(one.text, own, one.score, one.source, one.reasons))
        return claims
    sentences = evidence.sentences if evidence else printed.summary if printed else ()
    return [
        _claim(one.text, number, one.support, one.source) for number, one in enumerate(sentences)
    ]


def rank_of(sheet: Sheet, whole: Story | None, printed: EditionStory | None) -> list[Part]:
    """The parts of a story's rank, each a bar beside the others and a sentence."""
    parts = whole.rank_parts if whole else printed.rank_parts if printed else {}
    largest = max([1.0, *parts.values()])
    words = _rank_words(sheet, whole, parts)
    return [
        Part(
            desk_words()(f"why.rank_{name}"),
            f"{value:.2f}",
            value / largest,
            words.get(name, ""),
        )
        for name, value in parts.items()
    ]


def topic_of(
    sheet: Sheet, whole: Story | None, printed: EditionStory | None
) -> tuple[str, list[Part], str]:
    """The topic a story stands under, its score and the runner-up's, and how that came about."""
    t = desk_words()
    names = {story.id: topic.name for topic in sheet.edition.topics for story in topic.stories}
    told = printed or whole
    if told is None:
        return "", [], ""
    name = names.get(told.id) or (whole.topic if whole else "")
    first = next((one for one in sheet.draft.stories if one.id == told.id), None) if (
        sheet.draft
    ) else None
    chosen = first.topic if first else name
    scores = [(chosen, told.topic_score), (told.runner_up, told.runner_up_score)]
    largest = max(0.5, *(score for _, score in scores))
    parts = [
        Part(
            topic if at == 0 else t("why.topic_runner_up", topic=topic),
            f"{score:.2f}",
            score / largest,
            soft=at > 0,
        )
        for at, (topic, score) in enumerate(scores)
        if topic
    ]
    return name, parts, t("why.topic_set") if name != chosen else ""


def articles_of(sheet: Sheet, whole: Story | None, printed: EditionStory | None) -> list[Told]:
    """The articles of a story, its lead first."""
    if whole is not None:
        titles = {article.id: article for article in whole.articles}
        return [
            Told(
                title=article.title or label_of(sheet, article.feed),
                feed=article.feed,
                label=label_of(sheet, article.feed),
                url=web_url(article.url),
                published=_when(sheet, article),
                why=whole.why.get(article.id, ""),
                copy_of=(
                    label_of(sheet, titles[whole.copies[article.id]].feed)
                    if whole.copies.get(article.id) in titles
                    else ""
                ),
                is_lead=article is whole.lead,
                paywall=article.paywall,
            )
            for article in whole.articles
        ]
    if printed is None:
        return []
    edition = sheet.edition
    own = Told(
        title=printed.headline,
        feed="",
        label=printed.source,
        url=web_url(printed.url),
        published=local(printed.published, edition) if printed.date_origin == "feed" else None,
        why=printed.why,
        is_lead=True,
        paywall=printed.paywall,
    )
    also = [
        Told(
            title=one.headline,
            feed="",
            label=one.feed,
            url=web_url(one.url),
            published=local(one.published, edition) if one.date_origin == "feed" else None,
            why=one.why,
        )
        for one in printed.also
    ]
    return [own, *also]


def web_url(address: str) -> str:
    """The address where it is of the web, else nothing: then there is no link."""
    url = safe_url(address)
    return url if url.startswith(("http://", "https://")) else ""


def label_of(sheet: Sheet, feed: str) -> str:
    """What readers see of a feed."""
    return sheet.draft.labels.get(feed, feed) if sheet.draft else feed


class _Knowing:
    """The request handlers. Not async: Starlette runs them in threads, for they read."""

    def __init__(self, room: Room) -> None:
        self._room = room

    # --- a story -----------------------------------------------------------------------------

    def story(self, request: Request) -> Response:
        """A story's page; `only=evidence` gives what a sentence stands on, to be shown beside it."""
        sheet = self._room.sheet(request)
        sid = request.path_params["story"]
        asked = request.query_params.get("sentence", "")
        context = story_context(self._room, sheet, sid, asked)
        if request.query_params.get("only") == "evidence":
            return self._room.page(request, "_evidence.html", alone=True, beside=True, **context)
        return self._room.page(request, "story.html", **context)

    # --- feeds -------------------------------------------------------------------------------

    def feeds(self, request: Request) -> Response:
        """All feeds of feeds.yaml, and how each is."""
        config = self._room.desk.config()
        feeds = config.records() if config else ()
        now = self._room.desk.clock()
        store = self._room.desk.workshop.store
        sheet = self._newest()
        printed = Counter(
            feed
            for story in (sheet.stories.values() if sheet else ())
            if sheet and story.id in {one.id for one in sheet.edition.stories}
            for feed in {article.feed for article in story.articles}
        )
        return self._room.page(
            request,
            "feeds.html",
            here="feeds",
            usable=config is not None,
            rows=[
                (one, self._days(one.feed.name, now), printed[one.feed.name], self._since(one))
                for one in known(feeds, store, now)
            ],
            newest=sheet.status if sheet else None,
        )

    def feed(self, request: Request) -> Response:
        """How a feed is, what it brought, when it failed, and what of it the edition has."""
        name = request.path_params["name"]
        config = self._room.desk.config()
        feed = next((one for one in (config.records() if config else ()) if one.name == name), None)
        if feed is None:
            return self._room.page(request, "feed_gone.html", 404, here="feeds", wanted=name)
        now = self._room.desk.clock()
        store = self._room.desk.workshop.store
        [checked] = known([feed], store, now)
        sheet = self._newest(feed.name)
        return self._room.page(
            request,
            "feed.html",
            here="feeds",
            checked=checked,
            state=checked.state,
            since=self._since(checked),
            address=redact(feed.url),
            asked_at=redact(checked.state.address),
            days=self._days(name, now),
            failures=store.feed_failures(name),
            newest=sheet.status if sheet else None,
            base=base_of(sheet) if sheet else "",
            long_date=long_date(sheet.edition.date) if sheet else "",
            stories=_of_feed(sheet, name) if sheet else [],
        )

    def _days(self, feed: str, now: datetime) -> list[FeedDay]:
        store = self._room.desk.workshop.store
        return store.feed_days(feed, now - timedelta(days=DAYS - 1), now)

    def _since(self, checked: Checked) -> str:
        since = checked.health.since
        return f"{since.day} {since:%b %Y}" if since else ""

    def _newest(self, feed: str = "") -> Sheet | None:
        """The newest edition that can be read; of a digest that reads `feed`, where one is named."""
        config = self._room.desk.config()
        readers = {
            spec.name
            for spec in (config.digests if config else ())
            if config and any(one.name == feed for one in config.feeds_of(spec))
        }
        for folder in self._room.editions():
            if feed and folder.digest not in readers:
                continue
            try:
                return editing.sheet(self._room.desk.workshop, folder.digest, folder.date)
            except DigestError:
                # Its own page says what is wrong with it; here the one before it will do.
                continue
        return None


def _claim(
    text: str,
    number: int | None,
    support: float,
    source: tuple[int, ...],
    reasons: tuple[str, ...] = (),
) -> Claim:
    return Claim(text, number, round(support * 100), source, reasons, support > _WORD_FOR_WORD)


def _title(printed: EditionStory | None, whole: Story | None) -> str:
    own = whole.lead.title if whole else ""
    return (printed.headline if printed else "") or own or desk_words()("why.untitled")


def _lead(sheet: Sheet, printed: EditionStory | None, whole: Story | None) -> Told | None:
    return next(iter(articles_of(sheet, whole, printed)), None)


def _when(sheet: Sheet, article: Article) -> datetime | None:
    return local(article.published, sheet.edition) if article.date_origin == "feed" else None


def _place(sheet: Sheet, sid: str) -> tuple[int, int] | None:
    """Where a story stands by rank, from 1, and among how many."""
    ranked = sorted(sheet.stories.values(), key=lambda story: (-story.rank, story.id))
    ids = [story.id for story in ranked]
    return (ids.index(sid) + 1, len(ids)) if sid in ids else None


def _rank_words(
    sheet: Sheet, whole: Story | None, parts: Mapping[str, float]
) -> dict[str, str]:
    t = desk_words()
    words = {"weight": t("why.rank_weight_words")}
    if "coverage" in parts:
        # Coverage is the binary logarithm of the independent sources (stories/rank.py).
        sources = 2 ** parts["coverage"]
        shown = f"{sources:.1f}".removesuffix(".0")
        words["coverage"] = t("why.rank_coverage_words", n=1 if shown == "1" else shown)
    if whole is not None and sheet.draft is not None:
        words["recency"] = _recency(whole.articles, sheet.draft.built)
        topics = sheet.draft.plan.topics
        words["topic"] = (
            t(
                "why.rank_topic_words",
                topic=whole.topic,
                place=topics.index(whole.topic) + 1,
                total=len(topics),
            )
            if whole.topic in topics
            else t("why.rank_topic_other", topic=whole.topic)
        )
    return words


def _recency(articles: Sequence[Article], built: datetime) -> str:
    told = [article.published for article in articles if article.date_origin == "feed"]
    if not told:
        return desk_words()("why.rank_recency_unknown")
    hours = max(0, round((built - max(told)).total_seconds() / 3600))
    return desk_words()("why.rank_recency_words", n=hours)


def _of_feed(sheet: Sheet, feed: str) -> list[tuple[Story, str]]:
    """The stories that a feed tells, by rank, each with what its part in it is."""
    printed = {story.id for story in sheet.edition.stories}
    found = []
    for story in sheet.stories.values():
        if any(article.feed == feed for article in story.articles):
            part = "as_lead" if story.lead.feed == feed else "as_other"
            found.append((story, part if story.id in printed else "left_out"))
    return found
