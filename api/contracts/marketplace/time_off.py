"""`/api/v1/drf/practitioners/{id}/time-off/`: kept by the practitioner and by staff.

Time off is a closure of the practitioner's resource (docs/closures.md). To take it and to end it are commands.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import falcon.asgi
from msgspec import Struct

from api.contracts.changes import Problems, as_problems
from api.contracts.closure_request import close_command, closure_problems
from api.contracts.marketplace import examples
from api.contracts.marketplace.ownership import check_may_edit, not_found
from api.contracts.marketplace.pagination import PageBody, Paged, page_fields
from api.http.bodies import read_json
from api.http.fields import ClockText, DayText, text
from api.http.forms import Rules
from api.http.parameters import read_query
from api.http.responses import respond
from api.openapi import Content, operation
from api.runtime import Runtime
from core.domain.commands import ReopenResource
from core.identity.principals import Principal
from core.store.catalogue import closures, practitioners
from core.store.catalogue.changes import NotFoundError
from core.store.connections.database import AsyncConnection
from core.store.inbox.partition_keys import partition_key
from core.store.lists.closures import time_off_page
from core.text_forms import OPTIONAL_NAME
from core.wire.contracts.closures import TimeOff, TimeOffMade, time_off_shown
from core.wire.contracts.marketplace import MarketDone
from core.wire.errors import FieldProblem

PROBLEMS: Problems = {NotFoundError: not_found}


def _ends_later(body: NewTimeOff) -> Iterator[FieldProblem]:
    yield from closure_problems(body.start_date, body.end_date, body.start, body.end, end_name="end")


class NewTimeOff(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Days of the practitioner's zone; whole ones unless times are given."""

    start_date: DayText
    end_date: DayText | None = None
    """Inclusive; the same day unless told."""
    start: ClockText | None = None
    """On the first day."""
    end: ClockText | None = None
    """On the last day."""
    reason: Annotated[str, text(OPTIONAL_NAME, most=200)] = ""

    rules: ClassVar[Rules] = (_ends_later,)


class TimeOffFilters(Paged, frozen=True, kw_only=True):
    is_upcoming: bool = False
    """Only what is not over."""


class TimeOffPage(PageBody, frozen=True, kw_only=True):
    results: list[TimeOff]


class TimesOff:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @operation(
        "List a practitioner's time off, the earliest first",
        query=TimeOffFilters,
        answers={200: TimeOffPage},
        refuses=("not_found",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, practitioner_id: int) -> None:
        asked = read_query(req, TimeOffFilters)
        async with as_problems(PROBLEMS), self._runtime.pool.connection() as connection:
            resource_id = await _resource_id(connection, practitioner_id, req.context.principal)
            found, count = await time_off_page(
                connection, resource_id, upcoming=asked.is_upcoming, limit=asked.page_size, offset=asked.offset
            )
        shown = [time_off_shown(closure) for closure in found]
        respond(resp, TimeOffPage(**page_fields(req, self._runtime.settings.public_url, asked, count, shown)))

    @operation(
        "Take time off",
        description="Nobody can book the practitioner then. Bookings that are in it already keep their time until "
        "somebody cancels or moves them, and are listed; what they give back is time off too.",
        body=Content(NewTimeOff, example=examples.TIME_OFF),
        answers={201: TimeOffMade},
        refuses=("not_found", "already_closed", "local_time_skipped"),
        command=True,
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, practitioner_id: int) -> None:
        sent = await read_json(req, NewTimeOff)
        async with as_problems(PROBLEMS), self._runtime.pool.connection() as connection:
            resource_id = await _resource_id(connection, practitioner_id, req.context.principal)
        command = close_command(resource_id, sent.start_date, sent.end_date, sent.start, sent.end, sent.reason)
        key = partition_key(resource_id, command.first_day)
        await self._runtime.commands.run(req, resp, contract="marketplace", partition_key=key, command=command)


class OneTimeOff:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @operation("Give time off back", answers={200: MarketDone}, refuses=("not_found", "busy_in_calendar"), command=True)
    async def on_delete(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, practitioner_id: int, closure_id: int
    ) -> None:
        async with as_problems(PROBLEMS), self._runtime.pool.connection() as connection:
            resource_id = await _resource_id(connection, practitioner_id, req.context.principal)
            closure = await closures.one(connection, closure_id)
        if closure.resource.id != resource_id:
            raise not_found()
        key, command = partition_key(resource_id, closure.first_day), ReopenResource(closure_id)
        await self._runtime.commands.run(req, resp, contract="marketplace", partition_key=key, command=command)


async def _resource_id(connection: AsyncConnection, practitioner_id: int, principal: Principal) -> int:
    """The resource of a practitioner, if the caller may act for them. Raises Problem 403 and NotFoundError."""
    user_id, resource_id = await practitioners.owner(connection, practitioner_id)
    check_may_edit(principal, user_id)
    return resource_id
