from __future__ import annotations

from collections.abc import Callable

import numpy as np

from digest.records import Article
from digest.stories.cluster import cluster

Make = Callable[..., Article]

FIRST = "The ferry Havørn ran aground off Fjærøy with 212 people on board. All were brought ashore."
SECOND = "All 212 people on the Havørn were brought ashore. The ferry lies aground at Fjærøy."


def why(*articles: Article) -> dict[str, str]:
    # Alike, but no more than two articles on one matter are.
    vectors = np.array([[0.8, np.sqrt(0.36) * (-1) ** n] for n in range(len(articles))], np.float32)
    return {
        articles[index].id: line
        for group in cluster(articles, vectors)
        for index, line in group.why.items()
    }


def test_a_line_names_what_two_articles_share_how_much_and_how_far_apart(
    make_article: Make,
) -> None:
    lines = why(
        make_article("a", "Ferry aground", FIRST, 5),
        make_article("b", "Passengers of Havørn safe", SECOND, 2),
    )
    assert list(lines) == ["b"], "the first to tell needs no reason"
    head, _, rest = lines["b"].partition(": same names: ")
    assert head == "like “Ferry aground”"
    names, similarity, hours = rest.rsplit(", ", 2)
    assert set(names.split(", ")) == {"Havørn", "Fjærøy", "212"}
    assert similarity.startswith("similarity 0.")
    assert hours == "3 h apart"


def test_a_time_that_is_not_known_is_not_told(make_article: Make) -> None:
    lines = why(
        make_article("a", "Ferry aground", FIRST, date_origin="missing"),
        make_article("b", "Passengers safe", SECOND),
    )
    assert all("apart" not in line for line in lines.values())


def test_minutes_and_days_are_said_as_such(make_article: Make) -> None:
    first = make_article("a", "Ferry aground", FIRST, 60)
    assert why(first, make_article("b", "Safe", SECOND, 59.5))["b"].endswith(", 30 min apart")
    assert why(first, make_article("b", "Safe", SECOND, 0))["b"].endswith(", 2 days apart")


def test_an_article_without_headline_is_called_by_its_id(make_article: Make) -> None:
    lines = why(make_article("a", "", FIRST, 5), make_article("b", "Safe", SECOND))
    assert lines["b"].startswith("like a: ")


def test_articles_that_share_no_names_share_words(make_article: Make) -> None:
    lines = why(
        make_article("a", "", "the old library burnt down last night, nobody was hurt", 2),
        make_article("b", "", "nobody was hurt when the old library burnt down", 1),
    )
    assert lines["b"].startswith("like a: same words: ")
    assert "library" in lines["b"]
