"""`digest send`, `digest approve` and `digest outbox`: what they say, and how they end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from digest.editions.frozen import dump_edition
from digest.editions.sample import sample_edition
from digest.outbox.outbox import EDITION, Outbox
from digest.pipeline.delivering import fingerprint
from digest.records import NewSubscriber
from digest.store.store import Store
from tests.databases import new_store

DATE = "2026-03-02"
NAME = f"sample/{DATE}"
CONFIG = "digests:\n  - {name: sample}\nfeeds:\n  - {name: town, url: town.xml}\n"
# The commands go by the machine's clock.
NOW = datetime.now(UTC).replace(microsecond=0)


@dataclass
class Desk:
    """What a user has, and a mail server; `run` is a command typed there, in this process."""

    folder: Path
    server: Any
    command: Callable[..., Any]
    settings: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, **settings: str) -> Any:
        return self.command(*words, **{**self.settings, **settings})

    def store(self) -> Store:
        return Store(f"sqlite:///{self.folder / 'state' / 'digest.db'}")

    def subscribe(self, *names: str, **choice: tuple[str, ...]) -> list[str]:
        store = self.store()
        people = [NewSubscriber(f"{name}@example.org", **choice) for name in names]
        store.subscribers.subscribe("sample", people, NOW)
        store.close()
        return [person.address for person in people]

    def build(
        self, *, review: bool = False, date: str = DATE, send_at: datetime | None = None
    ) -> None:
        data = dump_edition(replace(sample_edition("compact"), date=date))
        Outbox(self.folder / "outbox").write("sample", date, {EDITION: data})
        store = self.store()
        mark = fingerprint(data)
        store.editions.adopt("sample", date, NOW, fingerprint=mark, built=NOW, review=review)
        store.editions.move("sample", date, ("draft", "approved"), NOW, send_at=send_at)
        store.close()

    def state(self, date: str = DATE) -> str:
        store = self.store()
        status = store.editions.status("sample", date)
        store.close()
        assert status is not None
        return str(status.state)


@pytest.fixture
def desk(tmp_path: Path, command: Callable[..., Any], mail_server: Any) -> Desk:
    (tmp_path / "feeds.yaml").write_text(CONFIG)
    new_store(tmp_path / "state" / "digest.db")
    return Desk(tmp_path, mail_server, command, {"DIGEST_SMTP_URL": mail_server.url})


# --- digest send -----------------------------------------------------------------------------


def test_send_sends_what_waits_once(desk: Desk) -> None:
    people = desk.subscribe("ann", "bob")
    desk.build()
    ran = desk.run("send")
    assert (ran.returncode, ran.stdout) == (0, f"{NAME}: sent, 2 of 2 have it\n")
    again = desk.run("send")
    assert (again.returncode, again.stdout) == (0, "")
    assert again.stderr == "nothing waits to be sent; `digest outbox` shows what there is\n"
    by_name = desk.run("send", NAME)
    assert by_name.returncode == 2
    assert f"{NAME} has been sent; `digest outbox {NAME}` tells to how many" in by_name.stderr
    assert desk.server.counts == dict.fromkeys(people, 1)


def test_send_reports_as_json(desk: Desk) -> None:
    desk.subscribe("ann")
    desk.build()
    report = desk.run("send", "sample", "--json").json
    assert (report["digest"], report["date"], report["state"]) == ("sample", DATE, "sent")
    assert (report["counts"], report["tried"], report["reason"]) == ({"sent": 1}, {"sent": 1}, "")


def test_send_tells_who_has_not_got_it_by_its_exit_status(desk: Desk) -> None:
    desk.subscribe("ann", "bob")
    desk.server.replies("rcpt", "450 4.2.0 later", to="bob@example.org")
    desk.build()
    ran = desk.run("send")
    assert ran.returncode == 1
    assert ran.stdout.startswith(f"{NAME}: sending, 1 of 2 have it, 1 deferred; next try at ")
    assert "bob@" not in ran.stdout + ran.stderr


def test_send_ends_with_another_status_when_nothing_was_done(desk: Desk) -> None:
    desk.subscribe("ann")
    desk.build()
    desk.server.down()
    ran = desk.run("send")
    assert ran.returncode == 3
    assert "sending, 0 of 1 have it, 1 pending; smtp://127.0.0.1" in ran.stdout
    assert "is the mail server up?; next try at" in ran.stdout


def test_send_without_a_mail_server_says_which_setting_is_missing(desk: Desk) -> None:
    desk.subscribe("ann")
    desk.build()
    for words in (["send"], ["send", "--to", "me@example.org"], ["send", NAME, "--retry"]):
        ran = desk.run(*words, DIGEST_SMTP_URL="")
        assert ran.returncode == 2
        assert "DIGEST_SMTP_URL isn't set, so nothing can be sent" in ran.stderr
    shown = desk.run("send", "--dry-run", DIGEST_SMTP_URL="")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert desk.state() == "approved"


def test_a_password_is_never_shown(desk: Desk) -> None:
    desk.subscribe("ann")
    desk.build()
    desk.server.login = ("desk", "right")
    url = desk.server.url.replace("//", "//desk:hunter2@")
    ran = desk.run("send", DIGEST_SMTP_URL=url)
    assert ran.returncode == 3
    assert "refuses the user or the password" in ran.stdout
    looked = desk.run("outbox", NAME, "--json", "--addresses")
    assert "hunter2" not in ran.stdout + ran.stderr + looked.stdout + looked.stderr


def test_dry_run_shows_and_changes_nothing(desk: Desk) -> None:
    desk.subscribe("ann", "bob")
    desk.subscribe("eve", topics=("World",))
    desk.subscribe("kim", topics=("Chess",))
    desk.build()
    ran = desk.run("send", "--dry-run")
    assert ran.returncode == 0
    assert ran.stdout == (
        f"{NAME} (approved): The Sample Courier: Lighthouse keepers find a second lamp\n"
        "  from The Sample Courier <courier@example.org> to 3, of whom 1 get some topics or "
        "languages only; 1 more get nothing: it has no story of what they chose\n"
    )
    shown = desk.run("send", NAME, "--dry-run", "--json").json
    assert (shown["recipients"], shown["partial"], shown["without_stories"]) == (3, 1, 1)
    assert (desk.server.sessions, desk.state()) == (0, "approved")


def test_a_test_copy_goes_to_one_address_and_counts_for_nothing(desk: Desk) -> None:
    desk.subscribe("ann")
    desk.build(review=True)
    ran = desk.run("send", NAME, "--to", "Me@Example.ORG")
    assert ran.returncode == 0
    assert ran.stdout.startswith(f"{NAME}: test copy to Me@example.org: sent")
    assert desk.server.counts == {"Me@example.org": 1}
    assert b"Subject: [Test] " in desk.server.accepted[0][1]
    assert desk.state() == "draft"
    found = desk.run("outbox", "--json").json["editions"]
    assert [row["deliveries"] for row in found] == [{}]


@pytest.mark.parametrize("address", ["nobody", "a@b@c", "x@example.org\nBcc: y@example.org", ""])
def test_a_test_copy_goes_to_no_address_that_is_none(desk: Desk, address: str) -> None:
    desk.build()
    ran = desk.run("send", NAME, "--to", address)
    assert ran.returncode == 2
    assert ran.stderr.startswith("--to ") or "--to" in ran.stderr
    assert desk.server.sessions == 0


def test_a_test_copy_that_is_refused_is_a_failure(desk: Desk) -> None:
    desk.build()
    desk.server.replies("rcpt", "550 5.1.1 unknown")
    ran = desk.run("send", NAME, "--to", "me@example.org", "--json")
    assert (ran.returncode, ran.json["outcome"]) == (3, "bounced")
    assert "550 5.1.1 unknown" in ran.json["reason"]


def test_what_is_unconfirmed_is_settled_by_confirm_and_by_retry(desk: Desk) -> None:
    people = desk.subscribe("ann", "bob", "cid")
    desk.server.drops("dot", to="ann@example.org")
    desk.server.drops("dot", to="bob@example.org", taken=False)
    desk.build()
    ran = desk.run("send")
    assert (ran.returncode, ran.stdout) == (1, f"{NAME}: sent, 1 of 3 have it, 2 unconfirmed\n")
    confirmed = desk.run("send", NAME, "--confirm", "--only", "ANN@example.org")
    assert (confirmed.returncode, confirmed.stdout) == (0, f"{NAME}: 1 confirmed\n")
    retried = desk.run("send", NAME, "--retry", "--only", "bob@example.org")
    assert (retried.returncode, retried.stdout) == (0, f"{NAME}: sent, 3 of 3 have it\n")
    nothing = desk.run("send", NAME, "--retry")
    assert (nothing.returncode, nothing.stderr) == (0, f"{NAME}: nothing is unconfirmed\n")
    assert desk.server.counts == dict.fromkeys(people, 1)


def test_confirming_needs_no_mail_server_and_tells_json(desk: Desk) -> None:
    desk.subscribe("ann", "bob")
    desk.server.drops("dot", times=2)
    desk.build()
    desk.run("send")
    ran = desk.run("send", NAME, "--confirm", "--json", DIGEST_SMTP_URL="")
    assert (ran.returncode, ran.json) == (0, {"edition": NAME, "confirmed": 2})


def test_an_address_that_is_not_in_doubt_is_refused(desk: Desk) -> None:
    desk.subscribe("ann")
    desk.build()
    desk.run("send")
    ran = desk.run("send", NAME, "--retry", "--only", "ann@example.org")
    assert ran.returncode == 2
    assert "is unconfirmed" in ran.stderr
    assert desk.server.counts == {"ann@example.org": 1}


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["--dry-run", "--to", "a@example.org"], "choose one of --dry-run, --to, --confirm"),
        ([NAME, "--confirm", "--retry"], "choose one of"),
        (["--confirm"], "name the edition: digest send morning/2026-03-02 --confirm"),
        (["--retry"], "name the edition"),
        ([NAME, "--only", "a@example.org"], "--only goes with --confirm or --retry"),
        (["evening"], "there is no edition of 'evening' yet; digests here: sample"),
        (["sample/2026-03-09"], "there is no edition sample/2026-03-09"),
    ],
)
def test_words_that_do_not_go_together_are_refused(
    desk: Desk, words: list[str], complaint: str
) -> None:
    desk.build()
    ran = desk.run("send", *words)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert complaint in ran.stderr
    assert desk.server.sessions == 0


def test_an_edition_that_was_altered_is_not_sent(desk: Desk) -> None:
    desk.subscribe("ann")
    desk.build()
    path = desk.folder / "outbox" / "sample" / DATE / EDITION
    path.write_bytes(path.read_bytes().replace(b"lamp", b"lamb"))
    ran = desk.run("send", NAME)
    assert ran.returncode == 3
    assert "was changed after the edition was built, so it is not sent" in ran.stdout
    assert desk.server.sessions == 0


def test_while_another_process_sends_nothing_is_done(desk: Desk) -> None:
    from filelock import FileLock

    desk.subscribe("ann")
    desk.build()
    with FileLock(desk.folder / "state" / "send.lock"):
        ran = desk.run("send")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "another process sends from this state folder now" in ran.stderr
    assert desk.server.sessions == 0


# --- digest approve --------------------------------------------------------------------------


def test_a_draft_leaves_only_after_it_was_approved(desk: Desk) -> None:
    people = desk.subscribe("ann")
    desk.build(review=True)
    refused = desk.run("send", NAME)
    assert refused.returncode == 2
    assert f"{NAME} waits for approval: `digest approve {NAME}`" in refused.stderr
    assert f"{NAME} waits for approval: `digest approve {NAME}`" in desk.run("send").stderr
    ran = desk.run("approve", "sample")
    assert ran.returncode == 0
    assert ran.stdout.startswith(f"{NAME} is approved; `digest send` sends it now")
    assert desk.run("approve", "sample").stdout.startswith(f"{NAME} is approved already; ")
    assert desk.run("send").returncode == 0
    assert desk.server.counts == dict.fromkeys(people, 1)


def test_an_approval_says_when_it_leaves_and_can_be_taken_back(desk: Desk) -> None:
    at = NOW + timedelta(hours=5)
    desk.build(review=True, send_at=at)
    ran = desk.run("approve", NAME)
    assert ran.stdout == f"{NAME} is approved; `digest serve` sends it at {at:%Y-%m-%d %H:%M} UTC\n"
    back = desk.run("approve", NAME, "--take-back")
    assert (back.returncode, back.stdout) == (0, f"{NAME} is a draft again\n")
    assert desk.state() == "draft"


def test_what_is_sent_cannot_be_approved_or_taken_back(desk: Desk) -> None:
    desk.subscribe("ann")
    desk.build()
    desk.run("send")
    for words in ([], ["--take-back"]):
        ran = desk.run("approve", NAME, *words)
        assert ran.returncode == 2
        assert f"{NAME} is sent, not " in ran.stderr


# --- digest outbox ---------------------------------------------------------------------------


def test_an_empty_outbox_says_what_to_do(desk: Desk) -> None:
    ran = desk.run("outbox")
    assert (ran.returncode, ran.stdout) == (0, "no edition yet; `digest run` builds one\n")


def test_the_outbox_shows_what_waits_what_went_and_what_did_not(desk: Desk) -> None:
    desk.subscribe("ann", "bob", "cid", "gone")
    desk.server.replies("rcpt", "450 4.2.0 later", to="bob@example.org")
    desk.server.replies("rcpt", "550 5.1.1 unknown", to="gone@example.org")
    desk.server.drops("dot", to="cid@example.org")
    desk.build()
    desk.build(date="2026-03-03", review=True)
    desk.run("send", NAME)
    ran = desk.run("outbox")
    lines = ran.stdout.splitlines()
    assert ran.returncode == 1
    waits = "waits for `digest approve sample/2026-03-03`"
    assert lines[0] == f"sample/2026-03-03  draft  {waits}"
    assert lines[1].startswith(
        f"{NAME}  sending  1 sent, 1 deferred, 1 unconfirmed, 1 bounced  next try "
    )
    assert "  1 bounced: 550 5.1.1 unknown" in lines
    assert "  1 deferred: 450 4.2.0 later" in lines
    assert f"  settle with: digest send {NAME} --confirm (they have it) or --retry" in lines
    assert lines[-1].startswith("last sending: ")
    assert not any(f"{name}@" in ran.stdout for name in ("ann", "bob", "cid", "gone"))


def test_the_outbox_names_whom_it_did_not_reach_masked_unless_asked(desk: Desk) -> None:
    desk.subscribe("ann", "bob")
    desk.server.replies("rcpt", "450 4.2.0 <bob@example.org> later", to="bob@example.org")
    desk.build()
    desk.run("send", NAME)
    masked = desk.run("outbox", NAME)
    assert "  b…@example.org deferred, 1 try: 450 4.2.0 <b…@example.org> later" in masked.stdout
    assert "bob@" not in masked.stdout
    whole = desk.run("outbox", NAME, "--addresses")
    assert "  bob@example.org deferred, 1 try: " in whole.stdout
    everybody = desk.run("outbox", NAME, "--all", "--addresses")
    assert "  ann@example.org sent, 1 try" in everybody.stdout


def test_the_outbox_as_json(desk: Desk) -> None:
    desk.subscribe("ann", "bob")
    desk.server.drops("dot", to="bob@example.org")
    desk.build()
    desk.run("send", NAME)
    ran = desk.run("outbox", NAME, "--json")
    assert ran.returncode == 1
    (row,) = ran.json["editions"]
    assert (row["edition"], row["state"]) == (NAME, "sent")
    assert row["deliveries"] == {"sent": 1, "unconfirmed": 1}
    (one,) = row["recipients"]
    assert (one["address"], one["state"], one["attempts"]) == ("b…@example.org", "unconfirmed", 1)
    assert "the server may have taken it" in one["reason"]
    assert row["started"].endswith("Z")
    (run,) = ran.json["runs"]
    assert (run["kind"], run["report"]["tried"]) == ("send", {"sent": 1, "unconfirmed": 1})
    assert "bob@" not in ran.stdout


def test_the_outbox_shows_so_many_of_each_digest(desk: Desk) -> None:
    for day in range(1, 6):
        desk.build(date=f"2026-03-0{day}")
    ran = desk.run("outbox", "sample", "--most", "2", "--json")
    assert [row["edition"][-1] for row in ran.json["editions"]] == ["5", "4"]
    assert ran.returncode == 0
    unknown = desk.run("outbox", "evening", "--json")
    assert unknown.returncode == 2
    assert "there is no digest 'evening'; digests here: sample" in unknown.stderr
