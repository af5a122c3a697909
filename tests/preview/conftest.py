"""A small theme, made-up feeds, and the desk running on a real port over a real workshop.

Only the encoder is faked, by one that hashes words.
"""

from __future__ import annotations

import hashlib
import random
import re
import shutil
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape, unescape
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import numpy as np
import pytest

from digest.config import Settings
from digest.config.watching import WatchedConfig
from digest.models.encoder import Encoder
from digest.pipeline.pool import Pool
from digest.pipeline.run import run
from digest.pipeline.summarizers import Summarizers
from digest.pipeline.wiring import Workshop, open_workshop, theme_folders
from digest.preview.app import create_app
from digest.preview.jobs import Jobs
from digest.preview.room import DeskRoom
from digest.preview.server import address_of, build_server, listen
from digest.records import RunReport, Vectors

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DATE = "2026-03-02"

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
{% for paragraph in edition.note %}<p>{{ paragraph }}</p>{% endfor %}
{% for topic in edition.topics %}<h2>{{ topic.name }}</h2>
{% for story in topic.stories %}<h3><a href="{{ story.url }}">{{ story.headline }}</a></h3>
<p>{% for sentence in story.summary %}{{ sentence.text }} {% endfor %}</p>{% endfor %}{% endfor %}
</body></html>
"""
TEXT = """{{ edition.title }}
{% for story in edition.stories %}
* {{ story.headline }}
{% endfor %}
"""


class FakeEncoder(Encoder):
    """Unit vectors that are near when two texts share words."""

    size = 256

    @property
    def key(self) -> str:
        return "fake"

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.size), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in re.findall(r"[a-z]{4,}", text.lower()):
                vectors[row, zlib.crc32(word.encode()) % self.size] += 1.0
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = vectors / np.where(lengths, lengths, 1.0)
        return unit.astype(np.float16).astype(np.float32)  # as the store keeps them


TOPICS = {
    "Harbour": "harbour ferries ships pier cargo sailors",
    "Town": "council streets trams library market schools",
    "Science": "comet telescope laboratory glacier measured researchers",
}


def prose(title: str, topic: str, sentences: int = 5) -> str:
    """Sentences of a title's words, of words that no other title has, and a topic's; always the
    same for the same title."""
    dice = random.Random(title)
    syllables = "ka lo mi ru te vo sha pel dor nin ba gre".split()
    names = ["".join(dice.choices(syllables, k=4)).capitalize() for _ in range(12)]
    lines = [f"{title}."]
    for _ in range(sentences):
        first, second, third = dice.sample(names, 3)
        about = dice.choice(TOPICS[topic].split())
        count = dice.randint(2, 90)
        lines.append(f"{first} of {second} saw {count} {about} near {third} on Monday morning.")
    return " ".join(lines)


@dataclass(frozen=True)
class Item:
    """An entry of a feed: its headline, topic, text, and how many hours ago it came out."""

    title: str
    topic: str = "Town"
    hours: float = 3.0
    text: str = ""
    link: str = ""
    like: str = ""
    """The title of another that tells the same, in almost the same words."""

    @property
    def xml(self) -> str:
        date = format_datetime(NOON - timedelta(hours=self.hours))
        link = self.link or f"https://paper.example/{zlib.crc32(self.title.encode())}"
        text = self.text or f"<p>{escape(prose(self.like or self.title, self.topic))}</p>"
        return (
            f"<item><title>{escape(self.title)}</title><link>{escape(link)}</link>"
            f"<guid isPermaLink='false'>{escape(self.title)}</guid>"
            f"<pubDate>{date}</pubDate><description>{escape(text)}</description></item>"
        )


GULL = (
    Item("Harbour pier closes after the storm broke its northern planks", "Harbour", 2),
    Item("New ferries sail between the islands from next spring", "Harbour", 4),
    Item("Council votes to keep the old library open on Sundays", "Town", 5),
    Item("Trams return to Mill Street after nine years without rails", "Town", 6),
    Item("Comet with two tails can be seen at dusk this week", "Science", 7),
    Item("Glacier above the valley lost eleven metres of ice", "Science", 8),
)
LANTERN = (
    Item("Storm closes the harbour pier", "Harbour", 1, like=GULL[0].title),
    Item("Sunday opening stays at the old library", "Town", 4.5, like=GULL[2].title),
    Item("Market traders ask for a roof over the northern stalls", "Town", 9),
    Item("Laboratory grows moss that drinks the fog of mornings", "Science", 10),
)
"""Two papers that tell of ten things, two of which both tell: eight stories in three topics."""


@dataclass
class DeskFixture:
    """A desk that can be started, and what it stands on: `folder` holds feeds.yaml, state, outbox.

    `now` is its clock. `options` are settings, `token`, `serves` and `hosts` as `DeskRoom` has
    them; they are read when it starts. `client` has a browser's cookies; `csrf` is its token.
    `evil` is another site's address, where there is one.
    """

    folder: Path
    options: dict[str, Any] = field(default_factory=dict)
    now: datetime = NOON
    token: str | None = None
    serves: bool = False
    hosts: tuple[str, ...] = ()
    digest: str = "daily"
    date: str = DATE
    url: str = ""
    evil: str = ""
    client: httpx.Client = field(init=False)
    room: DeskRoom = field(init=False)
    workshop: Workshop = field(init=False)
    stop_server: Callable[[], None] = lambda: None
    kept: Path | None = None
    """Where first builds are kept for the next test that stands on the same."""

    # --- what it stands on ---

    def feed(self, name: str, *items: Item, title: str = "") -> None:
        """What the feed has from now on."""
        channel = f"<title>{escape(title or name)}</title><link>https://{name}.example/</link>"
        entries = "".join(item.xml for item in items)
        (self.folder / f"{name}.xml").write_text(
            f'<?xml version="1.0"?><rss version="2.0"><channel>{channel}{entries}</channel></rss>',
            "utf-8",
        )

    def configure(self, *more: str, template: str = "small", feeds: str = "gull lantern") -> None:
        """Writes feeds.yaml; `more` are lines of the digest, such as `language: de`.

        Editions wait for an approval, unless `more` says something of `review`.
        """
        if not any(line.startswith("review:") for line in more):
            more = ("review: true", *more)
        lines = ["digests:", f"  - name: {self.digest}", "    title: The Daily", "    topics:"]
        lines += [f"      {name}: {words}" for name, words in TOPICS.items()]
        lines += [f"    template: {template}", *(f"    {line}" for line in more), "feeds:"]
        lines += [
            f"  - {{name: {name}, url: {name}.xml, full_text: never}}" for name in feeds.split()
        ]
        (self.folder / "feeds.yaml").write_text("\n".join(lines) + "\n", "utf-8")

    @property
    def template(self) -> Path:
        """The HTML template of the theme `small`."""
        return self.folder / "templates" / "small" / "digest.html.j2"

    @property
    def settings(self) -> Settings:
        return Settings(
            outbox_dir=self.folder / "outbox",
            state_dir=self.folder / "state",
            templates_dir=self.folder / "templates",
            **self.options,
        )

    @contextmanager
    def opened(self) -> Iterator[Workshop]:
        """A workshop as a process of its own would have it."""
        with open_workshop(self.settings) as workshop, ThreadPoolExecutor(2) as threads:
            encoder = FakeEncoder()
            yield replace(
                workshop,
                encoder=encoder,
                summarizers=Summarizers(encoder, _no_writer),
                pool=Pool(threads, 2),  # processes would take a second to start
            )

    def build(self, *, force: bool = False) -> RunReport:
        """What `digest run` does; also while the desk is running.

        A first build is made once a session for each set of feeds, feeds.yaml and themes, and then
        copied. A test that patches what a build does must build with `force`.
        """
        fresh = not force and not (self.folder / "state").exists()
        if self.kept is None or not fresh:
            return self._build(force=force)
        there = self.kept / self._stamp()
        if there.name not in _REPORTS:
            _REPORTS[there.name] = self.folder, self._build(force=False)
            for part in ("state", "outbox"):
                shutil.copytree(self.folder / part, there / part)
            return _REPORTS[there.name][1]
        before, report = _REPORTS[there.name]
        for part in ("state", "outbox"):
            shutil.copytree(there / part, self.folder / part)
        _moved(self.folder / "state" / "digest.db", str(before), str(self.folder))
        return report

    def _stamp(self) -> str:
        """Another value where a first build would be another."""
        files = sorted(path for path in self.folder.rglob("*") if path.is_file())
        parts = [(str(path.relative_to(self.folder)), path.read_bytes()) for path in files]
        options = {name: value for name, value in self.options.items() if name != "smtp_url"}
        told = repr((parts, self.now, sorted(options.items())))
        return hashlib.sha256(told.encode()).hexdigest()

    def _build(self, *, force: bool) -> RunReport:
        watched = WatchedConfig(self.folder / "feeds.yaml")
        watched.look()
        assert watched.config is not None, watched.error
        with self.opened() as workshop:
            report = run(workshop, watched.config, watched.config.digests, self.now, force=force)
        assert report.digests[0].status == "built", report.digests[0].reason
        return report

    # --- the desk ---

    def wait(self) -> None:
        """Until no work for the edition is in hand."""
        end = time.monotonic() + 60
        while job := self.room.jobs.open_of(self.digest, self.date):
            assert time.monotonic() < end, f"it doesn't end: {job}"
            time.sleep(0.01)

    @contextmanager
    def running(self) -> Iterator[DeskFixture]:
        """Runs the desk on a free port of loopback for the length of a `with`."""
        watched = WatchedConfig(self.folder / "feeds.yaml")

        def config() -> Any:
            watched.look()
            return watched.config

        with ExitStack() as stack:
            self.workshop = stack.enter_context(self.opened())
            jobs = Jobs(
                self.workshop, config, lambda: watched.error, lambda: self.now, serves=self.serves
            )
            self.room = DeskRoom(
                workshop=self.workshop,
                config=config,
                config_error=lambda: watched.error,
                clock=lambda: self.now,
                jobs=jobs,
                themes=theme_folders(self.settings),
                token=self.token,
                hosts=self.hosts,
                serves=self.serves,
            )
            stack.callback(jobs.stop)
            listener = stack.enter_context(listen("127.0.0.1", 0))
            server = build_server(create_app(self.room), on_stopping=self.room.stop)
            thread = Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()

            def end() -> None:
                server.should_exit = True
                thread.join()

            self.stop_server = end
            stack.callback(end)
            self.url = address_of(listener)
            self.client = stack.enter_context(closing(self.browser()))
            yield self

    def browser(self) -> httpx.Client:
        """Another browser, with cookies of its own, which follows no redirect."""
        # No certificates are needed, and reading them takes longer than a page.
        return httpx.Client(base_url=self.url, trust_env=False, verify=False, timeout=30)

    @property
    def path(self) -> str:
        """The address of the edition, without host."""
        return f"/editions/{self.digest}/{self.date}"

    @property
    def csrf(self) -> str:
        return csrf_of(self.client)

    def post(self, path: str, **fields: Any) -> httpx.Response:
        """Sends a form of the desk's own."""
        return self.client.post(path, data={"csrf": self.csrf, **fields})

    @property
    def revision(self) -> int:
        """What `seen` would be on a page that is opened now."""
        status = self.workshop.store.editions.status(self.digest, self.date)
        assert status is not None
        return status.revision

    def stories(self) -> dict[str, str]:
        """The printed stories' ids by their headlines, in their order."""
        from digest.pipeline import editing

        edition = editing.sheet(self.workshop, self.digest, self.date).edition
        return {story.headline: story.id for story in edition.stories}


