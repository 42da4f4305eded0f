"""`GET /api/services/` (appointments.md, 19)."""

from __future__ import annotations

from typing import Any

import falcon.asgi
from psycopg_pool import AsyncConnectionPool

from api.queries import Query
from core.wire.outcomes import encode

SQL_SERVICES = """
SELECT s.id, s.name, s.description, coalesce(s.duration_minutes, b.duration_minutes), s.price_cents, s.currency
FROM service s LEFT JOIN booking_settings b ON true
WHERE s.is_active AND s.is_named ORDER BY s.name, s.id LIMIT %s OFFSET %s
"""
SQL_COUNT = "SELECT count(*) FROM service WHERE is_active AND is_named"


class Services:
    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = Query(req)
        limit, offset = query.page()
        query.check()
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(SQL_SERVICES, (limit, offset))).fetchall()
            total = (await (await connection.execute(SQL_COUNT)).fetchone() or (0,))[0]
        names = ("id", "name", "description", "duration_minutes", "price_cents", "currency")
        body = {
            "success": True,
            "message": "Services retrieved successfully",
            "data": [dict(zip(names, row, strict=True)) for row in rows],
            "total_count": total,
            "limit": limit,
            "offset": offset,
        }
        resp.data = encode(body)
        resp.content_type = falcon.MEDIA_JSON
