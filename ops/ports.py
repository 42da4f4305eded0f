"""Ports of this machine: which are free, and choosing some."""

from __future__ import annotations

import random
import socket
from collections import deque
from contextlib import suppress
from ipaddress import IPv4Address, IPv6Address

LOWEST = 20_000
HIGHEST = 31_999
"""Below Linux's ephemeral range, so that no outgoing connection takes a port between choosing and binding."""

_TRIES = 500
_among = range(LOWEST, HIGHEST + 1)
_chosen: deque[int] = deque(maxlen=len(_among) // 4)
"""By this process, lately: whose server is away for a moment, as a killed one is, must find its port again."""


def choose_among(ports: range) -> None:
    """From now on. Processes that choose beside each other, as those of the tests do, have ports of their own."""
    global _among, _chosen
    _among, _chosen = ports, deque(_chosen, maxlen=len(ports) // 4)


def is_free(port: int, host: str = "127.0.0.1") -> bool:
    """Could a server listen on this port now?"""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def free_ports(count: int, preferred: tuple[int, ...] = ()) -> list[int]:
    """`count` different free ports, the preferred ones first. Raises OSError if there are none."""
    chosen = [port for port in dict.fromkeys(preferred) if is_free(port)][:count]
    for _ in range(_TRIES):
        if len(chosen) == count:
            return chosen
        port = random.choice(_among)  # noqa: S311 - spread, not secrecy
        if port not in chosen and port not in _chosen and is_free(port):
            chosen.append(port)
            _chosen.append(port)
    raise OSError(f"no free port found from {_among[0]} to {_among[-1]}")


def accepts(port: int, host: str = "127.0.0.1") -> bool:
    """Does somebody listen?"""
    try:
        with socket.create_connection((host, port), timeout=0.5):
            return True
    except OSError:
        return False


def listen_addresses(host: IPv4Address | IPv6Address | None) -> tuple[str, ...]:
    """The addresses to listen on for a person who wants `host`: this machine's own are always among them."""
    here = ("127.0.0.1", "::1") if _has_ipv6() else ("127.0.0.1",)
    if host is None or str(host) in here:
        return here
    if not host.is_unspecified:
        return (*here, str(host))
    return ("::",) if host.version == IPV6 else ("0.0.0.0", *here[1:])  # noqa: S104 - as told


IPV6 = 6


def _has_ipv6() -> bool:
    with suppress(OSError), socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
        probe.bind(("::1", 0))
        return True
    return False
