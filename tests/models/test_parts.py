"""A long text in parts that fit, at a cost that does not grow with the text."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.models.parts import spaced, split_parts

SENTENCES = [f"Ship number {number} left the port at noon." for number in range(40)]
PARAGRAPHS = [" ".join(SENTENCES[start : start + 4]) for start in range(0, 40, 4)]
TEXT = "\n\n".join(PARAGRAPHS)


def words(texts: Sequence[str]) -> list[int]:
    """A tokenizer that makes a token of a word, or of each 10 characters of a longer one."""
    return [sum(-(-len(word) // 10) for word in text.split()) for text in texts]


def test_a_text_that_fits_is_its_only_part() -> None:
    assert split_parts(TEXT, words, 1000, 8) == [TEXT]


@pytest.mark.parametrize("text", ["", "  \n\n "])
def test_nothing_has_no_parts(text: str) -> None:
    assert split_parts(text, words, 100, 8) == []


def test_parts_fit_and_together_are_the_text() -> None:
    parts = split_parts(TEXT, words, 100, 8)
    assert len(parts) > 1
    assert all(count <= 100 for count in words(parts))
    assert " ".join(parts).split() == TEXT.split()


def test_parts_begin_and_end_with_whole_sentences() -> None:
    for part in split_parts(TEXT, words, 50, 99):
        assert part.startswith("Ship number")
        assert part.endswith("noon.")


def test_a_part_that_is_nearly_full_ends_with_its_paragraph() -> None:
    # A paragraph has 32 words, and one more for each sentence: two of them are 72 of 90.
    assert split_parts(TEXT, words, 90, 99) == [
        "\n\n".join(PARAGRAPHS[start : start + 2]) for start in range(0, 10, 2)
    ]


def test_of_too_many_parts_the_first_the_last_and_some_between_stay() -> None:
    every = split_parts(TEXT, words, 50, 99)
    assert len(every) == 8
    assert split_parts(TEXT, words, 50, 5) == [every[index] for index in (0, 2, 4, 5, 7)]


@pytest.mark.parametrize("wall", ["word " * 3000, "x" * 20_000, "渡轮到达岛屿" * 2000])
def test_a_wall_of_text_is_cut_where_it_must_be(wall: str) -> None:
    parts = split_parts(wall, words, 60, 5)
    assert 1 < len(parts) <= 5
    assert all(0 < count <= 60 for count in words(parts))


def test_a_book_costs_no_more_than_its_parts() -> None:
    looked_at = 0

    def count(texts: Sequence[str]) -> list[int]:
        nonlocal looked_at
        looked_at += sum(map(len, texts))
        return words(texts)

    chapter = TEXT.replace("Ship", "Barge")
    book = "\n\n".join([TEXT, *[chapter] * 800, "The last ship came home at night."])
    assert len(book.split()) > 200_000
    parts = split_parts(book, count, 300, 4)
    assert len(parts) == 4
    assert all(count <= 300 for count in words(parts))
    assert parts[0].startswith("Ship number 0 left")
    assert all(part.startswith("Barge number") for part in parts[1:])
    assert looked_at < 100_000 < len(book)


@given(st.text(alphabet="ab .\n\"'", max_size=400), st.integers(4, 40), st.integers(1, 6))
def test_whatever_the_text_parts_fit_and_stand_in_it(text: str, window: int, most: int) -> None:
    parts = split_parts(text, words, window, most)
    assert len(parts) <= most
    for part in parts:
        assert words([part])[0] <= window
        assert set(part.split()) <= set(text.split()) or any(
            piece in text for piece in part.split()
        )


@given(st.integers(1, 500), st.integers(1, 20))
def test_spaced_indices_are_in_order_and_each_once(length: int, most: int) -> None:
    found = spaced(length, most)
    assert found == sorted(set(found))
    assert len(found) == min(length, most)
    assert found[0] == 0
