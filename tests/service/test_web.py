"""The public pages: what they do, what they refuse, and what they never give away."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.testclient import TestClient
from structlog.testing import capture_logs

from digest.config import Config, load_config
from digest.editions.render import Renderer, packaged_themes
from digest.errors import TemplateError
from digest.records import NewSubscriber, Subscription
from digest.service.gate import MAX_BODY, MAX_CLIENTS, Bucket, RateLimit, client_of
from digest.service.web import BY_LETTER, PublicFirst, create_public_app
from digest.store.database import Database
from digest.store.subscribers import Subscribers
from digest.subscribers.links import Links
from tests.databases import new_store

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
HOST = "news.example.org"
BASE = f"https://{HOST}/digests"
FEEDS = """
digests:
  - name: morning
    title: 'The <Morning> "Digest" & 100%'
    topics: [World, "Harbour & Sea", Science]
    postal_address: 12 Harbour Street, Exampleton
  - name: abend
    title: Der Abend
    language: de
  - name: found
    title: Found
    topics: auto
feeds:
  - {name: wire, url: "https://wire.example.org/rss"}
"""
ONE_CLICK = "List-Unsubscribe=One-Click"
FORM = "application/x-www-form-urlencoded"


@dataclass
class Office:
    """The pages over a database of their own, with somebody who gets the morning digest."""

    subscribers: Subscribers
    database: Database
    config: Config
    links: Links = field(default_factory=lambda: Links(["the secret of these tests"], BASE))
    words: Callable[[str], Any] = field(default_factory=lambda: Renderer([packaged_themes()]).words)
    now: datetime = NOW
    spoken: tuple[str, ...] = ("de", "en")

    def client(self, peer: str = "testclient") -> TestClient:
        app = create_public_app(
            self.subscribers,
            self.links,
            lambda: self.config,
            self.words,
            lambda: self.now,
            [HOST],
            "/digests",
            lambda _: self.spoken,
        )
        private = PlainTextResponse("the private pages")
        public = PublicFirst(app, private, "/digests")
        return TestClient(public, base_url=f"https://{HOST}", client=(peer, 50000))

    def subscribe(self, address: str, digest: str = "morning", **values: Any) -> Subscription:
        self.subscribers.subscribe(digest, [NewSubscriber(address, **values)], NOW)
        return self.of(address)

    def ask(self, address: str, digest: str = "morning") -> Subscription:
        self.subscribers.ask(digest, NewSubscriber(address), NOW)
        return self.of(address)

    def of(self, address: str) -> Subscription:
        [subscription] = self.subscribers.of_address(address)
        return subscription


def path(link: str) -> str:
    return link.removeprefix(f"https://{HOST}")


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    (tmp_path / "feeds.yaml").write_text(FEEDS, "utf-8")
    database = Database(new_store(tmp_path / "digest.db"), lock_seconds=0.4)
    yield Office(Subscribers(database), database, load_config(tmp_path / "feeds.yaml"))
    database.close()


# --- unsubscribing -------------------------------------------------------------------------------


def test_a_look_at_the_link_unsubscribes_nobody(office: Office) -> None:
    ada = office.subscribe("ada@example.org")
    link = path(office.links.unsubscribe(ada.subscriber.key, "morning"))
    for method in ("GET", "HEAD", "GET"):
        assert office.client().request(method, link).status_code == 200
    assert office.of("ada@example.org").state == "active"


@pytest.mark.parametrize(
    "sent",
    [
        {"content": ONE_CLICK, "headers": {"Content-Type": FORM}},
        {"files": {"List-Unsubscribe": (None, "One-Click")}},
        {"content": b"", "headers": {"Content-Type": FORM}},
        {"content": b"\xff\x00{", "headers": {"Content-Type": "multipart/form-data"}},
    ],
    ids=["RFC 8058 urlencoded", "RFC 8058 multipart", "the page's own form", "broken"],
)
def test_a_post_unsubscribes_at_once_whatever_it_brings(office: Office, sent: Any) -> None:
    ada = office.subscribe("ada@example.org")
    link = path(office.links.unsubscribe(ada.subscriber.key, "morning"))

    answer = office.client().post(link, follow_redirects=False, **sent)

    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text
    assert "set-cookie" not in answer.headers
    gone = office.of("ada@example.org")
    assert (gone.state, gone.ended) == ("ended", NOW)


def test_the_answer_is_the_same_for_strangers_and_for_those_who_left(office: Office) -> None:
    ada = office.subscribe("ada@example.org")
    keys = [ada.subscriber.key, ada.subscriber.key, "ffff0000ffff0000"]
    answers = [
        office.client().post(path(office.links.unsubscribe(key, "morning")), content=ONE_CLICK)
        for key in keys
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert len({tuple(answer.headers.items()) for answer in answers}) == 1


def test_who_gets_two_digests_keeps_the_other(office: Office) -> None:
    ada = office.subscribe("ada@example.org")
    office.subscribers.subscribe("abend", [NewSubscriber("ada@example.org")], NOW)
    office.client().post(path(office.links.unsubscribe(ada.subscriber.key, "morning")))
    states = {
        found.digest: found.state for found in office.subscribers.of_address("ada@example.org")
    }
    assert states == {"morning": "ended", "abend": "active"}


def test_one_unsubscribes_while_the_database_is_written_to(office: Office) -> None:
    ada = office.subscribe("ada@example.org")
    link = path(office.links.unsubscribe(ada.subscriber.key, "morning"))
    begun, sending = threading.Event(), threading.Event()

    def write() -> None:
        with office.database.transaction() as connection:
            connection.execute(text("UPDATE subscribers SET name = 'Ada'"))
            begun.set()
            sending.wait(0.2)

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait()
    answer = office.client().post(link, content=ONE_CLICK)
    writer.join()

    assert answer.status_code == 200
    assert office.of("ada@example.org").state == "ended"


def test_a_database_that_is_away_is_said_and_nothing_is_pretended(office: Office) -> None:
    ada = office.subscribe("ada@example.org")
    link = path(office.links.unsubscribe(ada.subscriber.key, "morning"))
    with office.database.transaction():  # held for longer than it is waited for
        answer = office.client().post(link, content=ONE_CLICK)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert "Nothing was changed" in answer.text
    assert "digest.db" not in answer.text
    assert office.of("ada@example.org").state == "active"
    assert office.client().post(link, content=ONE_CLICK).status_code == 200


def test_one_still_leaves_a_digest_that_is_configured_no_more(office: Office) -> None:
    ada = office.subscribe("ada@example.org", "gone")
    link = path(office.links.unsubscribe(ada.subscriber.key, "gone"))
    assert office.client().get(link).status_code == 200
    answer = office.client().post(link, content=ONE_CLICK)
    assert answer.status_code == 200
    assert "/subscribe/" not in answer.text
    assert office.of("ada@example.org").state == "ended"


@pytest.mark.parametrize("purpose", ["unsubscribe", "preferences", "confirm"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_is_forged_altered_or_cut_says_what_to_do(
    office: Office, purpose: str, method: str
) -> None:
    key = office.subscribe("ada@example.org").subscriber.key
    tokens = {
        name: office.links.token(name, key, "morning", NOW)
        for name in ("unsubscribe", "preferences", "confirm")
    }
    own = tokens.pop(purpose)
    forged = Links(["another secret"], BASE).token(purpose, key, "morning", NOW)
    swapped = own.replace("morning", "abend")
    for token in (
        *tokens.values(),
        forged,
        swapped,
        own[:-1],
        own[:-9],
        own + "A",
        "x",
        "x" * 5000,
    ):
        answer = office.client().request(method, f"/subscription/{purpose}/{token}")
        assert answer.status_code == 400
        assert "This link is incomplete, or not one of ours" in answer.text
    assert office.of("ada@example.org").state == "active"


# --- choosing ------------------------------------------------------------------------------------


def test_topics_and_languages_are_chosen(office: Office) -> None:
    ada = office.subscribe("ada@example.org", topics=("Science",), languages=("nb",))
    link = path(office.links.preferences(ada.subscriber.key, "morning"))
    page = office.client().get(link).text
    assert 'name="topic" value="Science" checked' in page
    assert 'name="topic" value="Harbour &amp; Sea">' in page
    assert 'name="language" value="nb" checked' in page

    sent = {"topic": ["World", "Harbour & Sea", "<none>"], "language": ["de", "xx"]}
    answer = office.client().post(link, data=sent)

    assert answer.status_code == 200
    assert "Your choice is saved" in answer.text
    assert 'value="World" checked' in answer.text
    chosen = office.of("ada@example.org")
    assert (chosen.topics, chosen.languages) == (("World", "Harbour & Sea"), ("de",))


def test_only_languages_that_stories_are_in_are_offered(office: Office) -> None:
    key = office.subscribe("ada@example.org").subscriber.key
    link = path(office.links.preferences(key, "morning"))
    for page in (link, "/subscription/subscribe/morning"):
        text = office.client().get(page).text
        assert re.findall(r'name="language" value="(\w+)"', text) == ["de", "en"]
        assert "Deutsch" in text


@pytest.mark.parametrize("spoken", [(), ("en",)])
def test_nobody_is_asked_where_there_is_one_language(
    office: Office, spoken: tuple[str, ...]
) -> None:
    office.spoken = spoken
    key = office.subscribe("ada@example.org", languages=("en",)).subscriber.key
    link = path(office.links.preferences(key, "morning"))
    for page in (link, "/subscription/subscribe/morning"):
        assert "Languages" not in office.client().get(page).text
    office.client().post(link, data={"topic": "World", "language": "uk"})
    chosen = office.of("ada@example.org")
    assert (chosen.topics, chosen.languages) == (("World",), ("en",)), "what isn't asked stays"


def test_a_language_that_no_story_is_in_can_be_taken_back(office: Office) -> None:
    office.spoken = ("en",)
    key = office.subscribe("ada@example.org", languages=("de",)).subscriber.key
    link = path(office.links.preferences(key, "morning"))
    assert 'name="language" value="de" checked' in office.client().get(link).text
    office.client().post(link, data={"asked": "language"})
    assert office.of("ada@example.org").languages == ()


def test_a_region_that_was_chosen_stands_for_its_language(office: Office) -> None:
    key = office.subscribe("ada@example.org", languages=("en-GB",)).subscriber.key
    page = office.client().get(path(office.links.preferences(key, "morning"))).text
    assert re.findall(r'name="language" value="([\w-]+)"', page) == ["de", "en-GB"]


def test_a_form_that_did_not_ask_for_languages_changes_none(office: Office) -> None:
    key = office.subscribe("ada@example.org", languages=("en",)).subscriber.key
    office.client().post(path(office.links.preferences(key, "morning")), data={"topic": "World"})
    assert office.of("ada@example.org").languages == ("en",)


def test_a_language_is_chosen_by_the_form(office: Office) -> None:
    sent = {"address": "nobody", "language": "de"}
    again = office.client().post("/subscription/subscribe/morning", data=sent)
    assert 'value="de" checked' in again.text
    choice = {"address": "ada@example.org", "language": ["de", "uk"]}
    office.client().post("/subscription/subscribe/morning", data=choice)
    assert office.of("ada@example.org").languages == ("de",)


def test_where_nothing_can_be_chosen_there_is_no_form(office: Office) -> None:
    office.spoken = ("en",)
    key = office.subscribe("ada@example.org", "found").subscriber.key
    page = office.client().get(path(office.links.preferences(key, "found"))).text
    assert "<form" not in page
    assert "Unsubscribe" in page


def test_what_was_chosen_before_can_still_be_seen_when_the_topics_changed(office: Office) -> None:
    ada = office.subscribe("ada@example.org", topics=("Old matters",))
    link = path(office.links.preferences(ada.subscriber.key, "morning"))
    assert 'value="Old matters" checked' in office.client().get(link).text
    office.client().post(link, content=b"", headers={"Content-Type": FORM})
    assert office.of("ada@example.org").topics == ()


def test_a_one_click_body_at_the_wrong_door_changes_nothing(office: Office) -> None:
    ada = office.subscribe("ada@example.org", topics=("World",))
    link = path(office.links.preferences(ada.subscriber.key, "morning"))
    assert office.client().post(link, files={"a": (None, "b")}).status_code == 415
    assert office.client().post(link, data={str(n): "" for n in range(999)}).status_code == 400
    assert office.of("ada@example.org").topics == ("World",)


def test_built_in_topics_are_offered_in_the_digest_s_language(office: Office) -> None:
    key = office.subscribe("ada@example.org", "abend").subscriber.key
    page = office.client().get(path(office.links.preferences(key, "abend"))).text
    assert '<html lang="de" dir="ltr">' in page
    assert 'value="Business"> <span><bdi>Wirtschaft</bdi>' in page
    assert "Abbestellen" in page


def test_a_digest_that_finds_its_topics_offers_none(office: Office) -> None:
    key = office.subscribe("ada@example.org", "found").subscriber.key
    page = office.client().get(path(office.links.preferences(key, "found"))).text
    assert 'name="topic"' not in page
    assert 'name="language"' in page
    assert 'name="topic"' not in office.client().get("/subscription/subscribe/found").text


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_left_has_nothing_to_choose(office: Office, method: str) -> None:
    key = office.subscribe("ada@example.org").subscriber.key
    office.subscribers.end(key, "morning", NOW)
    for of in (key, "ffff0000ffff0000"):
        answer = office.client().request(method, path(office.links.preferences(of, "morning")))
        assert answer.status_code == 410
        assert "/digests/subscription/subscribe/morning" in answer.text


# --- subscribing ---------------------------------------------------------------------------------


def test_somebody_new_is_asked_by_a_letter(office: Office) -> None:
    sent = {"address": " Ada@EXAMPLE.org ", "name": "Ada\u202e \r\nL.", "topic": ["World"]}
    answer = office.client().post("/subscription/subscribe/morning", data=sent)
    assert answer.status_code == 200
    assert "Please check your mailbox" in answer.text
    ada = office.of("ada@example.org")
    assert (ada.state, ada.topics) == ("pending", ("World",))
    assert (ada.subscriber.address, ada.subscriber.name) == ("Ada@example.org", "Ada L.")
    assert ada.consent == "asked by the form on the web"
    assert office.subscribers.confirmations(NOW, 9)


def test_the_form_tells_nobody_who_is_subscribed(office: Office) -> None:
    office.subscribe("known@example.org")
    left = office.subscribe("left@example.org").subscriber.key
    office.subscribers.end(left, "morning", NOW)
    office.subscribe("dead@example.org")
    office.subscribers.bounced("dead@example.org", "no such user", NOW)
    pages = set()
    for name in ("known", "left", "dead", "new", "new"):
        sent = {"address": f"{name}@example.org"}
        answer = office.client().post("/subscription/subscribe/morning", data=sent)
        assert answer.status_code == 200
        pages.add(answer.text.replace(name, "somebody"))
    assert len(pages) == 1
    assert office.of("known@example.org").state == "active"


@pytest.mark.parametrize(
    "address",
    ["", "ada", "ada@", "a@b@example.org", "ada@example.org\r\nBcc: eve@example.org", "a b@c.org"],
)
def test_a_wrong_address_is_told_beside_its_field(office: Office, address: str) -> None:
    sent = {"address": address, "name": "Ada <b>", "topic": "Science"}
    answer = office.client().post("/subscription/subscribe/morning", data=sent)
    assert answer.status_code == 422
    assert 'aria-invalid="true" aria-describedby="wrong" autofocus' in answer.text
    assert 'id="wrong"' in answer.text
    assert 'value="Ada &lt;b&gt;"' in answer.text
    assert 'value="Science" checked' in answer.text
    assert list(office.subscribers.listed()) == []


def test_what_people_do_not_see_they_do_not_fill_in(office: Office) -> None:
    sent = {"address": "ada@example.org", "website": "https://spam.example.com"}
    answer = office.client().post("/subscription/subscribe/morning", data=sent)
    assert answer.status_code == 200
    assert list(office.subscribers.listed()) == []


def asked(client: TestClient, numbers: Iterable[int], **headers: str) -> list[Any]:
    """The answers to as many who write strangers' addresses into the form."""
    return [
        client.post(
            "/subscription/subscribe/morning",
            data={"address": f"a{number}@example.org"},
            headers={name.replace("_", "-"): value for name, value in headers.items()},
        )
        for number in numbers
    ]


