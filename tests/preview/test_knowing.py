"""Knowing why: what sentences stand on, why stories are merged and ranked, how feeds are."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta

import pytest

from digest.pipeline import editing
from digest.preview.explaining import articles_of, claims_of, rank_of, topic_of, web_url
from digest.records import DroppedSentence, FeedState, NewOperation, Verdict

from .conftest import DeskFixture, words_of

TRAMS = "Trams return to Mill Street after nine years without rails"
PIER = "Harbour pier closes after the storm broke its northern planks"


def story_page(desk: DeskFixture, headline: str, **parameters: str) -> str:
    """The page of a story."""
    path = f"{desk.path}/stories/{desk.stories()[headline]}"
    answer = desk.client.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.text


def marked(page: str, asked: bool = False) -> list[str]:
    """The sentences of the article that are marked."""
    kind = ' class="asked"' if asked else "[^>]*"
    return [words_of(text) for text in re.findall(rf"<mark{kind} id=[^>]*>(.*?)</mark>", page)]


def change(desk: DeskFixture, kind: str, headline: str, **values: object) -> None:
    """Makes a change, and all that it waits for."""
    story = desk.stories()[headline]
    key = f"{kind}-{desk.revision}"
    new = NewOperation(kind, values, "Asha", key, desk.revision, story)  # type: ignore[arg-type]
    editing.change(desk.workshop, desk.digest, desk.date, new, desk.now)
    editing.complete(desk.workshop, desk.digest, desk.date, desk.now)


# --- sentences ------------------------------------------------------------------------------


def test_each_sentence_is_marked_in_the_article_it_was_taken_from(desk: DeskFixture) -> None:
    edition = editing.sheet(desk.workshop, desk.digest, desk.date).edition
    [printed] = [story for story in edition.stories if story.headline == TRAMS]
    page = story_page(desk, TRAMS)
    assert sorted(marked(page)) == sorted(one.text for one in printed.summary)
    assert marked(page, asked=True) == []
    assert words_of(page).count("Word for word in the article") == len(printed.summary)
    assert "Taken from the article word for word" in words_of(page)

    asked = story_page(desk, TRAMS, sentence="1")
    assert marked(asked, asked=True) == [printed.summary[1].text]


def test_what_is_not_printed_is_supported_by_nothing(desk: DeskFixture) -> None:
    edition = editing.sheet(desk.workshop, desk.digest, desk.date).edition
    [printed] = [story for story in edition.stories if story.headline == TRAMS]
    near = printed.summary[0].text.rstrip(".")
    change(desk, "summary", TRAMS, text=f"{near}, and Atlantis paid 900 million for it.")
    page = story_page(desk, TRAMS)
    assert "Not supported" in words_of(page)
    assert marked(page) == []


def test_beside_the_stories_it_is_a_fragment(desk: DeskFixture) -> None:
    page = story_page(desk, TRAMS, sentence="0", only="evidence")
    assert "<html" not in page
    assert "Sentence 1 of 2" in words_of(page)
    assert len(marked(page, asked=True)) == 1


@pytest.mark.parametrize("asked", ["9", "-1", "x", "", "0'\"><b>", "None"])
def test_a_sentence_that_is_not_there_marks_nothing_more(desk: DeskFixture, asked: str) -> None:
    page = story_page(desk, TRAMS, sentence=asked)
    assert marked(page, asked=True) == []
    assert len(marked(page)) == 2


def test_what_an_editor_wrote_is_held_against_the_article(desk: DeskFixture) -> None:
    text = (
        "Trams return to Mill Street after nine years without rails. They cost 900 million crowns."
    )
    change(desk, "summary", TRAMS, text=text)
    page = story_page(desk, TRAMS, sentence="0")
    said = words_of(page)
    assert "Edited by Asha" in said
    assert "They cost 900 million crowns." in said
    assert re.search(r"Not supported: \d+ %, so it is not printed", said)
    assert "900 million" in said
    # Only what is printed can be asked for.
    assert len(re.findall(r'class="sentence"', page)) == 1
    assert len(marked(page, asked=True)) == 1


def test_a_headline_that_is_not_supported_is_told_and_the_sources_own_stands(
    desk: DeskFixture,
) -> None:
    change(desk, "headline", TRAMS, text="Trams kill 44 in Kaloborg")
    said = words_of(story_page(desk, TRAMS))
    assert "The edited headline “Trams kill 44 in Kaloborg” is not supported" in said
    assert f"← {TRAMS}" not in said
    assert said.count(TRAMS) > 1


def test_what_verification_dropped_stands_there_with_its_reason(desk: DeskFixture) -> None:
    sheet = editing.sheet(desk.workshop, desk.digest, desk.date)
    draft = sheet.draft
    assert draft is not None
    [story] = [one for one in draft.stories if one.lead.title == TRAMS]
    dropped = DroppedSentence("It cost 12 million.", ("the number 12 is not in the article",))
    written = replace(
        draft.summaries[story.lead.id], model="writer-1", dropped=(dropped,), instead_of=""
    )
    other = replace(draft, summaries={**draft.summaries, story.lead.id: written})
    from digest.editions.drafts import dump_draft
    from digest.editions.frozen import dump_edition

    store = desk.workshop.store
    store.desk.save_build(
        desk.digest, desk.date, desk.now, "built", dump_edition(sheet.edition), dump_draft(other)
    )
    said = words_of(story_page(desk, TRAMS))
    assert "Written by writer-1" in said
    assert "1 sentence was dropped by verification" in said
    assert "It cost 12 million. the number 12 is not in the article" in said


def test_claims_number_only_what_is_printed(desk: DeskFixture) -> None:
    sheet = editing.sheet(desk.workshop, desk.digest, desk.date)
    story = desk.stories()[TRAMS]
    verdicts = (
        Verdict("False.", False, 0.1, ("no",), ()),
        Verdict("True.", True, 0.875, (), (2,)),
        Verdict("Copied.", True, 1.0, (), (0,)),
    )
    wording = replace(editing.Wording(), sentences=verdicts)
    claims = claims_of(replace(sheet, wordings={story: wording}), story, None, None)
    assert [(one.number, one.percent, one.word_for_word) for one in claims] == [
        (None, 10, False),
        (0, 88, False),
        (1, 100, True),
    ]


# --- stories --------------------------------------------------------------------------------


def test_a_story_of_two_papers_says_why_they_were_merged(desk: DeskFixture) -> None:
    page = story_page(desk, PIER)
    said = words_of(page)
    assert "Its 2 articles" in said
    assert "Storm closes the harbour pier" in said
    assert "The others joined this one" in said
    assert "Copy of gull" in said
    assert 'href="/feeds/lantern"' in page
    assert 'href="https://paper.example/' in page


def test_the_reason_for_each_article_is_the_one_it_was_grouped_by(desk: DeskFixture) -> None:
    sheet = editing.sheet(desk.workshop, desk.digest, desk.date)
    whole = sheet.stories[desk.stories()[PIER]]
    other = whole.articles[1].id
    grouped = replace(whole, copies={}, why={other: "like “Harbour pier”: same words: pier"})
    first, second = articles_of(sheet, grouped, None)
    assert (first.is_lead, first.why) == (True, "")
    assert (second.is_lead, second.why) == (False, "like “Harbour pier”: same words: pier")


def test_the_parts_of_a_rank_are_told_in_words_with_a_bar_each(desk: DeskFixture) -> None:
    sheet = editing.sheet(desk.workshop, desk.digest, desk.date)
    whole = sheet.stories[desk.stories()[PIER]]
    parts = {part.name: part for part in rank_of(sheet, whole, None)}
    assert set(parts) == {"Coverage", "Recency", "Weight", "Topic"}
    assert parts["Recency"].words == "Its newest article was 1 hour old when the edition was built."
    assert parts["Topic"].words == "Harbour is number 1 of 3 in the order of topics."
    assert all(0 <= part.share <= 1 for part in parts.values())
    assert sum(float(part.value) for part in parts.values()) == pytest.approx(whole.rank, abs=0.03)

    page = story_page(desk, PIER)
    assert len(re.findall(r'<svg class="bar', page)) >= 4
    assert re.search(r"Place \d of 8 by rank", words_of(page))


def test_coverage_counts_the_sources(desk: DeskFixture) -> None:
    sheet = editing.sheet(desk.workshop, desk.digest, desk.date)
    stories = sheet.stories
    alone = rank_of(sheet, stories[desk.stories()[TRAMS]], None)[0]
    assert (alone.value, alone.words) == ("0.00", "Told by one source.")
    whole = stories[desk.stories()[PIER]]
    three = replace(whole, rank_parts={"coverage": 1.584963})
    assert rank_of(sheet, three, None)[0].words == "Told by about 3 independent sources."


def test_a_topic_is_told_with_its_score_and_the_runner_up(desk: DeskFixture) -> None:
    sheet = editing.sheet(desk.workshop, desk.digest, desk.date)
    whole = sheet.stories[desk.stories()[PIER]]
    name, parts, how = topic_of(sheet, whole, None)
    assert (name, how) == ("Harbour", "")
    assert [part.name for part in parts] == ["Harbour", f"{whole.runner_up} (runner-up)"]
    assert parts[0].share >= parts[1].share

    change(desk, "topic", PIER, topic="Science")
    sheet = editing.sheet(desk.workshop, desk.digest, desk.date)
    name, parts, how = topic_of(sheet, sheet.stories[whole.id], None)
    assert name == "Science"
    assert parts[0].name == "Harbour"
    assert "An editor put it here" in how


def test_dropped_pinned_and_left_out_stories_have_pages_too(desk: DeskFixture) -> None:
    trams, pier = desk.stories()[TRAMS], desk.stories()[PIER]
    change(desk, "drop", TRAMS)
    change(desk, "pin", PIER)
    said = words_of(desk.client.get(f"{desk.path}/stories/{trams}").text)
    assert "Dropped by an editor" in said
    assert "no summary" in said
    assert "Pinned" in words_of(desk.client.get(f"{desk.path}/stories/{pier}").text)


def test_a_story_that_has_gone_is_told(desk: DeskFixture) -> None:
    for story in ("s0000", "%3Cscript%3E", "%2e%2e%2fx"):
        answer = desk.client.get(f"{desk.path}/stories/{story}?sentence=0&only=evidence")
        assert answer.status_code == 404
        assert "<script>" not in answer.text
    answer = desk.client.get(f"{desk.path}/stories/s0000")
    assert "has no such story" in words_of(answer.text)


def test_without_a_draft_the_printed_summary_and_its_sources_are_told(desk: DeskFixture) -> None:
    story = desk.stories()[PIER]
    desk.workshop.store.desk.prune("2100-01-01")
    answer = desk.client.get(f"{desk.path}/stories/{story}?sentence=0")
    assert answer.status_code == 200
    said = words_of(answer.text)
    assert "The article’s text was not kept with this edition" in said
    assert "Word for word in the article" in said
    assert "Its 2 articles" in said
    assert "Coverage" in said


@pytest.mark.parametrize(
    ("address", "link"),
    [
        ("https://paper.example/1", "https://paper.example/1"),
        ("mailto:desk@paper.example", ""),
        ("javascript:alert(1)", ""),
        ("data:text/html,x", ""),
        ("", ""),
        ("  ", ""),
    ],
)
def test_only_addresses_of_the_web_are_links(address: str, link: str) -> None:
    assert web_url(address) == link


# --- feeds ----------------------------------------------------------------------------------


def test_feeds_are_listed_with_their_health_and_a_picture_of_their_days(
    desk_on: DeskFixture,
) -> None:
    desk_on.configure(feeds="gull lantern broken")
    (desk_on.folder / "broken.xml").write_text("<html>down for maintenance</html>", "utf-8")
    desk_on.build()
    with desk_on.running() as desk:
        page = desk.client.get("/feeds").text
    said = words_of(page)
    assert said.count("Healthy") == 2
    assert "Never worked" in said
    assert "an HTML page, not a feed" in said
    assert "6 stories in the newest edition" in said
    assert page.count('<svg class="spark"') == 3
    assert 'aria-label="6 articles in 30 days, most 6 on 2026-03-02"' in page
    assert 'aria-label="nothing in 30 days"' in page


def test_a_feed_tells_what_it_brought_and_what_of_it_is_printed(desk: DeskFixture) -> None:
    page = desk.client.get("/feeds/lantern").text
    said = words_of(page)
    assert "In the edition of Monday, 2 March 2026" in said
    assert "tells it too" in said
    assert "leads the story" in said
    assert "No failure is on record" in said
    assert page.count("<rect") == 30


def test_a_feed_tells_its_last_failures_newest_first(desk: DeskFixture) -> None:
    [gull, _] = desk.room.config().records()  # type: ignore[union-attr]
    for day, reason in enumerate(["the server answered 503", "no answer within 20 seconds"]):
        at = desk.now + timedelta(days=day)
        state = FeedState(
            "gull", gull.url, checked=at, worked=desk.now, failures=day + 1, reason=reason,
            failing_since=desk.now,
        )  # fmt: skip
        desk.workshop.store.save_feeds([state], {}, at)
    desk.now += timedelta(days=2)
    said = words_of(desk.client.get("/feeds/gull").text)
    assert "Failing" in said
    at = [said.rindex(words) for words in ("no answer within 20 seconds", "answered 503")]
    assert at == sorted(at)


def test_a_feed_that_nobody_named_is_told(desk: DeskFixture) -> None:
    for name in ("nobody", "%3Cb%3E", "a%2Fb"):
        answer = desk.client.get(f"/feeds/{name}")
        assert answer.status_code == 404
        assert "<b>" not in answer.text


def test_feeds_without_a_usable_configuration_say_so(desk: DeskFixture) -> None:
    (desk.folder / "feeds.yaml").write_text("feeds: 3\ndigests: []\n", "utf-8")
    assert "can’t be used" in words_of(desk.client.get("/feeds").text)


def test_addresses_of_feeds_are_shown_without_their_password(desk_on: DeskFixture) -> None:
    with (desk_on.folder / "feeds.yaml").open("a", encoding="utf-8") as file:
        file.write('  - {name: secret, url: "https://me:hunter2@paper.example/feed"}\n')
    with desk_on.running() as desk:
        assert "hunter2" not in desk.client.get("/feeds/secret").text
        assert "hunter2" not in desk.client.get("/feeds").text
