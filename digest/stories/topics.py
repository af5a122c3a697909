"""Topics: which heading a story stands under, told by embedding and without training.

A topic is described by several lines, each naming one matter that belongs there. A sentence of an
article is as close to a topic as to the three closest of its lines, in the mean; an article as its
title and sentences are, in the mean. Its score for the topic is how much closer that is than news
is to any topic. Keywords and the feed's own topic are strong hints, and what scores too little
stands under "More". `benchmarks/quality.py topics` prints what comes of it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from digest.records import Article, Encoded, Topic, TopicChoice, Vectors
from digest.stories.built_in import BUILT_IN, DESCRIPTIONS, SECTIONS, built_in
from digest.stories.keywords import Keywords

__all__ = [
    "BUILT_IN",
    "FEED_HINT",
    "FLOOR",
    "KEYWORD",
    "MORE",
    "BuiltInLines",
    "TopicChooser",
    "built_in",
    "resolve",
]

Encode = Callable[[Sequence[str]], Vectors]
_Scores = NDArray[np.float64]

MORE = "More"

# What a feed's own topic adds to that topic's score. On labelled articles the right topic leads
# the best other one by twice as much in the median: it decides the doubtful ones, and a wrong one
# spoils few of the others (both shares are printed). Twice as strong it spoiled a fifth of them.
FEED_HINT = 0.05
# What a keyword adds: a little more than the feed's topic, since whoever wrote the word meant this
# story. With twice as much, a word that several topics use decided against the text.
KEYWORD = 0.06
# Below this nothing fits. Nearly all of the labelled articles score more for their own topic (those
# under More are printed), and most of what belongs to no topic of a digest scores less.
FLOOR = 0.03
# A name that means a built-in topic ("Sports", "Tech", "Entertainment", "Music") is at least this
# close to it; "Education", "Law" and "Lifestyle" are near to one only for want of a better.
_SAME_TOPIC = 0.48
# Lines of a topic that a sentence is compared to. One is an accident of wording, and all of them
# are never met at once; with 2 to 5 the macro-F1 is the same but for its error of a point.
_CLOSEST = 3
# A line or two of a user's are less close to any news than the built-in descriptions are. The
# topic's scores are raised by this share of the difference: with none such a topic loses its own
# articles to built-in ones, with all of it a topic of nothing ("qwerty") takes what it likes.
_LEVELLED = 0.5

_PARTS = re.compile(r"[,;]| and ")


# --- which topics ----------------------------------------------------------------------------


def resolve(
    wanted: Mapping[str, str] | Sequence[str] | None,
    encode: Encode,
    keywords: Mapping[str, Sequence[str]] | None = None,
    lines: BuiltInLines | None = None,
) -> list[Topic]:
    """The topics of a digest, in their order, each name once in whatever case.

    `wanted` is a mapping of name to description, a list of names, or None for all built-in
    ones; `keywords` are the topics' keywords by name. A name without description borrows those of
    the built-in topic of that name (in any case), else of the built-in topic nearest in meaning,
    unless another topic has them (of Film and Music, both near Culture, each stands for itself),
    else stands for itself. `lines` are the built-in topics' where they are encoded already.
    """
    if wanted is None:
        return [built_in(name) for name in BUILT_IN]
    described = dict(wanted) if isinstance(wanted, Mapping) else dict.fromkeys(wanted, "")
    given: dict[str, str] = {}
    for key in described:
        if key.strip():
            given.setdefault(key.strip().casefold(), key)
    known = {name.casefold(): name for name in BUILT_IN}
    unknown = [folded for folded, key in given.items() if not described[key].strip()]
    unknown = [folded for folded in unknown if folded not in known]
    lines = (lines or BuiltInLines(encode)) if unknown else None
    kin = {folded: lines.nearest(given[folded].strip()) for folded in unknown} if lines else {}
    taken = Counter([*kin.values(), *(known.get(folded) for folded in given)])
    topics = []
    for folded, key in given.items():
        name, description = key.strip(), described[key].strip()
        like = known.get(folded) or kin.get(folded)
        if description:
            descriptions = _own_lines(name, description)
        elif like and (folded in known or taken[like] == 1):
            descriptions = DESCRIPTIONS[like]
        else:
            descriptions = (name, f"News about {name}.")
        topics.append(Topic(name, descriptions, tuple((keywords or {}).get(key, ()))))
    return topics


def _own_lines(name: str, description: str) -> tuple[str, ...]:
    """A user's description as lines: whole, and each matter of "oil, gas and the grid" for itself.

    With the topic's name and without it: "the grid" alone could be of anything.
    """
    parts = [part.strip() for part in _PARTS.split(description) if part.strip()]
    return (f"{name}: {description}", *(f"{name}: {part}" for part in parts), *parts)


class BuiltInLines:
    """The built-in topics' lines, encoded: what news is compared with to tell what is near."""

    def __init__(self, encode: Encode) -> None:
        self._encode = encode
        vectors = encode([line for lines in DESCRIPTIONS.values() for line in lines])
        ends = np.cumsum([len(lines) for lines in DESCRIPTIONS.values()])
        self.vectors = np.split(vectors, ends[:-1])
        self._names: Vectors | None = None

    def scores(self, rows: Vectors) -> _Scores:
        """How close rows are to each built-in topic: shape (n, topics)."""
        return np.stack([_closeness(rows, lines) for lines in self.vectors], axis=1)

    def nearest(self, name: str) -> str | None:
        """The built-in topic that `name` means, by its name and by what it covers; None for none.

        The name alone would take "Entertainment" for Sport, the lines alone "Tech" for little. What
        newspapers call a section is known, since "International" is near to no line of World.
        """
        folded = name.strip().casefold()
        if section := next((t for t, names in SECTIONS.items() if folded in names), None):
            return section
        if self._names is None:
            self._names = self._encode(BUILT_IN)
        vector = self._encode([name])
        by_lines = [_closeness(vector, lines)[0] for lines in self.vectors]
        scores = (self._names @ vector[0] + np.array(by_lines)) / 2
        best = int(np.argmax(scores))
        return BUILT_IN[best] if scores[best] >= _SAME_TOPIC else None

    def lead(self, lines: Vectors) -> float:
        """How much closer the built-in topics are to news of other topics than `lines` are.

        News is what the lines of the built-in topics tell, less those of the topic itself.
        """
        usual = []
        own = []
        for number, topic in enumerate(self.vectors):
            others = np.concatenate(self.vectors[:number] + self.vectors[number + 1 :])
            usual.append(float(_closeness(others, topic).mean()))
            own.append(float(_closeness(topic, lines).mean()))
        own.remove(max(own))
        return float(np.mean(usual)) - float(np.mean(own))


