"""Topics: which heading a story stands under, told by embedding and without training.

A topic is described by several short sentences, each naming one matter that belongs there. A
story's score for it is the mean similarity to the two closest of them; the feed's own topic is
a strong hint, and what fits nothing well stands under "More".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from digest.records import Topic, TopicChoice, Vectors

MORE = "More"

# What a feed's own topic adds to that topic's score. On 619 labelled articles the right topic leads
# the best other one by 0.14 in the median: this decides the doubtful ones (with a right hint 2 in
# 100 stay wrong) and leaves a clear match elsewhere alone (a wrong hint spoils one in four). This
# and the floor are measured by `benchmarks/quality.py topics`.
FEED_HINT = 0.10
# Below this nothing fits: the labelled articles' own topics score above it in 98 of 100 cases.
FLOOR = 0.12
# A name that means a built-in topic ("Sports", "Tech", "Entertainment", "Climate") is at least
# this close to it; "Education", "Lifestyle" and "Gardening" are near to one only for want of a
# better.
_SAME_TOPIC = 0.50

_BUILT_IN: Mapping[str, tuple[str, ...]] = {
    "World": (
        "News from abroad: relations between countries and their governments.",
        "War, armed conflict, troops, ceasefires and peace talks.",
        "Diplomacy, treaties, sanctions, summits and the United Nations.",
        "Refugees, migration and humanitarian crises.",
        "A coup, unrest or protests in a foreign country.",
    ),
    "Politics": (
        "Domestic politics: the government, the opposition and their parties.",
        "Elections, campaigns, polls and candidates.",
        "Parliament debates and votes on a bill; ministers answer questions.",
        "A minister resigns; a cabinet reshuffle; a political scandal.",
        "Government policy on taxes, immigration, pensions, schools and public services.",
    ),
    "Business": (
        "Companies, their profits, sales, losses and takeovers.",
        "The economy: growth, inflation, interest rates and the central bank.",
        "Stock markets, shares, currencies, oil prices and investors.",
        "Jobs, wages, strikes, trade and tariffs.",
        "A company's chief executive, its shareholders, a merger or a bankruptcy.",
    ),
    "Technology": (
        "Software, apps, the internet and online services.",
        "Computers, phones, chips and gadgets, and the firms that make them.",
        "Artificial intelligence, machine learning and robots.",
        "Cyber security, hackers, viruses, privacy and data breaches.",
        "Video games, consoles, broadband and digital media.",
        "An outage or a software error stops an online service or a payment app.",
        "Engineering and inventions: electric vehicles, batteries and new machines.",
    ),
    "Science": (
        "Scientific research: a study's findings in physics, chemistry or biology.",
        "Space, astronomy, rockets, planets and telescopes.",
        "Fossils, archaeology and evolution.",
        "Genes, cells, animals and how nature works.",
    ),
    "Health": (
        "Medicine, hospitals, doctors, nurses and patients.",
        "Diseases, outbreaks, viruses, vaccines and treatments.",
        "A clinical trial of a drug; public health advice.",
        "Diet, exercise, mental health and ageing.",
    ),
    "Sport": (
        "A match, its goals and its result; teams, leagues and cups.",
        "Football, rugby, cricket, tennis, athletics and the Olympics.",
        "A player's injury, transfer or contract; a coach is appointed.",
        "Championships, medals, records, races and doping.",
    ),
    "Culture": (
        "Films, actors, directors, cinemas and the box office.",
        "Music: singers, bands, albums, concerts and charts.",
        "Books, writers, theatre, art, museums and exhibitions.",
        "A writer wins a literary prize for a novel or poems.",
        "Television shows, celebrities, awards and festivals.",
    ),
    "Environment": (
        "Climate change, emissions and global warming.",
        "Wildlife, forests, oceans, conservation and biodiversity.",
        "Pollution, waste, rivers and clean energy.",
        "Floods, storms, droughts, wildfires and heatwaves.",
    ),
    "Local life": (
        "Life in the town: neighbours, streets, shops and the town council.",
        "Local transport, housing, schools and planning.",
        "A community's festival, market, park or volunteers.",
        "A local crime, court case, fire or accident.",
        "A craftsman, teacher or shopkeeper of the place: a portrait or a retirement.",
    ),
}

BUILT_IN: tuple[str, ...] = tuple(_BUILT_IN)
"""Names of the built-in topics, in their order of print."""


def built_in(name: str) -> Topic:
    """The built-in topic of that name. Raises KeyError."""
    return Topic(name, _BUILT_IN[name])


def resolve(
    wanted: Mapping[str, str] | Sequence[str] | None, encode: Callable[[Sequence[str]], Vectors]
) -> list[Topic]:
    """The topics of a digest, in their order.

    `wanted` is a mapping of name to description, a list of names, or None for all built-in
    ones. A name without description borrows those of the built-in topic of that name (in any
    case), else of the built-in topic nearest in meaning, else stands for itself.
    """
    if wanted is None:
        return [built_in(name) for name in BUILT_IN]
    described = dict(wanted) if isinstance(wanted, Mapping) else dict.fromkeys(wanted, "")
    by_case = {name.casefold(): name for name in BUILT_IN}
    topics = []
    for name, description in described.items():
        if description.strip():
            # Each matter of "wars, diplomacy, elections abroad" counts for itself too.
            parts = [part.strip() for part in description.split(",") if part.strip()]
            topics.append(Topic(name, (f"{name}: {description}", *parts)))
        elif name.casefold() in by_case:
            topics.append(Topic(name, _BUILT_IN[by_case[name.casefold()]]))
        else:
            topics.append(Topic(name, _nearest_descriptions(name, encode)))
    return topics


def _nearest_descriptions(name: str, encode: Callable[[Sequence[str]], Vectors]) -> tuple[str, ...]:
    """The descriptions of the built-in topic nearest to `name`: by its name and by what it covers.

    The name alone would take "Entertainment" for Sport, the descriptions alone "Tech" for little.
    """
    vector = encode([name])[0]
    scores = [
        (float(encode([topic])[0] @ vector) + _closest_two(encode(texts), vector)) / 2
        for topic, texts in _BUILT_IN.items()
    ]
    best = int(np.argmax(scores))
    if scores[best] < _SAME_TOPIC:
        return (name, f"News about {name}.")
    return _BUILT_IN[BUILT_IN[best]]


def _closest_two(descriptions: Vectors, vector: Vectors) -> float:
    """Mean similarity of `vector` to the two closest of `descriptions`."""
    return float(np.sort(descriptions @ vector)[::-1][:2].mean())


class TopicChooser:
    """Chooses among `topics`; their descriptions are encoded once."""

    def __init__(self, topics: Sequence[Topic], encode: Callable[[Sequence[str]], Vectors]) -> None:
        self._topics = topics
        texts = [text for topic in topics for text in topic.descriptions]
        self._vectors = encode(texts)
        ends = np.cumsum([len(topic.descriptions) for topic in topics])
        self._spans = [
            (int(end) - len(t.descriptions), int(end)) for end, t in zip(ends, topics, strict=True)
        ]

    @property
    def names(self) -> tuple[str, ...]:
        """The topics' names, in their order."""
        return tuple(topic.name for topic in self._topics)

    def choose(self, vector: Vectors, hints: Sequence[str | None] = ()) -> TopicChoice:
        """The topic of a story with embedding `vector` (shape (d,)), and the runner-up.

        `hints` are the topics that the story's articles or their feeds name, one an article (None
        for one without); the share of them that name a topic is the share of the hint it gets.
        """
        scores = np.array([self._score(vector, span) for span in self._spans])
        for number, topic in enumerate(self._topics):
            named = sum(
                hint is not None and hint.casefold() == topic.name.casefold() for hint in hints
            )
            if named:
                scores[number] += FEED_HINT * named / len(hints)
        order = np.argsort(-scores, kind="stable")
        best = int(order[0])
        second = int(order[1]) if len(order) > 1 else best
        runner_up = self._topics[second].name if len(order) > 1 else ""
        name = self._topics[best].name
        if scores[best] < FLOOR:
            name, runner_up, second = MORE, name, best
        return TopicChoice(name, float(scores[best]), runner_up, float(scores[second]))

    def _score(self, vector: Vectors, span: tuple[int, int]) -> float:
        return _closest_two(self._vectors[span[0] : span[1]], vector)
