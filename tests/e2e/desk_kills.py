"""Kills the process that editors' requests go to, over and over, and compares what comes of it.

    python tests/e2e/desk_kills.py FOLDER [URL]    what came of it, as JSON

An editor sends one request after the other, each with its key, to a process of its own. Where that
is killed (SIGKILL), it is started again, and the request is sent again as it was. At the end there
is each change once, in its order, and the edition, the outbox and the mail are those of an editor
whose process was never killed. It is killed before and after each commit and each rename, then at
moments drawn at random. Processes are forked, as in `benchmarks/crash.py`, so that each takes a
tenth of a second: that needs a process without threads, which the tests' own is not. With the
address of a PostgreSQL there is less of it: one script, killed at each of its points.
"""

from __future__ import annotations

import contextlib
import email.policy
import json
import os
import random
import select
import shutil
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import timedelta
from email.parser import BytesParser
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from crash import (
    DATE,
    DIGEST,
    DUE,
    NOW,
    HashEncoder,
    Points,
    address_of,
    administer,
    file_in,
    lay_out,
    template,
)

from digest.config import Settings, load_config
from digest.errors import ConflictError, GoneError
from digest.pipeline import editing
from digest.pipeline.approving import approve
from digest.pipeline.delivering import deliver, fingerprint
from digest.pipeline.pool import Pool
from digest.pipeline.run import run
from digest.pipeline.summarizers import Summarizers
from digest.pipeline.wiring import Workshop, open_workshop
from digest.records import NewOperation

FEEDS_YAML = """\
digests:
  - {name: morning, topics: [World, Town], template: bare, review: true,
     summary: {model: extractive, sentences: 2}}
feeds:
  - {name: gazette, url: gazette.json, topic: World}
  - {name: herald, url: herald.json, topic: Town}
"""
# Each with words of its own, so that no two are one story before an editor says so.
TEXTS = {
    "gazette": {
        "Ferry sails again": "The ferry to the islands sails again. Repairs had taken all winter.",
        "Council votes tonight": "A vote on the bridge is due tonight. Two parties are against.",
        "Orchards in blossom": "Pear trees bloom early this spring. Growers fear one late frost.",
        "Chess title defended": "Mira Holt kept her chess title. She drew game nine in Brekke.",
    },
    "herald": {
        "Library reopens": "Readers queue before the library. New shelves hold forty maps.",
        "Bakers strike": "Bread is scarce as bakers strike. Talks resume at noon on Monday.",
        "Lighthouse repainted": "Painters finish the lighthouse. Its stripes are red once more.",
    },
}
READERS = 2
# All that an editor may change, so that the mail tells which edition it is of.
MAIL_TEXT = """\
{{ edition.note | join(" ") }} {% for topic in edition.topics %}{{ topic.name }}:
{% for story in topic.stories %}{{ story.headline }}: {% for one in story.summary %}{{ one.text }}
{% endfor %}{% endfor %}{% endfor %}{{ edition | unsubscribe_url(reader) }}
"""

Page = dict[str, Any]
Ask = Callable[[Page], dict[str, Any]]


def on(kind: str, headline: str, **values: Any) -> Ask:
    """A change of one story."""
    return lambda shown: {"kind": kind, "story": shown["stories"][headline], "values": values}


def of_all(kind: str, **values: Any) -> Ask:
    """A change that is of no story."""
    return lambda _: {"kind": kind, "values": values}


