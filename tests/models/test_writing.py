"""What a model wrote is made fit to be read, and no word of it is changed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.models.writing import tidy, without_controls, without_loop

FERRY = "The ferry reached the island before dawn."
PORT = "The port stays closed until Monday."


def test_good_sentences_stay_as_they_are() -> None:
    assert tidy(f"{FERRY} {PORT}", finished=True, sentences=3) == f"{FERRY} {PORT}"


@pytest.mark.parametrize(
    "written", ["", "  \n ", "\x00\x07", "<n><n>", "…", "<think>What shall I say?", "\ufffd"]
)
def test_nothing_stays_nothing(written: str) -> None:
    assert tidy(written, finished=True, sentences=3) == ""


@pytest.mark.parametrize(
    "label",
    [
        "Summary: ",
        "**Summary:** ",
        "Here is a summary of the article:\n\n",
        "Sure! Here's a two-sentence summary of the text:\n",
        "Summary in two sentences:\n",
        "<think>The article tells of a ferry. Short.</think>\n\n",
        "- ",
        "1. ",
    ],
)
def test_what_stands_before_the_summary_goes(label: str) -> None:
    assert tidy(label + FERRY, finished=True, sentences=3) == FERRY


@pytest.mark.parametrize(
    "text",
    [
        "Here is where the ferry landed: the island's only port.",
        "The summary judgment was plain: the company must pay.",
        "Sure of victory, the captain said: we sail on Monday.",
        "This is how the council put it: nobody was hurt.",
    ],
)
def test_a_sentence_with_a_colon_is_no_label(text: str) -> None:
    assert tidy(text, finished=True, sentences=3) == text


def test_the_newlines_of_pegasus_are_spaces() -> None:
    assert tidy(f"{FERRY}<n>{PORT}", finished=True, sentences=3) == f"{FERRY} {PORT}"


def test_control_characters_go() -> None:
    assert tidy("The ferry\x00 reached\x1b the\u200e island.", True, 3) == (
        "The ferry reached the\u200e island."
    )


def test_a_sentence_that_came_before_is_left_out() -> None:
    assert tidy(f"{FERRY} {PORT} {FERRY.upper()}", True, 5) == f"{FERRY} {PORT}"


def test_no_more_sentences_than_asked_for() -> None:
    assert tidy(f"{FERRY} {PORT} Nobody was hurt.", True, 2) == f"{FERRY} {PORT}"


def test_a_sentence_that_was_cut_off_goes_when_there_are_others() -> None:
    assert tidy(f"{FERRY} The company will pay for", False, 3) == FERRY


def test_a_sentence_that_was_cut_off_stays_when_it_is_the_only_one() -> None:
    assert tidy("The company will pay for", False, 3) == "The company will pay for"


def test_a_last_sentence_without_full_stop_stays_when_the_model_ended_it() -> None:
    assert tidy(f"{FERRY} Nobody was hurt", True, 3) == f"{FERRY} Nobody was hurt"


def test_a_whole_last_sentence_stays_though_the_model_was_cut_off() -> None:
    assert tidy(f"{FERRY} {PORT}", False, 3) == f"{FERRY} {PORT}"


# --- loops ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("go go go go go go", "go"),
        ("The team won the game, the game, the game, the game, the game", "The team won the game"),
        ("It was a long and hard year and it was a long and hard year and it was", "It was a long "
         "and hard year and"),
        ("渡轮渡轮渡轮渡轮", "渡轮"),
    ],
)  # fmt: skip
def test_a_loop_is_cut_after_its_first_turn(written: str, kept: str) -> None:
    assert without_loop(written) == (kept, True)


@pytest.mark.parametrize(
    "text",
    [
        "He had had enough of it.",
        "It was very, very late.",
        "1,000,000,000 people saw it.",
        "New York, New York is a song.",
        "They voted 10 10 in the end.",
        "So it goes: more ships, more freight, more work.",
    ],
)
def test_what_prose_says_twice_is_no_loop(text: str) -> None:
    assert without_loop(text) == (text, False)


def test_the_stump_of_a_loop_goes_when_there_are_other_sentences() -> None:
    looping = f"{FERRY} The team won the game the game the game the game the game"
    assert tidy(looping, finished=False, sentences=3) == FERRY


@given(st.text(max_size=300))
def test_any_output_becomes_one_line_without_controls(written: str) -> None:
    text = tidy(written, finished=False, sentences=3)
    assert "\n" not in text
    assert text == text.strip()
    assert without_controls(text) == text


@given(st.lists(st.sampled_from(["port", "ship", "sea", "."]), max_size=60))
def test_nothing_is_added(words: list[str]) -> None:
    written = " ".join(words)
    assert set(tidy(written, True, 9).split()) <= set(written.split())
