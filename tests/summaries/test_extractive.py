from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from digest.models.encoder import Encoder
from digest.records import Document, Encoded, Summary
from digest.summaries.extractive import Extractive, pick
from digest.summaries.salience import explain, salience
from digest.text.clean import file_text
from digest.text.sentences import make_document

Summarise = Callable[..., Summary]

SEED = Path(__file__).parents[3] / "shared" / "data" / "seed" / "article.txt"

# Of one length and without quotes, so that only what a test changes decides.
A = "The ferry company said on Monday that it would buy four new electric ships for the strait."
B = "The island council voted on Tuesday by six to three against the plan for a second harbour."
C = "The trawler union warned last week that the new quota would cost three hundred jobs at sea."
D = "The ministry of fisheries promised before the summer to pay for every boat that is scrapped."


def picked(summary: Summary) -> list[int]:
    return [index for sentence in summary.sentences for index in sentence.source]


def test_each_sentence_is_the_article_s_own_and_says_which(summarise: Summarise) -> None:
    sentences = [A, B, C, D]
    summary = summarise(sentences, count=3)
    assert len(summary.sentences) == 3
    for sentence in summary.sentences:
        assert sentence.text == sentences[sentence.source[0]]
        assert sentence.support == 1.0
    assert summary.model == "extractive"


def test_sentences_stand_in_the_article_s_order(summarise: Summarise) -> None:
    centre = np.array([[1, 0, 0], [0, 1, 0], [0.7, 0, 0.7], [0.7, 0.5, 0.5]], dtype=np.float32)
    found = picked(summarise([A, B, C, D], centre, count=3))
    assert found == sorted(found)


def test_earlier_sentences_come_first_when_all_else_is_equal(summarise: Summarise) -> None:
    assert picked(summarise([A, B, C, D])) == [0, 1]


def test_what_the_article_is_about_wins_over_what_stands_beside_it(summarise: Summarise) -> None:
    about = [[0.6, 0.8, 0, 0], [0, 0, 1, 0], [0.6, 0, 0, 0.8], [1, 0, 0, 0]]
    assert 1 not in picked(summarise([A, B, C, D], about, count=3))


@pytest.mark.parametrize("ending", ["…", "...", "[…]", "[...]", "(…)", "…”"])
def test_a_cut_off_sentence_is_passed_over(summarise: Summarise, ending: str) -> None:
    cut = A.rstrip(".") + " " + ending
    assert picked(summarise([cut, B, C])) == [1, 2]


def test_a_cut_off_teaser_alone_is_still_its_summary(summarise: Summarise) -> None:
    assert picked(summarise([A.rstrip(".") + " […]"])) == [0]


def test_a_sentence_that_repeats_the_headline_is_passed_over(summarise: Summarise) -> None:
    headline = "Ferry company to buy four electric ships for the strait"
    assert picked(summarise([headline + ".", B, C], title=headline)) == [1, 2]


def test_a_sentence_that_tells_more_than_the_headline_is_not_a_repetition(
    summarise: Summarise,
) -> None:
    assert picked(summarise([A, B, C], title="Ferry company buys electric ships")) == [0, 1]


def test_the_headline_repeated_is_taken_where_nothing_else_is_there(summarise: Summarise) -> None:
    assert picked(summarise([A], title=A)) == [0]
    assert picked(summarise([A, A], title=A)) == [0]


LEANING = "They voted on Tuesday in the hall by six to three against a plan for a new harbour."
ASIDE = "Nobody was hurt."


def test_a_sentence_that_leans_on_one_left_out_is_left_out(summarise: Summarise) -> None:
    assert picked(summarise([A, ASIDE, LEANING, C])) == [0, 3]


def test_a_leaning_sentence_may_come_along_with_what_it_leans_on(summarise: Summarise) -> None:
    assert picked(summarise([A, LEANING, ASIDE])) == [0, 1]


def test_where_all_sentences_lean_there_is_a_summary_still(summarise: Summarise) -> None:
    assert picked(summarise([LEANING])) == [0]


