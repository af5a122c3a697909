"""How fast the editor's desk answers, beside its bar; prints a table, exits 1 at a miss.

    python benchmarks/desk.py [--stories N] [--rounds N]

A draft of 60 stories of invented words, from 20 feeds, with 200 more left out and a dozen changes,
lies in a new database and outbox. The desk runs in this process on a port of loopback, as `digest
preview` runs it. Each page is asked for 30 times over one connection; what counts is the median
and the slowest. The frame holds the rendered e-mail: its first time (the CSS is inlined) stands in
a row of its own, and no page waits for it.
"""

from __future__ import annotations

import argparse
import re
import secrets
import statistics
import sys
import tempfile
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlencode

from newsroom import Newsroom

from digest.config import Settings, load_config
from digest.editions.drafts import dump_draft
from digest.editions.frozen import dump_edition
from digest.outbox.outbox import EDITION
from digest.pipeline import editing
from digest.pipeline.delivering import fingerprint
from digest.pipeline.drafting import lay_out
from digest.pipeline.wiring import Workshop, open_workshop, theme_folders
from digest.preview.app import create_app
from digest.preview.jobs import Jobs
from digest.preview.room import DeskRoom
from digest.preview.server import build_server, listen, settle_memory
from digest.records import (
    Article,
    Draft,
    NewOperation,
    Plan,
    Story,
    Summary,
    SummarySentence,
)
from digest.text.sentences import make_document

KEY = ("morning", "2026-03-02")
TOPICS = ("World", "Business", "Science", "Culture", "Sport")
FEEDS = "digests:\n  - {name: morning, from: d@example.org}\nfeeds:\n" + "".join(
    f"  - {{name: feed-{number}, url: 'https://feed{number}.example.org/rss'}}\n"
    for number in range(20)
)
BAR = 100  # milliseconds, for any page, with 60 stories
LEFT_OUT = 200


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--stories", type=int, default=60, metavar="N")
    parser.add_argument("--rounds", type=int, default=30, metavar="N")
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        slow = measure(Path(folder), wanted.stories, wanted.rounds)
    sys.exit(f"over the bar of {BAR} ms: {', '.join(slow)}" if slow else 0)


def measure(folder: Path, stories: int, rounds: int) -> list[str]:
    """Prints the table; the pages that miss the bar."""
    settings = Settings(
        state_dir=folder / "state", outbox_dir=folder / "outbox", templates_dir=folder / "themes"
    )
    file = folder / "feeds.yaml"
    file.write_text(FEEDS, "utf-8")
    config = load_config(file)
    with open_workshop(settings) as workshop:
        lay_down(workshop, stories)
        desk = DeskRoom(
            workshop=workshop,
            config=lambda: config,
            config_error=lambda: "",
            clock=lambda: datetime.now(UTC),
            jobs=Jobs(workshop, lambda: config, lambda: "", lambda: datetime.now(UTC)),
            themes=theme_folders(settings),
        )
        listener = listen("127.0.0.1", 0)
        server = build_server(create_app(desk))
        settle_memory()  # as the command does
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            return ask(Client(listener.getsockname()[1]), workshop, rounds)
        finally:
            desk.stop()
            server.should_exit = True
            thread.join()


def ask(client: Client, workshop: Workshop, rounds: int) -> list[str]:
    shown = editing.sheet(workshop, *KEY)
    path = f"/editions/{KEY[0]}/{KEY[1]}"
    story = shown.edition.stories[0].id
    pages = {
        "the list of stories": f"{path}?view=stories",
        "the page around the e-mail": f"{path}?view=desktop",
        "a story, with its evidence": f"{path}/stories/{story}",
        "the changes": f"{path}/history",
        "the difference of two builds": f"{path}/builds",
        "sending": f"{path}/send",
        "all editions": "/editions",
        "a feed": "/feeds/feed-1",
    }
    print(f"\n{len(shown.edition.stories)} stories, {len(shown.left_out)} left out, bar {BAR} ms\n")
    print(f"{'page':34} {'median':>9} {'slowest':>9}")
    slow = []

    def row(name: str, times: list[float], *, counts: bool = True) -> None:
        middle, worst = statistics.median(times), max(times)
        print(f"{name:34} {middle:6.1f} ms {worst:6.1f} ms")
        if counts and worst >= BAR:
            slow.append(name)

    for name, address in pages.items():
        client.get(address)  # compiles the template, as the first page of a day does
        row(name, [client.timed(lambda a=address: client.get(a)) for _ in range(rounds)])
    changes = []
    for _ in range(rounds):
        body = client.form(path, workshop)
        changes.append(client.timed(lambda body=body: client.change(path, body)))
    row("a change, and the page after it", changes)
    row(
        "the e-mail, for the first time",
        [client.timed(lambda: client.get(f"{path}/email.html"))],
        counts=False,
    )
    again = [client.timed(lambda: client.get(f"{path}/email.html")) for _ in range(rounds)]
    row("the e-mail again", again)
    return slow


