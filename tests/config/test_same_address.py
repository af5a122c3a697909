"""Two feeds with one address are one mistake, however the address is written."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from digest.config import load_config
from digest.errors import ConfigError

CONFIG = "digests:\n  - name: m\nfeeds:\n  - {{name: a, url: '{}'}}\n\n  - {{name: b, url: '{}'}}\n"

SAME = {
    "letter for letter": ("https://a.example/x", "https://a.example/x"),
    "a bare host's slash": ("https://a.example", "https://a.example/"),
    "case of scheme and host": ("HTTPS://A.Example/x", "https://a.example/x"),
    "the default port": ("http://a.example:80/x", "http://a.example/x"),
    "a fragment": ("https://a.example/x#top", "https://a.example/x"),
    "a host in its own script": ("https://bücher.example/", "https://xn--bcher-kva.example/"),
    "case of percent codes": ("https://a.example/%c3%a9", "https://a.example/%C3%A9"),
    "a needless percent code": ("https://a.example/%7Eme", "https://a.example/~me"),
    "a path with a detour": ("feeds/a.xml", "./feeds/../feeds/a.xml"),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME.keys())
def test_the_same_address_is_named_with_both_lines(
    write: Callable[[str], Path], one: str, other: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(write(CONFIG.format(one, other)))
    assert str(caught.value) == (
        f"feeds.yaml:6: feeds[1].url: {other!r} is already the url of the feed on line 4"
    )


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.example/x", "https://a.example/x/"),
        ("https://a.example/x", "https://a.example/X"),
        ("https://a.example/?a=1", "https://a.example/?a=2"),
        ("https://a.example:8443/", "https://a.example/"),
        ("https://fußball.example/", "https://fussball.example/"),
    ],
)
def test_addresses_that_may_differ_are_two_feeds(
    write: Callable[[str], Path], one: str, other: str
) -> None:
    assert len(load_config(write(CONFIG.format(one, other))).feeds) == 2
