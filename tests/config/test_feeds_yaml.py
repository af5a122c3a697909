"""What a good `feeds.yaml` comes out as."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Callable
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from digest.config import Config, load_config
from digest.config.fields import SLUG, nearest_zone
from digest.config.topics import TopicSpec
from digest.config.yaml_lines import parse_yaml
from digest.errors import ConfigError
from digest.records import Feed

Write = Callable[[str], Path]

ROOT = Path(__file__).parents[2]

SMALLEST = "digests: [{name: morning}]\nfeeds: [{name: a, url: a.xml}]\n"


def test_the_smallest_file_gets_the_defaults(write: Write) -> None:
    config = load_config(write(SMALLEST))
    digest = config.digests[0]
    assert digest.label == "morning"
    assert digest.schedule is None
    assert digest.timezone == "UTC"
    assert digest.window == timedelta(hours=24)
    assert digest.feeds is None
    assert digest.topics is None
    assert digest.max_stories == 20
    assert (digest.max_per_topic, digest.max_per_feed) == (None, None)
    assert digest.memory == timedelta(days=7)
    assert (digest.summary.model, digest.summary.sentences) == ("extractive", 2)
    assert digest.template == "classic"
    assert digest.review is False
    assert digest.sender == "Digest <digest@localhost>"
    assert config.feeds[0].weight == 1.0


def test_a_digest_is_found_by_its_name(write: Write) -> None:
    config = load_config(write(SMALLEST))
    assert config.digest("morning") is config.digests[0]
    assert config.digest("evening") is None


@pytest.mark.parametrize(("written", "days"), [("0d", 0), ("1d", 1), ("30d", 30), ("366d", 366)])
def test_memory_is_a_number_of_days(write: Write, written: str, days: int) -> None:
    path = write(f"digests: [{{name: a, memory: {written}}}]\nfeeds: [{{name: a, url: a.xml}}]\n")
    assert load_config(path).digests[0].memory == timedelta(days=days)


@pytest.mark.parametrize(
    ("written", "window"),
    [
        ("90m", timedelta(minutes=90)),
        ("24h", timedelta(days=1)),
        ("7d", timedelta(days=7)),
        ("366d", timedelta(days=366)),
        ("all", None),
    ],
)
def test_a_window_is_a_length_of_time_or_all(
    write: Write, written: str, window: timedelta | None
) -> None:
    path = write(f"digests: [{{name: a, window: {written}}}]\nfeeds: [{{name: a, url: a.xml}}]\n")
    assert load_config(path).digests[0].window == window


@pytest.mark.parametrize(
    ("written", "topics"),
    [
        ("[World, Sport]", {"World": TopicSpec(), "Sport": TopicSpec()}),
        ("{World: wars, Sport: }", {"World": TopicSpec(description="wars"), "Sport": TopicSpec()}),
    ],
)
def test_topics_come_with_or_without_descriptions(
    write: Write, written: str, topics: dict[str, TopicSpec]
) -> None:
    path = write(f"digests: [{{name: a, topics: {written}}}]\nfeeds: [{{name: a, url: a.xml}}]\n")
    assert load_config(path).digests[0].topics == topics


@pytest.mark.parametrize(
    ("written", "sender"),
    [
        ("a@example.org", "a@example.org"),
        ("The Digest <a@example.org>", "The Digest <a@example.org>"),
        ("News, daily <a@example.org>", '"News, daily" <a@example.org>'),
        ("'\"News, daily\" <a@example.org>'", '"News, daily" <a@example.org>'),
        ("Résumé <a@localhost>", "Résumé <a@localhost>"),
    ],
)
def test_a_sender_is_quoted_as_mail_wants_it(write: Write, written: str, sender: str) -> None:
    path = write(f"digests:\n- name: a\n  from: {written}\nfeeds: [{{name: a, url: a.xml}}]\n")
    assert load_config(path).digests[0].sender == sender


def test_yaml_is_1_2_so_yes_no_and_dates_are_text(write: Write) -> None:
    path = write(
        "%YAML 1.1\n---\n"
        "digests: [{name: a, title: 2024-01-01, feeds: [no]}]\n"
        "feeds: [{name: a, url: a.xml, tags: [yes, no, on, 12:30]}]\n"
    )
    config = load_config(path)
    assert config.feeds[0].tags == ("yes", "no", "on", "12:30")
    assert config.digests[0].title == "2024-01-01"


def test_anchors_and_aliases_may_share_a_value(write: Write) -> None:
    path = write(
        "digests:\n"
        "  - {name: a, topics: &topics {World: wars}}\n"
        "  - {name: b, topics: *topics}\n"
        "feeds: [{name: a, url: a.xml}]\n"
    )
    first, second = load_config(path).digests
    assert first.topics == second.topics == {"World": TopicSpec(description="wars")}


def test_an_anchor_may_be_set_again(write: Write) -> None:
    path = write(
        "digests: [{name: &n a}, {name: &n b, title: *n}]\nfeeds: [{name: a, url: a.xml}]\n"
    )
    assert [digest.label for digest in load_config(path).digests] == ["a", "b"]


@pytest.mark.parametrize("style", [">", ">-", "|", "|+"])
def test_a_block_of_text_is_taken_as_one_line(write: Write, style: str) -> None:
    lines = "one\n      two" if style.startswith(">") else "one two"
    path = write(
        f"digests:\n  - name: a\n    title: {style}\n      {lines}\n"
        "feeds: [{name: a, url: a.xml}]\n"
    )
    assert load_config(path).digests[0].title == "one two"


def test_a_byte_order_mark_and_windows_line_ends_do_no_harm(folder: Path) -> None:
    text = SMALLEST.replace("\n", "\r\n")
    (folder / "feeds.yaml").write_bytes(text.encode("utf-8-sig"))
    assert load_config(Path("feeds.yaml")).digests[0].name == "morning"


def test_a_path_is_relative_to_the_folder_of_the_file(folder: Path) -> None:
    (folder / "conf").mkdir()
    (folder / "conf" / "feeds.yaml").write_text(
        "digests: [{name: a}]\n"
        "feeds:\n"
        "  - {name: relative, url: feeds/a.xml}\n"
        "  - {name: absolute, url: /var/a.xml}\n"
        "  - {name: web, url: 'https://example.org/a.xml'}\n",
        encoding="utf-8",
    )
    config = load_config(Path("conf/feeds.yaml"))
    assert [feed.url for feed in config.feeds] == [
        str(folder / "conf" / "feeds" / "a.xml"),
        "/var/a.xml",
        "https://example.org/a.xml",
    ]


CHOOSING = (
    "digests:\n"
    "  - {name: all}\n"
    "  - {name: some, feeds: [tech, world, bbc]}\n"
    "feeds:\n"
    "  - {name: bbc, url: /a, title: BBC, tags: [world, main], topic: World, weight: 2}\n"
    "  - {name: espn, url: /b, tags: [sport]}\n"
    "  - {name: lwn, url: /c, tags: [tech]}\n"
)


def test_a_digest_gets_its_feeds_by_name_or_tag_once_in_file_order(write: Write) -> None:
    config = load_config(write(CHOOSING))
    everything, some = config.digests
    bbc = Feed("bbc", "/a", "BBC", ("world", "main"), "World", 2.0)
    espn = Feed("espn", "/b", tags=("sport",))
    lwn = Feed("lwn", "/c", tags=("tech",))
    assert config.feeds_of(everything) == (bbc, espn, lwn)
    assert config.feeds_of(some) == (bbc, lwn)


def test_a_loaded_config_can_not_be_changed(write: Write) -> None:
    config = load_config(write(SMALLEST))
    with pytest.raises(ValidationError):
        config.digests[0].name = "other"


@given(name=st.text(max_size=70))
def test_a_digest_name_is_always_one_plain_folder(name: str) -> None:
    data = {"digests": ({"name": name},), "feeds": ({"name": "a", "url": "/a"},)}
    try:
        accepted = Config.model_validate(data).digests[0].name
    except ValidationError:
        return
    assert Path("outbox", accepted).resolve().parent == Path("outbox").resolve()


@given(name=st.from_regex(SLUG, fullmatch=True))
def test_every_name_of_the_documented_form_is_taken(name: str) -> None:
    data = {"digests": ({"name": name},), "feeds": ({"name": name, "url": "/a"},)}
    assert Config.model_validate(data).digests[0].name == name


@given(st.text(max_size=40) | st.from_regex(r"(?:\w{0,9}:/{0,3})?[\w@:.\[\]]*", fullmatch=True))
def test_any_address_of_a_feed_is_taken_or_refused(url: str) -> None:
    data = {"digests": ({"name": "a"},), "feeds": ({"name": "a", "url": url},)}
    try:
        config = Config.model_validate(data, context={"folder": ROOT})
    except ValidationError:
        return
    taken = config.feeds[0].url
    assert Path(taken).is_absolute() or taken.lower().startswith(("http://", "https://"))


@given(st.text(alphabet="ab1.@<>\"' ,;é\\()\r\n", max_size=30))
def test_any_sender_is_refused_or_is_one_header_with_one_address(text: str) -> None:
    data = {
        "digests": ({"name": "a", "from": text},),
        "feeds": ({"name": "a", "url": "/a"},),
    }
    try:
        sender = Config.model_validate(data).digests[0].sender
    except ValidationError:
        return
    message = EmailMessage()
    message["From"] = sender
    assert len(message["From"].addresses) == 1
    assert message["From"].addresses[0].domain


@given(st.text(alphabet="ab:-,[]{}&*!|>'\"%#?@ \n\t~<1.", max_size=40))
@settings(deadline=None)
def test_any_text_is_read_or_refused_with_a_config_error(text: str) -> None:
    with contextlib.suppress(ConfigError):  # any other error fails the test
        parse_yaml(text, "feeds.yaml")


@given(
    text=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["digests", "feeds", "name", "url", "topics", "summary", "x"]),
                inner,
            )
        ),
        max_leaves=12,
    ).map(json.dumps)
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_data_is_loaded_or_refused_with_a_config_error(write: Write, text: str) -> None:
    path = write(text)
    with contextlib.suppress(ConfigError):
        load_config(path)


@pytest.mark.parametrize(
    ("word", "zone"),
    [
        ("europe/london", "Europe/London"),
        ("tokyo", "Asia/Tokyo"),
        ("Europe/Berln", "Europe/Berlin"),
    ],
)
def test_the_nearest_zone_is_found(word: str, zone: str) -> None:
    assert nearest_zone(word) == zone


def test_the_root_feeds_yaml_is_a_good_real_one() -> None:
    config = load_config(ROOT / "feeds.yaml")
    assert len(config.digests) == 2
    assert all(digest.schedule and len(config.feeds_of(digest)) >= 8 for digest in config.digests)
    assert len({digest.timezone for digest in config.digests}) == 2
    web = [feed for feed in config.feeds if feed.url.startswith("https://")]
    assert len(web) == len(config.feeds) >= 14
    assert len({feed.topic for feed in config.feeds if feed.topic}) >= 6
    used = {feed.name for digest in config.digests for feed in config.feeds_of(digest)}
    assert used == {feed.name for feed in config.feeds}


def test_configuration_starts_without_the_heavy_libraries() -> None:
    code = (
        "import sys, digest.config, digest.cron\n"
        "heavy = {'torch', 'transformers', 'sqlalchemy', 'numpy', 'aiohttp', 'apscheduler'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
