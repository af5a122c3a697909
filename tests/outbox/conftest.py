"""Messages, and ways for them to leave that are closed after the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from digest.outbox.transport import open_transport
from digest.records import Envelope

BODY = b"""From: news@example.org
Date: Mon, 02 Mar 2026 07:00:00 +0000
Subject: A quiet day

Nothing happened.
.
..done
""".replace(b"\n", b"\r\n")


@pytest.fixture
def letter() -> Callable[..., Envelope]:
    """Makes an envelope with a message for a recipient; `number` tells messages apart."""

    def make(
        recipient: str = "ann@example.org", number: int = 1, message: bytes = BODY
    ) -> Envelope:
        message_id = f"<morning.2026-03-02.{number}@example.org>"
        header = f"Message-ID: {message_id}\r\nTo: {recipient}\r\n".encode()
        return Envelope("news@example.org", recipient, message_id, header + message)

    return make


@pytest.fixture
def opened() -> Iterator[Callable[..., Any]]:
    """`open_transport`, with two seconds of patience unless told otherwise."""
    transports = []

    def make(url: str, **options: Any) -> Any:
        transport = open_transport(url, **{"timeout": 2, **options})
        transports.append(transport)
        return transport

    yield make
    for transport in transports:
        transport.close()