def statuses(answers: list[Any]) -> list[int]:
    return [answer.status_code for answer in answers]


def test_a_flood_from_one_place_is_let_through_drop_by_drop(office: Office) -> None:
    client = office.client("203.0.113.7")
    answers = asked(client, range(25))
    assert statuses(answers) == [200] * 20 + [429] * 5
    assert answers[-1].headers["Retry-After"] == "180"
    assert len(list(office.subscribers.listed())) == 20
    office.now += timedelta(minutes=3)
    assert statuses(asked(client, (30, 31))) == [200, 429]


def test_one_stranger_can_not_close_the_form_to_a_newcomer(office: Office) -> None:
    proxy = office.client("127.0.0.1")
    flood = asked(proxy, range(60), X_Forwarded_For="203.0.113.7")
    assert statuses(flood).count(200) == 20
    (newcomer,) = asked(proxy, [999], X_Forwarded_For="198.51.100.1")
    assert newcomer.status_code == 200


def test_a_flood_from_many_places_meets_the_common_limit(office: Office) -> None:
    proxy = office.client("10.0.0.2")
    answers = [
        answer
        for place in range(20)
        for answer in asked(
            proxy, range(place * 16, place * 16 + 16), X_Forwarded_For=f"203.0.113.{place}"
        )
    ]
    assert statuses(answers) == [200] * 300 + [429] * 20
    office.now += timedelta(seconds=12)
    later = asked(proxy, (998, 999), X_Forwarded_For="198.51.100.1")
    assert statuses(later) == [200, 429]