class Client:
    """A browser's connection, with its cookies."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connection = HTTPConnection("127.0.0.1", port)
        self._cookies: dict[str, str] = {}

    def get(self, address: str) -> str:
        return self._ask("GET", address)

    def form(self, path: str, workshop: Workshop) -> str:
        """What a browser sends at a click."""
        page = getattr(self, "_page", "") or self.get(path)
        token = re.search(r'name="csrf" value="([^"]+)"', page)
        assert token is not None, "no form on the page"
        shown = editing.sheet(workshop, *KEY)
        story = shown.edition.stories[-1].id
        form = {
            "csrf": token[1],
            "seen": str(shown.status.revision),
            "key": secrets.token_hex(8),
            "kind": "pin",
            "story": story,
        }
        return urlencode(form)

    def change(self, path: str, body: str) -> str:
        """Sends a form, and loads the page that it leads to."""
        self._page = self._ask("POST", f"{path}/operations", body)
        return self._page

    @staticmethod
    def timed(work: object) -> float:
        begun = time.perf_counter()
        work()  # type: ignore[operator]
        return (time.perf_counter() - begun) * 1000

    def _ask(self, method: str, address: str, body: str | None = None) -> str:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        if body is not None:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
            headers["Origin"] = f"http://127.0.0.1:{self._port}"
        self._connection.request(method, address, body, headers)
        answer = self._connection.getresponse()
        text = answer.read().decode("utf-8", "replace")
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self._cookies[cookie] = content
        if answer.status == 303:
            return self._ask("GET", answer.getheader("Location") or "/")
        assert answer.status == 200, f"{method} {address}: {answer.status} {text[:300]}"
        return text


def lay_down(workshop: Workshop, count: int) -> None:
    """A draft of `count` stories in the database and in the outbox, with a dozen changes."""
    now = datetime(2026, 3, 2, 7, tzinfo=UTC)
    written = [(title, text) for title, text in Newsroom().write(1200)[0] if len(text) > 400]
    stories = tuple(
        _story(number, title, text, now) for number, (title, text) in enumerate(written)
    )[: count + LEFT_OUT]
    plan = Plan(
        KEY[0],
        "The Morning",
        "Europe/London",
        "classic",
        "The Morning <d@example.org>",
        TOPICS,
        max_stories=count,
        max_per_topic=count,
        max_per_feed=count,
    )
    draft = Draft(
        plan,
        KEY[1],
        now,
        stories,
        {story.lead.id: _summary(story.lead) for story in stories},
        {f"feed-{number}": f"Feed {number}" for number in range(20)},
        considered=len(stories),
        feeds=20,
    )
    edition = lay_out(workshop, draft, ()).edition
    data = dump_edition(edition)
    workshop.outbox.write(*KEY, {EDITION: data})
    workshop.store.editions.adopt(*KEY, now, fingerprint=fingerprint(data), built=now, review=True)
    for title in ("The Morning", "The Morning again"):
        older = replace(edition, title=title)
        workshop.store.desk.save_build(*KEY, now, "built", dump_edition(older), dump_draft(draft))
    for number, story in enumerate(edition.stories[:12]):
        new = NewOperation("pin", {}, "Asha", f"key{number}", number, story.id)
        editing.change(workshop, *KEY, new, now + timedelta(minutes=number))


def _story(number: int, title: str, text: str, now: datetime) -> Story:
    article = Article(
        id=f"a{number:019x}",
        feed=f"feed-{number % 20}",
        title=title,
        text=text,
        published=now - timedelta(minutes=number),
        url=f"https://news.example.org/{number}",
        content_hash=f"{number:064x}",
        language="en",
    )
    return Story(
        f"s{number:016x}",
        (article,),
        TOPICS[number % 5],
        0.5,
        "World",
        0.4,
        rank=1 - number / 1e4,
        rank_parts={"coverage": 0.5, "recency": 0.5 - number / 1e4},
    )


def _summary(article: Article) -> Summary:
    document = make_document(article.id, article.title, article.text)
    chosen = list(enumerate(document.sentences))[:2]
    return Summary(tuple(SummarySentence(text, (at,), 1.0) for at, text in chosen), "extractive")


if __name__ == "__main__":
    main()
