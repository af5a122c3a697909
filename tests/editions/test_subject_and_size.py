"""The subject line by its template, and how an edition is made to fit into an e-mail."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions.compose import compose, fit
from digest.editions.desk.arranging import arranged, sections
from digest.editions.render import packaged_themes
from digest.editions.words import Words, translations
from digest.records import Article, Draft, Edition, Plan, Story, Summary, SummarySentence, Update
from digest.text.subject import SUBJECT_FIELDS, fill_subject, subject_fields

SEVEN = datetime(2026, 3, 2, 7, tzinfo=UTC)
PLAN = Plan("daily", "The Daily", "Europe/London", "classic", "d@e.org", ("World", "Sport"), 200)


def made(
    *headlines: str,
    update: bool = False,
    summary: tuple[str, ...] = ("Said.",),
    most: int | None = None,
    words: Words | None = None,
    **plan: object,
) -> Edition:
    """An edition with a story of each of `headlines`, the first the most important."""
    told = Update("2026-03-01", "s0", "Before", ("five",)) if update else None
    stories = [
        Story(
            f"s{number}",
            (Article(f"a{number}", "post", headline, "Text.", SEVEN),),
            "World" if number % 2 == 0 else "Sport",
            rank=1 - number / 1000,
            update=told,
        )
        for number, headline in enumerate(headlines)
    ]
    sentences = tuple(SummarySentence(text, (0,), 1.0) for text in summary)
    summaries = {f"a{number}": Summary(sentences, "extractive") for number in range(len(headlines))}
    draft = Draft(
        replace(PLAN, **plan),  # type: ignore[arg-type]
        "2026-03-02",
        SEVEN,
        tuple(stories),
        summaries,
        {"post": "The Post"},
    )
    arrangement = arranged(draft, ())
    whole = sections(arrangement, draft.plan)
    laid = sections(arrangement, draft.plan, most)
    count = sum(len(some) for _, some in laid)
    return compose(
        draft,
        laid,
        summaries,
        left_out=len(stories) - count,
        trimmed=sum(len(some) for _, some in whole) - count,
        words=words,
    )


# --- subject -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("template", "subject"),
    [
        ("{title}: {headline}", "The Daily: Ferry talks reopen"),
        ("{headline}", "Ferry talks reopen"),
        ("{topic} and more | {date}", "World and more | Monday, 2 March 2026"),
        ("{stories} stories", "2 stories"),
        ("{{{title}}}", "{The Daily}"),
        ("Good morning", "Good morning"),
    ],
)
def test_a_subject_says_what_its_template_says(template: str, subject: str) -> None:
    assert made("Ferry talks reopen", "Cup final", subject=template).subject == subject


def test_a_subject_speaks_the_digest_s_language() -> None:
    french = made(
        "Le ferry",
        update=True,
        subject="{headline} ({topic}), {date}",
        language="fr",
        words=translations([packaged_themes()], "fr"),
    )
    assert french.subject == "Mise à jour\u00a0: Le ferry (Monde), lundi 2 mars 2026"


def test_a_story_that_was_told_before_is_an_update_in_the_subject() -> None:
    assert made("Ferry", update=True).subject == "The Daily: Update: Ferry"


def test_of_an_only_story_the_preheader_tells_more() -> None:
    assert made("Ferry", summary=("It runs again.", "From Monday.")).preheader == (
        "It runs again. From Monday."
    )
    assert made("Ferry", summary=()).preheader == ""


def test_of_a_long_subject_the_headline_is_cut_not_what_follows_it() -> None:
    subject = made("Ferry talks " * 20, subject="{headline} | {title}").subject
    assert len(subject) <= 90
    assert subject.startswith("Ferry talks Ferry")
    assert subject.endswith("… | The Daily")


def test_a_title_that_leaves_the_headline_no_room_is_cut_with_it() -> None:
    subject = made("Ferry talks reopen", title="The Daily " * 20).subject
    assert len(subject) <= 90
    assert subject.endswith("…")


@pytest.mark.parametrize(
    ("headline", "subject"),
    [
        ("{title.__class__} {0} %s %(a)s", "The Daily: {title.__class__} {0} %s %(a)s"),
        ("100 % of {all}", "The Daily: 100 % of {all}"),
    ],
)
def test_a_headline_is_filled_in_and_never_a_template(headline: str, subject: str) -> None:
    assert made(headline).subject == subject
    assert made(headline, update=True).subject.endswith(headline)


@given(st.text(max_size=40))
def test_any_template_is_refused_or_filled_in(template: str) -> None:
    if not {"{", "}"} & set(template):
        assert subject_fields(template) == ()
    try:
        names = subject_fields(template)
    except ValueError:
        return
    assert set(names) <= set(SUBJECT_FIELDS)
    filled = fill_subject(template, dict.fromkeys(SUBJECT_FIELDS, "x"))
    assert len(filled) <= len(template)


# --- size ----------------------------------------------------------------------------------


def fitted(stories: int, limit: int, sizes: list[int] | None = None) -> Edition:
    """`fit` where each story takes 100 bytes and the rest 50; notes in `sizes` what was tried."""

    def size(edition: Edition) -> int:
        if sizes is not None:
            sizes.append(len(edition.stories))
        return 50 + 100 * len(edition.stories)

    headlines = [str(number) for number in range(stories)]
    return fit(lambda most: made(*headlines, most=most), size, limit)


def test_an_edition_that_fits_is_left_alone() -> None:
    edition = fitted(8, 850)
    assert (len(edition.stories), edition.trimmed, edition.left_out) == (8, 0, 0)


@given(st.integers(1, 40), st.integers(0, 5000))
def test_as_many_stories_stay_as_fit_and_one_at_least(stories: int, limit: int) -> None:
    edition = fitted(stories, limit)
    kept = len(edition.stories)
    assert kept == min(stories, max(1, (limit - 50) // 100))
    assert edition.trimmed == edition.left_out == stories - kept


def test_the_least_important_stories_are_left_out_and_not_counted_as_told() -> None:
    edition = fitted(8, 450)
    assert sorted(story.headline for story in edition.stories) == ["0", "1", "2", "3"]
    assert edition.told == ("a0", "a1", "a2", "a3")
    assert edition.trimmed == 4


def test_subject_and_preheader_name_only_what_stayed() -> None:
    edition = fitted(8, 350)
    assert edition.subject == "The Daily: 0"
    assert edition.preheader == "1 · 2"


def test_the_largest_edition_is_rendered_nine_times_at_most() -> None:
    sizes: list[int] = []
    fitted(200, 9_000, sizes)
    assert len(sizes) <= 9


# --- summaries -----------------------------------------------------------------------------


def test_a_summary_of_5000_words_is_printed_as_far_as_a_summary_goes() -> None:
    edition = made("a", summary=tuple(f"Sentence {n} has eight words in it." for n in range(700)))
    texts = [sentence.text for sentence in edition.stories[0].summary]
    assert 100 < len(texts) < 300
    assert texts[-1] == f"Sentence {len(texts) - 1} has eight words in it."


@pytest.mark.parametrize("word", ["word ", "字"])
def test_a_sentence_of_5000_words_is_cut_and_marked(word: str) -> None:
    (sentence,) = made("a", summary=((word * 40_000).strip(),)).stories[0].summary
    assert 7_000 < len(sentence.text) <= 8_000
    assert sentence.text.endswith("…")
    assert sentence.source == (0,)
