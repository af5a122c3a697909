"""What the pages of a story tell of it: its sentences, rank, topic and articles. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from digest.editions.filters import safe_url
from digest.pipeline.editing import Evidence, Sheet
from digest.preview.reading import local
from digest.records import Article, EditionStory, Story
from digest.words import desk_words

# A sentence that the article has word for word has support 1; of others a percent is shown.
_WORD_FOR_WORD = 0.9999


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
    first = (
        next((one for one in sheet.draft.stories if one.id == told.id), None)
        if (sheet.draft)
        else None
    )
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


def _claim(
    text: str,
    number: int | None,
    support: float,
    source: tuple[int, ...],
    reasons: tuple[str, ...] = (),
) -> Claim:
    return Claim(text, number, round(support * 100), source, reasons, support > _WORD_FOR_WORD)


def title_of(printed: EditionStory | None, whole: Story | None) -> str:
    own = whole.lead.title if whole else ""
    return (printed.headline if printed else "") or own or desk_words()("why.untitled")


def lead_of(sheet: Sheet, printed: EditionStory | None, whole: Story | None) -> Told | None:
    return next(iter(articles_of(sheet, whole, printed)), None)


def _when(sheet: Sheet, article: Article) -> datetime | None:
    return local(article.published, sheet.edition) if article.date_origin == "feed" else None


def place_of(sheet: Sheet, sid: str) -> tuple[int, int] | None:
    """Where a story stands by rank, from 1, and among how many."""
    ranked = sorted(sheet.stories.values(), key=lambda story: (-story.rank, story.id))
    ids = [story.id for story in ranked]
    return (ids.index(sid) + 1, len(ids)) if sid in ids else None


def _rank_words(sheet: Sheet, whole: Story | None, parts: Mapping[str, float]) -> dict[str, str]:
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
