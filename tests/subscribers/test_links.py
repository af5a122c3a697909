from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.errors import ConfigError
from digest.subscribers.links import CONFIRM_WITHIN, Links, Purpose

NOW = datetime(2026, 3, 2, 7, 0, tzinfo=UTC)
BASE = "https://news.example.org/digests"
PURPOSES: list[Purpose] = ["confirm", "preferences", "unsubscribe"]
LINKS = Links(["the secret of these tests"], BASE)

keys = st.text("abcdefABCDEF0123456789_-", min_size=1, max_size=32)
digests = st.text("abcxyz0123456789_-", min_size=1, max_size=64)
purposes = st.sampled_from(PURPOSES)


def token_of(link: str) -> str:
    return link.rpartition("/")[2]


@given(keys, digests, purposes)
def test_a_link_is_read_back_as_it_was_made(key: str, digest: str, purpose: Purpose) -> None:
    token = LINKS.token(purpose, key, digest, NOW)
    assert LINKS.read(purpose, token, NOW) == (key, digest)


@given(keys, digests)
def test_links_are_made_of_what_needs_no_escaping_anywhere(key: str, digest: str) -> None:
    made = [LINKS.unsubscribe(key, digest), LINKS.preferences(key, digest)]
    made += [LINKS.confirm(key, digest, NOW), LINKS.subscribe(digest)]
    for link in made:
        assert re.fullmatch(r"[A-Za-z0-9._~:/-]+", link)
        assert link.startswith(f"{BASE}/subscription/")
        assert len(link) < 250


@given(purposes, st.data())
def test_no_altered_token_is_read(purpose: Purpose, data: st.DataObject) -> None:
    token = LINKS.token(purpose, "8f3a", "morning", NOW)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.characters().filter(lambda found: found != token[at]))
    assert LINKS.read(purpose, token[:at] + other + token[at + 1 :], NOW) is None
    assert LINKS.read(purpose, token[:at] + token[at + 1 :], NOW) is None
    assert LINKS.read(purpose, token[:at] + other + token[at:], NOW) is None


@given(purposes, st.integers(0, 200))
def test_no_cut_or_lengthened_token_is_read(purpose: Purpose, length: int) -> None:
    token = LINKS.token(purpose, "8f3a", "morning", NOW)
    assert LINKS.read(purpose, token[: min(length, len(token) - 1)], NOW) is None
    assert LINKS.read(purpose, token + "A" * (length + 1), NOW) is None
    assert LINKS.read(purpose, token + "=", NOW) is None
    assert LINKS.read(purpose, token + "\n", NOW) is None


@given(purposes, st.text(max_size=400))
def test_any_text_is_taken_for_no_link_of_ours(purpose: Purpose, text: str) -> None:
    assert LINKS.read(purpose, text, NOW) is None
    assert LINKS.has_expired(text, NOW) is None


@pytest.mark.parametrize("made_for", PURPOSES)
@pytest.mark.parametrize("used_for", PURPOSES)
def test_a_token_serves_its_own_purpose_only(made_for: Purpose, used_for: Purpose) -> None:
    token = LINKS.token(made_for, "8f3a", "morning", NOW)
    assert (LINKS.read(used_for, token, NOW) is not None) == (made_for == used_for)


@pytest.mark.parametrize("purpose", PURPOSES)
def test_the_names_can_not_be_parted_otherwise(purpose: Purpose) -> None:
    token = LINKS.token(purpose, "8f3a", "morning", NOW)
    rest = token.partition(".")[2]
    assert LINKS.read(purpose, f"8f3a.morning.{rest}", NOW) is None
    assert LINKS.read(purpose, f"8f.3a{token[4:]}", NOW) is None
    assert LINKS.read(purpose, f"8f3amorning{token[12:]}", NOW) is None


def test_another_secret_signs_otherwise() -> None:
    token = Links(["a secret of somebody else"], BASE).token("unsubscribe", "8f3a", "morning")
    assert LINKS.read("unsubscribe", token, NOW) is None


def test_of_several_secrets_the_last_signs_and_all_are_honoured() -> None:
    old, new = Links(["old secret"], BASE), Links(["new secret"], BASE)
    both = Links(["old secret", "new secret"], BASE)
    assert both.unsubscribe("8f3a", "morning") == new.unsubscribe("8f3a", "morning")
    for links in (old, new):
        for purpose in PURPOSES:
            token = links.token(purpose, "8f3a", "morning", NOW)
            assert both.read(purpose, token, NOW) == ("8f3a", "morning")
    assert new.read("unsubscribe", old.token("unsubscribe", "8f3a", "morning")) is None


def test_a_link_to_confirm_ends_after_a_week_and_says_so() -> None:
    token = token_of(LINKS.confirm("8f3a", "morning", NOW))
    last = NOW + CONFIRM_WITHIN
    assert LINKS.read("confirm", token, last) == ("8f3a", "morning")
    assert LINKS.has_expired(token, last) is None
    late = last + timedelta(seconds=1)
    assert LINKS.read("confirm", token, late) is None
    assert LINKS.has_expired(token, late) == ("8f3a", "morning")


def test_a_clock_that_was_set_back_spoils_no_link() -> None:
    token = token_of(LINKS.confirm("8f3a", "morning", NOW))
    assert LINKS.read("confirm", token, NOW - timedelta(days=1)) == ("8f3a", "morning")


def test_links_out_of_an_old_email_still_work_in_a_hundred_years() -> None:
    for purpose in ("unsubscribe", "preferences"):
        token = LINKS.token(purpose, "8f3a", "morning")
        assert LINKS.read(purpose, token, NOW + timedelta(days=36_525)) == ("8f3a", "morning")


def test_the_clock_is_the_machines_where_none_is_given() -> None:
    assert LINKS.read("confirm", LINKS.token("confirm", "8f3a", "morning")) == ("8f3a", "morning")
    assert LINKS.read("confirm", LINKS.token("confirm", "8f3a", "morning", NOW)) is None


def test_without_a_public_address_there_are_no_links() -> None:
    links = Links(["the secret of these tests"], "")
    assert links.unsubscribe("8f3a", "morning") == links.confirm("8f3a", "morning") == ""
    assert links.preferences("8f3a", "morning") == links.subscribe("morning") == ""


@pytest.mark.parametrize("key", ["", "a.b", "a/b", "ä", "a" * 33, "a\r\nBcc: x", 'a">'])
def test_names_that_would_need_escaping_are_refused(key: str) -> None:
    with pytest.raises(ValueError, match="no link can hold"):
        LINKS.unsubscribe(key, "morning")
    with pytest.raises(ValueError, match="no link can hold"):
        LINKS.unsubscribe("8f3a", f"{key}.{key}")


@pytest.mark.parametrize(
    "base", ["news.example.org", "https://news.example.org/a b", 'http://x/">']
)
def test_an_address_that_can_not_stand_in_an_email_is_refused(base: str) -> None:
    with pytest.raises(ConfigError, match="DIGEST_PUBLIC_URL"):
        Links(["the secret of these tests"], base)


@pytest.mark.parametrize("secrets", [[], [""], ["one", ""]])
def test_nothing_is_signed_without_a_secret(secrets: list[str]) -> None:
    with pytest.raises(ValueError, match="without a secret"):
        Links(secrets, BASE)
