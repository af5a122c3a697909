"""Readers' copies: each byte as if rendered for that reader alone, and only what they chose."""

from __future__ import annotations

from dataclasses import replace
from email import message_from_bytes, policy
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from digest.editions.message import build_message
from digest.editions.render import Renderer, packaged_themes
from digest.editions.sample import sample_edition
from digest.pipeline.copies import Copies
from digest.records import Delivery, Edition, Reader
from digest.subscribers.links import Links

LINKS = Links(["a-secret-of-sixteen"], "https://news.example.org/digests")
THEMES = {
    "shouting": "{% if reader.name %}{{ reader.name | upper }}{% endif %}, {{ reader.address }}",
    "counting": "{{ reader.address | length }}",
    "polite": "{% if reader.name %}Dear {{ reader.name }}{% else %}Hello{% endif %}",
    "escaping": "<a href='https://x.example/?to={{ reader.address | urlencode }}'>x</a>",
    "choosy": "{% if reader.address[0] == 'a' %}A{% else %}B{% endif %}",
}


@pytest.fixture(scope="module")
def edition() -> Edition:
    return sample_edition("classic")


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return Renderer((packaged_themes(),))


def delivery(edition: Edition, address: str, name: str = "", **choice: tuple[str, ...]) -> Delivery:
    return Delivery(edition.digest, edition.date, 1, "k" * 16, address, name, "pending", **choice)


def whole(renderer: Renderer, edition: Edition, one: Delivery, links: Links | None) -> bytes:
    """The message as it is without any stand-in."""
    reader = Reader(one.address, one.name)
    if links is not None:
        reader = replace(
            reader,
            unsubscribe=links.unsubscribe(one.key, one.digest),
            preferences=links.preferences(one.key, one.digest),
        )
    return build_message(edition, renderer.render(edition, mail=True, reader=reader), reader=reader)


ADDRESSES = (
    "ann@example.org",
    "a@b.example",
    "o'neil+news=x@example.org",
    "first.middle.last.and.more.of.a.name.that.is.long@mail.of.a.long.domain.example",
)


@pytest.mark.parametrize("theme", ["classic", "compact"])
@pytest.mark.parametrize("links", [LINKS, None], ids=["with links", "without"])
def test_a_copy_is_what_rendering_it_for_the_reader_alone_gives(
    renderer: Renderer, theme: str, links: Links | None
) -> None:
    edition = sample_edition(theme)
    copies = Copies(renderer, edition, links)
    for address in ADDRESSES:
        for name in ("", "Ann", "Søren <b>&amp; O'Neil"):
            one = delivery(edition, address, name)
            assert copies.envelope(one).message == whole(renderer, edition, one, links)


@pytest.fixture(params=THEMES)
def odd_theme(request: pytest.FixtureRequest, tmp_path: Path) -> Renderer:
    """A theme that does something with the reader's data besides printing them."""
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in ("digest.html.j2", "digest.txt.j2"):
        text = f"<p>{THEMES[request.param]}</p>" if "html" in name else THEMES[request.param]
        (folder / name).write_text(text, encoding="utf-8")
    return Renderer((tmp_path, packaged_themes()))


def test_a_theme_that_does_more_with_the_reader_than_print_is_rendered_for_each(
    odd_theme: Renderer, edition: Edition
) -> None:
    edition = replace(edition, template="odd")
    copies = Copies(odd_theme, edition, LINKS)
    for address in (*ADDRESSES, "bob+x=y@example.org", "Mixed.Case@example.org"):
        for name in ("", "Ann", "A & B"):
            one = delivery(edition, address, name)
            assert copies.envelope(one).message == whole(odd_theme, edition, one, LINKS)


@pytest.mark.slow
@settings(deadline=None, max_examples=30)
@given(
    st.lists(
        st.from_regex(r"[A-Za-z0-9+_'=&-]{1,20}@[a-z]{1,9}\.example", fullmatch=True),
        min_size=1,
        max_size=4,
    )
)
def test_no_reader_gets_anothers_address_or_link(addresses: list[str]) -> None:
    edition = sample_edition("compact")
    renderer = Renderer((packaged_themes(),))
    copies = Copies(renderer, edition, LINKS)
    keys = [f"key-{number}" for number in range(len(addresses))]
    for key, address in zip(keys, addresses, strict=True):
        message = copies.envelope(replace(delivery(edition, address), key=key)).message
        parsed = message_from_bytes(message, policy=policy.default)
        body = parsed.get_body(("plain",))
        assert body is not None
        text = body.get_content()
        assert LINKS.unsubscribe(key, edition.digest) in text
        assert not any(
            LINKS.unsubscribe(other, edition.digest) in text for other in keys if other != key
        )


def test_a_copy_holds_only_what_the_reader_chose(renderer: Renderer, edition: Edition) -> None:
    topics = tuple(topic.name for topic in edition.topics)
    copies = Copies(renderer, edition, LINKS)
    message = copies.envelope(delivery(edition, "ann@example.org", topics=(topics[1].upper(),)))
    parsed = message_from_bytes(message.message, policy=policy.default)
    body = parsed.get_body(("plain",))
    assert body is not None
    text = " ".join(body.get_content().split())
    assert edition.topics[1].stories[0].headline in text
    assert edition.topics[0].stories[0].headline not in text
    assert edition.topics[1].stories[0].headline[:30] in str(parsed["Subject"])


def test_who_chose_nothing_that_is_there_has_no_copy(renderer: Renderer, edition: Edition) -> None:
    copies = Copies(renderer, edition, LINKS)
    assert copies.holds_any((), ())
    assert not copies.holds_any(("No such topic",), ())


def test_a_message_id_says_who_it_is_for_and_shows_no_address(
    renderer: Renderer, edition: Edition
) -> None:
    copies = Copies(renderer, edition, LINKS)
    first, second = (delivery(edition, address) for address in ADDRESSES[:2])
    assert copies.message_id(first) == copies.envelope(first).message_id
    assert copies.message_id(first) != copies.message_id(second)
    assert "ann" not in copies.message_id(first)
