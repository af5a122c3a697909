from __future__ import annotations

import pytest

from digest.text.teaser import TEASER_WORDS, is_broken_off, is_teaser

SENTENCE = "The council agreed on Monday to reopen the old bridge after nine years of repairs. "
ARTICLE = (SENTENCE * 6).strip()


@pytest.mark.parametrize(
    "end",
    [
        "…",
        "...",
        "[…]",
        "[...]",
        "(...)",
        " [&hellip;]",
        "… Read more",
        "Continue reading →",
        "Read the full story »",
        "Weiterlesen",
        "Mehr lesen …",
        "Lire la suite",
        "Leer más",
        "Seguir leyendo",
        "Leia mais",
        "Leggi tutto",
        "Lees verder",
        "Czytaj więcej",
        "Читать далее",
        "Читати далі",
        "Läs mer",
        "Devamını oku",
        "続きを読む",
        "阅读全文",
    ],
)
def test_an_excerpts_end_shows_that_it_is_broken_off(end: str) -> None:
    assert is_broken_off(f"{ARTICLE} {end}\n")
    assert is_teaser(f"{ARTICLE} {end}")


@pytest.mark.parametrize(
    "end",
    [
        "He could not wait to read more of it, she said.",
        "“… and that was that.”",
        "The library will lend more reading.",
        "[1]",
    ],
)
def test_an_articles_end_is_not_broken_off(end: str) -> None:
    assert not is_broken_off(f"{ARTICLE} {end}")
    assert not is_teaser(f"{ARTICLE} {end}")


def test_a_short_text_is_a_teaser() -> None:
    assert is_teaser("")
    assert is_teaser(" ".join(["word"] * (TEASER_WORDS - 1)))
    assert not is_teaser(" ".join(["word"] * TEASER_WORDS))


def test_scripts_without_spaces_are_measured_in_characters() -> None:
    assert is_teaser("市議会は月曜日に古い橋の再開を決めた。" * 5)
    assert not is_teaser("市議会は月曜日に古い橋の再開を決めた。" * 20)