FERRY, COUNCIL, ORCHARDS, CHESS = TEXTS["gazette"]
LIBRARY, BAKERS, LIGHTHOUSE = TEXTS["herald"]
# What the editor does: makes a change, or takes one out and puts it back by its number.
STEPS: tuple[Ask | tuple[str, int], ...] = (
    on("headline", FERRY, text="The ferry to the islands sails again."),
    on("summary", COUNCIL, text="A vote on the bridge is due tonight. Nine parties dance."),
    on("move", LIBRARY, topic="World", after=""),
    on("drop", CHESS),
    ("undo", 4),
    ("redo", 4),
    lambda shown: {
        "kind": "merge",
        "story": shown["stories"][BAKERS],
        "values": {"others": [{"story": shown["stories"][ORCHARDS], "article": ""}]},
    },
    lambda shown: {
        "kind": "lead",
        "story": shown["stories"][BAKERS],
        "values": {"lead": shown["articles"][ORCHARDS]},
    },
    lambda shown: {
        "kind": "split",
        "story": shown["stories"][ORCHARDS],
        "values": {"articles": [shown["articles"][BAKERS]]},
    },
    of_all("note", text="Good morning.\n\nIt rains."),
    ("take_out", 8),
    ("put_back", 8),
    of_all("subject", text="Ferries and libraries"),
    of_all("section", topic="Town", after=""),
    on("length", LIGHTHOUSE, sentences=1, model="extractive"),
    on("topic", LIGHTHOUSE, topic="World"),
    of_all("exclude", feed="herald"),
    ("undo", 13),
    on("pin", CHESS),
)
LAST_THOUGHT = of_all("note", text="Good evening.")


# --- the process that is killed -----------------------------------------------------------------


@contextlib.contextmanager
def opened(folder: Path, database: str) -> Iterator[Workshop]:
    settings = Settings(
        database_url=database,
        outbox_dir=folder / "outbox",
        state_dir=folder / "state",
        templates_dir=folder / "templates",
        smtp_url=f"maildir:{folder / 'mail'}",
        public_url="https://news.example.org",
        secret_key="the-secret-of-the-crash-test",
        log_level="error",
    )
    with open_workshop(settings) as workshop, ThreadPoolExecutor(1) as here:
        encoder = HashEncoder()
        tools = Summarizers(encoder, _no_model)
        yield replace(workshop, encoder=encoder, summarizers=tools, pool=Pool(here, 1))


def _no_model(model: str) -> Any:
    raise ValueError(f"no model {model!r} here")


def answer(workshop: Workshop, folder: Path, ask: dict[str, Any]) -> dict[str, Any]:
    """What the desk answers to one request. Each has a time of its own, whenever it is made."""
    now = NOW + timedelta(minutes=ask.get("minutes", 0))
    what, seen = ask["what"], ask.get("seen", 0)
    key = (DIGEST, DATE)
    if what == "build":
        config = load_config(folder / "feeds.yaml")
        run(workshop, config, config.digests, now, due=DUE)
    elif what == "change":
        new = NewOperation(who="Asha", key=ask["key"], seen=seen, **ask["new"])
        editing.change(workshop, *key, new, now)
    elif what == "undo":
        editing.undo(workshop, *key, seen, now)
    elif what == "redo":
        editing.redo(workshop, *key, seen, now)
    elif what == "take_out":
        editing.take_out(workshop, *key, ask["number"], seen, now)
    elif what == "put_back":
        editing.put_back(workshop, *key, ask["number"], seen, now)
    elif what == "complete":
        editing.complete(workshop, *key, now)
    elif what == "approve":
        approve(workshop, *key, now, seen=seen)
    elif what == "deliver":
        deliver(workshop, lambda: now)
    return page(workshop, folder)


def page(workshop: Workshop, folder: Path) -> dict[str, Any]:
    """All that an editor, and a reader, can see."""
    shown = editing.sheet(workshop, DIGEST, DATE)
    # Between two renames it is neither there as it was nor as it will be.
    lies = workshop.outbox.has(DIGEST, DATE) and fingerprint(workshop.outbox.read(DIGEST, DATE))
    archive = folder / "outbox" / DIGEST
    return {
        "revision": shown.status.revision,
        "state": shown.status.state,
        "operations": [asdict(operation) for operation in shown.operations],
        "edition": asdict(shown.edition),
        "idle": [asdict(idle) for idle in shown.idle],
        "waiting": list(shown.waiting),
        "is_as_approved": shown.status.fingerprint == lies,
        "builds": [reason for _, _, reason in workshop.store.desk.builds(DIGEST, DATE)],
        "told": sorted(workshop.store.told(DIGEST, other_than="")),
        "archive": [path.read_text("utf-8") for path in sorted(archive.glob("*.*ml"))],
        "mail": sorted(mail(folder)),
        "stories": {story.lead.title: id for id, story in shown.stories.items()},
        "articles": {
            article.title: article.id
            for story in shown.stories.values()
            for article in story.articles
        },
    }


