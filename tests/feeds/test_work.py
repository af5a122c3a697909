"""What workers are given: batches of feeds and pages."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from digest.errors import FetchError
from digest.feeds import threads, work
from digest.feeds.http import Answer
from digest.feeds.options import FetchOptions
from digest.feeds.pages import PageRequest
from digest.feeds.work import FeedRequest, fetch_and_parse, fetch_pages
from digest.records import Feed, FeedAnswer, Fetched, Page, ParsedFeed, Validators

Server = Any  # conftest.Server: a conftest can't be imported by name, every room has one
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
QUICK = FetchOptions(connect=2.0, read=5.0, total=10.0, allow_private_networks=True)
RSS = (
    "<rss version='2.0'><channel><title>T</title><item><title>One</title><guid>1</guid>"
    "<pubDate>{date}</pubDate></item></channel></rss>"
)
BODY = RSS.format(date="Mon, 02 Mar 2026 10:00:00 GMT").encode()


def file_feed(folder: Path, body: bytes, known_hash: str = "") -> FeedRequest:
    path = folder / "feed.xml"
    path.write_bytes(body)
    return FeedRequest(Feed("town", str(path)), str(path), Validators(), known_hash)


def only(answers: list[FeedAnswer]) -> FeedAnswer:
    (answer,) = answers
    return answer


def test_a_feed_comes_back_read(tmp_path: Path) -> None:
    answer = only(fetch_and_parse([file_feed(tmp_path, BODY)], QUICK, NOW))
    assert answer.status == "fetched"
    assert answer.parsed is not None
    assert [article.title for article in answer.parsed.articles] == ["One"]
    assert answer.body_hash == work.body_hash(BODY)


def test_an_answer_can_be_sent_between_processes(tmp_path: Path) -> None:
    answer = only(fetch_and_parse([file_feed(tmp_path, BODY)], QUICK, NOW))
    assert pickle.loads(pickle.dumps(answer)) == answer
    error = FetchError("town", "HTTP 503", 503)
    copy = pickle.loads(pickle.dumps(error))
    assert (copy.feed, copy.reason, copy.status) == ("town", "HTTP 503", 503)


def test_a_body_that_is_known_is_not_read(tmp_path: Path) -> None:
    request = file_feed(tmp_path, BODY, work.body_hash(BODY))
    answer = only(fetch_and_parse([request], QUICK, NOW))
    assert (answer.status, answer.parsed) == ("unchanged", None)


def test_a_body_with_times_relative_to_the_fetch_is_always_read(tmp_path: Path) -> None:
    body = RSS.format(date="3 hours ago").encode()
    answer = only(fetch_and_parse([file_feed(tmp_path, body)], QUICK, NOW))
    assert answer.parsed is not None
    (article,) = answer.parsed.articles
    assert (article.relative, article.published) == (True, NOW - timedelta(hours=3))
    assert answer.body_hash == ""


def test_another_version_reads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = work.body_hash(BODY)
    monkeypatch.setattr(work, "__version__", "99")
    assert work.body_hash(BODY) != before


def test_a_parser_that_never_ends_is_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(*_: object) -> ParsedFeed:
        while True:
            try:
                time.sleep(10)
            except Exception:
                continue

    monkeypatch.setattr(work, "parse_feed", endless)
    answer = only(fetch_and_parse([file_feed(tmp_path, BODY)], replace(QUICK, parse=0.05), NOW))
    assert (answer.status, answer.reason) == ("failed", "could not be read within 0.05 s")
    assert answer.body_hash == ""


def test_a_feed_that_takes_all_memory_fails_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def hungry(*_: object) -> ParsedFeed:
        raise MemoryError

    monkeypatch.setattr(work, "parse_feed", hungry)
    answer = only(fetch_and_parse([file_feed(tmp_path, BODY)], QUICK, NOW))
    assert answer.reason == "too large to be read: memory ran out"


async def test_servers_that_hang_hold_up_no_other(server: Server) -> None:
    """Ten hang; the others' feeds are read before any of the ten has been given up."""
    released = asyncio.Event()

    async def hang(_: web.Request) -> web.Response:
        await released.wait()
        return web.Response(body=BODY)

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=BODY)

    requests = [_request(f"hang{n}", server.add(f"/hang{n}", hang)) for n in range(10)]
    requests += [_request(f"good{n}", server.add(f"/good{n}", answer)) for n in range(40)]
    read: list[str] = []

    def watch(feed: Feed, _fetched: Fetched, _now: datetime) -> ParsedFeed:
        read.append(feed.name)
        if len(read) == 40:
            loop.call_soon_threadsafe(released.set)
        return ParsedFeed("", "", "", ())

    loop = asyncio.get_running_loop()
    options = replace(QUICK, per_host=50)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(work, "parse_feed", watch)
        answers = await asyncio.to_thread(fetch_and_parse, requests, options, NOW)
    assert len(answers) == 50
    assert {name[:4] for name in read[:40]} == {"good"}


