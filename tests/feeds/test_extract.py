"""A page becomes its article's text, or a reason."""

from __future__ import annotations

import gzip
import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from digest.feeds.extract import extract_page
from digest.records import Page

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
URL = "https://www.gazette.example/2026/02/bridge"
PARAGRAPHS = (
    "The council agreed on Monday to reopen the old bridge after nine years of repairs.",
    "The work had cost twice what was planned, the harbour master said, and took three winters.",
    "Lorries will have to keep to the ring road until the new railings are delivered in May.",
    "Shopkeepers on the east bank had asked for the bridge to be opened in time for the fair.",
)


def page(
    head: str = "", body: str = "", title: str = "Old bridge reopens", html: str = "lang=en"
) -> str:
    body = body or "".join(f"<p>{text}</p>" for text in PARAGRAPHS)
    return (
        f"<!doctype html><html {html}><head><title>{title} | Harbour Gazette</title>{head}</head>"
        "<body><nav><a href=/>Home</a> <a href=/sport>Sport</a></nav>"
        f"<main><article><h1>{title}</h1>{body}</article></main>"
        "<footer>Imprint. All rights reserved.</footer></body></html>"
    )


def extract(
    markup: str | bytes, url: str = URL, content_type: str = "text/html", now: datetime | None = NOW
) -> Page:
    body = markup.encode() if isinstance(markup, str) else markup
    return extract_page("a1", body, content_type, url, now=now)


def ld(*data: object) -> str:
    return "".join(
        f'<script type="application/ld+json">{json.dumps(item)}</script>' for item in data
    )


def meta(**values: str) -> str:
    return "".join(
        f'<meta property="{name.replace("__", ":")}" content="{value}">'
        for name, value in values.items()
    )


# --- text ----------------------------------------------------------------------------------


def test_the_articles_paragraphs_are_the_text() -> None:
    found = extract(page())
    assert found.text == "\n\n".join(PARAGRAPHS)
    assert (found.article, found.title, found.reason) == ("a1", "Old bridge reopens", "")


def test_bylines_and_pointers_are_cleaned_away_as_in_feeds() -> None:
    noise = "<p>By Ada Example</p>", "<p>Read more: The fair of last year</p>"
    body = noise[0] + "".join(f"<p>{text}</p>" for text in PARAGRAPHS) + noise[1]
    assert extract(page(body=body)).text == "\n\n".join(PARAGRAPHS)


def test_no_markup_of_the_page_gets_into_the_text() -> None:
    body = "".join(
        f"<p>{text}<script>alert(1)</script><b onclick=x></b></p>" for text in PARAGRAPHS
    )
    found = extract(page(body=body))
    assert found.text == "\n\n".join(PARAGRAPHS)


SWEDISH = "Bron öppnades på måndagen efter nio år, sade hamnfogden på östra sidan. " * 4


@pytest.mark.parametrize(
    ("encoding", "content_type", "head"),
    [
        ("utf-8", "text/html", ""),
        ("utf-8", "text/html; charset=iso-8859-1", ""),
        ("utf-8-sig", "", ""),
        ("utf-16", "text/html", ""),
        ("utf-16-le", "text/html; charset=utf-16le", ""),
        ("cp1252", "text/html; charset=iso-8859-1", ""),
        ("cp1252", "text/html", "<meta charset=windows-1252>"),
        ("cp1252", "text/html; charset=no-such", '<meta charset="iso-8859-1">'),
        ("cp1252", "text/html", ""),
    ],
)
def test_bytes_are_read_as_a_browser_reads_them(
    encoding: str, content_type: str, head: str
) -> None:
    markup = page(head, body=f"<p>{SWEDISH}</p>").encode(encoding)
    assert extract(markup, content_type=content_type).text == SWEDISH.strip()


def test_a_seven_bit_encoding_is_known_by_its_label() -> None:
    text = "市議会は月曜日に古い橋の再開を決めた。" * 20
    markup = page(body=f"<p>{text}</p>").encode("iso-2022-jp")
    assert extract(markup, content_type="text/html; charset=iso-2022-jp").text == text


# --- what is no article --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content_type", "body", "reason"),
    [
        ("application/pdf", b"%PDF-1.7 ...", "a PDF file, not a web page"),
        ("text/html", b"%PDF-1.7 ...", "a PDF file, not a web page"),
        ("image/jpeg", b"\xff\xd8\xff", "a picture, not a web page"),
        ("", b"\x89PNG\r\n", "a picture, not a web page"),
        ("video/mp4", b"x", "a video, not a web page"),
        ("application/zip", b"PK\x03\x04", "application/zip, not a web page"),
        ("application/json", b"{}", "application/json, not a web page"),
        ("text/html", b"", "empty"),
        ("text/html", b" \n ", "empty"),
        ("text/plain", b"Only words.", "plain text, not a web page"),
        ("text/html", b"x" * 3_000_001, "larger than 3 MB"),
        ("text/xml", b"<?xml version='1.0'?><rss><channel><p>x</p></channel></rss>",
         "a feed, not an article's page"),
    ],
)  # fmt: skip
def test_what_is_no_page_has_a_reason(content_type: str, body: bytes, reason: str) -> None:
    assert extract(body, content_type=content_type) == Page("a1", reason=reason)


