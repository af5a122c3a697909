"""Attacks that only a browser can decide on: scripts, frames, what a site learns of another.

As in `test_attacks`, each fails, and succeeds once its guard is taken off.
"""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from digest.preview import door, reading, room

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

pytestmark = pytest.mark.browser

Desk = Any
"""The fixture of `conftest`, which tests can't import."""
Patch = pytest.MonkeyPatch

WHOLE = 'style="position:fixed;inset:0;width:100%;height:100%"'
SCRIPT = "<script>new Image().src = 'https://evil.example/pwned'</script>"
SANDBOX = b'sandbox="allow-popups allow-popups-to-escape-sandbox"'


@dataclass(frozen=True)
class Attack:
    """`tries` gives whether it got what it wanted, in a fresh window whose requests are noted.

    `email` is in the theme's HTML; `given` are guards that are off in any case, lest they hide
    the one that is looked at, `without` takes that off.
    """

    name: str
    guard: str
    tries: Callable[[Desk, Page, list[str]], bool]
    without: Callable[[Patch], None]
    given: Callable[[Patch], None] = lambda _: None
    email: str = ""


class Site(BaseHTTPRequestHandler):
    """Another site, on another port, and what it is asked and told."""

    heard: list[str]
    page = b""

    def do_GET(self) -> None:
        self.heard.append(self.headers.get("Referer", ""))
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(self.page)

    def log_message(self, *_: object) -> None:
        pass


# --- guards, taken off ---------------------------------------------------------------------------


def any_policy(patch: Patch) -> None:
    """An e-mail without a policy of its own."""
    patch.setattr(reading, "email_policy", lambda **_: "frame-ancestors 'self'")


def no_sandbox(patch: Patch) -> None:
    """Frames without a sandbox."""
    whole = room.Room.page

    def page(self: Any, *args: Any, **context: Any) -> Any:
        answer = whole(self, *args, **context)
        assert SANDBOX in answer.body
        answer.body = answer.body.replace(SANDBOX, b"")
        answer.headers["content-length"] = str(len(answer.body))
        return answer

    patch.setattr(room.Room, "page", page)


def headers(**changes: str) -> Callable[[Patch], None]:
    """Answers with other headers; an empty one is left out."""
    whole = door.safe_headers

    def off(patch: Patch) -> None:
        def careless(headers: Any) -> None:
            whole(headers)
            for name, value in changes.items():
                del headers[name.replace("_", "-")]
                if value:
                    headers[name.replace("_", "-")] = value

        patch.setattr(door, "safe_headers", careless)

    return off


# --- attacks -------------------------------------------------------------------------------------


def asked(requests: list[str], page: Page, wanted: str = "evil.example") -> bool:
    """Whether the browser asked for it, once all has had its time."""
    page.wait_for_timeout(300)
    return any(wanted in request for request in requests)


def inline_script(desk: Desk, page: Page, requests: list[str]) -> bool:
    """A script in a page of ours, however it came there."""
    page.route(
        f"{desk.url}/jobs",
        lambda route: route.fulfill(
            response=(answer := route.fetch()),
            body=answer.text().replace("</main>", f"{SCRIPT}</main>"),
        ),
    )
    page.goto(f"{desk.url}/jobs")
    return asked(requests, page)


def in_frame(desk: Desk, page: Page, requests: list[str]) -> bool:
    page.goto(f"{desk.url}{desk.path}?view=desktop")
    page.frame_locator("iframe").get_by_text("The Daily").first.wait_for()
    return asked(requests, page)


def opened_directly(desk: Desk, page: Page, requests: list[str]) -> bool:
    page.goto(f"{desk.url}{desk.path}/email.html")
    return asked(requests, page)


def clicked(desk: Desk, page: Page, requests: list[str]) -> bool:
    """Somebody clicks into the e-mail; what covers all of it is hit."""
    page.goto(f"{desk.url}{desk.path}?view=desktop")
    page.frame_locator("iframe").get_by_text("The Daily").first.wait_for()
    page.locator("iframe").scroll_into_view_if_needed()
    page.locator("iframe").click(position={"x": 60, "y": 60})
    asked(requests, page)
    return not page.url.startswith(f"{desk.url}{desk.path}")


def sends_a_form(desk: Desk, page: Page, requests: list[str]) -> bool:
    clicked(desk, page, requests)
    return any(request.startswith("POST ") for request in requests)


def framed_elsewhere(desk: Desk, page: Page, _: list[str]) -> bool:
    """Clickjacking: the desk under a page that says "click here"."""
    Site.page = f'<iframe src="{desk.url}/jobs"></iframe>'.encode()
    page.goto(desk.evil)
    page.wait_for_timeout(500)
    return any("/jobs" in frame.url and "Work in hand" in frame.content() for frame in page.frames)


def read_elsewhere(desk: Desk, page: Page, _: list[str]) -> bool:
    """A page of another site that loads the desk's pages as its own picture, script or style."""
    Site.page = f'<img src="{desk.url}/static/icon.svg">'.encode()
    page.goto(desk.evil)
    page.wait_for_timeout(300)
    return bool(page.evaluate("() => document.images[0].naturalWidth > 0"))