def test_half_a_quotation_is_left_out(summarise: Summarise) -> None:
    opens = '"The council has never read the plan for the second harbour, and nor has anybody else.'
    closes = 'It voted on Tuesday by six to three against what it had not read," the mayor said.'
    assert picked(summarise([A, opens, closes, D])) == [0, 3]
    assert picked(summarise([A, f"“{B}”", D], count=3)) == [0, 1, 2]


def test_the_word_budget_holds_for_all_sentences_together() -> None:
    document = Document("d", "", (A, B, C, D))
    encoded = Encoded(np.zeros(4, np.float32), np.eye(4, dtype=np.float32))
    for words in (20, 40, 60):
        chosen = pick(document, encoded, 4, words)
        assert 0 < sum(len(document.sentences[index].split()) for index in chosen) <= words


def test_a_document_of_one_endless_sentence_is_its_own_summary(summarise: Summarise) -> None:
    assert picked(summarise(["word " * 500 + "end."])) == [0]


def test_a_line_without_a_stop_does_not_stand_beside_a_sentence(summarise: Summarise) -> None:
    assert picked(summarise(["Rovers 2 City 1 (after extra time)", A])) == [1]
    assert picked(summarise(["Rovers 2 City 1 (after extra time)", "Harbour 0 Island 3"])) == [0, 1]


def test_an_endless_sentence_is_passed_over(summarise: Summarise) -> None:
    assert picked(summarise(["word " * 500 + "end.", B, C])) == [1, 2]


def test_a_pick_can_be_explained() -> None:
    document = Document("d", "Ferries", (A, B, "Nobody was hurt in the 3 accidents…"))
    vectors = np.array([[1, 0, 0], [0, 1, 0], [0.6, 0.8, 0]], dtype=np.float32)
    encoded = Encoded(vectors[0], vectors)
    shares = explain(document, encoded)
    values = salience(document, encoded)
    assert np.allclose([sum(one.values()) for one in shares], values - values.mean(), atol=1e-4)
    assert shares[0]["early"] > 0 > shares[2]["early"]
    assert shares[0]["like the headline"] > 0
    assert shares[2]["cut off"] < 0 < shares[2]["numbers"]


def test_the_first_sentence_may_begin_with_a_pronoun(summarise: Summarise) -> None:
    first = "It was the wettest night that anybody on the island of the two harbours remembers."
    assert 0 in picked(summarise([first, B, C]))


def test_a_question_loses(summarise: Summarise) -> None:
    assert picked(summarise([A, B.rstrip(".") + "?", C])) == [0, 2]


def test_a_fragment_loses(summarise: Summarise) -> None:
    assert picked(summarise([A, "Nobody was hurt.", C])) == [0, 2]


def test_a_rewording_is_not_taken_beside_what_it_rewords(summarise: Summarise) -> None:
    vectors = [[1, 0, 0], [0.95, 0.31, 0], [0, 0, 1]]
    assert picked(summarise([A, B, C], vectors)) == [0, 2]


def test_sentences_that_are_all_the_same_give_one(summarise: Summarise) -> None:
    assert picked(summarise([A, A, A])) == [0]
    assert picked(summarise([A, A, A], np.zeros((3, 4)))) == [0]


@pytest.mark.parametrize(("sentences", "expected"), [([], []), ([A], [0])])
def test_short_documents_give_what_they_have(
    summarise: Summarise, sentences: list[str], expected: list[int]
) -> None:
    assert picked(summarise(sentences, title="A title")) == expected


def test_sentences_without_an_embedding_do_no_harm(summarise: Summarise) -> None:
    assert picked(summarise([A, B, C], np.zeros((3, 8)))) == [0, 1]


def test_each_document_gets_its_own_summary_in_order() -> None:
    documents = [Document("x", "", (A,)), Document("y", "", ()), Document("z", "", (B,))]
    row = np.ones((1, 1), dtype=np.float32)
    encoded = {
        "x": Encoded(row[0], row),
        "y": Encoded(row[0], row[:0]),
        "z": Encoded(row[0], row),
    }
    summaries = Extractive().summarize(documents, encoded)
    assert [summary.text for summary in summaries] == [A, "", B]