def mail(folder: Path) -> list[list[str]]:
    """The messages that were sent: to whom, the subject, the text without its links."""
    parser = BytesParser(policy=email.policy.default)
    found = []
    for path in (folder / "mail").glob("new/*"):
        message = parser.parsebytes(path.read_bytes())
        body: Any = message.get_body(("plain",))
        text = " ".join(word for word in body.get_content().split() if "://" not in word)
        found.append([str(message["To"]), str(message["Subject"]), text])
    return found


def live(folder: Path, database: str, asks: int, answers: int) -> None:
    """A life of the desk's process: answers requests until there are no more."""
    points = Points(0, answers)
    lay_out(points)
    with (
        opened(folder, database) as workshop,
        os.fdopen(asks) as lines,
        os.fdopen(answers, "w") as out,
    ):
        for line in lines:
            ask = json.loads(line)
            points.at = points.seen + ask["die_at"] if ask["die_at"] else 0
            try:
                said = answer(workshop, folder, ask)
            except (ConflictError, GoneError) as error:
                said = {**page(workshop, folder), "conflict": str(error)}
            points.at = 0
            out.write(json.dumps(said, default=str) + "\n")
            out.flush()


@dataclass
class Desk:
    """The desk's process, started (again) where it is needed. `deaths` are where it was killed."""

    folder: Path
    database: str
    deaths: list[str] = field(default_factory=list)
    _process: int = 0
    _asks: int = 0
    _answers: int = 0

    def send(
        self, ask: dict[str, Any], *, die_at: int = 0, after: float | None = None
    ) -> Page | None:
        """The answer to a request, None where the process was killed before it gave one.

        It is killed at the point `die_at` (from 1) of the request, or `after` so many seconds.
        """
        if not self._process:
            self._start()
        os.write(self._asks, (json.dumps({**ask, "die_at": die_at}) + "\n").encode())
        said = b""
        killed = False
        while killed or not (said.startswith(b"{") and said.endswith(b"\n")):
            if not killed and not select.select([self._answers], [], [], after)[0]:
                os.kill(self._process, signal.SIGKILL)
                killed = True  # what it may have answered is lost on its way
            part = os.read(self._answers, 1 << 16)
            if not part:
                if self.close() != signal.SIGKILL:
                    raise RuntimeError(f"the desk failed by itself at {ask}")
                self.deaths.append(
                    "at random" if after else f"{ask['what']}, {said.decode().strip()}"
                )
                return None
            said += part
        answered: Page = json.loads(said)
        return answered

    def close(self) -> int:
        """Ends the process; gives the signal that it died of, or 0."""
        if not self._process:
            return 0
        os.close(self._asks)
        os.close(self._answers)
        _, status = os.waitpid(self._process, 0)
        self._process = 0
        if os.WIFEXITED(status) and os.WEXITSTATUS(status):
            raise RuntimeError(f"the desk failed by itself in {self.folder}")
        return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0

    def _start(self) -> None:
        asks, self._asks = os.pipe()
        self._answers, answers = os.pipe()
        self._process = os.fork()
        if self._process == 0:
            status = 1
            try:
                os.close(self._asks)
                os.close(self._answers)
                live(self.folder, self.database, asks, answers)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        os.close(asks)
        os.close(answers)


# --- the editor -----------------------------------------------------------------------------------