def told_by_referer(desk: Desk, page: Page, _: list[str]) -> bool:
    """Where a link leads learns what is read."""
    page.goto(f"{desk.url}{desk.path}")
    page.evaluate(
        "to => { const a = document.createElement('a'); a.href = to; "
        "document.body.append(a); a.click() }",
        desk.evil,
    )
    page.wait_for_url(f"{desk.evil}**")
    assert Site.heard
    return any(desk.path in referer for referer in Site.heard)


def reads_cookies(desk: Desk, page: Page, _: list[str]) -> bool:
    page.goto(f"{desk.url}/jobs")
    assert page.context.cookies(), "there must be a cookie at all"
    return "digest_browser" in str(page.evaluate("() => document.cookie"))


def bare_cookies(patch: Patch) -> None:
    def careless(_: Any, answer: Any, name: str, value: str, *__: Any) -> None:
        answer.set_cookie(name, value)

    patch.setattr(room, "set_cookie", careless)


LINK = f'<a target="_top" href="https://evil.example/" {WHOLE}>x</a>'
FORM = f'<form method="post" action="/name" target="_self"><button {WHOLE}>x</button></form>'

ATTACKS = [
    Attack(
        "an inline script in a page",
        "Content-Security-Policy",
        inline_script,
        headers(Content_Security_Policy=""),
    ),
    Attack("script of an e-mail", "sandbox", in_frame, no_sandbox, any_policy, SCRIPT),
    Attack(
        "script of an e-mail, in the frame",
        "email_policy",
        in_frame,
        any_policy,
        no_sandbox,
        SCRIPT,
    ),
    Attack(
        "script of an e-mail, opened", "email_policy", opened_directly, any_policy, email=SCRIPT
    ),
    Attack("an e-mail that leads the page away", "sandbox", clicked, no_sandbox, any_policy, LINK),
    Attack("a form in an e-mail", "sandbox", sends_a_form, no_sandbox, any_policy, FORM),
    Attack("a form in an e-mail", "form-action", sends_a_form, any_policy, no_sandbox, FORM),
    Attack(
        "clickjacking",
        "frame-ancestors",
        framed_elsewhere,
        headers(Content_Security_Policy="", X_Frame_Options=""),
    ),
    Attack(
        "what another site loads",
        "Cross-Origin-Resource-Policy",
        read_elsewhere,
        headers(Cross_Origin_Resource_Policy="cross-origin"),
    ),
    Attack(
        "what a link tells",
        "Referrer-Policy",
        told_by_referer,
        headers(Referrer_Policy="unsafe-url"),
    ),
    Attack("a script that reads cookies", "HttpOnly", reads_cookies, bare_cookies),
]


# --- the browser ---------------------------------------------------------------------------------


class Window:
    """One Chromium, in a thread of its own: Playwright refuses a thread with an event loop."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._browser: Browser = self._thread.submit(self._launch).result()

    def _launch(self) -> Browser:
        from playwright.sync_api import sync_playwright

        self._playwright = sync_playwright().start()
        # Containers run as root, where Chromium's own sandbox refuses to start.
        return self._playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )

    def run(self, work: Callable[[Page, list[str]], bool]) -> bool:
        """Gives what `work` gives, in a window with an empty history."""

        def fresh() -> bool:
            context: BrowserContext = self._browser.new_context()
            requests: list[str] = []
            context.on("request", lambda it: requests.append(f"{it.method} {it.url}"))
            context.route("https://evil.example/**", lambda it: it.fulfill(body="Evil"))
            try:
                return work(context.new_page(), requests)
            finally:
                context.close()

        return self._thread.submit(fresh).result()

    def close(self) -> None:
        def end() -> None:
            self._browser.close()
            self._playwright.stop()

        self._thread.submit(end).result()
        self._thread.shutdown()


@pytest.fixture(scope="module")
def window() -> Iterator[Window]:
    """A browser for the whole module. On CI a missing one is a failure, elsewhere a skip."""
    if shutil.which("chromium") is None:
        reason = "no `chromium` on PATH: install it (Debian: apt install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    opened = Window()
    yield opened
    opened.close()


@pytest.fixture
def attacked(desk_on: Desk) -> Iterator[Desk]:
    """A desk with an edition, not running yet, and another site beside it at `evil`."""
    desk_on.build()
    site = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    Site.heard, Site.page = [], b"Another site"
    thread = threading.Thread(target=site.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    # Another site by its name too: browsers take two ports of one host for one site.
    desk_on.evil = f"http://localhost:{site.server_address[1]}/"
    yield desk_on
    site.shutdown()
    thread.join()
    site.server_close()


def succeeds(attack: Attack, desk_on: Desk, window: Window) -> bool:
    text = desk_on.template.read_text()
    desk_on.template.write_text(text.replace("</body>", f"{attack.email}</body>"))
    with desk_on.running() as desk:
        return window.run(lambda page, requests: attack.tries(desk, page, requests))


def named(attack: Attack) -> str:
    return f"{attack.name} [{attack.guard}]"


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_the_attack_fails(
    attack: Attack, attacked: Desk, window: Window, monkeypatch: Patch
) -> None:
    attack.given(monkeypatch)
    assert not succeeds(attack, attacked, window)


@pytest.mark.parametrize("attack", ATTACKS, ids=named)
def test_without_its_guard_it_succeeds(
    attack: Attack, attacked: Desk, window: Window, monkeypatch: Patch
) -> None:
    attack.given(monkeypatch)
    attack.without(monkeypatch)
    assert succeeds(attack, attacked, window)
