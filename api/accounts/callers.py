"""From where somebody calls, as limits count it."""

from __future__ import annotations

import ipaddress

from falcon.asgi import Request

IPV6_PREFIX_BITS = 64
"""One subscriber has at least this whole network: counting single addresses would count nothing."""


def caller(req: Request) -> str:
    """The client's IPv4 address, or its IPv6 network; what is neither, as it is."""
    return network(req.context.address)


def network(address: str) -> str:
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(one, ipaddress.IPv4Address):
        return str(one)
    if one.ipv4_mapped is not None:
        return str(one.ipv4_mapped)
    return str(ipaddress.ip_network((one.packed, IPV6_PREFIX_BITS), strict=False))
