"""Client addresses, behind configured proxies or not."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

MAPPED_BITS = 96
"""The prefix of an IPv6 address that carries an IPv4 address (RFC 4291, 2.5.5.2)."""

IPV6_PREFIX_BITS = 64
"""One subscriber has at least this whole network: counting single addresses would count nothing."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def network(text: str) -> Network:
    """A network in CIDR notation, or one address. Raises ValueError with a message."""
    found = ipaddress.ip_network(text)
    if isinstance(found, ipaddress.IPv6Network) and found.prefixlen >= MAPPED_BITS:
        mapped = found.network_address.ipv4_mapped
        return found if mapped is None else ipaddress.IPv4Network((mapped, found.prefixlen - MAPPED_BITS))
    return found


def subscriber_of(address: str) -> str:
    """What limits count: an IPv4 address, or an IPv6 network; what is neither, as it is."""
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(one, ipaddress.IPv4Address):
        return str(one)
    if one.ipv4_mapped is not None:
        return str(one.ipv4_mapped)
    return str(ipaddress.ip_network((one.packed, IPV6_PREFIX_BITS), strict=False))


class Addresses:
    """Finds a client's address: the nearest hop that is not a configured proxy."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted = [network(proxy) for proxy in trusted_proxies]

    def of(self, peer: str, forwarded_for: Sequence[str]) -> str:
        """`peer` is the other end of the socket, `forwarded_for` the `X-Forwarded-For` lines."""
        hops = [hop.strip() for line in forwarded_for for hop in line.split(",") if hop.strip()]
        nearest = _plain(peer)
        while hops and self.trusts(nearest):
            nearest = _plain(hops.pop())
        return nearest

    def trusts(self, address: str) -> bool:
        """Whether this is a configured proxy."""
        try:
            one = ipaddress.ip_address(_plain(address))
        except ValueError:
            return False
        return any(one in trusted for trusted in self._trusted)


def _plain(address: str) -> str:
    """Without the IPv6 form that a dual-stack socket gives IPv4 addresses: one client has one address."""
    if not address.startswith("::"):
        return address
    try:
        mapped = ipaddress.IPv6Address(address).ipv4_mapped
    except ValueError:
        return address
    return address if mapped is None else str(mapped)
