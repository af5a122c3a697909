from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from digest.config import load_config
from digest.config.schema import feeds_schema
from digest.config.topics import AUTO, TopicSpec
from digest.errors import ConfigError
from digest.stories.topics import BUILT_IN, FEED_HINT, FLOOR, KEYWORD

Write = Callable[[str], Path]

PAGE = (Path(__file__).parents[2] / "docs" / "topics.md").read_text(encoding="utf-8")


def _load(write: Write, topics: str) -> object:
    text = f"digests:\n- name: a\n  topics: {topics}\nfeeds: [{{name: a, url: a.xml}}]\n"
    return load_config(write(text)).digests[0].topics


@pytest.mark.parametrize(
    ("written", "spec"),
    [
        ("{Energy: {description: 'oil, gas', keywords: [OPEC, power plant]}}",
         TopicSpec(description="oil, gas", keywords=("OPEC", "power plant"))),
        ("{Energy: {keywords: [OPEC]}}", TopicSpec(keywords=("OPEC",))),
        ("{Energy: {description: ' oil '}}", TopicSpec(description="oil")),
        ("{Energy: {}}", TopicSpec()),
        ("{Energy: ''}", TopicSpec()),
        ("{Energy: {description: , keywords: }}", TopicSpec()),
    ],
)  # fmt: skip
def test_a_topic_has_a_description_and_keywords_or_either_or_neither(
    write: Write, written: str, spec: TopicSpec
) -> None:
    assert _load(write, written) == {"Energy": spec}


@pytest.mark.parametrize("written", ["auto", "'auto'", "Auto", "AUTO"])
def test_auto_asks_for_topics_found_in_the_articles(write: Write, written: str) -> None:
    assert _load(write, written) == AUTO


def test_topics_stand_in_the_order_of_the_file(write: Write) -> None:
    topics = _load(write, "{Sport: , Energy: {keywords: [OPEC]}, Business: shares}")
    assert isinstance(topics, dict)
    assert list(topics) == ["Sport", "Energy", "Business"]


BAD = {
    "a name alone": ("sport", "digests[0].topics: 'sport' is no list of topics; write [sport]"),
    "a number": ("7", "digests[0].topics: '7' is not a mapping (key: value)"),
    "auto in a list": (
        "[auto, Sport]",
        "digests[0].topics: 'auto' is no topic's name; alone, topics: auto finds topics",
    ),
    "the heading of the rest": (
        "[Sport, more]",
        "digests[0].topics: 'more' is the heading of what fits no topic; take another name",
    ),
    "one heading in two cases": (
        "{Sport: , SPORT: }",
        "digests[0].topics: 'Sport' and 'SPORT' are the same heading",
    ),
    "a number for a description": (
        "{Energy: 7}",
        "digests[0].topics.Energy: '7' is not a topic's description; write a description, or "
        "{description: …, keywords: […]}",
    ),
    "a misspelt key": (
        "{Energy: {keyword: [OPEC]}}",
        "digests[0].topics.Energy: unknown key 'keyword' (did you mean 'keywords'?)",
    ),
    "one keyword as text": (
        "{Energy: {keywords: OPEC}}",
        "digests[0].topics.Energy.keywords: 'OPEC' is not a list",
    ),
    "an empty keyword": (
        "{Energy: {keywords: [OPEC, '']}}",
        "digests[0].topics.Energy.keywords[1]: is empty; write a text or leave the key out",
    ),
    "a number for a keyword": (
        "{Energy: {keywords: [1973]}}",
        "digests[0].topics.Energy.keywords[0]: '1973' is not text; put it in quotes: \"1973\"",
    ),
    "a list for a description": (
        "{Energy: {description: [oil]}}",
        "digests[0].topics.Energy.description: a list is not text",
    ),
    "an empty name": (
        "{'': oil}",
        "digests[0].topics['']: is empty; write a text or leave the key out",
    ),
}


@pytest.mark.parametrize(("written", "message"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_named_by_line_and_field(write: Write, written: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        _load(write, written)
    assert [str(problem).split("feeds.yaml:", 1)[1] for problem in caught.value.problems] == [
        f"3: {message}"
    ]


def test_editors_are_offered_every_form() -> None:
    schema = feeds_schema()
    forms = schema["$defs"]["DigestSpec"]["properties"]["topics"]["anyOf"]
    assert {"const": "auto", "type": "string"} in forms
    assert {"array", "object", "string"} == {form["type"] for form in forms}
    topic = schema["$defs"]["TopicSpec"]
    assert topic["additionalProperties"] is False
    assert set(topic["properties"]) == {"description", "keywords"}


def test_the_examples_of_the_page_load(write: Write) -> None:
    examples = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.S)
    loaded = [load_config(write(example)).digests[0].topics for example in examples]
    assert [type(topics) for topics in loaded] == [dict, str]


def test_the_numbers_of_the_page_are_those_in_use() -> None:
    assert f"A keyword adds {KEYWORD:.2f}" in PAGE
    assert f"a category of the article) {FEED_HINT:.2f}" in PAGE
    assert f"Below {FLOOR:.2f}" in PAGE
    assert ", ".join(BUILT_IN) in PAGE
