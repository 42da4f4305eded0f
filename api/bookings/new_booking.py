"""`POST /api/bookings/`: the body's fields say for which contract it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import falcon.asgi

from api.http.bodies import fields_of, read_bytes
from api.http.errors import invalid
from api.openapi import described_by, operation_of, together
from core.wire.errors import FieldProblem


class BookingCreator(Protocol):
    """One contract's way to make a booking. The body's bytes are in `req.context.raw_body`."""

    async def create(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None: ...


class CreateBooking:
    """Hands the request to the one contract whose field it has."""

    def __init__(self, by_field: Mapping[str, BookingCreator]) -> None:
        self._by_field = by_field

    def responders(self) -> list[Callable[..., Any]]:
        """Each contract's responder, which has its own description."""
        return [creator.create for creator in self._by_field.values()]

    @operation_of(lambda self: together("Make a booking", map(described_by, self.responders())))
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        req.context.raw_body = await read_bytes(req)
        sent = fields_of(req.context.raw_body)
        found = [creator for field, creator in self._by_field.items() if field in sent]
        if len(found) != 1:
            words = f"Send exactly one of {' and '.join(self._by_field)}: it says what is to be booked"
            raise invalid([FieldProblem(field, words) for field in self._by_field])
        await found[0].create(req, resp)
