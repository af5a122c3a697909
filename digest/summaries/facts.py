"""What a text states that can be looked up: names, quotations, words; and a source to ask.

Figures are read in `verify_figures`. Everything here is plain text work, without a model, and
takes any input.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from digest.summaries.verify_lexicon import FUNCTION_WORDS, OPENERS, PEOPLES, TITLES

# A word with its inner apostrophes, hyphens, dots ("U.S.") and ampersands ("M&S").
_WORD = re.compile(
    r"[^\W_]+(?:(?:['’.&·-]|(?<=\w)\.(?=\w))[^\W_]+)*(?:(?<=\.[A-Z])\.(?:['’]s\b)?)?"
)
_PLAIN = re.compile(r"[^\W_]+")
_SENTENCE_END = re.compile(r"[.!?:…]['\"”’»)]*\s*$|^\W*$|[\"“„«‘]\s*$")
_DATES = frozenset(
    """
        january february march april may june july august september october november december
        monday tuesday wednesday thursday friday saturday sunday jan feb mar apr jun jul aug sep
        sept oct nov dec mondays tuesdays wednesdays thursdays fridays saturdays sundays am pm
        gmt bst est et
    """.split()
)
# Between the words of one name: "Bank of England", "Ministry of the Interior", "van der Sar".
_PARTICLES = frozenset(
    """
    of the de la le du di da van von der den del al el bin ibn
""".split()
)
# Initials leave these out, or not: "Department for Work and Pensions" is the DWP.
_LINKS = _PARTICLES | {"and", "for", "in", "on"}


@lru_cache(maxsize=65536)
def fold(word: str) -> str:
    """A word for comparison: no accents, case, possessive, dots: `U.S.` is `us`."""
    plain = unicodedata.normalize("NFKD", word)
    plain = "".join(c for c in plain if not unicodedata.combining(c)).casefold()
    plain = plain.replace("’", "'")
    plain = plain.removesuffix("'s").strip("'.·-")
    return plain.replace(".", "").replace("'", "")


_ENDINGS = (
    ("ies", "y"), ("ied", "y"), ("sses", "ss"), ("ations", "at"), ("ation", "at"), ("ating", "at"),
    ("ated", "at"), ("ates", "at"), ("ate", "at"), ("ators", "at"), ("ator", "at"),
    ("ions", ""), ("ion", ""), ("ments", ""), ("ment", ""), ("ness", ""), ("ingly", ""),
    ("edly", ""), ("ings", ""), ("ing", ""), ("ers", ""), ("er", ""), ("ors", ""), ("or", ""),
    ("ed", ""), ("es", ""), ("ly", ""), ("s", ""), ("e", ""),
)  # fmt: skip


@lru_cache(maxsize=65536)
def stem(folded: str) -> str:
    """A folded word without its ending, by a short list of English suffixes.

    Plainer than Porter's: it only has to map the forms of one word to one string.
    """
    if not folded.isascii() or len(folded) < 4:
        return folded
    for ending, instead in _ENDINGS:
        if folded.endswith(ending) and len(folded) - len(ending) >= 3:
            if ending == "s" and folded.endswith(("ss", "us", "is")):
                break
            folded = folded[: -len(ending)] + instead
            break
    if len(folded) > 3 and folded[-1] == folded[-2] and folded[-1] not in "lsz":
        folded = folded[:-1]
    return folded


def words(text: str) -> list[str]:
    """The words of `text` in order, folded; a hyphenated one as its parts."""
    return [fold(part) for word in _WORD.findall(text) for part in _parts(word)]


def _parts(word: str) -> list[str]:
    return [part for part in word.split("-") if part]


def content_stems(text: str) -> list[str]:
    """The stems of the words that carry the content, in order, without those of digits alone."""
    return [
        stem(word) for word in words(text) if word not in FUNCTION_WORDS and not word.isdecimal()
    ]


# --- quotations ------------------------------------------------------------------------------

_QUOTED = re.compile(
    r'"([^"“”]{1,2000})"|“([^“”]{1,2000})”|„([^„“”]{1,2000})[“”]|«([^«»]{1,2000})»|「([^「」]{1,2000})」|'
    r"(?<!\w)‘(.{1,500}?)’(?!\w)|(?<![\w'])['`](?=\S|\s\w)([^'\n]{1,300}(?:\w'\w[^'\n]{0,300})*)'(?![\w])",
    re.DOTALL,
)
# Not the inches in 6".
_MARK = re.compile(r"(?<![\d″])[\"“”„«»]")
# Scripts that put no spaces between words: a quotation may begin anywhere.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u2e80-\u9fff\uac00-\ud7ff\uf900-\ufaff]")
_GAP = re.compile(r"…|\.\.\.|\[[^\]]*\]|\([^)]*\)")


def quotations(text: str) -> list[str]:
    """The passages of `text` in quotation marks (straight, curly, low, angled), in order.

    One whose other mark is missing goes to the end of `text`, or begins with it.
    """
    found = [next(filter(None, match.groups())).strip() for match in _QUOTED.finditer(text)]
    rest = _QUOTED.sub(lambda match: "\0" * len(match[0]), text)
    if alone := _MARK.search(rest):
        opens = not text[alone.end() : alone.end() + 1].isspace()
        part = rest[alone.end() :] if opens and alone.end() < len(rest) else rest[: alone.start()]
        passage = part.replace("\0", " ").strip()
        if _PLAIN.search(passage):
            found.append(passage)
    return found


# --- names -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it is written; its words folded, without titles and particles."""

    text: str
    words: tuple[str, ...]
    written: tuple[str, ...]


