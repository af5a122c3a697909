"""`digest feeds add`, `remove`, `import` and `export`: which feeds feeds.yaml lists."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from digest.cli.common import (
    NOTHING_DONE,
    SOME_FAILED,
    ConfigOption,
    JsonOption,
    NowOption,
    complain,
    load,
    load_settings,
    moment,
    print_json,
    shown,
)
from digest.errors import ConfigError, FeedError, UsageError

if TYPE_CHECKING:
    from datetime import datetime

    from digest.config import Config, Settings
    from digest.config.editing import Added
    from digest.feeds.discover import FoundFeed
    from digest.records import Article

TagOption = Annotated[
    list[str] | None,
    typer.Option("--tag", help="A word by which digests choose feeds; may be given again."),
]
_MOST_TITLE = 200


def add(
    address: Annotated[
        str, typer.Argument(metavar="URL", help="A feed, a site that has one, or a file.")
    ],
    name: Annotated[
        str, typer.Option("--name", help="What to call it; from its title when left out.")
    ] = "",
    title: Annotated[str, typer.Option("--title", help="What readers see; its own, else.")] = "",
    tags: TagOption = None,
    topic: Annotated[
        str, typer.Option("--topic", help="The topic that most of its articles belong to.")
    ] = "",
    config: ConfigOption = None,
    now: NowOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find the feed at an address or of the site there, try it, and write it into feeds.yaml.

    A site's feed is the one that its page names, else one that it links to, else one at the usual
    places (/feed, /rss.xml and the like). The rest of feeds.yaml stays as it is, comments too.
    """
    from digest.config.editing import NewFeed, add_feeds
    from digest.text.addresses import same_address, web_address
    from digest.text.urls import redact

    settings, path, configuration = _opened(config)
    file = Path(address)
    is_file = "://" not in address and file.is_file()
    given = str(file.absolute()) if is_file else web_address(address)
    if not given:
        raise UsageError(
            f"{redact(address)!r} is neither an http(s) address nor a file that is there; an "
            "address is written like https://example.org"
        )
    for feed in configuration.feeds if configuration else ():
        if same_address(feed.url) == same_address(given):
            raise UsageError(f"{_safe(address)} is in {path} already; it is the feed {feed.name!r}")
    found = _discovered(given, is_file, settings, moment(now))
    url = _relative(found.url, path) if is_file else found.url
    called = title or found.title[:_MOST_TITLE].strip()
    wanted = NewFeed(url, called, tuple(dict.fromkeys(tags or ())), topic or None, name)
    (added,) = add_feeds(path, [wanted])
    if added.there:
        raise UsageError(f"{_safe(url)} is in {path} already; it is the feed {added.there!r}")
    if added.reason:
        raise UsageError(f"{_safe(url)} can't be added: {added.reason}")
    _print_added(added, found, path, as_json)
    for other in found.others:
        words = f" ({other.title})" if other.title else ""
        complain(f"the page has another feed: {_safe(other.url)}{words}")
    _warn_unread(configuration, path, [added])