def _request(name: str, url: str) -> FeedRequest:
    return FeedRequest(Feed(name, url), url, Validators())


async def test_a_host_that_answers_no_page_is_left_in_peace() -> None:
    requests = [PageRequest(f"a{n}", f"http://127.0.0.1:1/{n}") for n in range(30)]
    pages = await asyncio.to_thread(fetch_pages, requests, QUICK, NOW)
    assert len(pages) == 30
    assert {page.again for page in pages} == {3600.0}
    assert sum("not asked" in page.reason for page in pages) >= 25


async def test_a_server_that_answers_no_feed_is_given_up_after_a_few() -> None:
    requests = [_request(f"f{n}", f"http://127.0.0.1:1/{n}") for n in range(30)]
    answers = await asyncio.to_thread(fetch_and_parse, requests, QUICK, NOW)
    assert {answer.status for answer in answers} == {"failed"}
    asked = [answer for answer in answers if "not asked" not in answer.reason]
    assert 3 <= len(asked) <= 4  # two at a time
    assert all("connection refused" in answer.reason for answer in answers)


async def _page(_: web.Request) -> web.Response:
    return web.Response(text="<html><p>Nothing.</p></html>", content_type="text/html")


async def _busy(_: web.Request) -> web.Response:
    return web.Response(status=429, headers={"Retry-After": "7200"})


async def test_a_host_that_wants_rest_is_asked_for_no_other_page(server: Server) -> None:
    requests = [PageRequest(f"a{n}", server.add(f"/{n}", _busy)) for n in range(20)]
    pages = await asyncio.to_thread(fetch_pages, requests, QUICK, NOW)
    asked = [r.path for r in server.requests if r.path != "/robots.txt"]
    assert 1 <= len(asked) <= 2  # two at a time
    assert {page.again for page in pages} == {7200.0}


async def test_robots_txt_is_asked_where_a_redirect_leads_to(server: Server) -> None:
    async def rules(_: web.Request) -> web.Response:
        return web.Response(text="User-agent: *\nDisallow: /closed\n")

    async def away(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "/closed"})

    server.add("/robots.txt", rules)
    server.add("/closed", _page)
    (page,) = await asyncio.to_thread(
        fetch_pages, [PageRequest("a1", server.add("/go", away))], QUICK, NOW
    )
    assert page.reason == "the robots.txt of 127.0.0.1 asks not to fetch it"
    assert page.again is None
    assert "/closed" not in [request.path for request in server.requests]


async def test_pages_for_which_no_time_is_left_are_for_the_next_run(server: Server) -> None:
    requests = [PageRequest("a1", server.add("/1", _page))]
    options = replace(QUICK, pages_total=-1.0)
    (page,) = await asyncio.to_thread(fetch_pages, requests, options, NOW)
    assert (page.again, server.requests) == (0, [])


def test_a_page_that_trips_the_reader_fails_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object, **__: object) -> Page:
        raise RuntimeError("dictionary changed size")

    monkeypatch.setattr(work, "extract_page", crash)
    item = (PageRequest("a1", "https://e.org/1"), Answer("https://e.org/1", 200, (), (), b"x", 0.1))
    page = work.read_page(item, QUICK, NOW)
    assert (
        page.reason == "could not be read (RuntimeError: dictionary changed size); please report it"
    )


def test_no_pages_are_no_work() -> None:
    assert fetch_pages([], QUICK, NOW) == []


# --- the thread that fetches ---------------------------------------------------------------


async def _numbers(most: int) -> AsyncIterator[int]:
    for number in range(most):
        yield number


async def _trouble() -> AsyncIterator[int]:
    yield 1
    raise ValueError("broken")


def test_items_come_in_order_and_end() -> None:
    found = threads.elsewhere(lambda: _numbers(1000))
    assert [item for item in found if item is not None] == list(range(1000))


def test_what_is_raised_there_is_raised_here() -> None:
    items = threads.elsewhere(_trouble)
    assert next(item for item in items if item) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_leaving_early_ends_the_thread() -> None:
    async def endless() -> AsyncIterator[int]:
        yield 1
        await asyncio.Event().wait()

    items = threads.elsewhere(endless)
    assert next(item for item in items if item) == 1
    assert next(items) is None  # a moment passed
    items.close()  # type: ignore[attr-defined]
    assert not any(thread.name == "fetch" for thread in threading.enumerate())
