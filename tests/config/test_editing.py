"""Feeds written into `feeds.yaml` and taken out again: every other byte stays where it is."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.config import load_config
from digest.config.editing import Added, NewFeed, add_feeds, name_for, remove_feed
from digest.errors import ConfigError, UsageError

Unprivileged = Callable[[], AbstractContextManager[None]]
Write = Callable[[str], Path]
NEW = NewFeed("https://new.example/rss", "New Feed", ("news",))


def added(path: Path, *feeds: NewFeed) -> list[str]:
    return [outcome.name for outcome in add_feeds(path, feeds or (NEW,))]


def text(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


DIGESTS = "digests:\n  - name: morning   # the only one\n"

# Each: the feeds before, and after NEW was added.
STYLES = {
    "a line a feed": (
        "feeds:\n  # good ones\n  - {name: a, url: 'a.xml'}  # mine\n\n# the end\n",
        "feeds:\n  # good ones\n  - {name: a, url: 'a.xml'}  # mine\n"
        "  - {name: new-feed, title: New Feed, url: 'https://new.example/rss', tags: [news]}\n"
        "\n# the end\n",
    ),
    "a line a key": (
        "feeds:\n- name: a\n  url: a.xml   # mine\n  tags:\n    - x\n\n",
        "feeds:\n- name: a\n  url: a.xml   # mine\n  tags:\n    - x\n"
        "- name: new-feed\n  title: New Feed\n  url: https://new.example/rss\n  tags: [news]\n\n",
    ),
    "wide dashes": (
        'feeds:\n    -   name: a\n        url: "a.xml"\n',
        'feeds:\n    -   name: a\n        url: "a.xml"\n'
        "    -   name: new-feed\n        title: New Feed\n"
        '        url: "https://new.example/rss"\n        tags: [news]\n',
    ),
    "dashes alone": (
        "feeds:\n  -\n    name: a\n    url: a.xml\n",
        "feeds:\n  -\n    name: a\n    url: a.xml\n"
        "  - name: new-feed\n    title: New Feed\n    url: https://new.example/rss\n"
        "    tags: [news]\n",
    ),
    "several lines a feed": (
        "feeds:\n  - {name: a,\n     url: a.xml}\n",
        "feeds:\n  - {name: a,\n     url: a.xml}\n"
        "  - {name: new-feed, title: New Feed, url: https://new.example/rss, tags: [news]}\n",
    ),
    "in brackets": (
        'feeds: [{name: a, url: "a.xml"}]  # mine\n',
        'feeds: [{name: a, url: "a.xml"}, {name: new-feed, title: New Feed, '
        'url: "https://new.example/rss", tags: [news]}]  # mine\n',
    ),
    "in brackets, a line a feed": (
        'feeds: [\n  {name: a, url: "a.xml"}  # mine\n]\n',
        'feeds: [\n  {name: a, url: "a.xml"},  # mine\n  {name: new-feed, title: New Feed, '
        'url: "https://new.example/rss", tags: [news]}\n]\n',
    ),
    "in brackets, commas at the ends": (
        'feeds: [\n  {name: a, url: "a.xml"},  # mine\n]\n',
        'feeds: [\n  {name: a, url: "a.xml"},  # mine\n  {name: new-feed, title: New Feed, '
        'url: "https://new.example/rss", tags: [news]},\n]\n',
    ),
    "no line break at the end": (
        "feeds:\n  - {name: a, url: a.xml}",
        "feeds:\n  - {name: a, url: a.xml}\n"
        "  - {name: new-feed, title: New Feed, url: https://new.example/rss, tags: [news]}",
    ),
    "folded text at the end": (
        "feeds:\n  - name: a\n    url: a.xml\n    title: >-\n      long\n      title\n\n  # old\n",
        "feeds:\n  - name: a\n    url: a.xml\n    title: >-\n      long\n      title\n"
        "  - name: new-feed\n    title: New Feed\n    url: https://new.example/rss\n"
        "    tags: [news]\n\n  # old\n",
    ),
    "an alias": (
        "feeds:\n  - {name: a, url: a.xml, tags: &t [x]}\n"
        "  - name: b\n    url: b.xml\n    tags: *t  # same\n",
        "feeds:\n  - {name: a, url: a.xml, tags: &t [x]}\n"
        "  - name: b\n    url: b.xml\n    tags: *t  # same\n"
        "  - name: new-feed\n    title: New Feed\n    url: https://new.example/rss\n"
        "    tags: [news]\n",
    ),
}


@pytest.mark.parametrize("newline", ["\n", "\r\n"], ids=["LF", "CRLF"])
@pytest.mark.parametrize(("before", "after"), STYLES.values(), ids=STYLES.keys())
def test_a_feed_is_written_like_its_neighbour_and_comes_out_without_a_trace(
    folder: Path, before: str, after: str, newline: str
) -> None:
    path = folder / "feeds.yaml"
    path.write_bytes((DIGESTS + before).replace("\n", newline).encode())
    assert added(path) == ["new-feed"]
    assert text(path) == (DIGESTS + after).replace("\n", newline)
    assert load_config(path).feeds[-1].url == "https://new.example/rss"
    remove_feed(path, "new-feed")
    assert text(path) == (DIGESTS + before).replace("\n", newline)


EMPTY = {
    "no value": ("feeds:   # none yet\n", "feeds:   # none yet\n{}\n"),
    "an empty list": ("feeds: []  # none yet\n", "feeds: [{}]  # none yet\n"),
    "null": ("feeds: null\n", "feeds: \n{}\n"),
    "no key": ("# none yet\n", "# none yet\nfeeds:\n{}\n"),
    "feeds first": ("feeds:\n", "feeds:\n{}\n"),
}


@pytest.mark.parametrize(("before", "after"), EMPTY.values(), ids=EMPTY.keys())
def test_the_first_feed_makes_the_list(write: Write, before: str, after: str) -> None:
    line = '{name: new-feed, title: New Feed, url: "https://new.example/rss", tags: [news]}'
    path = write(DIGESTS + before)
    assert added(path) == ["new-feed"]
    written = line if "[" in before else f"  - {line}"
    assert text(path) == DIGESTS + after.format(written)
    assert [feed.name for feed in load_config(path).feeds] == ["new-feed"]


def test_an_empty_file_gets_a_list(write: Write) -> None:
    path = write("")
    assert added(path) == ["new-feed"]
    assert text(path).startswith("feeds:\n  - {name: new-feed, ")


def test_a_feed_in_the_middle_goes_with_its_own_comments_only(write: Write) -> None:
    path = write(
        DIGESTS + "feeds:\n  # first\n  - {name: a, url: a.xml}\n\n  # second\n"
        "  - name: b   # gone\n    # gone too\n    url: b.xml   # and this\n"
        "  # third\n  - {name: c, url: c.xml}\n"
    )
    assert remove_feed(path, "b").url == "b.xml"
    assert text(path) == (
        DIGESTS + "feeds:\n  # first\n  - {name: a, url: a.xml}\n\n  # second\n"
        "  # third\n  - {name: c, url: c.xml}\n"
    )


@pytest.mark.parametrize("name", ["a", "b", "c"])
def test_any_feed_of_a_list_in_brackets_can_go(write: Write, name: str) -> None:
    for feeds in (
        "feeds: [{name: a, url: a}, {name: b, url: b}, {name: c, url: c}]\n",
        "feeds: [\n  {name: a, url: a},\n  {name: b, url: b},\n  {name: c, url: c},\n]\n",
        "feeds: [\n  {name: a, url: a},\n  {name: b, url: b},\n  {name: c, url: c}\n]\n",
    ):
        path = write(DIGESTS + feeds)
        remove_feed(path, name)
        left = [feed.name for feed in load_config(path).feeds]
        assert left == [other for other in "abc" if other != name]


def test_many_feeds_are_written_at_once_in_order(write: Write) -> None:
    path = write(DIGESTS + "feeds:\n  - {name: a, url: a.xml}\n")
    feeds = [NewFeed(f"https://h{n}.example/") for n in range(3)]
    assert added(path, *feeds) == ["h0-example", "h1-example", "h2-example"]
    assert [feed.name for feed in load_config(path).feeds][1:] == added_names(path)


def added_names(path: Path) -> list[str]:
    return [line.split()[2].rstrip(",") for line in text(path).splitlines() if "https" in line]


# --- what is not written -------------------------------------------------------------------


def test_an_address_that_is_there_already_is_not_written_again(write: Write) -> None:
    path = write(DIGESTS + "feeds:\n  - {name: a, url: 'https://Bücher.example'}\n")
    before = text(path)
    again = NewFeed("https://xn--bcher-kva.example:443/#x")
    assert add_feeds(path, [again]) == (Added(again, there="a"),)
    assert text(path) == before


def test_a_path_is_the_same_however_it_is_written(write: Write) -> None:
    path = write(DIGESTS + "feeds:\n  - {name: a, url: feeds/a.xml}\n")
    assert add_feeds(path, [NewFeed("./feeds/../feeds/a.xml")])[0].there == "a"
    assert add_feeds(path, [NewFeed(str(path.absolute().parent / "feeds/a.xml"))])[0].there == "a"


def test_two_new_feeds_with_one_address_are_one(write: Write) -> None:
    path = write(DIGESTS + "feeds:\n  - {name: a, url: a.xml}\n")
    outcomes = add_feeds(path, [NEW, NEW])
    assert [(outcome.name, outcome.there) for outcome in outcomes] == [
        ("new-feed", ""),
        ("", "new-feed"),
    ]


REFUSED = {
    "a name in use": (NewFeed("https://b.example/", name="a"), "there is a feed 'a' already"),
    "no name": (NewFeed("https://b.example/", name="B c"), "name: 'B c' is not a name of a-z"),
    "no address": (NewFeed("ftp://b.example/"), "url: 'ftp://b.example/' is not an http(s)"),
    "a topic of two lines": (NewFeed("b.xml", topic="a\nb"), "topic: 'a\\nb' has a line break"),
    "a long title": (NewFeed("b.xml", title="x" * 201), "title: 'xxx"),
}


@pytest.mark.parametrize(("feed", "reason"), REFUSED.values(), ids=REFUSED.keys())
def test_what_the_file_would_not_allow_is_refused(write: Write, feed: NewFeed, reason: str) -> None:
    path = write(DIGESTS + "feeds:\n  - {name: a, url: a.xml}\n")
    before = text(path)
    (outcome,) = add_feeds(path, [feed])
    assert outcome.name == ""
    assert outcome.reason.startswith(reason)
    assert text(path) == before


def test_the_last_feed_stays(write: Write) -> None:
    path = write(DIGESTS + "feeds:\n  - {name: a, url: a.xml}\n")
    with pytest.raises(UsageError, match=r"'a' is the only feed of .*add another first"):
        remove_feed(path, "a")


def test_an_unknown_feed_is_named_with_the_one_that_may_be_meant(write: Write) -> None:
    path = write(DIGESTS + "feeds:\n  - {name: reuters, url: a.xml}\n  - {name: b, url: b.xml}\n")
    with pytest.raises(UsageError, match=r"no feed 'reuter' in .* mean 'reuters'"):
        remove_feed(path, "reuter")


NAMED = "feeds:\n  - {name: a, url: a.xml, tags: [t]}\n  - {name: b, url: b.xml}\n"


def test_a_digest_s_list_loses_the_name_and_the_tag_that_went(write: Write) -> None:
    path = write(f"digests:\n  - name: m\n    feeds: [b, a, t]  # three\n{NAMED}")
    assert remove_feed(path, "a").words == (("m", "a"), ("m", "t"))
    assert text(path) == (
        "digests:\n  - name: m\n    feeds: [b]  # three\nfeeds:\n  - {name: b, url: b.xml}\n"
    )
    path = write(f"digests:\n  - name: m\n    feeds:\n    - a  # this\n    - b  # that\n{NAMED}")
    assert remove_feed(path, "a").words == (("m", "a"),)
    assert "    feeds:\n    - b  # that\nfeeds:" in text(path)


def test_a_tag_that_another_feed_has_stays_in_the_digest_s_list(write: Write) -> None:
    path = write(
        f"digests:\n  - name: m\n    feeds: [t]\n{NAMED}  - {{name: c, url: c, tags: [t]}}\n"
    )
    assert remove_feed(path, "a").words == ()
    assert "feeds: [t]" in text(path)


@pytest.mark.parametrize("wanted", ["[a]", "[t]", "[t, a]"])
def test_a_digest_is_not_left_without_feeds(write: Write, wanted: str) -> None:
    path = write(f"digests:\n  - name: m\n    feeds: {wanted}\n{NAMED}")
    before = text(path)
    with pytest.raises(ConfigError) as caught:
        remove_feed(path, "a")
    assert str(caught.value) == (
        "feeds.yaml:3: digests[0].feeds: the digest 'm' has no other feed than 'a'; name another "
        "there, or leave out its 'feeds:' so that it reads all"
    )
    assert text(path) == before


def test_an_edit_that_would_change_something_else_is_not_made(write: Write) -> None:
    path = write(
        DIGESTS + "feeds:\n  - {name: a, url: a.xml, tags: &t [x]}\n"
        "  - {name: b, url: b.xml, tags: *t}\n"
    )
    before = text(path)
    with pytest.raises(ConfigError, match=r"feeds\.yaml:3: can't be edited here without harm"):
        remove_feed(path, "a")
    assert text(path) == before


BROKEN = {
    "missing": (None, "there is no such file"),
    "not UTF-8": (b"digests: \xff", "is not UTF-8"),
    "not YAML": (b"digests: [", "is not valid YAML"),
    "no mapping": (b"- a\n", "can't be edited here"),
}


@pytest.mark.parametrize(("content", "message"), BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_is_no_feeds_yaml_is_left_alone(
    folder: Path, content: bytes | None, message: str
) -> None:
    path = folder / "feeds.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match=message):
        add_feeds(path, [NEW])
    assert [file.name for file in folder.iterdir()] == ([] if content is None else ["feeds.yaml"])
    assert content is None or path.read_bytes() == content


# --- the file itself -----------------------------------------------------------------------


def test_mode_mark_and_link_of_the_file_stay(folder: Path) -> None:
    real = folder / "real.yaml"
    real.write_bytes(b"\xef\xbb\xbf" + f"{DIGESTS}feeds:\n  - {{name: a, url: a}}\n".encode())
    real.chmod(0o640)
    path = folder / "feeds.yaml"
    path.symlink_to("real.yaml")
    assert added(path) == ["new-feed"]
    assert path.is_symlink()
    assert real.stat().st_mode & 0o777 == 0o640
    assert real.read_bytes().startswith(b"\xef\xbb\xbfdigests:")
    assert real.read_bytes().endswith(b"tags: [news]}\n")
    assert sorted(file.name for file in folder.iterdir()) == ["feeds.yaml", "real.yaml"]


def test_a_folder_that_cannot_be_written_is_told(
    write: Write, folder: Path, unprivileged: Unprivileged
) -> None:
    path = write(DIGESTS + "feeds:\n  - {name: a, url: a.xml}\n")
    assert added(path) == ["new-feed"]  # and everything is imported
    before = text(path)
    folder.chmod(0o555)
    try:
        with unprivileged(), pytest.raises(ConfigError, match="can't be edited: Permission denied"):
            add_feeds(path, [NewFeed("https://more.example/")])
    finally:
        folder.chmod(0o700)
    assert text(path) == before


def _add_one(path: str, number: int) -> None:
    add_feeds(Path(path), [NewFeed(f"https://h{number}.example/", "Same")])


def test_commands_at_the_same_time_lose_nothing(write: Write) -> None:
    path = write(DIGESTS + "feeds:\n  - {name: a, url: a.xml}\n").absolute()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_add_one, args=(str(path), n)) for n in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    names = {feed.name for feed in load_config(path).feeds}
    assert names == {"a", "same", "same-2", "same-3", "same-4"}


# --- names ---------------------------------------------------------------------------------

NAMES = {
    "words": ("BBC News – World", "bbc-news-world"),
    "accents": ("Süddeutsche Zeitung: Größe", "suddeutsche-zeitung-grosse"),
    "letters of their own": ("Łódź, Ærø & İzmir", "lodz-aero-izmir"),
    "long": ("word " * 20, "word-word-word-word-word-word-word-word"),
    "no Latin letter": ("新聞", "news-example-org"),
    "nothing": ("", "news-example-org"),
}


@pytest.mark.parametrize(("title", "name"), NAMES.values(), ids=NAMES.keys())
def test_a_name_comes_from_the_title_else_from_the_host(title: str, name: str) -> None:
    assert name_for(title, "https://www.news.example.org/feed", set()) == name


def test_a_name_that_is_taken_gets_a_number() -> None:
    assert name_for("News", "", {"news", "news-2"}) == "news-3"
    assert name_for("", "https://xn--bcher-kva.example/", set()) == "bucher-example"
    assert name_for("", "feeds/My File.xml", set()) == "my-file"
    assert name_for("", "https://新聞/", set()) == "feed"


def test_a_feed_is_not_called_like_a_tag(write: Write) -> None:
    # A digest that asks for the tag would read it.
    path = write(
        "digests:\n  - name: m\n    feeds: [world]\n"
        "feeds:\n  - {name: a, url: a.xml, tags: [world]}\n"
    )
    assert added(path, NewFeed("https://b.example/", "World")) == ["world-2"]


# --- any file ------------------------------------------------------------------------------

COMMENT = st.sampled_from(["", "", "  # note", " # - {name: x}"])
FILLER = st.sampled_from(["", "", "\n", "  # a section\n", "\n  # - {name: old, url: old}\n\n"])
TITLE = st.sampled_from(["plain", "'it''s'", '"a: b # c"', "é"])


@st.composite
def files(draw: st.DrawFn) -> str:
    lines = ["# top\n", "digests:\n", "  - name: m\n", draw(FILLER)]
    feeds = []
    brackets = draw(st.booleans())
    dash = draw(st.sampled_from(["- ", "  - ", "  -   "]))
    for number in range(draw(st.integers(1, 4))):
        title, comment, filler = draw(TITLE), draw(COMMENT), draw(FILLER)
        inner = f"{{name: f{number}, url: u{number}, title: {title}}}"
        if brackets:
            feeds.append(inner)
        elif draw(st.booleans()):
            feeds.append(f"{filler}{dash}{inner}{comment}\n")
        else:
            indent = " " * len(dash)
            feeds.append(
                f"{filler}{dash}name: f{number}{comment}\n{indent}url: u{number}\n"
                f"{indent}title: {title}{comment}\n"
            )
    if brackets:
        gap = draw(st.sampled_from([", ", ",\n  ", " ,\n\n  "]))
        end = draw(st.sampled_from(["]", "\n]", ",\n]", ", ]"]))
        lines.append(f"feeds: [{draw(st.sampled_from(['', chr(10) + '  ']))}{gap.join(feeds)}{end}")
        lines.append(draw(COMMENT) + "\n")
    else:
        lines += ["feeds:", draw(COMMENT), "\n", *feeds]
    lines.append(draw(FILLER))
    whole = "".join(lines)
    whole = whole.rstrip("\n") if draw(st.booleans()) else whole
    return whole.replace("\n", draw(st.sampled_from(["\n", "\r\n"])))


WORDS = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1)


@pytest.mark.slow
@given(files(), WORDS, st.lists(WORDS, max_size=3).map(tuple), st.integers(1, 3))
def test_what_was_added_comes_out_without_a_trace(
    tmp_path_factory: pytest.TempPathFactory,
    before: str,
    title: str,
    tags: tuple[str, ...],
    count: int,
) -> None:
    path = tmp_path_factory.getbasetemp() / "any-feeds.yaml"
    path.write_bytes(before.encode())
    feeds = [NewFeed(f"https://new{n}.example/", title[:200], tags) for n in range(count)]
    names = added(path, *feeds)
    assert all(names)
    written = load_config(path).feeds
    assert [feed.name for feed in written][-count:] == names
    assert (written[-1].title, written[-1].tags) == (title[:200], tags)
    for name in reversed(names):
        remove_feed(path, name)
    assert path.read_bytes() == before.encode()
