"""The proxy hands on what it is given, and the end of a connection too, however that comes about."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.faults.proxy import Proxy

SOON_S = 60.0
BREAKS_OFF = struct.pack("ii", 1, 0)
"""As a killed process's connections end: by a reset."""


@pytest.fixture
def both_ends(tmp_path: Path) -> Iterator[tuple[socket.socket, socket.socket]]:
    """(the client's, the server's) of one connection through a proxy."""
    with ExitStack() as closing:
        server = closing.enter_context(socket.create_server(("127.0.0.1", 0)))
        proxy = Proxy(tmp_path, server.getsockname()[1])
        proxy.start()
        closing.callback(proxy.close)
        client = closing.enter_context(socket.create_connection(("127.0.0.1", proxy.port), timeout=SOON_S))
        server.settimeout(SOON_S)
        accepted = closing.enter_context(server.accept()[0])
        accepted.settimeout(SOON_S)
        yield client, accepted


def test_it_hands_on_what_is_said_and_an_orderly_end(both_ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = both_ends
    client.sendall(b"hello")
    assert server.recv(5) == b"hello"
    server.sendall(b"you")
    server.shutdown(socket.SHUT_WR)
    assert client.recv(3) == b"you"
    assert client.recv(1) == b""


def test_a_server_that_is_killed_leaves_no_client_waiting(both_ends: tuple[socket.socket, socket.socket]) -> None:
    client, server = both_ends
    server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, BREAKS_OFF)
    server.close()
    assert client.recv(1) == b""
