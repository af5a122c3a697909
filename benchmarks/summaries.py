"""How good summaries are: ROUGE beside the usual baselines, and what models invent.

The tables of `quality.py`. ROUGE (Lin, 2004) is F1 in hundredths, words stemmed, against human
summaries; `Lsum` is the longest common subsequence by sentence. `invented` is the share of those
with a number, name or quotation that the text lacks, by `second_check.py`.
"""

from __future__ import annotations

import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
from data import encode, rows
from rouge_score.rouge_scorer import RougeScorer
from second_check import unsupported
from sumy.models.dom import ObjectDocumentModel, Paragraph, Sentence
from sumy.nlp.stemmers import Stemmer
from sumy.summarizers.lex_rank import LexRankSummarizer
from sumy.summarizers.text_rank import TextRankSummarizer
from sumy.utils import get_stop_words

from digest.models.encoder import Encoder
from digest.models.generator import TextGenerator
from digest.records import Document, Encoded, Summary
from digest.summaries.abstractive import Abstractive, running_text
from digest.summaries.extractive import Extractive
from digest.text.clean import plain_text
from digest.text.sentences import MAX_SENTENCES, make_document, split_sentences

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
import train_salience

T = TypeVar("T")
KINDS = ("rouge1", "rouge2", "rougeLsum")
SETS = ("cnndm_dev", "gumsum_dev")
WRITTEN = 100
HEAD = f"  {'':<34}    R1     R2   Lsum  words  invented  s/article"


@dataclass(frozen=True, slots=True)
class Measured:
    """A data set: its documents, their embeddings and their human summaries."""

    name: str
    documents: list[Document]
    encoded: dict[str, Encoded]
    references: list[list[str]]
    seconds: float

    def first(self, count: int) -> Measured:
        """The first `count` documents."""
        share = count / len(self.documents)
        return Measured(
            self.name,
            self.documents[:count],
            self.encoded,
            self.references[:count],
            self.seconds * share,
        )


def summaries(data: Path, encoder: Encoder) -> None:
    """All tables about summaries."""
    paths = [data / "summaries" / f"{name}.jsonl" for name in SETS]
    sets = [_measured(path, encoder) for path in paths]
    learned = {
        path.name: train_salience.examples_of(
            one.documents, one.encoded, [list(row["references"]) for row in rows(path)]
        )
        for path, one in zip(paths, sets, strict=True)
    }
    held_out = train_salience.cross_validated(learned)
    for path, one in zip(paths, sets, strict=True):
        print(f"\n{one.name}: {len(one.documents)} texts, against human summaries\n{HEAD}")
        seconds, chosen = _timed(partial(_extractive, one))
        scores = held_out[path.name]
        each = (one.seconds + seconds) / len(one.documents)
        values = [scores[kind] for kind in (*KINDS, "words")]
        print(_line("extractive, by cross-validation", values, each))
        _print(one, "extractive, as shipped", chosen, one.seconds + seconds)
        for words, count in (("two", 2), ("three", 3)):
            _print(one, f"first {words} sentences", [d.sentences[:count] for d in one.documents])
        for name, summariser in (("LexRank", LexRankSummarizer), ("TextRank", TextRankSummarizer)):
            seconds, chosen = _timed(partial(_sumy, one, summariser))
            _print(one, f"{name}, two sentences (sumy)", chosen, seconds)
    _print_places(sets[0])
    _written(sets[0].first(WRITTEN), encoder)


def _written(one: Measured, encoder: Encoder) -> None:
    """What SmolLM2 writes, plain and verified, beside the extractive summaries."""
    generator = TextGenerator("smollm2")
    texts = [running_text(document) for document in one.documents]
    titles = [document.title for document in one.documents]
    seconds, written = _timed(lambda: generator.summarize(texts, titles))
    plain = [split_sentences(text) for text in written]
    checking = Abstractive(_Written(generator, written), encoder.encode, Extractive())
    more, found = _timed(lambda: checking.summarize(one.documents, one.encoded))
    verified = [[sentence.text for sentence in summary.sentences] for summary in found]
    spent, chosen = _timed(partial(_extractive, one))

    count = len(one.documents)
    print(f"\nSmolLM2 (135M, instruct) on the first {count} of {one.name}\n{HEAD}")
    _print(one, "SmolLM2, plain", plain, seconds)
    _print(one, "SmolLM2, verified", verified, one.seconds + seconds + more)
    _print(one, "extractive, as shipped", chosen, one.seconds + spent)
    _print(one, "first three sentences", [d.sentences[:3] for d in one.documents])
    _print_fate(found)
    # What the texts say is not ours to print on the page.
    for number, what in _unsupported(verified, texts).items():
        print(f"invented: {one.documents[number].id}: {', '.join(what)}", file=sys.stderr)


