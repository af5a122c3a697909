from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.text.clean import article_text
from digest.text.sentences import MAX_SENTENCES, make_document, split_sentences

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "sentences.jsonl")
    .read_text("utf-8")
    .splitlines()
]
# "Er wurde 2. Sieger": a German ordinal before a noun looks like a number at a sentence's end.
KNOWN_WRONG = {"Er wurde 2. Sieger im 100-m-Lauf. Danach schlief er."}


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['language']}: {case['text'][:40]}")
def test_sentences_end_where_a_reader_ends_them(case: dict[str, Any]) -> None:
    found = split_sentences(case["text"], case["language"])
    assert (found != case["sentences"]) is (case["text"] in KNOWN_WRONG)


def test_languages_that_are_unknown_are_split_too() -> None:
    for language in ("", "xx-unknown", "en-GB"):
        assert split_sentences("One is here. Two is there.", language) == [
            "One is here.",
            "Two is there.",
        ]
    assert split_sentences("यह पहला वाक्य है। यह दूसरा वाक्य है।") == [
        "यह पहला वाक्य है।",
        "यह दूसरा वाक्य है।",
    ]


def test_a_quotation_is_kept_whole_unless_it_is_long() -> None:
    short = "“" + "We went home early. " * 10 + "It rained,” he said."
    long = "“" + "We went home early. " * 20 + "It rained,” he said."
    assert split_sentences(short) == [short]
    assert len(split_sentences(long)) == 21


def test_a_mark_without_its_partner_spoils_nothing_behind_it() -> None:
    text = 'The tile is 12" wide, and "red. It broke. She said: "I know. It was old." He left.'
    assert split_sentences(text) == [
        'The tile is 12" wide, and "red.',
        "It broke.",
        'She said: "I know. It was old."',
        "He left.",
    ]


@pytest.mark.parametrize(
    "unit",
    [
        "word ",
        "слово ",
        "palavra, ",
        "字",
        "คำ",
        "كلمة ",
        "🙂",
        "a | b | ",
        "x=1 ",
        "http://e.org/a ",
    ],
)
def test_a_wall_without_a_stop_is_cut_into_pieces_that_can_be_read(unit: str) -> None:
    wall = (unit * (100_000 // len(unit))).strip()
    document = make_document("d", "", wall, max_sentences=100_000)
    assert max(map(len, document.sentences)) <= 400
    assert "".join("".join(document.sentences).split()) == "".join(wall.split())


def test_a_long_sentence_of_a_writer_is_not_cut() -> None:
    sentence = "The ferry, " + "which was late, " * 100 + "left."
    assert split_sentences(sentence) == [sentence]


def test_sentences_that_speak_of_the_page_are_left_out() -> None:
    text = (
        "The ferry is late. Read more: Island loses its ferry . A second ship comes. "
        "Why the ferry stopped . It came at noon. Nobody knew. It was cold. They left. It rained. "
        "Gazette's Åse Berg contributed to this report."
    )
    assert " ".join(make_document("d", "", text).sentences) == (
        "The ferry is late. A second ship comes. It came at noon. Nobody knew. It was cold. "
        "They left. It rained."
    )
    assert make_document("d", "", "All rights reserved.").sentences == ("All rights reserved.",)


def test_where_all_stops_stand_alone_they_mean_nothing() -> None:
    text = "The ferry is late . A second ship comes . It came at noon ."
    assert len(make_document("d", "", text).sentences) == 3


@pytest.mark.parametrize(
    ("language", "paragraph", "sentences"),
    [
        ("en", "The vote passed.The bill goes on.", ["The vote passed.", "The bill goes on."]),
        ("zh-hans", "雨停了。真的吗？是的！", ["雨停了。", "真的吗？", "是的！"]),
        ("ja", "雨が降った。川があふれた。", ["雨が降った。", "川があふれた。"]),
        ("th", "ฝนตกหนักเมื่อคืนนี้ แม่น้ำล้นตลิ่ง", ["ฝนตกหนักเมื่อคืนนี้ แม่น้ำล้นตลิ่ง"]),
        ("en", "• First point. • Second point.", ["• First point.", "• Second point."]),
        ("en", "  One here.   Two there.  ", ["One here.", "Two there."]),
        ("en", "no stop at the end", ["no stop at the end"]),
        ("en", "   ", []),
        ("en", "", []),
        ("en", "!!!", ["!!!"]),
    ],
)
def test_other_writing_is_split_too(language: str, paragraph: str, sentences: list[str]) -> None:
    assert split_sentences(paragraph, language) == sentences


def test_a_long_paragraph_is_split_like_a_short_one() -> None:
    sentences = [f'"Ship {number} is here. It waits," Mr. Lee said.' for number in range(500)]
    assert split_sentences(" ".join(sentences)) == sentences


def test_a_document_knows_the_paragraph_of_each_sentence() -> None:
    document = make_document(
        "d", "T", "One is. Two is.\n\nThree is.", content_hash="h", language="en"
    )
    assert document.sentences == ("One is.", "Two is.", "Three is.")
    assert document.paragraphs == (0, 0, 1)
    assert (document.id, document.title, document.content_hash, document.language) == (
        "d",
        "T",
        "h",
        "en",
    )


def test_a_document_has_no_more_sentences_than_salience_reaches() -> None:
    paragraph = " ".join(f"This is sentence number {number}." for number in range(50))
    document = make_document("d", "", "\n\n".join([paragraph] * 3))
    assert len(document.sentences) == len(document.paragraphs) == MAX_SENTENCES
    assert document.paragraphs[-1] == 1


def test_an_empty_text_is_a_document_without_sentences() -> None:
    assert make_document("d", "Title", "").sentences == ()


@pytest.mark.parametrize(
    "unit",
    [
        "A",
        " ",
        ".",
        "“",
        '"',
        "'",
        "`",
        "(",
        "[1]",
        "![",
        "<!--",
        "A. ",
        "中",
        "…",
        "\n",
        "”",
        "« ",
    ],
)
def test_no_paragraph_takes_more_than_linear_time(unit: str) -> None:
    # sentencex alone takes quadratic time over some of these.
    make_document("d", "", unit * (200_000 // len(unit)))


def test_two_megabytes_on_one_line_are_survived() -> None:
    assert make_document("d", "", "“word. " * 300_000).sentences


@given(
    st.text(alphabet=st.sampled_from("ab.AM!?…“”‘’«»()\"' \n\t-•中。」「é<p>1@")),
    st.sampled_from(["", "en", "fr", "zh", "hi", "th", "no such"]),
)
def test_each_sentence_stands_word_for_word_in_the_text(text: str, language: str) -> None:
    text = article_text(text)
    document = make_document("d", "", text, language=language, max_sentences=10_000)
    place = 0
    for sentence in document.sentences:
        place = text.index(sentence, place) + len(sentence)
    assert "".join("".join(document.sentences).split()) == "".join(text.split())
