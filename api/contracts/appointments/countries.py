"""`GET /api/countries/` (appointments.md, 20)."""

from __future__ import annotations

import falcon
from falcon.asgi import Request, Response

from api.queries import Query
from core.countries import countries
from core.wire.outcomes import encode


class Countries:
    def __init__(self) -> None:
        self._countries = countries()

    async def on_get(self, req: Request, resp: Response) -> None:
        """All of them unless a page is asked for: the document's request, without parameters, fills a menu."""
        query = Query(req)
        limit, offset = query.page(default=len(self._countries))
        query.check()
        page = self._countries[offset : offset + limit]
        body = {
            "success": True,
            "message": "Countries retrieved successfully",
            "data": [{"code": c.code, "code_3": c.code_3, "name": c.name} for c in page],
            "total_count": len(self._countries),
            "limit": limit,
            "offset": offset,
        }
        resp.data = encode(body)
        resp.content_type = falcon.MEDIA_JSON
