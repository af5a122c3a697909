from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.text.html import Block, blocks, has_markup, one_line, printable


def texts(markup: str) -> list[str]:
    return [block.text for block in blocks(markup)]


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("Plain words", "Plain words"),
        ("<b>Bold</b> words", "Bold words"),
        ("Fish &amp; chips", "Fish & chips"),
        ("Fish &amp;amp; chips", "Fish & chips"),
        ("It&amp;#8217;s open", "It’s open"),
        ("&lt;em&gt;Havørn&lt;/em&gt; sails", "Havørn sails"),
        ("a < b and c > d", "a < b and c > d"),
        ("Use of <y> in x", "Use of <y> in x"),
        ("AT&T's 5% rise", "AT&T's 5% rise"),
        ("two\n  lines\u00a0here", "two lines here"),
        ("<script>alert(1)</script>Safe", "Safe"),
        ("Safe<script>never closed", "Safe"),
        ("<!-- note -->Shown", "Shown"),
        ("Shown <!-- never closed", "Shown <!-- never closed"),
        ("It\x92s a wrong label", "It’s a wrong label"),
        ("", ""),
    ],
)
def test_a_title_is_plain_text_on_one_line(markup: str, expected: str) -> None:
    assert one_line(markup) == expected


@pytest.mark.parametrize("number", ["9" * 5000, "0" * 5000 + "65", "x" + "f" * 5000])
def test_a_character_reference_of_thousands_of_digits_is_survived(number: str) -> None:
    assert one_line(f"Before &#{number}; after").startswith("Before")
    assert texts(f"<p>Before &#{number}; after</p>")[0].startswith("Before")


@pytest.mark.parametrize(
    "unprintable",
    ["\x00", "\x1b", "\x7f", "\xad", "\u200b", "\u202e", "\u2066", "\ufeff", "\ud800"],
)
def test_what_must_not_be_printed_is_taken_out(unprintable: str) -> None:
    assert printable(f"head{unprintable}line") == "headline"


@pytest.mark.parametrize(
    "kept", ["\n", "\t", "\r", "\u200c", "\u200d", "\u200e", "👩‍🚒", "می‌خواهم"]
)
def test_what_print_needs_stays(kept: str) -> None:
    assert printable(kept) == kept


@given(st.text())
def test_no_control_is_left_in_print(text: str) -> None:
    out = printable(text)
    assert {character for character in out if unicodedata.category(character) in ("Cc", "Cs")} <= {
        "\n",
        "\r",
        "\t",
    }
    assert printable(out) == out


def test_blocks_are_paragraphs_items_headings_and_captions() -> None:
    markup = """<h2>Flood</h2><p>One <b>bold</b> word.</p>
    <ul><li>First</li><li><p>Second</p></li></ul>
    <figure><img src=x><figcaption>The bridge</figcaption></figure>Loose words<br>Next line"""
    assert blocks(markup) == [
        Block("Flood", "heading"),
        Block("One bold word.", "text"),
        Block("First", "item"),
        Block("Second", "item"),
        Block("The bridge", "caption"),
        Block("Loose words", "text"),
        Block("Next line", "text"),
    ]


@pytest.mark.parametrize(
    "furniture",
    [
        "<script>x</script>",
        "<style>p{}</style>",
        "<nav><a href=/>Home</a></nav>",
        "<form><input><button>Send</button></form>",
        "<iframe>x</iframe>",
        "<aside>More</aside>",
        "<!-- note -->",
        "<?php echo 1 ?>",
    ],
)
def test_what_is_no_text_is_left_out_and_what_follows_is_kept(furniture: str) -> None:
    assert texts(f"<p>Before.</p>{furniture}<p>After.</p>") == ["Before.", "After."]


@pytest.mark.parametrize("markup", ["", "  \n ", "<!-- only a note -->", "<p></p>", "\x00\x01"])
def test_nothing_gives_no_blocks(markup: str) -> None:
    assert texts(markup) == []


@pytest.mark.parametrize("depth", [300, 5_000, 50_000])
def test_no_depth_loses_words(depth: int) -> None:
    markup = "<p>Before.</p>" + "<div>" * depth + "Deep." + "</div>" * depth + "<p>After.</p>"
    assert texts(markup) == ["Before.", "Deep.", "After."]


def test_an_xml_declaration_with_another_encoding_does_no_harm() -> None:
    assert texts('<?xml version="1.0" encoding="utf-16"?><p>Håvard</p>') == ["Håvard"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("<p>x</p>", True), ("x<br/>y", True), ("a < b", False), ("<y>", False), ("R&D", False)],
)
def test_markup_is_told_from_what_only_looks_like_it(text: str, expected: bool) -> None:
    assert has_markup(text) is expected


@pytest.mark.parametrize(
    "unit", ["<!--", "<a ", "<script", "</script ", "<", "&", "&#9", "<p>", "<b>"]
)
def test_no_repetition_takes_more_than_linear_time(unit: str) -> None:
    # With a quadratic pattern each of these takes minutes.
    hostile = unit * (200_000 // len(unit))
    one_line(hostile)
    has_markup(hostile)
    blocks(hostile)


@given(st.text(alphabet=st.sampled_from("<>/&#;!-apdiv \n\"'=é中")))
def test_no_markup_is_too_broken(markup: str) -> None:
    one_line(markup)
    for block in blocks(markup):
        assert block.text == block.text.strip() != ""
        assert "\n" not in block.text
