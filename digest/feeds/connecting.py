"""What aiohttp connects to: addresses that `guard` lets pass, and nothing else.

The check stands where a socket is made for the very address that it will be connected to, so that
what was checked and what is connected to cannot differ: whatever name, number, redirect or changed
answer of a name server (DNS rebinding) led there.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from ipaddress import ip_address

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from digest.feeds import guard
from digest.feeds.options import FetchOptions
from digest.feeds.reasons import Blocked

Lookup = Callable[[str], Iterable[str]]
"""The addresses of a host, best first. May block; raises OSError where there are none."""


def system_lookup(host: str) -> Iterable[str]:
    """What the operating system knows; in its order, which prefers what it can reach (RFC 6724)."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
    return dict.fromkeys(str(info[4][0]) for info in found)


class CheckedResolver(AbstractResolver):
    """Names to addresses, in threads of its own: of the loop's six, six dead names take all.

    Leaves out what may not be connected to, so that a host with a public address is reached by
    that, and one with none is told as what it is.
    """

    def __init__(self, options: FetchOptions, lookup: Lookup) -> None:
        self._allow_private = options.allow_private_networks
        self._lookup = lookup
        self._threads = ThreadPoolExecutor(options.concurrency, thread_name_prefix="lookup")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, self._addresses, host)
        refusals = [
            "" if self._allow_private else guard.refusal(ip_address(each)) for each in found
        ]
        if found and all(refusals):
            raise Blocked(refusals[0])
        return [
            ResolveResult(hostname=host, host=address, port=port, family=family, proto=0, flags=0)
            for address, why in zip(found, refusals, strict=True)
            if not why
        ]

    async def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _addresses(self, host: str) -> list[str]:
        try:
            return list(self._lookup(host))
        except UnicodeError as error:  # what IDNA refuses: an empty label, one of over 63 letters
            raise OSError(str(error)) from error


def checked_socket(options: FetchOptions, info: aiohttp.AddrInfoType) -> socket.socket:
    """A socket for `info`, which is what it will be connected to: whatever name, redirect, number
    or changed answer led there, it is checked here."""
    family, kind, protocol, _, address = info
    why = "" if options.allow_private_networks else guard.refusal(ip_address(address[0]))
    if why:
        raise Blocked(why)
    return socket.socket(family, kind, protocol)
