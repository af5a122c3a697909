"""Addresses of feeds: what a person means by one, and which two are the same.

Unlike an article's address (`digest.text.urls`), a feed's keeps its query, its user and its
spelling: it is asked again and again, and the server may tell `?partner=rss` from nothing.
"""

from __future__ import annotations

import html
import posixpath
import re
import unicodedata
from html.entities import html5
from urllib.parse import quote, urljoin, urlsplit

MAX_LENGTH = 2000
"""As long as an address of `feeds.yaml` may be."""

_DEFAULT_PORTS = {"http": 80, "https": 443}
# Nothing that can be seen: controls, soft hyphen, zero-width and direction marks, surrogates.
_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff]"
)
_AMPERSAND = re.compile(r"&(?:(?:amp|#0{0,8}38|#x0{0,8}26);)+", re.IGNORECASE)
# Two letters at least: C: is a drive. No dot before the colon: example.org:8080 is a host.
_SCHEME = re.compile(r"([a-z][a-z0-9+-]+):(?!\d+(?:[/?#]|$))", re.IGNORECASE)
# The `feed:` scheme of the 2000s: feed://host/path and feed:https://host/path.
_FEED_SCHEME = re.compile(r"feed:(?://)?(?=https?:)|(feed:)(?=//)", re.IGNORECASE)
_BARE_HOST = re.compile(
    r"(?:(?:[\w-]+\.)+[^\W\d_][\w-]*\.?|localhost|\d{1,3}(?:\.\d{1,3}){3})(?::\d+)?(?=[/?#]|$)"
)
_FILE_NAME = re.compile(
    r"[^/?#]*\.(?:xml|rss|atom|rdf|json|opml|html?|php|ya?ml|txt)", re.IGNORECASE
)
_WRAPPED = re.compile(r"[\"'“”„«<](.*)[\"'“”»>]", re.DOTALL)
_HOST_CHARACTERS = re.compile(r"[^\s<>\"'\\^`{|}%]+")
_PERCENT = re.compile(r"%([0-9a-f]{2})", re.IGNORECASE)
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_ASCII = "".join(map(chr, range(0x21, 0x7F)))


def web_address(text: str, base: str = "") -> str:
    """The http(s) address that `text` means; empty where it means none. Never raises.

    A relative one is resolved against `base`; without a base, `example.org/feed` is https, but
    `feed.xml` is a file. Spaces inside become %20; user, query and a host in any script stay.
    """
    text = _AMPERSAND.sub("&", _INVISIBLE.sub("", text)).strip()
    if wrapped := _WRAPPED.fullmatch(text):
        text = wrapped[1].strip()
    text = _FEED_SCHEME.sub(lambda match: "http:" if match[1] else "", text, 1)
    try:
        if base and not _SCHEME.match(text):
            text = urljoin(base, text) if text else ""
        elif text.startswith("//"):
            text = f"https:{text}"
        elif _BARE_HOST.match(text) and not _FILE_NAME.fullmatch(text):
            text = f"https://{text}"
        text = re.sub(r"\s+", "%20", text)
        parts = urlsplit(text)
        host = parts.hostname or ""
        usable = parts.scheme in _DEFAULT_PORTS and parts.port != 0
    except ValueError:  # a port that is no number, a broken IPv6 address
        return ""
    if not usable or len(text) > MAX_LENGTH or not _HOST_CHARACTERS.fullmatch(host):
        return ""
    return parts.scheme + text[len(parts.scheme) :]


def same_address(url: str) -> str:
    """What is equal for addresses that name the same resource (RFC 3986, section 6.2).

    Equal in spite of: case of scheme, host and percent codes, the default port, a bare host's
    slash, a fragment, percent-encoding that says nothing, a host as punycode. For a path on disk,
    its normal form. No address; for comparing only.
    """
    url = _INVISIBLE.sub("", url).strip()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return url
    host = _host(parts.hostname or "")
    if parts.scheme not in _DEFAULT_PORTS or not host:
        return posixpath.normpath(url) if url else ""
    user = parts.netloc.rpartition("@")[0]
    where = host if port in (None, _DEFAULT_PORTS[parts.scheme]) else f"{host}:{port}"
    query = f"?{_normal(parts.query)}" if parts.query else ""
    path = _normal(parts.path) or "/"
    return f"{parts.scheme}://{user}{'@' if user else ''}{where}{path}{query}"


def with_user(url: str, given: str) -> str:
    """`url` with the user and password of `given`, where it is of the same server.

    That is scheme, host and port; or the same host made secure (http to https, usual ports).
    """
    user = urlsplit(given).netloc.rpartition("@")[0]
    here, there = (
        urlsplit(same_address(without_user(url))),
        urlsplit(same_address(without_user(given))),
    )
    secured = (there.scheme, here.scheme) == ("http", "https") and here.netloc == there.netloc
    if not user or not (secured or (here.scheme, here.netloc) == (there.scheme, there.netloc)):
        return url
    parts = urlsplit(url)
    return parts._replace(netloc=f"{user}@{parts.netloc.rpartition('@')[2]}").geturl()


def without_user(url: str) -> str:
    """`url` without user and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if "@" not in parts.netloc:
        return url
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def unescaped(value: str) -> str:
    """`value` with its character references resolved, but only complete ones.

    `html.unescape` also takes `&copy=1` of an address for a sign.
    """
    return _REFERENCE.sub(_character, value)


_REFERENCE = re.compile(r"&(?:#(?:\d{1,7}|[xX][0-9a-fA-F]{1,6})|[A-Za-z][A-Za-z0-9]{1,31});")


def _character(match: re.Match[str]) -> str:
    if match[0][1] == "#":
        return html.unescape(match[0])
    return html5.get(match[0][1:], match[0])


def _host(host: str) -> str:
    """In Unicode: the way to punycode differs between IDNA 2003 and 2008 (ß), the way back not."""
    labels = unicodedata.normalize("NFKC", host).lower().rstrip(".").split(".")
    return ".".join(_label(label) for label in labels)


def _label(label: str) -> str:
    if not label.startswith("xn--"):
        return label
    try:
        return unicodedata.normalize("NFKC", label[4:].encode("ascii").decode("punycode")).lower()
    except (UnicodeError, ValueError, OverflowError):
        return label


def _normal(part: str) -> str:
    encoded = quote(part, safe=_ASCII)
    return _PERCENT.sub(_plain, encoded)


def _plain(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.fullmatch(character) else match[0].upper()
