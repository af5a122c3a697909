"""Paragraphs to sentences, word for word.

sentencex (a rule-based splitter in Rust, kept by the Wikimedia Foundation) says where sentences
end; of the libraries compared in `benchmarks/text.py sentences` it is right most often, the only
one that is kept up, and the fastest. It is given the text with the quotation marks blanked out,
for it splits wrongly round a mark without its partner. Over its ends lies a layer of ours that
keeps quotations whole and mends what else the cases in `tests/data/sentences.jsonl` showed.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import islice

import sentencex

from digest.records import Document
from digest.text.noise import is_aside
from digest.text.quotes import marks

# Raise it when the same text would split differently: kept embeddings are keyed by it.
VERSION = 2

# Salience falls with position: of the 1,000 sentences chosen for 500 news articles 99 in 100 stand
# among the first 34 and none beyond the 60th (`benchmarks/quality.py summaries`); so this loses
# nothing, and bounds what a book costs.
MAX_SENTENCES = 60

# A quotation of several sentences is one with what says whose it is: `"I am tired. I go home," she
# said.` Longer ones are split, else a summary of two sentences would be a page.
_QUOTED_WORDS = 60
# No writer's sentence is so long (the longest of 20,000 in news articles has 1,400 characters): it
# is a table, code, or a text without stops, and is cut where it pauses.
_LONGEST = 2000
_PIECE = 400
# sentencex is given a long paragraph in windows; the sentence at a window's end starts the next.
_WINDOW = 5000
# Near a window's end a quotation's closing mark may be out of sight.
_OVERLAP = 1000

_SPACED_STOP = re.compile(r"[\w:)'\"’”] \.(?=\s|$)")
_STOP = re.compile(r"[.!?]['\"’”)]*(?=\s|$)")
_RARE = 4
_SAMPLE = 100_000
_WORD = re.compile(r"\w")
_PAUSE = re.compile(r"[,;:،؛，；：、—–|•](?=\s|[\u3000-\u9fff\uff00-\uffef])|(?<=\w) [-/] ")
# "1." or "A." before its sentence, or a bullet alone.
_BEGINNING = re.compile(r"\W*(?:\w|\d{1,3})?[^\w。！？]*")
_NEVER_LAST = re.compile(
    r"\b(?:Ms|Mx|Atty|Amb|Cllr|Det|Insp|Supt|Asst|Assoc|Ald|Cmdr|Secy|Treas|Drs|Profs|Ft|Ste|approx|"
    r"est|vs|cf|Figs?|Eqs?|Nos?|Ch|Vol|Eds?|Abs|inkl|geb|gest|Tel|т|д|в|вул|ул|им|ім|обл|гр)\.$"
)
_HOUR = re.compile(r"\b[ap]\.\s?m\.$")
_DAY_OR_ZONE = re.compile(
    r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)\.|"
    r"Jan|Feb|Mar|Apr|May\s\d|June?|July?|Aug|Sep|Oct|Nov|Dec|[A-Z]{2,4}\b|Eastern|Pacific|Central|"
    r"Mountain|Greenwich|local)"
)
_SAYS = re.compile(
    r"(?:[A-ZÀ-Þ][\w.'’-]*\s+){1,4}(?:said|says|asked|asks|wrote|writes|told|added|adds|replied|"
    r"cried|shouted|tweeted|recalled|explained|exclaimed|warned)\b"
)
_CONTINUES = re.compile(r"[\s—–-]*(?:[,;:)]|[^\W\d_]\w*)")
_CJK_CLOSED = re.compile(r"[。！？][」』”’》）]+$")
_CJK_SAYS = re.compile(r"と|って|という|[^。！？，、“「]{0,8}?(?:说|說|道|问|問|表示|称|稱|喊|答)")
_ADDRESS = re.compile(r"://|www\.|@")


def split_sentences(paragraph: str, language: str = "") -> list[str]:
    """The sentences of one paragraph, each a substring of it, in order, without outer space.

    `language` is a BCP 47 tag; unknown and empty ones are split by English rules.
    """
    return list(_sentences(paragraph, language))


def make_document(
    id: str,
    title: str,
    text: str,
    *,
    language: str = "",
    content_hash: str = "",
    max_sentences: int = MAX_SENTENCES,
) -> Document:
    """A text (paragraphs parted by an empty line) as a document of at most `max_sentences`.

    A text with more of them comes along whole, for models that read all of it.

    Sentences that speak of the page ("Read more: …", "All rights reserved.") are left out, unless
    there are no others.
    """
    numbered = list(islice(_numbered(text, language, _is_foreign(text)), max_sentences))
    if not numbered:
        numbered = list(islice(_numbered(text, language, lambda _: False), max_sentences))
    return Document(
        id=id,
        title=title,
        sentences=tuple(sentence for _, sentence in numbered),
        paragraphs=tuple(number for number, _ in numbered),
        language=language,
        content_hash=content_hash,
        text=text if len(numbered) == max_sentences else "",
    )


def _numbered(
    text: str, language: str, is_foreign: Callable[[str], bool]
) -> Iterator[tuple[int, str]]:
    for number, paragraph in enumerate(text.split("\n\n")):
        for sentence in _sentences(paragraph, language):
            if not is_foreign(sentence):
                yield number, sentence


def _is_foreign(text: str) -> Callable[[str], bool]:
    """What tells the sentences of `text` that are the page's, not the article's.

    Where the headings and links of a page were flattened into its text, they ended up with a stop
    of their own ("Related topics ."). In a text where many stops stand so, none means that.
    """
    sample = text[:_SAMPLE]
    spaced, all_ = len(_SPACED_STOP.findall(sample)), len(_STOP.findall(sample))
    if not spaced or _RARE * spaced > all_:
        return is_aside
    return lambda sentence: is_aside(sentence) or _SPACED_STOP.search(sentence[-4:]) is not None


def _sentences(paragraph: str, language: str) -> Iterator[str]:
    code = language.partition("-")[0].lower() or "en"
    rest = paragraph.strip()
    while rest:
        window = rest[:_WINDOW]
        ends = _ends(window, code)
        if len(window) < len(rest):
            sure = [end for end in ends if end <= _WINDOW - _OVERLAP]
            ends = sure or ends[:1]
        start = 0
        for end in ends:
            if sentence := window[start:end].strip():
                yield from _cut(sentence)
            start = end
        rest = rest[ends[-1] :].lstrip()


def _ends(text: str, code: str) -> list[int]:
    """Where the sentences of `text` end, the last at its end."""
    found = marks(text)
    blank = text
    if found.blanks:
        characters = list(text)
        for place in found.blanks:
            characters[place] = " "
        blank = "".join(characters)
    pairs = [
        (opening, closing)
        for opening, closing in found.pairs
        if len(text[opening:closing].split()) <= _QUOTED_WORDS
    ]
    closers = {closing for _, closing in found.pairs}
    inside = _Spans(pairs)
    ends: list[int] = []
    start = end = 0
    for piece in sentencex.segment(code, blank):
        end += len(piece)
        place = _after_marks(text, end - len(piece) + len(piece.rstrip()), closers)
        if place <= start or place >= len(text):
            continue
        if place in inside or _goes_on(text, start, place):
            continue
        ends.append(place)
        start = place
    # A tail without a letter ("🙂", "!!!") belongs to the sentence before it.
    if ends and not _WORD.search(text, ends[-1]):
        ends.pop()
    ends.append(len(text))
    return ends


class _Spans:
    """Which places lie within one of the pairs of marks, by bisection over the outermost ones."""

    def __init__(self, pairs: list[tuple[int, int]]) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for opening, closing in sorted(pairs):
            if not self._ends or opening > self._ends[-1]:
                self._starts.append(opening)
                self._ends.append(closing)

    def __contains__(self, place: int) -> bool:
        number = bisect_left(self._starts, place) - 1
        return number >= 0 and place <= self._ends[number]


def _after_marks(text: str, place: int, closers: set[int]) -> int:
    """`place` moved behind the closing marks that stand there."""
    while True:
        ahead = place
        while ahead < len(text) and text[ahead].isspace():
            ahead += 1
        if ahead in closers and (ahead == place or text[ahead] not in ")]）"):
            place = ahead + 1
        elif ahead == place < len(text) and text[place] in '"”’»' and text[place + 1 :][:1] in " ":
            place += 1  # its opening mark is missing
        else:
            return place


def _goes_on(text: str, start: int, place: int) -> bool:
    """Whether the sentence from `start` goes on behind `place`, where sentencex ends it."""
    sentence, rest = text[start:place], text[place : place + 200].lstrip()
    if not rest or _BEGINNING.fullmatch(sentence):
        return True
    spaced = text[place].isspace()
    marked = sentence[-1] not in ".!?…。！？"
    first = _CONTINUES.match(rest)
    if first and (marked or sentence[-1] in ".…"):
        word = first[0].lstrip(" —–-")
        if word[0] in ",;:)" or (word[0].islower() and not word[1:2].isupper()):
            return True
    if not spaced and (_in_name(text, place) or _CJK_CLOSED.search(sentence[-8:])):
        return bool(_in_name(text, place) or _CJK_SAYS.match(rest))
    tail = sentence[-24:]
    if sentence[-1] in ")）" and sentence.lstrip()[0] not in "(（":
        return True
    if marked:
        return bool(_SAYS.match(rest)) and tail.rstrip("\"'”’»“« ")[-1:] in ("!", "?", "…")
    if _HOUR.search(tail) and _DAY_OR_ZONE.match(rest):
        return True
    return bool(_NEVER_LAST.search(tail))


def _in_name(text: str, place: int) -> bool:
    """Whether `place` lies within an address or a name such as ASP.NET."""
    before = text[max(0, place - 100) : place].rpartition(" ")[2]
    after = text[place : place + 50].partition(" ")[0]
    if _ADDRESS.search(before):
        return True
    name = re.match(r"[A-Z]{2,}\b", after)
    return bool(name and re.search(r"(?:^|\W)[A-Z]{2,}\.$", before))


def _cut(sentence: str) -> Iterator[str]:
    """A sentence; one that is longer than any writer's in pieces, cut where it pauses."""
    if len(sentence) > _LONGEST:
        while len(sentence) > _PIECE:
            place = max(
                (pause.end() for pause in _PAUSE.finditer(sentence, _PIECE // 2, _PIECE)),
                default=sentence.rfind(" ", 1, _PIECE) if " " in sentence[1:_PIECE] else _PIECE,
            )
            yield sentence[:place].strip()
            sentence = sentence[place:].lstrip()
    if sentence:
        yield sentence