def test_a_proxy_that_does_not_say_who_asks_has_the_common_limit_only(office: Office) -> None:
    assert statuses(asked(office.client("127.0.0.1"), range(301))) == [200] * 300 + [429]


@pytest.mark.parametrize(
    ("peer", "said", "client"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.1"], "203.0.113.7"),  # a stranger's word
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("192.168.1.9", ["198.51.100.9, 198.51.100.1"], "198.51.100.1"),
        ("::1", ["198.51.100.9", "198.51.100.1"], "198.51.100.1"),
        ("::ffff:127.0.0.1", ["198.51.100.1:4711"], "198.51.100.1"),
        ("172.17.0.1", ["[2001:db8:1:2:3::4]:4711"], "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", [], "2001:db8:1:2::/64"),
        ("127.0.0.1", ["192.168.1.20"], "192.168.1.20"),
        ("127.0.0.1", [], ""),
        ("127.0.0.1", ["198.51.100.1, unknown"], ""),
        ("127.0.0.1", ["\xff<script>"], ""),
        ("", ["198.51.100.1"], "198.51.100.1"),  # a socket file
    ],
)
def test_who_asks_is_known_by_the_peer_or_by_our_own_proxy(
    peer: str, said: list[str], client: str
) -> None:
    headers = [(b"x-forwarded-for", line.encode("latin-1")) for line in said]
    scope = {"type": "http", "headers": headers, "client": (peer, 1) if peer else None}
    assert client_of(Request(scope)) == client


