from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.text.clean import article_text, file_text
from digest.text.html import blocks
from digest.text.page import decoded, is_page, page_blocks
from digest.text.sentences import make_document

SENTENCES = [
    "The ferry reached the island before dawn on Monday, eleven hours after it had left the coast.",
    "Nobody on board was hurt, but two of the passengers were taken to the hospital for a check.",
    "The company said that the engine had failed twice, and that it might fail again.",
    "Islanders have asked for a second ship for years, and the ministry has promised one by May.",
]
ARTICLE = "".join(f"<p>{sentence}</p>" for sentence in SENTENCES)


def page(body: str, head: str = "<title>Ferry reaches island | Harbour Gazette</title>") -> str:
    return f"""<!DOCTYPE html><html><head>{head}<script>var a = "<p>x</p>";</script></head><body>
    <nav><ul><li><a href=/>Home</a></li><li><a href=/s>Sport</a></li></ul></nav>{body}
    <footer><p>Harbour Gazette, 1 Quay Street, is printed on paper from old nets.</p>
    </footer>
    </body></html>"""


WHOLE = page(f"<article><h1>Ferry reaches island</h1>{ARTICLE}</article>")


def test_a_page_gives_its_article_and_its_title() -> None:
    assert file_text(WHOLE) == ("Ferry reaches island", "\n\n".join(SENTENCES))
    assert article_text(WHOLE).split("\n\n") == SENTENCES


@pytest.mark.parametrize(
    ("markup", "expected"),
    [
        ("<!doctype html><p>x</p>", True),
        ("\n<!-- saved --><html lang=en>", True),
        ('<?xml version="1.0"?><!DOCTYPE html PUBLIC "x"><html>', True),
        ("<body><p>x", True),
        ("<p>The tag &lt;html&gt; begins a page.</p>", False),
        ("<header>x</header>", False),
        ("Plain <html> words", False),
        ("", False),
    ],
)
def test_a_page_is_told_from_a_fragment(markup: str, expected: bool) -> None:
    assert is_page(markup) is expected


@pytest.mark.parametrize(
    ("head", "title"),
    [
        ("<title>Ferry reaches island | Harbour Gazette</title>", "Ferry reaches island"),
        ("<title>Ferry reaches island</title>", "Ferry reaches island"),
        (
            "<meta property='og:title' content='Ferry &amp; island'><title>x</title>",
            "Ferry & island",
        ),
        ("", "A heading"),
    ],
)
def test_the_title_is_the_pages_own(head: str, title: str) -> None:
    assert page_blocks(page(f"<h1>A heading</h1>{ARTICLE}", head))[0] == title


def test_words_are_neither_glued_nor_torn() -> None:
    inline = (
        "<p>The <b>ferry</b> <a href=x>reached</a>&nbsp;the is<i>land</i> at "
        "5<span>&nbsp;</span>a.m. on Monday.<br>Then<br/>it <em>left</em>again, and "
        "“nobody” <q>knew</q> when.</p>"
    )
    text = file_text(page(f"<article><h1>Ferry</h1>{inline}{ARTICLE}</article>"))[1]
    assert text.startswith(
        "The ferry reached the island at 5 a.m. on Monday.\n\n"
        "Then it leftagain, and “nobody” knew when."
    )


def test_every_sentence_stands_in_the_page() -> None:
    shown = " ".join(block.text for block in blocks(WHOLE, furniture=True))
    for sentence in make_document("d", "", file_text(WHOLE)[1]).sentences:
        assert sentence in shown


def test_an_article_in_two_containers_is_read_whole() -> None:
    half = f"<div class='body-text'>{ARTICLE}</div>"
    later = "".join(f"<p>{sentence} This was said again a day later.</p>" for sentence in SENTENCES)
    advert = "<div class='advert'><p>Buy nets.</p></div>"
    whole = page(f"<article><h1>F</h1>{half}{advert}<div class='body-text'>{later}</div></article>")
    text = file_text(whole)[1]
    assert all(sentence in text for sentence in SENTENCES)
    assert text.count("a day later") == 4
    assert "Buy nets" not in text


