"""A source to ask for the names, quotations and words that a summary has.

Plain text work, without a model; any text can be asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from digest.summaries.verify_lexicon import PEOPLES
from digest.text.facts import (
    PARTICLES,
    PLAIN,
    WORD,
    Name,
    bare,
    capital,
    fold,
    names,
    parts_of,
    stem,
    words,
)
from digest.text.lexicon import OPENERS

# Initials leave these out, or not: "Department for Work and Pensions" is the DWP.
_LINKS = PARTICLES | {"and", "for", "in", "on"}
# Scripts that put no spaces between words: a quotation may begin anywhere.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff]")
# What may be left out or put in: "…", "[...]", "[the mayor]". Longer insertions are read as words.
_GAP = re.compile(r"…|\.\.\.|\[[^\]\s]*(?:\s[^\]\s]*){0,2}\]")


class Source:
    """A source's words, names and initials, ready to be asked."""

    def __init__(self, texts: Sequence[str]) -> None:
        folded = [words(text) for text in texts]
        self.words = frozenset(word for line in folded for word in line)
        self.stems = frozenset(map(stem, self.words))
        self._running = " " + " ".join(word for line in folded for word in line) + " "
        self._texts = tuple(texts)
        self._plain = _plainly(" ".join(texts))
        self._unspaced = "".join(run for text in texts for run in PLAIN.findall(text))
        self._capitalised = frozenset(
            fold(part)
            for text in texts
            for word in WORD.findall(text)
            if capital(word)
            for part in parts_of(word)
        )
        self.small = frozenset(
            fold(word) for text in texts for word in WORD.findall(text) if word.islower()
        )
        self._large: set[str] = set()
        self._together: set[tuple[str, str]] = set()
        self._initials: set[str] = set()
        self._capitals: set[str] = set()
        self._peoples: set[int] = set()
        for text in texts:
            self._take_names(text)

    def _take_names(self, text: str) -> None:
        if "United States" in text:
            self._peoples.add(PEOPLES["us"])
        if "United Kingdom" in text:
            self._peoples.add(PEOPLES["uk"])
        self._peoples.update(
            PEOPLES[folded]
            for written in WORD.findall(text)
            for part in parts_of(written)
            if part[0].isupper()
            and (folded := fold(part)) in PEOPLES
            and (folded != "us" or _shouted(part))
        )
        without = _ASIDE.sub(" ", text)
        for name in names(text) + (names(without) if without != text else []):
            self._large.update(name.words)
            self._together.update(
                (first, last)
                for place, first in enumerate(name.words)
                for last in name.words[place + 1 : place + _LONGEST_NAME]
            )
            self._capitals.update(
                word
                for word, written in zip(name.words, name.written, strict=True)
                if len(word) > 1 and _shouted(written)
            )
        for run in _runs_of_capitals(text):
            for start in range(len(run)):
                for end in range(start + 2, min(len(run), start + 7) + 1):
                    part = run[start:end]
                    for initials in _initials(part):
                        # Ursula Smith is not the US.
                        if initials not in _TAKEN or _is_body(part):
                            self._initials.add(initials)

    def has_words(self, passage: str) -> bool:
        """Whether the words of `passage` stand in the source one after the other.

        Where it leaves something out ("…", "[...]"), its pieces must stand in their order within
        two sentences, one after the other.
        """
        parts = [part for part in _GAP.split(passage) if PLAIN.search(part)]
        if len(parts) < 2:
            return all(self._has_run(part) for part in parts)
        return all(map(self._has_run, parts)) and any(
            _in_order(parts, " ".join(pair))
            for pair in zip(self._texts, [*self._texts[1:], ""], strict=True)
        )

    def _has_run(self, part: str) -> bool:
        if _UNSPACED.search(part):
            return "".join(PLAIN.findall(part)) in self._unspaced
        if " " + " ".join(words(part)) + " " in self._running:
            return True
        return _plainly(part) in self._plain

    def lacking(self, text: str, known: frozenset[str]) -> list[tuple[Name, list[str]]]:
        """The names of `text` (see `names`), each with those of its words that are missing here.

        A word is there where it is written with a capital, as its plural, as the people of a
        country, by its initial ("J. Roe"), in initials ("EU"), or where it spells out initials
        that are there. Two that stand together must stand in one name of the source.
        """
        spelt_out = self._spelt_out(text)
        # A line all in capitals tells no names from words.
        told = any(map(str.islower, text)) and bool(self._capitalised)
        pool = self._capitalised | (OPENERS & self.words) if told else self.words
        return [
            (name, [word for word in self._missing(name, pool) if fold(word) not in spelt_out])
            for name in names(text, known)
        ]

    def _spelt_out(self, text: str) -> frozenset[str]:
        """The words of `text` that spell out initials which the source has: "PCC" for the words."""
        return frozenset(
            word
            for run in _runs_of_capitals(text)
            for start in range(len(run))
            for end in range(start + 2, min(len(run), start + 8) + 1)
            for part in [run[start:end]]
            if not self._capitals.isdisjoint(_initials(part)) and _is_body(part)
            for word in part
        )

    def _missing(self, name: Name, pool: frozenset[str]) -> list[str]:
        """The words of `name` as they are written that the source has in no form."""
        squeezed = "".join(name.words)
        if squeezed in PEOPLES and PEOPLES[squeezed] in self._peoples:
            return []
        lacking = {
            place
            for place, (written, word) in enumerate(zip(name.written, name.words, strict=True))
            if not self._names(
                written, word, pool | self.words if name.opens and not place else pool
            )
        }
        for place in range(1, len(name.words)):
            pair = {place - 1, place}
            if name.follows[place] and not pair & lacking and not self._stand_together(name, place):
                lacking |= pair
        return [bare(name.written[place]) for place in sorted(lacking)]

    def _stand_together(self, name: Name, place: int) -> bool:
        """Whether a word and the one before it are of one name; "British", "EU" go with any."""
        first, last = name.words[place - 1 : place + 1]
        if first in PEOPLES or last in PEOPLES or first in OPENERS or last in OPENERS:
            return True
        if any(_shouted(written) for written in name.written[place - 1 : place + 1]):
            return len(first) > 1 or any(
                one.startswith(first) and other == last for one, other in self._together
            )
        return any(
            (one, other) in self._together
            for one in _numbers_of(first)
            for other in _numbers_of(last)
        )

    def _names(self, written: str, word: str, pool: frozenset[str]) -> bool:
        short = len(word) <= 4 and _shouted(written)
        if short and len(word) > 1:
            return (
                word in self._large
                or word in self._initials
                or PEOPLES.get(word, -1) in self._peoples
            )
        if word in pool or PEOPLES.get(word, -1) in self._peoples:
            return True
        if PEOPLES.get(word.removesuffix("s"), -1) in self._peoples:
            return True
        if len(word) == 1:
            return any(large.startswith(word) for large in self._large)
        return any(form in pool for form in _numbers_of(word) if len(form) > 2)


