"""Compressed bodies: what servers really send is read, and nothing unfolds beyond the limit."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable

import brotli
import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.feeds.unpack import PIECE, Body, Damaged, TooLarge

LIMIT = 1024 * 1024


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-15)
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "deflate": zlib.compress,
    "bare deflate": bare_deflate,
    "br": brotli.compress,
    "none": bytes,
}


def unpack(encoding: str, packed: bytes, limit: int = LIMIT, piece: int = PIECE) -> bytes:
    body = Body(encoding, limit)
    for start in range(0, len(packed), piece):
        body.feed(packed[start : start + piece])
    return body.content


@given(
    name=st.sampled_from(sorted(PACKERS)),
    data=st.binary(max_size=300) | st.integers(0, 200_000).map(bytes),
    piece=st.integers(1, 50),
)
def test_what_was_packed_is_unpacked_however_it_comes(name: str, data: bytes, piece: int) -> None:
    assert unpack(name.removeprefix("bare "), PACKERS[name](data), piece=piece) == data


@pytest.mark.parametrize("size", [PIECE - 1, PIECE, PIECE + 1, PIECE + 2, 2 * PIECE + 1])
def test_nothing_stays_inside_when_a_piece_is_full(size: int) -> None:
    assert len(unpack("deflate", bare_deflate(bytes(size)), piece=LIMIT)) == size


@given(
    encoding=st.sampled_from(["gzip", "deflate", "br", "gzip, br", "", "zstd"]),
    data=st.binary(max_size=200),
)
def test_any_bytes_are_read_or_damaged(encoding: str, data: bytes) -> None:
    try:
        content = unpack(encoding, data, limit=1000)
    except (Damaged, TooLarge):
        return
    assert len(content) <= 1000


@pytest.mark.parametrize("name", sorted(PACKERS))
def test_a_body_of_exactly_the_limit_passes_and_one_byte_more_does_not(name: str) -> None:
    encoding, pack = name.removeprefix("bare "), PACKERS[name]
    assert unpack(encoding, pack(bytes(LIMIT))) == bytes(LIMIT)
    with pytest.raises(TooLarge):
        unpack(encoding, pack(bytes(LIMIT + 1)))


def test_what_was_compressed_twice_is_unpacked_in_the_right_order() -> None:
    assert unpack("gzip, br", brotli.compress(gzip.compress(b"hello"))) == b"hello"
    assert unpack("GZIP,x-gzip", gzip.compress(gzip.compress(b"hello"))) == b"hello"


def test_gzip_files_that_were_glued_together_are_one() -> None:
    assert unpack("gzip", gzip.compress(b"one ") + gzip.compress(b"two")) == b"one two"


@pytest.mark.parametrize("tail", [bytes(512), b"<!-- served in 2 ms -->", b"\x1f"])
@pytest.mark.parametrize("name", ["gzip", "deflate"])  # brotli's library can't tell
def test_rubbish_after_the_end_is_left_alone(name: str, tail: bytes) -> None:
    assert unpack(name, PACKERS[name](b"hello") + tail) == b"hello"


@pytest.mark.parametrize("name", ["gzip", "deflate", "br"])
def test_of_a_body_that_breaks_off_the_beginning_is_kept(name: str) -> None:
    text = bytes(range(256)) * 100
    assert text.startswith(unpack(name, PACKERS[name](text)[:-9]))


@pytest.mark.parametrize("encoding", ["", "identity", "utf-8", "none", "aws-chunked"])
def test_words_that_name_no_compression_count_for_nothing(encoding: str) -> None:
    assert unpack(encoding, b"hello") == b"hello"


@pytest.mark.parametrize("name", ["zstd", "compress"])
def test_a_compression_that_nobody_asked_for_is_told(name: str) -> None:
    with pytest.raises(Damaged, match=f"sent a {name} body, which nobody asked for"):
        Body(name, LIMIT)