@pytest.mark.parametrize("digest", ["unknown", "Morning", "%2e%2e%2fmorning", "a" * 999])
def test_an_unknown_digest_is_not_there(office: Office, digest: str) -> None:
    for method in ("GET", "POST"):
        answer = office.client().request(method, f"/subscription/subscribe/{digest}")
        assert answer.status_code == 404


def test_without_a_public_address_nobody_can_be_asked(office: Office) -> None:
    office.links = Links(["the secret of these tests"], "")
    assert office.client().get("/subscription/subscribe/morning").status_code == 404


def test_a_form_that_is_too_large_is_not_read_to_its_end(office: Office) -> None:
    data = b"address=" + b"a" * MAX_BODY
    url, kind = "/subscription/subscribe/morning", {"Content-Type": FORM}

    def parts() -> Iterator[bytes]:
        yield data
        yield data

    assert office.client().post(url, content=data, headers=kind).status_code == 413
    assert office.client().post(url, content=parts(), headers=kind).status_code == 413
    told = {**kind, "Content-Length": "9" * 30}
    assert office.client().post(url, content=b"", headers=told).status_code == 413


# --- confirming ----------------------------------------------------------------------------------


def test_a_letter_s_link_confirms_by_a_button_only(office: Office) -> None:
    ada = office.ask("ada@example.org")
    link = path(office.links.confirm(ada.subscriber.key, "morning", NOW))
    assert office.client().get(link).status_code == 200
    assert office.of("ada@example.org").state == "pending"

    office.now += timedelta(days=1)
    for _ in range(2):  # the button pressed twice
        answer = office.client().post(link, content=b"", headers={"Content-Type": FORM})
        assert answer.status_code == 200
        assert "You are subscribed" in answer.text

    ada = office.of("ada@example.org")
    assert (ada.state, ada.confirmed, ada.consent) == ("active", office.now, BY_LETTER)