def _closeness(rows: Vectors, lines: Vectors) -> _Scores:
    """Mean similarity of each of `rows` to the closest of `lines`: shape (n,)."""
    similarities = np.sort(rows @ lines.T, axis=1)
    return np.asarray(similarities[:, -_CLOSEST:].mean(axis=1), dtype=np.float64)


# --- which of them ---------------------------------------------------------------------------


class TopicChooser:
    """Chooses among `topics`; their descriptions are encoded once.

    What a story scores depends on the story and the topics only, on no other story.
    """

    def __init__(
        self, topics: Sequence[Topic], encode: Encode, lines: BuiltInLines | None = None
    ) -> None:
        self._topics = topics
        self._built_in = lines or BuiltInLines(encode)
        self._keywords = [Keywords(topic.keywords) for topic in topics]
        self._kin = [_built_in_of(topic) for topic in topics]
        self._lines: list[Vectors] = []
        raised: list[float] = []
        for topic, kin in zip(topics, self._kin, strict=True):
            if kin and topic.descriptions == DESCRIPTIONS[kin]:
                self._lines.append(self._built_in.vectors[BUILT_IN.index(kin)])
                raised.append(0.0)
            else:
                own = encode(topic.descriptions)
                self._lines.append(own)
                raised.append(_LEVELLED * self._built_in.lead(own))
        self._raised = np.array(raised)
        self._hinted: dict[str, int | None] = {}

    @classmethod
    def of(
        cls,
        wanted: Mapping[str, str] | Sequence[str] | None,
        encode: Encode,
        keywords: Mapping[str, Sequence[str]] | None = None,
    ) -> TopicChooser:
        """Chooses among the topics of a digest, as `resolve` takes them."""
        lines = BuiltInLines(encode)
        return cls(resolve(wanted, encode, keywords, lines), encode, lines)

    @property
    def names(self) -> tuple[str, ...]:
        """The topics' names, in their order."""
        return tuple(topic.name for topic in self._topics)

    def choose(self, vector: Vectors, hints: Sequence[str | None] = ()) -> TopicChoice:
        """The topic of a text of which only one embedding is known (shape (d,)).

        `hints` as for `choose_story`.
        """
        return self._choice(self._scores(vector[None]) + self._hints(hints))

    def choose_story(
        self,
        articles: Sequence[Article],
        encoded: Sequence[Encoded],
        hints: Sequence[str | None] = (),
    ) -> TopicChoice:
        """The topic of the story that `articles` tell, with its score and the runner-up.

        `encoded` are their embeddings, in the same order; each article counts the same. `hints`
        are the topics that the articles or their feeds name, one an article (None for one
        without); the share of them that means a topic is the share of the hint that it gets, and
        likewise with keywords. Of topics that score the same the first listed is chosen.
        """
        rows = [_rows(one) for one in encoded]
        scores = np.mean([self._scores(one) for one in rows], axis=0) if rows else self._nothing
        found = np.array(
            [
                sum(map(keywords.in_article, articles)) / max(1, len(articles))
                for keywords in self._keywords
            ]
        )
        return self._choice(scores + KEYWORD * found + self._hints(hints))

    @property
    def _nothing(self) -> _Scores:
        return np.zeros(len(self._topics))

    def _scores(self, rows: Vectors) -> _Scores:
        """How much closer `rows` are to each topic than to the built-in ones on average."""
        if not len(rows) or not self._topics:
            return self._nothing
        background = float(self._built_in.scores(rows).mean())
        closeness = [_closeness(rows, lines).mean() for lines in self._lines]
        return np.asarray(np.array(closeness) - background + self._raised)

    def _hints(self, hints: Sequence[str | None]) -> _Scores:
        added = np.zeros(len(self._topics))
        for hint in hints:
            number = self._meant(hint) if hint else None
            if number is not None:
                added[number] += FEED_HINT / len(hints)
        return added

    def _meant(self, hint: str) -> int | None:
        """The number of the topic that `hint` means: by its name, else by the built-in one."""
        folded = hint.strip().casefold()
        if folded not in self._hinted:
            names = [topic.name.casefold() for topic in self._topics]
            found = _index(names, folded)
            if found is None and folded:
                kin = self._built_in.nearest(hint.strip())
                found = _index(self._kin, kin) if kin else None
            self._hinted[folded] = found
        return self._hinted[folded]

    def _choice(self, scores: _Scores) -> TopicChoice:
        if not self._topics:
            return TopicChoice(MORE, 0.0)
        order = np.argsort(-scores, kind="stable")
        best = int(order[0])
        second = int(order[1]) if len(order) > 1 else best
        name = self._topics[best].name
        runner_up = self._topics[second].name if len(order) > 1 else ""
        if scores[best] < FLOOR:
            name, runner_up, second = MORE, name, best
        return TopicChoice(name, float(scores[best]), runner_up, float(scores[second]))


def _rows(encoded: Encoded) -> Vectors:
    """An article's embeddings that count: its title, where it has one, and its sentences.

    The title counts as one sentence. Counting it twice or thrice costs half a point and more on
    full articles, whose titles are often puns, and gains nothing on short items.
    """
    rows = np.concatenate([encoded.title[None], encoded.sentences])
    return np.asarray(rows[np.any(rows != 0, axis=1)])


def _built_in_of(topic: Topic) -> str | None:
    """The built-in topic whose lines `topic` has, else the one of its name."""
    folded = topic.name.casefold()
    by_lines = (name for name in BUILT_IN if DESCRIPTIONS[name] == topic.descriptions)
    return next(by_lines, None) or next((n for n in BUILT_IN if n.casefold() == folded), None)


def _index(items: Iterable[str | None], wanted: str) -> int | None:
    return next((number for number, item in enumerate(items) if item == wanted), None)
