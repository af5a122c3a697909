"""Teasers become articles: the pages of new articles, asked for their text."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from digest.feeds.images import larger_image
from digest.feeds.options import FetchOptions
from digest.feeds.pages import FetchedPage, PageRequest
from digest.feeds.work import (
    fetch_pages,
    fetched_pages,
    read_pages,
)
from digest.pipeline.pool import Errand, Pool, sent_out, worked_on
from digest.pipeline.progress import Progress, silent
from digest.records import Article, Feed, Page
from digest.store.store import Store
from digest.text.content import content_hash
from digest.text.teaser import is_teaser
from digest.text.urls import is_http

log = logging.getLogger(__name__)

# Pages of one run, the newest first; those left over are asked for by the next. A hundred feeds of
# teasers have fewer new articles a day, and so many pages take two cores some minutes.
_MOST = 1000
# Pages that are stored together.
_AT_ONCE = 100
_WORD = re.compile(r"[^\W\d_]{4,}")
# So many words of the shorter of the two, the feed's entry and the page's text, must stand in the
# other: of consent walls, login pages and "read this next" hardly any do, of an article nearly all.
_SHARED = 0.5
_FEW_WORDS = 4


def full_texts(
    feeds: Sequence[Feed],
    store: Store,
    options: FetchOptions,
    since: datetime | None,
    now: datetime,
    *,
    pool: Pool | None = None,
    progress: Progress = silent,
) -> Counter[str]:
    """Takes the text of articles from their pages, where their feed wants it; how many, by feed.

    Looks at the articles published after `since` and not after `now` (aware UTC) whose page was not
    asked for yet. A page that fails costs nothing but the full text. Raises StoreError, and
    ClusterError when `pool` is of no use.
    """
    wanted = _wanted(feeds, store, since, now)
    by_page: dict[str, list[Article]] = {}
    for article in wanted:
        by_page.setdefault(article.url, []).append(article)
    requests = [PageRequest(url, url) for url in by_page]
    taken: Counter[str] = Counter()
    done = 0
    for pages in _pages(requests, options, now, pool):
        for start in range(0, len(pages), _AT_ONCE):
            part = pages[start : start + _AT_ONCE]
            done += len(part)
            articles: list[Article] = []
            for page in part:
                for article in by_page[page.article]:
                    full = with_page(article, page)
                    articles += [full] if full != article else []
                    taken[article.feed] += full.text != article.text
                    log.info(
                        "page of %s (%s): %s",
                        article.url,
                        article.feed,
                        page.reason or "ok",
                        extra={"feed": article.feed},
                    )
            settled, later = _settled(part, by_page, now)
            store.save_pages(articles, settled, later, now)
            progress("pages", done, len(requests))
    return taken


def _settled(
    pages: Sequence[Page], by_page: Mapping[str, Sequence[Article]], now: datetime
) -> tuple[list[str], dict[str, datetime]]:
    """The ids of articles whose pages are done with; when those of the others may be asked for."""
    settled: list[str] = []
    later: dict[str, datetime] = {}
    for page in pages:
        ids = [article.id for article in by_page[page.article]]
        if page.again is None:
            settled += ids
        elif page.again:
            later.update(dict.fromkeys(ids, now + timedelta(seconds=page.again)))
    return settled, later


def with_page(article: Article, page: Page) -> Article:
    """`article` with what its page gave; as it was where that is of no use.

    The feed's word goes before the page's, but for the text, when the page has more of it, the
    address, when the feed's only led to the page's own, and the picture, when the feed's is a
    thumbnail or nobody knows how large it is.
    """
    if page.reason:
        return replace(article, paywall=True) if page.paywall else article
    if not _is_about(article, page):
        return article
    dated = article.date_origin != "feed" and page.published is not None
    text = page.text if len(page.text) > len(article.text) else article.text
    return replace(
        article,
        text=text,
        text_from="page" if text != article.text else article.text_from,
        content_hash=content_hash(article.title, text),
        url=page.url or article.url,
        image=larger_image(article.image, page.image),
        author=article.author or page.author,
        language=article.language or page.language,
        published=page.published if dated and page.published else article.published,
        date_origin="feed" if dated else article.date_origin,
        paywall=page.paywall,
    )


def _is_about(article: Article, page: Page) -> bool:
    """Whether the page tells what the feed's entry announced."""
    announced = set(_WORD.findall(f"{article.title} {article.text}".casefold()))
    if len(announced) < _FEW_WORDS:  # a script without spaces, or hardly a headline
        return True
    said = set(_WORD.findall(f"{page.title} {page.text}".casefold()))
    return len(announced & said) >= _SHARED * min(len(announced), len(said))


def _wanted(
    feeds: Sequence[Feed], store: Store, since: datetime | None, now: datetime
) -> list[Article]:
    """The articles whose pages are to be asked for, newest first."""
    wishes: Mapping[str, Feed] = {feed.name: feed for feed in feeds if _may_want(feed)}
    found = store.pages_to_ask(list(wishes), since, now)
    wanted = [
        article
        for article in found
        if is_http(article.url)
        and (wishes[article.feed].full_text == "always" or is_teaser(article.text))
    ]
    return wanted[:_MOST]


def _may_want(feed: Feed) -> bool:
    # A feed that is a file is one's own, or a test's: the network is asked only when told to.
    return feed.full_text == "always" or (feed.full_text == "auto" and is_http(feed.url))


def _pages(
    requests: Sequence[PageRequest], options: FetchOptions, now: datetime, pool: Pool | None
) -> Iterator[list[Page]]:
    """The pages of `requests`, some at a time, as they come."""
    here = partial(_asked_here, options=options, now=now)
    if pool is None:
        yield from here(requests)
        return

    def job(workers: int) -> Callable[[Sequence[PageRequest]], list[Page]]:
        return partial(fetch_pages, options=options.shared_by(workers), now=now)

    errand = Errand(lambda request: request.url, job, here, _undone)
    yield from sent_out(requests, errand, pool)


def _asked_here(
    requests: Sequence[PageRequest], options: FetchOptions, now: datetime
) -> Iterator[list[Page]]:
    """The pages of `requests`: this process asks, others of this machine read."""
    if requests:
        read = partial(read_pages, options=options, now=now)
        yield from worked_on(fetched_pages(requests, options), read, _is_page, _lost)


def _is_page(item: FetchedPage) -> bool:
    """Whether it is known already that there is no text."""
    return isinstance(item[1], Page)


def _undone(request: PageRequest) -> Page:
    """The page whose worker failed."""
    return Page(request.article, reason="the worker that asked it failed; see the log", again=0)


def _lost(item: FetchedPage) -> Page:
    """The page that a process died of, twice."""
    reason = "the process that read it ended, perhaps for want of memory"
    return Page(item[0].article, reason=reason)
