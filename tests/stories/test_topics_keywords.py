"""Whether an article has a topic's keyword."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.records import Article
from digest.stories.keywords import Keywords

Make = Callable[..., Article]

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize(
    ("keyword", "title"),
    [
        ("pipeline", "New pipeline opens"),
        ("pipeline", "PIPELINES, again"),
        ("pipelines", "A pipeline leaks"),
        ("OPEC", "Opec's ministers meet"),
        ("power plant", "Two power-plants close"),
        ("power  plant", "The power\nplant’s owner"),
        ("company", "Three companies merge"),
        ("companies", "A company folds"),
        ("gas", "Gas is dear"),
        ("bus", "Buses stop"),
        ("crisis", "A crisis of trust"),
        ("café", "Cafes reopen"),
        ("cafe", "Le Café de la Gare"),
        ("Ελλάδα", "Η ΕΛΛΑΔΑ ψηφίζει"),
        ("C++", "C++ turns forty"),
        (".NET", "Why .NET stays"),
        ("AT&T", "AT&T buys a rival"),
        ("5G", "5G comes to the moor"),
        ("l'eau", "Le prix de l’eau"),
        ("銀行", "中央銀行が利上げ"),
        ("은행", "중앙은행이 금리를 올렸다"),
        ("ธนาคาร", "ข่าวธนาคารกลาง"),
        ("🏆", "The cup 🏆 comes home"),
    ],
)
def test_a_keyword_is_found_whatever_its_case_accents_and_number(
    make_article: Make, keyword: str, title: str
) -> None:
    assert Keywords([keyword]).in_article(make_article("a", title))


@pytest.mark.parametrize(
    ("keyword", "title"),
    [
        ("oil", "Turmoil in the boiler room"),
        ("gas", "A gasp"),
        ("art", "Party starts"),
        ("AT&T", "AT and T"),
        ("power plant", "Power to the plant"),
        ("C++", "A letter C"),
        ("", "Anything"),
        (" ", "Any thing"),
    ],
)
def test_a_part_of_a_word_is_no_keyword(make_article: Make, keyword: str, title: str) -> None:
    assert not Keywords([keyword]).in_article(make_article("a", title))


def test_one_keyword_of_several_is_enough(make_article: Make) -> None:
    assert Keywords(["reef", "OPEC"]).in_article(make_article("a", "OPEC meets"))
    assert not Keywords([]).in_article(make_article("a", "OPEC meets"))


def test_a_keyword_counts_in_the_opening_and_not_further_down(make_article: Make) -> None:
    keywords = Keywords(["pipeline"])
    far = "Word " * 200
    assert keywords.in_article(make_article("a", "News", f"A pipeline leaks. {far}"))
    assert not keywords.in_article(make_article("a", "News", f"{far} A pipeline leaks."))


def test_the_feed_s_teaser_stands_in_for_a_missing_text(make_article: Make) -> None:
    keywords = Keywords(["pipeline"])
    assert keywords.in_article(make_article("a", "News", "", summary="A pipeline leaks."))


@given(st.lists(st.text(max_size=20), max_size=5), st.text(max_size=80))
def test_any_keywords_may_be_looked_for_in_any_text(keywords: list[str], text: str) -> None:
    article = Article("a", "f", text, text, NOW)
    assert Keywords(keywords).in_article(article) in (True, False)


@given(st.from_regex(r"[a-z]{3,12}( [a-z]{3,12})?", fullmatch=True))
def test_a_keyword_is_found_as_it_is_written(keyword: str) -> None:
    assert Keywords([keyword]).in_article(Article("a", "f", f"The {keyword}, again", "", NOW))
