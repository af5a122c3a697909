"""`digest feeds list` and `check`: the feeds, and how they are."""

from __future__ import annotations

import math
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from digest.cli.common import (
    NOTHING_DONE,
    SOME_FAILED,
    ConfigOption,
    JsonOption,
    NowOption,
    complain,
    load,
    moment,
    print_json,
    progress_bar,
)
from digest.cli.subscriptions import add, export, import_, remove
from digest.errors import UsageError

if TYPE_CHECKING:
    from digest.config import Config, Settings
    from digest.pipeline.checking import Checked, Sample
    from digest.records import Feed, FeedState
    from digest.store.store import Store

feeds = typer.Typer(no_args_is_help=True, help="The feeds, and how they are.")
feeds.command("add")(add)
feeds.command("remove")(remove)
feeds.command("import")(import_)
feeds.command("export")(export)


@feeds.command("list")
def feeds_list(config: ConfigOption = None, as_json: JsonOption = False) -> None:
    """List the feeds of feeds.yaml, and how each went when it was last asked."""
    from digest.text.urls import redact

    settings, configuration = load(config)
    records = configuration.records()
    with _store(settings) as store:
        states = store.feed_states(records) if store else {}
    for feed, record in zip(configuration.feeds, records, strict=True):
        line = {
            "name": feed.name,
            "title": feed.title,
            "url": redact(feed.url),
            "tags": list(feed.tags),
            "topic": feed.topic,
            "weight": feed.weight,
            "full_text": feed.full_text,
            "last": _last(states.get(record.name)),
        }
        if as_json:
            print_json(line)
        else:
            typer.echo(f"{feed.name}: {line['url']} ({line['last']})")


