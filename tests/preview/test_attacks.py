"""Attacks on the desk: each fails, and each succeeds once its guard is taken off.

So no test here can pass because the attack is made wrongly. What is wanted is tried as an attacker
would: over HTTP, or in a real browser where the browser is what decides.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote, urlencode

import httpx
import pytest
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.templating import Jinja2Templates

from digest.editions import headers, message
from digest.editions.desk import asking
from digest.outbox.outbox import Outbox
from digest.preview import app, door, keys, live, reading, room

if TYPE_CHECKING:
    pass

T = TypeVar("T")
Desk = Any
"""The fixtures of `conftest`, which tests can't import."""
Patch = pytest.MonkeyPatch

MARK = (
    '"\'><b id="pwned">x</b><img src="x" onerror="window.pwned=1"><script>window.pwned=1</script>'
)
"""Text of a feed, an editor or an address that becomes markup wherever it isn't escaped."""
TOKEN = "a-token-of-these-tests"


@dataclass(frozen=True)
class Attack:
    """`tries` gives whether it got what it wanted; `without` takes the guard off. `of` says what
    the desk is like."""

    name: str
    guard: str
    tries: Callable[[Desk], bool]
    without: Callable[[Patch], None]
    of: dict[str, Any] | None = None


class _Ids(HTMLParser):
    """Whether a page has the element that was to be smuggled in."""

    found = False

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found = self.found or ("id", "pwned") in attrs


def is_pwned(page: str) -> bool:
    ids = _Ids()
    ids.feed(page)
    return ids.found


# --- guards, taken off ---------------------------------------------------------------------------


def nothing(name: str) -> Callable[[Patch], None]:
    """A guard of the door finds nothing to object to."""
    return lambda patch: patch.setattr(door, name, lambda *_: "")


def unescaped(patch: Patch) -> None:
    """Templates that forget to escape."""

    class Careless(Jinja2Templates):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            self.env.autoescape = False

    patch.setattr(room, "Jinja2Templates", Careless)


def headers_without(*names: str) -> Callable[[Patch], None]:
    """Answers that don't say these things about themselves."""
    whole = door.safe_headers

    def off(patch: Patch) -> None:
        def careless(headers: Any) -> None:
            whole(headers)
            for name in names:
                del headers[name]

        patch.setattr(door, "safe_headers", careless)

    return off


def together(*offs: Callable[[Patch], None]) -> Callable[[Patch], None]:
    def off(patch: Patch) -> None:
        for one in offs:
            one(patch)

    return off


# --- the desk that is attacked -------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an edition of feeds that mean ill; made once."""
    return tmp_path_factory.mktemp("attacked")


@pytest.fixture
def attacked(built: Path, desk_on: Desk) -> Desk:
    """A desk over that edition, not running yet. What one attack changes is gone for the next."""
    if not any(built.iterdir()):
        spoil(desk_on)
        desk_on.build()
        shutil.copytree(desk_on.folder, built, dirs_exist_ok=True)
    else:
        for old in desk_on.folder.iterdir():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        shutil.copytree(built, desk_on.folder, dirs_exist_ok=True)
    return desk_on


def spoil(desk: Desk) -> None:
    """Feeds and a theme with markup wherever they have text."""
    gull = [
        f"<item><title>Storm number {number} {quoted(MARK)}</title><guid>{number}</guid>"
        f"<link>https://paper.example/{number}?a={quoted(MARK)}</link>"
        "<pubDate>Mon, 02 Mar 2026 09:00:00 GMT</pubDate>"
        f"<description>Storm number {number} reached the pier {quoted(quoted(MARK))} on Monday. "
        f"Sailors of ship {number} tied it down in the harbour.</description></item>"
        for number in range(2)
    ]
    (desk.folder / "gull.xml").write_text(
        f'<?xml version="1.0"?><rss version="2.0"><channel><title>{quoted(MARK)}</title>'
        f"<link>https://gull.example/</link>{''.join(gull)}</channel></rss>"
    )
    (desk.folder / "lantern.xml").write_text("<!doctype html><title>No feed</title>")
    desk.configure("show_failed_feeds: true")
    yaml = desk.folder / "feeds.yaml"
    label = MARK.replace("'", "''")
    yaml.write_text(yaml.read_text().replace("{name: gull,", f"{{name: gull, title: '{label}',"))


