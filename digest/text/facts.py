"""What a text states that can be looked up: names, quotations, words.

Figures are read in `figures`. Everything here is plain text work,
without a model, and takes any input.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from digest.text.lexicon import FUNCTION_WORDS, OPENERS, TITLES

# A word with its inner apostrophes, hyphens, dots ("U.S.") and ampersands ("M&S").
WORD = re.compile(r"[^\W_]+(?:(?:['’.&·-]|(?<=\w)\.(?=\w))[^\W_]+)*(?:(?<=\.[A-Z])\.(?:['’]s\b)?)?")
PLAIN = re.compile(r"[^\W_]+")
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
PARTICLES = frozenset(
    """
    of the de la le du di da van von der den del al el bin ibn
""".split()
)


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
    return [fold(part) for word in WORD.findall(text) for part in parts_of(word)]


def parts_of(word: str) -> list[str]:
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
        if PLAIN.search(passage):
            found.append(passage)
    return found


# --- names -----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Name:
    """A name as it is written; its words folded, without titles and particles.

    `follows` says of each word whether it stands right behind the one before it,
    with a space; `opens`, whether
    the first is a sentence's first.
    """

    text: str
    words: tuple[str, ...]
    written: tuple[str, ...]
    follows: tuple[bool, ...]
    opens: bool


def names(text: str, known: frozenset[str] = frozenset()) -> list[Name]:
    """The names of `text`, in order: runs of capitalised words.

    `known` are folded words that are written small somewhere in the source: at the start of a
    sentence such a word is no name. Nothing is found where a script has no capitals.
    """
    found: list[Name] = []
    run: list[tuple[str, int, int]] = []
    for match in WORD.finditer(text):
        word = match[0]
        gap = text[run[-1][2] : match.start()] if run else ""
        joined = bool(run) and re.fullmatch(r"[ \u00a0]+|\s?&\s?|\s-\s|\.\s", gap) is not None
        if gap.startswith(".") and run and len(run[-1][0]) > 3:
            joined = False
        if capital(word) and not _is_date(word):
            if run and not joined:
                found += _name(text, run, known)
                run = []
            run.append((word, match.start(), match.end()))
        elif not (joined and fold(word) in PARTICLES and word.islower()):
            if run:
                found += _name(text, run, known)
            run = []
        else:
            run.append((word, match.start(), match.end()))
    if run:
        found += _name(text, run, known)
    return found


def capital(word: str) -> bool:
    return any(part[:1].isupper() for part in parts_of(word)) or any(c.isupper() for c in word[1:])


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
    opens = bool(run) and bool(_SENTENCE_END.search(text, max(0, run[0][1] - 8), run[0][1]))
    # Parts: "Paris and London" are two names, "Marks and Spencer" one; checked word by word.
    parts = [part for word, _, _ in run for part in parts_of(word)]
    first = [not place for word, _, _ in run for place, _ in enumerate(parts_of(word))]
    named = [place for place, part in enumerate(parts) if _names_something(part)]
    while run and fold(run[0][0]) in TITLES:
        run = run[1:]
    if named:
        written = tuple(parts[place] for place in named)
        yield Name(
            text[run[0][1] : run[-1][2]],
            tuple(fold(part) for part in written),
            written,
            tuple(
                first[place] and place - 1 in named and bare(parts[place - 1]) == parts[place - 1]
                for place in named
            ),
            opens and named[0] == 0,
        )


def _names_something(part: str) -> bool:
    """Whether a word of a run of capitals is part of a name: no title, no "The"."""
    folded = fold(part)
    if not folded or folded in FUNCTION_WORDS - {"us"} or folded in TITLES or part.islower():
        return False
    if folded == "us" and not (part.isupper() or "." in part):
        return False
    return any(map(str.isupper, part))


def bare(written: str) -> str:
    return re.sub(r"['’]s?$", "", written)
