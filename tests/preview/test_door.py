"""Who may come in, by which name, with which key; and what is told to whom when something fails."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

import digest.preview
from digest.preview import app as app_module
from digest.preview import door
from digest.preview.door import Form, check_host, check_origin, own_path
from digest.preview.keys import Keys, Patience
from digest.words import desk_words

Desk = Any
"""The fixture of `conftest`, which tests can't import."""

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
TOKEN = "a-token-of-these-tests"
STATIC = Path(digest.preview.__file__).parent / "static"


@pytest.fixture
def guarded(desk_on: Desk) -> Iterator[Desk]:
    """A running desk that asks for a key, with an edition."""
    desk_on.build()
    desk_on.token = TOKEN
    with desk_on.running() as desk:
        yield desk


# --- the key -------------------------------------------------------------------------------------


def test_the_printed_address_lets_a_browser_in_and_the_key_leaves_the_address(
    guarded: Desk,
) -> None:
    answer = guarded.client.get("/enter", params={"token": TOKEN, "next": guarded.path})
    assert (answer.status_code, answer.headers["location"]) == (303, guarded.path)
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert guarded.client.get(guarded.path).status_code == 200


def test_without_the_key_every_page_leads_to_the_one_that_asks_for_it(guarded: Desk) -> None:
    for path in ("/", guarded.path, "/editions", "/feeds", "/jobs", "/help", "/version"):
        answer = guarded.client.get(path)
        assert answer.status_code == 303, path
        assert answer.headers["location"] == f"/enter?next={path}"
    assert guarded.client.get("/events", headers={"Accept": "text/event-stream"}).status_code == 401
    assert guarded.client.post("/name", data={"name": "x"}).status_code == 401


def test_the_page_that_asks_for_the_key_tells_nothing_else(guarded: Desk) -> None:
    page = guarded.client.get("/enter", params={"next": guarded.path}).text
    assert 'type="password"' in page
    for secret in ("The Daily", "Harbour", TOKEN, str(guarded.folder), "/digests/daily"):
        assert secret not in page, secret
    # All that it names itself.
    assert guarded.client.get("/static/desk.css").status_code == 200


def test_the_key_can_be_typed(guarded: Desk) -> None:
    page = guarded.client.get("/enter", params={"next": "/jobs"}).text
    csrf = re.findall(r'name="csrf" value="(\w+)"', page)[0]
    wrong = guarded.client.post("/enter", data={"csrf": csrf, "token": "x", "next": "/jobs"})
    assert wrong.status_code == 403
    assert "That isn’t the key" in wrong.text
    right = guarded.client.post(
        "/enter", data={"csrf": csrf, "token": f" {TOKEN}\n", "next": "/jobs"}
    )
    assert (right.status_code, right.headers["location"]) == (303, "/jobs")
    assert guarded.client.get("/jobs").status_code == 200


def test_wrong_keys_must_wait_and_those_inside_don_t_notice(guarded: Desk) -> None:
    inside = guarded.client
    inside.get("/enter", params={"token": TOKEN})
    with guarded.browser() as other:
        codes = [other.get("/enter", params={"token": "x"}).status_code for _ in range(7)]
        assert codes == [403] * 5 + [429] * 2
        waiting = other.get("/enter", params={"token": TOKEN})
        assert waiting.status_code == 429
        assert 0 < int(waiting.headers["retry-after"]) <= 60
        assert inside.get(guarded.path).status_code == 200
        guarded.now += timedelta(minutes=1)
        assert other.get("/enter", params={"token": TOKEN}).status_code == 303


def test_a_key_of_before_a_restart_is_still_good_and_one_of_another_token_is_not(
    guarded: Desk,
) -> None:
    guarded.client.get("/enter", params={"token": TOKEN})
    cookie = guarded.client.cookies[door.KEY]
    for token, code in ((TOKEN, 200), ("another-token-of-these-tests", 303)):
        guarded.token = token
        with guarded.running() as again:
            again.client.cookies.set(door.KEY, cookie)
            assert again.client.get("/jobs").status_code == code


def test_behind_a_proxy_the_key_is_enough(guarded: Desk) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.7", "Via": "1.1 proxy"}
    guarded.client.get("/enter", params={"token": TOKEN}, headers=forwarded)
    assert guarded.client.get("/jobs", headers=forwarded).status_code == 200


def test_without_a_key_a_proxy_is_told_what_to_set(desk: Desk) -> None:
    answer = desk.client.get("/jobs", headers={"X-Forwarded-Host": "desk.example.org"})
    assert answer.status_code == 403
    assert "DIGEST_DESK_TOKEN" in answer.text
    assert "/digests/daily" not in answer.text


