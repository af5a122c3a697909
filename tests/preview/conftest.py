"""A small theme, an outbox with editions, and the preview running on a real port."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Thread

import httpx
import pytest

from digest.editions.frozen import dump_edition
from digest.editions.render import Renderer
from digest.preview.app import create_app
from digest.preview.server import address_of, build_server, listen
from digest.records import Edition, EditionStory, EditionTopic, FailedFeed, SummarySentence

HTML = """<!doctype html>
<html lang="en"><head><title>{{ edition.title }}</title><meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<style>
body { background: #ffffff; color: #111111; font-family: sans-serif; }
@media (prefers-color-scheme: dark) {
  body { background: #101418 !important; color: #eeeeee !important }
}
</style></head><body>
<h1>{{ edition.title }}</h1>
{% for story in edition.stories %}<h2><a href="{{ story.url }}">{{ story.headline }}</a></h2>
<p>{% for sentence in story.summary %}{{ sentence.text }} {% endfor %}</p>{% endfor %}
</body></html>
"""
TEXT = """{{ edition.title }}
{% for story in edition.stories %}
* {{ story.headline }}
{% endfor %}
"""

Files = Callable[..., Path]
Serve = Callable[..., AbstractContextManager[httpx.Client]]


def sample(digest: str = "demo", date: str = "2026-11-24") -> Edition:
    """An edition with two stories in two topics and one failed feed."""

    def story(number: int, headline: str) -> EditionStory:
        sentence = SummarySentence(f"{headline}, officials said on Monday.", (0,), 1.0)
        return EditionStory(
            id=f"s{number}",
            article=f"a{number}",
            headline=headline,
            url=f"https://news.example.org/{number}",
            source="Example News",
            published=datetime(2026, 11, 23, 18, tzinfo=UTC),
            date_origin="feed",
            summary=(sentence,),
            model="extractive",
            minutes=3,
        )

    return Edition(
        digest=digest,
        title="The Demo Digest",
        date=date,
        timezone="Europe/London",
        built=datetime(2026, 11, 24, 7, 0, tzinfo=UTC),
        subject="River towns <rebuild> after the flood",
        preheader="And a comet that can be seen at dusk",
        sender="The Demo Digest <digest@example.org>",
        template="small",
        topics=(
            EditionTopic("World", (story(1, "River towns rebuild after the flood"),)),
            EditionTopic("Science", (story(2, "A comet can be seen at dusk"),)),
        ),
        failed=(FailedFeed("Harbour Weekly", "the server answered 503"),),
        feeds=5,
        articles=31,
    )


@pytest.fixture
def themes(tmp_path: Path) -> Path:
    """A folder of themes that holds one, `small`."""
    theme = tmp_path / "themes" / "small"
    theme.mkdir(parents=True)
    (theme / "digest.html.j2").write_text(HTML, "utf-8")
    (theme / "digest.txt.j2").write_text(TEXT, "utf-8")
    return theme.parent


@pytest.fixture
def template(themes: Path) -> Path:
    """The theme's HTML template."""
    return themes / "small" / "digest.html.j2"


@pytest.fixture
def outbox(tmp_path: Path) -> Path:
    """Where the outbox will be; nothing is there yet."""
    return tmp_path / "outbox"


@pytest.fixture
def file_edition(outbox: Path, themes: Path) -> Files:
    """Puts an edition into the outbox as a run does; gives its folder."""

    def put(digest: str = "demo", date: str = "2026-11-24", **changes: object) -> Path:
        edition = replace(sample(digest, date), **changes)  # type: ignore[arg-type]
        rendered = Renderer([themes]).render(edition)
        folder = outbox / digest / date
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "index.html").write_text(rendered.html, "utf-8")
        (folder / "digest.txt").write_text(rendered.text, "utf-8")
        (folder / "digest.eml").write_bytes(b"Subject: as built\r\n\r\nHello\r\n")
        (folder / "edition.json").write_bytes(dump_edition(edition))
        return folder

    return put


@pytest.fixture
def serve(outbox: Path, themes: Path) -> Serve:
    """Runs the preview on a free port of loopback for the length of a `with`; gives a client."""

    @contextmanager
    def running(*hosts: str) -> Iterator[httpx.Client]:
        listener = listen("127.0.0.1", 0)
        server = build_server(create_app(outbox, [themes], hosts))
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            with closing(httpx.Client(base_url=address_of(listener), trust_env=False)) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join()

    return running


@pytest.fixture
def site(serve: Serve) -> Iterator[httpx.Client]:
    """A client of the running preview."""
    with serve() as client:
        yield client
