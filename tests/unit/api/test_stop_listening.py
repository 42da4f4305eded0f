"""A worker that stops to listen still takes the connections that the kernel has accepted for it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import pytest
import uvloop
from msgspec import Struct

from api.server import gunicorn_worker

CLIENTS = 3


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)
        self._transport.close()


class Listener(Struct):
    """As gunicorn wraps it."""

    sock: socket.socket


async def answered_after_it_stopped() -> list[bytes]:
    loop = asyncio.get_running_loop()
    listening = socket.create_server(("127.0.0.1", 0))
    address = listening.getsockname()
    worker = gunicorn_worker.Worker.__new__(gunicorn_worker.Worker)
    worker.loop, worker.sockets = loop, [Listener(listening)]
    worker.servers = [await loop.create_server(Echo, sock=listening)]
    clients = [socket.create_connection(address) for _ in range(CLIENTS)]  # the loop has not heard of them
    for client in clients:
        client.sendall(b"a request")
        client.setblocking(False)
    await worker._stop_listening()
    try:
        return [await asyncio.wait_for(loop.sock_recv(client, 100), 5) for client in clients]
    finally:
        for client in clients:
            client.close()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address)
        await asyncio.sleep(0)  # what was closed is let go


@pytest.mark.parametrize("new_loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_what_has_connected_is_answered_after_the_socket_is_closed(
    new_loop: Callable[[], asyncio.AbstractEventLoop], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gunicorn_worker, "Connection", lambda _worker: Echo())
    loop = new_loop()
    try:
        assert loop.run_until_complete(answered_after_it_stopped()) == [b"a request"] * CLIENTS
    finally:
        loop.close()
