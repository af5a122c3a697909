from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from digest.models.encoder import Encoder
from digest.records import Topic, Vectors
from digest.stories.topics import BUILT_IN, FEED_HINT, FLOOR, MORE, TopicChooser, built_in, resolve

AXES = {"sea": 0, "money": 1, "sport": 2}


def encode(texts: Sequence[str]) -> Vectors:
    """An encoder that knows three words; anything else is a direction of its own."""
    return np.stack([np.eye(4, dtype=np.float32)[AXES.get(text, 3)] for text in texts])


def no_encoder(texts: Sequence[str]) -> Vectors:
    raise AssertionError(f"nothing needs encoding, yet {texts} was asked for")


TOPICS = [Topic("Sea", ("sea",)), Topic("Money", ("money",)), Topic("Sport", ("sport",))]


@pytest.fixture
def chooser() -> TopicChooser:
    return TopicChooser(TOPICS, encode)


def vector(sea: float = 0.0, money: float = 0.0, sport: float = 0.0) -> Vectors:
    return np.array([sea, money, sport, 0.0], dtype=np.float32)


def test_the_closest_topic_is_chosen_and_the_runner_up_named(chooser: TopicChooser) -> None:
    choice = chooser.choose(vector(0.3, 0.6, 0.1))
    assert (choice.topic, choice.runner_up) == ("Money", "Sea")
    assert choice.score == pytest.approx(0.6)
    assert choice.runner_up_score == pytest.approx(0.3)


def test_a_feed_s_topic_decides_a_doubtful_story(chooser: TopicChooser) -> None:
    near = vector(0.40, 0.40 + FEED_HINT / 2)
    assert chooser.choose(near).topic == "Money"
    assert chooser.choose(near, ["Sea"]).topic == "Sea"
    assert chooser.choose(near, ["SEA"]).topic == "Sea"


def test_a_feed_s_topic_does_not_overrule_a_clear_match(chooser: TopicChooser) -> None:
    assert chooser.choose(vector(0.30, 0.30 + 2 * FEED_HINT), ["Sea"]).topic == "Money"


def test_a_hint_counts_by_the_share_of_feeds_that_give_it(chooser: TopicChooser) -> None:
    near = vector(0.40, 0.40 + FEED_HINT * 0.75)
    assert chooser.choose(near, ["Sea"]).topic == "Sea"
    assert chooser.choose(near, ["Sea", None]).topic == "Money"
    assert chooser.choose(near, ["Sea", "Money"]).topic == "Money"


def test_a_hint_that_is_no_topic_of_the_digest_is_ignored(chooser: TopicChooser) -> None:
    assert chooser.choose(vector(0.5, 0.4), ["Weather"]) == chooser.choose(vector(0.5, 0.4))


def test_what_fits_nothing_stands_under_more(chooser: TopicChooser) -> None:
    choice = chooser.choose(vector(FLOOR - 0.01))
    assert (choice.topic, choice.runner_up) == (MORE, "Sea")
    assert choice.score == choice.runner_up_score == pytest.approx(FLOOR - 0.01)
    assert chooser.choose(vector(FLOOR + 0.01)).topic == "Sea"
    assert chooser.choose(vector()).topic == MORE


def test_a_hint_lifts_a_story_over_the_floor(chooser: TopicChooser) -> None:
    assert chooser.choose(vector(FLOOR - 0.01), ["Sea"]).topic == "Sea"


def test_a_single_topic_has_no_runner_up() -> None:
    choice = TopicChooser(TOPICS[:1], encode).choose(vector(0.5))
    assert (choice.topic, choice.runner_up) == ("Sea", "")


def test_a_topic_is_as_near_as_its_two_nearest_descriptions() -> None:
    wide = Topic("Wide", ("sea", "money", "sport"))
    assert TopicChooser([wide], encode).choose(vector(0.6, 0.4, 0.1)).score == pytest.approx(0.5)


# --- a digest's topics ----------------------------------------------------------------------


def test_a_digest_without_topics_has_all_built_in_ones() -> None:
    assert [topic.name for topic in resolve(None, no_encoder)] == list(BUILT_IN)


def test_a_built_in_name_has_its_descriptions_in_any_case() -> None:
    assert resolve(["sport", "WORLD"], no_encoder) == [
        Topic("sport", built_in("Sport").descriptions),
        Topic("WORLD", built_in("World").descriptions),
    ]


def test_a_description_is_taken_whole_and_in_its_parts() -> None:
    assert resolve({"Sea": "ships, fish ,, harbours"}, no_encoder) == [
        Topic("Sea", ("Sea: ships, fish ,, harbours", "ships", "fish", "harbours"))
    ]


def test_names_with_and_without_description_may_be_mixed() -> None:
    topics = resolve({"Sport": "", "Sea": "ships"}, no_encoder)
    assert topics[0].descriptions == built_in("Sport").descriptions
    assert topics[1].descriptions == ("Sea: ships", "ships")


def test_an_unknown_built_in_topic_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        built_in("Gardening")


@pytest.mark.model
@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("Sports", "Sport"),
        ("Tech", "Technology"),
        ("Entertainment", "Culture"),
        ("Climate", "Environment"),
        ("Economy", "Business"),
    ],
)
def test_a_name_near_a_built_in_topic_borrows_its_descriptions(
    encoder: Encoder, name: str, like: str
) -> None:
    (topic,) = resolve([name], encoder.encode)
    assert topic == Topic(name, built_in(like).descriptions)


@pytest.mark.model
@pytest.mark.parametrize("name", ["Opinion", "Lifestyle", "Gardening", "Education"])
def test_a_name_far_from_all_built_in_topics_stands_for_itself(encoder: Encoder, name: str) -> None:
    (topic,) = resolve([name], encoder.encode)
    assert topic.descriptions[0] == name


@pytest.mark.model
@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("The troops crossed the border at night; peace talks broke down.", "World"),
        ("The minister resigned after losing the vote in parliament.", "Politics"),
        ("Shares fell after the retailer warned of lower profits.", "Business"),
        ("The phone maker showed a chip for artificial intelligence.", "Technology"),
        ("Astronomers found a planet circling a faint red star.", "Science"),
        ("A trial of the new vaccine halved the number of infections.", "Health"),
        ("The striker scored twice in the cup final.", "Sport"),
        ("The novelist won the prize for her book about her mother.", "Culture"),
        ("Emissions must halve if the forests are to survive the warming.", "Environment"),
        ("Neighbours complain to the town council about the new bus stop.", "Local life"),
    ],
)
def test_plain_news_stands_under_its_topic(encoder: Encoder, text: str, topic: str) -> None:
    chooser = TopicChooser(resolve(None, encoder.encode), encoder.encode)
    assert chooser.choose(encoder.encode([text])[0]).topic == topic