def test_an_old_link_says_how_to_get_another(office: Office) -> None:
    ada = office.ask("ada@example.org")
    link = path(office.links.confirm(ada.subscriber.key, "morning", NOW))
    office.now += timedelta(days=8)
    for method in ("GET", "POST"):
        answer = office.client().request(method, link)
        assert answer.status_code == 410
        assert "/digests/subscription/subscribe/morning" in answer.text
    assert office.of("ada@example.org").state == "pending"


def test_a_link_to_confirm_brings_nobody_back_who_left_since(office: Office) -> None:
    ada = office.ask("ada@example.org")
    link = path(office.links.confirm(ada.subscriber.key, "morning", NOW))
    office.client().post(link)
    office.subscribers.end(ada.subscriber.key, "morning", NOW)
    assert office.client().post(link).status_code == 410
    assert office.of("ada@example.org").state == "ended"
    stranger = path(office.links.confirm("ffff0000ffff0000", "morning", NOW))
    assert office.client().post(stranger).status_code == 410


# --- all pages -----------------------------------------------------------------------------------


def all_pages(office: Office) -> list[Any]:
    """An answer of every kind."""
    client = office.client()
    key = office.subscribe("ada@example.org").subscriber.key
    old = office.links.confirm(key, "morning", NOW - timedelta(days=8))
    return [
        client.get(path(office.links.unsubscribe(key, "morning"))),
        client.get(path(office.links.preferences(key, "morning"))),
        client.get(path(office.links.confirm(key, "morning", NOW))),
        client.get(path(old)),
        client.get("/subscription/subscribe/morning"),
        client.post("/subscription/subscribe/morning", data={"address": "x"}),
        client.post("/subscription/subscribe/morning", data={"address": "x@example.org"}),
        client.post(path(office.links.unsubscribe(key, "morning"))),
        client.get("/subscription/unsubscribe/forged"),
        client.get("/subscription/nowhere"),
        client.put("/subscription/subscribe/morning"),
        client.post("/subscription/subscribe/morning", content=b"x" * (MAX_BODY + 1)),
        client.get("/subscription/style.css"),
        client.get("/subscription/subscribe/morning", headers={"Host": "evil.example.com"}),
    ]