def test_health_is_told_without_a_key(guarded: Desk) -> None:
    answer = guarded.client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@given(given_=st.text())
def test_only_the_token_is_the_token(given_: str) -> None:
    assert Keys(b"secret", TOKEN).is_token(given_) == (given_ == TOKEN)
    assert not Keys(b"secret").is_token(given_)


@given(cookie=st.text() | st.from_regex(r"\A\d{1,12}\.\w+\.[0-9a-f]{64}\Z"))
def test_no_cookie_is_a_key_but_ours(cookie: str) -> None:
    assert not Keys(b"secret", TOKEN).is_cookie(cookie, NOW)


def test_patience_forgets_the_oldest_address_and_each_has_its_own(monkeypatch: Any) -> None:
    monkeypatch.setattr(Patience, "remembered", 3)
    patience = Patience()
    for peer in ("a", "b", "c", "d"):
        for _ in range(5):
            patience.wrong(peer, NOW)
    assert [patience.wait(peer, NOW) > 0 for peer in ("a", "b", "d", "e")] == [
        False,
        True,
        True,
        False,
    ]


# --- names and origins ---------------------------------------------------------------------------


def test_the_desk_answers_to_its_own_names_only() -> None:
    own = ("localhost", "localhost:99", "127.0.0.1", "[::1]:8000", "desk.example.org", "LOCALHOST")
    for host in own:
        assert not check_host(Headers({"host": host}), ["::1", "desk.example.org"]), host
    others = ("evil.example", "localhost.evil.example", "127.0.0.1.example.org", "192.0.2.1", "")
    for host in others:
        assert check_host(Headers({"host": host}), ["::1", "desk.example.org"]), host


def test_where_it_listens_everywhere_any_address_will_do_and_no_name() -> None:
    assert not check_host(Headers({"host": "192.0.2.1:8765"}), ["0.0.0.0"])
    assert not check_host(Headers({"host": "[2001:db8::1]:8765"}), ["::"])
    assert check_host(Headers({"host": "evil.example"}), ["0.0.0.0"])


@pytest.mark.parametrize(
    ("site", "origin", "is_ours"),
    [
        (None, None, True),
        (None, "http://localhost:8765", True),
        ("same-origin", "null", True),
        ("same-origin", "http://localhost:8765", True),
        (None, "null", False),
        ("same-site", "http://localhost:8765", False),
        ("none", None, False),
        ("same-origin", "http://localhost:9", False),
        (None, "http://evil.example", False),
        (None, "", False),
    ],
)
def test_a_form_comes_from_our_own_pages(site: str, origin: str, is_ours: bool) -> None:
    named = {"host": "localhost:8765", "sec-fetch-site": site, "origin": origin}
    headers = Headers({name: value for name, value in named.items() if value is not None})
    assert (check_origin(headers) == "") is is_ours


@given(st.text() | st.from_regex(r"\A/[/\\a-z\t\r\n:.]*\Z"))
def test_a_way_back_never_leads_to_another_site(wanted: str) -> None:
    path = own_path(wanted)
    assert path == wanted or path == "/"
    assert re.fullmatch(r"/([^/\\\s][^\\\s]*)?", path)


# --- what answers say, and pages for what fails --------------------------------------------------


def test_every_answer_keeps_to_itself(desk: Desk) -> None:
    for path in ("/", desk.path, "/nothing", "/static/desk.css", "/healthz", "/jobs", "/version"):
        headers = desk.client.get(path).headers
        policy = headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; style-src 'self'"), path
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "camera=()" in headers["permissions-policy"]
        assert "server" not in headers


def test_the_email_may_run_nothing_and_load_only_pictures(desk: Desk) -> None:
    for query, pictures in (("", "https: http:"), ("?images=0", None)):
        headers = desk.client.get(f"{desk.path}/email.html{query}").headers
        parts = [part.split() for part in headers["content-security-policy"].split(";")]
        policy = {name: " ".join(values) for name, *values in parts}
        assert policy["default-src"] == policy["form-action"] == "'none'"
        assert policy.get("img-src") == pictures
        assert "script-src" not in policy
        assert policy["sandbox"] == "allow-popups allow-popups-to-escape-sandbox"
        assert headers["x-frame-options"] == "SAMEORIGIN"