def quoted(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


@pytest.fixture(scope="module")
def shared(built: Path) -> Iterator[Callable[[Desk, dict[str, Any] | None], Desk]]:
    """Desks that run for the whole module, one for each way to be, with all guards on."""
    running: dict[str, Desk] = {}
    with ExitStack() as stack:

        def desk(on: Desk, of: dict[str, Any] | None) -> Desk:
            token = (of or {}).get("token")
            if str(token) not in running:
                folder = built.with_name(f"{built.name}-{len(running)}")
                shutil.copytree(built, folder)
                one = replace(on, folder=folder, token=token)
                running[str(token)] = stack.enter_context(one.running())
            return running[str(token)]

        yield desk


@contextmanager
def running(desk: Desk, of: dict[str, Any] | None) -> Iterator[Desk]:
    for name, value in (of or {}).items():
        setattr(desk, name, value)
    with desk.running():
        yield desk


# --- markup smuggled in (XSS) --------------------------------------------------------------------


def page_of(path: str = "", *, at: str = "") -> Callable[[Desk], bool]:
    """The text stands in a page as it is."""

    def tries(desk: Desk) -> bool:
        answer = desk.client.get(at or f"{desk.path}{path}")
        assert answer.status_code == 200, answer.text
        assert "pwned" in answer.text, "the attacker's text must be on the page at all"
        return is_pwned(answer.text)

    return tries


def story_page(desk: Desk) -> bool:
    story = next(iter(desk.stories().values()))
    return page_of(f"/stories/{story}")(desk)


def by_operation(kind: str) -> Callable[[Desk], bool]:
    """An editor, or whoever has their browser, writes it."""

    def tries(desk: Desk) -> bool:
        story = next(iter(desk.stories().values())) if kind == "headline" else ""
        answer = desk.post(
            f"{desk.path}/operations",
            **{"do": kind, "kind": kind, "story": story, "text": MARK, "key": kind},
            seen=desk.revision,
        )
        assert answer.status_code == 303, answer.text
        return any(page_of(path)(desk) for path in ("", "/history"))

    return tries


def by_failure(desk: Desk) -> bool:
    """A feed's server says why it fails."""
    store = desk.workshop.store
    [state] = store.feed_states(
        [feed for feed in desk.room.config().records() if feed.name == "lantern"]
    ).values()
    failed = replace(
        state, failures=5, reason=MARK, checked=desk.now, failing_since=desk.now, troubled=True
    )
    store.save_feeds([failed], {}, desk.now)
    return any(page_of(at=at)(desk) for at in ("/feeds", "/feeds/lantern"))


def by_name(desk: Desk) -> bool:
    """An editor with an odd name."""
    desk.client.cookies.set("digest_name", quote(MARK[:58]))
    return is_pwned(desk.client.get("/jobs").text)


def by_address(desk: Desk) -> bool:
    """A link to an edition that isn't there."""
    return is_pwned(desk.client.get(f"/editions/{quote(MARK, safe='')}/2026-03-02").text)


def by_error(desk: Desk) -> bool:
    """A form whose refusal repeats what was sent."""
    answer = desk.post(
        f"{desk.path}/operations", do=MARK, kind=MARK, story=MARK, text=MARK, key="1", seen="0"
    )
    assert answer.status_code in (404, 409, 422)
    return is_pwned(answer.text)


def by_stale_form(desk: Desk) -> bool:
    """A form without its token, whose text is shown again."""
    answer = desk.client.post("/name", data={"text": f"</textarea>{MARK}"})
    assert "pwned" in answer.text
    return is_pwned(answer.text)


def by_template(desk: Desk) -> bool:
    """A theme's file whose error is shown."""
    desk.template.write_text("""{% include '<b id="pwned">' %}""")
    return any(page_of(path)(desk) for path in ("/weight", "?view=desktop"))


def by_config(desk: Desk) -> bool:
    """A feeds.yaml whose error is shown."""
    yaml = desk.folder / "feeds.yaml"
    yaml.write_text(yaml.read_text() + f"\nnonsense{MARK.replace(chr(39), '')}: 1\n")
    for _ in range(3):  # it is read once it has stayed as it is
        page = desk.client.get("/jobs").text
    return is_pwned(page)


def javascript_link(scheme: str) -> Callable[[Desk], bool]:
    def tries(desk: Desk) -> bool:
        """An article whose address is a program."""
        feed = (desk.folder / "gull.xml").read_text()
        link = f"{scheme}pwned"
        (desk.folder / "gull.xml").write_text(
            re.sub("<link>https://paper[^<]*", f"<link>{link}", feed)
        )
        desk.build(force=True)
        pages = [
            desk.client.get(f"{desk.path}/stories/{story}") for story in desk.stories().values()
        ]
        pages += [desk.client.get(desk.path), desk.client.get(f"{desk.path}/email.html")]
        assert all(page.status_code == 200 for page in pages)
        return any(f'href="{scheme}' in page.text for page in pages)

    return tries


def any_link(patch: Patch) -> None:
    import digest.feeds.entries
    import digest.feeds.parse

    for module in (digest.feeds.entries, digest.feeds.parse):
        patch.setattr(module, "is_http", bool)
        patch.setattr(module, "canonical_url", lambda url, *_: url)


XSS = [
    Attack("headline", "autoescape", page_of(), unescaped),
    Attack("summary and article", "autoescape", story_page, unescaped),
    Attack("name of a feed", "autoescape", page_of(at="/feeds"), unescaped),
    Attack("reason of a failure", "autoescape", by_failure, unescaped),
    Attack("editor's note", "autoescape", by_operation("note"), unescaped),
    Attack("subject", "autoescape", by_operation("subject"), unescaped),
    Attack("edited headline", "autoescape", by_operation("headline"), unescaped),
    Attack("editor's name", "autoescape", by_name, unescaped),
    Attack("name of an edition", "autoescape", by_address, unescaped),
    Attack("what a refusal repeats", "autoescape", by_error, unescaped),
    Attack("what was typed before", "autoescape", by_stale_form, unescaped),
    Attack("error of a template", "autoescape", by_template, unescaped),
    Attack("error of feeds.yaml", "autoescape", by_config, unescaped),
    Attack("link javascript:", "is_http", javascript_link("javascript:"), any_link),
    Attack("link data:", "is_http", javascript_link("data:"), any_link),
]


# --- forms that the editor didn't send (CSRF) ----------------------------------------------------


def forged(
    *, csrf: str | None = "own", method: str = "POST", **headers: str
) -> Callable[[Desk], bool]:
    """What a page of another site makes the editor's browser send; it wants the edition changed."""

    def tries(desk: Desk) -> bool:
        own = desk.csrf  # so that the editor's browser has its cookie
        before = desk.revision
        fields = {
            "kind": "subject",
            "do": "subject",
            "text": "Taken over",
            "key": "k",
            "seen": before,
        }
        if csrf == "own":
            fields["csrf"] = own
        elif csrf == "other":
            with desk.browser() as other:
                page = other.get("/jobs").text
            fields["csrf"] = re.findall(r'name="csrf" value="(\w+)"', page)[0]
        content = urlencode(fields)
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        desk.client.request(
            method, f"{desk.path}/operations", content=content, headers={**kind, **headers}
        )
        return bool(desk.revision != before)

    return tries


def by_get(desk: Desk) -> bool:
    """A picture on another site whose address is a form's."""
    query = urlencode({"name": "Mallory", "csrf": desk.csrf})
    return "digest_name" in desk.client.get(f"/name?{query}").headers.get("set-cookie", "")


def forms_by_get(patch: Patch) -> None:
    async def form(_: Any, request: Any) -> door.Form:
        return door.Form(dict(request.query_params))

    route = app.Route
    patch.setattr(room.Room, "form", form)
    patch.setattr(app, "Route", lambda path, endpoint, **_: route(path, endpoint, methods=None))


CSRF = [
    Attack("a form without its token", "check_csrf", forged(csrf=None), nothing("check_csrf")),
    Attack("another browser's token", "check_csrf", forged(csrf="other"), nothing("check_csrf")),
    Attack(
        "another site's Origin",
        "check_origin",
        forged(Origin="https://evil.example"),
        nothing("check_origin"),
    ),
    Attack(
        "another port's Origin",
        "check_origin",
        forged(Origin="http://127.0.0.1:1"),
        nothing("check_origin"),
    ),
    Attack("an Origin that hides", "check_origin", forged(Origin="null"), nothing("check_origin")),
    Attack(
        "Sec-Fetch-Site: cross-site",
        "check_origin",
        forged(**{"Sec-Fetch-Site": "cross-site"}),
        nothing("check_origin"),
    ),
    Attack(
        "text/plain, which any site may send",
        "check_kind",
        forged(**{"Content-Type": "text/plain"}),
        nothing("check_kind"),
    ),
    Attack("a GET that changes something", "methods of routes", by_get, forms_by_get),
]


# --- the wrong doors -----------------------------------------------------------------------------


def is_shown(answer: httpx.Response) -> bool:
    return answer.status_code == 200 and "Storm number" in answer.text


def rebound(desk: Desk) -> bool:
    """A site whose name leads to 127.0.0.1 from now on."""
    return is_shown(desk.client.get(desk.path, headers={"Host": "evil.example"}))


def proxied(**headers: str) -> Callable[[Desk], bool]:
    return lambda desk: is_shown(desk.client.get(desk.path, headers=headers))


def traversal(name: str) -> Callable[[Desk], bool]:
    """A folder with an edition's files, beside the outbox."""

    def tries(desk: Desk) -> bool:
        for outside in (desk.folder / "secret" / desk.date, desk.folder / desk.date):
            shutil.copytree(desk.folder / "outbox" / desk.digest / desk.date, outside)
            (outside / "digest.txt").write_text("told to nobody")
            file = outside / "edition.json"
            file.write_text(file.read_text().replace("Storm number", "told to nobody"))
        path = name.format(folder=quote(str(desk.folder), safe=""), date=desk.date)
        answers = [
            desk.client.get(f"/editions/{path}{rest}")
            for rest in ("", "/email.html", "/digest.txt", "/digest.eml", "/index.html")
        ]
        return any(
            "told to nobody" in answer.text or answer.status_code == 500 for answer in answers
        )

    return tries


def any_name(patch: Patch) -> None:
    patch.setattr(room, "DIGEST_NAME", re.compile(".*", re.DOTALL))
    patch.setattr(room, "is_date", bool)
    patch.setattr(Outbox, "folder", lambda self, digest, date: self.root / digest / date)
    real = reading.Route

    def route(path: str, endpoint: Any, **more: Any) -> Any:
        """With slashes in names; not of the pages of a whole digest, which would take them all."""
        path = path.replace("{digest}/", "{digest:path}/")
        return real(path if path != "/editions/{digest}" else "/elsewhere", endpoint, **more)

    patch.setattr(reading, "Route", route)


def static_traversal(desk: Desk) -> bool:
    (desk.folder / "x").write_text("told to nobody")
    up = "..%2f" * 12 + quote(str(desk.folder / "x").lstrip("/"), safe="")
    return "told to nobody" in desk.client.get(f"/static/{up}").text


def any_file(patch: Patch) -> None:
    def lookup(self: Any, path: str) -> tuple[str, os.stat_result]:
        whole = os.path.join(str(self.directory), path)  # noqa: PTH118 - as a careless one would
        return whole, os.stat(whole)  # noqa: PTH116

    patch.setattr(StaticFiles, "lookup_path", lookup)


def with_token(path: str = "", *, cookie: str = "", header: str = "") -> Callable[[Desk], bool]:
    """Somebody on the network without the key, or with what they take for one."""

    def tries(desk: Desk) -> bool:
        cookies = {door.KEY: cookie} if cookie else {}
        headers = {"Authorization": header, "X-Digest-Token": header} if header else {}
        with httpx.Client(
            base_url=desk.url, cookies=cookies, trust_env=False, verify=False
        ) as client:
            return is_shown(client.get(path or desk.path, headers=headers))

    return tries


def wrong_token(desk: Desk) -> bool:
    with desk.browser() as client:
        client.get("/enter", params={"token": TOKEN[:-1]})
        return is_shown(client.get(desk.path))


def any_token(patch: Patch) -> None:
    patch.setattr(keys.Keys, "is_token", lambda *_: True)


def guessing(desk: Desk) -> bool:
    """A list of tokens, the right one among them."""
    with desk.browser() as client:
        for number in range(20):
            client.get("/enter", params={"token": f"guess {number}"})
        client.get("/enter", params={"token": TOKEN})
        return is_shown(client.get(desk.path))


def no_patience(patch: Patch) -> None:
    patch.setattr(keys.Patience, "most", 10_000)


def old_cookie(desk: Desk) -> bool:
    """A cookie that was taken from a browser two months ago."""
    with desk.browser() as client:
        client.get("/enter", params={"token": TOKEN})
        assert is_shown(client.get(desk.path))
        desk.now += timedelta(days=60)
        return is_shown(client.get(desk.path))


def for_ever(patch: Patch) -> None:
    patch.setattr(keys, "KEY_LASTS", timedelta(days=10_000))


def cookie_of_another_token(desk: Desk) -> bool:
    """A key that was changed, since somebody knew it."""
    known = keys.Keys(app._secret(desk.room), "the token before this one")
    return with_token(cookie=known.cookie(desk.now))(desk)


def any_cookie(patch: Patch) -> None:
    patch.setattr(keys.Keys, "is_cookie", lambda _, given, __: bool(given))


def events_without_token(desk: Desk) -> bool:
    with desk.browser() as client, client.stream("GET", "/events") as answer:
        return bool(answer.status_code == 200 and "event: change" in next(answer.iter_text(), ""))


def told_by_an_open_address(desk: Desk) -> bool:
    """Addresses that answer without the key must not tell what lies behind it."""
    with desk.browser() as client:
        pages = [
            client.get(path).text for path in ("/static/nothing", "/enter", "/enter/", "/nowhere")
        ]
        return any(desk.date in page or desk.digest in page for page in pages)


def to_everybody(patch: Patch) -> None:
    patch.setattr(room, "check_key", lambda *_: "")


def token_in_the_address(desk: Desk) -> bool:
    """Whoever looks over the shoulder, or into the history of the page that is open."""
    with desk.browser() as client:
        answer = client.get("/enter", params={"token": TOKEN}, follow_redirects=True)
        return TOKEN in str(answer.url)


def keeps_query(patch: Patch) -> None:
    def back(request: Any, response: Any, *args: Any) -> None:
        response.headers["location"] = f"/jobs?{request.url.query}"
        door.set_cookie(request, response, *args)

    patch.setattr(app, "set_cookie", back)


def open_redirect(path: str) -> Callable[[Desk], bool]:
    """A link to the desk that ends on another site, which looks like it and asks for the key."""

    def tries(desk: Desk) -> bool:
        answers = [
            desk.client.get("/enter", params={"token": TOKEN, "next": path}),
            desk.post("/name", name="x", next=path),
        ]
        assert [answer.status_code for answer in answers] == [303, 303]
        return any(
            answer.headers["location"] == quote(path, safe="/:\\")
            or answer.headers["location"] == path
            for answer in answers
        )

    return tries


def anywhere(patch: Patch) -> None:
    for module in (app, room):
        patch.setattr(module, "own_path", lambda wanted: wanted)


def split_header(desk: Desk) -> bool:
    """A line end in what becomes a header."""
    evil = "/jobs\r\nSet-Cookie: digest_key=fixed"
    sent: list[tuple[bytes, bytes]] = []
    # Below the server, which would refuse it, too.
    import asyncio

    async def ask() -> None:
        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.extend(message.get("headers", ()))

        scope = {
            "type": "http",
            "method": "GET",
            "path": "/enter",
            "raw_path": b"/enter",
            "query_string": urlencode({"token": TOKEN, "next": evil}).encode(),
            "headers": [(b"host", b"localhost")],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "scheme": "http",
            "http_version": "1.1",
        }
        await app.create_app(desk.room)(scope, receive, send)

    with ThreadPoolExecutor(1) as thread:
        thread.submit(lambda: asyncio.run(ask())).result()
    assert sent
    return any(b"\n" in value for _, value in sent)


def split_headers(patch: Patch) -> None:
    anywhere(patch)

    def careless(url: str, status: int = 307) -> Response:
        return Response(status_code=status, headers={"location": url})

    for module in (app, room):
        patch.setattr(module, "RedirectResponse", careless)


def careless_subject(patch: Patch) -> None:
    """Every stage on the way that takes line ends out of a subject."""
    patch.setattr(asking, "_squeezed", str)
    for stage in (headers, message):
        patch.setattr(stage, "printable", str)


def bcc(desk: Desk) -> bool:
    """A subject with a header of its own, in the message that is downloaded and sent."""
    desk.post(
        f"{desk.path}/operations",
        **{"do": "subject", "kind": "subject", "text": "News\r\nBcc: everybody@example.org"},
        key="k",
        seen=desk.revision,
    )
    sent = desk.client.get(f"{desk.path}/digest.eml")
    assert sent.status_code == 200
    return bool(re.search(rb"(?im)^bcc:", sent.content))


def bare_cookies(desk: Desk) -> bool:
    """A cookie that a script could read, or another site's form would bring along."""
    with desk.browser() as client:
        answers = [
            client.get("/enter", params={"token": TOKEN}),
            client.get("/jobs"),
            client.post("/name", data={"csrf": csrf_in(client.get("/jobs").text), "name": "Asha"}),
        ]
    set_ = [line for answer in answers for line in answer.headers.get_list("set-cookie")]
    assert {line.split("=")[0] for line in set_} == {door.KEY, door.BROWSER, room.NAME}
    return any("HttpOnly" not in line or "SameSite=strict" not in line for line in set_)


def bare(patch: Patch) -> None:
    def careless(_: Any, response: Any, name: str, value: str, *__: Any) -> None:
        response.set_cookie(name, value)

    for module in (app, room):
        patch.setattr(module, "set_cookie", careless)


def csrf_in(page: str) -> str:
    return re.findall(r'name="csrf" value="(\w+)"', page)[0]


DOORS = [
    Attack("cookies without flags", "set_cookie", bare_cookies, bare, {"token": TOKEN}),
    Attack("a header in the subject", "printable", bcc, careless_subject),
    Attack("DNS rebinding", "check_host", rebound, nothing("check_host")),
    *(
        Attack(
            f"through a proxy that says {name}",
            "check_place",
            proxied(**{name: value}),
            nothing("check_place"),
        )
        for name, value in (
            ("X-Forwarded-For", "203.0.113.7"),
            ("Forwarded", "for=203.0.113.7"),
            ("Via", "1.1 proxy"),
            ("X-Real-IP", "203.0.113.7"),
        )
    ),
    *(
        Attack(f"edition's name {name}", "names of editions", traversal(name), any_name)
        for name in (
            "%2e%2e/{date}",
            "..%2Fsecret/{date}",
            "daily/..%2F..%2Fsecret%2F{date}",
            "{folder}%2Fsecret/{date}",
        )
    ),
    Attack("../ in a static file's name", "StaticFiles", static_traversal, any_file),
    Attack("no key", "check_key", with_token(), nothing("check_key"), {"token": TOKEN}),
    Attack("a wrong key", "is_token", wrong_token, any_token, {"token": TOKEN}),
    Attack("a list of keys", "Patience", guessing, no_patience, {"token": TOKEN}),
    Attack(
        "a cookie made up",
        "is_cookie",
        with_token(cookie=f"1772452800.x.{'0' * 64}"),
        any_cookie,
        {"token": TOKEN},
    ),
    Attack(
        "a cookie of the token before",
        "is_cookie",
        cookie_of_another_token,
        any_cookie,
        {"token": TOKEN},
    ),
    Attack("an old cookie", "KEY_LASTS", old_cookie, for_ever, {"token": TOKEN}),
    Attack(
        "events without the key",
        "check_key",
        events_without_token,
        nothing("check_key"),
        {"token": TOKEN},
    ),
    Attack(
        "the editions' names, from a page without the key",
        "check_key",
        told_by_an_open_address,
        to_everybody,
        {"token": TOKEN},
    ),
    Attack(
        "a key in the open page's address",
        "redirect",
        token_in_the_address,
        keeps_query,
        {"token": TOKEN},
    ),
    Attack(
        "open redirect //", "own_path", open_redirect("//evil.example/"), anywhere, {"token": None}
    ),
    Attack("open redirect /\\", "own_path", open_redirect("/\\evil.example/"), split_headers),
    Attack("open redirect https:", "own_path", open_redirect("https://evil.example/"), anywhere),
    Attack("a line end in Location", "own_path", split_header, split_headers, {"token": TOKEN}),
]


# --- too much ------------------------------------------------------------------------------------


def declared(desk: Desk) -> bool:
    """A form that says it holds a gigabyte; the desk must not wait for it."""
    host, port = desk.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=2) as connection:
        connection.sendall(
            b"POST /name HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1073741824\r\n"
            b"Content-Type: application/x-www-form-urlencoded\r\n\r\nname=x"
        )
        try:
            return b" 413 " not in connection.recv(100)
        except TimeoutError:  # it waits for the rest, and would keep it all
            return True


