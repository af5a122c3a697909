"""Which addresses and ports may be connected to, as a table."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from digest.feeds import guard

REFUSED = {
    # the first and the last of each network, and what stands for itself
    "0.0.0.0": "an unspecified address",
    "0.255.255.255": "an unspecified address",
    "10.0.0.0": "a private address",
    "10.255.255.255": "a private address",
    "100.64.0.0": "a shared address of a provider's inner network",
    "100.127.255.255": "a shared address of a provider's inner network",
    "100.100.100.200": "the metadata service of a cloud",
    "127.0.0.0": "a loopback address of this machine",
    "127.0.0.1": "a loopback address of this machine",
    "127.255.255.255": "a loopback address of this machine",
    "168.63.129.16": "the metadata service of a cloud",
    "169.254.0.0": "a link-local address",
    "169.254.169.254": "the metadata service of a cloud",
    "169.254.255.255": "a link-local address",
    "172.16.0.0": "a private address",
    "172.31.255.255": "a private address",
    "192.0.0.0": "a reserved address",
    "192.0.0.192": "the metadata service of a cloud",
    "192.0.0.255": "a reserved address",
    "192.0.2.0": "an address for documentation only",
    "192.0.2.255": "an address for documentation only",
    "192.88.99.1": "a reserved address",
    "192.168.0.0": "a private address",
    "192.168.255.255": "a private address",
    "198.18.0.0": "an address for benchmarks only",
    "198.19.255.255": "an address for benchmarks only",
    "198.51.100.1": "an address for documentation only",
    "203.0.113.1": "an address for documentation only",
    "224.0.0.0": "a multicast address",
    "239.255.255.255": "a multicast address",
    "240.0.0.0": "a reserved address",
    "255.255.255.255": "a reserved address",
    "::": "an unspecified address",
    "::1": "a loopback address of this machine",
    "::2": "a reserved address",
    "::7f00:1": "a reserved address",
    "::808:808": "a reserved address",
    "::ffff:127.0.0.1": "a loopback address of this machine inside an IPv6 address",
    "::ffff:10.0.0.1": "a private address inside an IPv6 address",
    "::ffff:169.254.169.254": "the metadata service of a cloud inside an IPv6 address",
    "::ffff:0:127.0.0.1": "a reserved address",
    "64:ff9b::10.0.0.1": "a private address inside an IPv6 address",
    "64:ff9b::a9fe:a9fe": "the metadata service of a cloud inside an IPv6 address",
    "64:ff9b:1::1": "an address of a local translation to IPv4",
    "100::1": "a reserved address",
    "1fff:ffff::1": "a reserved address",
    "2001::1": "an address of a Teredo tunnel",
    "2001:0:808:808::1": "an address of a Teredo tunnel",
    "2001:2::1": "a reserved address",
    "2001:20::1": "a reserved address",
    "2001:1ff:ffff::1": "a reserved address",
    "2001:db8::1": "an address for documentation only",
    "2002:7f00:1::1": "a loopback address of this machine inside an IPv6 address",
    "2002:c0a8:101::": "a private address inside an IPv6 address",
    "3fff:fff::1": "an address for documentation only",
    "4000::1": "a reserved address",
    "5f00::1": "a reserved address",
    "fc00::1": "a private address",
    "fd00:42::42": "the metadata service of a cloud",
    "fd00:c1::a9fe:a9fe": "the metadata service of a cloud",
    "fd00:ec2::254": "the metadata service of a cloud",
    "fd20:ce::254": "the metadata service of a cloud",
    "fdff:ffff::1": "a private address",
    "fe80::1": "a link-local address",
    "fe80::1%eth0": "a link-local address",
    "febf::1": "a link-local address",
    "fec0::1": "a site-local address",
    "ff02::1": "a multicast address",
    "ff0e::1": "a multicast address",
    "::1%1": "a loopback address of this machine",
}
ALLOWED = (
    # beside each network, and what is at home on the net
    "1.0.0.0 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 "
    "168.63.129.15 168.63.129.17 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 "
    "191.255.255.255 192.0.1.0 192.0.3.0 192.88.98.255 192.88.100.0 192.167.255.255 192.169.0.0 "
    "198.17.255.255 198.20.0.0 198.51.99.255 203.0.112.255 203.0.114.0 223.255.255.255 "
    "::ffff:8.8.8.8 64:ff9b::8.8.8.8 2001:200::1 2001:4860:4860::8888 2001:db7::1 2001:db9::1 "
    "2002:808:808::1 2003::1 2606:4700::1111 2a00:1450::1 3ffe::1 3fff:1000::1"
).split()


@pytest.mark.parametrize("address", REFUSED)
def test_it_is_refused_as_what_it_is(address: str) -> None:
    given = ip_address(address)
    expected = f"{given} is {REFUSED[address]} (DIGEST_ALLOW_PRIVATE_NETWORKS=true allows it)"
    assert guard.refusal(given) == expected


@pytest.mark.parametrize("address", ALLOWED)
def test_the_public_net_is_allowed(address: str) -> None:
    assert guard.refusal(ip_address(address)) == ""


@pytest.mark.parametrize("table", ["_IPV4", "_IPV6", "_WRAPPED"])
def test_no_line_of_the_tables_can_go_unnoticed(
    monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    lines = getattr(guard, table)
    before = [guard.refusal(ip_address(each)) for each in (*REFUSED, *ALLOWED)]
    for line in lines:
        monkeypatch.setattr(guard, table, tuple(other for other in lines if other is not line))
        after = [guard.refusal(ip_address(each)) for each in (*REFUSED, *ALLOWED)]
        assert after != before, line


@given(st.ip_addresses(v=4))
def test_wrapped_addresses_are_judged_by_what_is_inside(address: IPv4Address) -> None:
    refused = bool(guard.refusal(address))
    number = int(address)
    for wrapped in (
        (0xFFFF << 32) + number,
        (0x64FF9B << 96) + number,
        (0x2002 << 112) + (number << 80),
    ):
        assert bool(guard.refusal(IPv6Address(wrapped))) == refused


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_allowed(address: IPv4Address | IPv6Address) -> None:
    """Its properties alone don't do, but none of them may say more than the tables."""
    special = (
        address.is_loopback
        or address.is_link_local
        or address.is_multicast
        or address.is_unspecified
        or (isinstance(address, IPv6Address) and address.is_site_local)
    )
    if special:
        assert guard.refusal(address)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7F000001", "127.0.0.1"),
        ("0x7f.0.0.1", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("10.257", "10.0.1.1"),
        ("0", "0.0.0.0"),
    ],
)
def test_numbers_are_read_as_the_system_reads_them(host: str, address: str) -> None:
    assert guard.looks_numeric(host)
    assert guard.ipv4(host) == IPv4Address(address)