# More words than any person's name, and most bodies'.
_LONGEST_NAME = 6
# A nickname or an age within a name: 'Odd "Bo" Brekke'.
_ASIDE = re.compile(r"\s[\"“‘'(][^\"“”‘’'()]{1,40}[\"”’')](?=\s)")
# Initials that everybody reads as one thing.
_TAKEN = frozenset("eu un us uk".split())
# What names of bodies and of federations have, and persons' have not.
_BODIES = frozenset(
    """
    union nations kingdom states state emirates republic league party council committee court
    agency association authority office bank department ministry service services commission
    commissioner organisation organization federation fund institute institution university college
    school society company corporation group board bureau administration centre center force forces
    police army navy guard network club foundation trust conference congress parliament assembly
    regiment brigade
    national international federal world royal united european american british african
""".split()
)


def _initials(part: Sequence[str]) -> set[str]:
    """The initials of words, with the small ones and without."""
    return {"".join(w[0] for w in part), "".join(w[0] for w in part if w not in _LINKS)}


def _is_body(part: Sequence[str]) -> bool:
    return not _BODIES.isdisjoint(part) or not {"and", "for", "of"}.isdisjoint(part)


def _numbers_of(word: str) -> tuple[str, ...]:
    """A word, its plural and its singular: "Democrats", "the Beatles'"."""
    return (word, word.removesuffix("s"), word + "s", word.removesuffix("es"), word + "es")


def _plainly(text: str) -> str:
    plain = " ".join(fold(word) for word in PLAIN.findall(text.replace("’", "'")))
    return f" {plain} "


def _in_order(parts: Sequence[str], text: str) -> bool:
    """Whether `parts` stand in `text` in their order; by letters alone in unspaced scripts."""
    if any(map(_UNSPACED.search, parts)):
        where, wanted = "".join(PLAIN.findall(text)), ["".join(PLAIN.findall(p)) for p in parts]
        return _found_in_turn(wanted, where)
    return _found_in_turn([_plainly(part) for part in parts], _plainly(text)) or _found_in_turn(
        [f" {' '.join(words(part))} " for part in parts], f" {' '.join(words(text))} "
    )


def _found_in_turn(wanted: Sequence[str], where: str) -> bool:
    at = 0
    for piece in wanted:
        found = where.find(piece, at)
        if found < 0:
            return False
        # The space behind a piece is also the one before the next.
        at = found + len(piece.rstrip())
    return True


def _shouted(written: str) -> bool:
    return bare(written).replace(".", "").isupper()


def _runs_of_capitals(text: str) -> Iterable[list[str]]:
    run: list[str] = []
    end = 0
    for match in WORD.finditer(text):
        near = text[end : match.start()].strip() in {"", "&"}
        folded = fold(match[0])
        if run and not near:
            yield run
            run = []
        if match[0][0].isupper():
            run += [fold(part) for part in parts_of(match[0]) if fold(part)]
        elif not (run and folded in _LINKS):
            if run:
                yield run
            run = []
        else:
            run.append(folded)
        end = match.end()
    if run:
        yield run
