"""`GET /api/countries/` (docs/contracts/appointments.md)."""

from __future__ import annotations

from typing import Annotated

from falcon.asgi import Request, Response
from msgspec import Meta, Struct

from api.http.parameters import LIMIT_MAX, Limit, Offset, read_query
from api.http.responses import respond
from api.openapi import operation
from core.countries import countries
from core.wire.answers import Listed


class CountriesQuery(Struct, frozen=True):
    """All of them unless a page is asked for: clients fill a menu by a request without parameters."""

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

    @operation("List countries", query=CountriesQuery, answers={200: CountryList})
    async def on_get(self, req: Request, resp: Response) -> None:
        query = read_query(req, CountriesQuery)
        page = self._countries[query.offset : query.offset + query.limit]
        body = CountryList(data=page, total_count=len(self._countries), limit=query.limit, offset=query.offset)
        respond(resp, body)
