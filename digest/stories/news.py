"""What is news in an article to readers of others on the same event: new names and numbers.

Two reports of one event always differ in some words, so words are no news. Names and numbers are,
where a reporter puts what is new (the headline and the opening), and only those that nothing told
before had. Of 437 pairs of other papers' reports of one event (`stories/multinews_dev.jsonl` of the
shared data) one in seven counts as news, most of them reports of another matter within it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from digest.records import Article
from digest.text.facts import Name, fold, names, stem, words
from digest.text.figures import Figure, figures
from digest.text.lexicon import FUNCTION_WORDS
from digest.text.sentences import split_sentences

# Further down any two reports differ: some 9 in 10 have a number or name that the other lacks.
_OPENING_SENTENCES = 2
_OPENING_CHARACTERS = 600
# Of what was told so much is read: the longest reports have half of it, transcripts ten times.
_READ = 40_000
# Datelines, captions and "Listen to this article" are shorter than sentences that tell something.
_SENTENCE_WORDS = 6

# Points that make news. A fact of the headline is enough: nobody puts into a headline what does
# not matter. So is a number in the opening that takes a told one's place ("five dead" after "three
# dead"). Anything else needs a second: of 437 pairs of reports one in eight has some new number in
# its opening and one in six a new name, but few both or two.
_NEWS = 2
_HEADLINE = 2
_REVISED = 2
_OPENING = 1

# Numbers this near are one number, told more or less exactly ("nearly 4,100", "some 4,000"). Small
# ones are counted, not rounded.
_ROUNDED = 0.05
_COUNTED = 20
# Telling words around a number say what it counts: so many before it and behind it, within so
# many characters.
_BEFORE, _BEHIND = 3, 3
_REACH = 60
# Ages, durations and the like change with the day, not with the event.
_AGE = re.compile(r"[\s-]*(?:years?|months?|weeks?|days?|hours?|minutes?|-?year-olds?)\b", re.I)
_AGED = re.compile(r"(?:\baged?|\bage of|,)\s*$", re.IGNORECASE)
_NUMBERED = re.compile(
    r"(?:\bno\.?|\bnumber|\broom|\bchapter|\bseason|\bepisode|#)\s*$", re.IGNORECASE
)
_LIST = re.compile(
    r"\W*(?:the |top |here are )*[\w-]+ (?:\w+ )?(?:things|ways|reasons|takeaways|facts|photos|"
    r"pictures|charts|questions|lessons|tips|moments)\b",
    re.IGNORECASE,
)
# Whoever is quoted is new in every report: that is another quotation, no news.
_SAYS = (
    r"(?:said|says|told|tells|added|adds|warned|warns|wrote|writes|explained|insisted|argued|"
    r"noted|claimed|stated|commented|tweeted|posted|reported|reports)"
)
_QUOTED = re.compile(rf"[^.!?”\"]{{0,60}}?\b{_SAYS}\b")
_QUOTES = re.compile(rf"(?:\b{_SAYS}|according to)(?: [a-z][\w-]*){{0,6}}\s+(?:[A-Z]\w+\s+)*$")
# Agencies and the like sign reports; they are not in them.
_AGENCIES = frozenset(
    "reuters afp ap associated press bbc cnn dpa pa ansa efe bloomberg getty guardian times".split()
)
# One thing in several words: a toll is "five dead", "killed five" and "five deaths".
_SAME = {
    stem(fold(word)): group.split()[0]
    for group in (
        "killed kills dead died die dies dying death deaths toll fatalities fatal lives victims",
        "injured injures wounded hurt injuries casualties",
        "missing unaccounted",
        "arrested detained custody",
    )
    for word in group.split()
}
# What is counted in every second sentence says nothing of what it is.
_VAGUE = frozenset(
    stem(fold(word))
    for word in "people person men women man woman new per cent percent times".split()
)
# Of the longer words of a headline, this share has capitals where the house writes all so.
_TITLE_CASE = 0.7
_SHORT = 3
# "Two officers", "one of two": so few of something unsaid before are in every report's opening.
_FEW = 2


def news(article: Article, told: Sequence[Article]) -> tuple[str, ...]:
    """The names and numbers that make `article` news to readers of `told`; none: no news.

    Looked for in its headline and opening; times, dates and ages are no news, nor is who is quoted.
    When the articles were published is not looked at.
    """
    return Known(told).news_in(article)


class Known:
    """The names and numbers of articles that were told."""

    def __init__(self, told: Sequence[Article]) -> None:
        text = self._text = "\n\n".join(map(_text, told))
        found = words(text)
        self._words = {*found, *map(stem, found)}
        # "Portugal" and "Portuguese", "Zürich" and "Zürichs": a name's beginning is enough.
        self._beginnings = {word[:5] for word in found if len(word) >= 5}
        self._numbers = [value for figure in _numbers(text) for value in _values(figure)]
        self._counted: frozenset[str] | None = None

    def news_in(self, article: Article, *, numbers_only: bool = False) -> tuple[str, ...]:
        """What `news` gives; with `numbers_only` names are no news."""
        facts = _Facts()
        _add_numbers(facts, article, self)
        if not numbers_only:
            _add_names(facts, article, self)
        return facts.told if facts.points >= _NEWS else ()

    def has_name(self, name: Name) -> bool:
        """Whether any word of the name was told: a full name behind a surname is no news."""
        return any(
            word in self._words or stem(word) in self._words or word[:5] in self._beginnings
            for word in name.words
        )

    def has_number(self, figure: Figure) -> bool:
        """Whether a meaning of the number was told; of a score or range both ends must be."""
        return any(
            all(any(_near(end, known) for known in self._numbers) for end in meaning)
            for meaning in figure.values
        )

    def counts(self, what: frozenset[str]) -> bool:
        """Whether a told number counts what `what` says."""
        if self._counted is None:
            numbers = _placed(self._text)
            self._counted = frozenset().union(
                *(_counted(self._text, figure, start) for figure, start in numbers)
            )
        return not what.isdisjoint(self._counted)


def _add_numbers(facts: _Facts, article: Article, known: Known) -> None:
    title, opening = article.title, _opening(article.text)
    for figure, start in _new_numbers(title, known):
        if not _LIST.match(title):
            sure = bool(article.text) or known.counts(_counted(title, figure, start))
            facts.add(figure.text, _values(figure), _HEADLINE if sure else _OPENING)
    for figure, start in _new_numbers(opening, known):
        if known.counts(_counted(opening, figure, start)):
            facts.add(figure.text, _values(figure), _REVISED)
        elif max(_values(figure)) > _FEW:
            facts.add(figure.text, _values(figure), _OPENING)


def _add_names(facts: _Facts, article: Article, known: Known) -> None:
    for name, sure in _headline_names(article.title, article.text):
        if not known.has_name(name):
            facts.add(name.text, name.words, _HEADLINE if sure else _OPENING)
    opening, said = _opening(article.text), words(article.text)
    for name in _names(opening):
        # A full name that the report comes back to: its matter, not its scenery.
        central = len(name.words) > 1 and said.count(name.words[-1]) > 1
        if central and not known.has_name(name) and not _is_quoted(opening, name):
            facts.add(name.text, name.words, _OPENING)


class _Facts:
    """Facts that are new, each once whatever its spelling, with their points."""

    def __init__(self) -> None:
        self._found: dict[object, tuple[str, int]] = {}

    def add(self, written: str, what: Iterable[object], points: int) -> None:
        key = frozenset(what)
        first, most = self._found.get(key, (written, 0))
        self._found[key] = (first, max(most, points))

    @property
    def points(self) -> int:
        return sum(points for _, points in self._found.values())

    @property
    def told(self) -> tuple[str, ...]:
        return tuple(written for written, _ in self._found.values())


def _text(article: Article) -> str:
    return "\n\n".join(part for part in (article.title, article.summary, article.text) if part)[
        :_READ
    ]


def _opening(text: str) -> str:
    """The first sentences that tell something."""
    found: list[str] = []
    for sentence in _sentences(text):
        if len(sentence.split()) >= _SENTENCE_WORDS:
            found.append(sentence)
        if len(found) == _OPENING_SENTENCES:
            break
    return " ".join(found)[:_OPENING_CHARACTERS]


def _sentences(text: str) -> Iterator[str]:
    for paragraph in text[: 4 * _OPENING_CHARACTERS].split("\n\n"):
        yield from split_sentences(paragraph)


def _headline_names(title: str, text: str) -> Iterator[tuple[Name, bool]]:
    """The names of a headline, as the text writes them, and whether the text has them too.

    A headline alone is easily misread, and one in which every word is written large tells nothing
    by itself.
    """
    body: dict[str, Name] = {}
    for name in _names(text):
        for word in name.words:
            body.setdefault(word, name)
    for name in _names(title):
        in_text = {body[word].words: body[word] for word in name.words if word in body}
        for found in in_text.values():
            yield found, True
        if not in_text and not text and not _is_title_case(title):
            yield name, False


def _is_title_case(title: str) -> bool:
    long = [word for word in title.split() if word[:1].isalpha() and len(word) > _SHORT]
    large = sum(word[0].isupper() for word in long)
    return len(long) > 1 and large / len(long) >= _TITLE_CASE


def _names(text: str) -> Iterator[Name]:
    for name in names(text):
        if not _AGENCIES & set(name.words) and max(map(len, name.words)) > 1:
            yield name


def _is_quoted(text: str, name: Name) -> bool:
    start = text.find(name.text)
    end = start + len(name.text)
    return bool(_QUOTED.match(text, end) or _QUOTES.search(text, max(0, start - 120), start))


def _numbers(text: str) -> Iterator[Figure]:
    """Numbers and pairs of numbers; no dates, times, ordinals, decades and years."""
    for figure in figures(text):
        if figure.kind in ("number", "pair") and figure.unit not in ("th", "s"):
            yield figure


def _placed(text: str) -> Iterator[tuple[Figure, int]]:
    """The numbers of `text` with where each stands."""
    start = 0
    for figure in _numbers(text):
        start = max(text.find(figure.text, start), 0)
        yield figure, start
        start += len(figure.text)


def _new_numbers(text: str, known: Known) -> Iterator[tuple[Figure, int]]:
    for figure, start in _placed(text):
        values = _values(figure)
        # "One of them", "zero tolerance".
        if figure.kind == "number" and all(value <= 1 for value in values):
            continue
        if not figure.unit and any(1900 <= value <= 2100 for value in values):
            continue
        behind = text[start + len(figure.text) :]
        before = text[max(0, start - 20) : start]
        if _AGE.match(behind) or _NUMBERED.search(before):
            continue
        if _AGED.search(before) and re.match(r"\s*[,.)]|\s+at the time", behind):
            continue
        if not known.has_number(figure):
            yield figure, start


def _values(figure: Figure) -> list[float]:
    return [value for values in figure.values for value in values]


def _near(one: float, other: float) -> bool:
    if one == other:
        return True
    return min(one, other) >= _COUNTED and abs(one - other) <= _ROUNDED * max(one, other)


def _counted(text: str, figure: Figure, start: int) -> frozenset[str]:
    """What a number counts, by the telling words around it, as stems."""
    end = start + len(figure.text)
    before, behind = text[max(0, start - _REACH) : start], text[end : end + _REACH]
    near = [*_telling(before)[-_BEFORE:], *_telling(behind)[:_BEHIND]]
    return frozenset(_SAME.get(word, word) for word in near)


def _telling(text: str) -> list[str]:
    stems = (
        stem(word) for word in words(text) if word not in FUNCTION_WORDS and not word.isdecimal()
    )
    return [word for word in stems if word not in _VAGUE]
