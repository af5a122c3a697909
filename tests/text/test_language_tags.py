"""What a language tag is, by RFC 5646."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.editions import filters, words
from digest.feeds import entries
from digest.text.language_tags import MAX_TAG, language_tag

SUBTAG = st.sampled_from(
    "de en zh yue cmn Hant Latn US gb 419 1996 1901 rozaj valencia utf8 u ca x a oed".split()
)
LIKE_TAGS = st.lists(SUBTAG, max_size=12).map("-".join)


@pytest.mark.parametrize(
    "tag",
    "en en-GB zh-Hant-TW zh-cmn-Hans-CN de-CH-1996 sl-rozaj-biske es-419 en-u-ca-gregory "
    "en-x-town en-a-bbb-x-a yue sr-Latn uk".split(),
)
def test_a_tag_stays_as_it_is(tag: str) -> None:
    assert language_tag(tag) == tag


@pytest.mark.parametrize(
    ("text", "tag"),
    [
        (" en ", "en"),
        ("pt_BR", "pt-BR"),
        ("en-us-utf8", "en-us"),
        ("en_US.UTF-8", "en-US"),
        ("sr_RS@latin", "sr-RS"),
        ("en-gb-en", "en-gb"),
        ("en-u", "en"),
        ("en-x", "en"),
        ("en-", "en"),
        ("en, fr;q=0.5", "en"),
        ("de-de-ascii1", "de-de-ascii1"),
        ("en" + "-abcdefgh" * 9, "en" + "-abcdefgh" * 3),
        ("en-gb-abcdefgh-abcdefgh-abcdefgh-u-ca", "en-gb-abcdefgh-abcdefgh-abcdefgh"),
    ],
)
def test_of_a_bad_tag_the_beginning_stays_that_is_one(text: str, tag: str) -> None:
    assert language_tag(text) == tag


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "e",
        "x-none",
        "i-klingon",
        "1",
        "../en",
        "en/../x",
        "No language",
        "ſv",
        "englishlanguage",
        "en\0",
        "-en",
    ],
)
def test_what_begins_with_no_tag_is_none(text: str) -> None:
    assert language_tag(text) == ""


@given(LIKE_TAGS | st.text(max_size=60))
def test_a_tag_is_short_ascii_and_stays_when_it_is_read_again(text: str) -> None:
    tag = language_tag(text)
    assert language_tag(tag) == tag
    assert len(tag) <= MAX_TAG
    assert not tag.strip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
    assert text.strip().replace("_", "-").startswith(tag)


@given(LIKE_TAGS)
def test_what_a_feed_says_is_what_a_theme_prints(text: str) -> None:
    read = entries.language_tag(text)
    assert read == language_tag(text).lower()
    assert filters.language_tag(read) == language_tag(read) == read


def test_a_catalog_is_looked_for_by_the_same_tag() -> None:
    assert words._base("en-us-utf8") == "en"
    assert words._base("x-none") == words._base("No language") == ""


def test_a_very_long_text_is_read_in_no_time() -> None:
    assert language_tag("en" + "-abcde" * 200_000 + "!") == "en-abcde-abcde-abcde-abcde-abcde"
