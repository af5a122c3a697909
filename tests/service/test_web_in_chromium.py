"""The public pages in a real browser: for everybody, on every screen, by day and by night."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from threading import Thread
from typing import Any

import httpx
import pytest

from digest.config import load_config
from digest.editions.render import Renderer, packaged_themes
from digest.preview.server import address_of, build_server, listen
from digest.records import NewSubscriber
from digest.service.web import create_public_app
from digest.store.database import Database
from digest.store.subscribers import Subscribers
from digest.subscribers.links import Links

Viewer = Any  # tests/conftest.py: a conftest can't be imported by name, every room has one

pytestmark = pytest.mark.browser

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
SPOKEN = ("de", "en", "es", "fr", "nb", "uk")
LINKS = Links(["the secret of these tests"], "http://localhost")
FEEDS = """
digests:
  - name: morning
    title: The Morning Digest
    postal_address: The Morning Digest, 12 Harbour Street, Exampleton
  - name: ranok
    title: Ранковий огляд
    language: uk
  - name: abend
    title: Die Donaudampfschifffahrtsgesellschaftsnachrichtenübersicht
    language: de
    topics: [Binnenschifffahrtsverkehrsordnungen, Kultur]
feeds:
  - {name: wire, url: "https://wire.example.org/rss"}
"""
FORM = {"Content-Type": "application/x-www-form-urlencoded"}

Site = tuple[httpx.Client, Subscribers]
Pages = dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A client of the running pages, and the people behind them."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "feeds.yaml").write_text(FEEDS, "utf-8")
    config = load_config(folder / "feeds.yaml")
    database = Database(f"sqlite:///{folder / 'digest.db'}", lock_seconds=0.1)
    people = Subscribers(database)
    words = Renderer([packaged_themes()]).words
    app = create_public_app(
        people, LINKS, lambda: config, words, lambda: NOW, [], "", lambda _: SPOKEN
    )
    listener = listen("127.0.0.1", 0)
    server = build_server(app)
    thread = Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        with closing(httpx.Client(base_url=address_of(listener), trust_env=False)) as client:
            yield client, people
    finally:
        server.should_exit = True
        thread.join()
        database.close()


def every_state(client: httpx.Client, people: Subscribers, digest: str) -> dict[str, str]:
    """Each page of a digest in each of its states, by a name."""
    address = f"ada.{digest}@example.org"
    people.subscribe(digest, [NewSubscriber(address, topics=("Science",))], NOW, again=True)
    key = people.of_address(address)[0].subscriber.key
    unsubscribe = f"/subscription/unsubscribe/{LINKS.token('unsubscribe', key, digest)}"
    preferences = f"/subscription/preferences/{LINKS.token('preferences', key, digest)}"
    confirm = f"/subscription/confirm/{LINKS.token('confirm', key, digest, NOW)}"
    old = LINKS.token("confirm", key, digest, NOW - timedelta(days=8))
    subscribe = f"/subscription/subscribe/{digest}"
    pages = {
        "subscribe": client.get(subscribe),
        "subscribe-wrong": client.post(subscribe, data={"address": "ada", "topic": "World"}),
        "subscribe-asked": client.post(subscribe, data={"address": f"eve.{digest}@example.org"}),
        "confirm": client.get(confirm),
        "confirmed": client.post(confirm),
        "confirm-expired": client.get(f"/subscription/confirm/{old}"),
        "preferences": client.get(preferences),
        "preferences-saved": client.post(preferences, data={"topic": ["World"]}),
        "unsubscribe": client.get(unsubscribe),
        "unsubscribed": client.post(unsubscribe, content="List-Unsubscribe=One-Click"),
        "ended": client.get(preferences),
        "bad-link": client.get("/subscription/unsubscribe/cut"),
        "missing": client.get("/subscription/nowhere"),
    }
    with people._database.transaction():  # held for longer than it is waited for
        pages["trouble"] = client.post(unsubscribe)
    statuses = {name: page.status_code for name, page in pages.items()}
    assert 500 not in statuses.values()
    assert statuses["trouble"] == 503
    style = client.get("/subscription/style.css").text
    sheet = '<link rel="stylesheet" href="/subscription/style.css">'
    # The viewer has no network: it gets the sheet with the page.
    return {
        name: page.text.replace(sheet, f"<style>{style}</style>") for name, page in pages.items()
    }


@pytest.fixture(scope="module")
def pages(site: Site) -> Pages:
    """Every page in every state, by digest and name."""
    return {digest: every_state(*site, digest) for digest in ("morning", "ranok", "abend")}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("digest", ["morning", "ranok"])
def test_every_page_is_for_everybody(
    pages: Pages, viewer: Viewer, digest: str, scheme: str
) -> None:
    for name, page in pages[digest].items():
        viewer.show(page, scheme=scheme)
        assert (name, viewer.violations()) == (name, [])


def test_the_smallest_phone_needs_no_scrolling_aside(pages: Pages, viewer: Viewer) -> None:
    for digest, states in pages.items():
        for name, page in states.items():
            viewer.show(page, width=320)
            assert (digest, name, viewer.width()) == (digest, name, 320)


def test_text_twice_as_large_still_fits(pages: Pages, viewer: Viewer) -> None:
    for name, page in pages["morning"].items():
        viewer.show(page, width=320)
        viewer.enlarge_text(2)
        assert (name, viewer.width()) == (name, 320)


def test_fingers_find_their_targets(pages: Pages, viewer: Viewer) -> None:
    """WCAG 2.2, 2.5.5 (level AAA): 44 px for what is pressed; 2.5.8: 24 px for links."""
    for name, page in pages["morning"].items():
        viewer.show(page, width=320)
        small = viewer.evaluate(
            """() => [...document.querySelectorAll('button, label:has(input), .field input, a')]
            .filter(one => one.getBoundingClientRect().height < (one.tagName === 'A' ? 24 : 44))
            .map(one => one.outerHTML)"""
        )
        assert (name, small) == (name, [])


def test_the_way_by_keyboard_is_the_way_of_the_page(pages: Pages, viewer: Viewer) -> None:
    """No field that people don't see is on it, and the focus shows at each stop."""
    viewer.show(pages["abend"]["subscribe"])
    stops = []
    names = ["address", "name", "topic", "topic", *["language"] * len(SPOKEN), "BUTTON"]
    for _ in names:
        viewer._tab.keyboard.press("Tab")
        stops.append(
            viewer.evaluate(
                """() => [document.activeElement.name || document.activeElement.tagName,
                getComputedStyle(document.activeElement).outlineStyle]"""
            )
        )
    assert stops == [[name, "solid"] for name in names]