WORDS = f"<p>{' '.join(PARAGRAPHS)}</p>"


@pytest.mark.parametrize(
    ("markup", "reason"),
    [
        (page(title="Page not found"), "the page says that there is no such page"),
        (page(title="404"), "the page says that there is no such page"),
        (page(title="Seite nicht gefunden"), "the page says that there is no such page"),
        (page(title="Página no encontrada"), "the page says that there is no such page"),
        (page().replace("<body>", "<body class='blog error404'>"),
         "the page says that there is no such page"),
        (page(title="Just a moment..."), "the site wants to see a person at a browser"),
        (page(title="Access Denied"), "the site wants to see a person at a browser"),
        (page(body="<p>Please verify you are a human. Unusual traffic was seen from here.</p>" * 4),
         "the site wants to see a person at a browser"),
        (page(title="Sign in"), "the page asks to log in"),
        (page(title="Anmelden"), "the page asks to log in"),
        (page(title="Before you continue to Harbour Gazette"), "the page asks for consent first"),
        (page(body="<p>We and our partners use cookies and personal data with your consent. You "
              "can change your privacy choices and withdraw consent for cookies at any time, "
              "and see all partners in our privacy policy. Personalised content, personalised "
              "advertising and audience research need your consent.</p>"),
         "the page asks for consent first"),
        (page(body="<p>Please enable JavaScript to read this site.</p>"),
         "the page needs JavaScript"),
        ("<!doctype html><html><body><noscript>You need to enable JavaScript to run this app."
         "</noscript><div id=root></div><script src=a.js></script></body></html>",
         "the page needs JavaScript"),
        (page(body="<p>Soon.</p>"), "no article was found in the page"),
    ],
)  # fmt: skip
def test_what_is_no_article_has_a_reason_and_nothing_else(markup: str, reason: str) -> None:
    assert extract(markup) == Page("a1", reason=reason)


@pytest.mark.parametrize("url", ["https://www.gazette.example", "https://www.gazette.example/"])
def test_a_front_page_is_no_article(url: str) -> None:
    assert extract(page(), url=url).reason == "leads to the site's front page"


@pytest.mark.parametrize(
    "title",
    ["Page not found: how a town lost its archive", "Sign in the sky puzzles sailors", "Room 404"],
)
def test_an_article_may_tell_of_such_things(title: str) -> None:
    assert extract(page(title=title)).reason == ""


def test_a_report_on_cookies_is_no_consent_wall() -> None:
    text = "The regulator fined the shop because its cookies were set before visitors agreed. "
    assert extract(page(body=f"<p>{text}</p>{WORDS}")).reason == ""


@pytest.mark.parametrize(
    "markup",
    [
        "<!--x-->" * 5000 + page(),
        "<!--" * 100_000,
        "<" * 300_000,
        "<html>" + "<div>" * 200_000 + WORDS,
        page("<meta property=og:title " * 20_000),
        page(body="&amp;" * 200_000),
        page('<script type="application/ld+json">{}</script>' * 20_000),
        "<html><body class='" + "a" * 500_000,
    ],
    ids=["comments", "open comments", "<", "deep", "open metas", "entities", "scripts", "class"],
)
def test_pathological_pages_end(markup: str) -> None:
    assert extract(markup).reason == "" or extract(markup).text == ""


# --- real pages ----------------------------------------------------------------------------

PAGES = Path(__file__).parents[2].parent / "shared" / "data" / "articles"


@pytest.mark.skipif(not PAGES.is_dir(), reason="../shared/data/articles is not here")
def test_the_text_of_real_pages_is_what_a_person_would_take() -> None:
    """Mean F1 over the words of 38 pages; trafilatura as it comes has 0.958."""
    rows = [json.loads(line) for line in (PAGES / "articles.jsonl").read_text("utf-8").splitlines()]
    scores = []
    for row in rows:
        body = gzip.decompress((PAGES / row["html"]).read_bytes())
        text = extract_page("a1", body, "text/html", row["url"], now=NOW).text
        found, wanted = (Counter(re.findall(r"\w+", t.lower())) for t in (text, row["text"]))
        scores.append(2 * (found & wanted).total() / (found.total() + wanted.total()))
    assert len(scores) == 38
    assert sum(scores) / len(scores) >= 0.955