def test_every_answer_is_safe_by_its_headers(office: Office) -> None:
    for answer in all_pages(office):
        policy = answer.headers["Content-Security-Policy"].split("; ")
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "base-uri 'none'" in policy
        assert "form-action 'self'" in policy
        assert not any("unsafe" in part or "script" in part for part in policy)
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        if not answer.headers["Content-Type"].startswith("text/css"):
            assert answer.headers["Cache-Control"] == "no-store"
        assert "set-cookie" not in answer.headers


def test_titles_and_names_are_text_wherever_they_stand(office: Office) -> None:
    for answer in all_pages(office):
        assert "<Morning>" not in answer.text
        assert "<script" not in answer.text
        assert " style=" not in answer.text
    page = office.client().get("/subscription/subscribe/morning").text
    assert "The &lt;Morning&gt; &#34;Digest&#34; &amp; 100% is sent to you" in page


def test_other_hosts_and_other_methods_are_refused(office: Office) -> None:
    client = office.client()
    url = "/subscription/subscribe/morning"
    for host in ("localhost:8000", "127.0.0.1:8000", "[::1]:8000", HOST, f"{HOST}:443"):
        assert client.get(url, headers={"Host": host}).status_code == 200
    for host in ("evil.example.com", f"{HOST}.evil.example.com", "", f"x{HOST}"):
        assert client.get(url, headers={"Host": host}).status_code == 400
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        assert client.request(method, url).status_code == 405


def test_head_says_what_get_would(office: Office) -> None:
    got, head = (
        office.client().request(method, "/subscription/subscribe/morning")
        for method in ("GET", "HEAD")
    )
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers == got.headers


def test_the_way_there_may_have_the_proxys_prefix_or_not(office: Office) -> None:
    client = office.client()
    for prefix in ("", "/digests"):
        assert client.get(f"{prefix}/subscription/subscribe/morning").status_code == 200
        style = client.get(f"{prefix}/subscription/style.css")
        assert style.headers["Content-Type"].startswith("text/css")
    for elsewhere in ("/", "/editions/x", "/subscription", "/x/subscription/subscribe/morning"):
        assert client.get(elsewhere).text == "the private pages"


def test_every_link_and_form_of_a_page_leads_somewhere(office: Office) -> None:
    import lxml.html

    client = office.client()
    for answer in all_pages(office)[:10]:
        page = lxml.html.fromstring(answer.text)
        for address in (*page.xpath("//@href"), *page.xpath("//@action")):
            assert address.startswith("/digests/subscription/")
            assert client.get(address).status_code in (200, 410)


