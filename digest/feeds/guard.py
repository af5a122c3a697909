"""Which addresses and ports of the net may be connected to. Pure: nothing is looked up here.

A service that fetches what strangers typed in must not become a way into the network that it
stands in (server-side request forgery). What is refused is written out as a table: the properties
of `ipaddress` (`is_private`, `is_global`) differ between Python's patch versions, and know neither
the clouds' own addresses nor what is wrapped into an IPv6 address.
"""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

Address = IPv4Address | IPv6Address

WAY_OUT = "DIGEST_ALLOW_PRIVATE_NETWORKS=true allows it"
"""Named in every refusal: who reads feeds of the own network shall not have to search."""

# IANA's registry of special-purpose IPv4 addresses (RFC 6890), first match counts.
_IPV4 = tuple(
    (IPv4Network(network), kind)
    for network, kind in (
        ("169.254.169.254/32", "the metadata service of a cloud"),
        ("100.100.100.200/32", "the metadata service of a cloud"),  # Alibaba
        ("168.63.129.16/32", "the metadata service of a cloud"),  # Azure; formally a global address
        ("192.0.0.192/32", "the metadata service of a cloud"),  # Oracle
        ("0.0.0.0/8", "an unspecified address"),
        ("127.0.0.0/8", "a loopback address of this machine"),
        ("10.0.0.0/8", "a private address"),
        ("172.16.0.0/12", "a private address"),
        ("192.168.0.0/16", "a private address"),
        ("100.64.0.0/10", "a shared address of a provider's inner network"),  # RFC 6598
        ("169.254.0.0/16", "a link-local address"),
        ("192.0.0.0/24", "a reserved address"),  # IETF protocol assignments
        ("192.0.2.0/24", "an address for documentation only"),
        ("198.51.100.0/24", "an address for documentation only"),
        ("203.0.113.0/24", "an address for documentation only"),
        ("192.88.99.0/24", "a reserved address"),  # 6to4 relays, withdrawn (RFC 7526)
        ("198.18.0.0/15", "an address for benchmarks only"),
        ("224.0.0.0/4", "a multicast address"),
        ("240.0.0.0/4", "a reserved address"),  # with 255.255.255.255, broadcast
    )
)
# The same for IPv6, within and without 2000::/3, the only part that is given out (RFC 4291).
_IPV6 = tuple(
    (IPv6Network(network), kind)
    for network, kind in (
        ("fd00:ec2::254/128", "the metadata service of a cloud"),  # AWS
        ("fd20:ce::254/128", "the metadata service of a cloud"),  # Google
        ("fd00:42::42/128", "the metadata service of a cloud"),  # Scaleway
        ("fd00:c1::a9fe:a9fe/128", "the metadata service of a cloud"),  # Oracle
        ("::1/128", "a loopback address of this machine"),
        ("::/128", "an unspecified address"),
        ("fc00::/7", "a private address"),
        ("fe80::/10", "a link-local address"),
        ("fec0::/10", "a site-local address"),
        ("ff00::/8", "a multicast address"),
        ("64:ff9b:1::/48", "an address of a local translation to IPv4"),  # RFC 8215
        ("2001:db8::/32", "an address for documentation only"),
        ("3fff::/20", "an address for documentation only"),  # RFC 9637
        ("2001::/32", "an address of a Teredo tunnel"),  # whatever is inside: nobody serves there
        ("2001::/23", "a reserved address"),  # IETF protocol assignments: ORCHID, benchmarks
    )
)
_GIVEN_OUT = IPv6Network("2000::/3")
# Where an IPv4 address is inside an IPv6 one, and by how many bits it stands above the end. What is
# sent there goes to the IPv4 address, through the system itself or a gateway.
_WRAPPED = (
    (IPv6Network("::ffff:0:0/96"), 0),  # IPv4-mapped
    (IPv6Network("64:ff9b::/96"), 0),  # NAT64, how IPv6-only networks see the rest (RFC 6052)
    (IPv6Network("2002::/16"), 80),  # 6to4
)
_USUAL_PORTS = (80, 443)
_NUMBER = re.compile(r"0x[0-9a-f]*|[0-9]+", re.IGNORECASE)


def refusal(address: Address) -> str:
    """Why `address` may not be connected to, in words for an editor; empty if it may be."""
    kind = _kind(address)
    return f"{address} is {kind} ({WAY_OUT})" if kind else ""


def port_refusal(host: str, port: int, named: tuple[str, int] | None) -> str:
    """Why `port` of `host` may not be connected to; empty if it may be.

    80 and 443 always may. Another port only where the user wrote exactly that host and port in an
    address of his own (`named`): a page or a redirect must not be a way to knock at other services.
    """
    if port in _USUAL_PORTS or (host, port) == named:
        return ""
    return f"port {port} of {host} is neither 80 nor 443 ({WAY_OUT})"


def ipv4(host: str) -> IPv4Address:
    """The address that the numbers of `host` spell; raises ValueError where they spell none.

    As inet_aton(3) and browsers read them: `127.1`, `0x7f000001`, `017700000001` and `2130706433`
    are all 127.0.0.1.
    """
    try:
        return IPv4Address(socket.inet_aton(host.rstrip(".")))
    except OSError as error:
        raise ValueError(f"{host} is not an address") from error


def looks_numeric(host: str) -> bool:
    """Whether the last label of `host` is a number: then it can't be a name (URL standard, 3.5)."""
    return bool(_NUMBER.fullmatch(host.rstrip(".").rpartition(".")[2]))


def _kind(address: Address) -> str:
    if isinstance(address, IPv4Address):
        return next((kind for network, kind in _IPV4 if address in network), "")
    for wrapped, above in _WRAPPED:
        if address in wrapped:
            inner = _kind(IPv4Address(int(address) >> above & 0xFFFFFFFF))
            return inner and f"{inner} inside an IPv6 address"
    special = next((kind for network, kind in _IPV6 if address in network), "")
    return special or ("" if address in _GIVEN_OUT else "a reserved address")
