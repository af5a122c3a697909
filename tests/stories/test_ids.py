from __future__ import annotations

from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from digest.records import Article
from digest.stories.ids import story_ids

Make = Callable[..., Article]


def test_a_story_keeps_its_id_when_a_later_article_joins(make_article: Make) -> None:
    first, later = make_article("a", hours=5), make_article("b", hours=1)
    assert story_ids([[first]], {}) == story_ids([[later, first]], {})


def test_a_story_keeps_its_id_when_an_earlier_article_joins_late(make_article: Make) -> None:
    first, earlier = make_article("a", hours=5), make_article("b", hours=9)
    (known,) = story_ids([[first]], {})
    assert story_ids([[first, earlier]], {"a": known}) == [known]


def test_a_story_keeps_its_id_when_its_oldest_article_is_gone(make_article: Make) -> None:
    one, two = make_article("a", hours=5), make_article("b", hours=1)
    (known,) = story_ids([[one, two]], {})
    assert story_ids([[two]], {"a": known, "b": known}) == [known]


def test_when_a_story_splits_the_larger_part_keeps_the_id(make_article: Make) -> None:
    a, b, c = (make_article(id, hours=hours) for id, hours in (("a", 9), ("b", 5), ("c", 1)))
    (known,) = story_ids([[a, b, c]], {})
    small, large = story_ids([[a], [b, c]], dict.fromkeys("abc", known))
    assert large == known
    assert small != known, "not even though its oldest article gave the id"


def test_when_two_stories_become_one_it_has_the_id_of_more_articles(make_article: Make) -> None:
    a, b, c = (make_article(id, hours=hours) for id, hours in (("a", 9), ("b", 5), ("c", 1)))
    assert story_ids([[a, b, c]], {"a": "s1", "b": "s2", "c": "s2"}) == ["s2"]
    assert story_ids([[a, b]], {"a": "s1", "b": "s2"}) == ["s1"], "of equally many the oldest's"


@given(st.lists(st.integers(0, 5), min_size=1, max_size=12), st.data())
def test_ids_are_all_different(make_article: Make, labels: list[int], data: st.DataObject) -> None:
    articles = [make_article(str(number), hours=number) for number in range(len(labels))]
    stories = [
        [article for article, own in zip(articles, labels, strict=True) if own == label]
        for label in sorted(set(labels))
    ]
    before = story_ids([[article] for article in articles], {})
    known = {
        article.id: data.draw(st.sampled_from(before))
        for article in articles
        if data.draw(st.booleans())
    }
    ids = story_ids(stories, known)
    assert len(set(ids)) == len(ids)
    order = data.draw(st.permutations(range(len(stories))))
    assert story_ids([stories[place] for place in order], known) == [ids[place] for place in order]
