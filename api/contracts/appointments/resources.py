"""`GET /api/admin/resources/`: what can be booked, closed, and given to a service."""

from __future__ import annotations

from typing import Any, Literal

import falcon.asgi
from msgspec import Struct
from psycopg_pool import AsyncConnectionPool

from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from api.openapi import operation
from core.wire.answers import Listed
from core.wire.contracts.closures import ResourceShown
from core.wire.outcomes import encode

Kind = Literal["desk", "service", "room", "practitioner", "category"]

SQL_RESOURCES = """
SELECT counted.total, r.id, r.kind, r.name, r.zone
FROM (SELECT count(*) AS total FROM resource WHERE %(kind)s::text IS NULL OR kind = %(kind)s) AS counted
LEFT JOIN (SELECT id, kind, name, zone FROM resource WHERE %(kind)s::text IS NULL OR kind = %(kind)s
           ORDER BY id LIMIT %(limit)s OFFSET %(offset)s) AS r ON true
ORDER BY r.id
"""


class Filters(Struct, frozen=True):
    kind: Kind | None = None
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class ResourceList(Listed[ResourceShown], frozen=True, kw_only=True):
    message: str = "Resources retrieved successfully"


class Resources:
    def __init__(self, pool: AsyncConnectionPool[Any]) -> None:
        self._pool = pool

    @operation("List resources", query=Filters, answers={200: ResourceList})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, Filters)
        values = {"kind": asked.kind, "limit": asked.limit, "offset": asked.offset}
        async with self._pool.connection() as connection:
            rows = await (await connection.execute(SQL_RESOURCES, values)).fetchall()
        data = [ResourceShown(*row[1:]) for row in rows if row[1] is not None]
        resp.data = encode(ResourceList(data=data, total_count=rows[0][0], limit=asked.limit, offset=asked.offset))
        resp.content_type = falcon.MEDIA_JSON
