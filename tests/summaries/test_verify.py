"""Verdicts on summary sentences: what passes, what fails, and why, in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.models.encoder import Encoder
from digest.pipeline.verifying import Claim, source_document, verify_texts
from digest.records import Document, Encoded, Verdict
from digest.summaries.extractive import Extractive
from digest.summaries.verify import shipped, verify
from digest.summaries.verify_features import FEATURES
from digest.text.clean import plain_text
from digest.text.sentences import make_document

OWN = Path(__file__).parents[1] / "data" / "verify.jsonl"
DATA = Path(__file__).parents[3] / "shared" / "data"
# Of sentences that say the same in other words.
LIKENESS = np.asarray([[0.6, 0.8]], dtype=np.float32)

SOURCE = (
    "The harbour bridge will close for nine weeks from Monday, the port authority said.",
    "Drivers will be sent along the northern road, which adds 14 kilometres.",
    "“We would rather close for nine weeks than for ever,” said the engineer, Odd Brekke.",
    "The council denies that it knew of the rust.",
    "The work will not cost more than £3.2m.",
)


def check(sentence: str, source: Sequence[str] = SOURCE, title: str = "") -> Verdict:
    """The verdict where all embeddings are equally like, so that the words decide."""
    document = Document("d", title, tuple(source))
    rows = np.zeros((len(source) + 1, 2), dtype=np.float32)
    rows[:, 0] = 1
    [verdict] = verify([sentence], LIKENESS, document, Encoded(rows[0], rows[1:]))
    return verdict


@pytest.mark.parametrize("sentence", SOURCE)
def test_a_sentence_of_the_source_is_supported_at_once(sentence: str) -> None:
    verdict = check(sentence)
    assert (verdict.supported, verdict.score, verdict.reasons) == (True, 1.0, ())
    assert verdict.source == (SOURCE.index(sentence),)


def test_quotation_marks_and_spaces_may_differ() -> None:
    sentence = SOURCE[2].replace("“", '"').replace("”", '"').replace(" ", "\u00a0 ")
    assert check(sentence).score == 1.0


def test_sentences_one_after_the_other_are_supported_as_one() -> None:
    verdict = check(f"{SOURCE[0]} {SOURCE[1]}")
    assert (verdict.score, verdict.source) == (1.0, (0, 1))


def test_sentences_that_stand_apart_are_supported_when_they_were_taken_for_one() -> None:
    verdict = check(f"{SOURCE[3]} {SOURCE[0]}")
    assert (verdict.score, verdict.source) == (1.0, (0, 3))


def test_a_sentence_within_a_longer_one_of_the_source_is_there_word_for_word() -> None:
    assert check("I go home.", ["He was tired. I go home. So he said."]).score == 1.0
    assert check("The bridge shook.", ["ELLERY (Meridian) – The bridge shook."]).score == 1.0


def test_part_of_a_sentence_is_not_the_sentence() -> None:
    assert check("it knew of the rust.").score < 1.0
    assert check("The work will not cost more.").score < 1.0


@pytest.mark.parametrize(
    ("half", "whole"),
    [
        ("Muslims are banned from the site.", "Non-Muslims are banned from the site."),
        ("Roe was arrested on Monday.", "The brother of Dr. Roe was arrested on Monday."),
        ("Roe protesters were held.", "Police said that anti-Roe protesters were held."),
        ("Meridia attacked first.", "He denied the claim – Meridia attacked first."),
        ("The ship sank at 5 p.m.", "The ship sank at 5 p.m. in the film, not at sea."),
    ],
)
def test_what_stands_behind_a_dash_or_an_abbreviation_is_no_sentence(half: str, whole: str) -> None:
    assert check(half, [whole]).score < 1.0


def test_line_ends_of_any_system_part_paragraphs() -> None:
    document = source_document("", "A ship\r\n\r\nThe crew sings.\r\n\r\nIt sails.")
    assert document.sentences == ("A ship", "The crew sings.", "It sails.")
    assert document.paragraphs == (0, 1, 2)


def test_half_of_a_surrogate_pair_reaches_no_tokenizer() -> None:
    given: list[str] = []

    def encode(texts: Sequence[str]) -> np.ndarray:
        given.extend(texts)
        return np.ones((len(texts), 4), np.float32)

    [found] = verify_texts([Claim("A ship \ud800 sank.", "A ship \udc00 sank.", "\ud800")], encode)
    assert found.supported
    assert "".join(given).encode("utf-8")


def test_the_title_is_source_too() -> None:
    title = "Ellery bridge to close"
    assert check(title, title=title).score == 1.0
    assert check("The bridge in Ellery will close for nine weeks.", title=title).supported
    assert not check("The bridge in Ellery will close for nine weeks.").supported


@pytest.mark.parametrize(
    "sentence",
    [
        "The bridge closes for 9 weeks on Monday, the port authority said.",
        'Odd Brekke, the engineer, said: "We would rather close for nine weeks than for ever."',
        "The work will cost no more than 3.2 million pounds.",
        "Drivers have to take the northern road, 14 kilometres longer.",
    ],
)
def test_the_same_in_other_words_is_supported(sentence: str) -> None:
    verdict = check(sentence)
    assert verdict.supported, verdict
    assert verdict.reasons == ()


@pytest.mark.parametrize(
    ("sentence", "reason"),
    [
        ("The bridge will close for ten weeks.", "the number ten is not in the source"),
        ("It costs £4m.", "the amount £4m is not in the source"),
        ("The bridge will close on Tuesday.", "the day Tuesday is not in the source"),
        ("The bridge will close on 3 May.", "the date 3 May is not in the source"),
        ("The bridge will close at 7pm.", "the time 7pm is not in the source"),
        ("Jane Roe sends drivers along the road.", "the source does not name Jane Roe"),
        ("Ana Brekke is the engineer.", "the source does not name Ana"),
        (
            "Brekke said “we will close for ever”.",
            "“we will close for ever” is not in the source word for word",
        ),
        (
            "The harbour bridge will not close for nine weeks.",
            "the source does not say “not” of this",
        ),
        ("The work will cost more than £3.2m.", "the source says “not … cost”"),
        (
            "Drivers will be sent along the southern road.",
            "the source says “northern” where the sentence says “southern”",
        ),
        (
            "Penguins swim happily among melting icebergs.",
            "hardly any sentence of the source is about this",
        ),
    ],
)
def test_what_the_source_does_not_have_fails_and_is_named(sentence: str, reason: str) -> None:
    verdict = check(sentence)
    assert not verdict.supported, verdict
    assert reason in verdict.reasons


def test_no_score_saves_a_sentence_with_a_figure_a_name_or_a_quotation_of_its_own() -> None:
    for sentence in (
        SOURCE[1].replace("14", "15"),
        SOURCE[0].replace("the port authority", "Roe"),
        SOURCE[2].replace("rather", "sooner"),
    ):
        verdict = check(sentence)
        assert not verdict.supported
        assert 0 <= verdict.score < shipped().threshold


def test_the_sentences_that_support_best_are_named() -> None:
    assert check("Drivers will take the northern road.").source == (1,)
    assert check("The northern road adds 14 kilometres, said Odd Brekke, the engineer.").source == (
        1,
        2,
    )


def test_weights_have_the_sign_that_their_reasons_claim() -> None:
    weights = dict(zip(FEATURES, shipped().weights, strict=True))
    assert weights.pop("cosine") >= 0
    assert all(weight <= 0 for weight in weights.values()), weights
    assert 0 < shipped().threshold < 1


def test_without_sentences_or_source_nothing_breaks() -> None:
    nothing = Encoded(np.zeros(4, np.float32), np.zeros((0, 4), np.float32))
    assert verify([], np.zeros((0, 4), np.float32), Document("d", "", ()), nothing) == ()
    [verdict] = verify(["A ship."], np.ones((1, 4), np.float32), Document("d", "", ()), nothing)
    assert not verdict.supported
    assert verdict.source == ()


@pytest.mark.parametrize(
    ("source", "good", "bad"),
    [
        (
            "Die Hafenbrücke wird ab Montag für neun Wochen gesperrt, sagte Odd Brekke. Das "
            "kostet 3,2 Millionen Euro.",
            "Das kostet 3,2 Millionen Euro.",
            "Das kostet 3,3 Millionen Euro.",
        ),
        (
            "Le pont sera fermé 9 semaines, a dit Odd Brekke. Les voitures passeront au nord.",
            "Le pont sera fermé 9 semaines.",
            "Le pont sera fermé 8 semaines.",
        ),
        ("港口大桥将关闭9周。司机须绕行14公里。", "司机须绕行14公里。", "司机须绕行15公里。"),
        ("سيغلق الجسر ٩ أسابيع. قال العمدة ذلك.", "سيغلق الجسر ٩ أسابيع.", "سيغلق الجسر ٨ أسابيع."),
    ],
)
def test_other_languages_keep_their_figures(source: str, good: str, bad: str) -> None:
    sentences = source_document("", source).sentences
    assert check(good, sentences).supported
    assert not check(bad, sentences).supported


@settings(max_examples=60)
@given(st.text(max_size=200), st.lists(st.text(max_size=80), max_size=5))
def test_any_sentence_can_be_checked_against_any_source(sentence: str, source: list[str]) -> None:
    verdict = check(sentence, source)
    assert verdict.text == sentence
    assert 0 <= verdict.score <= 1
    assert verdict.supported is not bool(verdict.reasons)
    assert all(0 <= index < len(source) for index in verdict.source)


Encode = Callable[[Sequence[str]], np.ndarray]


@pytest.fixture(scope="module")
def encode() -> Encode:
    return Encoder().encode


@pytest.mark.model
def test_true_and_false_sentences_of_our_own_are_told_apart(encode: Encode) -> None:
    rows = [json.loads(line) for line in OWN.read_text(encoding="utf-8").splitlines()]
    found = verify_texts([Claim(row["source"], row["summary"]) for row in rows], encode)
    right: dict[int, list[bool]] = {0: [], 1: []}
    for row, verified in zip(rows, found, strict=True):
        right[row["label"]].append(verified.supported == bool(row["label"]))
    # Measured: all 16 true ones pass, and 3 of the 26 false ones (in one two numbers have changed
    # places, which docs/verification.md says it does not see).
    assert np.mean(right[1]) >= 0.93
    assert np.mean(right[0]) >= 0.88


@pytest.mark.model
@pytest.mark.slow
@pytest.mark.skipif(not DATA.is_dir(), reason="the data beside the checkout are not there")
def test_every_extractive_summary_passes(encode: Encode) -> None:
    path = DATA / "summaries" / "cnndm_dev.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()][:60]
    documents = [make_document(row["id"], "", plain_text(row["source"])) for row in rows]
    encoded = {
        document.id: Encoded(np.zeros(384, np.float32), encode(document.sentences))
        for document in documents
    }
    summaries = Extractive(2).summarize(documents, encoded)
    claims = [
        Claim(row["source"], summary.text) for row, summary in zip(rows, summaries, strict=True)
    ]
    for verified in verify_texts(claims, encode):
        assert verified.supported, verified
