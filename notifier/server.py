"""The notifier, put together: one source, one hub, many sockets. Holds no state that matters."""

from __future__ import annotations

import asyncio
import time

import structlog
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from core.ended_tasks import end
from core.metrics.meter import Meter
from core.settings import Settings
from core.store.connections.database import API_LIMITS
from core.store.connections.pool import Pool
from core.wakeup.feed_hints import FeedHints
from core.wire import close_codes
from notifier import health
from notifier.authentication import Authentication
from notifier.client_connection import ClientConnection, EndedError, Shared
from notifier.credential_watch import CredentialWatch
from notifier.feed_reader import prepare
from notifier.handshake import HandshakeGate
from notifier.hub import Hub
from notifier.limits import Limits
from notifier.socket_metrics import SocketMetrics
from notifier.sockets import Socket
from notifier.source import Source

log = structlog.get_logger()

POOL_MAX = 6
POOL_WAIT_S = 5.0
BACKLOG = 1_024
"""Handshakes that wait for the loop, when all clients come back at once."""


class Notifier:
    def __init__(self, settings: Settings, limits: Limits, meter: Meter | None = None) -> None:
        self.hub = Hub()
        self._metrics = SocketMetrics(meter or Meter())
        self._settings = settings
        self._limits = limits
        self._pool = Pool(
            settings.database_url,
            API_LIMITS,
            "holdfast notifier",
            min_size=1,
            max_size=POOL_MAX,
            timeout_s=POOL_WAIT_S,
            configure=prepare,
        )
        self._authentication = Authentication(settings, self._pool)
        self._shared = Shared(self.hub, self._pool, self._authentication, limits)
        self._clients: set[ClientConnection] = set()
        self._metrics.follow(lambda: self.hub.delivered, self._pool.get_stats)

    async def run(self, stop: asyncio.Event) -> None:
        """Serve until `stop` is set; then close every connection, to be resumed elsewhere, and return."""
        source = Source(self._settings.database_url, self.hub, self._limits)
        hints = FeedHints(self._settings.redis_url, self._settings.redis_keys, source.hint)
        identities = CredentialWatch(self._pool, lambda: tuple(self._clients), self._limits.identities_s)
        async with self._pool, asyncio.TaskGroup() as tasks:
            background = [tasks.create_task(part.run()) for part in (source, hints, identities)]
            try:
                async with await self._listen() as server:
                    health.answer(self._settings, asyncio.get_running_loop())
                    log.info("notifier listens", host=self._settings.notifier_host, port=self._settings.notifier_port)
                    await stop.wait()
                    log.info("notifier stops", sockets=len(self._clients))
                    server.close(code=close_codes.RESTARTING.code, reason=close_codes.RESTARTING.reason)
            finally:  # also when one of them failed: the group cancels the others only once
                await end(*background)

    async def _listen(self) -> Server:
        return await serve(
            self._visit,
            self._settings.notifier_host,
            self._settings.notifier_port,
            process_request=HandshakeGate(
                self._settings, self.hub, self._limits, self._authentication, self._metrics.refused
            ),
            create_connection=Socket,
            compression=None,  # 64 KiB a connection with it, 14 without (the library's measurement)
            max_size=self._limits.frame_bytes,
            ping_interval=self._limits.ping_s,
            ping_timeout=self._limits.ping_s,
            close_timeout=self._limits.close_s,
            server_header=None,
            backlog=BACKLOG,
        )

    async def _visit(self, socket: ServerConnection) -> None:
        assert isinstance(socket, Socket)  # noqa: S101 - made by our factory
        assert socket.visit is not None  # noqa: S101 - set by the handshake
        client = ClientConnection(socket, socket.visit, self._shared)
        self._clients.add(client)
        feed = socket.visit.feed.words.path
        self._metrics.opened(feed)
        started = time.monotonic()
        log.info("socket opened", address=socket.visit.address, user_id=client.principal.user_id)
        try:
            await self._serve(client)
        finally:
            self._clients.discard(client)
            self.hub.leave(client.subscriber)
            self._metrics.closed(feed, socket.close_code)
            log.info("socket closed", close_code=socket.close_code, seconds=round(time.monotonic() - started, 3))

    async def _serve(self, client: ClientConnection) -> None:
        """Read and write; the one that ends first ends the other."""
        try:
            async with asyncio.TaskGroup() as both:
                both.create_task(client.write())
                await client.run()
        except* (ConnectionClosed, EndedError):
            pass
