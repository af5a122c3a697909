from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.text.clean import article_text
from digest.text.sentences import MAX_SENTENCES, make_document, split_sentences

CASES = [
    ("en", ["U.S. officials agreed.", "They left."]),
    ("en", ["Mr. Smith met Dr. Jones.", "They spoke."]),
    ("en", ["J. K. Aldous wrote it.", "It sold."]),
    ("en", ["The index rose 3.5 percent.", "It then fell."]),
    ("en", ["They met at 5 p.m. on Monday.", "Nobody spoke."]),
    ("en", ["He left at 5 p.m.", "Nobody spoke."]),
    ("en", ["He lives in the U.S.", "He likes it."]),
    ("en", ["Gov. Lee and Sen. Ray met.", "They agreed."]),
    ("en", ["No. 10 declined to comment.", "It was late."]),
    ("en", ["Is it over?", "No!", "It goes on."]),
    ("en", ["Wait… what?", "Yes."]),
    ("en", ["Visit example.com today.", "It is free."]),
    (
        "en",
        ['"The dam failed. Flooded and dark, the town slept," she wrote on Monday.', "He agreed."],
    ),
    ("en", ["“We won. We did it,” he said.", "The crowd sang."]),
    ("en", ["‘We won. We did it,’ he said.", "The crowd sang."]),
    ("es", ["El Sr. Pérez llegó.", "Se fue."]),
    ("es", ["¿Qué pasó?", "Nada.", "¡Vaya!"]),
    ("de", ["Am 3. März kam er an.", "Dr. Weber blieb."]),
    ("fr", ["M. Dupont est parti.", "Il pleut."]),
    ("ru", ["А. С. Громов писал.", "Он жил."]),
    ("hi", ["यह पहला वाक्य है।", "यह दूसरा वाक्य है।"]),
    ("ar", ["وصل الوزير.", "هل تكلم؟", "نعم."]),
    ("", ["यह पहला वाक्य है।", "यह दूसरा वाक्य है।"]),
    ("xx-unknown", ["One is here.", "Two is there."]),
]


@pytest.mark.parametrize(("language", "sentences"), CASES)
def test_sentences_end_where_a_reader_ends_them(language: str, sentences: list[str]) -> None:
    assert split_sentences(" ".join(sentences), language) == sentences


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
    "unit", ["A", " ", ".", "“", "'", "`", "![", "<!--", "A. ", "中", "…", "\n"]
)
def test_no_paragraph_takes_more_than_linear_time(unit: str) -> None:
    # sentencex alone takes quadratic time over some of these.
    make_document("d", "", unit * (200_000 // len(unit)))


def test_two_megabytes_on_one_line_are_survived() -> None:
    assert make_document("d", "", "“word. " * 300_000).sentences


@given(
    st.text(alphabet=st.sampled_from("ab.AM!?…“”\"' \n\t-•中。é<p>")),
    st.sampled_from(["", "en", "fr", "zh", "hi", "th", "no such"]),
)
def test_each_sentence_stands_word_for_word_in_the_text(text: str, language: str) -> None:
    text = article_text(text)
    document = make_document("d", "", text, language=language, max_sentences=10_000)
    place = 0
    for sentence in document.sentences:
        place = text.index(sentence, place) + len(sentence)
    assert "".join("".join(document.sentences).split()) == "".join(text.split())