def test_pages_name_no_address_outside_the_server(desk: Desk) -> None:
    for path in ("/jobs", "/help", "/editions", desk.path, f"{desk.path}?view=text"):
        page = desk.client.get(path).text
        for address in re.findall(r'(?:src|href|action)="([^"]*)"', page):
            assert address.startswith(("/", "#", "?")), f"{path}: {address}"


def test_an_unknown_address_lists_what_there_is(desk: Desk) -> None:
    for path in (
        "/editions/daily/2026-03-01",
        "/editions/other",
        "/editions/a/b/c",
        "/nothing",
        "/editions/daily%00/2026-03-02",
        "/editions/daily/20260302",
    ):
        answer = desk.client.get(path)
        assert answer.status_code == 404, path
        assert f'<a href="{desk.path}">' in answer.text


def test_folders_that_are_no_editions_are_passed_over(desk: Desk) -> None:
    for name in ("daily/.2026-03-03.tmp", "daily/2026-13-01", "daily/20261125", ".x/2026-11-25"):
        (desk.folder / "outbox" / name).mkdir(parents=True)
    page = desk.client.get("/nothing").text
    assert set(re.findall(r'href="(/editions/[^"?]*)', page)) == {desk.path}


def test_an_outbox_that_cannot_be_read_is_named(desk_on: Desk) -> None:
    (desk_on.folder / "outbox").write_text("a file where the folder should be", "utf-8")
    with desk_on.running() as desk:
        answer = desk.client.get("/")
        assert answer.status_code == 500
        assert f"{desk.folder}/outbox: can&#39;t be read" in answer.text


def test_a_defect_is_a_page_with_the_same_headers(
    desk_on: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise ValueError("odd <b>")

    monkeypatch.setattr(app_module._Hall, "jobs", broken)
    with desk_on.running() as desk:
        answer = desk.client.get("/jobs")
        assert answer.status_code == 500
        assert "unexpected ValueError" in answer.text
        assert "odd" not in answer.text
        assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_what_was_typed_is_shown_when_a_form_is_not_taken(desk: Desk) -> None:
    answer = desk.client.post("/name", data={"csrf": "old", "text": "Two hours' work"})
    assert answer.status_code == 403
    assert "Two hours&#39; work" in answer.text


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_pages_are_for_reading_only(desk: Desk, method: str) -> None:
    for path in ("/", desk.path, "/healthz", "/static/desk.css", "/jobs"):
        content = f"csrf={desk.csrf}"
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = desk.client.request(method, path, content=content, headers=kind)
        assert answer.status_code == 405, path
    head = desk.client.head(desk.path)
    assert (head.status_code, head.content) == (200, b"")


def test_an_editors_name_is_kept_by_their_browser(desk: Desk) -> None:
    assert desk.post("/name", name="  Zoë\n‮ O'Neill ", next="/jobs").headers["location"] == "/jobs"
    assert "Zoë O&#39;Neill" in desk.client.get("/jobs").text
    with desk.browser() as other:
        assert "Zoë" not in other.get("/jobs").text


# --- small things --------------------------------------------------------------------------------


def test_a_form_gives_texts_and_lists() -> None:
    form = Form({"one": "a", "many": ["b", "c"]})
    assert (form.text("one"), form.text("many"), form.text("none", "d")) == ("a", "b", "d")
    assert (form.all("one"), form.all("many"), form.all("none")) == (["a"], ["b", "c"], [])


def test_htmx_is_the_published_file() -> None:
    """The SHA-256 of `dist/htmx.min.js` in htmx.org 4.0.1, whose tarball npm lists with
    sha512-oF7JgXhDW9UXCy/k1ZYFUQgzu/rm19ORWPSPNL91vPluB2PB9+MV55tyQdH/w7o2EAbTYUG5SDW1R60mdkdqGg==."""
    digest_ = hashlib.sha256((STATIC / "htmx.min.js").read_bytes()).hexdigest()
    assert digest_ == "a0abb04f2f45a1f89d1d4844023245537e5e6014c87b144553e0607b4cc32130"


def test_words_that_are_not_there_are_a_mistake_that_is_named() -> None:
    with pytest.raises(KeyError, match=r"desk.toml has no 'door.nonsense'"):
        desk_words()("door.nonsense")


def test_words_are_chosen_by_number_and_values_are_escaped_in_html() -> None:
    words = desk_words()
    assert "1 second," in words("door.enter_slow", n=1)
    assert "2 seconds," in words("door.enter_slow", n=2)
    assert "<code>&lt;b&gt;</code>" in words.html("door.missing_lead", asked="<b>")
