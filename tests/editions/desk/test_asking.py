"""What forms bring is made fit, or refused in words that help."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.editions.desk.asking import asked
from digest.errors import UsageError
from digest.records import OperationKind

KINDS: tuple[str, ...] = get_args(OperationKind)

STORY = {"story": "s1", "article": "a1"}


@pytest.mark.parametrize(
    ("kind", "form", "values"),
    [
        ("move", {"topic": "World", "after": "s2"}, {"topic": "World", "after": "s2"}),
        ("move", {"topic": "World"}, {"topic": "World", "after": ""}),
        ("topic", {"topic": " World  news "}, {"topic": "World news"}),
        ("drop", {}, {}),
        ("pin", {}, {}),
        ("merge", {"others": "s2"}, {"others": [{"story": "s2", "article": ""}]}),
        (
            "merge",
            {"others": ["s2 a2", "s3", "s3"]},
            {"others": [{"story": "s2", "article": "a2"}, {"story": "s3", "article": ""}]},
        ),
        ("split", {"articles": ["a1", "a2"]}, {"articles": ["a1", "a2"]}),
        ("split", {"articles": "a1"}, {"articles": ["a1"]}),
        ("lead", {"lead": "a2"}, {"lead": "a2"}),
        ("headline", {"text": " Ferries\r\nsail\x07 again "}, {"text": "Ferries sail again"}),
        ("summary", {"text": "They sail.\n\nAgain."}, {"text": "They sail. Again."}),
        (
            "length",
            {"sentences": "4", "model": "extractive"},
            {"sentences": 4, "model": "extractive"},
        ),
    ],
)
def test_a_change_to_a_story_comes_with_its_values(
    kind: str, form: dict[str, Any], values: dict[str, Any]
) -> None:
    assert asked(kind, {**STORY, **form, "csrf": "x", "seen": "3"}) == ("s1", "a1", values)


@pytest.mark.parametrize(
    ("kind", "form", "values"),
    [
        ("section", {"topic": "World"}, {"topic": "World", "after": ""}),
        ("section", {"topic": "World", "after": "Sea"}, {"topic": "World", "after": "Sea"}),
        (
            "note",
            {"text": "Good\r\nmorning.\r\n\r\nBye.\x00\r\n"},
            {"text": "Good\nmorning.\n\nBye."},
        ),
        ("note", {"text": ""}, {"text": ""}),
        ("subject", {"text": "Ferries"}, {"text": "Ferries"}),
        ("exclude", {"feed": "post"}, {"feed": "post"}),
    ],
)
def test_a_change_to_the_edition_names_no_story(
    kind: str, form: dict[str, Any], values: dict[str, Any]
) -> None:
    assert asked(kind, {**STORY, **form}) == ("", "", values)


@pytest.mark.parametrize(
    ("kind", "most"), [("headline", 300), ("summary", 2000), ("note", 3000), ("subject", 200)]
)
def test_a_text_may_be_so_long_and_no_longer(kind: str, most: int) -> None:
    assert asked(kind, {**STORY, "text": "x" * most})[2] == {"text": "x" * most}
    with pytest.raises(UsageError, match=rf"{kind} has {most + 1:,} characters; .* {most:,}"):
        asked(kind, {**STORY, "text": "x" * (most + 1)})


@pytest.mark.parametrize("kind", ["headline", "summary", "subject"])
@pytest.mark.parametrize("text", ["", " \n\t", "\u202e\x00"])
def test_a_text_of_nothing_is_refused(kind: str, text: str) -> None:
    with pytest.raises(UsageError, match=f"the {kind} is empty: write one"):
        asked(kind, {**STORY, "text": text})


@pytest.mark.parametrize("sentences", ["0", "7", "-1", "2.5", "many", "", "9" * 5000])
def test_a_summary_has_one_to_six_sentences(sentences: str) -> None:
    with pytest.raises(UsageError, match="1 to 6 sentences"):
        asked("length", {**STORY, "sentences": sentences, "model": "extractive"})


def test_a_summary_is_written_by_a_model_that_is_there() -> None:
    form = {**STORY, "sentences": "2", "model": "writer"}
    assert asked("length", form, ["extractive", "writer"])[2]["model"] == "writer"
    with pytest.raises(UsageError, match=r"'writer' writes no summaries here; .*: extractive"):
        asked("length", form, ["extractive"])


@pytest.mark.parametrize(
    ("kind", "form", "message"),
    [
        ("paint", STORY, "there is no change 'paint'"),
        ("", STORY, "there is no change ''"),
        ("drop", {}, "no story is named"),
        ("drop", {"story": "../../etc" * 5}, "names no story"),
        ("drop", {"story": "s1\n"}, "names no story"),
        ("drop", {"story": "s1", "article": "ä"}, "names no article"),
        ("move", STORY, "no topic is named: choose one"),
        ("topic", {**STORY, "topic": "x" * 201}, "too long to name a topic"),
        ("merge", STORY, "choose the stories to put together first"),
        ("merge", {**STORY, "others": ["", ""]}, "choose the stories to put together first"),
        ("merge", {**STORY, "others": [f"s{n}" for n in range(501)]}, "501 are too many at once"),
        ("split", STORY, "choose the articles to split off first"),
        ("lead", STORY, "no article to lead the story is named"),
        ("exclude", {}, "no feed is named: choose one"),
    ],
)
def test_what_is_missing_or_wrong_is_said_in_words(
    kind: str, form: dict[str, Any], message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        asked(kind, form)


NAMES = ("story", "article", "topic", "after", "others", "articles", "lead", "text", "sentences")


@settings(deadline=None)
@given(
    kind=st.sampled_from(KINDS) | st.text(max_size=9),
    form=st.dictionaries(
        st.sampled_from((*NAMES, "model", "feed")),
        st.text(max_size=60) | st.lists(st.text(max_size=60), max_size=3),
    ),
)
def test_any_form_is_made_fit_or_refused(kind: str, form: dict[str, Any]) -> None:
    try:
        story, article, values = asked(kind, form)
    except UsageError as error:
        refusal = str(error)
    else:
        refusal = "fit"
        assert len(story) <= 40
        assert len(article) <= 40
        for name, value in values.items():
            if isinstance(value, str):
                assert value == value.strip()
                text = value.replace("\n", " ") if (kind, name) == ("note", "text") else value
                assert not any(ord(sign) < 32 or sign in "\x7f\u202e" for sign in text)
    assert refusal.isprintable()
    assert len(refusal) < 200
