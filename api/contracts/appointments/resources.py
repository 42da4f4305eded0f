"""`GET /api/admin/resources/`: what can be booked or closed, and what services share (docs/contracts/appointments.md)."""

from __future__ import annotations

import falcon.asgi
from msgspec import Struct

from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, read_query
from api.http.responses import respond
from api.openapi import operation
from core.store.catalogue import resources
from core.store.catalogue.resources import Kind
from core.store.connections.pool import Pool
from core.wire.answers import Listed
from core.wire.contracts.closures import ResourceShown


class Filters(Struct, frozen=True):
    kind: Kind | None = None
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class ResourceList(Listed[ResourceShown], frozen=True, kw_only=True):
    message: str = "Resources retrieved successfully"


class Resources:
    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @operation("List resources", query=Filters, answers={200: ResourceList})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = read_query(req, Filters)
        async with self._pool.connection() as connection:
            found, total = await resources.page(connection, query.kind, query.limit, query.offset)
        data = [ResourceShown(one.id, one.kind, one.name, one.zone) for one in found]
        respond(resp, ResourceList(data=data, total_count=total, limit=query.limit, offset=query.offset))