def remove(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A feed of feeds.yaml.")],
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Take a feed out of feeds.yaml, and out of the lists of digests that name it.

    The rest of the file stays as it is. The articles that it brought stay in the database.
    """
    from digest.config.editing import remove_feed

    path = config or load_settings().config
    removed = remove_feed(path, name)
    if as_json:
        words = [{"digest": digest, "word": word} for digest, word in removed.words]
        print_json({"name": name, "url": _safe(removed.url), "taken_out": words})
        return
    typer.echo(f"removed {name} ({_safe(removed.url)}) from {path}")
    for digest, word in removed.words:
        typer.echo(f"the digest {digest} no longer names {word!r}")


def import_(
    file: Annotated[str, typer.Argument(metavar="FILE|-", help="An OPML file; - is stdin.")],
    tags: TagOption = None,
    config: ConfigOption = None,
    as_json: JsonOption = False,
) -> None:
    """Add the feeds of an OPML list to feeds.yaml; the folders they stand in become tags.

    Nothing is asked over the network. Broken lists are read as far as it goes; what can't be taken
    is listed, with its line.
    """
    from digest.config.editing import NewFeed, add_feeds
    from digest.feeds.opml import read_opml

    _, path, configuration = _opened(config)
    found = read_opml(_read(file))
    extra = tuple(tags or ())
    outcomes = add_feeds(
        path,
        [
            NewFeed(feed.url, feed.title, tuple(dict.fromkeys((*feed.tags, *extra))))
            for feed in found.feeds
        ],
    )
    for note in found.notes:
        complain(f"{shown(file)}: {note}")
    for outcome in outcomes:
        _print_imported(outcome, as_json)
    for problem in found.problems:
        complain(f"{shown(file)}: {problem}")
    added = sum(bool(outcome.name) for outcome in outcomes)
    there = sum(bool(outcome.there) for outcome in outcomes)
    failed = len(found.problems) + sum(bool(outcome.reason) for outcome in outcomes)
    complain(f"{added} added to {path}, {there} there already, {failed} not taken")
    _warn_unread(configuration, path, outcomes)
    if failed or not outcomes:
        raise typer.Exit(SOME_FAILED if added or there else NOTHING_DONE)


def export(
    file: Annotated[str, typer.Argument(metavar="[FILE|-]", help="Where to; - is stdout.")] = "-",
    config: ConfigOption = None,
    now: NowOption = None,
) -> None:
    """Write the feeds of feeds.yaml as an OPML 2.0 list; tags become folders and categories.

    Users and passwords in addresses are left out, and so are feeds that are files of this machine.
    """
    from digest.feeds.opml import OpmlFeed, write_opml
    from digest.text.addresses import without_user
    from digest.text.urls import is_http

    _, configuration = load(config)
    feeds = [feed for feed in configuration.feeds if is_http(feed.url)]
    title = ", ".join(digest.label for digest in configuration.digests)
    list_ = write_opml(
        title,
        [OpmlFeed(feed.url, feed.title or feed.name, tags=feed.tags) for feed in feeds],
        moment(now),
    )
    files = [feed.name for feed in configuration.feeds if feed not in feeds]
    secret = [feed.name for feed in feeds if without_user(feed.url) != feed.url]
    if files:
        complain(f"left out, since they are files of this machine: {', '.join(files)}")
    if secret:
        complain(f"user and password were left out of the address of: {', '.join(secret)}")
    if not feeds:
        raise typer.Exit(NOTHING_DONE)
    if file == "-":
        sys.stdout.buffer.write(list_)
        sys.stdout.buffer.flush()
    else:
        _write_whole(Path(file), list_)
        complain(f"{len(feeds)} feeds written to {file}")
    if files:
        raise typer.Exit(SOME_FAILED)


def _write_whole(path: Path, data: bytes) -> None:
    """All of `data`, or the file as it was. Raises UsageError."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(data)
        beside.replace(path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise UsageError(f"{path}: {error.strerror}; nothing was written") from error


# --- what the commands share ---------------------------------------------------------------


def _opened(config: Path | None) -> tuple[Settings, Path, Config | None]:
    """Settings, the file, and what is in it; None when all it lacks is feeds."""
    from digest.config import load_config

    settings = load_settings()
    path = config or settings.config
    try:
        return settings, path, load_config(path)
    except ConfigError as error:
        if any(problem.field != "feeds" for problem in error.problems):
            raise
        return settings, path, None


def _discovered(given: str, is_file: bool, settings: Settings, now: datetime) -> FoundFeed:
    """The feed at an address or path. Raises FeedError."""
    import asyncio

    from digest.feeds.discover import discover
    from digest.feeds.http import Web
    from digest.pipeline.wiring import fetch_options

    async def ask() -> FoundFeed:
        async with Web(fetch_options(settings)) as web:
            return await discover(web, given, now)

    return _file_feed(given, settings, now) if is_file else asyncio.run(ask())


def _file_feed(path: str, settings: Settings, now: datetime) -> FoundFeed:
    import asyncio

    from digest.feeds.discover import FoundFeed
    from digest.feeds.fetch import fetch_feeds
    from digest.feeds.parse import parse_feed
    from digest.pipeline.wiring import fetch_options
    from digest.records import Feed

    feed = Feed(Path(path).name, path)

    async def read() -> FoundFeed:
        async for fetched in fetch_feeds([feed], {}, fetch_options(settings)):
            if isinstance(fetched, FeedError):
                raise fetched
            parsed = parse_feed(feed, fetched, now)
            return FoundFeed(path, parsed.title, parsed)
        raise FeedError(path, "could not be read")

    return asyncio.run(read())


def _relative(path: str, config: Path) -> str:
    """A path as feeds.yaml has it. `./` keeps a colon in the name from looking like a scheme."""
    relative = Path(os.path.relpath(path, config.absolute().parent)).as_posix()
    return f"./{relative}" if ":" in relative else relative


def _read(name: str) -> bytes:
    try:
        return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as error:
        raise UsageError(f"{shown(name)}: {error.strerror}") from error


def _safe(url: str) -> str:
    from digest.text.urls import redact

    return redact(url)


def _print_added(added: Added, found: FoundFeed, path: Path, as_json: bool) -> None:
    feed, articles = added.feed, found.parsed.articles
    newest = _newest(articles)
    if as_json:
        print_json(
            {
                "name": added.name,
                "title": feed.title,
                "url": _safe(feed.url),
                "tags": list(feed.tags),
                "topic": feed.topic,
                "format": found.parsed.format,
                "entries": len(articles),
                "newest": newest
                and {"title": newest.title, "published": newest.published.isoformat()},
                "others": [
                    {"url": _safe(other.url), "title": other.title} for other in found.others
                ],
            }
        )
        return
    typer.echo(f"added {added.name} to {path}")
    typer.echo(f"  title    {feed.title or added.name}")
    typer.echo(f"  address  {_safe(feed.url)}")
    kind = f"{found.parsed.format}, " if found.parsed.format else ""
    typer.echo(f"  feed     {kind}{len(articles)} entries")
    if newest is not None:
        when = f"{newest.published:%Y-%m-%d %H:%M} UTC: " if newest.date_origin == "feed" else ""
        typer.echo(f"  newest   {when}{newest.title}")


def _newest(articles: Sequence[Article]) -> Article | None:
    dated = [article for article in articles if article.date_origin == "feed"]
    if dated:
        return max(dated, key=lambda article: article.published)
    return articles[0] if articles else None


def _print_imported(outcome: Added, as_json: bool) -> None:
    url = _safe(outcome.feed.url)
    if as_json:
        status = "added" if outcome.name else "there" if outcome.there else "failed"
        print_json(
            {
                "status": status,
                "name": outcome.name or outcome.there,
                "title": outcome.feed.title,
                "url": url,
                "tags": list(outcome.feed.tags),
                "reason": outcome.reason,
            }
        )
    elif outcome.name:
        typer.echo(f"added {outcome.name} ({url})")
    elif outcome.there:
        complain(f"there already: {outcome.there} ({url})")
    else:
        complain(f"not taken: {url}: {outcome.reason}")


def _warn_unread(configuration: Config | None, path: Path, outcomes: Sequence[Added]) -> None:
    """Says so when no digest reads a feed that was added, and what would help."""
    if configuration is None:  # there was no feed before
        from digest.config import load_config

        configuration = load_config(path)
    wanted = [digest.feeds for digest in configuration.digests]
    if None in wanted:  # that digest reads all
        return
    asked = [word for words in wanted for word in words or ()]
    unread = [
        outcome.name
        for outcome in outcomes
        if outcome.name and set(asked).isdisjoint((outcome.name, *outcome.feed.tags))
    ]
    if not unread:
        return
    names = {feed.name for feed in configuration.feeds}
    tags = list(dict.fromkeys(word for word in asked if word not in names))
    what = unread[0] if len(unread) == 1 else f"{len(unread)} of them (such as {unread[0]})"
    hint = f"give it a tag that one asks for ({', '.join(tags)}), or write" if tags else "write"
    complain(f"no digest of {path} reads {what}: {hint} its name under 'feeds:' of a digest")