def names(text: str, known: frozenset[str] = frozenset()) -> list[Name]:
    """The names of `text`, in order: runs of capitalised words.

    `known` are folded words that are written small somewhere in the source: at the start of a
    sentence such a word is no name. Nothing is found where a script has no capitals.
    """
    found: list[Name] = []
    run: list[tuple[str, int, int]] = []
    for match in _WORD.finditer(text):
        word = match[0]
        gap = text[run[-1][2] : match.start()] if run else ""
        joined = bool(run) and re.fullmatch(r"[ \u00a0]+|\s?&\s?|\s-\s|\.\s", gap) is not None
        if gap.startswith(".") and run and len(run[-1][0]) > 3:
            joined = False
        if _capital(word) and not _is_date(word):
            if run and not joined:
                found += _name(text, run, known)
                run = []
            run.append((word, match.start(), match.end()))
        elif not (joined and fold(word) in _PARTICLES and word.islower()):
            if run:
                found += _name(text, run, known)
            run = []
        else:
            run.append((word, match.start(), match.end()))
    if run:
        found += _name(text, run, known)
    return found


def _capital(word: str) -> bool:
    return any(part[:1].isupper() for part in _parts(word)) or any(c.isupper() for c in word[1:])


def _is_date(word: str) -> bool:
    return fold(word) in _DATES and word[1:].islower()


def _name(text: str, run: list[tuple[str, int, int]], known: frozenset[str]) -> Iterator[Name]:
    while run and run[-1][0].islower():
        run = run[:-1]
    # A sentence's first word is written large whatever it is.
    if run and _SENTENCE_END.search(text, max(0, run[0][1] - 8), run[0][1]):
        word = run[0][0]
        folded = fold(word)
        common = folded in FUNCTION_WORDS or folded in known or folded in OPENERS
        alone = len(run) == 1 or run[1][0].islower()
        shape = folded.endswith(("ing", "ly")) or (alone and folded.endswith(("ed", "s")))
        if not word[1:].isupper() and (common or (shape and word[1:].islower())):
            run = run[1:]
            while run and run[0][0].islower():
                run = run[1:]
    # Parts: "Paris and London" are two names, "Marks and Spencer" one; checked word by word.
    written = [
        part
        for word, _, _ in run
        if not word.islower()
        for part in _parts(word)
        if fold(part) and fold(part) not in FUNCTION_WORDS - {"us"} and fold(part) not in TITLES
    ]
    written = [part for part in written if part[:1].isupper() or any(map(str.isupper, part))]
    written = [part for part in written if fold(part) != "us" or part.isupper() or "." in part]
    while run and fold(run[0][0]) in TITLES:
        run = run[1:]
    if written:
        yield Name(
            text[run[0][1] : run[-1][2]], tuple(fold(part) for part in written), tuple(written)
        )


# --- a source to ask -------------------------------------------------------------------------


