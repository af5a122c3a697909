"""The service day by day: a real store, outbox, themes and Maildir; only clock and encoder aren't.

Nothing here waits: each job is called by hand, at a time that is made up.
"""

from __future__ import annotations

import logging
import os
import random
import sqlite3
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import numpy as np
import pytest

from digest.config import Config, Settings, load_config
from digest.config.watching import ConfigFile
from digest.models.encoder import Encoder
from digest.models.generator import TextGenerator
from digest.pipeline.approving import approve
from digest.pipeline.summarizers import Summarizers
from digest.pipeline.wiring import Workshop, open_workshop
from digest.protocols import Transport
from digest.records import EditionStatus, Envelope, NewSubscriber, Receipt, Vectors
from digest.service.service import DueReport, Service, run_due
from digest.store.store import Store
from digest.subscribers.links import Links
from tests.databases import new_store

MONDAY = datetime(2026, 3, 2, 7, tzinfo=UTC)  # the moment of 2026-03-02
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
GRACE = 6 * HOUR


class WordEncoder(Encoder):
    """Unit vectors of hashed words; `meanwhile` is done before each batch."""

    size = 64

    def __init__(self) -> None:
        super().__init__()
        self.meanwhile: Callable[[], None] = lambda: None

    @property
    def key(self) -> str:
        return "words"

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.meanwhile()
        vectors = np.zeros((len(texts), self.size), dtype=np.float32)
        for at, text in enumerate(texts):
            for word in text.lower().split():
                vectors[at, zlib.crc32(word.encode()) % self.size] += 1.0
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = vectors / np.where(lengths, lengths, 1.0)
        return unit.astype(np.float16).astype(np.float32)


def prose(seed: str) -> str:
    """Sentences of made-up words; another seed shares none of them."""
    dice = random.Random(seed)
    words = [
        "".join(dice.choices("bcdfgklmnprstv", k=4)) + str(dice.random())[2:5] for _ in "x" * 30
    ]
    return " ".join(" ".join(dice.choices(words, k=12)).capitalize() + "." for _ in range(4))


@dataclass
class Office:
    """A machine with a service: its own state and outbox, a database that others may share."""

    folder: Path
    database: Path
    now: datetime = MONDAY - HOUR
    encoder: WordEncoder = field(default_factory=WordEncoder)
    reports: list[DueReport] = field(default_factory=list)
    lock_seconds: float = 0.05

    def configure(self, *digests: str) -> None:
        """Writes feeds.yaml with these digests (YAML in flow style)."""
        lines = ["digests:", *(f"  - {{{digest}}}" for digest in digests)]
        lines += ["feeds:", "  - {name: town, url: town.xml}", ""]
        (self.folder / "feeds.yaml").write_text("\n".join(lines), encoding="utf-8")

    def news(self, *titles: str) -> None:
        """What the feed says from now on, an hour ago."""
        at = format_datetime(self.now - HOUR)
        items = "".join(
            f"<item><title>{title}</title><guid isPermaLink='false'>{title}</guid>"
            f"<link>https://town.example/{zlib.crc32(title.encode())}</link>"
            f"<pubDate>{at}</pubDate><description>{title}. {prose(title)}</description></item>"
            for title in titles
        )
        (self.folder / "town.xml").write_text(
            "<rss version='2.0'><channel><title>Town</title><link>https://town.example/</link>"
            f"<description>d</description>{items}</channel></rss>",
            encoding="utf-8",
        )

    @property
    def config(self) -> Config:
        return load_config(self.folder / "feeds.yaml")

    @property
    def settings(self) -> Settings:
        return Settings(
            config=self.folder / "feeds.yaml",
            outbox_dir=self.folder / "outbox",
            state_dir=self.folder / "state",
            templates_dir=self.folder / "templates",
            database_url=f"sqlite:///{self.database}",
            smtp_url=f"maildir:{self.folder / 'mail'}",
        )

    @contextmanager
    def workshop(self) -> Iterator[Workshop]:
        with open_workshop(self.settings) as workshop:
            store = Store(self.settings.database, self.lock_seconds)
            try:
                yield replace(
                    workshop,
                    store=store,
                    encoder=self.encoder,
                    summarizers=Summarizers(self.encoder, TextGenerator),
                )
            finally:
                store.close()

    @contextmanager
    def service(self) -> Iterator[Service]:
        file = ConfigFile(self.folder / "feeds.yaml")
        with self.workshop() as workshop:
            yield Service(
                workshop,
                self.settings,
                file.config,
                file.changed,
                clock=lambda: self.now,
                on_report=self.reports.append,
            )

    def at(self, service: Service, now: datetime) -> None:
        """What the service does at a moment."""
        self.now = now
        service.tick()
        service.deliver()
        service.confirm()

    def subscribe(self, *addresses: str) -> None:
        with self.workshop() as workshop:
            people = [NewSubscriber(address) for address in addresses]
            workshop.store.subscribers.subscribe("morning", people, self.now)

    def statuses(self) -> dict[str, EditionStatus]:
        """The editions of `morning` by date."""
        with self.workshop() as workshop:
            return {row.date: row for row in workshop.store.editions.statuses("morning")}

    def states(self) -> dict[str, str]:
        return {date: row.state for date, row in sorted(self.statuses().items())}

    def mails(self) -> int:
        """How many messages have left."""
        return sum(1 for path in (self.folder / "mail").glob("new/*"))