Killing = Callable[[int], dict[str, Any]]
"""How the process is killed during the try of a request with that number, from 1."""


def unharmed(_try: int) -> dict[str, Any]:
    return {}


def at_each_point(number: int) -> dict[str, Any]:
    return {"die_at": number}


@dataclass
class Editor:
    """Sends one request after the other; each again, as it was, until it is answered."""

    desk: Desk
    killing: Killing = unharmed
    page: Page = field(default_factory=dict)
    made: int = 0
    minutes: int = 0

    def ask(self, what: str, *, tried: int = 0, **more: Any) -> Page:
        """Sends a request until it is answered; gives the answer. `tried` so often already."""
        self.minutes += 1
        ask = {"what": what, "minutes": self.minutes, "seen": self.page.get("revision", 0), **more}
        for number in range(tried + 1, 1000):
            said = self.desk.send(ask, **self.killing(number))
            if said is not None:
                # It was done, and its answer was lost: what the page shows must be what was asked.
                if "conflict" in said and (number == 1 or what == "change"):
                    raise AssertionError(f"{ask}: {said['conflict']}")
                self.page = said
                return said
        raise AssertionError(f"{ask} is never answered")

    def do(self, step: Ask | tuple[str, int]) -> None:
        """One step of the script."""
        if isinstance(step, tuple):
            what, number = step
            self.ask(what, number=number)
            undone = self.page["operations"][number - 1]["undone"] is not None
            if undone is not (what in ("undo", "take_out")):
                raise AssertionError(f"{step} was answered, and is not done")
            return
        self.made += 1
        self.ask("change", key=f"key {self.made}", new=step(self.page))

    def work(self) -> None:
        """The whole script, up to the approval."""
        self.ask("page")
        for step in STEPS:
            self.do(step)
        self.ask("complete")

    def send_out(self, tried: int = 0) -> Page:
        """Approves the edition, and lets it go; gives the page then."""
        if self.ask("approve", tried=tried)["state"] != "approved":
            raise AssertionError("approving was answered, and is not done")
        self.killing = unharmed
        return self.ask("deliver")


# --- trying ---------------------------------------------------------------------------------------


