"""What a run needs, opened from the settings and closed again."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from digest import __version__
from digest.config import Settings
from digest.editions.render import Renderer, packaged_themes
from digest.editions.signing import Signer, load_signer
from digest.errors import BusyError, StoreError
from digest.feeds.options import FetchOptions
from digest.models.encoder import Encoder
from digest.models.generator import TextGenerator
from digest.outbox.outbox import Outbox
from digest.outbox.transport import open_transport
from digest.pipeline.cluster import cluster
from digest.pipeline.owner import owner_of
from digest.pipeline.pool import Pool
from digest.pipeline.summarizers import Summarizers
from digest.protocols import Transport
from digest.store.store import Store
from digest.subscribers.links import Links

# How long a run waits for another one on the same state. A run over a hundred feeds takes a few
# minutes when everything is new.
_LOCK_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Mail:
    """How mail leaves: `open_transport` makes a way for one thread, `connections` how many.

    `per_second` and `per_hour` are most messages, no limit when None. `grace` is how late an
    edition may begin to leave, `retry` how long a message is tried again, `lease` how long one
    message may be in hand before another service takes it for lost.
    """

    open_transport: Callable[[], Transport]
    connections: int = 1
    per_second: float | None = None
    per_hour: int | None = None
    grace: timedelta = timedelta(hours=6)
    retry: timedelta = timedelta(hours=48)
    lease: timedelta = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Workshop:
    """The tools of a run: store, models, themes, outbox, and how to fetch.

    `archive` is the http(s) address under which the outbox is published, or empty; `signer`
    signs messages where there is a key. `pool` is where
    feeds and pages are fetched and read and summaries are made; processes of this machine, and
    this process for the summaries, when None. `mail` is how messages leave, None where they don't;
    `links` make readers' own addresses, None without a public one.
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
    mail: Mail | None = None
    links: Links | None = None

    @property
    def owner(self) -> str:
        """Who we are to other services on the same database: this state folder.

        Raises StoreError when the folder can't be used.
        """
        return owner_of(self.state)

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Holds the lock that keeps two processes of one state folder from sending at once.

        Gives False, at once, where another one holds it.
        """
        try:
            lock = self._locked("send.lock", 0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()

    @contextmanager
    def alone(self, seconds: float = _LOCK_SECONDS) -> Iterator[None]:
        """Holds the lock that keeps two runs on one state apart; waits up to `seconds` for it."""
        try:
            lock = self._locked("run.lock", seconds)
        except Timeout as error:
            path = self.state / "run.lock"
            raise BusyError(
                f"another run has held {path} for over {seconds:.0f} s; wait for it, or end it"
            ) from error
        try:
            yield
        finally:
            lock.release()

    def _locked(self, name: str, seconds: float) -> BaseFileLock:
        """A lock of the state folder, taken. Raises Timeout and StoreError."""
        path = self.state / name
        lock = FileLock(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=seconds)
        except OSError as error:
            if isinstance(error, Timeout):
                raise
            raise StoreError(
                f"{path}: {error.strerror}; the state folder must be writable (DIGEST_STATE_DIR)"
            ) from error
        return lock


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


# What else a message may take than waiting for answers: looking names up, making keys.
_SLACK = timedelta(minutes=5)
# Of the answers to one message (connect, EHLO, STARTTLS, EHLO, AUTH in two steps, MAIL, RCPT, DATA)
# each may take the time-out; the last one ten minutes at most.
_ANSWERS = 10
_LAST_ANSWER = timedelta(minutes=10)


def open_mail(settings: Settings) -> Mail | None:
    """How mail leaves; None where nothing is set. Raises ConfigError; nobody is asked yet."""
    if settings.smtp_url is None:
        return None
    way = partial(
        open_transport,
        settings.smtp_url.get_secret_value(),
        timeout=settings.smtp_timeout_seconds,
        per_connection=settings.smtp_per_connection,
    )
    way().close()  # what is wrong with the address is said before anything is built
    timeout = timedelta(seconds=settings.smtp_timeout_seconds)
    return Mail(
        way,
        connections=settings.smtp_connections,
        per_second=settings.smtp_per_second,
        per_hour=settings.smtp_per_hour,
        grace=timedelta(hours=settings.misfire_grace_hours),
        retry=timedelta(hours=settings.send_retry_hours),
        lease=_ANSWERS * timeout + _LAST_ANSWER + _SLACK,
    )


def open_links(settings: Settings, store: Store) -> Links | None:
    """What makes readers' own addresses; None without a public address. Raises DigestError.

    Without a key in the settings one is made and kept in the database.
    """
    if not settings.archive:
        return None
    if settings.secret_key is not None:
        keys = settings.secret_key.get_secret_value().split()
    else:
        keys = [store.subscribers.secret(partial(secrets.token_urlsafe, 32))]
    return Links(keys, settings.archive)


@contextmanager
def open_workshop(settings: Settings) -> Iterator[Workshop]:
    """The tools that `settings` name. Nothing heavy is loaded before it is used."""
    signer = open_signer(settings)
    mail = open_mail(settings)
    encoder, summarizers = open_models(settings)
    with ExitStack() as stack:
        store = Store(settings.database)
        stack.callback(store.close)
        pool = None
        if settings.dask_scheduler:
            machines = cluster(settings.dask_scheduler, fallback=settings.dask_fallback)
            pool = stack.enter_context(machines)
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
            pool=pool,
            mail=mail,
            links=open_links(settings, store),
        )
