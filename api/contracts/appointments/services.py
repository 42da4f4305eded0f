"""`GET /api/services/` (appointments.md, 19)."""

from __future__ import annotations

from typing import Any

import falcon.asgi
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

from api.http.parameters import Paging, read_query
from api.openapi import operation
from core.wire.answers import Listed
from core.wire.outcomes import encode

SQL_SERVICES = """
SELECT s.id, s.name, s.description, coalesce(s.duration_minutes, b.duration_minutes), s.price_cents, s.currency
FROM service s LEFT JOIN booking_settings b ON true
WHERE s.is_active AND s.is_named ORDER BY s.name, s.id LIMIT %s OFFSET %s
"""
SQL_COUNT = "SELECT count(*) FROM service WHERE is_active AND is_named"


class Service(Struct, frozen=True):
    id: int
    name: str
    description: str
    duration_minutes: int | None
    price_cents: int | None
    currency: str


class ServiceList(Listed[Service], frozen=True, kw_only=True):
    message: str = "Services retrieved successfully"


class Services:
    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    @operation("List what can be booked by name", query=Paging, answers={200: ServiceList})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        page = read_query(req, Paging)
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(SQL_SERVICES, (page.limit, page.offset))).fetchall()
            total = (await (await connection.execute(SQL_COUNT)).fetchone() or (0,))[0]
        services = [Service(*row) for row in rows]
        resp.data = encode(ServiceList(data=services, total_count=total, limit=page.limit, offset=page.offset))
        resp.content_type = falcon.MEDIA_JSON