def chunked(desk: Desk) -> bool:
    """A form that doesn't say how much it holds."""
    taken = 0

    def parts() -> Iterator[bytes]:
        nonlocal taken
        yield b"csrf=" + desk.csrf.encode() + b"&name="
        for _ in range(256):
            taken += 1
            yield b"x" * 8192

    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    try:
        answer = desk.client.post("/name", content=parts(), headers=kind)
    except (httpx.WriteError, httpx.RemoteProtocolError):  # hung up before the end
        return False
    return answer.status_code != 413


def upload(desk: Desk) -> bool:
    sent = desk.client.post(
        "/name", data={"csrf": desk.csrf, "name": "x"}, files={"file": ("x.html", b"<b>")}
    )
    return sent.status_code != 415


def put(desk: Desk) -> bool:
    return any(
        desk.client.request(method, path).status_code != 405
        for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE")
        for path in ("/jobs", desk.path)
    )


def listeners(desk: Desk) -> bool:
    """Somebody who opens streams until the desk has no more threads or files."""
    codes, streams = [], []
    with ExitStack() as stack:
        client = stack.enter_context(desk.browser())
        for _ in range(live.MAX_LISTENERS + 3 if live.MAX_LISTENERS < 60 else 60):
            answer = stack.enter_context(client.stream("GET", "/events"))
            if answer.status_code == 200:
                streams.append(answer.iter_text())
                next(streams[-1])
            codes.append(answer.status_code)
    return codes[-1] == 200


