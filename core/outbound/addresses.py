"""Which IP addresses may be called at the wish of somebody who names a URL: those of the public internet alone.

The kinds are IANA's registries of special-purpose addresses (RFC 6890), and what clouds answer their machines' own
metadata on. An IPv6 address that carries an IPv4 address is judged by that one.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

LOOPBACK = "loopback"
NOT_CALLED: Mapping[str, str] = {
    # IPv4
    "0.0.0.0/8": "unspecified",
    "10.0.0.0/8": "private",
    "100.64.0.0/10": "shared by a provider's customers (RFC 6598)",
    "127.0.0.0/8": LOOPBACK,
    "168.63.129.16/32": "a cloud's metadata",
    "169.254.0.0/16": "link-local, where clouds serve metadata",
    "172.16.0.0/12": "private",
    "192.0.0.0/24": "reserved for protocols",
    "192.0.2.0/24": "for documentation",
    "192.88.99.0/24": "a 6to4 relay",
    "192.168.0.0/16": "private",
    "198.18.0.0/15": "for benchmarks",
    "198.51.100.0/24": "for documentation",
    "203.0.113.0/24": "for documentation",
    "224.0.0.0/4": "multicast",
    "240.0.0.0/4": "reserved",
    # IPv6
    "::/128": "unspecified",
    "::1/128": LOOPBACK,
    "64:ff9b:1::/48": "a translation to private addresses (RFC 8215)",
    "2001::/23": "reserved for protocols",
    "2001:db8::/32": "for documentation",
    "2002::/16": "6to4 (RFC 7526)",
    "3fff::/20": "for documentation",
    "fc00::/7": "unique local",
    "fe80::/10": "link-local",
    "fec0::/10": "site-local",
    "ff00::/8": "multicast",
}
"""By network: what its addresses are."""
GLOBAL_UNICAST = IPv6Network("2000::/3")
"""All that IANA gives out of IPv6; what lies outside is called by nobody."""
TRANSLATED = IPv6Network("64:ff9b::/96")
"""NAT64: what a network without IPv4 makes of every IPv4 address (RFC 6052)."""

_KINDS: list[tuple[Network, str]] = [(ip_network(network), kind) for network, kind in NOT_CALLED.items()]


def not_called(text: str, *, loopback: bool = False) -> str | None:
    """What an address is, if it may not be called; None if it may. `loopback` lets this machine's own be called."""
    address = _parsed(text)
    if address is None:
        return "not an IP address"
    kind = _kind(address)
    return None if kind == LOOPBACK and loopback else kind


def is_loopback(text: str) -> bool:
    """Whether this is an address, and this machine's own."""
    address = _parsed(text)
    return address is not None and _kind(address) == LOOPBACK


def _kind(address: Address) -> str | None:
    plain = _carried(address) or address
    for network, kind in _KINDS:
        if plain in network:
            return kind
    return "reserved" if isinstance(plain, IPv6Address) and plain not in GLOBAL_UNICAST else None


def _carried(address: Address) -> IPv4Address | None:
    """The IPv4 address that a packet to this IPv6 address reaches."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in TRANSLATED else None


def _parsed(text: str) -> Address | None:
    """None for what is no address, and for one that names an interface of this machine (`fe80::1%eth0`)."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return None if isinstance(address, IPv6Address) and address.scope_id is not None else address