@pytest.fixture
def office(tmp_path: Path) -> Office:
    new_store(tmp_path / "digest.db")
    office = Office(tmp_path, tmp_path / "digest.db")
    office.configure("name: morning, schedule: 0 7 * * *")
    office.news("The bridge is closed", "A library opens")
    office.subscribe("ann@example.org", "bob@example.org")
    return office


# --- days ----------------------------------------------------------------------------------


def test_a_day_an_edition_at_its_time_for_everybody_once(office: Office) -> None:
    with office.service() as service:
        for day in range(4):
            office.now = MONDAY + day * DAY
            office.news(prose(str(day))[:40])
            for minutes in (-60, -1, 0, 1, 2, 600):
                office.at(service, MONDAY + day * DAY + timedelta(minutes=minutes))
                assert office.mails() == 2 * (day + (minutes >= 0))
    assert set(office.states().values()) == {"sent"}
    assert list(office.states()) == ["2026-03-02", "2026-03-03", "2026-03-04", "2026-03-05"]
    row = office.statuses()["2026-03-02"]
    assert (row.asked, row.send_at) == (MONDAY, MONDAY)


def test_a_service_that_was_down_at_seven_sends_at_its_next_start(office: Office) -> None:
    with office.service() as service:
        office.at(service, MONDAY + 5 * HOUR)
    assert office.mails() == 2
    assert office.states() == {"2026-03-02": "sent"}


def test_dates_that_were_missed_are_recorded_with_their_reason(office: Office) -> None:
    with office.service() as service:
        office.at(service, MONDAY)
    with office.service() as service:
        office.at(service, MONDAY + 3 * DAY + 9 * HOUR)
    assert office.states() == {
        "2026-03-02": "sent",
        "2026-03-03": "skipped",
        "2026-03-04": "skipped",
        "2026-03-05": "skipped",
    }
    reason = office.statuses()["2026-03-04"].reason
    assert reason.startswith("it was due at 2026-03-04 07:00 UTC and was not built within 6 h")
    assert len(office.reports[-1].skipped) == 3
    assert office.mails() == 2


def test_a_date_without_news_is_skipped_and_not_asked_again(office: Office) -> None:
    office.news()
    with office.service() as service:
        office.at(service, MONDAY)
        office.news("Too late for today")
        office.at(service, MONDAY + HOUR)
    assert office.states() == {"2026-03-02": "skipped"}
    assert len(office.reports) == 1


def test_an_edition_to_be_reviewed_leaves_when_it_is_approved(office: Office) -> None:
    office.configure("name: morning, schedule: 0 7 * * *, review: true")
    with office.service() as service:
        office.at(service, MONDAY)
        office.at(service, MONDAY + HOUR)
        assert office.states() == {"2026-03-02": "draft"}
        with office.workshop() as workshop:
            approve(workshop, "morning", "2026-03-02", office.now)
        office.at(service, MONDAY + 2 * HOUR)
    assert office.states() == {"2026-03-02": "sent"}
    assert office.mails() == 2