@dataclass
class Trial:
    """Folders to try in, the pages that an editor has whose desk is never killed, and what came.

    With `server`, the address of a PostgreSQL, the databases are there.
    """

    base: Path
    server: str = ""
    deaths: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    expected: Page = field(default_factory=dict)
    with_last_thought: Page = field(default_factory=dict)
    worked: Editor | None = None

    def __post_init__(self) -> None:
        if self.server:
            administer(self.server, f"CREATE DATABASE {self._name('built')}")
        template(self._at("built"), READERS, self._database("built"))
        for name, items in TEXTS.items():
            _write_feed(self._at("built"), name, items)
        theme = self._at("built") / "templates" / "bare"
        (theme / "digest.txt.j2").write_text(MAIL_TEXT, encoding="utf-8")
        (self._at("built") / "feeds.yaml").write_text(FEEDS_YAML, encoding="utf-8")
        with self._desk("built") as desk:
            Editor(desk).ask("build")
        with self._desk("worked", "built") as desk:
            self.worked = Editor(desk)
            self.worked.work()
        with self._desk("sent", "worked") as desk:
            self.expected = self._continued(desk).send_out()
        with self._desk("sent", "worked") as desk:
            editor = self._continued(desk)
            editor.do(LAST_THOUGHT)
            self.with_last_thought = editor.send_out()

    def at_each_point_of_the_script(self) -> None:
        """Each request is killed at its first point, sent again, killed at the second, and on."""
        with self._desk("tried", "built") as desk:
            editor = Editor(desk, at_each_point)
            editor.work()
            self._judge("each point", editor.send_out(), self.expected)

    def at_each_point_of_approving(self) -> None:
        """Approving is killed once; then mail goes out, if any may; and on, in two ways."""
        for at in range(1, 100):
            for changes_its_mind in (False, True):
                with self._desk("tried", "worked") as desk:
                    editor = self._continued(desk)
                    ask = {"what": "approve", "seen": editor.page["revision"], "minutes": 60}
                    if desk.send(ask, die_at=at) is not None:
                        return
                    where = f"{desk.deaths[-1]}, {changes_its_mind=}"
                    page = desk.send({"what": "deliver", "minutes": 61}) or {}
                    expected = self.expected
                    if page["state"] == "draft":
                        if page["mail"]:
                            self.wrong.append(f"{where}: what was not approved was sent")
                        if changes_its_mind:
                            editor.do(LAST_THOUGHT)
                            # What was about to be approved may be a build of its own.
                            expected = {**self.with_last_thought, "builds": page["builds"]}
                            expected["builds"] += ["approved"]
                        page = editor.send_out(tried=1)
                    self._judge(where, page, expected)

    def at_random(self, kills: int, seed: int) -> None:
        """Kills after times drawn at random, in one script after the other."""
        dice = random.Random(seed)
        done = len(self.deaths)
        while len(self.deaths) < done + kills:
            with self._desk("tried", "built") as desk:
                # A life takes about as long to begin as requests take; later tries are left alone.
                editor = Editor(desk, lambda n: {"after": dice.uniform(0, 0.3) if n < 4 else None})
                editor.work()
                self._judge("at random", editor.send_out(), self.expected)

    def _judge(self, where: str, page: Page, expected: Page) -> None:
        self.wrong += [
            f"{where}: {name}: {page[name]} instead of {expected[name]}"
            for name in expected
            if page[name] != expected[name]
        ]

    def _continued(self, desk: Desk) -> Editor:
        """The editor who has done the script, at another desk."""
        if self.worked is None:
            raise RuntimeError("nobody has done the script")
        return replace(self.worked, desk=desk)

    @contextlib.contextmanager
    def _desk(self, name: str, source: str = "") -> Iterator[Desk]:
        if source:
            shutil.rmtree(self._at(name), ignore_errors=True)
            shutil.copytree(self._at(source), self._at(name))
            if self.server:
                administer(
                    self.server,
                    f"DROP DATABASE IF EXISTS {self._name(name)} WITH (FORCE)",
                    f"CREATE DATABASE {self._name(name)} TEMPLATE {self._name(source)}",
                )
        desk = Desk(self._at(name), self._database(name))
        try:
            yield desk
        finally:
            desk.close()
            self.deaths += desk.deaths

    def _at(self, name: str) -> Path:
        return self.base / name

    def _name(self, name: str) -> str:
        return f"desk_{os.getpid()}_{name}"

    def _database(self, name: str) -> str:
        return address_of(self.server, self._name(name)) or file_in(self._at(name))


def _write_feed(folder: Path, name: str, items: dict[str, str]) -> None:
    entries = [
        {
            "id": title,
            "url": f"https://{name}.example/{number}",
            "title": title,
            "date_published": f"2026-03-02T0{number}:00:00Z",
            "content_text": text,
        }
        for number, (title, text) in enumerate(items.items(), start=1)
    ]
    feed = {"version": "https://jsonfeed.org/version/1.1", "title": name, "items": entries}
    (folder / f"{name}.json").write_text(json.dumps(feed), encoding="utf-8")


def main() -> None:
    began = time.monotonic()
    trial = Trial(Path(sys.argv[1]), *sys.argv[2:])
    taken = [time.monotonic() - began]
    phases = [trial.at_each_point_of_the_script]
    if not trial.server:
        phases += [trial.at_each_point_of_approving, lambda: trial.at_random(30, seed=8)]
    for phase in phases:
        phase()
        taken.append(time.monotonic() - began)
    result = {
        "deaths": Counter(trial.deaths),
        "wrong": trial.wrong,
        "expected": trial.expected,
        "seconds": taken,
    }
    sys.stdout.write(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
