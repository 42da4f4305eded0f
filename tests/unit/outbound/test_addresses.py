"""Addresses that may be called at somebody's wish: those of the public internet, in whatever form they are written."""

from __future__ import annotations

from ipaddress import ip_address, ip_network

import pytest

from core.outbound.addresses import NOT_CALLED, is_loopback, not_called

PUBLIC = [
    "1.1.1.1",
    "8.8.8.8",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "169.253.255.255",
    "172.15.255.255",
    "172.32.0.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "223.255.255.255",
    "2001:4860:4860::8888",
    "2606:4700:4700::1111",
    "2a00:1450:4001:81b::200e",
    "::ffff:8.8.8.8",
    "64:ff9b::8.8.8.8",
]
REFUSED = {
    "0.0.0.0": "unspecified",  # noqa: S104 - nothing is bound here
    "0.1.2.3": "unspecified",
    "10.0.0.1": "private",
    "10.255.255.255": "private",
    "100.64.0.1": "shared",
    "100.100.100.200": "shared",  # Alibaba's metadata
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "metadata",  # Azure's
    "169.254.169.254": "metadata",
    "169.254.170.2": "metadata",  # of containers on AWS
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "protocols",  # Oracle's metadata
    "192.0.2.1": "documentation",
    "192.88.99.1": "6to4",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarks",
    "198.51.100.1": "documentation",
    "203.0.113.1": "documentation",
    "224.0.0.1": "multicast",
    "239.255.255.255": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "0:0:0:0:0:0:0:1": "loopback",
    "::127.0.0.1": "reserved",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:7f00:1": "loopback",
    "::ffff:10.1.2.3": "private",
    "::ffff:169.254.169.254": "metadata",
    "::ffff:0:127.0.0.1": "reserved",
    "64:ff9b::127.0.0.1": "loopback",
    "64:ff9b::a9fe:a9fe": "metadata",
    "64:ff9b::10.0.0.1": "private",
    "64:ff9b:1::1": "translation",
    "100::1": "reserved",
    "2001::1": "protocols",  # Teredo
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "6to4",
    "2002:808:808::": "6to4",
    "3fff::1": "documentation",
    "4000::1": "reserved",
    "fc00::1": "unique local",
    "fd00:ec2::254": "unique local",  # AWS's metadata
    "fd20:ce::254": "unique local",  # Google's
    "fe80::1": "link-local",
    "febf::1": "link-local",
    "fec0::1": "site-local",
    "ff02::1": "multicast",
    "fe80::1%eth0": "not an IP address",
    "2001:4860:4860::8888%1": "not an IP address",
    "127.1": "not an IP address",
    "0177.0.0.1": "not an IP address",
    "2130706433": "not an IP address",
    "0x7f.0.0.1": "not an IP address",
    "localhost": "not an IP address",
    "": "not an IP address",
}
LOOPBACK = ["127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1"]


@pytest.mark.parametrize("address", PUBLIC)
def test_an_address_of_the_public_internet_may_be_called(address: str) -> None:
    assert not_called(address) is None


@pytest.mark.parametrize("address", REFUSED)
def test_any_other_is_refused_as_what_it_is(address: str) -> None:
    kind = not_called(address)
    assert kind is not None
    assert REFUSED[address] in kind


@pytest.mark.parametrize("address", LOOPBACK)
def test_this_machine_may_be_called_where_that_is_allowed(address: str) -> None:
    assert not_called(address, loopback=True) is None
    assert is_loopback(address)


@pytest.mark.parametrize("address", [one for one, kind in REFUSED.items() if kind != "loopback"])
def test_nothing_else_is_allowed_with_it(address: str) -> None:
    assert not_called(address, loopback=True) is not None
    assert not is_loopback(address)


def test_every_network_is_tried() -> None:
    networks = [ip_network(network) for network in NOT_CALLED]
    tried = [ip_address(one) for one, kind in REFUSED.items() if kind != "not an IP address"]
    assert [network for network in networks if not any(one in network for one in tried)] == []
