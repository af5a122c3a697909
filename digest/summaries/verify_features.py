"""What is measured of one summary sentence against its source: the features of verification.

Figures, names and quotations that the source does not have are found first: they decide alone.
Every feature but the cosine says something against the sentence, so that each has a weight of one
sign and a reason in words.
"""

from __future__ import annotations

import heapq
import math
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from digest.records import Document, Encoded, Vectors
from digest.summaries.verify_lexicon import (
    DENIALS,
    KINDS,
    NEGATIONS,
    OPPOSITES,
    REPORTING,
)
from digest.summaries.verify_source import Source
from digest.text.facts import content_stems, quotations, stem, words
from digest.text.figures import Figure, FigureIndex, figures
from digest.text.lexicon import FUNCTION_WORDS
from digest.text.sentences import split_sentences

FEATURES = (
    "far_figures",
    "far_names",
    "negation",
    "lost_negation",
    "exchanged",
    "unknown",
    "away",
    "cosine",
)
"""Their order in the weights.

`exchanged` counts for more, the more else is shared: in a sentence of its own words another word
means less. `away` is the share of words, by weight, that the sentences which support best lack;
`unknown` the share that the whole source lacks, as far as it is over a half; `cosine` that of the
most similar sentence.
"""

# News summaries in free words have up to a fifth of words that their source lacks; that says
# nothing (SummEdits). Where most words are new, the sentence is about something else.
_HALF = 0.5

# What a word could have been exchanged for: its opposites, and the words of its kind.


def _rivals(groups: Iterable[Sequence[str]]) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for group in groups:
        for word in group:
            found.setdefault(stem(word), set()).update(map(stem, group))
    return {word: frozenset(others - {word}) for word, others in found.items()}


