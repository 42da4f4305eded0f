"""`GET /api/services/` (docs/contracts/appointments.md)."""

from __future__ import annotations

from typing import Any

import falcon.asgi
from psycopg_pool import AsyncConnectionPool

from api.http.parameters import Paging, read_query
from api.http.responses import respond
from api.openapi import operation
from core.store.catalogue import services
from core.store.catalogue.services import Service
from core.wire.answers import Listed


class ServiceList(Listed[Service], frozen=True, kw_only=True):
    message: str = "Services retrieved successfully"


class Services:
    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    @operation("List what can be booked by name", query=Paging, answers={200: ServiceList})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        page = read_query(req, Paging)
        async with self._pool.connection() as connection:
            found, total = await services.bookable_page(connection, page.limit, page.offset)
        respond(resp, ServiceList(data=found, total_count=total, limit=page.limit, offset=page.offset))