def csrf_of(client: httpx.Client) -> str:
    """The token in the forms that this browser gets."""
    for cookie in client.cookies.jar:
        if cookie.name == "digest_browser" and (known := _TOKENS.get(cookie.value or "")):
            return known
    page = client.get("/jobs", follow_redirects=True).text
    match = re.search(r'name="csrf" value="([0-9a-f]+)"', page)
    assert match, f"no form on the page: {page[:500]}"
    _TOKENS[client.cookies["digest_browser"]] = match[1]
    return match[1]


_TOKENS: dict[str, str] = {}
_REPORTS: dict[str, tuple[Path, RunReport]] = {}
"""Of each kept build: the folder that it was made in, and what it told."""


def _moved(database: Path, before: str, after: str) -> None:
    """Feeds that are files are known by their whole path, which is another in a copy."""
    with closing(sqlite3.connect(database)) as connection, connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (table,) in tables.fetchall():
            for column in connection.execute(f'PRAGMA table_info("{table}")').fetchall():
                name = column[1]
                connection.execute(
                    f'UPDATE "{table}" SET "{name}" = replace("{name}", ?, ?) '
                    f'WHERE typeof("{name}") = \'text\' AND instr("{name}", ?)',
                    (before, after, before),
                )


def seen_of(page: str) -> int:
    """The revision that a page shows."""
    match = re.search(r'name="seen" value="(\d+)"', page)
    assert match, "the page has no form that says what was seen"
    return int(match[1])


