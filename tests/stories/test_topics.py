"""Which heading a story stands under."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.models.encoder import Encoder
from digest.records import Article, Encoded, Topic, TopicChoice, Vectors
from digest.stories.built_in import BUILT_IN, built_in
from digest.stories.topics import (
    FEED_HINT,
    FLOOR,
    KEYWORD,
    MORE,
    TopicChooser,
    resolve,
)

Make = Callable[..., Article]
Encode = Callable[[Sequence[str]], Vectors]

NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)
AXES = {"sea": 0, "money": 1, "sport": 2, "nothing": 3}
DIMENSIONS = 512


def encode(texts: Sequence[str]) -> Vectors:
    """An encoder to which three words mean something, and any other text itself alone."""
    rows = np.zeros((len(texts), DIMENSIONS), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        row[AXES.setdefault(text, len(AXES))] = 1.0
    return rows


def no_encoder(texts: Sequence[str]) -> Vectors:
    raise AssertionError(f"nothing needs encoding, yet {texts} was asked for")


TOPICS = [
    Topic("Sea", ("sea",) * 3, ("trawler", "cod")),
    Topic("Money", ("money",) * 3),
    Topic("Sport", ("sport",) * 3),
]


@pytest.fixture(scope="module")
def encode_once(encoder: Encoder) -> Encode:
    """The real encoder, which here encodes no text twice."""
    known: dict[str, Vectors] = {}

    def encoded(texts: Sequence[str]) -> Vectors:
        missing = [text for text in dict.fromkeys(texts) if text not in known]
        known.update(zip(missing, encoder.encode(missing), strict=True))
        return np.stack([known[text] for text in texts])

    return encoded


@pytest.fixture
def chooser() -> TopicChooser:
    return TopicChooser(TOPICS, encode)


def vector(sea: float = 0.0, money: float = 0.0, sport: float = 0.0) -> Vectors:
    found = np.zeros(DIMENSIONS, dtype=np.float32)
    found[:3] = sea, money, sport
    return found


def encoded(title: Vectors, *sentences: Vectors) -> Encoded:
    return Encoded(title, np.array(sentences, dtype=np.float32).reshape(-1, DIMENSIONS))


def test_the_closest_topic_is_chosen_and_the_runner_up_named(chooser: TopicChooser) -> None:
    choice = chooser.choose(vector(0.3, 0.6, 0.1))
    assert (choice.topic, choice.runner_up) == ("Money", "Sea")
    assert choice.score == pytest.approx(0.6)
    assert choice.runner_up_score == pytest.approx(0.3)


def test_a_topic_is_as_near_as_its_three_nearest_lines() -> None:
    wide = Topic("Wide", ("sea", "money", "sport", "nothing"))
    choice = TopicChooser([wide], encode).choose(vector(0.6, 0.4, 0.2))
    assert choice.score == pytest.approx(0.4)


def test_what_is_close_to_all_news_is_close_to_no_topic(chooser: TopicChooser) -> None:
    like_all = encode([line for name in BUILT_IN for line in built_in(name).descriptions])
    anything = 0.5 * like_all.sum(axis=0) + vector(sea=0.5)
    assert chooser.choose(anything).topic == MORE
    assert chooser.choose(vector(sea=0.5)).topic == "Sea"


def test_of_topics_with_the_same_description_the_first_is_chosen() -> None:
    twins = [Topic("Harbour", ("sea",) * 3), Topic("Coast", ("sea",) * 3), TOPICS[1]]
    choice = TopicChooser(twins, encode).choose(vector(0.5, 0.1))
    assert (choice.topic, choice.runner_up) == ("Harbour", "Coast")
    assert choice.score == choice.runner_up_score


def test_a_single_topic_has_no_runner_up() -> None:
    choice = TopicChooser(TOPICS[:1], encode).choose(vector(0.5))
    assert (choice.topic, choice.runner_up) == ("Sea", "")


def test_without_topics_everything_stands_under_more(make_article: Make) -> None:
    none = TopicChooser([], encode)
    assert none.choose(vector(0.5), ["Sea"]) == TopicChoice(MORE, 0.0)
    assert none.choose_story([make_article("a")], [encoded(vector(0.5))]).topic == MORE


# --- stories --------------------------------------------------------------------------------


def test_an_article_s_title_and_sentences_count_alike(
    chooser: TopicChooser, make_article: Make
) -> None:
    told = encoded(vector(sea=0.9), vector(money=0.5), vector(money=0.5))
    choice = chooser.choose_story([make_article("a")], [told])
    assert (choice.topic, choice.runner_up) == ("Money", "Sea")
    assert choice.score == pytest.approx(1.0 / 3)
    assert choice.runner_up_score == pytest.approx(0.9 / 3)


def test_a_missing_title_or_text_is_no_sign_against_a_topic(
    chooser: TopicChooser, make_article: Make
) -> None:
    article = make_article("a")
    text_only = chooser.choose_story([article], [encoded(vector(), vector(sea=0.5))])
    title_only = chooser.choose_story([article], [encoded(vector(sea=0.5))])
    assert text_only == title_only
    assert text_only.score == pytest.approx(0.5)


def test_each_article_of_a_story_counts_the_same_however_long(
    chooser: TopicChooser, make_article: Make
) -> None:
    articles = [make_article("long"), make_article("short")]
    long = encoded(vector(sea=0.4), *[vector(sea=0.4)] * 9)
    choice = chooser.choose_story(articles, [long, encoded(vector(money=0.6))])
    assert choice.topic == "Money"


def test_a_story_without_words_goes_where_its_feed_says(
    chooser: TopicChooser, make_article: Make
) -> None:
    article, nothing = make_article("a"), encoded(vector())
    assert chooser.choose_story([article], [nothing]).topic == MORE
    assert chooser.choose_story([article], [nothing], ["Money"]).topic == "Money"


def test_a_story_s_topic_does_not_hang_on_other_stories(
    chooser: TopicChooser, make_article: Make
) -> None:
    article, told = make_article("a"), encoded(vector(0.3, 0.29))
    alone = chooser.choose_story([article], [told])
    for number in range(20):
        chooser.choose_story([make_article(str(number))], [encoded(vector(sport=0.1 * number))])
    assert chooser.choose_story([article], [told]) == alone


# --- hints ----------------------------------------------------------------------------------


def test_a_feed_s_topic_decides_a_doubtful_story(chooser: TopicChooser) -> None:
    near = vector(0.40, 0.40 + FEED_HINT / 2)
    assert chooser.choose(near).topic == "Money"
    assert chooser.choose(near, ["Sea"]).topic == "Sea"
    assert chooser.choose(near, ["SEA "]).topic == "Sea"


def test_a_feed_s_topic_does_not_overrule_a_clear_match(chooser: TopicChooser) -> None:
    assert chooser.choose(vector(0.30, 0.30 + 2 * FEED_HINT), ["Sea"]).topic == "Money"


def test_a_hint_counts_by_the_share_of_feeds_that_give_it(chooser: TopicChooser) -> None:
    near = vector(0.40, 0.40 + FEED_HINT * 0.75)
    assert chooser.choose(near, ["Sea"]).topic == "Sea"
    assert chooser.choose(near, ["Sea", None]).topic == "Money"
    assert chooser.choose(near, ["Sea", "Money"]).topic == "Money"


@pytest.mark.parametrize("hint", ["Weather", "", " ", "???", "🙂"])
def test_a_hint_that_is_no_topic_of_the_digest_is_ignored(chooser: TopicChooser, hint: str) -> None:
    assert chooser.choose(vector(0.5, 0.4), [hint]) == chooser.choose(vector(0.5, 0.4))


def test_a_hint_lifts_a_story_over_the_floor(chooser: TopicChooser) -> None:
    assert chooser.choose(vector(FLOOR - 0.01), ["Sea"]).topic == "Sea"


def test_what_fits_nothing_stands_under_more(chooser: TopicChooser) -> None:
    choice = chooser.choose(vector(FLOOR - 0.01))
    assert (choice.topic, choice.runner_up) == (MORE, "Sea")
    assert choice.score == choice.runner_up_score == pytest.approx(FLOOR - 0.01)
    assert chooser.choose(vector(FLOOR + 0.01)).topic == "Sea"
    assert chooser.choose(vector()).topic == MORE


@pytest.mark.model
@pytest.mark.parametrize(
    ("hint", "topic"),
    [("Sports", "Sport"), ("Tech", "Technology"), ("Economy", "Business"), ("movies", None)],
)
def test_a_feed_s_topic_is_understood_by_its_meaning(
    encode_once: Encode, hint: str, topic: str | None
) -> None:
    chooser = TopicChooser(resolve(["Business", "Sport", "Technology"], encode_once), encode_once)
    story = encode_once(["The firm that makes the team's watches has a new app."])[0]
    choices = {name: chooser.choose(story, [name]) for name in ("Sport", "Technology", "Business")}
    expected = choices[topic] if topic else chooser.choose(story)
    assert chooser.choose(story, [hint]) == expected


# --- keywords -------------------------------------------------------------------------------


def test_a_keyword_decides_a_doubtful_story(chooser: TopicChooser, make_article: Make) -> None:
    near = encoded(vector(0.40, 0.40 + KEYWORD / 2))
    plain = make_article("a", "Nets stay dry")
    found = make_article("a", "Trawlers stay in port")
    assert chooser.choose_story([plain], [near]).topic == "Money"
    assert chooser.choose_story([found], [near]).topic == "Sea"


def test_a_keyword_does_not_overrule_a_clear_match(
    chooser: TopicChooser, make_article: Make
) -> None:
    clear = encoded(vector(0.30, 0.30 + 2 * KEYWORD))
    assert chooser.choose_story([make_article("a", "Cod prices")], [clear]).topic == "Money"


def test_a_keyword_counts_by_the_share_of_articles_that_have_it(
    chooser: TopicChooser, make_article: Make
) -> None:
    near = encoded(vector(0.40, 0.40 + KEYWORD * 0.75))
    articles = [make_article("a", "Cod prices"), make_article("b", "Fish prices")]
    assert chooser.choose_story(articles[:1], [near]).topic == "Sea"
    assert chooser.choose_story(articles, [near, near]).topic == "Money"


# --- a digest's topics ----------------------------------------------------------------------


def test_a_digest_without_topics_has_all_built_in_ones() -> None:
    assert [topic.name for topic in resolve(None, no_encoder)] == list(BUILT_IN)


def test_every_built_in_topic_is_told_by_many_lines_of_its_own() -> None:
    lines = [line for name in BUILT_IN for line in built_in(name).descriptions]
    assert len(set(lines)) == len(lines)
    assert min(len(built_in(name).descriptions) for name in BUILT_IN) >= 12


def test_a_built_in_name_has_its_lines_in_any_case() -> None:
    assert resolve(["sport", " WORLD "], no_encoder) == [
        Topic("sport", built_in("Sport").descriptions),
        Topic("WORLD", built_in("World").descriptions),
    ]


def test_a_description_is_taken_whole_and_in_its_parts_with_and_without_the_name() -> None:
    (topic,) = resolve({"Sea": " ships, fish ,; harbours and tides "}, no_encoder)
    assert topic.descriptions == (
        "Sea: ships, fish ,; harbours and tides",
        "Sea: ships", "Sea: fish", "Sea: harbours", "Sea: tides",
        "ships", "fish", "harbours", "tides",
    )  # fmt: skip


def test_names_with_and_without_description_may_be_mixed() -> None:
    topics = resolve({"Sport": "", "Sea": "ships"}, no_encoder)
    assert topics[0].descriptions == built_in("Sport").descriptions
    assert topics[1].descriptions == ("Sea: ships", "Sea: ships", "ships")


def test_keywords_are_their_topic_s() -> None:
    topics = resolve(["Sport", "World"], no_encoder, {"Sport": ["cup", "🏆"], "Sea": ["cod"]})
    assert [topic.keywords for topic in topics] == [("cup", "🏆"), ()]


@pytest.mark.parametrize("wanted", [[], ["", " "], {"": "ships"}])
def test_names_that_are_empty_are_no_topics(wanted: list[str] | dict[str, str]) -> None:
    assert resolve(wanted, no_encoder) == []


def test_a_name_in_two_cases_is_one_topic() -> None:
    assert [topic.name for topic in resolve(["Sport", "SPORT", "World"], no_encoder)] == [
        "Sport",
        "World",
    ]


def test_an_unknown_built_in_topic_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        built_in("Gardening")


@given(st.lists(st.text(max_size=12), max_size=4), st.text(max_size=30), st.text(max_size=8))
def test_any_names_descriptions_and_keywords_can_be_chosen_among(
    names: list[str], description: str, keyword: str
) -> None:
    def hashed(texts: Sequence[str]) -> Vectors:
        rows = np.zeros((len(texts), 64), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            row[hash(text) % 64] = 1.0
        return rows

    wanted = dict.fromkeys(names, "") | {"Sea": description}
    topics = resolve(wanted, hashed, {"Sea": [keyword]})
    article = Article("a", "f", keyword, description, NOW)
    told = Encoded(hashed([keyword])[0], hashed([description]))
    choice = TopicChooser(topics, hashed).choose_story([article], [told], [keyword])
    assert choice.topic in {MORE, *(topic.name for topic in topics)}
    assert choice.runner_up != choice.topic


@pytest.mark.model
@pytest.mark.parametrize(
    ("name", "like"),
    [
        ("Sports", "Sport"),
        ("Football", "Sport"),
        ("Tech", "Technology"),
        ("Entertainment", "Culture"),
        ("Music", "Culture"),
        ("Climate", "Environment"),
        ("Economy", "Business"),
        ("Government", "Politics"),
        ("Medicine", "Health"),
        ("World news", "World"),
    ],
)
def test_a_name_near_a_built_in_topic_borrows_its_lines(
    encode_once: Encode, name: str, like: str
) -> None:
    (topic,) = resolve([name], encode_once)
    assert topic == Topic(name, built_in(like).descriptions)


@pytest.mark.model
@pytest.mark.parametrize("name", ["Opinion", "Lifestyle", "Education", "Recipes", "Qwxyz"])
def test_a_name_far_from_all_built_in_topics_stands_for_itself(
    encode_once: Encode, name: str
) -> None:
    (topic,) = resolve([name], encode_once)
    assert topic.descriptions == (name, f"News about {name}.")


@pytest.mark.model
def test_names_that_would_borrow_the_same_lines_stand_for_themselves(encode_once: Encode) -> None:
    film, music = resolve(["Film", "Music"], encode_once)
    assert film.descriptions != music.descriptions
    culture, music = resolve(["Culture", "Music"], encode_once)
    assert culture.descriptions == built_in("Culture").descriptions
    assert music.descriptions[0] == "Music"


@pytest.mark.model
def test_a_topic_of_a_line_s_description_holds_its_own_among_built_in_ones(
    encode_once: Encode,
) -> None:
    topics = resolve(
        {"Business": "", "Science": "", "Chess": "chess tournaments, grandmasters, openings"},
        encode_once,
    )
    chooser = TopicChooser(topics, encode_once)
    texts = {
        "The grandmaster sacrificed a knight and won in thirty moves.": "Chess",
        "The bank's shares fell after it reported a loss.": "Business",
        "The probe sent pictures of the comet's dark surface.": "Science",
    }
    found = {text: chooser.choose(encode_once([text])[0]).topic for text in texts}
    assert found == texts


@pytest.mark.model
def test_a_topic_of_nothing_takes_no_news(encode_once: Encode) -> None:
    names = {"Sport": "", "Business": "", "Zzyzx": "qwerty asdf"}
    chooser = TopicChooser(resolve(names, encode_once), encode_once)
    for text in ("The striker scored twice in the cup final.", "Shares fell after the warning."):
        assert chooser.choose(encode_once([text])[0]).topic != "Zzyzx"


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
def test_plain_news_stands_under_its_topic(encode_once: Encode, text: str, topic: str) -> None:
    chooser = TopicChooser(resolve(None, encode_once), encode_once)
    assert chooser.choose(encode_once([text])[0]).topic == topic
