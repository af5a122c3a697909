from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from digest.records import Article
from digest.stories.words import Texts, Words, heaviest, read, telling_words

Make = Callable[..., Article]


def of(*articles: Article, raised: float = 1.0) -> Words:
    return telling_words(read(articles), np.arange(len(articles)), raised)


def terms(make_article: Make, title: str, text: str = "") -> list[str]:
    texts = read([make_article("a", title, text)])
    return [str(term) for term in texts.terms[texts.numbers]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The ferries ran aground", ["ferry", "ran", "aground"]),
        ("Ferry’s captain, ferry's crew", ["ferry", "captain", "ferry", "crew"]),
        ("1,000 or 1000; 3.75 percent", ["1000", "1000", "3.75", "percent"]),
        ("an A320 and the A32", ["a320", "a32"]),
        ("Łódź Zürich", ["łodz", "zurich"]),
        ("東京都知事", ["東京", "京都", "都知", "知事"]),
        ("😀 … !", []),
    ],
)
def test_terms(make_article: Make, text: str, found: list[str]) -> None:
    assert terms(make_article, text) == found


def test_the_forms_of_a_word_are_one_term(make_article: Make) -> None:
    assert len(set(terms(make_article, "cut cuts cutting"))) == 1


def test_title_and_text_are_kept_apart(make_article: Make) -> None:
    texts = read(
        [
            make_article("a", "Ferry aground", "The ferry is 東京丸"),
            make_article("b"),
            make_article("c", "Bank", "cuts"),
        ]
    )

    def words(numbers: NDArray[np.intp]) -> list[str]:
        return [str(term) for term in texts.terms[numbers]]

    assert words(texts.title(0)) == ["ferry", "aground"]
    assert words(texts.text(0)) == ["ferry", "東京", "京丸"]
    assert words(texts.title(1)) == words(texts.text(1)) == []
    assert (words(texts.title(2)), words(texts.text(2))) == (["bank"], ["cut"])


def test_nothing_is_read_of_nothing() -> None:
    assert len(read([])) == 0


def test_rows_have_unit_length_and_rare_words_weigh_more(make_article: Make) -> None:
    texts = ["ferry strait", "ferry bank", "ferry cup"]
    words = of(*(make_article(str(n), "", text) for n, text in enumerate(texts)))
    np.testing.assert_allclose(np.sqrt(words.rows.power(2).sum(axis=1)), 1.0, rtol=1e-6)
    first = dict(zip(words.terms[words.rows[0].indices], words.rows[0].data, strict=True))
    assert first["strait"] > first["ferry"]


def test_a_title_counts_twice(make_article: Make) -> None:
    words = of(make_article("a", "ferry", "strait"))
    row = dict(zip(words.terms[words.rows[0].indices], words.rows[0].data, strict=True))
    assert row["ferry"] == pytest.approx(row["strait"] * (1 + np.log(2)))


def test_the_heaviest_of_a_row_are_kept_the_first_of_equal_ones() -> None:
    rows = csr_matrix(np.float32([[1, 3, 2, 2], [0, 0, 5, 0], [1, 1, 1, 1]]))
    assert heaviest(rows, 2).toarray().tolist() == [[0, 3, 2, 0], [0, 0, 5, 0], [1, 1, 0, 0]]


def test_shared_terms_come_the_most_telling_first(make_article: Make) -> None:
    texts = ["havorn ferry ferry ferry", "havorn ferry", "ferry bank", "ferry cup"]
    words = of(*(make_article(str(n), "", text) for n, text in enumerate(texts)))
    assert words.shared(np.array([[0, 1], [2, 3], [0, 0]]), 1) == [["havorn"], ["ferry"], ["ferry"]]


def test_terms_are_given_as_the_article_writes_them(make_article: Make) -> None:
    text = "Havørn’s crew left. Ferries wait; the ferries of Havørn are full. Ferries!"
    texts: Texts = read([make_article("a", "", text)])
    havorn = terms(make_article, "Havørn")
    assert texts.as_written(0, [*havorn, "absent", "ferry"]) == ["Havørn", "ferries"]


def test_names_and_numbers_weigh_more_than_other_words(make_article: Make) -> None:
    texts = ["Later the Havorn sank with 40 sailors", "no sailors on board, later rescued"]
    words = of(*(make_article(str(n), "", text) for n, text in enumerate(texts)), raised=2.0)
    weights = dict(zip(words.terms[words.rows[0].indices], words.rows[0].data, strict=True))
    assert weights["havorn"] == weights["40"] == pytest.approx(2 * weights["sank"])


def test_a_word_that_only_begins_sentences_is_no_name(make_article: Make) -> None:
    texts = ["Sailors sang. The sailors of Havorn sang too.", "sailors rest", "Havorn rests"]
    found = read([make_article(str(n), "SAILORS", text) for n, text in enumerate(texts)])
    assert found.names == {"havorn"}