def words_of(page: str) -> str:
    """What is read of a page: its text without tags, blanks made one."""
    bare = re.sub(r"<(script|style)\b.*?</\1>|<[^>]*>", " ", page, flags=re.DOTALL)
    return " ".join(unescape(bare).split())


def _no_writer(model: str) -> Any:
    raise AssertionError(f"nothing asked for the model {model}")


@pytest.fixture(scope="session")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for builds that several tests begin with."""
    return tmp_path_factory.mktemp("kept")


@pytest.fixture
def desk_on(tmp_path: Path, kept: Path, monkeypatch: pytest.MonkeyPatch) -> DeskFixture:
    """What a desk stands on; nothing is built and nothing runs yet: `with desk_on.running():`."""
    monkeypatch.chdir(tmp_path)
    theme = tmp_path / "templates" / "small"
    theme.mkdir(parents=True)
    (theme / "digest.html.j2").write_text(HTML, "utf-8")
    (theme / "digest.txt.j2").write_text(TEXT, "utf-8")
    on = DeskFixture(tmp_path, kept=kept)
    on.feed("gull", *GULL)
    on.feed("lantern", *LANTERN)
    on.configure()
    return on


@pytest.fixture
def desk(desk_on: DeskFixture) -> Iterator[DeskFixture]:
    """A running desk with an edition: eight stories in three topics, two of them of two feeds."""
    desk_on.build()
    with desk_on.running():
        yield desk_on
