"""Teasers become articles: which pages are asked for, and what of them is taken."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from digest.pipeline.full_text import with_page
from digest.records import Article, Image, Page

House = Any  # conftest.House: a conftest can't be imported by name, every room has one
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEASER = "The harbour of Skarland opened its new pier on Monday."
BODY = (
    "The harbour of Skarland opened its new pier on Monday. Three ferries moored there before "
    "noon, and the town band played on the quay. The pier cost eleven million crowns, two more "
    "than planned. ",
    "The mayor said that the old pier would be taken down in autumn, once the herring fleet is "
    "in. Fishermen had asked for that since the storm of January, in which a crane fell. ",
    "A second pier for freight is planned for the year after next. Its foundations are to be laid "
    "in spring by the same builders, who finished the first one four weeks early. ",
)


def page_html(
    title: str = "Harbour opens pier", extra: str = "", body: tuple[str, ...] = BODY
) -> str:
    paragraphs = "".join(f"<p>{paragraph}</p>" for paragraph in body)
    return (
        f"<!doctype html><html lang='en'><head><title>{title}</title>{extra}</head><body>"
        "<nav><a href='/'>Home</a> <a href='/sport'>Sport</a></nav>"
        f"<article><h1>{title}</h1>{paragraphs}</article>"
        "<footer>All rights reserved</footer></body></html>"
    )


class Paper:
    """A feed `world` of one entry, whose page is `/pier`; `full_text` as in feeds.yaml."""

    def __init__(self, house: House, full_text: str = "auto") -> None:
        self.house = house
        path = house.folder / "feeds.yaml"
        house.configure("{name: daily}", "world")
        text = path.read_text().replace("full_text: never", f"full_text: {full_text}")
        path.write_text(text)
        self.entry(TEASER)
        self.page(page_html())

    def entry(self, text: str, title: str = "Harbour opens pier") -> None:
        date = "Mon, 02 Mar 2026 10:00:00 GMT"
        body = (
            "<rss version='2.0'><channel><title>World</title><item>"
            f"<title>{title}</title><guid>1</guid><link>{self.house.site.base}/pier</link>"
            f"<pubDate>{date}</pubDate><description>{text}</description></item></channel></rss>"
        )
        self.site("/world", body)

    def page(self, html: str, status: int = 200, **headers: str) -> None:
        self.site("/pier", html, status, **{"Content-Type": "text/html", **headers})

    def site(self, path: str, body: str, status: int = 200, **headers: str) -> None:
        page = self.house.site.pages
        self.house.feed(path[1:], status=status, **headers)
        page[path] = replace(page[path], body=body.encode())

    def article(self) -> Article:
        (articles,) = (
            workshop.store.articles(["world"], None, NOON) for workshop in self.house.workshop()
        )
        (article,) = articles
        return article


@pytest.fixture
def paper(house: House) -> Paper:
    return Paper(house)


def test_the_text_of_a_teaser_is_taken_from_its_page(paper: Paper, house: House) -> None:
    assert house.fetch()["world"].pages == 1
    article = paper.article()
    assert article.text_from == "page"
    assert "herring fleet" in article.text
    assert "All rights reserved" not in article.text
    assert article.title == "Harbour opens pier"


def test_a_page_is_asked_for_once(paper: Paper, house: House) -> None:
    house.fetch()
    paper.page(page_html(body=BODY[:1]))
    assert house.fetch(NOON + HOUR)["world"].pages == 0
    assert [path for path, _ in house.site.asked] == ["/world"]
    assert "herring fleet" in paper.article().text


def test_a_whole_text_needs_no_page(paper: Paper, house: House) -> None:
    paper.entry(" ".join(BODY))
    house.fetch()
    assert [path for path, _ in house.site.asked] == ["/world"]


@pytest.mark.parametrize(("wish", "asked"), [("always", True), ("never", False)])
def test_the_feed_s_owner_decides(house: House, wish: str, asked: bool) -> None:
    paper = Paper(house, wish)
    paper.entry(" ".join(BODY) if asked else TEASER)
    house.fetch()
    assert ("/pier" in [path for path, _ in house.site.asked]) is asked


def test_a_page_that_robots_txt_keeps_us_from_is_not_asked_for(paper: Paper, house: House) -> None:
    paper.site("/robots.txt", "User-agent: *\nDisallow: /pier\n")
    house.fetch()
    assert [path for path, _ in house.site.asked] == ["/world", "/robots.txt"]
    assert paper.article().text == TEASER


def test_robots_txt_does_not_keep_us_from_the_feed_that_the_user_named(
    paper: Paper, house: House
) -> None:
    paper.site("/robots.txt", "User-agent: *\nDisallow: /\n")
    assert house.fetch()["world"].status == "fetched"


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_page_that_fails_costs_nothing_but_the_full_text(
    paper: Paper, house: House, status: int
) -> None:
    paper.page("sorry", status)
    report = house.run()
    assert report.digests[0].status == "built"
    assert (report.feeds[0].status, report.feeds[0].pages) == ("fetched", 0)
    assert paper.article().text == TEASER


def test_a_server_that_stumbles_is_asked_for_the_page_again(paper: Paper, house: House) -> None:
    paper.page("sorry", 503)
    house.fetch()
    paper.page(page_html())
    assert house.fetch(NOON + HOUR)["world"].pages == 1


def test_a_page_that_isn_t_there_is_not_asked_for_again(paper: Paper, house: House) -> None:
    paper.page("sorry", 404)
    house.fetch()
    paper.page(page_html())
    house.fetch(NOON + HOUR)
    assert "/pier" not in [path for path, _ in house.site.asked]


def test_an_old_article_s_page_is_not_asked_for(house: House) -> None:
    Paper(house)
    house.fetch(NOON + 48 * HOUR)
    assert [path for path, _ in house.site.asked] == ["/world"]


def test_a_page_behind_a_paywall_is_marked_in_the_mail(paper: Paper, house: House) -> None:
    mark = (
        '{"@context": "https://schema.org", "@type": "NewsArticle", "isAccessibleForFree": false}'
    )
    paper.page(page_html(extra=f'<script type="application/ld+json">{mark}</script>'))
    house.run()
    assert paper.article().paywall
    assert "for subscribers" in house.files()["index.html"].decode()
    assert "for subscribers" in house.files()["digest.txt"].decode()


def test_the_page_says_where_it_really_is(paper: Paper, house: House) -> None:
    address = f"{house.site.base}/2026/pier"
    paper.page(page_html(extra=f'<link rel="canonical" href="{address}?utm_source=rss">'))
    house.fetch()
    assert paper.article().url == address


def test_a_feed_with_new_guids_each_time_keeps_its_full_texts(paper: Paper, house: House) -> None:
    house.fetch()
    feed = house.site.pages["/world"]
    house.site.pages["/world"] = replace(feed, body=feed.body.replace(b">1<", b">2<"))
    again = house.fetch(NOON + HOUR)["world"]
    assert (again.new, again.updated, again.pages) == (0, 0, 0)
    assert "herring fleet" in paper.article().text


# --- what of a page is taken -----------------------------------------------------------------


def article(**changes: object) -> Article:
    values: dict[str, Any] = {
        "id": "a1",
        "feed": "world",
        "title": "Harbour opens pier",
        "text": TEASER,
        "published": NOON,
        "url": "https://paper.example/1",
    }
    return Article(**{**values, **changes})


def page(**changes: object) -> Page:
    values: dict[str, Any] = {
        "article": "a1",
        "url": "https://paper.example/pier",
        "text": "\n\n".join(BODY),
        "title": "Harbour opens pier",
        "image": Image("https://paper.example/pier.jpg", 1200, 630, "A pier"),
        "author": "A. Holm",
        "published": NOON - HOUR,
        "language": "en",
    }
    return Page(**{**values, **changes})


def test_the_feed_s_word_goes_before_the_page_s() -> None:
    feed = Image("https://paper.example/feed.jpg", 640, 480)
    told = with_page(article(image=feed, author="B. Lund", language="nb"), page())
    assert (told.image, told.author, told.language) == (feed, "B. Lund", "nb")
    assert told.published == NOON


def test_the_page_completes_what_is_known_of_the_feed_s_picture() -> None:
    same = article(image=Image("https://paper.example/pier.jpg", 640))
    assert with_page(same, page()).image == page().image
    assert with_page(same, page(image=None)).image == same.image


def test_the_page_s_picture_stands_in_for_the_feed_s_thumbnail() -> None:
    thumbnail = article(image=Image("https://paper.example/thumb.jpg", 144, 81))
    assert with_page(thumbnail, page()).image == page().image


def test_what_the_feed_left_out_is_taken_from_the_page() -> None:
    told = with_page(article(date_origin="missing"), page())
    assert (told.image, told.author, told.language) == (
        Image("https://paper.example/pier.jpg", 1200, 630, "A pier"),
        "A. Holm",
        "en",
    )
    assert (told.published, told.date_origin) == (NOON - HOUR, "feed")


def test_a_page_that_tells_less_than_the_feed_leaves_the_text() -> None:
    whole = article(text="\n\n".join(BODY))
    told = with_page(whole, page(text=TEASER, paywall=True))
    assert (told.text, told.text_from, told.paywall) == (whole.text, "feed", True)


@pytest.mark.parametrize(
    "text",
    [
        "We value your privacy. We and our partners store cookies on your device. " * 10,
        "Subscribe now to read on. Already a member? Log in with your password. " * 10,
        "Elsewhere, a bakery won the county's prize for rye bread this weekend. " * 10,
    ],
)
def test_a_page_about_something_else_is_not_taken(text: str) -> None:
    whole = article()
    assert with_page(whole, page(text=text, title="")) == whole


def test_a_page_that_could_not_be_read_changes_nothing() -> None:
    assert with_page(article(), Page("a1", reason="HTTP 404 Not Found")) == article()


def test_the_hash_follows_the_text() -> None:
    assert with_page(article(content_hash="h1"), page()).content_hash not in ("", "h1")
    assert with_page(article(content_hash="h1"), page(text="")).content_hash != ""
