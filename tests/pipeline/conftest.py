"""A newspaper in a box: feeds on a real server on loopback, a real store, outbox and themes.

Only the encoder is faked, by one that hashes words, so that hundreds of runs cost nothing.
"""

from __future__ import annotations

import random
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from digest.config import Config, Settings, load_config
from digest.editions.frozen import dump_edition, load_edition
from digest.editions.sample import sample_edition
from digest.models.encoder import Encoder
from digest.outbox.outbox import EDITION, Outbox
from digest.outbox.transport import open_transport
from digest.pipeline.delivering import deliver, fingerprint
from digest.pipeline.pool import Pool
from digest.pipeline.progress import Progress, silent
from digest.pipeline.run import fetch_only, run
from digest.pipeline.summarizers import Summarizers
from digest.pipeline.wiring import Workshop, open_workshop
from digest.protocols import Generator, Transport
from digest.records import (
    DueEdition,
    Edition,
    EditionStatus,
    Envelope,
    FeedOutcome,
    FeedState,
    NewSubscriber,
    Receipt,
    RunReport,
    SendReport,
    Vectors,
)
from digest.store.store import Store
from tests.databases import new_store

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
TEN = datetime(2026, 3, 2, 10, tzinfo=UTC)


class FakeEncoder(Encoder):
    """Unit vectors that are near when two texts share words; `texts` counts what was encoded."""

    size = 64

    def __init__(self) -> None:
        super().__init__()
        self.texts = 0
        self.loaded = True

    @property
    def key(self) -> str:
        return "fake"

    @property
    def is_loaded(self) -> bool:
        return self.loaded

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.texts += len(texts)
        vectors = np.zeros((len(texts), self.size), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in text.lower().split():
                vectors[row, zlib.crc32(word.encode()) % self.size] += 1.0
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = vectors / np.where(lengths, lengths, 1.0)
        return unit.astype(np.float16).astype(np.float32)  # as the store keeps them


class FakeWriter:
    """A model that writes the text's first sentence, with what `writes` makes of it."""

    name = "writer"

    def __init__(self, key: str = "writer@1") -> None:
        self.key = key
        self.asked = 0
        self.writes: Callable[[str], str] = lambda text: text.partition(". ")[0] + "."

    def summarize(self, texts: Sequence[str], titles: Sequence[str]) -> list[str]:
        assert len(texts) == len(titles)
        self.asked += len(texts)
        return [self.writes(text) for text in texts]


def prose(seed: str, sentences: int = 4) -> str:
    """Sentences of made-up words; another seed shares none of them."""
    dice = random.Random(seed)
    syllables = ["ka", "lo", "mi", "ru", "te", "vo", "sha", "pel", "dor", "nin", "ba", "gre"]
    words = ["".join(dice.choices(syllables, k=3)) + seed.lower() for _ in range(40)]
    return " ".join(
        " ".join(dice.choices(words, k=14)).capitalize() + "." for _ in range(sentences)
    )


@dataclass(frozen=True)
class Item:
    """An entry of an RSS feed."""

    title: str
    published: datetime | None
    text: str
    guid: str

    @property
    def xml(self) -> str:
        date = f"<pubDate>{format_datetime(self.published)}</pubDate>" if self.published else ""
        guid = self.guid
        return (
            f"<item><title>{escape(self.title)}</title><guid isPermaLink='false'>{guid}</guid>"
            f"<link>https://paper.example/{zlib.crc32(guid.encode())}</link>{date}"
            f"<description>{escape(self.text)}</description></item>"
        )


def rss(*items: Item) -> bytes:
    entries = "".join(item.xml for item in items)
    return (
        '<?xml version="1.0"?><rss version="2.0"><channel><title>Paper</title>'
        f"<link>https://paper.example/</link>{entries}</channel></rss>"
    ).encode()


@dataclass
class Page:
    body: bytes = b""
    status: int = 200
    etag: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Site:
    """`pages` by path; `asked` lists path and If-None-Match of each request, `logins` path and
    Authorization, in order."""

    base: str = ""
    pages: dict[str, Page] = field(default_factory=dict)
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    logins: list[tuple[str, str | None]] = field(default_factory=list)


@pytest.fixture(scope="session")
def _server() -> Iterator[tuple[ThreadingHTTPServer, dict[str, Site]]]:
    current: dict[str, Site] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            site = current["site"]
            condition = self.headers.get("If-None-Match")
            site.asked.append((self.path, condition))
            site.logins.append((self.path, self.headers.get("Authorization")))
            page = site.pages.get(self.path, Page(status=404))
            unchanged = bool(page.etag) and condition == page.etag
            body = b"" if unchanged else page.body
            self.send_response(304 if unchanged else page.status)
            for name, value in page.headers.items():
                self.send_header(name, value)
            if page.etag:
                self.send_header("ETag", page.etag)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield server, current
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class House:
    """What a user has: feeds.yaml, state and outbox; `run` is what `digest run` calls.

    `options` are further settings.
    """

    folder: Path
    site: Site
    encoder: FakeEncoder = field(default_factory=FakeEncoder)
    writer: FakeWriter = field(default_factory=FakeWriter)
    pool: Pool | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @staticmethod
    def item(title: str, published: datetime | None = TEN, guid: str = "") -> Item:
        """An entry whose text is made up from its title."""
        return Item(title, published, prose(title), guid or title)

    def feed(
        self, name: str, *items: Item, etag: str = "", status: int = 200, **headers: str
    ) -> None:
        """What the feed at `/name` answers from now on; `headers` with _ for -."""
        named = {header.replace("_", "-"): value for header, value in headers.items()}
        self.site.pages[f"/{name}"] = Page(rss(*items), status, etag, named)

    def configure(self, digests: str, *feeds: str) -> None:
        """Writes feeds.yaml: the `digests` as YAML in flow style, the `feeds` by name."""
        lines = ["digests:", *(f"  - {line}" for line in digests.strip().splitlines()), "feeds:"]
        lines += [
            f"  - {{name: {name}, url: '{self.site.base}/{name}', full_text: never}}"
            for name in feeds
        ]
        (self.folder / "feeds.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")

    @property
    def config(self) -> Config:
        return load_config(self.folder / "feeds.yaml")

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.folder / "outbox")

    @property
    def settings(self) -> Settings:
        return Settings(
            outbox_dir=self.folder / "outbox",
            state_dir=self.folder / "state",
            templates_dir=self.folder / "templates",
            allow_private_networks=True,
            **self.options,
        )

    def generator(self, model: str) -> Generator:
        """The model of a name: always the same one."""
        assert model
        return self.writer

    def workshop(self) -> Iterator[Workshop]:
        with open_workshop(self.settings) as workshop:
            summarizers = Summarizers(self.encoder, self.generator)
            yield replace(
                workshop,
                encoder=self.encoder,
                summarizers=summarizers,
                pool=self.pool or workshop.pool,
            )

    def run(
        self,
        now: datetime = NOON,
        *names: str,
        force: bool = False,
        note: tuple[str, ...] | None = None,
        due: Mapping[str, DueEdition] | None = None,
        progress: Progress = silent,
    ) -> RunReport:
        """A run as a process of its own would do it; the requests of earlier runs are forgotten."""
        self.site.asked.clear()
        config = self.config
        wanted = [spec for spec in config.digests if not names or spec.name in names]
        (report,) = (
            run(workshop, config, wanted, now, due=due, force=force, note=note, progress=progress)
            for workshop in self.workshop()
        )
        return report

    def fetch(self, now: datetime = NOON, *, force: bool = False) -> dict[str, FeedOutcome]:
        """What `digest fetch` does, in a process of its own; the outcomes by feed."""
        self.site.asked.clear()
        config = self.config
        (report,) = (
            fetch_only(workshop, config, config.digests, now, force=force)
            for workshop in self.workshop()
        )
        return {outcome.feed: outcome for outcome in report.feeds}

    def states(self) -> dict[str, FeedState]:
        """What is known of the feeds."""
        (states,) = (
            workshop.store.feed_states(self.config.records()) for workshop in self.workshop()
        )
        return states

    def edition(self, digest: str = "daily", date: str = "2026-03-02") -> Edition:
        return load_edition(self.outbox.read(digest, date), "edition.json")

    def headlines(self, digest: str = "daily", date: str = "2026-03-02") -> set[str]:
        return {story.headline for story in self.edition(digest, date).stories}

    def files(self, digest: str = "daily", date: str = "2026-03-02") -> dict[str, bytes]:
        folder = self.outbox.folder(digest, date)
        return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture
def house(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    _server: tuple[ThreadingHTTPServer, dict[str, Site]],
) -> House:
    monkeypatch.chdir(tmp_path)
    server, current = _server
    current["site"] = Site(f"http://127.0.0.1:{server.server_address[1]}")
    new_store(tmp_path / "state" / "digest.db")
    house = House(tmp_path, current["site"])
    house.configure(
        "{name: daily, window: 24h, topics: {Town: streets and shops}}", "world", "town"
    )
    return house


# --- an edition on its way to people --------------------------------------------------------

SEVEN = datetime(2026, 3, 2, 7, tzinfo=UTC)
# A theme that takes no time to fill in.
_BARE = {
    "digest.html.j2": "<!doctype html><html lang='en'><head><title>{{ edition.title }}</title>"
    "</head><body>{% for story in edition.stories %}<h2>{{ story.headline }}</h2>{% endfor %}"
    "<p>{{ reader.address if reader else '' }} {{ edition | unsubscribe_url(reader) }}</p>"
    "</body></html>",
    "digest.txt.j2": "{% for story in edition.stories %}{{ story.headline }}\n{% endfor %}"
    "{{ edition | unsubscribe_url(reader) }}",
    "digest.md.j2": "{{ edition.subject }}",
    "archive.html.j2": "<p>{{ archive.title }}</p>",
}