class Source:
    """A source's words, names and initials, ready to be asked."""

    def __init__(self, texts: Sequence[str]) -> None:
        folded = [words(text) for text in texts]
        self.words = frozenset(word for line in folded for word in line)
        self.stems = frozenset(map(stem, self.words))
        self._running = " " + " ".join(word for line in folded for word in line) + " "
        self._plain = " " + " ".join(
            fold(word) for text in texts for word in _PLAIN.findall(text.replace("’", "'"))
        ) + " "  # fmt: skip
        self._unspaced = "".join(run for text in texts for run in _PLAIN.findall(text))
        self.small = frozenset(
            fold(word) for text in texts for word in _WORD.findall(text) if word.islower()
        )
        self._large: set[str] = set()
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
            for written in _WORD.findall(text)
            for part in _parts(written)
            if part[0].isupper()
            and (folded := fold(part)) in PEOPLES
            and (folded != "us" or _shouted(part))
        )
        for name in names(text):
            self._large.update(name.words)
            self._capitals.update(
                word
                for word, written in zip(name.words, name.written, strict=True)
                if len(word) > 2 and _shouted(written)
            )
        for run in _runs_of_capitals(text):
            for start in range(len(run)):
                for end in range(start + 2, min(len(run), start + 7) + 1):
                    part = run[start:end]
                    self._initials.add("".join(word[0] for word in part))
                    self._initials.add("".join(w[0] for w in part if w not in _LINKS))

    def has_words(self, passage: str) -> bool:
        """Whether the words of `passage` stand in the source one after the other."""
        parts = [part for part in _GAP.split(passage) if _PLAIN.search(part)]
        return all(self._has_run(part) for part in parts)

    def _has_run(self, part: str) -> bool:
        if _UNSPACED.search(part):
            return "".join(_PLAIN.findall(part)) in self._unspaced
        if " " + " ".join(words(part)) + " " in self._running:
            return True
        plain = " ".join(fold(word) for word in _PLAIN.findall(part.replace("’", "'")))
        return f" {plain} " in self._plain

    def lacking(self, text: str, known: frozenset[str]) -> list[tuple[Name, list[str]]]:
        """The names of `text` (see `names`), each with those of its words that are missing here.

        A word is there as it is written, as its plural, as the people of a country, by its
        initial ("J. Roe"), in initials ("EU"), or where it spells out initials that are there.
        """
        spelt_out = self._spelt_out(text)
        return [
            (name, [word for word in self._missing(name) if fold(word) not in spelt_out])
            for name in names(text, known)
        ]

    def _spelt_out(self, text: str) -> frozenset[str]:
        """The words of `text` that spell out initials which the source has: "PCC" for the words."""
        return frozenset(
            word
            for run in _runs_of_capitals(text)
            for start in range(len(run))
            for end in range(start + 3, min(len(run), start + 8) + 1)
            for part in [run[start:end]]
            if "".join(w[0] for w in part) in self._capitals
            or "".join(w[0] for w in part if w not in _LINKS) in self._capitals
            for word in part
        )

    def _missing(self, name: Name) -> list[str]:
        """The words of `name` as they are written that the source has in no form."""
        initials = "".join(word[0] for word in name.words)
        if len(initials) > 1 and initials in self._large:
            return []
        squeezed = "".join(name.words)
        if squeezed in PEOPLES and PEOPLES[squeezed] in self._peoples:
            return []
        return [
            _bare(written)
            for written, word in zip(name.written, name.words, strict=True)
            if not self._names(written, word)
        ]

    def _names(self, written: str, word: str) -> bool:
        short = len(word) <= 4 and _shouted(written)
        if short and len(word) > 1:
            return (
                word in self._large
                or word in self._initials
                or PEOPLES.get(word, -1) in self._peoples
            )
        if word in self.words or PEOPLES.get(word, -1) in self._peoples:
            return True
        if PEOPLES.get(word.removesuffix("s"), -1) in self._peoples:
            return True
        if len(word) == 1:
            return any(large.startswith(word) for large in self._large)
        # Plurals and possessives: "Democrats", "the Beatles'".
        return any(
            form in self.words
            for form in (word.removesuffix("s"), word + "s", word.removesuffix("es"), word + "es")
            if len(form) > 2
        )


def _shouted(written: str) -> bool:
    return _bare(written).replace(".", "").isupper()


def _bare(written: str) -> str:
    return re.sub(r"['’]s?$", "", written)


def _runs_of_capitals(text: str) -> Iterable[list[str]]:
    run: list[str] = []
    end = 0
    for match in _WORD.finditer(text):
        near = text[end : match.start()].strip() in {"", "&"}
        folded = fold(match[0])
        if run and not near:
            yield run
            run = []
        if match[0][0].isupper():
            run += [fold(part) for part in _parts(match[0]) if fold(part)]
        elif not (run and folded in _LINKS):
            if run:
                yield run
            run = []
        else:
            run.append(folded)
        end = match.end()
    if run:
        yield run