_OPPOSITES = _rivals(OPPOSITES)
_ALIKE = _rivals(KINDS)
_REPORTING = frozenset(map(stem, REPORTING))
_MOST = 3.0


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found out about one sentence, before any judgement.

    `source` are the indices of the sentences that support it best (all it stands in, when it is
    `verbatim`). `figures`, `names` and `quotations` are those that the source does not have;
    `negations` the words that deny what the source doesn't; `lost` what the source denies and the
    sentence doesn't; `exchanged` pairs of a word and what the source has instead; `unknown` words
    that stand nowhere in the source; `far` what is in the source, but not in `source`. `features`
    is in the order of `FEATURES`, and empty when the sentence is `verbatim`.
    """

    verbatim: bool
    source: tuple[int, ...]
    figures: tuple[Figure, ...] = ()
    names: tuple[str, ...] = ()
    quotations: tuple[str, ...] = ()
    negations: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()
    exchanged: tuple[tuple[str, str], ...] = ()
    unknown: tuple[str, ...] = ()
    far: tuple[str, ...] = ()
    features: tuple[float, ...] = ()

    @property
    def missing(self) -> int:
        """How many figures, names and quotations the source does not have."""
        return len(self.figures) + len(self.names) + len(self.quotations)


class Examiner:
    """Measures sentences against one document, whose title counts as source too."""

    def __init__(self, document: Document, encoded: Encoded) -> None:
        title = [document.title] if document.title else []
        self._titles = len(title)
        texts = [*title, *document.sentences]
        self._vectors = np.vstack(
            [*(encoded.title.reshape(1, -1) for _ in title), encoded.sentences]
        )
        self._plain = [flat(text) for text in texts]
        self._running = " ".join(self._plain)
        self._starts = [0, *accumulate(len(text) + 1 for text in self._plain)]
        self._language = document.language
        self._inner: dict[int, tuple[frozenset[int], frozenset[int]]] = {}
        self._texts = [spaced(text) for text in texts]
        self._facts = Source(self._texts)
        self._figures = FigureIndex(self._texts)
        self._stems = [frozenset(content_stems(text)) for text in self._texts]
        self._all = frozenset(stem_ for stems in self._stems for stem_ in stems)
        self._weights = _Weights(self._stems)

    def examine(self, sentence: str, vector: Vectors) -> Findings:
        """The findings of one sentence with its embedding, shape (d,)."""
        standing = self._standing(sentence)
        if standing:
            return Findings(True, self._indices(standing))
        text = spaced(sentence)
        stems = frozenset(content_stems(text))
        cosines = self._vectors @ vector if self._texts else np.zeros(0, dtype=np.float32)
        best = self._support(stems, cosines)
        beside = [self._texts[index] for index in best]
        near = frozenset(stem_ for index in best for stem_ in self._stems[index])

        all_figures = figures(text)
        figures_near = FigureIndex(beside)
        missing_figures = [figure for figure in all_figures if figure not in self._figures]
        far = [f.text for f in all_figures if f in self._figures and f not in figures_near]
        far_figures = len(far)
        missing_names, far_names = self._names(text, Source(beside))
        far += far_names
        missing_quotations = [q for q in quotations(text) if not self._facts.has_words(q)]
        negations, lost = _denials(text, beside, near)
        surface = {stem(word): word for word in words(text)}
        first = self._stems[best[0]] if best else frozenset()
        exchanged = self._exchanged(stems, first, near, surface, beside)
        unknown = sorted(stems - self._all - _REPORTING)
        away = stems - near - _REPORTING
        lacking = self._weights.of(away) / (self._weights.of(stems) or 1.0)
        return Findings(
            verbatim=False,
            source=self._indices(best),
            figures=tuple(missing_figures),
            names=tuple(dict.fromkeys(missing_names)),
            quotations=tuple(missing_quotations),
            negations=tuple(negations),
            lost=tuple(lost),
            exchanged=tuple(exchanged),
            unknown=tuple(surface[stem_] for stem_ in unknown if stem_ in surface),
            far=tuple(far),
            features=(
                min(far_figures, _MOST),
                min(len(far_names), _MOST),
                float(bool(negations)),
                float(bool(lost)),
                min(len(exchanged), _MOST) * (1 - lacking),
                max(len(unknown) / max(len(stems), 1) - _HALF, 0.0),
                lacking,
                float(cosines.max()) if len(cosines) else 0.0,
            ),
        )

    def _indices(self, places: Iterable[int]) -> tuple[int, ...]:
        return tuple(sorted(place - self._titles for place in places if place >= self._titles))

    def _standing(self, sentence: str) -> list[int]:
        """The texts that the sentence stands in word for word, whole; several where it has more.

        Two sentences of the source, printed one after the other, can look like one to who splits.
        """
        wanted = flat(sentence)
        if not _WORD.search(wanted):
            return []
        if run := self._run(wanted):
            return run
        pieces: list[int] = []
        while wanted:
            place = max(
                (place for place, text in enumerate(self._plain) if _leads(text, wanted)),
                key=lambda place: len(self._plain[place]),
                default=None,
            )
            if place is None:
                return []
            pieces.append(place)
            wanted = wanted[len(self._plain[place]) :].lstrip()
        return pieces

    def _run(self, wanted: str) -> list[int]:
        """The texts, one after the other, that `wanted` fills from a beginning to an end."""
        start = self._running.find(wanted)
        while start >= 0:
            end = start + len(wanted)
            first = bisect_right(self._starts, start) - 1
            last = bisect_right(self._starts, end - 1) - 1
            if start in self._edges(first)[0] and end in self._edges(last)[1]:
                return list(range(first, last + 1))
            start = self._running.find(wanted, start + 1)
        return []

    def _edges(self, place: int) -> tuple[frozenset[int], frozenset[int]]:
        """Where in the running text the sentences within one text begin, and where they end.

        "he lied" in "she denies that he lied" is none, nor is what follows "Dr." or a dash.
        """
        if place not in self._inner:
            text, base = self._plain[place], self._starts[place]
            begins, ends = {base}, {base + len(text)}
            if line := _DATELINE.match(text):
                begins.add(base + line.end())
            at = 0
            for sentence in split_sentences(text, self._language):
                at = text.index(sentence, at)
                begins.add(base + at)
                at += len(sentence)
                ends.add(base + at)
            self._inner[place] = frozenset(begins), frozenset(ends)
        return self._inner[place]

    def _support(self, stems: frozenset[str], cosines: Vectors) -> list[int]:
        """The one or two texts that support best: by shared words, weighed, and by embedding.

        The second is the one that adds most to the first; it must add 5 % of the words' weight.
        """
        if not self._texts:
            return []
        weight = self._weights.of
        total = weight(stems) or 1.0
        shared = [weight(stems & other) / total for other in self._stems]
        first = int(np.argmax(np.asarray(shared) + cosines))
        rest = stems - self._stems[first]
        added = np.asarray([weight(rest & other) / total for other in self._stems])
        second = int(np.argmax(added + _COSINE_OF_SECOND * cosines * (added > 0)))
        return [first, second] if second != first and added[second] > _ADDS else [first]

    def _names(self, text: str, beside: Source) -> tuple[list[str], list[str]]:
        """What the source does not name; and the names that stand, but not beside the rest."""
        missing: list[str] = []
        far: list[str] = []
        for (name, lacking), (_, away) in zip(
            self._facts.lacking(text, self._facts.small),
            beside.lacking(text, self._facts.small),
            strict=True,
        ):
            if len(lacking) == len(name.words) > 1:
                missing.append(name.text)
            else:
                missing += lacking
            if not lacking and len(away) == len(name.words):
                far.append(name.text)
        return missing, far

    def _exchanged(
        self,
        stems: frozenset[str],
        first: frozenset[str],
        near: frozenset[str],
        surface: dict[str, str],
        beside: Sequence[str],
    ) -> list[tuple[str, str]]:
        """Words whose opposite stands in the sentence that supports best, and they don't.

        And words that stand nowhere in the source, where one of their kind stands beside the rest.
        """
        there = {stem(word): word for text in reversed(beside) for word in words(text)}
        found = []
        for word in sorted(stems - first):
            rivals = _OPPOSITES.get(word, frozenset()) & first
            if word not in self._all:
                rivals |= (_OPPOSITES.get(word, frozenset()) | _ALIKE.get(word, frozenset())) & near
            if rivals := rivals - stems:
                other = min(rivals)
                found.append((surface.get(word, word), there.get(other, other)))
        return found


# A sentence that shares all its words with one text is supported by that one alone.
_ADDS = 0.05
_COSINE_OF_SECOND = 0.3


class _Weights:
    """Rare words weigh more: log(1 + sentences / sentences with the word)."""

    def __init__(self, stems: Sequence[frozenset[str]]) -> None:
        frequency = Counter(stem_ for line in stems for stem_ in line)
        count = len(stems)
        self._weight = {s: math.log1p(count / n) for s, n in frequency.items()}
        self._rare = math.log1p(max(count, 1))

    def of(self, stems: Iterable[str]) -> float:
        get, rare = self._weight.get, self._rare
        return sum(get(stem_, rare) for stem_ in stems)


def likeliest(sentences: Sequence[str], document: Document, count: int) -> list[int]:
    """The document's sentences that share most words with one of `sentences`: `count` for each."""
    stems = [frozenset(content_stems(spaced(text))) for text in document.sentences]
    weights = _Weights(stems)
    found: set[int] = set()
    for sentence in sentences:
        wanted = frozenset(content_stems(spaced(sentence)))
        values = [weights.of(wanted & line) for line in stems]
        found.update(
            index for index in heapq.nlargest(count, range(len(values)), values.__getitem__)
        )
    return sorted(found)


