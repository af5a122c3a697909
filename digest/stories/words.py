"""The words of articles: read once, then counted, weighted and compared as numbers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix, csr_matrix, diags

from digest.records import Article
from digest.stories.empty_words import DATES, FOREIGN
from digest.text.facts import fold, stem
from digest.text.lexicon import FUNCTION_WORDS

Numbers = NDArray[np.intp]

# An article's news stands in its beginning, as do the names and numbers that others repeat. With
# 3,000 or 8,000 characters full articles were grouped a little worse.
_CHARACTERS = 5000
# Words kept of an article, the most telling ones. With all of them stories were no better, with 25
# a little worse; 60 bound the work that an article costs.
_WORDS = 60
# What more than this share of a feed's articles have, of at least so many, is the feed's and not an
# event's. At half of them, headlines of papers that follow one event lose it.
_MOST, _ENOUGH_ARTICLES = 0.8, 8
# Where a word that two articles share is looked for as it is written: in so many first tokens.
_TOKENS_LOOKED_AT = 250

_WORD = re.compile(r"\d+(?:[.,]\d+)+|[^\W_]+(?:['’][^\W_]+)*")
# Han, kana, Thai, Lao, Khmer, Burmese: written without spaces, so that a token is a whole phrase.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff]{2,}")
_EDGES = ".,:;!?…\"'“”„‘’«»()[]{}<>*_-–—/"
_POSSESSIVE = re.compile(r"['’]s?$")
_SMALL = FUNCTION_WORDS | DATES | FOREIGN
_STOP = frozenset(stem(fold(word)) for word in FUNCTION_WORDS) | {"said", "say", "mr", "ms", "pm"}


@dataclass(frozen=True, slots=True)
class Texts:
    """Articles as the terms that they consist of: words folded, without endings; numbers.

    `numbers` are the terms of all articles in order, as places in `terms`: article n has those from
    `starts[n]` on, of which those up to `texts[n]` are its title's. `names` are the terms that are
    names. `tokens` are what stands between the blanks, likewise, as places in `written`.
    """

    terms: NDArray[np.object_]
    numbers: Numbers
    starts: Numbers
    texts: Numbers
    names: frozenset[str]
    tokens: Sequence[Numbers]
    written: Sequence[str]

    def __len__(self) -> int:
        return len(self.tokens)

    def title(self, article: int) -> Numbers:
        """The terms of its title."""
        return self.numbers[self.starts[article] : self.texts[article]]

    def text(self, article: int) -> Numbers:
        """The terms of the beginning of its text."""
        return self.numbers[self.texts[article] : self.starts[article + 1]]

    def length(self, article: int) -> int:
        """Its length in words, title and the beginning of the text."""
        tokens = self.tokens[article]
        # A blank would be missed where a script has none: two terms count as a word there.
        terms = int(self.starts[article + 1] - self.starts[article])
        return max(len(tokens), terms // 2)

    def as_written(self, article: int, wanted: Iterable[str]) -> list[str]:
        """`wanted` terms as the article first writes them, in this order; absent ones left out.

        A word that is written large only where a sentence begins is given small.
        """
        missing = dict.fromkeys(wanted, "")
        for number in dict.fromkeys(self.tokens[article][:_TOKENS_LOOKED_AT].tolist()):
            token = self.written[number]
            terms = _NORMAL[token]
            for term in terms:
                if term in missing and (not missing[term] or token.islower()):
                    # Of a phrase without blanks only the two characters that are meant.
                    plain = _POSSESSIVE.sub("", token.strip(_EDGES))
                    missing[term] = term if _UNSPACED.search(plain) else plain
        return list(dict.fromkeys(token for token in missing.values() if token))

    def is_name(self, term: str) -> bool:
        """Whether a term is a name, or a number."""
        return term in self.names or term[0].isdigit()


@dataclass(frozen=True, slots=True)
class Words:
    """TF-IDF of articles: `rows` has shape (n, len(terms)), each row of unit length or empty."""

    rows: csr_matrix
    terms: NDArray[np.object_]

    def shared(self, pairs: Numbers, most: int) -> list[list[str]]:
        """At most `most` terms that the two rows of each pair share, the most telling first."""
        product = self.rows[pairs[:, 0]].multiply(self.rows[pairs[:, 1]])
        found = heaviest(csr_matrix(product), most)
        rows = np.repeat(np.arange(len(pairs)), np.diff(found.indptr))
        order = np.lexsort((found.indices, -found.data, rows))
        terms = self.terms[found.indices[order]].tolist()
        return [terms[start:end] for start, end in pairwise(found.indptr.tolist())]


def read(articles: Sequence[Article]) -> Texts:
    """The articles as terms. What stands between blanks is looked into once for all articles."""
    places: defaultdict[str, int] = defaultdict()
    places.default_factory = places.__len__
    place = places.__getitem__
    tokens: list[Numbers] = []
    titles: list[int] = []
    for article in articles:
        title = article.title.split()
        found = title + article.text[:_CHARACTERS].split()
        titles.append(len(title))
        tokens.append(np.fromiter(map(place, found), dtype=np.intp, count=len(found)))
    written = list(places)
    normal = [_NORMAL[token] for token in written]
    # Each token stands for none, one, or (in phrases without spaces) several terms.
    counts = np.array([len(terms) for terms in normal], dtype=np.intp)
    flat = np.array([term for terms in normal for term in terms], dtype=object)
    terms, number = np.unique(flat, return_inverse=True) if len(flat) else (flat, counts[:0])
    everything = np.concatenate([*tokens, counts[:0]])
    repeats = counts[everything]
    ends = np.cumsum(repeats)
    inside = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - repeats, repeats)
    first = np.cumsum(counts) - counts
    before = np.r_[0, ends]
    starts = np.r_[0, np.cumsum([len(each) for each in tokens], dtype=np.intp)].astype(np.intp)
    return Texts(
        terms=terms,
        numbers=number[np.repeat(first[everything], repeats) + inside],
        starts=before[starts],
        texts=before[starts[:-1] + np.array(titles, dtype=np.intp)],
        names=_names(
            terms, written, tokens, titles, np.repeat(np.arange(len(counts)), counts), number
        ),
        tokens=tokens,
        written=written,
    )


def _names(
    terms: NDArray[np.object_],
    written: Sequence[str],
    tokens: Sequence[Numbers],
    titles: Sequence[int],
    token_of: Numbers,
    term_of: Numbers,
) -> frozenset[str]:
    """The terms that are names: those that the texts write large more often than small.

    Titles don't count: some papers write every word of theirs large.
    """
    texts = [each[title:] for each, title in zip(tokens, titles, strict=True)]
    together = np.concatenate([*texts, np.zeros(0, dtype=np.intp)])
    times = np.bincount(together, minlength=len(written))
    sign = np.array([-1 if token.islower() else 1 for token in written], dtype=np.intp)
    large = np.zeros(term_of.max(initial=-1) + 1, dtype=np.intp)
    np.add.at(large, term_of, (times * sign)[token_of])
    return frozenset(terms[large > 0].tolist())


def telling_words(
    texts: Texts, articles: Numbers, names_raise: float, feeds: Sequence[str] | None = None
) -> Words:
    """The telling words of `articles` of `texts`, a row for each; titles count twice.

    Names and numbers weigh `names_raise` times as much as other words. How rare a word is, is
    counted among `articles` only. With their `feeds` (empty for an unknown one), what nearly all
    articles of a feed have is left out of them: "Comments", a section's name, a paper's own town.
    """
    # Loaded here: it takes the better half of a second, and most commands group nothing.
    from sklearn.feature_extraction.text import TfidfTransformer
    from sklearn.preprocessing import normalize

    shape = (len(texts), len(texts.terms) or 1)
    if not len(texts.numbers):  # no words at all, as in emoji-only articles: nothing is shared
        return Words(csr_matrix((len(articles), 1), dtype=np.float32), np.array([""], dtype=object))
    article = np.repeat(np.arange(len(texts)), np.diff(texts.starts))
    titled = np.arange(len(texts.numbers)) < texts.texts[article]
    counted = np.where(titled, 2, 1).astype(np.float32)
    counts = csr_matrix(coo_matrix((counted, (article, texts.numbers)), shape=shape))[articles]
    if feeds is not None:
        counts = _without_furniture(counts, feeds)
    sizes = [names_raise if texts.is_name(term) else 1.0 for term in texts.terms.tolist()]
    weights = TfidfTransformer(sublinear_tf=True, norm=None).fit_transform(counts)
    rows = heaviest(csr_matrix(weights @ diags(sizes), dtype=np.float32), _WORDS)
    return Words(csr_matrix(normalize(rows)), texts.terms)


def _without_furniture(counts: csr_matrix, feeds: Sequence[str]) -> csr_matrix:
    names, feed = np.unique(np.array(feeds, dtype=object), return_inverse=True)
    matrix = csr_matrix(
        (np.ones(len(feed), dtype=np.float32), (feed, np.arange(len(feed)))),
        shape=(len(names), len(feed)),
    )
    there = counts.copy()
    there.data[:] = 1.0
    shares = csr_matrix(matrix @ there)
    sizes = np.bincount(feed)
    shares.data /= np.repeat(sizes, np.diff(shares.indptr))
    many = (sizes >= _ENOUGH_ARTICLES) & (names != "")
    shares.data[(shares.data <= _MOST) | ~np.repeat(many, np.diff(shares.indptr))] = 0.0
    shares.eliminate_zeros()
    furniture = there.multiply(matrix.T @ shares) > 0
    kept = csr_matrix(counts - counts.multiply(furniture), dtype=np.float32)
    kept.eliminate_zeros()
    return kept


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


class _Normal(dict[str, tuple[str, ...]]):
    """The terms of a token. Remembers: the tokens of 10,000 articles are mostly the same ones."""

    # Some bytes each: what a service sees in weeks stays below 100 MB, and is then forgotten. What
    # is longer is met once: an address, a sentence of a script without blanks.
    most = 500_000
    longest = 40

    def __missing__(self, token: str) -> tuple[str, ...]:
        plain = token.strip(_EDGES).lower()
        found = self[plain] if plain != token else tuple(_terms_of(token))
        if len(token) <= self.longest:
            if len(self) >= self.most:
                self.clear()
            self[token] = found
        return found


_NORMAL = _Normal()


def _terms_of(token: str) -> Iterator[str]:
    """The terms of a token that is written small."""
    for word in [token] if token.isalpha() else _WORD.findall(token):
        if word in _SMALL:
            continue
        if not word.isascii() and (phrase := _UNSPACED.search(word)):
            # Pairs of characters stand for the words that only a dictionary could tell apart.
            text = phrase[0]
            yield from (text[place : place + 2] for place in range(len(text) - 1))
        elif any(map(str.isdigit, word)):
            # 1,000 and 1000 are one number; whether 1.000 is one too, the language decides. A320
            # and 2nd have no endings.
            yield fold(word) if word[0].isalpha() else re.sub(r",(?=\d{3}(?!\d))", "", word)
        else:
            term = stem(word if word.isascii() and word.isalpha() else fold(word))
            if term and term not in _STOP and (len(term) > 1 or not term.isascii()):
                yield term