def fields(desk: Desk) -> bool:
    many = "&".join(f"f{number}=" for number in range(5000))
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = desk.client.post("/name", content=f"csrf={desk.csrf}&{many}", headers=kind)
    return answer.status_code == 303


def all_methods(patch: Patch) -> None:
    nothing("check_method")(patch)
    any_ = ["GET", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"]
    for module in (app, reading):

        def route(path: str, endpoint: Any, real: Any = module.Route, **_: Any) -> Any:
            return real(path, endpoint, methods=any_)

        patch.setattr(module, "Route", route)


MUCH = [
    Attack("a gigabyte, declared", "check_size", declared, nothing("check_size")),
    Attack("megabytes in chunks", "check_size", chunked, nothing("check_size")),
    Attack("an upload", "check_kind", upload, nothing("check_kind")),
    Attack(
        "thousands of fields",
        "_MAX_FIELDS",
        fields,
        lambda patch: patch.setattr(door, "_MAX_FIELDS", None),
    ),
    Attack("other methods", "check_method", put, all_methods),
    Attack(
        "a hundred listeners",
        "MAX_LISTENERS",
        listeners,
        lambda patch: patch.setattr(live, "MAX_LISTENERS", 10_000),
    ),
]

OVER_HTTP = [*XSS, *CSRF, *DOORS, *MUCH]

# Those that change the desk even when they fail; they get one of their own.
_BY_HAND = (by_failure, by_template, by_config, static_traversal, wrong_token, guessing)
CHANGING = {
    *(*_BY_HAND, old_cookie, bcc, listeners),
    *(
        attack.tries
        for attack in OVER_HTTP
        if attack.guard == "names of editions"
        or attack.name.startswith("link ")
        or attack.name in ("editor's note", "subject", "edited headline")
    ),
}


def named(attack: Attack) -> str:
    return f"{attack.name} [{attack.guard}]"


@pytest.mark.parametrize("attack", OVER_HTTP, ids=named)
def test_the_attack_fails(attack: Attack, attacked: Desk, shared: Any) -> None:
    if attack.tries not in CHANGING:
        desk = shared(attacked, attack.of)
        desk.client.cookies.clear()
        assert not attack.tries(desk)
        return
    with running(attacked, attack.of) as desk:
        assert not attack.tries(desk)


@pytest.mark.parametrize("attack", OVER_HTTP, ids=named)
def test_without_its_guard_it_succeeds(attack: Attack, attacked: Desk, monkeypatch: Patch) -> None:
    attack.without(monkeypatch)
    with running(attacked, attack.of) as desk:
        assert attack.tries(desk)