def test_the_pages_work_in_a_browser_as_they_are_served(site: Site, viewer: Viewer) -> None:
    """With their own policy: the sheet applies, the forms are sent, nothing is complained of."""
    client, people = site
    base = str(client.base_url).rstrip("/")
    page = viewer._tab.context.browser.new_page()
    errors: list[str] = []
    page.on("console", lambda line: errors.append(line.text))
    page.on("pageerror", lambda error: errors.append(str(error)))

    page.goto(f"{base}/subscription/subscribe/morning")
    assert page.evaluate("getComputedStyle(document.querySelector('.page')).maxWidth") == "576px"
    assert not page.get_by_label("Leave this empty").is_visible()
    page.get_by_label("E-mail address").fill("grace")
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_role("heading", name="Please check the address").wait_for()
    focus = "document.activeElement"
    assert page.evaluate(f"{focus}.id") == "address"
    told = f"document.getElementById({focus}.getAttribute('aria-describedby')).innerText"
    assert "name@example.org" in page.evaluate(told)
    page.get_by_label("E-mail address").fill("grace@example.org")
    page.get_by_label("Name (optional)").fill("Grace")
    page.get_by_label("Science").check()
    page.get_by_role("button", name="Subscribe").click()
    page.get_by_role("heading", name="Please check your mailbox").wait_for()
    [grace] = people.of_address("grace@example.org")
    assert (grace.state, grace.topics) == ("pending", ("Science",))

    token = LINKS.token("confirm", grace.subscriber.key, "morning", NOW)
    page.goto(f"{base}/subscription/confirm/{token}")
    page.get_by_role("button", name="Yes, subscribe me").click()
    page.get_by_role("heading", name="You are subscribed").wait_for()
    assert people.of_address("grace@example.org")[0].state == "active"

    page.get_by_role("link", name="Change what you get").click()
    assert page.get_by_label("Science").is_checked()
    page.get_by_label("Science").uncheck()
    page.get_by_label("Deutsch").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_role("heading", name="Your choice is saved").wait_for()
    assert people.of_address("grace@example.org")[0].languages == ("de",)

    page.get_by_role("link", name="Unsubscribe").click()
    page.get_by_role("heading", name="Unsubscribe?").wait_for()
    assert people.of_address("grace@example.org")[0].state == "active"
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_role("heading", name="You are unsubscribed").wait_for()
    assert people.of_address("grace@example.org")[0].state == "ended"
    page.get_by_role("link", name="Subscribe again").click()
    page.get_by_label("E-mail address").wait_for()
    assert page.context.cookies() == []
    page.close()
    [refused] = errors  # the wrong address, which the browser tells of by its status
    assert "422" in refused
