"""What `load_config` says about a `feeds.yaml` that is wrong: place, field, what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from digest.config import load_config
from digest.errors import ConfigError

Unprivileged = Callable[[], AbstractContextManager[None]]
Write = Callable[[str], Path]

GOOD_FEEDS = "feeds:\n  - {name: a, url: 'https://example.org/a.xml', tags: [news]}\n"
GOOD_DIGESTS = "digests:\n  - name: morning\n"


def complaints(path: Path) -> list[str]:
    """The lines of the ConfigError that loading `path` must raise."""
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    assert str(caught.value).splitlines() == [str(problem) for problem in caught.value.problems]
    return str(caught.value).splitlines()


# Each: the extra lines of one digest (they begin on line 3), and the whole message.
BAD_DIGESTS = {
    "unknown key": (
        "tittle: Morning",
        "feeds.yaml:3: digests[0]: unknown key 'tittle' (did you mean 'title'?)",
    ),
    "unknown key, nothing near": (
        "zzz: 1",
        "feeds.yaml:3: digests[0]: unknown key 'zzz'; known: name, title, schedule, timezone, "
        "window, feeds, topics, max_stories, max_per_topic, max_per_feed, memory, summary, "
        "template, language, subject, images, postal_address, review, show_failed_feeds, from",
    ),
    "the model's own word for `from`": (
        "sender: a@example.org",
        "feeds.yaml:3: digests[0]: unknown key 'sender'; known: name, title, schedule, "
        "timezone, window, feeds, topics, max_stories, max_per_topic, max_per_feed, memory, "
        "summary, template, language, subject, images, postal_address, review, "
        "show_failed_feeds, from",
    ),
    "a language in words": (
        "language: german",
        "feeds.yaml:3: digests[0].language: 'german' is not a language code like en, de or pt-BR",
    ),
    "a language that isn't one": (
        "language: zz",
        "feeds.yaml:3: digests[0].language: 'zz' is not a language code like en, de or pt-BR",
    ),
    "a subject with an unknown name": (
        'subject: "{title}: {top}"',
        "feeds.yaml:3: digests[0].subject: '{title}: {top}' {top} can't be filled in; there are "
        "{title}, {headline}, {topic}, {date}, {stories}",
    ),
    "a subject that reaches into Python": (
        'subject: "{title.__class__}"',
        "feeds.yaml:3: digests[0].subject: '{title.__class__}' {title.__class__} can't be filled "
        "in; there are {title}, {headline}, {topic}, {date}, {stories}",
    ),
    "a subject with an open brace": (
        'subject: "{title"',
        "feeds.yaml:3: digests[0].subject: '{title' has a brace too many or too few (expected '}' "
        "before end of string); write {{ for one",
    ),
    "images that are neither": (
        "images: some",
        "feeds.yaml:3: digests[0].images: 'some' is not allowed; allowed: 'none', 'lead', 'all'",
    ),
    "number for text": (
        "title: 7",
        "feeds.yaml:3: digests[0].title: '7' is not text; put it in quotes: \"7\"",
    ),
    "truth for text": (
        "title: true",
        "feeds.yaml:3: digests[0].title: 'true' is not text; put it in quotes: \"true\"",
    ),
    "list for text": ("title: [a]", "feeds.yaml:3: digests[0].title: a list is not text"),
    "empty text": (
        "title: ''",
        "feeds.yaml:3: digests[0].title: is empty; write a text or leave the key out",
    ),
    "no value": (
        "title:",
        "feeds.yaml:3: digests[0].title: has no value; write one behind the colon",
    ),
    "two lines": (
        'title: "a\\nb"',
        "feeds.yaml:3: digests[0].title: 'a\\nb' has a line break or control character; "
        "write one line",
    ),
    "half a character": (
        'title: "\\ud800"',
        "feeds.yaml:3: digests[0].title: '\\ud800' is not text",
    ),
    "cron hour": (
        'schedule: "0 25 * * *"',
        "feeds.yaml:3: digests[0].schedule: hour '25' is not allowed; allowed: 0-23",
    ),
    "cron words": (
        "schedule: daily",
        "feeds.yaml:3: digests[0].schedule: 'daily' has 1 of the five fields of a cron line "
        "(minute, hour, day of month, month, day of week); for example '0 7 * * mon-fri'",
    ),
    "zone misspelt": (
        "timezone: Europe/Lundon",
        "feeds.yaml:3: digests[0].timezone: 'Europe/Lundon' is not an IANA time zone "
        "(did you mean 'Europe/London'?)",
    ),
    "zone by its city": (
        "timezone: new york",
        "feeds.yaml:3: digests[0].timezone: 'new york' is not an IANA time zone "
        "(did you mean 'America/New_York'?)",
    ),
    "zone that is a folder": (
        "timezone: ../../etc",
        "feeds.yaml:3: digests[0].timezone: '../../etc' is not an IANA time zone; "
        "for example Europe/London or UTC",
    ),
    "window": (
        "window: 1 day",
        "feeds.yaml:3: digests[0].window: '1 day' is not a window: a number of m, h or d "
        '(90m, 24h, 7d; at most 366d), or "all"',
    ),
    "memory in hours": (
        "memory: 36h",
        "feeds.yaml:3: digests[0].memory: '36h' is not a number of days: write 7d, at most 366d, "
        "or 0d to compare no stories with earlier editions",
    ),
    "memory as number": (
        "memory: 7",
        "feeds.yaml:3: digests[0].memory: '7' is not a number of days: write 7d, at most 366d, "
        "or 0d to compare no stories with earlier editions",
    ),
    "memory too long": (
        "memory: 400d",
        "feeds.yaml:3: digests[0].memory: '400d' is not a number of days: write 7d, at most 366d, "
        "or 0d to compare no stories with earlier editions",
    ),
    "no room for a feed": (
        "max_per_feed: 0",
        "feeds.yaml:3: digests[0].max_per_feed: '0' is too small; the least is 1",
    ),
    "window as number": (
        "window: 24",
        "feeds.yaml:3: digests[0].window: '24' is not a window: a number of m, h or d "
        '(90m, 24h, 7d; at most 366d), or "all"',
    ),
    "window too long": (
        "window: 99999d",
        "feeds.yaml:3: digests[0].window: '99999d' is not a window: a number of m, h or d "
        '(90m, 24h, 7d; at most 366d), or "all"',
    ),
    "no feeds chosen": (
        "feeds: []",
        "feeds.yaml:3: digests[0].feeds: is empty; list at least one, or leave the key out",
    ),
    "feeds as text": ("feeds: news", "feeds.yaml:3: digests[0].feeds: 'news' is not a list"),
    "feed that isn't there": (
        "feeds: [news, nwes]",
        "feeds.yaml:3: digests[0].feeds[1]: 'nwes' is no feed's name or tag (did you mean 'news'?)",
    ),
    "feed unlike any": (
        "feeds: [sport]",
        "feeds.yaml:3: digests[0].feeds[0]: 'sport' is no feed's name or tag; known: a, news",
    ),
    "topic twice": (
        "topics: [World, World]",
        "feeds.yaml:3: digests[0].topics: 'World' is listed twice",
    ),
    "topic as number": (
        "topics: [2024]",
        "feeds.yaml:3: digests[0].topics: '2024' is not a topic's name; "
        "write names, or name: description",
    ),
    "no topics": (
        "topics: {}",
        "feeds.yaml:3: digests[0].topics: is empty; list at least one, or leave the key out",
    ),
    "topic's description": (
        "topics: {World News: [a]}",
        "feeds.yaml:3: digests[0].topics['World News']: a list is not a topic's description; "
        "write a description, or {description: …, keywords: […]}",
    ),
    "too many": (
        "max_stories: 201",
        "feeds.yaml:3: digests[0].max_stories: '201' is too large; the most is 200",
    ),
    "too few": (
        "max_stories: 0",
        "feeds.yaml:3: digests[0].max_stories: '0' is too small; the least is 1",
    ),
    "fraction": (
        "max_stories: 1.5",
        "feeds.yaml:3: digests[0].max_stories: '1.5' is not a whole number",
    ),
    "number in quotes": (
        "max_stories: '5'",
        "feeds.yaml:3: digests[0].max_stories: '5' is not a whole number",
    ),
    "summary's model": (
        "summary: {model: bart}",
        "feeds.yaml:3: digests[0].summary.model: 'bart' is no model; write extractive, distilbart, "
        "bart-large-cnn, pegasus, flan-t5-small, smollm2, a repository of the hub (owner/name, "
        "owner/name@revision), or a folder (./folder)",
    ),
    "summary's model, misspelt": (
        "summary: {model: distilbert}",
        "feeds.yaml:3: digests[0].summary.model: 'distilbert' is no model (did you mean "
        "distilbart?); write extractive, distilbart, bart-large-cnn, pegasus, flan-t5-small, "
        "smollm2, a repository of the hub (owner/name, owner/name@revision), or a folder "
        "(./folder)",
    ),
    "summary's key": (
        "summary: {sentence: 2}",
        "feeds.yaml:3: digests[0].summary: unknown key 'sentence' (did you mean 'sentences'?)",
    ),
    "summary as text": (
        "summary: extractive",
        "feeds.yaml:3: digests[0].summary: 'extractive' is not a mapping (key: value)",
    ),
    "theme outside": (
        "template: ../secret",
        "feeds.yaml:3: digests[0].template: '../secret' is not a name of a-z, 0-9, - and _ "
        "(64 at most, starting with a letter or digit)",
    ),
    "YAML 1.1 truth": (
        "review: yes",
        "feeds.yaml:3: digests[0].review: 'yes' is not true or false",
    ),
    "no address": (
        "from: The Morning Digest",
        "feeds.yaml:3: digests[0].from: 'The Morning Digest' is not an address like "
        '"The Morning Digest <digest@example.org>"',
    ),
    "two addresses": (
        "from: a@example.org, b@example.org",
        "feeds.yaml:3: digests[0].from: 'a@example.org, b@example.org' is not an address like "
        '"The Morning Digest <digest@example.org>"',
    ),
    "header injection": (
        'from: "A <a@example.org>\\r\\nBcc: b@example.org"',
        "feeds.yaml:3: digests[0].from: 'A <a@example.org>\\r\\nBcc: b@example.org' is not an "
        'address like "The Morning Digest <digest@example.org>"',
    ),
    "a key twice": (
        "name: evening",
        "feeds.yaml:3: digests[0]: 'name' is given twice, first on line 2",
    ),
    "a merge": (
        "<<: {title: a}",
        "feeds.yaml:3: digests[0]: '<<' (merging) is not part of YAML 1.2; write the keys",
    ),
    "a tag": (
        "title: !secret x",
        "feeds.yaml:3: digests[0].title: the tag '!secret' has no meaning here; remove it",
    ),
    "a key that is a list": (
        "? [a]\n    : 1",
        "feeds.yaml:3: digests[0]: a key must be plain text",
    ),
}


@pytest.mark.parametrize(("extra", "message"), BAD_DIGESTS.values(), ids=BAD_DIGESTS.keys())
def test_a_mistake_in_a_digest_is_named(write: Write, extra: str, message: str) -> None:
    path = write(f"{GOOD_DIGESTS}    {extra}\n{GOOD_FEEDS}")
    assert complaints(path) == [message]


@pytest.mark.parametrize("name", ["../up", "a/b", "", ".", "-a", "Morning", "a" * 65, "müller"])
def test_a_name_that_could_leave_its_folder_is_refused(write: Write, name: str) -> None:
    path = write(f"digests:\n  - name: '{name}'\n{GOOD_FEEDS}")
    assert complaints(path) == [
        f"feeds.yaml:2: digests[0].name: '{name}' is not a name of a-z, 0-9, - and _ "
        "(64 at most, starting with a letter or digit)"
    ]


NOT_AN_ADDRESS = "is not an http(s) address or a path"

# Each: the second feed, on line 6, and the whole message.
BAD_FEEDS = {
    "scheme": ("{name: b, url: 'htp://x'}", f"feeds[1].url: 'htp://x' {NOT_AN_ADDRESS}"),
    "mail": ("{name: b, url: 'mailto:a@b'}", f"feeds[1].url: 'mailto:a@b' {NOT_AN_ADDRESS}"),
    "file scheme": (
        "{name: b, url: 'file:///etc/passwd'}",
        f"feeds[1].url: 'file:///etc/passwd' {NOT_AN_ADDRESS}",
    ),
    "no host": ("{name: b, url: 'https:///x'}", f"feeds[1].url: 'https:///x' {NOT_AN_ADDRESS}"),
    "port": (
        "{name: b, url: 'https://a:99999/'}",
        f"feeds[1].url: 'https://a:99999/' {NOT_AN_ADDRESS}",
    ),
    "IPv6": ("{name: b, url: 'https://[::1/'}", f"feeds[1].url: 'https://[::1/' {NOT_AN_ADDRESS}"),
    "space": (
        "{name: b, url: 'https://a/b c'}",
        "feeds[1].url: 'https://a/b c' has a space in it; write %20 there",
    ),
    "NUL": ('{name: b, url: "a\\0b"}', f"feeds[1].url: 'a\\x00b' {NOT_AN_ADDRESS}"),
    "empty": ("{name: b, url: ''}", f"feeds[1].url: '' {NOT_AN_ADDRESS}"),
    "credentials": (
        "{name: b, url: 'htp://me:secret@x/'}",
        f"feeds[1].url: 'htp://***@x/' {NOT_AN_ADDRESS}",
    ),
    "no address": (
        "{name: b}",
        "feeds[1].url: is missing; for example url: https://example.org/rss.xml",
    ),
    "no name": ("{url: b.xml}", "feeds[1].name: is missing; for example name: bbc-world"),
    "not a mapping": (
        "https://example.org/",
        "feeds[1]: 'https://example.org/' is not a mapping (key: value)",
    ),
    "name as number": (
        "{name: 12, url: b.xml}",
        "feeds[1].name: '12' is not text; put it in quotes: \"12\"",
    ),
    "weightless": (
        "{name: b, url: b.xml, weight: 0}",
        "feeds[1].weight: '0' is too small; it must be more than 0",
    ),
    "heavy": (
        "{name: b, url: b.xml, weight: 11}",
        "feeds[1].weight: '11' is too large; the most is 10",
    ),
    "not a number": (
        "{name: b, url: b.xml, weight: .nan}",
        "feeds[1].weight: 'nan' is not a number",
    ),
    "one tag as text": (
        "{name: b, url: b.xml, tags: news}",
        "feeds[1].tags: 'news' is not a list",
    ),
    "no topic": (
        "{name: b, url: b.xml, topic: }",
        "feeds[1].topic: has no value; write one behind the colon",
    ),
    "same name": (
        "{name: a, url: b.xml}",
        "feeds[1].name: 'a' is already the name of the feed on line 5",
    ),
    "same address": (
        "{name: b, url: 'HTTPS://EXAMPLE.org/a.xml#top'}",
        "feeds[1].url: 'HTTPS://EXAMPLE.org/a.xml#top' is already the url of the feed on line 5",
    ),
}


@pytest.mark.parametrize(("feed", "message"), BAD_FEEDS.values(), ids=BAD_FEEDS.keys())
def test_a_mistake_in_a_feed_is_named(write: Write, feed: str, message: str) -> None:
    path = write(f"# first line\n{GOOD_DIGESTS}{GOOD_FEEDS}  - {feed}\n")
    assert complaints(path) == [f"feeds.yaml:6: {message}"]


START = "it needs 'digests:' and 'feeds:'; `digest init` makes one to start from"

WHOLE_FILES = {
    "empty": ("", f"feeds.yaml: is empty: {START}"),
    "only comments": ("# nothing\n", f"feeds.yaml: is empty: {START}"),
    "only a mark": ("---\n", f"feeds.yaml: is empty: {START}"),
    "a list": ("- a\n", f"feeds.yaml: is a list, not a mapping: {START}"),
    "a text": ("hello\n", f"feeds.yaml: is 'hello', not a mapping: {START}"),
    "no digests": (
        GOOD_FEEDS,
        "feeds.yaml: digests: is missing",
    ),
    "no feeds": (GOOD_DIGESTS, "feeds.yaml: feeds: is missing"),
    "empty digests": (
        f"digests: []\n{GOOD_FEEDS}",
        "feeds.yaml:1: digests: is empty; list at least one",
    ),
    "digests without value": (
        f"digests:\n{GOOD_FEEDS}",
        "feeds.yaml:1: digests: has no value; write one behind the colon",
    ),
    "digests as mapping": (
        f"digests: {{name: a}}\n{GOOD_FEEDS}",
        "feeds.yaml:1: digests: a mapping is not a list",
    ),
    "unknown key": (
        f"{GOOD_DIGESTS}{GOOD_FEEDS}digest: 1\n",
        "feeds.yaml:5: unknown key 'digest' (did you mean 'digests'?)",
    ),
    "two digests of one name": (
        f"digests:\n  - name: a\n  - title: B\n    name: a\n{GOOD_FEEDS}",
        "feeds.yaml:4: digests[1].name: 'a' is already the name of the digest on line 2",
    ),
    "a tab": (
        f"digests:\n\t- name: a\n{GOOD_FEEDS}",
        "feeds.yaml:2: has a tab; YAML is indented with spaces",
    ),
    "colon in text": (
        f"digests:\n  - name: a\n    title: Digest: the news\n{GOOD_FEEDS}",
        "feeds.yaml:3: is not valid YAML: mapping values are not allowed here; "
        "put quotes round the text",
    ),
    "open list": (
        "digests: [a, b\n",
        "feeds.yaml:2: is not valid YAML: expected ',' or ']', but got '<stream end>' "
        "(while parsing a flow sequence that begins on line 1)",
    ),
    "a sign that YAML keeps to itself": (
        "digests: @daily\n",
        "feeds.yaml:1: is not valid YAML: found character '@' that cannot start any token; "
        "put quotes round the text",
    ),
    "unknown alias": (
        "digests: *x\n",
        "feeds.yaml:1: is not valid YAML: found undefined alias 'x'",
    ),
    "two documents": (
        f"{GOOD_DIGESTS}---\n{GOOD_FEEDS}",
        "feeds.yaml:3: is not valid YAML: but found another document "
        "(expected a single document in the stream that begins on line 1)",
    ),
    "a NUL": (
        f"{GOOD_DIGESTS}# \0\n{GOOD_FEEDS}",
        "feeds.yaml:3: holds the control character '\\x00'; remove it",
    ),
    "a character that YAML forbids": (
        f"{GOOD_DIGESTS}# \ufffe\n{GOOD_FEEDS}",
        "feeds.yaml:3: holds the character U+FFFE, which YAML forbids; remove it",
    ),
    "an alias in itself": (
        "digests: &a [*a]\n",
        "feeds.yaml:1: is nested deeper than 20 levels",
    ),
    "deep nesting": ("[" * 1000, "feeds.yaml: is nested deeper than 20 levels"),
    "a billion laughs": (
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(
            f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
            for before, name in zip("abcdefgh", "bcdefghi", strict=True)
        ),
        "feeds.yaml:1: its aliases (*name) stand for more than 10000 values",
    ),
}


@pytest.mark.parametrize(("text", "message"), WHOLE_FILES.values(), ids=WHOLE_FILES.keys())
def test_a_file_that_is_wrong_as_a_whole_is_named(write: Write, text: str, message: str) -> None:
    assert complaints(write(text)) == [message]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(write: Write) -> None:
    path = write(
        "digests:\n"
        "  - name: Morning\n"
        "    timezone: Mars/Base\n"
        "    feeds: [nwes]\n"
        "    tittle: x\n"
        "    name: again\n"
        "  - name: ok\n"
        "    max_stories: many\n"
        "  - name: ok\n"
        "feeds:\n"
        "  - {name: a, url: 'htp://x', tags: [news]}\n"
        "  - {name: b, url: b.xml, weight: -1}\n"
    )
    assert complaints(path) == [
        "feeds.yaml:2: digests[0].name: 'Morning' is not a name of a-z, 0-9, - and _ "
        "(64 at most, starting with a letter or digit)",
        "feeds.yaml:3: digests[0].timezone: 'Mars/Base' is not an IANA time zone; "
        "for example Europe/London or UTC",
        "feeds.yaml:4: digests[0].feeds[0]: 'nwes' is no feed's name or tag (did you mean 'news'?)",
        "feeds.yaml:5: digests[0]: unknown key 'tittle' (did you mean 'title'?)",
        "feeds.yaml:6: digests[0]: 'name' is given twice, first on line 2",
        "feeds.yaml:8: digests[1].max_stories: 'many' is not a whole number",
        "feeds.yaml:9: digests[2].name: 'ok' is already the name of the digest on line 7",
        f"feeds.yaml:11: feeds[0].url: 'htp://x' {NOT_AN_ADDRESS}",
        "feeds.yaml:12: feeds[1].weight: '-1' is too small; it must be more than 0",
    ]


def test_a_missing_file_says_how_to_make_one(folder: Path) -> None:
    assert not (folder / "feeds.yaml").exists()
    assert complaints(Path("feeds.yaml")) == [
        "feeds.yaml: there is no such file; `digest init` makes one, `--config FILE` names another"
    ]


def test_a_folder_is_not_read_as_a_file(folder: Path) -> None:
    (folder / "conf").mkdir()
    assert complaints(Path("conf")) == ["conf: is a folder; name the file in it"]


def test_a_file_without_permission_is_named(write: Write, unprivileged: Unprivileged) -> None:
    path = write(GOOD_DIGESTS + GOOD_FEEDS)
    path.chmod(0)
    with unprivileged():
        found = complaints(path)
    assert found == ["feeds.yaml: can't be read: Permission denied"]


def test_a_path_through_a_file_can_not_be_read(write: Write) -> None:
    path = write(GOOD_DIGESTS + GOOD_FEEDS)
    assert complaints(path / "x") == ["feeds.yaml/x: can't be read: Not a directory"]


def test_bytes_that_are_not_utf_8_are_named_with_their_line(folder: Path) -> None:
    content = f"{GOOD_DIGESTS}    title: Café\n{GOOD_FEEDS}".encode("latin-1")
    (folder / "feeds.yaml").write_bytes(content)
    assert complaints(Path("feeds.yaml")) == [
        "feeds.yaml:3: is not UTF-8 (byte 0xe9); save it as UTF-8"
    ]


def test_a_device_without_end_is_not_read_to_its_end() -> None:
    assert complaints(Path("/dev/zero")) == [
        "/dev/zero: is larger than 4 MiB; is it the right file?"
    ]
