"""OPML in and out: every feed that a person can see in a list, and the rest by line."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from digest.feeds.opml import MAX_TAGS, OpmlFeed, OpmlList, read_opml, write_opml
from digest.text.addresses import web_address
from digest.text.html import one_line
from digest.text.urls import is_http

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "opml"
NOW = datetime(2026, 3, 2, 7, tzinfo=UTC)


def read(body: str, head: str = "") -> OpmlList:
    """The list with `body`, which begins on line 3."""
    return read_opml(
        f'<opml version="2.0"><head>{head}</head>\n<body>\n{body}\n</body></opml>'.encode()
    )


def urls(found: OpmlList) -> list[str]:
    return [feed.url for feed in found.feeds]


ONE = OpmlFeed("http://a.example/feed?x=1&y=2", "One & all", "http://a.example/", ())

SAME_FEED = {
    "well-formed": 'text="One &amp; all" xmlUrl="http://a.example/feed?x=1&amp;y=2" {site}/>',
    "bare ampersands": 'text="One & all" xmlUrl="http://a.example/feed?x=1&y=2" {site}/>',
    "single quotes": "text='One & all' xmlUrl='http://a.example/feed?x=1&y=2' {site}/>",
    "title only": 'title="One & all" xmlUrl="http://a.example/feed?x=1&y=2" {site}/>',
    "empty text": 'text=" " title="One & all" xmlUrl="http://a.example/feed?x=1&y=2" {site}/>',
    "lower case": 'text="One & all" xmlurl="http://a.example/feed?x=1&y=2" {site}/>',
    "upper case": 'TEXT="One & all" XMLURL="http://a.example/feed?x=1&y=2" {site}/>',
    "another name": 'text="One & all" feedUrl="http://a.example/feed?x=1&y=2" {site}/>',
    "url of an rss": 'type="RSS" text="One & all" url="http://a.example/feed?x=1&y=2" {site}/>',
    "link with xmlUrl": 'type="link" text="One & all" xmlUrl="http://a.example/feed?x=1&y=2" '
    "{site}/>",
    "space round it": 'text=" One\n  & all " xmlUrl=" http://a.example/feed?x=1&y=2\n" {site}/>',
    "no quotes": "text='One & all' xmlUrl=http://a.example/feed?x=1&y=2 {site}/>",
    "space at the equals sign": 'text = "One & all" xmlUrl = "http://a.example/feed?x=1&y=2" '
    "{site}/>",
    "no space between": 'text="One & all"xmlUrl="http://a.example/feed?x=1&y=2"{site}/>',
    "never closed": 'text="One & all" xmlUrl="http://a.example/feed?x=1&y=2" {site}>',
    "escaped twice": 'text="One &amp;amp; all" xmlUrl="http://a.example/feed?x=1&amp;amp;y=2" '
    "{site}/>",
    "quotes forgotten": 'text="One & all xmlUrl="http://a.example/feed?x=1&y=2 {site}/>',
    "curly quotes": 'text="One & all" xmlUrl=“http://a.example/feed?x=1&y=2” {site}/>',
    "end forgotten": 'text="One & all" xmlUrl="http://a.example/feed?x=1&y=2" {site}',
    "a tag that never ends": 'text="One & all" description="by <a href="http://b" '
    'xmlUrl="http://a.example/feed?x=1&y=2" {site}/>',
    "an arrow behind a quote": 'text="One & all" description="say "hello"> and go" '
    'xmlUrl="http://a.example/feed?x=1&y=2" {site}/>',
    "markup in a description": 'text="One & all" description="by <a href="http://b.example" '
    'rel="x">Bea</a>." xmlUrl="http://a.example/feed?x=1&y=2" {site}/>',
}


@pytest.mark.parametrize("outline", SAME_FEED.values(), ids=SAME_FEED.keys())
def test_a_feed_is_read_however_its_line_is_written(outline: str) -> None:
    line = "<outline " + outline.replace("{site}", 'htmlUrl="http://a.example/"')
    following = '<outline text="Two" xmlUrl="http://b.example/feed"/>'
    found = read(f"{line}\n{following}")
    assert found.feeds[0] == ONE
    assert urls(found)[1:] == ["http://b.example/feed"]
    assert found.problems == ()


def test_quotes_within_a_title_stay_in_it() -> None:
    found = read('<outline text="He said "hello" to us" xmlUrl="http://a.example/"/>')
    assert found.feeds == (OpmlFeed("http://a.example/", 'He said "hello" to us'),)


def test_folders_and_categories_become_tags() -> None:
    found = read(
        '<outline text="News"><outline title=" The  World ">'
        '<outline text="a" xmlUrl="http://a.example/" category="/Asia/Japan, daily,News"/>'
        '</outline><outline text="b" xmlUrl="http://b.example/"/></outline>'
        '<outline text="c" xmlUrl="http://c.example/"/>'
    )
    assert [feed.tags for feed in found.feeds] == [
        ("News", "The World", "Asia", "Japan", "daily"),
        ("News",),
        (),
    ]


def test_a_feed_that_was_never_closed_is_no_folder() -> None:
    found = read(
        '<outline text="News"><outline text="a" xmlUrl="http://a.example/">'
        '<outline text="b" xmlUrl="http://b.example/"></outline></outline>'
    )
    assert [feed.tags for feed in found.feeds] == [("News",), ("News",)]


def test_an_address_without_scheme_is_https() -> None:
    assert urls(read('<outline xmlUrl="a.example/feed"/>')) == ["https://a.example/feed"]


NOT_TAKEN = {
    "script": ('xmlUrl="javascript:alert(1)"', "has no http(s) address: 'javascript:alert(1)'"),
    "file": ('xmlUrl="file:///etc/passwd"', "has no http(s) address: 'file:///etc/passwd'"),
    "path": ('xmlUrl="/etc/passwd"', "has no http(s) address: '/etc/passwd'"),
    "too long": (
        f'xmlUrl="http://a.example/{"a" * 2000}"',
        "has no http(s) address: longer than 2000 characters",
    ),
    "no address": ('type="rss"', "has no address (xmlUrl)"),
    "empty address": ('type="rss" xmlUrl=""', "has no address (xmlUrl)"),
    "website only": (
        'htmlUrl="http://a.example/"',
        "names only its website; `digest feeds add http://a.example/` looks for the feed",
    ),
    "unknown attribute": (
        'adress="http://a.example/feed"',
        "has no xmlUrl; the address http://a.example/feed is its adress",
    ),
    "list": (
        'type="include" url="http://a.example/list.opml"',
        "is a list of its own, not followed: http://a.example/list.opml",
    ),
    "link": (
        'type="link" url="http://a.example/list.opml"',
        "is a list of its own, not followed: http://a.example/list.opml",
    ),
    "password": (
        'xmlUrl="ftp://me:secret@a.example/"',
        "has no http(s) address: 'ftp://***@a.example/'",
    ),
}


@pytest.mark.parametrize(("outline", "problem"), NOT_TAKEN.values(), ids=NOT_TAKEN.keys())
def test_what_cannot_be_taken_is_listed_with_its_line(outline: str, problem: str) -> None:
    found = read(f'\n<outline text="One" {outline}/>')
    assert found.feeds == ()
    assert found.problems == (f"line 4: 'One' {problem}",)


def test_lines_are_counted_from_the_top_of_the_file() -> None:
    data = b'<?xml version="1.0"?>\r\n<!--\r\n\r\n-->\r\n<opml>\r\n<outline type="rss"/></opml>'
    assert read_opml(data).problems == ("line 6: has no address (xmlUrl)",)
    wide = data.decode().encode("utf-16")
    assert read_opml(wide).problems == ("line 6: has no address (xmlUrl)",)


def test_a_feed_given_twice_is_taken_once_with_the_tags_of_both() -> None:
    found = read(
        '<outline text="A"><outline text="x" xmlUrl="http://a.example"/></outline>\n'
        '<outline text="B"><outline xmlUrl="HTTP://A.example:80/"/></outline>'
    )
    assert found.feeds == (OpmlFeed("http://a.example", "x", "", ("A", "B")),)
    assert found.problems == ()
    assert found.notes == ("line 4: 'http://A.example:80/': has the address of line 3; taken once",)


def test_comments_and_cdata_are_not_read() -> None:
    found = read(
        '<!-- <outline xmlUrl="http://a.example/"/> -->'
        '<![CDATA[<outline xmlUrl="http://b.example/"/>]]>'
        '<outline xmlUrl="http://c.example/"/>'
    )
    assert urls(found) == ["http://c.example/"]


def test_a_comment_that_never_ends_hides_nothing() -> None:
    assert urls(read('<!-- oops <outline xmlUrl="http://a.example/"/>')) == ["http://a.example/"]


def test_a_file_that_breaks_off_gives_what_came_before() -> None:
    data = b'<opml><body>\n<outline xmlUrl="http://a.example/"/>\n<outline xmlUrl="http://b.exa'
    found = read_opml(data)
    assert urls(found) == ["http://a.example/"]
    assert found.problems == (
        "line 3: breaks off here",
        "ends before </opml>; what came before was read",
    )


ENCODED = {
    "UTF-8 with a mark": ("utf-8-sig", ""),
    "UTF-16": ("utf-16", ""),
    "Latin-1 as it says": ("latin-1", "iso-8859-1"),
    "UTF-8 that says Latin-1": ("utf-8", "iso-8859-1"),
    "Latin-1 that says UTF-8": ("latin-1", "utf-8"),
}


@pytest.mark.parametrize(("encoding", "label"), ENCODED.values(), ids=ENCODED.keys())
def test_titles_survive_wrong_and_missing_encodings(encoding: str, label: str) -> None:
    declared = f' encoding="{label}"' if label else ""
    text = (
        f'<?xml version="1.0"{declared}?><opml><head><title>Größe</title></head>'
        '<outline text="Die Süddeutsche für jeden Geschmack" xmlUrl="http://a.example/é"/></opml>'
    )
    found = read_opml(text.encode(encoding))
    assert found.title == "Größe"
    assert found.feeds == (OpmlFeed("http://a.example/é", "Die Süddeutsche für jeden Geschmack"),)


def test_entities_are_not_expanded_and_nothing_outside_is_read() -> None:
    bomb = (
        '<!DOCTYPE opml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
        '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY x SYSTEM "file:///etc/hostname">]>'
        '<opml><outline text="&c;&x;" xmlUrl="http://a.example/"/></opml>'
    )
    assert read_opml(bomb.encode()).feeds == (OpmlFeed("http://a.example/", "&c;&x;"),)


def test_html_entities_in_titles_are_read() -> None:
    assert read('<outline text="arch&aelig;ology" xmlUrl="a.example"/>').feeds[0].title == (
        "archæology"
    )


def test_depth_and_number_are_no_trouble() -> None:
    deep = "".join(f'<outline text="f{n}">' for n in range(50_000))
    found = read(f'{deep}<outline xmlUrl="http://a.example/"/>')
    assert found.feeds[0].tags == tuple(f"f{n}" for n in range(MAX_TAGS))
    many = "".join(f'<outline text="{n}" xmlUrl="http://h{n}.example/"/>' for n in range(10_000))
    assert len(read(many).feeds) == 10_000


HOSTILE = {
    "quotes": 'text="title="',
    "open quotes": 'text="a title="a ',
    "comments": "<!--",
    "openings": "<outline ",
    "spaces": 'text="' + " " * 50,
    "names": 'aaaa"aaaa',
    "slashes": "/ ",
    "tags in quotes": '"<a b',
}


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=HOSTILE.keys())
def test_time_grows_no_faster_than_the_file(piece: str) -> None:
    # With a quadratic pattern each of these takes minutes.
    read_opml(b"<opml><outline " + piece.encode() * (1_000_000 // len(piece)))


def test_a_list_in_rdf_is_read() -> None:
    found = read_opml(
        b'<rdf:RDF xmlns:rdf="r" xmlns:foaf="f" xmlns:rss="s"><foaf:Group><foaf:name>Club'
        b"</foaf:name><foaf:member><foaf:Agent><foaf:weblog>"
        b'<foaf:Document rdf:about="http://a.example/"><rss:channel rdf:about="http://a.example/f"'
        b"/></foaf:Document></foaf:weblog><foaf:name> Ann </foaf:name></foaf:Agent></foaf:member>"
        b"</foaf:Group></rdf:RDF>"
    )
    assert found.feeds == (OpmlFeed("http://a.example/f", "Ann", "http://a.example/", ("Club",)),)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"", "no XML"),
        (b"hello", "no XML"),
        (b"<html><body><p>Hello</p></body></html>", "XML whose root element is <html>"),
        (b"<rss><channel/></rss>", "XML whose root element is <rss>"),
    ],
)
def test_what_is_no_list_is_called_so(data: bytes, what: str) -> None:
    found = read_opml(data)
    assert found.feeds == ()
    assert found.problems == (f"is no OPML but {what}",)


@given(st.binary())
def test_any_bytes_are_read_without_an_exception(data: bytes) -> None:
    for document in (data, b"<opml>" + data, b"<opml><outline " + data):
        assert all(is_http(feed.url) for feed in read_opml(document).feeds)


PIECES = "<outline |<|>|/>|</outline>|\"|'|=| |\n|&|&amp;|text|xmlUrl|http://a.example/|<!--|-->"
MARKUP = st.lists(st.sampled_from([*PIECES.split("|"), "<![CDATA[", "]]>", "type", "é"])).map(
    "".join
)


@given(MARKUP)
def test_any_markup_is_read_without_an_exception(markup: str) -> None:
    assert all(is_http(feed.url) for feed in read(markup).feeds)


@given(MARKUP)
def test_what_follows_broken_markup_is_still_read(markup: str) -> None:
    # Nothing can be known behind a comment or quote that goes on; a tag begins anew.
    body = markup.replace("<!--", "").replace("<![CDATA[", "")
    found = read(f'{body}\n<outline text="Last" xmlUrl="http://last.example/"/>')
    assert "http://last.example/" in urls(found)


ADDRESS_PART = 'xmlUrl="https://harbour.example/feed?a=1&b=2"'
LINES_OF_A_LIST = [
    f'<outline text="Harbour & Sea" description="News of "the" port" {ADDRESS_PART} type="rss"/>',
    f"<outline {ADDRESS_PART} title='The harbour's own' htmlUrl='https://harbour.example/'>",
    f'<outline type="rss" text="" title="Boats, ships" category="/a/b,c" {ADDRESS_PART}/>',
]


@given(st.sampled_from(LINES_OF_A_LIST), st.data())
def test_one_stray_or_lost_character_costs_no_feed(line: str, data: st.DataObject) -> None:
    start = line.index(ADDRESS_PART)
    places = [*range(len("<outline "), start), *range(start + len(ADDRESS_PART), len(line))]
    at = data.draw(st.sampled_from(places))
    stray = data.draw(st.sampled_from(["", '"', "'", "<", ">", "&", "=", " ", "<b>", '" a="']))
    broken = line[:at] + stray + line[at + (0 if stray else 1) :]
    found = read(f'{broken}\n<outline text="Last" xmlUrl="http://last.example/"/>')
    assert urls(found) == ["https://harbour.example/feed?a=1&b=2", "http://last.example/"]


# --- out -----------------------------------------------------------------------------------

LINES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cf", "Cs", "Cn"])).map(
    lambda text: one_line(one_line(one_line(text)))[:200].strip()
)
FEEDS = st.lists(
    st.builds(
        OpmlFeed,
        url=st.integers(0, 10**6).map(lambda n: f"https://h{n}.example/f?a=1&b=<{n}>"),
        title=LINES,
        site=st.sampled_from(["", "https://site.example/?a&b"]),
        tags=st.lists(LINES.filter(bool), unique=True, max_size=5).map(tuple),
    ),
    unique_by=lambda feed: feed.url,
)


def test_a_list_is_written_in_folders_by_first_tag() -> None:
    feeds = [
        OpmlFeed("http://a.example/", "A & B", "http://a.example", ("News", "Asia, East")),
        OpmlFeed("http://b.example/", "B"),
        OpmlFeed("http://c.example/", "C", tags=("News",)),
    ]
    root = etree.fromstring(write_opml("Mine", feeds, NOW))
    assert root.get("version") == "2.0"
    assert root.findtext("head/title") == "Mine"
    assert root.findtext("head/dateCreated") == "Mon, 02 Mar 2026 07:00:00 +0000"
    assert [folder.get("text") for folder in root.findall("body/outline")] == ["News", "B"]
    first = root.find("body/outline/outline")
    assert first is not None
    assert first.get("category") == "News,Asia%2C East"
    assert first.get("type") == "rss"


def test_passwords_do_not_leave_the_house() -> None:
    feed = OpmlFeed("https://me:secret@a.example/", "A", "https://me:secret@a.example/site")
    written = write_opml("Mine", [feed], NOW)
    assert b"secret" not in written
    assert read_opml(written).feeds[0].url == "https://a.example/"


@given(FEEDS)
def test_what_was_written_reads_the_same(feeds: list[OpmlFeed]) -> None:
    found = read_opml(write_opml("Mine & yours", feeds, NOW))
    assert found.problems == ()
    assert found.title == "Mine & yours"
    expected = {feed.url: (feed.title, feed.site, feed.tags) for feed in feeds}
    assert {feed.url: (feed.title, feed.site, feed.tags) for feed in found.feeds} == expected


# --- real lists ----------------------------------------------------------------------------

REAL = sorted(DATA.iterdir()) if DATA.is_dir() else []
ADDRESS = re.compile(r"""\bxmlUrl\s*=\s*["']\s*(https?://[^"'\s]+)""", re.IGNORECASE)
LISTS_OF_THEIR_OWN = {"opml__outline_type-source.xml"}


@pytest.mark.skipif(not REAL, reason="../shared/data/opml is not there")
def test_every_feed_that_can_be_seen_in_real_lists_is_found() -> None:
    missing = {}
    for path in REAL:
        data = path.read_bytes()
        seen = {web_address(url) for url in ADDRESS.findall(data.decode("utf-8", "replace"))}
        lost = seen - set(urls(read_opml(data)))
        if lost and path.name not in LISTS_OF_THEIR_OWN:
            missing[path.name] = lost
    assert missing == {}


@pytest.mark.skipif(not REAL, reason="../shared/data/opml is not there")
def test_well_formed_lists_say_what_an_xml_parser_reads() -> None:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    compared = 0
    for path in REAL:
        try:
            root = etree.fromstring(path.read_bytes(), parser)
        except etree.XMLSyntaxError:
            continue
        expected = []
        for outline in root.iter("outline"):
            given = {str(key).lower(): str(value) for key, value in outline.attrib.items()}
            url = given.get("xmlurl", "").strip()
            title = one_line(given.get("text", "")) or one_line(given.get("title", ""))
            if url and path.name not in LISTS_OF_THEIR_OWN:
                expected.append((url, title[:200].strip()))
        if root.tag == "opml":
            found = [(feed.url, feed.title) for feed in read_opml(path.read_bytes()).feeds]
            assert found == list(dict(reversed(expected)).items())[::-1], path.name
            compared += len(found)
    assert compared > 100
