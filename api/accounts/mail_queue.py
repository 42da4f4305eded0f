"""Sends mails after the answer, so that an answer takes no longer where there is an account."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from core.ended_tasks import end
from core.mail import Mail, Mailer
from core.metrics.definitions import MAILS, MAILS_WAITING
from core.metrics.meter import Meter

log = structlog.get_logger()

WAITING_MAX = 500
ATTEMPTS = 3
PAUSE_S = 5.0

Writing = Callable[[], Awaitable[Mail | None]]


class MailQueue:
    """Writes and sends one mail after the other. What waits at a stop is lost: people ask again."""

    def __init__(self, mailer: Mailer, meter: Meter | None = None) -> None:
        meter = meter or Meter()
        mails = meter.counter(MAILS)
        self._sent, self._failed, self._dropped = (mails.labels(one) for one in ("sent", "failed", "dropped"))
        self._depth = meter.gauge(MAILS_WAITING)
        self._mailer = mailer
        self._waiting: asyncio.Queue[Writing] = asyncio.Queue(WAITING_MAX)
        self._sending: asyncio.Task[None] | None = None

    def put(self, writing: Writing) -> bool:
        """`writing` is called later and says what to send, if anything. False if too much waits."""
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all(), name="outbox")
        try:
            self._waiting.put_nowait(writing)
        except asyncio.QueueFull:
            self._dropped.inc()
            return False
        self._depth.set(self._waiting.qsize())
        return True

    async def close(self) -> None:
        await end(self._sending)

    async def _send_all(self) -> None:
        while True:
            writing = await self._waiting.get()
            self._depth.set(self._waiting.qsize())
            try:
                mail = await writing()
                if mail is not None:
                    await self._send(mail)
                    self._sent.inc()
            except Exception:  # a bug in one mail must not end the task that sends the others
                self._failed.inc()
                log.exception("mail not sent")

    async def _send(self, mail: Mail) -> None:
        for attempt in range(1, ATTEMPTS):
            try:
                await asyncio.to_thread(self._mailer.send, mail)
            except OSError:
                await asyncio.sleep(PAUSE_S * attempt)
            else:
                return
        await asyncio.to_thread(self._mailer.send, mail)