def test_what_failed_is_tried_again_by_itself(office: Office) -> None:
    theme = office.folder / "templates" / "classic"
    theme.mkdir(parents=True)
    (theme / "digest.html.j2").write_text("{% for %}", encoding="utf-8")
    with office.service() as service:
        office.at(service, MONDAY)
        assert office.states() == {"2026-03-02": "failed"}
        (theme / "digest.html.j2").unlink()
        theme.rmdir()
        office.at(service, MONDAY + timedelta(seconds=1))
        assert office.states() == {"2026-03-02": "failed"}, "not at once"
    with office.service() as service:
        office.at(service, MONDAY + 2 * HOUR)
    assert office.states() == {"2026-03-02": "sent"}


def test_two_digests_are_built_in_one_run(office: Office) -> None:
    office.configure("name: morning, schedule: 0 7 * * *", "name: other, schedule: 0 7 * * *")
    with office.service() as service:
        office.at(service, MONDAY)
    run = office.reports[0].run
    assert run is not None
    assert {outcome.digest for outcome in run.digests} == {"morning", "other"}
    assert [feed.feed for feed in run.feeds] == ["town"]


def test_two_services_on_one_database_send_one_edition_a_date(tmp_path: Path) -> None:
    offices = []
    for name in ("east", "west"):
        (tmp_path / name).mkdir()
        offices.append(Office(tmp_path / name, tmp_path / "digest.db"))
        offices[-1].configure("name: morning, schedule: 0 7 * * *")
    offices[0].subscribe("ann@example.org", "bob@example.org")
    with ExitStack() as stack:
        services = [stack.enter_context(office.service()) for office in offices]
        for day in range(4):
            for minutes in range(-2, 6):
                order = (0, 1) if (day + minutes) % 2 else (1, 0)
                for one in order:
                    offices[one].now = MONDAY + day * DAY
                    offices[one].news(prose(str(day))[:40])
                    now = MONDAY + day * DAY + timedelta(minutes=minutes)
                    offices[one].at(services[one], now)
    assert list(offices[0].states().values()) == ["sent"] * 4
    mails = [office.mails() for office in offices]
    assert sum(mails) == 8
    assert min(mails) > 0, "both have had a turn"


# --- trouble -------------------------------------------------------------------------------


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [
        record.getMessage()
        for record in caplog.records
        if record.name == "digest.service.service" and record.levelno >= logging.WARNING
    ]


