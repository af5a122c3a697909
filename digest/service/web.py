"""The pages that the public may see: subscribe, confirm, choose, unsubscribe. Nothing else is.

No page runs a script or sets a cookie. A GET changes nothing, since mail servers open every link
of a message to look for harm; a POST needs no more than the link's own token, as one-click
unsubscribing does (RFC 8058).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from digest.config import Config, DigestSpec
from digest.config.topics import AUTO
from digest.editions.printable import printable
from digest.editions.words import Words
from digest.errors import DigestError
from digest.records import NewSubscriber
from digest.service.gate import (
    Bucket,
    Form,
    RateLimit,
    SafeHeaders,
    client_of,
    read_body,
    read_form,
)
from digest.service.showing import STYLE, About, Pages
from digest.service.spoken import primary
from digest.store.subscribers import Subscribers
from digest.stories.built_in import DESCRIPTIONS
from digest.subscribers.addresses import MAX_NAME, normalised
from digest.subscribers.links import CONFIRM_WITHIN, Links, Purpose
from digest.text.masking import without_addresses

BY_FORM = "asked by the form on the web"
BY_LETTER = "confirmed by the link in the letter"
"""How a person agreed, as it is kept."""

# A class or an office that subscribes together has one address; one stranger who means ill has it
# for themselves, and can't close the form to others.
_EACH = Bucket(20, timedelta(hours=1))
# A busy newsletter gains some hundred readers a day. Whoever writes strangers' addresses into the
# form from many places sends them no more than this, and each stranger few (the store's rule).
_ALL = Bucket(300, timedelta(hours=1))

# Seconds after which to come back when the database was of no use: a backup, a restart.
_TROUBLE_LASTS = 60

# By their own names, which those who read them know. Others are shown as their tags.
_LANGUAGES = {
    "en": "English",
    "de": "Deutsch",
    "fr": "Français",
    "es": "Español",
    "uk": "Українська",
}

log = structlog.stdlib.get_logger(__name__)


class PublicFirst:
    """Sends what lies under `/subscription/`, with `prefix` before it or not, to the public pages.

    `prefix` is the path of the public address, without a slash at its end: a proxy may pass it on
    or strip it. All else goes to the `private` application, whose own look at the Host header
    keeps the public out.
    """

    def __init__(self, public: ASGIApp, private: ASGIApp, prefix: str = "") -> None:
        self._public = public
        self._private = private
        self._prefix = prefix.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            for prefix in (self._prefix, ""):
                if scope["path"].startswith(f"{prefix}/subscription/"):
                    stripped = {**scope, "path": scope["path"][len(prefix) :]}
                    return await self._public(stripped, receive, send)
        return await self._private(scope, receive, send)


def create_public_app(
    subscribers: Subscribers,
    links: Links,
    config: Callable[[], Config],
    words: Callable[[str], Words],
    clock: Callable[[], datetime],
    hosts: Sequence[str],
    prefix: str = "",
    languages: Callable[[str], Sequence[str]] = lambda _: (),
) -> Starlette:
    """The pages under `/subscription/`.

    `config` gives the feeds.yaml that is in force, `words` the fixed words of a language, `clock`
    the time (aware UTC). `hosts` are the names under which the pages may be asked for (the public
    address's, without port), beside localhost; `prefix` is the public address's path. `languages`
    gives those that a digest has stories in: one that it has none in can't be asked for, since
    whoever did would get nothing.
    """
    home = f"{prefix.rstrip('/')}/subscription"
    desk = _Desk(subscribers, links, config, words, clock, home, languages)
    named = [f"[{host}]" if ":" in host and host[0] != "[" else host for host in hosts]

    def page(path: str, handle: Callable[[Request, bytes], Response]) -> Route:
        return Route(f"/subscription/{path}", _endpoint(handle), methods=["GET", "POST"])

    return Starlette(
        routes=[
            page("unsubscribe/{token}", desk.unsubscribe),
            page("preferences/{token}", desk.preferences),
            page("confirm/{token}", desk.confirm),
            page("subscribe/{digest}", desk.subscribe),
            Route("/subscription/style.css", desk.style),
        ],
        middleware=[
            Middleware(SafeHeaders),
            Middleware(
                TrustedHostMiddleware,
                allowed_hosts=["localhost", "127.0.0.1", "[::1]", *named],
                www_redirect=False,
            ),
        ],
        exception_handlers={404: desk.missing, DigestError: desk.trouble},
    )


def _endpoint(
    handle: Callable[[Request, bytes], Response],
) -> Callable[[Request], Awaitable[Response]]:
    """A handler that waits for the database: the body is read first, then it runs in a thread."""

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(handle, request, await read_body(request))

    return endpoint


class _Desk:
    """The request handlers. Not async: Starlette runs them in threads, for they wait for a disk."""

    def __init__(
        self,
        subscribers: Subscribers,
        links: Links,
        config: Callable[[], Config],
        words: Callable[[str], Words],
        clock: Callable[[], datetime],
        home: str,
        languages: Callable[[str], Sequence[str]],
    ) -> None:
        self._subscribers = subscribers
        self._links = links
        self._clock = clock
        self._spoken = languages
        self._pages = Pages(config, words, home)
        self._limit = RateLimit(_EACH, _ALL)

    def style(self, _: Request) -> Response:
        return FileResponse(STYLE, media_type="text/css", headers={"Cache-Control": "max-age=3600"})

    def unsubscribe(self, request: Request, _body: bytes) -> Response:
        """A POST ends it, whatever its body is: RFC 8058's, in either encoding, or the form's."""
        found = self._read("unsubscribe", request)
        if found is None:
            return self._bad_link(request)
        key, about = found
        if request.method != "POST":
            preferences = self._links.token("preferences", key, about.name)
            return self._pages.answer(request, "unsubscribe.html", about, preferences=preferences)
        ended = self._subscribers.end(key, about.name, self._clock())
        log.info("unsubscribed", digest=about.name, was_subscribed=ended)
        # The same for those who never were: it tells nothing of anybody.
        return self._pages.answer(request, "unsubscribed.html", about)

    def preferences(self, request: Request, body: bytes) -> Response:
        found = self._read("preferences", request)
        if found is None:
            return self._bad_link(request)
        key, about = found
        now = self._subscribers.subscription(key, about.name)
        if now is None or now.state != "active":
            return self._pages.answer(request, "ended.html", about, status=410)
        topics = _topics(about.spec, now.topics)
        languages = _languages(self._spoken(about.name), now.languages)
        saved = False
        if request.method == "POST":
            form = read_form(request, body)
            now = replace(now, topics=_ticked(form, "topic", topics))
            # What the page did not ask stays as it is.
            if languages and "language" in (*form, *form.get("asked", ())):
                now = replace(now, languages=_ticked(form, "language", languages))
            saved = self._subscribers.set_preferences(
                key, about.name, now.topics, now.languages, self._clock()
            )
            if not saved:  # they left in the meantime
                return self._pages.answer(request, "ended.html", about, status=410)
            log.info("preferences changed", digest=about.name)
        return self._pages.answer(
            request,
            "preferences.html",
            about,
            topics=topics,
            languages=_named(languages),
            wanted_topics=now.topics,
            wanted_languages=now.languages,
            saved=saved,
            unsubscribe=self._links.token("unsubscribe", key, about.name),
        )

    def confirm(self, request: Request, _body: bytes) -> Response:
        found = self._read("confirm", request)
        if found is None:
            token, now = request.path_params["token"], self._clock()
            if (late := self._links.has_expired(token, now)) is None:
                return self._bad_link(request)
            return self._pages.answer(
                request, "expired.html", self._pages.about(late[1]), status=410
            )
        key, about = found
        if request.method != "POST":
            return self._pages.answer(request, "confirm.html", about)
        if not self._subscribers.confirm(key, about.name, BY_LETTER, self._clock()):
            return self._pages.answer(request, "expired.html", about, status=410)
        log.info("subscription confirmed", digest=about.name)
        preferences = self._links.token("preferences", key, about.name)
        return self._pages.answer(request, "confirmed.html", about, preferences=preferences)

    def subscribe(self, request: Request, body: bytes) -> Response:
        about = self._pages.about(request.path_params["digest"])
        # Without a public address no letter could be written, which has a link in it.
        if about.spec is None or not self._links.subscribe(about.name):
            raise HTTPException(404)
        request.state.about = about
        topics, languages = _topics(about.spec), _languages(self._spoken(about.name))
        offered: dict[str, Any] = {"topics": topics, "languages": _named(languages)}
        if request.method != "POST":
            return self._pages.answer(request, "subscribe.html", about, **offered)
        form = read_form(request, body)
        written = _text(form, "address")
        name = " ".join(printable(_text(form, "name")).split())[:MAX_NAME].strip()
        chosen, spoken = _ticked(form, "topic", topics), _ticked(form, "language", languages)
        try:
            address = normalised(written)
        except ValueError:
            return self._pages.answer(
                request,
                "subscribe.html",
                about,
                status=422,
                is_wrong=True,
                address=written,
                name=name,
                wanted_topics=chosen,
                wanted_languages=spoken,
                **offered,
            )
        # People don't see this field; programs that fill in every form do.
        if not _text(form, "website"):
            if wait := self._limit.wait(self._clock(), client_of(request)):
                log.warning("too many subscribe at once", digest=about.name)
                return self._pages.answer(request, "trouble.html", about, status=429, wait=wait)
            person = NewSubscriber(
                address, name, chosen, spoken, consent=BY_FORM, asked=self._clock()
            )
            wanted = self._subscribers.ask(about.name, person, self._clock())
            log.info("subscription asked for", digest=about.name, letter=wanted)
        # The same whether the address is known or not: it tells nothing of anybody.
        return self._pages.answer(
            request, "asked.html", about, address=address, days=CONFIRM_WITHIN.days
        )

    def missing(self, request: Request, _: Exception) -> Response:
        return self._pages.answer(request, "missing.html", None, status=404)

    def trouble(self, request: Request, error: Exception) -> Response:
        """Each handler writes in one transaction, its last act: nothing was changed, then."""
        log.error("page failed", reason=without_addresses(str(error)))
        about = getattr(request.state, "about", None)
        return self._pages.answer(request, "trouble.html", about, status=503, wait=_TROUBLE_LASTS)

    def _read(self, purpose: Purpose, request: Request) -> tuple[str, About] | None:
        """Whose link it is, and of which digest; None when it is none of ours, or too old."""
        found = self._links.read(purpose, request.path_params["token"], self._clock())
        if found is None:
            return None
        key, name = found
        about = self._pages.about(name)
        request.state.about = about
        return key, about

    def _bad_link(self, request: Request) -> Response:
        return self._pages.answer(request, "bad_link.html", None, status=400)


def _topics(digest: DigestSpec | None, chosen: Iterable[str] = ()) -> list[str]:
    """What can be ticked: the digest's topics, and what somebody has chosen when there was more."""
    offered: Iterable[str] = ()
    if digest is not None and digest.topics != AUTO:
        offered = DESCRIPTIONS if digest.topics is None else digest.topics
    return list(dict.fromkeys((*offered, *chosen)))


def _languages(spoken: Sequence[str], chosen: Iterable[str] = ()) -> list[str]:
    """What can be ticked: the languages of the digest's stories, and what somebody has chosen.

    None where there is only one: nothing is to be chosen then.
    """
    had = dict.fromkeys(chosen)
    others = [tag for tag in spoken if tag not in map(primary, had)]
    offered = sorted((*others, *had))
    return offered if len(offered) > 1 else []


def _named(tags: Iterable[str]) -> list[tuple[str, str]]:
    return [(tag, _LANGUAGES.get(tag, "")) for tag in tags]


def _ticked(form: Form, name: str, offered: Sequence[str]) -> tuple[str, ...]:
    """Those of `offered` that were ticked. Anything else that was sent is none of the form's."""
    values = form.get(name, [])
    return tuple(value for value in offered if value in values)


def _text(form: Form, name: str) -> str:
    return next(iter(form.get(name, [])), "")
