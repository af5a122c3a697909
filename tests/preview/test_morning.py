"""A morning at the desk, from the first look at the draft to the letter in the reader's hand.

The same morning three times: by mouse with the demo, as its commands leave it; by the keyboard
alone; and on a phone, 375 pixels wide, by finger.
"""

from __future__ import annotations

import email
import email.policy
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import pytest

from digest.records import NewSubscriber

from .browsing import drag, until
from .conftest import DeskFixture, Item

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

    from tests.conftest import MailServer

pytestmark = pytest.mark.browser

ROOT = Path(__file__).parents[2]
SCRIPT = Path(sys.executable).with_name("digest")
READER = "reader@example.org"
INVENTED = "It cost 4711 dollars in Timbuktu."
NEW = "Lighthouse keeper finds a map of the old harbour channel"


# --- three pairs of hands ------------------------------------------------------------------


class Mouse:
    """Clicks, drags, types."""

    context: Mapping[str, Any] = MappingProxyType({"viewport": {"width": 1280, "height": 860}})

    def __init__(self, page: Page) -> None:
        self.page = page

    def press(self, target: Locator) -> None:
        target.click()

    def tick(self, target: Locator) -> None:
        target.check()

    def write(self, target: Locator, text: str) -> None:
        target.fill(text)

    def raise_above(self, row: Locator, other: Locator) -> None:
        """Puts a story above another."""
        drag(self.page, row.locator(".handle"), other)


class Keyboard(Mouse):
    """Goes from one thing to the next with Tab, and touches nothing else."""

    def __init__(self, page: Page) -> None:
        super().__init__(page)
        # Heard before the desk hears it and sets the next address: so a page that shows an e-mail
        # while the next one waits is never taken for one that is done.
        page.add_init_script(
            """document.addEventListener("load", ({target}) => {
                if (target.id !== "frame") return;
                window.emailThatArrived = window.desk?.givenTo(target) ?? target.src;
            }, true)"""
        )

    def press(self, target: Locator) -> None:
        self.reach(target)
        self.page.keyboard.press("Enter")

    def tick(self, target: Locator) -> None:
        if target.get_attribute("type") != "radio":
            self.reach(target)
            self.page.keyboard.press("Space")
            return
        # Tab goes to the one that is chosen, arrows to the others.
        self.reach(self.page.locator(f'input[name="{target.get_attribute("name")}"]:checked'))
        for _ in range(5):
            if target.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError("the arrow keys don't get to it")

    def write(self, target: Locator, text: str) -> None:
        self.reach(target)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def raise_above(self, row: Locator, other: Locator) -> None:  # noqa: ARG002
        self.reach(row.locator(".handle"))
        self.page.keyboard.press("Alt+ArrowUp")

    def reach(self, target: Locator) -> None:
        element = target.element_handle()
        assert element is not None
        for _ in range(400):
            if element.evaluate("it => it === document.activeElement"):
                return
            self._wait_for_the_email()
            self.page.keyboard.press("Tab")
        raise AssertionError(f"Tab never gets to {element.evaluate('it => it.outerHTML')[:300]}")

    def _wait_for_the_email(self) -> None:
        """Until the frame shows what it is to show: each change loads it again.

        Chromium never answers a Tab that leads into a frame which is being replaced, and Playwright
        has no limit of time for keys.
        """
        shown = """() => {
            const frame = document.getElementById("frame");
            return !frame || window.desk.givenTo(frame) === window.emailThatArrived;
        }"""
        until(self.page, lambda: bool(self.page.evaluate(shown)))


class Finger(Mouse):
    """Taps, on a telephone."""

    context = MappingProxyType(
        {"viewport": {"width": 375, "height": 700}, "has_touch": True, "is_mobile": True}
    )

    def press(self, target: Locator) -> None:
        # As wide as it is with its style sheets: the click before may have led to a new page.
        self.page.wait_for_load_state()
        wide = self.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= 375, f"{self.page.url} is {wide} pixels wide"
        target.tap()

    def tick(self, target: Locator) -> None:
        target.tap()

    def raise_above(self, row: Locator, other: Locator) -> None:  # noqa: ARG002
        self.press(row.locator('button[name="do"][value="up"]'))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium. On CI a missing browser is a failure, elsewhere a skip."""
    path = shutil.which("chromium")
    if path is None and os.environ.get("CI"):
        pytest.fail("no `chromium` on PATH: install it (Debian: apt install chromium)")
    if path is None:
        pytest.skip("needs chromium on PATH; in CI its absence is a failure")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Containers run as root, where Chromium's own sandbox refuses to start.
        found = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        yield found
        found.close()


# --- where it is played --------------------------------------------------------------------


@dataclass
class Scene:
    """A desk on `url`; `comes` lets a new article come, `edition` is the edition's path."""

    url: str
    edition: str
    comes: Callable[[], None]
    mail: MailServer


