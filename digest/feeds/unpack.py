"""Compressed bodies, unfolded piece by piece and never beyond a limit (gzip, deflate, brotli).

aiohttp could do this, too; but it counts neither what it reads of a stream that unfolds to nothing,
nor unfolds what was compressed twice.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

PIECE = 64 * 1024
"""The most that is unfolded at once, in bytes: what a bomb can do beyond the limit."""

# Some servers compress twice by mistake (once the program, once the proxy before it). More is play.
_MAX_CODINGS = 2
# gzip files may be glued together; each part costs a new window. Real ones have one.
_MAX_MEMBERS = 1000
_ALIASES = {"x-gzip": "gzip"}
_GZIP_MAGIC = b"\x1f\x8b"


class Damaged(Exception):
    """The bytes are not what they were said to be; the text is a reason in plain words."""


class TooLarge(Exception):
    """More than the limit came, on the wire or out of the folding."""


class Coding(Protocol):
    """One compression: compressed bytes in, pieces of at most PIECE bytes out."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...


class Body:
    """Gathers a body of at most `limit` bytes, counted before, between and after decompression.

    `encoding` is the Content-Encoding header as it came. `feed` raises Damaged and TooLarge;
    `content` may be read at any time.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self._codings = [coding() for coding in reversed(_codings(encoding))]
        self._sizes = [0] * (len(self._codings) + 1)
        self._limit = limit
        self._pieces: list[bytes] = []

    def feed(self, data: bytes) -> None:
        self._pass_on(data, 0)

    @property
    def content(self) -> bytes:
        return b"".join(self._pieces)

    def _pass_on(self, data: bytes, stage: int) -> None:
        self._sizes[stage] += len(data)
        if stage == len(self._codings):
            self._pieces.append(data)
        if self._sizes[stage] > self._limit:
            raise TooLarge
        if stage < len(self._codings):
            for piece in self._codings[stage].feed(data):
                self._pass_on(piece, stage + 1)


def _codings(encoding: str) -> list[Callable[[], Coding]]:
    """What was done to the body, in that order. Words that name no compression count for nothing:
    servers write charsets and `none` there."""
    names = [name.strip().lower() for name in encoding.split(",")]
    names = [_ALIASES.get(name, name) for name in names]
    if unknown := next((name for name in names if name in ("zstd", "compress", "dcb", "dcz")), ""):
        raise Damaged(f"the server sent a {unknown} body, which nobody asked for")
    known = [_KNOWN[name] for name in names if name in _KNOWN]
    if len(known) > _MAX_CODINGS:
        raise Damaged(f"the server compressed the body {len(known)} times")
    return known


class _Zlib:
    """gzip (RFC 1952), and deflate with the zlib wrapper (RFC 1950) or, as often, without it."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._members = 0
        self._stream: zlib._Decompress | None = None

    def feed(self, data: bytes) -> Iterator[bytes]:
        more_inside = False
        while data or more_inside:
            stream = self._stream or self._begin(data)
            if stream is None:
                return
            try:
                piece = stream.decompress(data, PIECE)
            except zlib.error as error:
                raise Damaged(f"the server sent a damaged {self._name} body") from error
            if piece:
                yield piece
            more_inside = len(piece) == PIECE  # even where all was read
            data = stream.unconsumed_tail
            if stream.eof:
                data, more_inside, self._stream = stream.unused_data, False, None

    def _begin(self, data: bytes) -> zlib._Decompress | None:
        """The stream that begins with `data`; None after the end, where rubbish is common."""
        gzip = self._name == "gzip"
        if self._members and not (gzip and data.startswith(_GZIP_MAGIC[: len(data)])):
            return None
        self._members += 1
        if self._members > _MAX_MEMBERS:
            raise Damaged(f"the server sent a {self._name} body of over {_MAX_MEMBERS} parts")
        if gzip:
            bits = 16 + zlib.MAX_WBITS
        else:  # the zlib wrapper begins with its method, 8
            bits = zlib.MAX_WBITS if data[0] & 0x0F == 8 else -zlib.MAX_WBITS
        self._stream = zlib.decompressobj(bits)
        return self._stream


class _Brotli:
    """Brotli (RFC 7932)."""

    def __init__(self) -> None:
        import brotli  # type: ignore[import-untyped]  # most servers send gzip

        self._stream = brotli.Decompressor()
        self._error = brotli.error

    def feed(self, data: bytes) -> Iterator[bytes]:
        while not self._stream.is_finished():
            try:
                piece = self._stream.process(data, output_buffer_limit=PIECE)
            except self._error as error:
                raise Damaged("the server sent a damaged br body") from error
            if piece:
                yield piece
            elif self._stream.can_accept_more_data():
                return
            data = b""


_KNOWN: dict[str, Callable[[], Coding]] = {
    "gzip": lambda: _Zlib("gzip"),
    "deflate": lambda: _Zlib("deflate"),
    "br": _Brotli,
}
