"""`POST /api/ws-ticket/`: a single-use way into a WebSocket for pages that can send no headers."""

from __future__ import annotations

from falcon.asgi import Request, Response
from msgspec import Struct

from api.accounts.liveness import Pool
from api.openapi import operation
from core.identity import tickets


class TicketAnswer(Struct, frozen=True):
    ticket: str
    expires_in: int
    """Seconds."""


class Ticket:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("Get a single-use ticket for a WebSocket", answers={200: TicketAnswer})
    async def on_post(self, req: Request, resp: Response) -> None:
        async with self._pool.connection() as connection:
            ticket = await tickets.issue(connection, req.context.principal)
        resp.media = TicketAnswer(ticket, tickets.TICKET_LIFETIME_S)