@feeds.command("check")
def feeds_check(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME|URL]...",
            help="Feeds of feeds.yaml, or any address; all feeds when none is named.",
            show_default=False,
        ),
    ] = None,
    config: ConfigOption = None,
    now: NowOption = None,
    stored: Annotated[
        bool, typer.Option("--stored", help="Ask nobody: show what is known already.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Ask the feeds now, and say how each is; nothing is stored.

    One feed is told of in detail: redirects, headers, what was read, and what a reader would see.
    Several are a table: state, the usual time to answer, the share of answers that were "not
    modified" (304), articles a week, and the last reason in plain words.
    """
    settings, configuration = load(config)
    wanted = _wanted(configuration, names)
    at = moment(now)
    from digest.pipeline.checking import check, known
    from digest.pipeline.wiring import fetch_options

    options = fetch_options(settings)
    with _store(settings) as store, progress_bar() as progress:
        if stored:
            checked = known(wanted, store, at)
        else:
            checked = check(wanted, store, options, at, progress)
    if len(wanted) == 1 and names:
        samples = [] if stored else _samples(settings, checked[0], at)
        if as_json:
            print_json({**_line(checked[0]), "samples": [_sample_json(s) for s in samples]})
        else:
            is_ours = wanted[0] in configuration.records()
            for line in _details(checked[0], samples, is_ours):
                typer.echo(line)
    elif as_json:
        for one in checked:
            print_json(_line(one))
    else:
        _print_table(checked)
    failed = sum(one.answer is not None and one.answer.status == "failed" for one in checked)
    if failed:
        raise typer.Exit(NOTHING_DONE if failed == len(checked) else SOME_FAILED)


def _wanted(configuration: Config, names: Sequence[str] | None) -> list[Feed]:
    from digest.records import Feed
    from digest.text.addresses import web_address
    from digest.text.urls import redact

    known = {feed.name: feed for feed in configuration.records()}
    addresses = {feed.url: feed for feed in known.values()}
    wanted: dict[str, Feed] = {}
    for name in names or known:
        if name in known:
            wanted[name] = known[name]
            continue
        is_file = "://" not in name and Path(name).is_file()
        url = str(Path(name).absolute()) if is_file else web_address(name)
        if not url:
            raise UsageError(
                f"there is no feed {redact(name)!r} in feeds.yaml; it has: {', '.join(known)}. "
                "An address begins with https://"
            )
        feed = addresses.get(url) or Feed(redact(url), url)
        wanted[feed.name] = feed
    return list(wanted.values())


@contextmanager
def _store(settings: Settings) -> Iterator[Store | None]:
    """The database, when there is one: looking at feeds makes none."""
    file = settings.state_dir / "digest.db"
    if settings.database_url is None and not file.exists():
        yield None
        return
    from digest.store.store import Store

    store = Store(settings.database)
    try:
        yield store
    finally:
        store.close()


def _last(state: FeedState | None) -> str:
    if state is None or state.checked is None:
        return "not asked yet"
    when = f"{state.checked:%Y-%m-%d %H:%M} UTC"
    if state.reason:
        times = "" if state.failures == 1 else f" {state.failures} times, last"
        return f"failed{times} {when}: {state.reason}"
    return f"{_entries(state.entries)}, {when}"


def _samples(settings: Settings, checked: Checked, now: datetime) -> list[Sample]:
    from digest.pipeline.checking import samples
    from digest.pipeline.wiring import fetch_options, open_models

    encoder, summarizers = open_models(settings)
    summarizer = summarizers.get("extractive", 2)
    return samples(checked, fetch_options(settings), now, encoder, summarizer)


# --- how it looks --------------------------------------------------------------------------


def _print_table(checked: Sequence[Checked]) -> None:
    """Aligned columns; the reason behind them, or, where a terminal is too narrow, below."""
    names = ("feed", "state", "since", "answers in", "304s", "a week", "entries")
    rows = [names, *(_cells(one) for one in checked)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
    room = shutil.get_terminal_size().columns if sys.stdout.isatty() else math.inf
    for row, one in zip(rows, (None, *checked), strict=True):
        left = [cell.ljust(width) for cell, width in zip(row[:3], widths[:3], strict=True)]
        right = [cell.rjust(width) for cell, width in zip(row[3:], widths[3:], strict=True)]
        line = "  ".join((*left, *right))
        why = "why" if one is None else _why(one)
        if len(line) + 2 + len(why) <= room:
            typer.echo(f"{line}  {why}".rstrip())
        else:
            typer.echo(f"{line.rstrip()}\n    {why}")
    counts = Counter(one.health.state for one in checked)
    complain(", ".join(f"{count} {state}" for state, count in counts.items()))


def _cells(one: Checked) -> tuple[str, ...]:
    from digest.text.urls import is_http

    health, answered = one.health, bool(one.state.answers)
    on_the_web = answered and is_http(one.feed.url)
    return (
        one.feed.name,
        health.state,
        f"{health.since:%Y-%m-%d}" if health.since else "",
        f"{health.seconds:.2f} s" if on_the_web else "",
        f"{health.unchanged:.0%}" if on_the_web else "",
        f"{health.weekly:.0f}" if answered else "",
        str(one.state.entries) if answered else "",
    )


def _why(one: Checked) -> str:
    notes = one.answer.parsed.notes if one.answer and one.answer.parsed else ()
    return "; ".join(filter(None, (one.health.reason, *notes)))


def _line(one: Checked) -> dict[str, Any]:
    """A feed as a line of JSON."""
    from digest.text.urls import redact

    health = one.health
    line: dict[str, Any] = {
        "feed": one.feed.name,
        "url": redact(one.feed.url),
        "state": health.state,
        "since": health.since.isoformat() if health.since else None,
        "reason": health.reason,
        "seconds": round(health.seconds, 3),
        "unchanged": round(health.unchanged, 3),
        "weekly": round(health.weekly, 2),
        "entries": one.state.entries,
        "failures": one.state.failures,
        "not_before": one.state.not_before.isoformat() if one.state.not_before else None,
    }
    if one.answer is not None:
        answer, parsed = one.answer, one.answer.parsed
        line |= {
            "status": answer.status,
            "http": answer.http,
            "address": answer.url,
            "redirects": [asdict(hop) for hop in answer.hops],
            "headers": dict(answer.headers),
            "etag": answer.validators.etag,
            "last_modified": answer.validators.last_modified,
            "format": parsed.format if parsed else "",
            "title": parsed.title if parsed else "",
            "notes": list(parsed.notes) if parsed else [],
        }
    return line


def _sample_json(sample: Sample) -> dict[str, Any]:
    article = sample.article
    return {
        "title": article.title,
        "published": article.published.isoformat(),
        "url": article.url,
        "words": len(article.text.split()),
        "text_from": article.text_from,
        "paywall": article.paywall,
        "summary": list(sample.summary),
        "page": sample.page.reason if sample.page else None,
    }


_SHOWN_HEADERS = ("content-type", "cache-control", "expires", "retry-after", "server")


def _details(one: Checked, samples: Sequence[Sample], is_ours: bool) -> Iterator[str]:
    """All about one feed, a line at a time; `is_ours`: it stands in feeds.yaml."""
    from digest.text.urls import redact

    health, state, answer = one.health, one.state, one.answer
    yield f"{one.feed.label}: {health.state if is_ours or not health.reason else 'no feed here'}"
    yield from _row("address", redact(one.feed.url))
    if answer is not None:
        for hop in answer.hops:
            lasting = " (for good)" if hop.status in (301, 308) else " (for now)"
            yield from _row("redirect", f"HTTP {hop.status}{lasting} to {hop.url}")
        http = f"HTTP {answer.http} " if answer.http else ""
        yield from _row("answer", f"{http}in {answer.seconds:.2f} s")
        headers = dict(answer.headers)
        for name in _SHOWN_HEADERS:
            if name in headers:
                yield from _row("header", f"{name}: {headers[name]}")
        if answer.status != "failed" and answer.http:
            yield from _row("validators", _validators(state))
        yield from _parsed(one)
    else:
        yield from _row("last", _last(state))
        if state.answers:
            yield from _row("usually", f"answers in {health.seconds:.2f} s")
            yield from _row("unchanged", f"{health.unchanged:.0%} of {state.answers} answers")
            yield from _row("a week", f"{health.weekly:.1f} articles")
    yield from _row("why", health.reason)
    if state.not_before and not state.gone and is_ours:
        when = f"not before {state.not_before:%Y-%m-%d %H:%M} UTC: {state.waits_for}"
        yield from _row("next time", when)
    if samples:
        yield "A reader would see"
    for sample in samples:
        article = sample.article
        yield f"  {article.title}"
        wall = ", behind a paywall" if article.paywall else ""
        count = f"{len(article.text.split())} words from the {article.text_from}{wall}"
        yield f"    {article.published:%Y-%m-%d %H:%M} UTC; {count}"
        if sample.page and sample.page.reason:
            yield f"    its page: {sample.page.reason}"
        for sentence in sample.summary:
            yield f"    {sentence}"
        yield f"    {article.url}" if article.url else "    (no link)"


def _parsed(one: Checked) -> Iterator[str]:
    from digest.text.teaser import is_teaser

    parsed = one.answer.parsed if one.answer else None
    if parsed is None:
        return
    count = len(parsed.articles)
    words = f"{parsed.format or 'feed'}, {parsed.title!r}, {_entries(count)}"
    if parsed.language:
        words += f", language {parsed.language}"
    yield from _row("feed", words)
    if count:
        times = [article.published for article in parsed.articles]
        yield from _row(
            "entries", f"from {min(times):%Y-%m-%d %H:%M} to {max(times):%Y-%m-%d %H:%M} UTC"
        )
        teasers = sum(is_teaser(article.text) for article in parsed.articles)
        if teasers:
            what = {
                "never": "their pages are not fetched (full_text: never)",
                "auto": "their pages are fetched (full_text: auto)",
                "always": "all pages are fetched (full_text: always)",
            }[one.feed.full_text]
            yield from _row("text", f"{teasers} of {count} are only teasers; {what}")
    for note in parsed.notes:
        yield from _row("note", note)


def _entries(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"


def _validators(state: FeedState) -> str:
    given = state.validators
    found = [
        words
        for value, words in (
            (given.etag, f"ETag {given.etag}"),
            (given.last_modified, f"Last-Modified {given.last_modified}"),
        )
        if value
    ]
    return ", ".join(found) or "none: it is sent whole every time"


def _row(name: str, value: str) -> Iterator[str]:
    if value:
        yield f"  {name:<12}{value}"
