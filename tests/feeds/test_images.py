"""Pictures: which of those offered is taken, and what is known of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.feeds.extract import extract_page
from digest.feeds.images import Picture, best_image, larger_image
from digest.feeds.parse import parse_feed
from digest.records import Feed, Fetched, Image

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
BASE = "https://e.org/"
STORY = "The council agreed on Monday to reopen the old bridge after nine years of repairs. "
P = "https://e.org/p.jpg"


def of_item(markup: str, title: str = "Bridge reopens") -> Image | None:
    """The picture of an RSS item with `markup` in it."""
    body = (
        '<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/"><channel><title>T</title>'
        f"<link>{BASE}</link><item><title>{title}</title>{markup}</item></channel></rss>"
    )
    fetched = Fetched("f", "https://e.org/feed", body.encode())
    (article,) = parse_feed(Feed("f", fetched.url), fetched, NOW).articles
    return article.image


def of_page(head: str) -> Image | None:
    """The picture of a page with `head` in its head."""
    markup = (
        f"<!doctype html><html><head><title>Bridge | G</title>{head}</head><body><article>"
        f"<h1>Bridge reopens</h1><p>{STORY * 3}</p><p>{STORY * 3}</p></article></body></html>"
    )
    page = extract_page("a", markup.encode(), "text/html", "https://e.org/2026/bridge", now=NOW)
    assert not page.reason
    return page.image


def meta(*properties: tuple[str, str]) -> str:
    return "".join(f'<meta property="{key}" content="{value}">' for key, value in properties)


def ld(image: object) -> str:
    data = {"@type": "NewsArticle", "image": image}
    return f'<script type="application/ld+json">{json.dumps(data)}</script>'


# --- what feeds state ----------------------------------------------------------------------


def test_media_rss_states_the_size() -> None:
    assert of_item(f'<media:content url="{P}" type="image/jpeg" width="640" height="360"/>') == (
        Image(P, 640, 360)
    )
    assert of_item(f'<media:thumbnail url="{P}" width="240" height="135"/>') == Image(P, 240, 135)


def test_the_picture_s_own_description_goes_before_its_title() -> None:
    title = '<media:title type="plain">Pier at dawn</media:title>'
    description = (
        "<media:description><![CDATA[Two cranes &amp; a <b>ferry</b>]]></media:description>"
    )
    content = f'<media:content url="{P}" medium="image">{{}}</media:content>'
    assert of_item(content.format(title)) == Image(P, alt="Pier at dawn")
    assert of_item(content.format(title + description)) == Image(P, alt="Two cranes & a ferry")


def test_what_is_said_of_the_entry_is_not_said_of_the_picture() -> None:
    content = f'<media:content url="{P}" medium="image"/>'
    said = "<media:description>The council met.</media:description>"
    assert of_item(content + said) == Image(P)
    assert of_item(said + content) == Image(P)
    assert of_item(f"<media:group>{content}{said}</media:group>") == Image(P)
    # Of a video, and the picture stands beside it.
    video = f'<media:content url="https://e.org/v.mp4" medium="video">{said}</media:content>'
    assert of_item(video + content) == Image(P)


def test_of_two_captions_of_one_address_none_is_believed() -> None:
    content = '<media:content url="{}" medium="image"><media:title>{}</media:title></media:content>'
    assert of_item(content.format(P, "Pier") + content.format(P, "Bridge")) == Image(P)
    assert of_item(content.format(P, "Pier") + content.format(P, "Pier")) == Image(P, alt="Pier")


def test_an_enclosure_is_a_picture_by_its_type() -> None:
    assert of_item(f'<enclosure url="{P}" type="image/jpeg" length="1"/>') == Image(P)
    assert of_item('<enclosure url="https://e.org/a.mp3" type="audio/mpeg" length="1"/>') is None


def test_an_img_in_the_text_states_size_and_alt() -> None:
    img = "&lt;img width=640 height='480px' alt='A &amp;quot;pier&amp;quot;' src='/p.jpg'&gt;"
    assert of_item(f"<description>{img}</description>") == Image(P, 640, 480, 'A "pier"')


def test_what_the_text_says_of_the_feed_s_picture_is_known_of_it() -> None:
    img = "&lt;img src='/q.jpg' alt='Q'&gt; &lt;img alt='A pier' width='64' src='/p.jpg'&gt;"
    media = f'<media:content url="{P}" medium="image" width="640" height="360"/>'
    assert of_item(media + f"<description>{img}</description>") == Image(P, 640, 360, "A pier")


def test_a_json_feed_names_pictures_without_size() -> None:
    item = {"id": "1", "title": "T", "image": "data:x", "banner_image": "/p.jpg"}
    body = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": [item]})
    fetched = Fetched("f", "https://e.org/feed", body.encode())
    (article,) = parse_feed(Feed("f", fetched.url), fetched, NOW).articles
    assert article.image == Image(P)


@pytest.mark.parametrize(
    "url",
    [
        "https://secure.gravatar.com/avatar/0?s=96",
        "https://0.gravatar.com/avatar/0",
        "https://stats.example.org/b.gif",
    ],
)
def test_authors_and_counters_are_no_pictures_of_the_story(url: str) -> None:
    picture = (
        f'<media:content url="{url}" medium="image"><media:title>ada</media:title></media:content>'
    )
    assert of_item(picture) is None
    assert of_item(picture + f'<media:thumbnail url="{P}"/>') == Image(P)


def test_an_alt_that_repeats_the_headline_or_is_a_file_s_name_says_nothing() -> None:
    img = "<description>&lt;img src='/p.jpg' alt='{}'&gt;</description>"
    assert of_item(img.format("Bridge  REOPENS")) == Image(P)
    assert of_item(img.format("IMG_2034.JPG")) == Image(P)
    assert of_item(img.format("pier (1).jpg")) == Image(P)
    assert of_item(img.format("Bridge")) == Image(P, alt="Bridge")


def test_a_picture_that_changed_makes_no_other_content() -> None:
    bodies = [
        f"<rss><channel><title>T</title><item><title>A</title>{image}</item></channel></rss>"
        for image in ("", f"<enclosure url='{P}' type='image/png'/>")
    ]
    fetched = [Fetched("f", "https://e.org/feed", body.encode()) for body in bodies]
    one, other = (parse_feed(Feed("f", f.url), f, NOW).articles[0] for f in fetched)
    assert (one.image, other.image) == (None, Image(P))
    assert (one.id, one.content_hash) == (other.id, other.content_hash)


# --- what pages state ----------------------------------------------------------------------


def test_open_graph_says_parts_of_the_picture_named_last() -> None:
    assert of_page(
        meta(
            ("og:image", "/p.jpg"),
            ("og:image:width", "1200"),
            ("og:image:height", "630"),
            ("og:image:alt", "A pier &amp; a ferry"),
            ("og:image", "/q.jpg"),
            ("og:image:width", "400"),
            ("og:image:alt", "Q"),
        )
    ) == Image(P, 1200, 630, "A pier & a ferry")


def test_a_width_before_the_first_picture_is_nobody_s() -> None:
    assert of_page(meta(("og:image:width", "1200"), ("og:image", "/p.jpg"))) == Image(P)


def test_the_secure_address_and_the_plain_one_are_one_picture() -> None:
    plain = ("og:image", "http://e.org/p.jpg")
    secure = ("og:image:secure_url", P)
    again = ("og:image:url", "http://e.org/p.jpg")
    width = ("og:image:width", "900")
    for properties in (
        (plain, secure, width),
        (plain, again, secure, width),
        (secure, plain, width),
    ):
        assert of_page(meta(*properties)) == Image(P, 900)


def test_a_card_describes_its_own_picture_or_else_open_graph_s() -> None:
    alt = ("twitter:image:alt", "A pier")
    assert of_page(meta(("twitter:image", "/p.jpg"), alt)) == Image(P, alt="A pier")
    assert of_page(meta(("og:image", "/p.jpg"), alt)) == Image(P, alt="A pier")
    other = meta(("og:image", "/p.jpg"), ("twitter:image", "/q.jpg"), alt)
    assert of_page(other) == Image(P)


def test_json_ld_states_size_and_caption() -> None:
    image = {"@type": "ImageObject", "url": "/p.jpg", "width": 1200, "height": "800px"}
    assert of_page(ld({**image, "caption": "A pier"})) == Image(P, 1200, 800, "A pier")
    quantity = {"@type": "QuantitativeValue", "value": 900.0}
    assert of_page(ld({**image, "width": quantity, "caption": {"x": 1}})) == Image(P, 900, 800)


def test_json_ld_completes_the_picture_that_networks_get() -> None:
    image = {"@type": "ImageObject", "url": "/p.jpg", "width": 1200, "height": 800}
    assert of_page(meta(("og:image", "/p.jpg")) + ld(image)) == Image(P, 1200, 800)
    assert of_page(meta(("og:image", "/q.jpg")) + ld(image)) == Image("https://e.org/q.jpg")


def test_a_page_s_alt_that_repeats_its_title_says_nothing() -> None:
    assert of_page(
        meta(("og:title", "Bridge"), ("og:image", "/p.jpg"), ("og:image:alt", "Bridge"))
    ) == Image(P)


# --- the choice ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("widths", "taken"),
    [
        ((140, 460, 1200, 620), 1200),
        ((140, 1600, 1601, 5000), 1600),
        ((2400, 5000, 140), 2400),  # too much is better than a stamp
        ((None, 140), 0),  # the unknown may be large, the known is not
        ((None, 700, 140), 700),
        ((None, 300, 140), 300),  # what has a size can be printed
        ((140, 240), 240),
        ((None, None), 0),
    ],
)
def test_the_widest_is_taken_that_a_screen_can_show(
    widths: tuple[int | None, ...], taken: int
) -> None:
    offer = [Picture(f"/{width}.jpg", width, None) for width in widths]
    image = best_image([offer], BASE)
    assert image is not None
    assert image.width == taken


def test_the_first_offer_with_a_picture_is_taken() -> None:
    offers = [[Picture("cid:1")], [Picture("/p.jpg", 100)], [Picture("/q.jpg", 1200)]]
    assert best_image(offers, BASE) == Image(P, 100)
    assert best_image([], BASE) is None
    assert best_image([[], [Picture("")]], BASE) is None


@pytest.mark.parametrize(
    "length",
    ["", "-640", "100%", "1e9", "1000000000000", 10**12, float("nan"), float("inf"), 640.5, True,
     None, "auto", "0x280", "640 480", "٦٤٠", "20001", [640], {"value": 640}, -1, "12em"],
)  # fmt: skip
def test_a_length_that_can_t_be_true_is_unknown(length: object) -> None:
    assert best_image([[Picture(P, length, length)]], BASE) == Image(P)


@pytest.mark.parametrize("length", [640, 640.0, "640", " 640px ", "640.0", "640 PX"])
def test_a_length_in_pixels_is_read(length: object) -> None:
    assert best_image([[Picture(P, length)]], BASE) == Image(P, 640)


def test_zero_is_unknown_and_one_pixel_is_a_counter() -> None:
    assert best_image([[Picture(P, 0, "0")]], BASE) == Image(P)
    assert best_image([[Picture(P, 1, 1)]], BASE) is None
    assert best_image([[Picture(P, 640, 31)]], BASE) is None


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("p.jpg", P),
        ("//e.org/p.jpg", P),
        ("https://user:secret@e.org/p.jpg", P),
        ("https://e.org/" + "p" * 2034, "https://e.org/" + "p" * 2034),
        ("https://e.org/" + "p" * 2035, None),
        ("data:image/png;base64,x", None),
        ("cid:image001.png@01D9", None),
        ("blob:https://e.org/0b1", None),
        ("javascript:alert(1)", None),
        ("mailto:a@e.org", None),
        ("file:///etc/passwd", None),
        ("", None),
        (" \n", None),
    ],
)
def test_only_web_addresses_of_usual_length_are_taken(address: str, expected: str | None) -> None:
    image = best_image([[Picture(address)]], BASE)
    assert (image.url if image else None) == expected


def test_a_long_caption_is_cut_between_words() -> None:
    image = best_image([[Picture(P, alt="harbour " * 100)]], BASE)
    assert image is not None
    assert len(image.alt) <= 301
    assert image.alt.endswith("harbour…")


def test_what_another_source_says_of_the_same_picture_completes_it() -> None:
    known = Image(P, 640, 0, "")
    assert known.completed(Image(P, 1200, 800, "A pier")) == Image(P, 1200, 800, "A pier")
    assert known.completed(Image(P, 0, 800, "A pier")) == Image(P, 640, 0, "A pier")
    assert known.completed(Image("https://e.org/q.jpg", 1, 1, "Q")) == known
    assert known.completed(None) == known


@pytest.mark.parametrize(
    ("feed", "page", "taken"),
    [
        (Image(P, 140, 140), Image("p", 1200, 630), "p"),
        (Image(P, 460, 300), Image("p", 1200, 630), "p"),
        (Image(P), Image("p", 300, 200), "p"),
        (Image(P, 1200), Image("p", 900, 600), "p"),
        (None, Image("p"), "p"),
        # The feed's word stays where it serves as well, or the page's doesn't.
        (Image(P, 560, 300), Image("p", 1200, 630), P),
        (Image(P, 300, 200), Image("p", 300, 200), P),
        (Image(P, 140, 140), Image("p", 1200), P),
        (Image(P), Image("p", 140, 140), P),
        (Image(P), Image("p"), P),
        (Image(P), None, P),
    ],
)
def test_the_page_s_picture_stands_in_for_a_thumbnail(
    feed: Image | None, page: Image | None, taken: str
) -> None:
    image = larger_image(feed, page)
    assert image is not None
    assert image.url == taken


def test_feed_and_page_complete_what_is_known_of_one_picture() -> None:
    assert larger_image(Image(P, 640), Image(P, 1200, 630, "A pier")) == (
        Image(P, 1200, 630, "A pier")
    )
    assert larger_image(None, None) is None


_ANY = st.one_of(st.text(max_size=12), st.integers(), st.floats(), st.none(), st.booleans())


@given(st.lists(st.builds(Picture, st.text(max_size=30), _ANY, _ANY, st.text(max_size=400))))
def test_whatever_is_offered_the_picture_is_sound(offer: list[Picture]) -> None:
    image = best_image([offer], BASE)
    if image is not None:
        assert image.url.startswith(("https://", "http://"))
        assert 0 <= image.width <= 20_000
        assert 0 <= image.height <= 20_000
        assert "\n" not in image.alt
