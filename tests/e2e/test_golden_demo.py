"""The demo's edition, byte for byte: HTML, plain text and e-mail.

Whoever means to change what readers see renews the goldens and looks at the difference:

    DIGEST_UPDATE_GOLDENS=1 python -m pytest tests/e2e/test_golden_demo.py && git diff tests/e2e
"""

from __future__ import annotations

import email
import email.policy
import json
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from digest.config import load_config
from digest.feeds.parse import parse_feed
from digest.records import Article, Fetched

Desk = Any  # conftest.Desk: a conftest can't be imported by name, every room has one

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "examples" / "feeds.yaml"
EVENTS = ROOT / "tests" / "data" / "demo_events.json"
GOLDEN = Path(__file__).parent / "golden"
FILES = ("index.html", "digest.txt", "digest.md", "digest.eml")
NOW = "2026-03-02T07:00+00:00"

pytestmark = pytest.mark.model


def demo(desk: Desk, **settings: str) -> Path:
    """Builds the demo's edition; gives its folder."""
    report = desk.run_json("run", "--config", DEMO, "--now", NOW, **settings)
    assert report["exit"] == 1, report  # one of the feeds is broken on purpose
    (outcome,) = report["digests"]
    assert outcome["status"] == "built", report
    return desk.outbox / "demo" / "2026-03-02"


@pytest.fixture(scope="module")
def built(new_desk: Any) -> Desk:
    desk = new_desk()
    demo(desk)
    return desk


@pytest.fixture(scope="module")
def edition(built: Desk) -> Path:
    return built.outbox / "demo" / "2026-03-02"  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", FILES)
def test_the_demo_s_edition_is_the_golden_one(edition: Path, name: str) -> None:
    made, golden = (edition / name).read_bytes(), GOLDEN / name
    if os.environ.get("DIGEST_UPDATE_GOLDENS") == "1":
        golden.parent.mkdir(exist_ok=True)
        golden.write_bytes(made)
    # As text first: a difference then shows as lines, not as a wall of bytes.
    assert made.decode().splitlines() == golden.read_bytes().decode().splitlines()
    assert made == golden.read_bytes()


def test_one_thread_or_two_make_the_same_edition(desk: Desk, edition: Path) -> None:
    """The order of additions in a matrix product differs, and must not show."""
    threads = "2" if os.environ.get("OMP_NUM_THREADS") == "1" else "1"
    other = demo(desk, OMP_NUM_THREADS=threads, MKL_NUM_THREADS=threads)
    for name in FILES:
        assert (other / name).read_bytes() == (edition / name).read_bytes()


def test_running_the_demo_again_makes_no_second_edition(built: Desk, edition: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in edition.iterdir()}
    result = built.run("run", "--config", DEMO, "--now", NOW)
    assert result.returncode == 0, result.stderr
    assert "there already" in result.stdout
    assert "0 feeds asked" in result.stdout
    assert "0 summarised" in result.stdout
    assert str(Path("outbox/demo/2026-03-02/index.html")) in result.stdout
    assert {path: path.stat().st_mtime_ns for path in edition.iterdir()} == before
    assert sorted(path.name for path in edition.parent.iterdir()) == [
        ".catalogue.json",
        "2026-03-02",
        "atom.xml",
        "index.html",
    ]


def test_an_event_that_several_feeds_tell_is_one_story(edition: Path) -> None:
    """`demo_events.json` names each shared event's articles, as feed and guid (else headline)."""
    stories = json.loads((edition / "edition.json").read_bytes())["topics"]
    printed = [story for topic in stories for story in topic["stories"]]
    headlines = {name: article.title for name, article in demo_articles()}
    tellings = [
        {story["headline"], *(other["headline"] for other in story["also"])} for story in printed
    ]
    together = 0
    for event, articles in json.loads(EVENTS.read_text("utf-8")).items():
        wanted = {headlines[article] for article in articles}
        hits = [telling for telling in tellings if telling & wanted]
        assert len(hits) <= 1, f"{event} is told as {len(hits)} stories"
        together += bool(hits) and wanted <= hits[0]
    assert together >= 6


def test_every_summary_sentence_stands_in_its_article(edition: Path) -> None:
    texts = {article.id: " ".join(article.text.split()) for _, article in demo_articles()}
    for topic in json.loads((edition / "edition.json").read_bytes())["topics"]:
        for story in topic["stories"]:
            assert story["summary"], story["headline"]
            for sentence in story["summary"]:
                assert " ".join(sentence["text"].split()) in texts[story["article"]]


def demo_articles() -> Iterator[tuple[str, Article]]:
    """The demo's articles, each with its name in the events file: `feed|guid`, or the headline."""
    for feed in load_config(DEMO).records():
        if feed.name != "offline":
            fetched = Fetched(feed.name, feed.url, Path(feed.url).read_bytes())
            for article in parse_feed(feed, fetched, datetime.fromisoformat(NOW)).articles:
                yield f"{feed.name}|{article.guid or article.title}", article


def test_the_e_mail_holds_both_forms(edition: Path) -> None:
    message = email.message_from_bytes(
        (edition / "digest.eml").read_bytes(), policy=email.policy.default
    )
    assert message.defects == []
    assert message.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    plain = message.get_body(("plain",))
    assert plain is not None
    mail, page = plain.get_content().splitlines(), (edition / "digest.txt").read_text().splitlines()
    assert mail[: len(page)] == page
    # What follows is for subscribers only: the page can be read by anybody.
    assert "unsubscribe" in " ".join(mail[len(page) :]).lower()