def test_nothing_private_is_logged(office: Office) -> None:
    with capture_logs() as lines:
        all_pages(office)
        key = office.subscribe("eve@example.org").subscriber.key
        with office.database.transaction():
            office.client().post(path(office.links.unsubscribe(key, "morning")))
    assert {line["event"] for line in lines} >= {"unsubscribed", "page failed"}
    said = str(lines)
    assert "@" not in said
    assert key not in said
    assert "/subscription/" not in said


def test_a_broken_catalog_costs_the_words_and_not_the_way_out(office: Office) -> None:
    def broken(_: str) -> Any:
        raise TemplateError("de.po:3: broken; correct the catalog")

    office.words = broken
    key = office.subscribe("ada@example.org", "abend").subscriber.key
    answer = office.client().post(path(office.links.unsubscribe(key, "abend")))
    assert answer.status_code == 200
    assert "You are unsubscribed" in answer.text


def test_a_language_from_right_to_left_turns_the_page(office: Office) -> None:
    english = office.words("en")
    office.words = lambda _: english
    digests = [digest.model_copy(update={"language": "ar"}) for digest in office.config.digests]
    office.config = office.config.model_copy(update={"digests": tuple(digests)})
    page = office.client().get("/subscription/subscribe/morning").text
    assert '<html lang="ar" dir="rtl">' in page
    assert '<html lang="ar" dir="rtl">' in office.client().get("/subscription/nowhere").text


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.binary(max_size=300) | st.text(max_size=100).map(lambda t: f"address={t}".encode()),
    kind=st.sampled_from([FORM, "multipart/form-data; boundary=x", "text/plain", ""]),
    purpose=st.sampled_from(["unsubscribe", "preferences", "confirm", "subscribe"]),
    last=st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), min_size=1, max_size=30),
)
def test_no_request_whatever_makes_a_handler_fall(
    office: Office, body: bytes, kind: str, purpose: str, last: str
) -> None:
    from urllib.parse import quote

    for end in (quote(last, safe=""), "morning"):
        answer = office.client().post(
            f"/subscription/{purpose}/{end}", content=body, headers={"Content-Type": kind}
        )
        assert answer.status_code in (200, 400, 404, 415, 422)


# --- the bucket ----------------------------------------------------------------------------------


def bucket(most: int, seconds: float) -> Bucket:
    return Bucket(most, timedelta(seconds=seconds))


@given(st.lists(st.tuples(st.integers(-100, 100), st.sampled_from("abc")), max_size=300))
def test_no_bucket_gives_more_than_it_holds_and_gains(steps: list[tuple[int, str]]) -> None:
    limit = RateLimit(bucket(5, 10), bucket(20, 100))
    now, passed, let = NOW, 0, dict.fromkeys("abc", 0)
    for step, client in steps:
        now += timedelta(seconds=step)
        passed += max(step, 0)
        let[client] += limit.wait(now, client) == 0
    assert sum(let.values()) <= 20 + passed / 5
    assert max(let.values()) <= 5 + passed / 2


def test_a_full_bucket_says_when_there_is_more() -> None:
    limit = RateLimit(bucket(2, 10), bucket(99, 10))
    assert [limit.wait(NOW, "a") for _ in range(3)] == [0, 0, 5]
    assert limit.wait(NOW + timedelta(seconds=4), "a") == pytest.approx(1)
    assert limit.wait(NOW + timedelta(seconds=5), "a") == 0


@pytest.mark.parametrize("limit", [(1, 99), (99, 1)], ids=["own", "common"])
def test_a_clock_that_jumps_back_shuts_nobody_out_for_long(limit: tuple[int, int]) -> None:
    own, common = limit
    limited = RateLimit(bucket(own, 10), bucket(common, 10))
    assert limited.wait(NOW, "a") == 0
    back = NOW - timedelta(hours=5)
    assert limited.wait(back, "a") == 10
    assert limited.wait(back + timedelta(seconds=10), "a") == 0


def test_only_so_many_clients_are_remembered_and_the_last_ones_are() -> None:
    limit = RateLimit(bucket(1, 3600), bucket(10**6, 3600))
    assert limit.wait(NOW, "first") == 0
    for number in range(MAX_CLIENTS):
        assert limit.wait(NOW, f"n{number}") == 0
    assert len(limit) == MAX_CLIENTS
    assert limit.wait(NOW, f"n{MAX_CLIENTS - 1}") > 0
    assert limit.wait(NOW, "first") == 0