def _leads(text: str, wanted: str) -> bool:
    return bool(text) and wanted.startswith(text) and wanted[len(text) : len(text) + 1] in {"", " "}


def _denials(text: str, beside: Sequence[str], near: frozenset[str]) -> tuple[list[str], list[str]]:
    """The words of `text` that deny what the texts beside don't; what these deny and it doesn't."""
    own = _denied(text, NEGATIONS)
    theirs = [pair for other in beside for pair in _denied(other, NEGATIONS)]
    weak = [pair for other in beside for pair in _denied(other, DENIALS)]
    denied_there = {target for _, targets in theirs + weak for target in targets}
    new = [
        word
        for word, targets in own
        if (not theirs and not weak)
        or (targets and targets[0] in near and targets[0] not in denied_there)
    ]
    if own or _denied(text, DENIALS):
        return new, []
    stems = frozenset(content_stems(text))
    lost = [f"{word} … {denied}" for word, denied in _first_denied(beside) if stem(denied) in stems]
    return new, lost


def _denied(text: str, among: frozenset[str]) -> list[tuple[str, tuple[str, ...]]]:
    """Each word of `text` that is `among`, with the stems of the three content words after it."""
    found = words(text)
    return [
        (word, tuple(map(stem, _content(found[place + 1 : place + 8])[:3])))
        for place, word in enumerate(found)
        if word in among
    ]


def _first_denied(texts: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Each word of `texts` that denies, and the first content word after it."""
    for text in texts:
        found = words(text)
        for place, word in enumerate(found):
            if word in NEGATIONS and (after := _content(found[place + 1 : place + 8])):
                yield word, after[0]


def _content(found: Sequence[str]) -> list[str]:
    return [word for word in found if word not in FUNCTION_WORDS]


_WORD = re.compile(r"\w")
# "ELLERY, Ohio (Meridian) – ", "Port Ellery (MNA)": where a report is from and by whom, before its
# first sentence. Capitals only, and an agency in brackets: no word that could deny what follows.
_PLACE = r"(?:[A-Z][\w.'-]*(?:,? [A-Z][\w.'-]*){0,4} )?"
_DATELINE = re.compile(rf"{_PLACE}\((?:[A-Z]{{2,6}}\)|[A-Z][\w ./]{{1,30}}\) ?[–—-])[ –—-]*")
_QUOTES = str.maketrans("“”„«»‘’", '"""""\'\'')
_SPACED = re.compile(r"(?<=\w)\s-\s(?=\w)|(?<=[£$€])\s(?=\d)")


def flat(text: str) -> str:
    """`text` with plain quotation marks and single spaces."""
    return " ".join(text.translate(_QUOTES).split())


def spaced(text: str) -> str:
    """`text` without the spaces that some models put around hyphens and after currency signs."""
    return _SPACED.sub(lambda match: match[0].strip(), text)
