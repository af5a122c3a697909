"""Names for groups of stories: the words that tell each from the others, as they are written.

Class-based TF-IDF (Grootendorst, 2022): how many of a group's stories have the word, times the
logarithm of how rare it is among all groups. A word counts once a story, so that a long article
tells no more than a short one, and in one group's name only.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil, log

import numpy as np
from numpy.typing import NDArray

from digest.records import Article
from digest.stories.empty_words import AMBIGUOUS, DATES, FOREIGN, TRADE
from digest.text.facts import WORD, fold, stem
from digest.text.lexicon import FUNCTION_WORDS

_EMPTY = AMBIGUOUS | DATES | FOREIGN | TRADE

Meaning = Callable[[Sequence[str]], NDArray[np.floating]]

_WORDS = 3
# Of these telling words those nearest in meaning are taken, where an encoder is given.
_CANDIDATES = 40
_SEPARATOR = " · "
# A story tells what it is about in its first paragraphs.
_OPENING = 1500
# A name's word stands in this share of the group's stories, and in two of them.
_SHARE = 0.1
# And in a share of them that is this many times the share of all other groups' stories.
_OFTENER = 2
# A word that stands beside another in this share of its stories, which are that share of the
# other's, is shown with it: "prime minister".
_TOGETHER, _OF_THE_OTHER = 0.7, 0.4

_UNSPACED = re.compile(r"[\u3400-\u9fff]{2,}|[\u30a0-\u30ff]{2,}|[\u0e00-\u0e7f\u1000-\u109f]+")
_HAN = re.compile(r"[\u3400-\u9fff]")


@dataclass(slots=True)
class _Group:
    """The terms of a group: in how many stories each stands, and how it is written there."""

    size: int
    stories: Counter[str] = field(default_factory=Counter)
    written: dict[str, Counter[str]] = field(default_factory=dict)


def telling_names(
    groups: Sequence[Sequence[Sequence[Article]]], meaning: Meaning | None = None
) -> list[str]:
    """A name of up to three words for each of `groups` of stories; "" where no word is telling.

    `meaning` gives for words how much closer each is to each group than to the groups in the mean,
    shape (words, groups); of the words that tell a group apart those near to it are taken.
    """
    counted = [_count(stories) for stories in groups]
    everywhere: Counter[str] = Counter()
    for group in counted:
        everywhere.update(group.stories)
    average = sum(everywhere.values()) / max(1, len(counted))
    stories = sum(group.size for group in counted)
    scores = [
        {
            term: count / group.size * log(1 + average / everywhere[term])
            for term, count in group.stories.items()
            if count >= max(2, ceil(_SHARE * group.size))
            # In as many of the others' stories, as a share, it tells nothing.
            and count * (stories - group.size) >= _OFTENER * (everywhere[term] - count) * group.size
        }
        for group in counted
    ]
    _keep_best(scores)
    if meaning is not None:
        scores = [_by_meaning(n, counted[n], scores[n], meaning) for n in range(len(counted))]
    return [_name(group, found) for group, found in zip(counted, scores, strict=True)]


def _keep_best(scores: Sequence[dict[str, float]]) -> None:
    """Takes each term from all groups but the (first) one in which it scores highest."""
    owner: dict[str, int] = {}
    for number, found in enumerate(scores):
        for term, score in found.items():
            if term not in owner or score > scores[owner[term]][term]:
                owner[term] = number
    for number, found in enumerate(scores):
        for term in [term for term in found if owner[term] != number]:
            del found[term]


def _by_meaning(
    number: int, group: _Group, scores: dict[str, float], meaning: Meaning
) -> dict[str, float]:
    """The scores of a group's best terms, each times how near it is to what the group is about."""
    terms = sorted(scores, key=lambda term: (-scores[term], term))[:_CANDIDATES]
    if not terms:
        return scores
    near = meaning([_written(term, group) for term in terms])[:, number]
    return {
        term: scores[term] * float(factor)
        for term, factor in zip(terms, near, strict=True)
        if factor > 0
    }


def _name(group: _Group, scores: dict[str, float]) -> str:
    chosen: list[str] = []
    for term in sorted(scores, key=lambda term: (-scores[term], term)):
        if any(_alike(term, other) for other in chosen):
            continue
        chosen.append(_with_neighbour(term, group))
        if len(chosen) == _WORDS:
            break
    return _SEPARATOR.join(_written(term, group) for term in chosen)


def _alike(term: str, other: str) -> bool:
    """Whether two terms have a word in common, or its beginning ("vaccine", "vaccinated")."""
    begun = {word[:5] for word in other.split()}
    return any(word[:5] in begun for word in term.split())


def _with_neighbour(term: str, group: _Group) -> str:
    """The pair that `term` nearly always stands in ("prime minister"), else `term`."""
    pairs = [pair for pair in group.stories if term in pair.split() and pair != term]
    best = max(pairs, key=lambda pair: (group.stories[pair], pair), default=term)
    other = max(group.stories[word] for word in best.split())
    needed = max(2, _TOGETHER * group.stories[term], _OF_THE_OTHER * other)
    return best if pairs and group.stories[best] >= needed else term


def _written(term: str, group: _Group) -> str:
    forms = group.written[term]
    form = max(forms, key=lambda form: (forms[form], form))
    return form[:1].upper() + form[1:]


def _count(stories: Sequence[Sequence[Article]]) -> _Group:
    group = _Group(len(stories))
    for story in stories:
        feeds = {fold(part) for article in story for part in re.split(r"[\W_]+", article.feed)}
        seen: dict[str, Counter[str]] = {}
        for article in story:
            for text in (article.title, (article.text or article.summary)[:_OPENING]):
                for term, form in _terms(text, feeds):
                    seen.setdefault(term, Counter())[form] += 1
        for term, forms in seen.items():
            group.stories[term] += 1
            group.written.setdefault(term, Counter()).update(forms)
    return group


def _terms(text: str, feeds: set[str]) -> Iterator[tuple[str, str]]:
    """The telling words of `text` and the pairs of them that stand together: stem, and as written.

    Of scripts without spaces: runs of katakana, and Chinese characters two by two.
    """
    for run in _UNSPACED.findall(text):
        if _HAN.match(run):
            yield from ((run[at : at + 2],) * 2 for at in range(len(run) - 1))
        elif not re.match(r"[\u0e00-\u109f]", run):
            yield run, run
    before: tuple[str, str, int] | None = None
    for match in WORD.finditer(text):
        form = re.sub(r"['’]s$", "", match[0])
        folded = fold(form)
        if not _tells(form, folded, feeds):
            before = None
            continue
        term = stem(folded)
        yield term, form
        if before and match.start() - before[2] == 1 and text[before[2]] == " ":
            yield f"{before[0]} {term}", f"{before[1]} {form}"
        before = (term, form, match.end())


def _tells(form: str, folded: str, feeds: Iterable[str]) -> bool:
    if _UNSPACED.search(form) or not form[0].isalpha() or folded in feeds:
        return False
    # Short words are empty in most languages; capitals (EU, UN) are names.
    if len(folded) < 3 and not (form.isupper() and len(form) > 1) and form.isascii():
        return False
    return folded not in FUNCTION_WORDS and form.casefold() not in _EMPTY and folded not in _EMPTY