class Meddling:
    """A transport, and what happens elsewhere while it sends: `before`, `at_the_dot`, `in_doubt`,
    `after`."""

    def __init__(self, inner: Any, **moments: Callable[[Envelope], None]) -> None:
        self.inner = inner
        self.moments = moments

    def send(self, envelope: Envelope, ready: Callable[[], None]) -> Receipt:
        def last_moment() -> None:
            self.happens("at_the_dot", envelope)
            ready()
            self.happens("in_doubt", envelope)

        self.happens("before", envelope)
        receipt: Receipt = self.inner.send(envelope, last_moment)
        self.happens("after", envelope)
        return receipt

    def happens(self, name: str, envelope: Envelope) -> None:
        if name in self.moments:
            self.moments[name](envelope)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)


@dataclass
class Mailroom:
    """An edition of seven o'clock, those who want it, and a clock that goes on when it is told to.

    `url` is the mail server's, `options` are further settings. Two processes on one database are
    two mailrooms with another `state`.
    """

    folder: Path
    url: str
    options: dict[str, Any] = field(default_factory=dict)
    state: str = "state"
    outbox_name: str = "outbox"
    now: datetime = SEVEN
    patience: float = 5.0
    lock_seconds: float = 30.0
    around: Callable[[Transport], Transport] = lambda transport: transport
    digest: str = "sample"
    date: str = "2026-03-02"
    meddling = Meddling

    @property
    def key(self) -> tuple[str, str]:
        return self.digest, self.date

    @property
    def settings(self) -> Settings:
        values: dict[str, Any] = {
            "outbox_dir": self.folder / self.outbox_name,
            "state_dir": self.folder / self.state,
            "templates_dir": self.folder / "templates",
            "database_url": f"sqlite:///{self.folder / 'base' / 'digest.db'}",
            "smtp_url": self.url,
            "public_url": "https://news.example.org",
            "secret_key": "the-secret-of-these-tests",
        }
        return Settings(**{**values, **self.options})

    @property
    def config(self) -> Config:
        return load_config(self.folder / "feeds.yaml")

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.folder / self.outbox_name)

    @contextmanager
    def opened(self) -> Iterator[Workshop]:
        """The tools of a process; its mail server may be silent for `patience` seconds."""
        with open_workshop(self.settings) as workshop:
            store = Store(self.settings.database, lock_seconds=self.lock_seconds)
            mail = workshop.mail
            if mail is not None:
                mail = replace(mail, open_transport=self._transport)
            try:
                yield replace(workshop, mail=mail, store=store)
            finally:
                store.close()

    def _transport(self) -> Transport:
        options = self.settings
        return self.around(
            open_transport(
                self.url, timeout=self.patience, per_connection=options.smtp_per_connection
            )
        )

    @contextmanager
    def store(self) -> Iterator[Store]:
        store = Store(self.settings.database)
        try:
            yield store
        finally:
            store.close()

    def subscribe(self, *names: str, **choice: tuple[str, ...]) -> list[str]:
        """Subscribes `name@example.org` each; gives the addresses."""
        people = [NewSubscriber(f"{name}@example.org", **choice) for name in names]
        with self.store() as store:
            store.subscribers.subscribe(self.digest, people, self.now)
        return [person.address for person in people]

    def build(
        self,
        *,
        review: bool = False,
        send_at: datetime | None = SEVEN,
        date: str = "",
    ) -> None:
        """The edition lies in the outbox as a run leaves it there."""
        date = date or self.date
        data = dump_edition(replace(sample_edition("bare"), digest=self.digest, date=date))
        self.outbox.write(self.digest, date, {EDITION: data})
        with self.store() as store:
            store.editions.adopt(
                self.digest,
                date,
                self.now,
                fingerprint=fingerprint(data),
                built=self.now,
                review=review,
            )
            states = ("draft", "approved")
            store.editions.move(self.digest, date, states, self.now, asked=send_at, send_at=send_at)

    def clock(self) -> datetime:
        return self.now

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    def deliver(self, **options: Any) -> list[SendReport]:
        """A round as a process of its own would do it."""
        with self.opened() as workshop:
            return deliver(workshop, self.clock, **options)

    def deliver_until_done(self, rounds: int = 40) -> list[SendReport]:
        """Rounds as the service makes them, each when the last one said, until nothing waits."""
        reports: list[SendReport] = []
        with self.opened() as workshop:
            for _ in range(rounds):
                reports += deliver(workshop, self.clock)
                status = self.status
                if status.state not in ("approved", "sending"):
                    return reports
                self.now = max(self.now + timedelta(seconds=5), status.not_before or self.now)
        raise AssertionError(f"it is not done after {rounds} rounds: {reports[-3:]}")

    @property
    def status(self) -> EditionStatus:
        with self.store() as store:
            status = store.editions.status(*self.key)
        assert status is not None
        return status

    @property
    def counts(self) -> dict[str, int]:
        """Deliveries by state."""
        with self.store() as store:
            return store.deliveries.counts(*self.key)

    def who(self, *states: Any) -> set[str]:
        """The addresses whose deliveries are in one of `states`."""
        with self.store() as store:
            return {one.address for one in store.deliveries.listed(*self.key, states)}


@pytest.fixture
def mailroom(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mail_server: Any) -> Mailroom:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "templates" / "bare").mkdir(parents=True)
    for name, text in _BARE.items():
        (tmp_path / "templates" / "bare" / name).write_text(text, encoding="utf-8")
    (tmp_path / "feeds.yaml").write_text(
        "digests:\n  - {name: sample, template: bare}\nfeeds:\n  - {name: town, url: town.xml}\n"
    )
    new_store(tmp_path / "base" / "digest.db")
    return Mailroom(tmp_path, mail_server.url)
