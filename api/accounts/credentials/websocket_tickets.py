"""`POST /api/ws-ticket/`: a single-use way into a WebSocket for pages that can send no headers."""

from __future__ import annotations

from falcon.asgi import Request, Response
from msgspec import Struct

from api.accounts.limits import TICKETS_OF_USER
from api.http.responses import respond
from api.limits.throttle import Throttle
from api.openapi import operation
from core.identity.credentials import websocket_tickets
from core.store.connections.pool import Pool


class TicketAnswer(Struct, frozen=True):
    ticket: str
    expires_in: int
    """Seconds."""


class Ticket:
    def __init__(self, pool: Pool, throttle: Throttle) -> None:
        self._pool = pool
        self._throttle = throttle

    @operation("Get a single-use ticket for a WebSocket", answers={200: TicketAnswer}, refuses=("too_many_requests",))
    async def on_post(self, req: Request, resp: Response) -> None:
        await self._throttle.spend(TICKETS_OF_USER, str(req.context.principal.user_id))
        async with self._pool.connection() as connection:
            ticket = await websocket_tickets.issue(connection, req.context.principal)
        respond(resp, TicketAnswer(ticket, websocket_tickets.TICKET_LIFETIME_S))
