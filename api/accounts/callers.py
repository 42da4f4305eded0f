"""From where somebody calls, and by what name, as limits count it."""

from __future__ import annotations

import ipaddress

from falcon.asgi import Request

from core.identity.usernames import number_in, username_key

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


def counted_name(typed: str, region: str | None) -> str:
    """What all spellings of one name share: blanks, case and compatibility forms make no other name.

    It depends on nothing but what was typed, so that a count tells nobody whether the name is known.
    """
    return number_in(typed, region) or username_key(typed)
