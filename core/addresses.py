"""Client addresses, behind configured proxies or not."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

MAPPED = "::ffff:"


class Addresses:
    """Finds a client's address: the nearest hop that is not a configured proxy."""

    def __init__(self, trusted_proxies: Sequence[str]) -> None:
        self._trusted = [ipaddress.ip_network(proxy) for proxy in trusted_proxies]

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
        return any(one in network for network in self._trusted)


def _plain(address: str) -> str:
    """Without the IPv6 prefix that a dual-stack socket gives IPv4 addresses (RFC 4291, 2.5.5.2)."""
    return address[len(MAPPED) :] if address.startswith(MAPPED) and "." in address else address