def _print_fate(found: Sequence[Summary]) -> None:
    sentences = sum(len(summary.sentences) for summary in found if not summary.instead_of)
    dropped = sum(len(summary.dropped) for summary in found)
    stand_ins = sum(bool(summary.instead_of) for summary in found)
    print(
        f"  verified: {sentences} sentences kept, {dropped} dropped; {stand_ins} of {len(found)} "
        "summaries replaced by the extractive one"
    )


class _Written:
    """A generator that says again what it wrote, so that it isn't written twice."""

    def __init__(self, generator: TextGenerator, texts: Sequence[str]) -> None:
        self._generator, self._texts = generator, texts

    @property
    def name(self) -> str:
        return self._generator.name

    @property
    def key(self) -> str:
        return self._generator.key

    def summarize(self, texts: Sequence[str], titles: Sequence[str]) -> list[str]:
        if not len(texts) == len(titles) == len(self._texts):
            raise ValueError("other texts than those that were written about")
        return list(self._texts)


def _unsupported(picked: Sequence[Sequence[str]], texts: Sequence[str]) -> dict[int, list[str]]:
    """By the number of the summary, what the second check finds in it."""
    small = [set(re.findall(r"\b[a-z]{2,}\b", text)) for text in texts]
    # Words that several texts write small are no names, though a sentence may begin with one.
    spread = Counter(word for words in small for word in words)
    common = {word for word, count in spread.items() if count >= max(3, len(texts) / 20)}
    found = {}
    for number, (sentences, text) in enumerate(zip(picked, texts, strict=True)):
        found[number] = unsupported(" ".join(sentences), text, common | small[number])
    return {number: what for number, what in found.items() if what}


def _print_places(one: Measured) -> None:
    """Where the picks stand, to judge how many sentences of a text must be read."""
    places = [
        index
        for document in one.documents
        for sentence in Extractive().summarize([document], one.encoded)[0].sentences
        for index in sentence.source
    ]
    long = sum(len(document.sentences) == MAX_SENTENCES for document in one.documents)
    print(
        f"  places of the picks, from 1: median {np.median(places) + 1:.0f}, 99th percentile "
        f"{np.percentile(places, 99) + 1:.0f}, last {max(places) + 1}; of {MAX_SENTENCES} read "
        f"({long} texts are longer)"
    )


def _measured(path: Path, encoder: Encoder) -> Measured:
    found = list(rows(path))
    documents = [
        make_document(str(row["id"]), row.get("title") or "", plain_text(row["source"]))
        for row in found
    ]
    seconds, encoded = _timed(lambda: encode(documents, encoder))
    return Measured(
        path.stem, documents, encoded, [list(row["references"]) for row in found], seconds
    )


def _extractive(one: Measured) -> list[list[str]]:
    return [
        [sentence.text for sentence in summary.sentences]
        for summary in Extractive().summarize(one.documents, one.encoded)
    ]


class _Words:
    """sumy's tokenizer wants a download; its own are words like these."""

    @staticmethod
    def to_words(text: str) -> tuple[str, ...]:
        return tuple(re.findall(r"[^\W\d_]{2,}", text))


def _sumy(one: Measured, kind: Callable[[Stemmer], object]) -> list[list[str]]:
    """Two sentences of each document by one of sumy's summarisers, over our sentences."""
    summariser = kind(Stemmer("english"))
    summariser.stop_words = get_stop_words("english")  # type: ignore[attr-defined]
    found = []
    for document in one.documents:
        sentences = [Sentence(text, _Words) for text in document.sentences]
        model = ObjectDocumentModel([Paragraph(sentences)])
        found.append([str(sentence) for sentence in summariser(model, 2)])  # type: ignore[operator]
    return found


def _print(
    one: Measured, name: str, picked: Sequence[Sequence[str]], seconds: float | None = None
) -> None:
    scorer = RougeScorer(list(KINDS), use_stemmer=True)
    scores = []
    for references, sentences in zip(one.references, picked, strict=True):
        by_sentence = ["\n".join(split_sentences(reference)) for reference in references]
        found = [scorer.score(reference, "\n".join(sentences)) for reference in by_sentence]
        scores.append([np.mean([score[kind].fmeasure for score in found]) for kind in KINDS])
    words = np.mean([len(" ".join(sentences).split()) for sentences in picked])
    texts = [running_text(document) for document in one.documents]
    invented = 100 * len(_unsupported(picked, texts)) / len(picked)
    values = [*(100 * np.mean(scores, axis=0)), float(words), invented]
    print(_line(name, values, None if seconds is None else seconds / len(picked)))


def _line(name: str, values: Sequence[float], seconds: float | None) -> str:
    """A row; `values` are three ROUGE scores, words, and (if there are five) per cent invented."""
    numbers = "".join(f"{value:7.2f}" for value in values[:3]) + f"{values[3]:7.1f}"
    share = f"{values[4]:8.1f} %" if len(values) > 4 else " " * 10
    return f"  {name:<34}{numbers}{share}" + ("" if seconds is None else f"{seconds:11.3f}")


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    start = time.perf_counter()
    done = work()
    return time.perf_counter() - start, done
