"""`GET /api/countries/` (the appointments document, 20)."""

from __future__ import annotations

from typing import Annotated

from falcon.asgi import Request, Response
from msgspec import Meta, Struct

from api.http.parameters import LIMIT_MAX, Limit, Offset, read_query
from api.http.responses import respond
from api.openapi import operation
from core.countries import countries
from core.wire.answers import Listed


class CountryPage(Struct, frozen=True):
    """All of them unless a page is asked for: the document's request, without parameters, fills a menu."""

    limit: Limit = LIMIT_MAX
    offset: Offset = 0


class CountryShown(Struct, frozen=True):
    code: Annotated[str, Meta(examples=["EG"])]
    code_3: Annotated[str, Meta(examples=["EGY"])]
    name: Annotated[str, Meta(examples=["Egypt"])]


class CountryList(Listed[CountryShown], frozen=True, kw_only=True):
    message: str = "Countries retrieved successfully"


class Countries:
    def __init__(self) -> None:
        self._countries = [CountryShown(c.code, c.code_3, c.name) for c in countries()]

    @operation("List countries", query=CountryPage, answers={200: CountryList})
    async def on_get(self, req: Request, resp: Response) -> None:
        asked = read_query(req, CountryPage)
        page = self._countries[asked.offset : asked.offset + asked.limit]
        body = CountryList(data=page, total_count=len(self._countries), limit=asked.limit, offset=asked.offset)
        respond(resp, body)
