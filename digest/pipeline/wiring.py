"""What a run needs, opened from the settings and closed again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from digest import __version__
from digest.config import Settings
from digest.editions.render import Renderer, packaged_themes
from digest.editions.signing import Signer, load_signer
from digest.errors import DigestError, StoreError
from digest.feeds.options import FetchOptions
from digest.models.encoder import Encoder
from digest.models.generator import TextGenerator
from digest.outbox.outbox import Outbox
from digest.pipeline.pool import Pool
from digest.pipeline.summarizers import Summarizers
from digest.store.store import Store

# How long a run waits for another one on the same state. A run over a hundred feeds takes a few
# minutes when everything is new.
_LOCK_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Workshop:
    """The tools of a run: store, models, themes, outbox, and how to fetch.

    `archive` is the http(s) address under which the outbox is published, or empty; `signer`
    signs messages where there is a key. `pool` is where
    feeds and pages are fetched and read and summaries are made; processes of this machine, and
    this process for the summaries, when None.
    """

    store: Store
    encoder: Encoder
    summarizers: Summarizers
    renderer: Renderer
    outbox: Outbox
    fetching: FetchOptions
    state: Path
    archive: str = ""
    signer: Signer | None = None
    pool: Pool | None = None

    @contextmanager
    def alone(self, seconds: float = _LOCK_SECONDS) -> Iterator[None]:
        """Holds the lock that keeps two runs on one state apart; waits up to `seconds` for it."""
        path = self.state / "run.lock"
        lock = FileLock(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=seconds)
        except Timeout as error:
            raise DigestError(
                f"another run has held {path} for over {seconds:.0f} s; wait for it, or end it"
            ) from error
        except OSError as error:
            raise StoreError(
                f"{path}: {error.strerror}; the state folder must be writable (DIGEST_STATE_DIR)"
            ) from error
        try:
            yield
        finally:
            lock.release()


def theme_folders(settings: Settings) -> tuple[Path, ...]:
    """Where themes are looked for: the user's folder first, then those that come with digest."""
    return settings.templates_dir, packaged_themes()


def fetch_options(settings: Settings) -> FetchOptions:
    """How to fetch, with a User-Agent that says who to write to."""
    contact = f"; {settings.contact}" if settings.contact else ""
    total = settings.fetch_timeout_seconds
    usual = FetchOptions()
    return FetchOptions(
        connect=min(usual.connect, total),
        read=min(usual.read, total),
        total=total,
        allow_private_networks=settings.allow_private_networks,
        user_agent=f"digest/{__version__} (feed reader{contact})",
    )


def open_signer(settings: Settings) -> Signer | None:
    """What signs messages; None without a key. Raises DigestError for one that is of no use."""
    if settings.dkim_key is None:
        return None
    return load_signer(settings.dkim_key, settings.dkim_selector, settings.dkim_domain)


def open_models(settings: Settings) -> tuple[Encoder, Summarizers]:
    """The encoder and what writes summaries, as `settings` name them; nothing is loaded yet."""
    encoder = Encoder(settings.encoder, settings.device)
    generator = partial(TextGenerator, device=settings.device, dtype=settings.dtype)
    return encoder, Summarizers(encoder, generator)


@contextmanager
def open_workshop(settings: Settings) -> Iterator[Workshop]:
    """The tools that `settings` name. Nothing heavy is loaded before it is used."""
    signer = open_signer(settings)
    store = Store(settings.database)
    encoder, summarizers = open_models(settings)
    try:
        yield Workshop(
            store=store,
            encoder=encoder,
            summarizers=summarizers,
            renderer=Renderer(theme_folders(settings)),
            outbox=Outbox(settings.outbox_dir),
            fetching=fetch_options(settings),
            state=settings.state_dir,
            archive=settings.archive,
            signer=signer,
        )
    finally:
        store.close()
