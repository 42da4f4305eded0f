"""`POST /api/ws-ticket/`: a single-use way into a WebSocket for pages that can send no headers."""

from __future__ import annotations

from falcon.asgi import Request, Response

from api.accounts.liveness import Pool
from core.identity import tickets


class Ticket:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def on_post(self, req: Request, resp: Response) -> None:
        async with self._pool.connection() as connection:
            ticket = await tickets.issue(connection, req.context.principal)
        resp.media = {"ticket": ticket, "expires_in": tickets.TICKET_LIFETIME_S}