def test_the_key_tells_parameters_apart() -> None:
    assert Extractive(2).key != Extractive(3).key
    assert Extractive(2).key == Extractive(2).key


@given(
    st.lists(st.text(min_size=1, max_size=60), max_size=12),
    st.text(max_size=40),
    st.integers(0, 5),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_document_has_a_summary_of_its_own_different_sentences(
    summarise: Summarise, sentences: list[str], title: str, count: int
) -> None:
    summary = summarise(sentences, title=title, count=count)
    texts = [sentence.text for sentence in summary.sentences]
    assert len(texts) == len(set(texts)) <= count
    assert picked(summary) == sorted(picked(summary))
    assert bool(texts) == bool(sentences and count)


def test_salience_is_a_finite_number_a_sentence() -> None:
    document = Document("d", "Title", (A, "", "?", "word " * 10_000))
    encoded = Encoded(np.zeros(3, np.float32), np.zeros((4, 3), np.float32))
    values = salience(document, encoded)
    assert values.shape == (4,)
    assert np.isfinite(values).all()


# --- with the real encoder ------------------------------------------------------------------

ARTICLE = """Skarland Says It Is Moving Patrol Ships Out of Skerry Strait

By [Åse Håkonsen for NWS](#) and [Lars Berg for NWS](#)

March 2, 2026

Skarland Coast Guard / Harbour Pictures

Skarland said Monday it was moving four of its patrol ships out of the Skerry Strait, in
what could be a first step towards ending an
eleven-year quarrel with Corvane over cod.

The coast guard gave no date for the withdrawal, and fishermen on the Corvane side
of the strait said that they had not yet seen a ship leave.

It came after a week of talks in Halvik, where ministers of both countries are working on a treaty.

Related article: [The Island That Lost Its Ferry](#)

"We will believe it when the horizon is empty," said Ellen Marsh, 52, whose nets were cut.

'Quotas' still open

Diplomats of both countries said the size of the catch was the last open question of the treaty.

"The sea has never read a treaty. It will not start now," one of them wrote on social media.

Corvane has 340 boats in the strait and says that it needs at least 20,000 tonnes
of cod a year to keep them at work.

Original url:

<https://nws.example/2026/03/02/skarland-patrol-ships>"""
NOISE = ("NWS](", "Related", "Harbour Pictures", "Original", "'Quotas'", "https:", "March 2")


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return Encoder()


def summary_of(text: str, encoder: Encoder, count: int) -> Summary:
    document = make_document("d", *file_text(text))
    vectors = encoder.encode([document.title, *document.sentences])
    return Extractive(count).summarize([document], {"d": Encoded(vectors[0], vectors[1:])})[0]


@pytest.mark.model
@pytest.mark.parametrize("count", [2, 3])
def test_an_agency_s_article_is_told_by_its_lead_and_without_noise(
    encoder: Encoder, count: int
) -> None:
    summary = summary_of(ARTICLE, encoder, count)
    assert len(summary.sentences) == count
    assert summary.sentences[0].text.startswith("Skarland said Monday it was moving four")
    for sentence in summary.sentences:
        assert sentence.text in ARTICLE.replace("\n", " ")
        assert not any(noise in sentence.text for noise in NOISE)


@pytest.mark.model
@pytest.mark.skipif(not SEED.is_file(), reason="the seed article is not in ../shared/data here")
@pytest.mark.parametrize("count", [2, 3])
def test_the_seed_article_is_told_by_its_lead_and_without_noise(
    encoder: Encoder, count: int
) -> None:
    text = SEED.read_text(encoding="utf-8")
    summary = summary_of(text, encoder, count)
    assert len(summary.sentences) == count
    assert summary.sentences[0].text.startswith("Russia said Tuesday it was pulling back some")
    lines = text.splitlines()
    for sentence in summary.sentences:
        (line,) = [line for line in lines if sentence.text in line]
        assert not line.startswith(("By ", "Related", "Original url", "Russian Defense"))
        assert line.endswith((".", '."'))
