"""What becomes of a model's text; the model is a list of texts, verification is the real one."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import pytest

from digest.records import Document, Encoded, Summary, Vectors, Verdict
from digest.summaries.abstractive import Abstractive, running_text, sift
from digest.summaries.extractive import Extractive
from digest.text.sentences import make_document

A = "The ferry company said on Monday that it would buy four new electric ships for the strait."
B = "The island council voted on Tuesday by six to three against the plan for a second harbour."
C = "The trawler union warned last week that the new quota would cost three hundred jobs at sea."


class Writer:
    """A model that writes what it is told, and remembers what it was asked."""

    def __init__(self, *texts: str, name: str = "writer", key: str = "writer@1") -> None:
        self.texts, self.name, self.key = texts, name, key
        self.asked: list[str] = []

    def summarize(self, texts: Sequence[str], titles: Sequence[str]) -> list[str]:
        assert len(texts) == len(titles)
        self.asked += texts
        return list(self.texts[: len(texts)])


def encode(texts: Sequence[str]) -> Vectors:
    """Unit vectors that are near when two texts share words."""
    rows = np.zeros((len(texts), 64), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in text.lower().split():
            row[zlib.crc32(word.encode()) % 64] += 1.0
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


def summary_of(
    text: str, sentences: Sequence[str] = (A, B, C), most: int = 2
) -> tuple[Summary, Writer]:
    """The summary of a document of `sentences` when the model writes `text`."""
    writer = Writer(text)
    document = Document("d", "Ferries", tuple(sentences), tuple(range(len(sentences))))
    encoded = {"d": Encoded(encode(["Ferries"])[0], encode(sentences))}
    (summary,) = Abstractive(writer, encode, Extractive(), most).summarize([document], encoded)
    return summary, writer


def test_what_the_source_says_is_kept_with_its_support() -> None:
    summary, writer = summary_of(A)
    assert [sentence.text for sentence in summary.sentences] == [A]
    assert summary.sentences[0].source == (0,)
    assert (summary.model, summary.dropped, summary.instead_of) == ("writer", (), "")
    assert writer.asked == ["\n\n".join((A, B, C))]


@pytest.mark.parametrize(
    ("invented", "reason"),
    [
        ("The ferry company said on Monday that it would buy nine electric ships.", "nine"),
        ("The ferry company of Olga Petrova would buy four electric ships.", "Petrova"),
        ("The ferry company said it would buy “the finest ships afloat”.", "finest"),
    ],
)
def test_what_is_invented_is_dropped_and_the_reason_kept(invented: str, reason: str) -> None:
    summary, _ = summary_of(f"{invented} {B}")
    assert [sentence.text for sentence in summary.sentences] == [B]
    (dropped,) = summary.dropped
    assert dropped.text == invented
    assert reason in " ".join(dropped.reasons)


def test_where_nothing_is_left_the_extractive_summary_stands_in_and_says_so() -> None:
    summary, _ = summary_of("Olga Petrova bought 77 ships.")
    assert summary.model == "extractive"
    assert summary.instead_of == "writer"
    assert len(summary.dropped) == 1
    assert {sentence.text for sentence in summary.sentences} <= {A, B, C}
    assert summary.sentences


def test_a_model_that_writes_nothing_is_stood_in_for() -> None:
    summary, _ = summary_of("")
    assert (summary.model, summary.instead_of, summary.dropped) == ("extractive", "writer", ())


def test_a_document_without_a_sentence_has_no_summary_whatever_is_written() -> None:
    summary, _ = summary_of("The sea is calm.", sentences=())
    assert summary.sentences == ()
    assert summary.instead_of == ""
    assert summary.dropped[0].text == "The sea is calm."


def test_no_more_sentences_are_kept_than_wanted() -> None:
    summary, _ = summary_of(f"{A} {B} {C}", most=2)
    assert [sentence.text for sentence in summary.sentences] == [A, B]


def test_a_sentence_said_twice_is_printed_once() -> None:
    kept, dropped = sift([verdict(A), verdict(A)])
    assert [sentence.text for sentence in kept] == [A]
    assert dropped[0].reasons == ("it says again what was said",)


def test_a_sentence_that_leans_on_a_dropped_one_goes_with_it() -> None:
    he = "He will buy four ships."
    kept, dropped = sift([verdict("Olga Petrova spoke.", "nobody of that name"), verdict(he)])
    assert kept == ()
    assert [sentence.text for sentence in dropped] == ["Olga Petrova spoke.", he]
    kept, _ = sift([verdict(A), verdict(he)])
    assert [sentence.text for sentence in kept] == [A, he]


def test_each_of_several_documents_gets_its_own_summary_in_order() -> None:
    documents = [Document(id, "", (text,), (0,)) for id, text in (("x", A), ("y", B), ("z", C))]
    encoded = {
        document.id: Encoded(encode([""])[0], encode(document.sentences)) for document in documents
    }
    found = Abstractive(Writer(A, "", C), encode, Extractive()).summarize(documents, encoded)
    assert [summary.text for summary in found] == [A, B, C]
    assert [summary.model for summary in found] == ["writer", "extractive", "writer"]


def test_what_stands_far_down_in_a_long_article_supports_a_sentence() -> None:
    filling = " ".join(f"Ferry number {n} left the harbour on time that day." for n in range(100))
    document = make_document("d", "", f"{filling}\n\n{C}")
    assert len(document.sentences) == 60
    encoded = {"d": Encoded(encode([""])[0], encode(document.sentences))}
    writer = Writer(C.replace("warned last week that the", "warned that its"))
    (summary,) = Abstractive(writer, encode, Extractive()).summarize([document], encoded)
    assert writer.asked == [document.text]
    assert (summary.model, summary.sentences[0].source) == ("writer", (100,))


def test_the_key_tells_models_stand_ins_and_lengths_apart() -> None:
    keys = {
        Abstractive(Writer(key=key), encode, Extractive(count, words), count).key
        for key in ("a@1", "a@2")
        for count, words in ((2, None), (2, 50), (3, None))
    }
    assert len(keys) == 6


def test_the_text_that_is_read_keeps_its_paragraphs() -> None:
    assert running_text(Document("d", "", (A, B, C), (0, 0, 1))) == f"{A} {B}\n\n{C}"
    assert running_text(Document("d", "", (A, B))) == f"{A} {B}"
    assert running_text(Document("d", "", ())) == ""


def verdict(text: str, *reasons: str) -> Verdict:
    return Verdict(text, not reasons, 0.1 if reasons else 1.0, reasons, (0,))
