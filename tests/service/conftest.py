"""A service that is watched: its store, health, metrics and desk; only the clock is not real."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import httpx
import numpy as np
import pytest
from starlette.applications import Starlette

from digest.config import Config, Settings, load_config
from digest.models.encoder import Encoder
from digest.models.generator import TextGenerator
from digest.pipeline.backup import last_backup
from digest.pipeline.summarizers import Summarizers
from digest.pipeline.wiring import Workshop, open_workshop
from digest.preview.app import create_app
from digest.preview.jobs import Jobs
from digest.preview.room import DeskRoom
from digest.records import Vectors
from digest.service.health import Health
from digest.service.metrics import Metrics
from digest.service.pulse import Pulse
from digest.service.service import Service

TOKEN = "a-key-of-these-tests"
MORNING = datetime(2026, 3, 2, 7, tzinfo=UTC)
CONFIG = """
digests:
  - {name: morning, schedule: "0 7 * * *", max_stories: 3}
feeds:
  - {name: town, url: town.xml}
  - {name: court, url: "https://reader:hush@court.example/feed.xml"}
"""
_HEADLINES = ("Bridge opens after nine years", "Council buys two trams", "Frost takes the pears")


class _HashEncoder(Encoder):
    """Unit vectors of hashed words."""

    size = 64

    @property
    def key(self) -> str:
        return "hashes"

    def encode(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.size), dtype=np.float32)
        for at, text in enumerate(texts):
            for word in text.lower().split():
                vectors[at, zlib.crc32(word.encode()) % self.size] += 1.0
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        return (vectors / np.where(lengths, lengths, 1.0)).astype(np.float32)


@dataclass
class Watched:
    """A service's parts. `now` and `silence` are what its clock and its scheduler say."""

    folder: Path
    settings: Settings
    workshop: Workshop
    config: Config
    now: datetime = MORNING
    silence: float = 0.0
    beat: float = 0.0

    def __post_init__(self) -> None:
        self.service = Service(
            self.workshop,
            self.settings,
            self.config,
            clock=lambda: self.now,
            on_report=lambda report: self.metrics.report(report),
        )
        self.pulse = Pulse(self.service.jobs(), lambda: self.beat, lambda: self.now.timestamp())
        self.watch()

    def watch(self) -> None:
        """Health and metrics that have seen nothing yet."""
        store, grace = self.workshop.store, self.service.grace
        folders = {"outbox": self.settings.outbox_dir, "state": self.settings.state_dir}
        self.health = Health(
            store,
            folders,
            lambda: self.config,
            grace,
            lambda: self.silence,
            self.pulse,
            lambda: self.now,
        )
        self.metrics = Metrics(
            store,
            lambda: self.config,
            self.health,
            self.pulse,
            lambda: self.silence,
            lambda: self.now,
            lambda: last_backup(self.settings.state_dir),
            sends=self.workshop.mail is not None,
        )

        # Made at the start, as a service does, since they ask the database for its secret.
        self._apps = {
            (token, serves): self._app(token, serves)
            for token in (None, TOKEN)
            for serves in (True, False)
        }

    def _app(self, token: str | None, serves: bool) -> Starlette:
        jobs = Jobs(self.workshop, lambda: self.config, str, lambda: self.now, serves=serves)
        room = DeskRoom(
            self.workshop, lambda: self.config, str, lambda: self.now, jobs, token=token
        )
        watched = [*self.health.routes(), *self.metrics.routes()] if serves else []
        return create_app(room, watched)

    def news(self) -> None:
        """What the feed of the town says from now on."""
        at = format_datetime(self.now - timedelta(hours=1))
        items = "".join(
            f"<item><title>{title}</title><guid isPermaLink='false'>{title}</guid>"
            f"<pubDate>{at}</pubDate><description>{title}, says {title.split()[0]}. "
            f"It was {len(title)} degrees at {title.split()[-1]}.</description></item>"
            for title in _HEADLINES
        )
        (self.folder / "town.xml").write_text(
            f"<rss version='2.0'><channel><title>Town</title>{items}</channel></rss>", "utf-8"
        )

    def client(
        self,
        peer: str = "127.0.0.1",
        token: str | None = None,
        host: str = "localhost",
        *,
        serves: bool = True,
    ) -> httpx.AsyncClient:
        """Whoever asks from the address `peer` by the name `host`; the desk has the key `token`.

        Without `serves` there is no service beside the desk.
        """
        app = self._apps[token, serves]
        transport = httpx.ASGITransport(app, client=(peer, 50000))
        return httpx.AsyncClient(transport=transport, base_url=f"http://{host}")


@pytest.fixture
def watched_at(tmp_path: Path) -> Iterator[Callable[..., Watched]]:
    """Makes a watched service with settings of its own."""
    (tmp_path / "feeds.yaml").write_text(CONFIG, encoding="utf-8")
    with ExitStack() as stack:

        def make(*, mail: bool = True, **settings: object) -> Watched:
            values = Settings(
                outbox_dir=tmp_path / "outbox",
                state_dir=tmp_path / "state",
                templates_dir=tmp_path / "templates",
                smtp_url=f"maildir:{tmp_path / 'mail'}" if mail else None,
                **settings,
            )
            encoder = _HashEncoder()
            workshop = replace(
                stack.enter_context(open_workshop(values)),
                encoder=encoder,
                summarizers=Summarizers(encoder, TextGenerator),
            )
            return Watched(tmp_path, values, workshop, load_config(tmp_path / "feeds.yaml"))

        yield make


@pytest.fixture
def watched(watched_at: Callable[..., Watched]) -> Watched:
    """A watched service, at seven in the morning, with nothing done yet."""
    return watched_at()
