"""The telling words of articles: few a text, weighted by how rare they are among the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, diags
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.preprocessing import normalize

from digest.records import Article
from digest.text.facts import fold, stem
from digest.text.lexicon import FUNCTION_WORDS

# An article's news stands in its beginning, as do the names and numbers that others repeat.
# `scripts/choose_grouping.py`: with 3,000 or 8,000 characters B-cubed F1 is 0.5 points lower.
_CHARACTERS = 5000
# Words kept of an article, the most telling ones. With all of them the score is the same, with 25
# half a point lower; 60 bound the work an article costs.
_WORDS = 60

_TOKEN = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:['’][^\W_]+)*")
# Han, kana, Thai, Lao, Khmer, Burmese: written without spaces, so that a token is a whole phrase.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]{2,}")
_POSSESSIVE = re.compile(r"['’]s?$")
_STOP = frozenset(stem(word) for word in FUNCTION_WORDS) | {"said", "say", "mr", "ms", "mrs", "s"}


@dataclass(frozen=True, slots=True)
class Words:
    """TF-IDF of articles: `rows` has shape (n, len(terms)), each row of unit length or empty."""

    rows: csr_matrix
    terms: NDArray[np.object_]

    def shared(self, pairs: NDArray[np.intp], most: int) -> list[list[str]]:
        """At most `most` terms that the two rows of each pair share, the most telling first."""
        product = self.rows[pairs[:, 0]].multiply(self.rows[pairs[:, 1]])
        found = heaviest(csr_matrix(product), most)
        rows = np.repeat(np.arange(len(pairs)), np.diff(found.indptr))
        order = np.lexsort((found.indices, -found.data, rows))
        terms = self.terms[found.indices[order]].tolist()
        return [terms[start:end] for start, end in pairwise(found.indptr.tolist())]


@dataclass(frozen=True, slots=True)
class Terms:
    """The terms of an article in order: of its title, and of the beginning of its text."""

    title: tuple[str, ...]
    text: tuple[str, ...]


def read(articles: Sequence[Article]) -> tuple[list[Terms], frozenset[str]]:
    """The terms of each article, and those of all terms that are names.

    A name is what texts write large more often than small. Titles don't count: some papers write
    every word of theirs large.
    """
    found = []
    written: Counter[str] = Counter()
    for article in articles:
        tokens = _TOKEN.findall(article.text[:_CHARACTERS])
        written.update(set(tokens))
        found.append(Terms(_terms(_TOKEN.findall(article.title)), _terms(tokens)))
    large: Counter[str] = Counter()
    for token, count in written.items():
        for term in _NORMAL[token]:
            large[term] += -count if token.islower() else count
    return found, frozenset(term for term, count in large.items() if count > 0)


def telling_words(read: Sequence[Terms], names: Collection[str], raised: float) -> Words:
    """The telling words of each article; its title counts twice, it says most.

    `names` and numbers weigh `raised` times as much as other words. Independent of the articles'
    order, but for the order of the rows.
    """
    counter = CountVectorizer(analyzer=_counted, dtype=np.float32)
    try:
        counts = counter.fit_transform(read)
    except ValueError:  # no words at all, as in emoji-only articles: nothing is shared
        return Words(csr_matrix((len(read), 1), dtype=np.float32), np.array([""], dtype=object))
    terms = counter.get_feature_names_out()
    sizes = [raised if term in names or term[0].isdigit() else 1.0 for term in terms]
    weights = TfidfTransformer(sublinear_tf=True, norm=None).fit_transform(counts)
    rows = heaviest(csr_matrix(weights @ diags(sizes), dtype=np.float32), _WORDS)
    return Words(csr_matrix(normalize(rows)), terms)


def heaviest(rows: csr_matrix, most: int) -> csr_matrix:
    """`rows` with the `most` largest values of each; of equal ones those of the first columns."""
    lengths = np.diff(rows.indptr)
    if not len(lengths) or lengths.max() <= most:
        return rows
    row = np.repeat(np.arange(len(lengths)), lengths)
    order = np.lexsort((rows.indices, -rows.data, row))
    place = np.arange(len(order)) - rows.indptr[row]
    kept = np.sort(order[place < most])
    shortened = csr_matrix(
        (rows.data[kept], rows.indices[kept], np.r_[0, np.cumsum(np.minimum(lengths, most))]),
        shape=rows.shape,
    )
    shortened.sort_indices()
    return shortened


def terms(text: str) -> tuple[str, ...]:
    """The words of `text` that may tell something, in order: folded, without endings."""
    return _terms(_TOKEN.findall(text))


def _terms(tokens: Iterable[str]) -> tuple[str, ...]:
    return tuple(chain.from_iterable(map(_NORMAL.__getitem__, tokens)))


def terms_as_written(text: str, wanted: Iterable[str]) -> list[str]:
    """`wanted` terms as `text` first writes them, in the order of `wanted`; absent ones left out.

    A word that is written large but for a sentence's start is given so.
    """
    missing = dict.fromkeys(wanted, "")
    for token in _TOKEN.findall(text):
        for term in _NORMAL[token]:
            if term in missing and (not missing[term] or token.islower()):
                missing[term] = _POSSESSIVE.sub("", token)
    return [token for token in missing.values() if token]


def _counted(article: Terms) -> tuple[str, ...]:
    return article.title + article.title + article.text


class _Normal(dict[str, tuple[str, ...]]):
    """The terms of a token. Remembers: the tokens of 10,000 articles are mostly the same ones."""

    # Some bytes each: what a service sees in weeks stays below 100 MB, and is then forgotten.
    most = 500_000

    def __missing__(self, token: str) -> tuple[str, ...]:
        if len(self) >= self.most:
            self.clear()
        small = token.lower()
        found = self[small] if small != token else tuple(_terms_of(token))
        self[token] = found
        return found


_NORMAL = _Normal()


def _terms_of(token: str) -> Iterator[str]:
    """The terms of a token written small."""
    if token in FUNCTION_WORDS:
        return
    if not token.isascii() and (phrase := _UNSPACED.search(token)):
        # Pairs of characters stand for the words that only a dictionary could tell apart.
        text = phrase[0]
        yield from (text[place : place + 2] for place in range(len(text) - 1))
        return
    plain = token if token.isascii() and token.isalpha() else fold(token)
    if token.isalpha() or not any(map(str.isdigit, token)):
        term = stem(plain)
        if term and term not in _STOP and (len(term) > 1 or not term.isascii()):
            yield term
        return
    # 1,000 and 1000 are one number; whether 1.000 is one too, the language decides. A320 and 2nd
    # have no endings.
    yield re.sub(r",(?=\d{3}(?!\d))", "", plain if token[0].isalpha() else token)