@pytest.mark.parametrize(
    "hidden",
    [
        "<p hidden>Secret words that no reader sees.</p>",
        "<p style='display: none'>Secret words that no reader sees.</p>",
        "<p>Seen.<span class='sr-only'>Secret words.</span></p>",
        "<blockquote class='twitter-tweet'><p>Secret words.</p></blockquote>",
        "<p class='wp-caption-text'>Secret words of a caption.</p>",
        "<pre><code>secret = words()</code></pre>",
        "<p><a href=x>Secret words that lead elsewhere</a></p>",
        "<p><strong>Secret words, or so?</strong></p>",
    ],
)
def test_what_is_hidden_set_in_or_leads_elsewhere_is_not_read(hidden: str) -> None:
    for text in (
        file_text(page(f"<article>{ARTICLE}{hidden}</article>"))[1],
        article_text(ARTICLE + hidden),
    ):
        assert "ecret" not in text
        assert all(sentence in text for sentence in SENTENCES)


def test_a_page_within_one_form_is_read() -> None:
    text = file_text(page(f"<form id=aspnetForm><div><h1>F</h1>{ARTICLE}</div></form>"))[1]
    assert text.split("\n\n") == SENTENCES


@pytest.mark.parametrize(
    "markup",
    [
        "<!doctype html>",
        "<html></html>",
        "<html><body><script>x</script></body></html>",
        "<html><body><nav>" + "<a href=x>Link</a> " * 50 + "</nav></body></html>",
        "<html>" + "<div>" * 3000 + "x",
        "<html><script>" + "x" * 100_000,
    ],
)
def test_a_page_without_an_article_is_survived(markup: str) -> None:
    file_text(markup)


def test_a_page_nested_deeper_than_the_parser_goes_loses_no_words() -> None:
    deep = "<div>" * 5000 + "The ferry is late." + "</div>" * 5000
    assert file_text(page(deep, ""))[1].split("\n\n")[0] == "The ferry is late."


def test_a_page_of_links_gives_the_links() -> None:
    links = "".join(f"<p><a href=x>Ferry number {number} is late</a></p>" for number in range(30))
    assert "Ferry number 3 is late" in file_text(page(links))[1]


def test_a_short_page_gives_what_it_has() -> None:
    assert file_text(page("<p>The ferry is late.</p>"))[1] == "The ferry is late."


@pytest.mark.parametrize(
    "unit", ["<p>It came at noon.</p>", "<li>x", "<div>x</div>", "<br>", "<table><tr><td>x", "<p>"]
)
def test_a_page_that_says_one_thing_again_and_again_takes_no_minutes(unit: str) -> None:
    file_text(page(unit * 30_000))
    file_text(page(unit * 9_000))


@given(st.text(alphabet=st.sampled_from("<>/&#;!-apdiv \n\"'=é中")))
def test_no_page_is_too_broken(markup: str) -> None:
    file_text(f"<!doctype html><html><body><script></script>{markup}")


@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("Åse".encode(), "Åse"),
        (b"\xef\xbb\xbf\xc3\x85se", "Åse"),
        (
            "<html><meta charset=windows-1251>Київ".encode("cp1251"),
            "<html><meta charset=windows-1251>Київ",
        ),
        (
            '<html><meta http-equiv=Content-Type content="text/html; charset=gb2312">雨'.encode(
                "gb2312"
            ),
            '<html><meta http-equiv=Content-Type content="text/html; charset=gb2312">雨',
        ),
        ("<html>é".encode("utf-16"), "<html>é"),
        (b"<html><meta charset=utf-8>\xc3\xa9 \xff", "<html><meta charset=utf-8>é \ufffd"),
    ],
)
def test_bytes_are_read_as_a_browser_reads_them(data: bytes, text: str) -> None:
    assert decoded(data) == text


def test_plain_text_that_is_not_utf8_is_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        decoded("Åse Håkonsen".encode("latin-1"))
