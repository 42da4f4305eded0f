"""Writes what waits for a client, one message after another, at the client's pace."""

from __future__ import annotations

import asyncio

from notifier import messages
from notifier.hub import Hub
from notifier.limits import Limits
from notifier.session import EndedError, Session
from notifier.sockets import Socket


async def write(socket: Socket, session: Session, hub: Hub, limits: Limits) -> None:
    """Until the socket is closed: raises `EndedError` or `ConnectionClosed`."""
    subscriber = session.subscriber
    while True:
        session.drained.set()
        if not await _within(session.ready, limits.heartbeat_s):
            position = hub.position_of(subscriber)
            if position is not None:
                subscriber.put(messages.heartbeat(position))
        session.ready.clear()
        while (payload := subscriber.take()) is not None:
            await socket.send(payload, text=True)
        if subscriber.closing is not None:
            await socket.close(subscriber.closing.code, subscriber.closing.reason)
            raise EndedError


async def _within(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            return await event.wait()
    except TimeoutError:
        return False
