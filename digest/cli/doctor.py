"""`digest doctor`: what is wrong with this set-up, and what to do."""

from __future__ import annotations

import logging
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from digest.cli.common import (
    DONE,
    SOME_FAILED,
    ConfigOption,
    JsonOption,
    load_settings,
    print_json,
)
from digest.cli.outbox import troubled
from digest.errors import ConfigError, DigestError

if TYPE_CHECKING:
    from digest.config import Config, Settings
    from digest.records import EditionStatus, HealthState

log = logging.getLogger(__name__)

_ILL: tuple[HealthState, ...] = ("gone", "failing", "never worked", "moved", "stale")
# Two names so alike differ by a letter or two (`difflib`'s ratio).
_NEARLY = 0.8
# How long the mail server may take to answer: whoever asks waits.
_SECONDS = 10.0
# Most editions that are named; `digest outbox` has them all.
_NAMED = 20
# A year of two daily digests takes about 100 MB, their database about 1 GB.
_LITTLE_SPACE = 200e6


def doctor(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """Check this set-up and say what is wrong with it, and what to do.

    Settings, feeds.yaml, the encoder's weights, the Dask cluster, database, folders, each digest's
    theme, which is tried on a sample, whether the models that write summaries are on disk and
    whole, the way that mail leaves, subscribers whose digest is gone, what the last run did, and
    editions that call for a person.
    `digest feeds check` asks the feeds themselves.
    """
    problems = False
    for name, problem in _checks(config):
        problems = problems or bool(problem)
        if as_json:
            print_json({"check": name, "ok": not problem, "problem": problem})
        else:
            typer.echo(f"{name}: {problem or 'ok'}")
    raise typer.Exit(SOME_FAILED if problems else DONE)


def _checks(path: Path | None) -> Iterator[tuple[str, str]]:
    """Each check's name and what is wrong; empty when nothing is."""
    from digest.config import load_config, unknown_settings

    try:
        settings = load_settings()
    except ConfigError as error:
        unknown = unknown_settings(os.environ)
        yield "settings", "; ".join([*str(error).splitlines(), *unknown])
        return
    yield "settings", "; ".join(unknown_settings(os.environ))
    path = path or settings.config
    config = None
    try:
        config = load_config(path)
    except ConfigError as error:
        yield f"configuration {path}", str(error)
    else:
        yield f"configuration {path}", ""
        yield "feeds", "; ".join(_feeds(config))
        yield "topics", "; ".join(_topics(config))
        for theme, language in sorted({(spec.template, spec.language) for spec in config.digests}):
            spoken = "" if language == "en" else f" in {language}"
            yield f"theme {theme}{spoken}", _problem(partial(_try_theme, settings, theme, language))
        for model in sorted({spec.summary.model for spec in config.digests} - {"extractive"}):
            yield f"model {model}", _problem(partial(_find_model, model))
    if settings.dkim_key is not None:
        yield f"DKIM key {settings.dkim_key}", _problem(partial(_open_key, settings))
    yield "encoder", _problem(partial(_encode, settings))
    if cluster := settings.dask_scheduler:
        yield f"cluster {cluster}", _problem(partial(_meet, cluster))
    trouble = _problem(partial(_open_store, settings))
    yield "database", trouble
    # Of what stands in one that can't be read nobody can say that it is well.
    if config is not None and not trouble:
        yield "health of the feeds", _health(settings, config)
        yield "subscribers", "; ".join(_subscribers(settings, config))
    yield "mail" if settings.smtp_url else "mail (not set: nothing is sent)", _mail(settings)
    yield from _work(settings)
    yield f"outbox {settings.outbox_dir}", _folder(settings.outbox_dir)
    yield f"state {settings.state_dir}", _folder(settings.state_dir)


def _problem(check: Callable[[], None]) -> str:
    try:
        check()
    except DigestError as error:
        return str(error)
    return ""


def _feeds(config: Config) -> Iterator[str]:
    """Feeds that are paths to nowhere: often an address without its scheme."""
    from digest.text.urls import is_http

    for feed, record in zip(config.feeds, config.records(), strict=True):
        if not is_http(record.url) and not Path(record.url).is_file():
            yield f"{feed.name}: no such file: {record.url} (an address begins with https://)"


def _topics(config: Config) -> Iterator[str]:
    """Topics that are probably misspelt: nearly a built-in one, or a feed's alone.

    Any other name without description borrows one, and a plural is a name of its own.
    """
    from digest.config.topics import AUTO
    from digest.stories.topics import BUILT_IN

    named = {
        spec.name: spec.topics
        for spec in config.digests
        if spec.topics is not None and spec.topics != AUTO
    }
    singular = {name.casefold().removesuffix("s") for name in BUILT_IN}
    for digest, topics in named.items():
        for name, topic in topics.items():
            guess = get_close_matches(name, BUILT_IN, 1, _NEARLY)
            if (
                guess
                and not topic.description
                and name.casefold().removesuffix("s") not in singular
            ):
                yield f"{digest}: {name} is no built-in topic (did you mean {guess[0]}?)"
    known = {*BUILT_IN, *(name for topics in named.values() for name in topics)}
    for feed in config.feeds:
        if feed.topic and feed.topic.casefold() not in map(str.casefold, known):
            guess = get_close_matches(feed.topic, sorted(known), 1)
            hint = f" (did you mean {guess[0]}?)" if guess else ""
            yield f"{feed.name}: no digest has the topic {feed.topic}{hint}"


def _try_theme(settings: Settings, theme: str, language: str) -> None:
    """Raises TemplateError for a theme or language that isn't there or can't be rendered."""
    from digest.editions.render import Renderer
    from digest.editions.sample import sample_edition
    from digest.pipeline.wiring import theme_folders

    Renderer(theme_folders(settings)).render(sample_edition(theme, language))


def _find_model(model: str) -> None:
    """Raises ModelError for a model that is missing or broken; it is not loaded."""
    from digest.models.hub import locate

    locate(model).verify()


def _encode(settings: Settings) -> None:
    from digest.models.encoder import Encoder

    encoder = Encoder(settings.encoder, settings.device)
    encoder.encode(["One sentence shows that the weights load."])


def _meet(address: str) -> None:
    """Asks the cluster for its workers, and whether they and we go together."""
    from digest.pipeline.cluster import cluster

    with cluster(address) as machines:
        log.debug("cluster %s: %d jobs at once", address, machines.workers)


def _health(settings: Settings, config: Config) -> str:
    """How many feeds are not well, by what is known of them; nobody is asked."""
    from digest.pipeline.checking import known
    from digest.store.store import Store

    if settings.database_url is None and not (settings.state_dir / "digest.db").exists():
        return ""
    store = Store(settings.database)
    try:
        feeds = config.records()
        found = Counter(one.health.state for one in known(feeds, store, datetime.now(UTC)))
    finally:
        store.close()
    ill = [f"{found[state]} {state}" for state in _ILL if found[state]]
    return f"{', '.join(ill)}; `digest feeds check` tells more" if ill else ""


def _mail(settings: Settings) -> str:
    """What is wrong with the way that mail leaves: the server is asked, as far as the login."""
    from digest.pipeline.wiring import open_mail

    problems = []
    quick = settings.model_copy(
        update={"smtp_timeout_seconds": min(_SECONDS, settings.smtp_timeout_seconds)}
    )
    try:
        mail = open_mail(quick)
        if mail is not None:
            mail.open_transport().check()
    except DigestError as error:
        problems.append(str(error))
        mail = None
    url = settings.smtp_url.get_secret_value() if settings.smtp_url else ""
    if url.startswith("smtp") and not settings.archive:
        problems.append(
            "DIGEST_PUBLIC_URL isn't set, so readers can't leave by a link: they have to write to "
            "the sender; docs/delivery.md says what it has to lead to"
        )
    elif url.startswith("smtp") and not settings.archive.startswith("https:"):
        problems.append(
            "DIGEST_PUBLIC_URL is no https address: mail programs offer no one-click unsubscribing"
        )
    return "; ".join(problems)


def _subscribers(settings: Settings, config: Config) -> Iterator[str]:
    """Digests that have subscribers and are not in feeds.yaml: renamed, mostly."""
    from digest.store.store import Store

    if settings.database_url is None and not (settings.state_dir / "digest.db").exists():
        return
    there = {spec.name for spec in config.digests}
    store = Store(settings.database)
    try:
        counts = store.subscribers.counts()
    finally:
        store.close()
    for name in sorted({digest for digest, _ in counts} - there):
        found = {state: counts.get((name, state), 0) for state in ("active", "pending")}
        if people := ", ".join(f"{count} {state}" for state, count in found.items() if count):
            yield (
                f"{name} has subscribers ({people}) and is not in feeds.yaml, so they get nothing; "
                "if it was renamed, give it its old name back (readers see its title, and the "
                "links of mails that they have hold the name), or move them: `digest subscribers "
                f"export people.csv --digest {name}`, then `digest subscribers import people.csv "
                "--digest NEW`"
            )


def _work(settings: Settings) -> Iterator[tuple[str, str]]:
    """What the last run did, and the editions that call for a person."""
    from digest.store.store import Store

    retry = timedelta(hours=settings.send_retry_hours)
    if settings.database_url is None and not (settings.state_dir / "digest.db").exists():
        return
    try:
        store = Store(settings.database)
    except DigestError:  # told of above
        return
    try:
        last = store.last_run()
        if last is not None:
            yield f"last run {last['started']:%Y-%m-%d %H:%M} UTC", _of_run(last["report"])
        told = [
            _of_edition(status, unconfirmed)
            for status, unconfirmed in troubled(store, retry, datetime.now(UTC))
        ]
        more = [f"and {len(told) - _NAMED} more"] if len(told) > _NAMED else []
        advice = "; `digest outbox` tells more" if told else ""
        yield "editions", f"{'; '.join(told[:_NAMED] + more)}{advice}"
    finally:
        store.close()


def _of_edition(status: EditionStatus, unconfirmed: int) -> str:
    since = f"since {status.started:%Y-%m-%d}" if status.started else ""
    why = status.reason or since
    told = f"{status.name} {status.state}{': ' if why else ''}{why}"
    if not unconfirmed:
        return told
    if status.state == "sent":
        return f"{status.name}: {unconfirmed} unconfirmed"
    return f"{told}, {unconfirmed} unconfirmed"


def _of_run(report: Mapping[str, Any]) -> str:
    """The digests that failed in a run, and why."""
    return "; ".join(
        f"{one['digest']}: {one['reason']}"
        for one in report["digests"]
        if one["status"] == "failed"
    )


def _open_key(settings: Settings) -> None:
    from digest.pipeline.wiring import open_signer

    open_signer(settings)


def _open_store(settings: Settings) -> None:
    from digest.store.store import Store

    Store(settings.database).close()


def _folder(folder: Path) -> str:
    """Tries it: rights alone don't tell of a read-only file system or a full disk."""
    probe = folder / ".doctor"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as error:
        return f"can't be written ({error.strerror}); check its rights, or name another folder"
    free = shutil.disk_usage(folder).free
    return f"only {free / 1e6:.0f} MB are free; make room" if free < _LITTLE_SPACE else ""