def test_a_database_that_is_gone_for_a_while_costs_that_while(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    with office.service() as service:
        other = sqlite3.connect(office.database, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        for minutes in range(3):
            office.at(service, MONDAY + timedelta(minutes=minutes))
        other.rollback()
        other.close()
        assert len(errors(caplog)) == 1
        assert "database is locked" in errors(caplog)[0]
        office.at(service, MONDAY + timedelta(minutes=3))
    assert errors(caplog)[1:] == ["building works again"]
    assert office.states() == {"2026-03-02": "sent"}
    assert office.mails() == 2


def test_a_defect_is_told_once_and_ends_nothing(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    def broken() -> Config | None:
        raise RuntimeError("no such thing")

    with office.workshop() as workshop:
        service = Service(
            workshop, office.settings, office.config, broken, clock=lambda: office.now
        )
        service.reload()
        service.reload()
        office.at(service, MONDAY)
    assert len(errors(caplog)) == 1
    assert "unexpected RuntimeError: no such thing" in errors(caplog)[0]
    assert office.mails() == 2


def test_a_service_that_stops_gives_a_build_up_and_the_next_one_takes_it(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    with office.service() as service:
        office.encoder.meanwhile = service.stop
        office.at(service, MONDAY)
        assert office.states() == {}
        office.at(service, MONDAY + HOUR)
        assert office.states() == {}, "nothing new is begun"
    assert "taken up at the next start" in caplog.text
    office.encoder.meanwhile = lambda: None
    with office.service() as service:
        office.at(service, MONDAY + HOUR)
    assert office.states() == {"2026-03-02": "sent"}
    assert office.mails() == 2


def test_the_word_to_stop_ends_the_letters_too(office: Office) -> None:
    with office.workshop() as workshop:
        for name in ("cyd", "dan", "eve"):
            workshop.store.subscribers.ask(
                "morning", NewSubscriber(f"{name}@example.org"), office.now
            )
        assert workshop.mail is not None
        open_folder = workshop.mail.open_transport

        def open_transport() -> Transport:
            transport = open_folder()
            send = transport.send

            def send_and_stop(envelope: Envelope) -> Receipt:
                service.stop()
                return send(envelope)

            transport.send = send_and_stop  # type: ignore[assignment, method-assign]
            return transport

        stopping = replace(
            workshop,
            mail=replace(workshop.mail, open_transport=open_transport),
            links=Links(["the secret of these tests"], "https://news.example.org"),
        )
        service = Service(stopping, office.settings, office.config, clock=lambda: office.now)
        service.confirm()
    assert office.mails() == 1


def test_feeds_are_fetched_between_editions(office: Office) -> None:
    with office.service() as service:
        service.fetch()
        office.news()  # the feed forgets; what was fetched stays
        office.at(service, MONDAY)
    assert office.states() == {"2026-03-02": "sent"}
    assert {job.name for job in service.jobs()} >= {"tick", "deliveries", "fetch", "configuration"}


def test_who_never_confirmed_is_forgotten(office: Office) -> None:
    with office.service() as service, office.workshop() as workshop:
        people = workshop.store.subscribers
        people.ask("morning", NewSubscriber("cyd@example.org"), MONDAY - 40 * DAY)
        office.now = MONDAY
        service.housekeep()
        assert len(people.of_address("cyd@example.org")) == 1, (
            "a clock is believed after three days"
        )
        for day in (3, 2, 1):
            workshop.store.save_run(MONDAY - day * DAY, 1.0, {})
        service.housekeep()
        assert people.of_address("cyd@example.org") == []
        assert len(people.of_address("ann@example.org")) == 1


# --- one turn ------------------------------------------------------------------------------


def test_a_timer_s_turn_does_what_the_service_does(office: Office) -> None:
    def turn(now: datetime) -> DueReport:
        with office.workshop() as workshop:
            config = office.config
            return run_due(workshop, config, config.digests, now, GRACE, clock=lambda: now)

    assert turn(MONDAY - HOUR).is_empty
    report = turn(MONDAY + HOUR)
    assert report.run is not None
    assert [(sent.date, sent.state) for sent in report.sent] == [("2026-03-02", "sent")]
    assert turn(MONDAY + 2 * HOUR).is_empty
    assert office.mails() == 2


# --- the configuration ---------------------------------------------------------------------


def touched(path: Path, text: str) -> None:
    """Writes a file as an editor does: a new one in its place."""
    part = path.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)  # noqa: PTH105


def test_a_changed_configuration_is_taken_up(office: Office) -> None:
    with office.service() as service:
        office.at(service, MONDAY - HOUR)
        office.configure("name: morning, schedule: 30 6 * * *")
        service.reload()  # it may be half-written
        service.reload()
        assert service.config == office.config
        office.at(service, MONDAY - HOUR / 2)
    assert office.states() == {"2026-03-02": "sent"}


def test_a_broken_configuration_is_refused_once_and_the_old_one_stays(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    path = office.folder / "feeds.yaml"
    good = path.read_text(encoding="utf-8")
    file = ConfigFile(path)
    before = file.config
    touched(path, good.replace("0 7 * * *", "0 77 * * *"))
    assert [file.changed() for _ in range(5)] == [None] * 5
    assert file.config is before
    (told,) = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert "feeds.yaml:2: digests[0].schedule" in told
    assert "stays in force" in told
    touched(path, good.replace("0 7 * * *", "0 8 * * *"))
    assert file.changed() is None
    after = file.changed()
    assert after is not None
    assert after.digests[0].schedule == "0 8 * * *"
    assert file.config is after
    assert file.changed() is None


def test_a_configuration_that_is_away_for_a_moment_is_waited_for(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    path = office.folder / "feeds.yaml"
    text = path.read_text(encoding="utf-8")
    file = ConfigFile(path)
    path.unlink()
    assert file.changed() is None
    path.write_text(text, encoding="utf-8")
    assert [file.changed() for _ in range(3)] == [None] * 3
    assert caplog.records == []
    path.unlink()
    assert [file.changed() for _ in range(3)] == [None] * 3
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    path.write_text(text, encoding="utf-8")
    assert [file.changed() for _ in range(3)] == [None] * 3, "nothing has changed"


def test_a_comment_changes_nothing(office: Office) -> None:
    path = office.folder / "feeds.yaml"
    file = ConfigFile(path)
    touched(path, path.read_text(encoding="utf-8") + "# checked\n")
    assert [file.changed() for _ in range(3)] == [None] * 3