@contextmanager
def made_up(on: DeskFixture, mail: MailServer) -> Iterator[Scene]:
    """A small paper whose encoder hashes words; ten articles of two feeds."""
    on.options["smtp_url"] = mail.url
    on.configure("review: true", template="classic")
    on.build()
    with on.running():
        person = NewSubscriber(READER)
        on.workshop.store.subscribers.subscribe(on.digest, [person], on.now)
        news = Item(NEW, "Harbour", 0.5)
        yield Scene(on.url, on.path, lambda: on.feed("lantern", news), mail)


@contextmanager
def the_demo(folder: Path, mail: MailServer) -> Iterator[Scene]:
    """The demo with its real models, run and shown by its commands."""
    shutil.copytree(ROOT / "examples", folder / "examples")
    config = folder / "examples" / "feeds.yaml"
    mine = {name: value for name, value in os.environ.items() if not name.startswith("DIGEST_")}
    environment = {**mine, "DIGEST_SMTP_URL": mail.url}

    def command(*words: str) -> list[str]:
        return [str(SCRIPT), *words, "--config", str(config)]

    for words in (("run",), ("subscribers", "add", READER, "--digest", "demo")):
        done = subprocess.run(
            command(*words),
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        # One of the demo's feeds is broken on purpose.
        assert done.returncode in (0, 1), done.stderr
    (date,) = (path.name for path in (folder / "outbox" / "demo").iterdir() if path.is_dir())

    def comes() -> None:
        feed = folder / "examples" / "feeds" / "touchline.xml"
        text = feed.read_text("utf-8")
        now = format_datetime(datetime.now(UTC))
        said = " ".join([f"{NEW}."] + [f"The keeper found {n} sheets of paper." for n in (2, 3, 4)])
        item = (
            f"<item><title>{NEW}</title><guid isPermaLink='false'>new</guid>"
            f"<pubDate>{now}</pubDate><link>https://touchline.example/new</link><description>{said}</description></item>"
        )
        feed.write_text(text.replace("<item>", item + "<item>", 1), "utf-8")

    preview = subprocess.Popen(
        command("preview", "demo", "--port", "0", "--no-browser"),
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert preview.stdout is not None
    try:
        address = re.search(r"(http://127\.0\.0\.1:\d+)/", preview.stdout.readline())
        assert address is not None
        yield Scene(address[1], f"/editions/demo/{date}", comes, mail)
    finally:
        preview.terminate()
        preview.wait(20)
        preview.stdout.close()


# --- the morning ---------------------------------------------------------------------------


def morning(browser: Browser, hands_of: type[Mouse], scene: Scene) -> None:
    """What an editor does before breakfast."""
    context = browser.new_context(base_url=scene.url, **hands_of.context)
    page = context.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.set_default_timeout(10_000)
    hands = hands_of(page)
    rows = page.locator("li.story[data-title]")

    def titles() -> list[str]:
        found: list[str] = rows.evaluate_all("all => all.map(one => one.dataset.title)")
        return found

    def row(title: str) -> Locator:
        return page.locator(f"li.story[data-title={quoted(title)}]")

    def until(is_so: Callable[[], bool], what: str, seconds: float = 20) -> None:
        end = time.monotonic() + seconds
        while not is_so():
            assert time.monotonic() < end, f"{what}: never; there is {titles()}, {page.url}"
            page.wait_for_timeout(50)

    def save_summary() -> None:
        with page.expect_response(lambda answer: answer.url.endswith("/operations")):
            hands.press(page.locator("#summary-form button.primary"))

    def download(name: str) -> bytes:
        # A connection that rests for five seconds is closed by the server, maybe just then.
        return page.request.get(f"{scene.edition}/{name}", max_retries=3).body()

    def open_edition() -> None:
        page.goto(scene.edition)
        page.locator("#stories").wait_for()

    # The draft is there, and the second story of a topic belongs above its first.
    open_edition()
    section = page.locator(".section[data-topic]").filter(has=page.locator("li.story + li.story"))
    first, second, *_ = section.first.locator("li.story").evaluate_all(
        "all => all.map(one => one.dataset.title)"
    )
    hands.raise_above(row(second), row(first))
    until(lambda: titles().index(second) < titles().index(first), "the move")

    # One is not for today.
    dropped = titles()[-1]
    hands.press(row(dropped).locator('button[name="do"][value="drop"]'))
    until(lambda: dropped not in titles(), "the drop")

    # A summary is to say more than its source does: the verifier objects, and the editor mends it.
    edited = first
    hands.press(row(edited).locator("h3.headline a"))
    box = page.locator("#summary-text")
    box.wait_for()
    said = box.input_value()
    hands.write(box, f"{said} {INVENTED}")
    objection = page.locator("#summary-verdicts")
    objection.get_by_text("4711").first.wait_for(timeout=60_000)
    save_summary()

    def objects() -> bool:
        open_edition()
        found = row(edited).locator(".unsupported")
        return found.count() > 0 and "4711" in found.first.inner_text()

    until(objects, "the objection on the list", 60)
    assert INVENTED not in download("digest.txt").decode()
    shorter = said.split(". ")[0].rstrip(".") + "."
    hands.press(row(edited).locator("h3.headline a"))
    hands.write(page.locator("#summary-text"), shorter)
    save_summary()
    open_edition()
    until(
        lambda: row(edited).locator(".unsupported").count() == 0, "the verdict on what was mended"
    )

    # Two tell the same, or so it seemed.
    one, other = titles()[0], titles()[-1]
    for title in (one, other):
        hands.tick(row(title).locator('input[name="ticked"]'))
    hands.press(page.locator("#merge-form button"))
    until(lambda: (one in titles()) != (other in titles()), "the merge")
    hands.press(page.locator("#undo"))
    until(lambda: one in titles() and other in titles(), "undoing it")

    # News came in meanwhile. What was changed stays changed.
    scene.comes()
    hands.press(page.locator('form[action$="/build"] button').first)
    until(lambda: NEW in page.locator("#stories").inner_text(), "the rebuild", 180)
    assert dropped not in titles()
    assert titles().index(second) < titles().index(first)
    assert shorter in row(edited).inner_text()

    # It may leave. What arrives is what the page showed.
    open_edition()
    shown = parts(download("digest.eml"))
    hands.press(page.locator('a[href$="/send"]').first)
    hands.tick(page.locator('#approve-form input[value="now"]'))
    hands.press(page.locator("#approve-form button.primary"))
    until(lambda: len(scene.mail.accepted) == 1, "the letter", 60)
    page.get_by_text("1 of 1").first.wait_for()
    (to, message), *more = scene.mail.accepted
    assert (to, more) == (READER, [])
    received = parts(message)
    assert received["subject"] == shown["subject"]
    for kind in ("text/plain", "text/html"):
        assert to_nobody(received[kind]) == to_nobody(shown[kind])
    assert NEW in received["text/html"]
    assert dropped not in received["text/plain"]
    assert errors == []
    context.close()


def quoted(title: str) -> str:
    """As a CSS string."""
    return '"' + title.replace("\\", "\\\\").replace('"', '\\"') + '"'


def parts(message: bytes) -> dict[str, str]:
    """Subject, plain text and HTML of a message."""
    read = email.message_from_bytes(message, policy=email.policy.default)
    found = {"subject": str(read["subject"])}
    for part in read.walk():
        if part.get_content_maintype() == "text":
            found[part.get_content_type()] = part.get_content().replace("\r\n", "\n")
    return found


def to_nobody(text: str) -> str:
    """The text without what is the reader's own: their address."""
    flat = " ".join(text.split())
    return flat.replace(f"because {READER} is subscribed", "because you are subscribed")


def test_by_mouse_with_the_demo(browser: Browser, tmp_path: Path, mail_server: MailServer) -> None:
    with the_demo(tmp_path, mail_server) as scene:
        morning(browser, Mouse, scene)


@pytest.mark.parametrize("hands", [Keyboard, Finger])
def test_by_keyboard_alone_and_on_a_phone(
    browser: Browser, desk_on: DeskFixture, mail_server: MailServer, hands: type[Mouse]
) -> None:
    with made_up(desk_on, mail_server) as scene:
        morning(browser, hands, scene)
