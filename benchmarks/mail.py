"""What mail clients support of the themes, and how large and fast the mails are; prints tables.

    python benchmarks/mail.py

Exits 1 when a bar is missed. Clients and features are those of `digest lint` (caniemail.com, by
digest/editions/lint/support.json). The stories are ordinary ones: a headline of ten words, two
sentences of 22, and in every third one another telling.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from statistics import median
from unittest.mock import patch

from speed import Bar

from digest.editions import render
from digest.editions.compose import fit
from digest.editions.limits import MAX_BYTES
from digest.editions.lint import lint, measure
from digest.editions.lint.features import Use
from digest.editions.lint.support import Feature, facts
from digest.editions.render import Renderer, packaged_themes
from digest.editions.sample import sample_edition
from digest.models.encoder import Encoder
from digest.records import Edition, EditionSource, EditionStory, EditionTopic, SummarySentence

TOPICS = ("World", "Business", "Science", "Culture", "Sport")
ROUNDS = 5
WORDS = (
    "the harbour council ferry bridge market winter teachers museum river budget engineers vote "
    "after before between new old second report says agrees opens closes plans under over with "
    "for from about nine twelve Monday spring station voters library grain radar orchestra"
).split()


def main() -> None:
    if missed := [bar for bar in mail(Path(), None) if not bar.met]:
        print("\n".join(["Bars that were missed", *map(str, missed)]), file=sys.stderr)
        sys.exit(1)


def mail(_data: Path, _encoder: Encoder | None) -> Sequence[Bar]:
    """Prints the support of both themes and their size and time; gives the bars of both."""
    renderer = Renderer([packaged_themes()])
    return [*_support(renderer), *_size_and_time(renderer)]


# --- support ------------------------------------------------------------------------------


def _support(renderer: Renderer) -> list[Bar]:
    bars = []
    print(f"y works, a in part, n does not, . unknown; {facts().package} of {facts().updated}")
    print("columns: " + "; ".join(_families()))
    for theme in renderer.themes():
        measured = measure(renderer.render(sample_edition(theme), mail=True))
        lesser = [use for use in measured.uses if use.feature.share < 1]
        everywhere = len(measured.uses) - len(lesser)
        print(
            f"\n{theme}: {len(measured.uses)} features used, {everywhere} of them work everywhere; "
            f"{measured.support:.0%} on average, {measured.needed:.0%} of those reading depends on"
        )
        for extra, title in ((False, "always applied"), (True, "extras (phone, dark, pointer)")):
            print(f"  {title}")
            for use in lesser:
                if use.extra == extra:
                    print(_row(use))
        bars.append(Bar(f"{theme}: support of what reading needs, %", 100 * measured.needed, 100))
    return bars


def _families() -> list[str]:
    """The clients, in the order of the columns."""
    families: dict[str, list[str]] = {}
    for client in facts().clients:
        family, _, platform = client.partition(", ")
        families.setdefault(family, []).append(platform)
    return [f"{family} ({', '.join(names)})" for family, names in families.items()]


def _row(use: Use) -> str:
    feature = use.feature
    letters = "".join(_letter(feature, client) for client in facts().clients)
    families = " ".join((letters[:4], letters[4:6], letters[6:11], letters[11:]))
    return f"    {feature.slug:<38}{families}  {feature.share:>4.0%}  {feature.without}"


def _letter(feature: Feature, client: str) -> str:
    for letter, names in (("y", feature.full), ("a", feature.partial), ("n", feature.lacking)):
        if client in names:
            return letter
    return "."


# --- size and time ------------------------------------------------------------------------


@dataclass(slots=True)
class _Clock:
    """Seconds that a function took, all its calls together."""

    function: Callable[[str], str]
    seconds: float = 0.0

    def __call__(self, html: str) -> str:
        start = time.perf_counter()
        result = self.function(html)
        self.seconds += time.perf_counter() - start
        return result


def _size_and_time(renderer: Renderer) -> list[Bar]:
    bars = []
    print("\n                  stories  printed     kB  templates ms  inlining ms  ratio  lint ms")
    for theme in renderer.themes():
        for count in (50, 500):
            edition = _edition(theme, count)
            rounds = [_timed(renderer, edition) for _ in range(ROUNDS if count == 50 else 1)]
            filling, inlining, linting, size = (
                median(values) for values in zip(*rounds, strict=True)
            )
            print(
                f"  {theme:<16}{count:>7}  {count:>7}  {size / 1000:>5.0f}  {1000 * filling:>12.0f}"
                f"  {1000 * inlining:>11.0f}  {inlining / filling:>5.2f}  {1000 * linting:>7.0f}"
            )
            if count == 50:
                seconds = filling + inlining
                bars.append(Bar(f"{theme}: 50 stories rendered and inlined, s", seconds, 1, True))
                size_bar = Bar(f"{theme}: 50 stories, kB", size / 1000, MAX_BYTES / 1000, True)
                bars.append(size_bar)
        bars += _trimmed(renderer, theme)
    print("\n" + "\n".join(map(str, bars)))
    return bars


def _timed(renderer: Renderer, edition: Edition) -> tuple[float, float, float, float]:
    """Seconds of the templates, of inlining and of the lint, and the bytes of the HTML."""
    clock = _Clock(render._inline_css)
    with patch.object(render, "_inline_css", clock):
        start = time.perf_counter()
        rendered = renderer.render(edition, mail=True)
        whole = time.perf_counter() - start
    start = time.perf_counter()
    lint(edition, rendered, renderer.sources(edition.template))
    linting = time.perf_counter() - start
    return whole - clock.seconds, clock.seconds, linting, len(rendered.html.encode())


def _trimmed(renderer: Renderer, theme: str) -> list[Bar]:
    """500 stories, cut to what a mail may hold, rendered and linted."""
    start = time.perf_counter()
    edition = fit(
        lambda most: _edition(theme, 500 if most is None else most),
        lambda tried: len(renderer.render(tried, mail=True).html.encode()),
    )
    rendered = renderer.render(edition, mail=True)
    lint(edition, rendered, renderer.sources(theme))
    seconds = time.perf_counter() - start
    printed, size = len(edition.stories), len(rendered.html.encode())
    row = f"  {theme:<16}{500:>7}  {printed:>7}  {size / 1000:>5.0f}"
    print(f"{row}  trimmed and linted: {seconds:.1f} s")
    return [
        Bar(f"{theme}: 500 stories trimmed and linted, s", seconds, 5, True),
        Bar(f"{theme}: 500 stories trimmed, kB", size / 1000, MAX_BYTES / 1000, True),
    ]


def _edition(theme: str, count: int) -> Edition:
    sample = sample_edition(theme)
    stories = [_story(number) for number in range(count)]
    topics = (
        EditionTopic(name, tuple(stories[first :: len(TOPICS)]))
        for first, name in enumerate(TOPICS)
    )
    return replace(
        sample,
        topics=tuple(topic for topic in topics if topic.stories),
        failed=(),
        preheader=stories[0].headline,
    )


def _story(number: int) -> EditionStory:
    random = Random(number)
    published = datetime(2026, 3, 2, 5, number % 60, tzinfo=UTC)
    address = f"https://news{number % 17}.example.org/2026/03/02/{_words(random, 6, '-').lower()}"
    other = EditionSource("The Northern Post", _words(random, 9), f"{address}/other", published)
    return EditionStory(
        id=f"{random.getrandbits(64):016x}",
        article=f"{random.getrandbits(64):016x}",
        headline=_words(random, 10),
        url=address,
        source=f"The Example {number % 17}",
        published=published,
        date_origin="feed",
        summary=tuple(SummarySentence(f"{_words(random, 22)}.", (at,), 1.0) for at in range(2)),
        model="extractive",
        minutes=3,
        language="en",
        also=(other,) if number % 3 == 0 else (),
    )


def _words(random: Random, count: int, between: str = " ") -> str:
    text = between.join(random.choices(WORDS, k=count))
    return text[0].upper() + text[1:]


if __name__ == "__main__":
    main()
