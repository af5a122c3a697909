"""Figures, names, quotations and words: which spellings are the same, and what a source has."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.summaries.verify_source import Source
from digest.text.facts import names, quotations, stem, words
from digest.text.figures import FigureIndex, figures


def all_in(summary: str, source: str) -> bool:
    """Whether the summary has figures, and the source has them all."""
    found = figures(summary)
    assert found, summary
    index = FigureIndex([source])
    return all(figure in index for figure in found)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1,000 boats", "1000 boats"),
        ("1,000 boats", "one thousand boats"),
        ("1 thousand boats", "a thousand boats"),
        ("1 000 boats", "1000 boats"),
        ("256 eggs", "two hundred and fifty-six eggs"),
        ("a dozen eggs", "12 eggs"),
        ("two dozen eggs", "24 eggs"),
        ("5% more", "5 per cent more"),
        ("5% more", "five percent more"),
        ("5 % mehr", "5 Prozent mehr"),
        ("3 to 5% more", "between three per cent and five per cent"),
        ("$1.2m", "1.2 million dollars"),
        ("£ 1.5 m", "£1.5m"),
        ("€3bn", "three billion euros"),
        ("US$1.2 million", "$1,200,000"),
        ("$2-3 million", "two million dollars to three million dollars"),
        ("the third ship", "the 3rd ship"),
        ("the twenty-first ship", "the 21st ship"),
        ("3 March", "March 3"),
        ("the 3rd of March 2024", "March 3, 2024"),
        ("3/4/2024", "3 April 2024"),
        ("3 March 2024", "2024-03-03"),
        ("on Monday", "Monday's meeting"),
        ("at 7pm", "at 19:00"),
        ("at 7.30 p.m.", "at 19:30"),
        ("at seven o'clock", "at 7 a.m."),
        ("at noon", "at 12:00"),
        ("won 2-1", "won by 2–1"),
        ("won 76 - 71", "won 76-71"),
        ("in the 1980s", "in the '80s"),
        ("3,5 Meter", "3.5 metres"),
        ("1.234 Schiffe", "1234 ships"),
        ("a 25 - year - old", "aged 25"),
        ("٣٥ boats", "35 boats"),
    ],
)
def test_spellings_of_one_figure_are_the_same(one: str, other: str) -> None:
    assert all_in(one, other)
    assert all_in(other, one)


@pytest.mark.parametrize(
    ("summary", "source"),
    [
        ("1,000 boats", "100 boats"),
        ("1,000 boats", "many thousands of boats"),
        ("5% more", "5 boats more"),
        ("5 per cent", "0.5 per cent"),
        ("$5", "£5"),
        ("$5", "5 boats"),
        ("$1.2m", "$1.2bn"),
        ("3 March", "4 March"),
        ("3 March 2024", "3 March 2023"),
        ("in May", "in March"),
        ("on Monday", "on Tuesday"),
        ("7pm", "7am"),
        ("won 2-1", "won 3-1; two players left and one came"),
        ("the third ship", "the second ship"),
        ("in the 1980s", "in the 1990s"),
        ("two boats", "one boat"),
        ("$5,000", "5,000 people"),
        ("3 March 2024", "born on 3 March 1960; opened in 2024"),
        ("two bombs", "the second bomb"),
        ("two bombs", "the 2nd bomb"),
        ("the third ship", "three ships"),
    ],
)
def test_other_figures_are_not_the_same(summary: str, source: str) -> None:
    assert not all_in(summary, source)


def test_a_year_joins_a_date_without_one_and_a_bare_number_any_amount() -> None:
    assert all_in("3 March 2024", "on 3 March, as all things in 2024")
    assert all_in("5,000 of it", "$5,000")
    assert all_in("the second ship", "two ships")
    assert all_in("in the 87th minute", "Goal (87 mins)")


def test_what_the_source_tells_more_exactly_is_there() -> None:
    assert all_in("in 1985", "on 4 May 1985")
    assert all_in("4 May", "on 1985-05-04")
    assert all_in("in May", "on 4 May")
    assert all_in("in May 1985", "on 4 May 1985")
    assert all_in("the 1980s", "on 4 May 1985")
    assert all_in("Covid came in 19 towns", "Covid-19 came in nineteen towns")


@pytest.mark.parametrize("text", ["one of them", "It may march on", "Covid-19", "MH370", "F-16"])
def test_words_and_names_with_digits_are_no_figures(text: str) -> None:
    assert figures(text) == ()


def test_metres_and_millions_are_told_apart_where_a_currency_tells() -> None:
    assert all_in("200 m high", "200 metres high")
    assert all_in("200 m people", "200 million people")
    assert not all_in("£200 m", "£200")


def named(text: str) -> list[str]:
    return [name.text for name in names(text)]


def missing(summary: str, source: str) -> list[str]:
    there = Source([source])
    return [word for _, words in there.lacking(summary, there.small) for word in words]


def test_names_are_runs_of_capitalised_words() -> None:
    assert named("Yesterday Odd Brekke of the Port of Ellery met Ana van der Meer in Aldmoor.") == [
        "Odd Brekke of the Port of Ellery",
        "Ana van der Meer",
        "Aldmoor",
    ]


def test_a_sentence_s_first_word_is_a_name_only_when_nothing_speaks_against_it() -> None:
    assert named("Police said so. Hundreds came. The mayor left. Meanwhile it rained.") == []
    assert named("Brekke said so.") == ["Brekke"]
    assert names("Ferries sail.", frozenset({"ferries"})) == []


@pytest.mark.parametrize(
    ("summary", "source"),
    [
        ("It was Brekke.", "It was Odd Brekke."),
        ("It was Brekke's.", "It was Odd Brekke."),
        ("It was O. Brekke.", "It was Odd Brekke."),
        ("It was the EU.", "It was the European Union."),
        ("It was the European Union.", "It was the EU."),
        ("It was the DWP.", "It was the Department for Work and Pensions."),
        ("It was the Police and Crime Commissioner.", "It was the PCC."),
        ("It was the U.S.", "It was the United States."),
        ("It was America.", "It was the US."),
        ("It was a Scottish ship.", "It was a ship from Scotland."),
        ("It was Zürich.", "It was Zurich."),
        ("It was the Democrats.", "It was a Democrat."),
        ("It was Jean-Luc.", "It was Jean Luc."),
        ("It was Mr. Brekke.", "It was Brekke."),
        ("It was Odd Brekke.", "It was Odd R. Lund Brekke."),
        ("It was Odd Brekke.", "It was Odd “Bo” Brekke."),
        ("It was the Government.", "It was the government."),
        ("IT WAS THE BRIDGE.", "It was the bridge of Ellery."),
    ],
)
def test_a_name_is_known_by_surname_initials_and_people(summary: str, source: str) -> None:
    assert missing(summary, source) == []


@pytest.mark.parametrize(
    ("summary", "source", "lacking"),
    [
        ("It was Jane Roe.", "It was Odd Brekke.", ["Jane", "Roe"]),
        ("It was Jane Brekke.", "It was Odd Brekke.", ["Jane"]),
        ("It was the US.", "It was us.", ["US"]),
        ("It was Roe's ship.", "It was a ship.", ["Roe"]),
        ("It was a French ship.", "It was a Dutch ship.", ["French"]),
        ("Roe said so.", "Brekke said so.", ["Roe"]),
        ("It was Ursula Smith.", "It was the US.", ["Ursula", "Smith"]),
        ("It was Edith Unger.", "It was the EU.", ["Edith", "Unger"]),
        ("It was Paul Carl Cole.", "It was the PCC.", ["Paul", "Carl", "Cole"]),
        ("It was the US.", "It was Ursula Smith.", ["US"]),
        ("It was Minister Brown.", "It was a brown bag.", ["Brown"]),
        ("It was Odd Lund.", "It was Odd Brekke and Ana Lund.", ["Odd", "Lund"]),
    ],
)
def test_a_name_that_the_source_lacks_is_missing(
    summary: str, source: str, lacking: list[str]
) -> None:
    assert missing(summary, source) == lacking


def test_quotations_are_found_in_every_kind_of_marks() -> None:
    text = "\"one\" and “two” and «three» and „four“ and ‘five’ and 'six'; it's Odd's, isn't it?"
    assert quotations(text) == ["one", "two", "three", "four", "five", "six"]


def test_a_quotation_without_its_other_mark_goes_to_the_end_or_begins_with_it() -> None:
    assert quotations('He said: "We go.') == ["We go."]
    assert quotations("We go,” he said.") == ["We go,"]
    assert quotations('The board is 6" wide.') == []


def test_a_quotation_is_there_word_for_word_whatever_its_marks_and_stops() -> None:
    source = Source(["“We won’t go,” said the mayor, “until the bridge – all of it – is safe.”"])
    assert source.has_words("we won't go")
    assert source.has_words("until the bridge [...] is safe")
    assert source.has_words("until the bridge, all of it, is safe.")
    assert not source.has_words("we will not go")
    assert not source.has_words("we go")
    assert not source.has_words("the bridge is safe")


def test_what_a_quotation_adds_in_brackets_is_checked_and_its_pieces_keep_their_order() -> None:
    source = Source(["“We won the game,” he said.", "“I am sure.", "The mayor", "is guilty.”"])
    assert not source.has_words("We won the game (by cheating)")
    assert not source.has_words("We won the game [by cheating the referee]")
    assert source.has_words("We … the game")
    assert source.has_words("the game … I am sure")
    assert not source.has_words("the game … We")
    assert not source.has_words("I am … guilty")


def test_stems_bring_the_forms_of_a_word_together() -> None:
    for forms in ("close closed closes closing", "worker workers", "city cities", "stop stopped"):
        assert len({stem(form) for form in forms.split()}) == 1, forms
    assert stem("news") != stem("new") or stem("us") == "us"


def test_words_have_no_case_accents_possessives_or_hyphens() -> None:
    assert words("The U.S.’s Señor-like FÉIN’s end") == [
        "the",
        "us",
        "senor",
        "like",
        "fein",
        "end",
    ]


@given(st.text(), st.text())
def test_any_text_can_be_read_and_asked(one: str, other: str) -> None:
    source = Source([one, other])
    index = FigureIndex([one, other])
    assert source.lacking(one, frozenset()) == source.lacking(one, frozenset())
    assert all(figure in index for figure in figures(one))
    for quotation in quotations(one):
        assert source.has_words(quotation)


@given(st.integers(0, 10**12))
def test_any_number_is_the_same_with_and_without_commas(number: int) -> None:
    assert all_in(f"{number:,} boats", f"{number} boats")


@given(st.text(alphabet="0123456789.,:/-% £$kmbn'", max_size=40))
def test_any_heap_of_digits_and_signs_has_what_it_has(text: str) -> None:
    index = FigureIndex([text])
    assert all(figure in index for figure in figures(text))


_UNSUPPORTED = runpy.run_path(str(Path(__file__).parents[2] / "benchmarks" / "second_check.py"))[
    "unsupported"
]


@pytest.mark.parametrize(
    ("summary", "source", "found"),
    [
        ("We met Johnson and Martin.", "We met John and Martha.", ["Johnson", "Martin"]),
        ("We met a Pole and a Scottish man.", "We went to Poland and Scotland.", []),
        ("It cost $5,000.", "It was seen by 5,000 people.", ["$5,000"]),
        ("It cost $5,000.", "It cost 5,000 US dollars.", []),
        ("It cost £5,000.", "It cost $5,000.", ["£5,000"]),
        ("It had 5,000 of them.", "It cost $5,000.", []),
        ("It rose by 5%.", "It rose by 5 metres.", ["5%"]),
    ],
)
def test_the_second_check_of_the_benchmarks_compares_units_and_whole_names(
    summary: str, source: str, found: list[str]
) -> None:
    assert _UNSUPPORTED(summary, source) == found