@pytest.mark.parametrize(
    "host", ["256.256.256.256", "4294967296", "1.2.3.4.5", "0x", "good.example.1"]
)
def test_numbers_that_spell_no_address_are_no_host(host: str) -> None:
    assert guard.looks_numeric(host)
    with pytest.raises(ValueError, match="is not an address"):
        guard.ipv4(host)


@pytest.mark.parametrize(
    "host", ["example.org", "1.example", "a1", "0x7f.example", "1e3", "::1", "x.0xyz"]
)
def test_names_are_no_numbers(host: str) -> None:
    assert not guard.looks_numeric(host)


def test_the_ports_of_the_web_are_allowed_and_the_one_that_was_named() -> None:
    named = ("nas.example", 8080)
    assert not guard.port_refusal("nas.example", 80, None)
    assert not guard.port_refusal("nas.example", 443, None)
    assert not guard.port_refusal("nas.example", 8080, named)
    for host, port, user in (
        ("nas.example", 8080, None),
        ("nas.example", 8081, named),
        ("other.example", 8080, named),
        ("nas.example", 0, named),
    ):
        assert guard.port_refusal(host, port, user) == (
            f"port {port} of {host} is neither 80 nor 443 "
            "(DIGEST_ALLOW_PRIVATE_NETWORKS=true allows it)"
        )
