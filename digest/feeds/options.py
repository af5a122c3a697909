"""How politely, how long and how much to ask of the web."""

from __future__ import annotations

from dataclasses import dataclass, replace

from digest import __version__


@dataclass(frozen=True, slots=True)
class FetchOptions:
    """How politely and how long to ask. Times in seconds, sizes in bytes.

    `connect` covers name look-up, TCP and TLS; `read` is the longest silence; `total` is for the
    whole of one feed, redirects included, counted from when its turn comes.
    """

    # So many that a few dozen servers which hang leave room for the others, and that a thousand
    # feeds of 0.15 s each are asked in little over a second; a home router keeps 1,000 and more.
    concurrency: int = 128
    # RFC 9112, section 9.4, asks for restraint; two hide one slow answer behind the other.
    per_host: int = 2
    # Three SYNs (1 s and 2 s apart, RFC 6298) and a TLS handshake over a satellite link.
    connect: float = 10.0
    # Feeds that are built on request by small blogs have been seen to take ten seconds.
    read: float = 20.0
    # DIGEST_FETCH_TIMEOUT_SECONDS. The largest feeds seen (20 MB) come in half a minute at
    # 5 Mbit/s; what is slower would hold up the edition.
    total: float = 30.0
    # Counted after decompression. Whole-archive podcast feeds reach 20 MB; parsing 32 MiB takes
    # about a minute.
    max_bytes: int = 32 * 1024 * 1024
    # Chains of four or five occur (http → https → www → feed service); browsers stop at 20.
    max_redirects: int = 10
    # Of all headers of one answer together. Long cookies and policies reach 8 KiB; nobody needs 64.
    max_header_bytes: int = 64 * 1024
    # Pages are mostly below 2 MB; what is larger than this is no article.
    max_page_bytes: int = 8 * 1024 * 1024
    # For all pages of a run; what is left is for the next one. An edition must not wait longer.
    pages_total: float = 300.0
    # For reading one body. 32 MiB take about a minute; a parser that takes longer has lost its way.
    parse: float = 120.0
    # DIGEST_ALLOW_PRIVATE_NETWORKS: whether addresses of this machine and its network, and all
    # ports, may be asked.
    allow_private_networks: bool = False
    user_agent: str = f"digest/{__version__}"

    def shared_by(self, workers: int) -> FetchOptions:
        """What each of so many workers may ask at once, so that all together ask no more."""
        return replace(self, concurrency=-(-self.concurrency // workers))
