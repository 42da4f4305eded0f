"""`/api/v1/drf/practitioners/{id}/time-off/`: a practitioner's own, kept by them and by staff.

It is a closure of the practitioner's time (docs/closures.md). Taking it and giving it back are commands.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, ClassVar

import falcon.asgi
from msgspec import Struct
from psycopg import AsyncConnection

from api.contracts.closure_request import close_command, closure_problems
from api.contracts.marketplace import examples
from api.contracts.marketplace.fields import check_may_edit, not_found
from api.contracts.marketplace.pagination import COUNT_LIMIT, PageBody, Paged, page_fields, write
from api.http.bodies import read_json
from api.http.fields import ClockText, DayText, text
from api.http.forms import Rules
from api.http.parameters import read_query
from api.openapi import Content, operation
from api.runtime import Runtime
from core.domain.commands import ReopenResource
from core.identity.principals import Principal
from core.store.catalogue.closures import SQL_CLOSURE, SQL_TIME_OFF, SQL_TIME_OFF_COUNT, closure_of
from core.store.inbox.partition_keys import partition_key
from core.text_forms import OPTIONAL_NAME
from core.wire.contracts.closures import TimeOff, TimeOffMade, time_off_shown
from core.wire.contracts.marketplace import MarketDone
from core.wire.errors import FieldProblem

SQL_WHOSE = "SELECT user_id, resource_id FROM practitioner WHERE id = %s"
"""Neither ever changes."""


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
    def __init__(self, run: Runtime) -> None:
        self._run = run

    @operation(
        "List a practitioner's time off, the earliest first",
        query=TimeOffFilters,
        answers={200: TimeOffPage},
        refuses=("not_found",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, practitioner_id: int) -> None:
        asked = read_query(req, TimeOffFilters)
        wanted: dict[str, Any] = {"upcoming": asked.is_upcoming, "limit": asked.page_size, "offset": asked.offset}
        async with self._run.pool.connection() as connection:
            wanted["resource"] = await _kept(connection, practitioner_id, req.context.principal)
            rows = await (await connection.execute(SQL_TIME_OFF, wanted)).fetchall()
            counted = await connection.execute(SQL_TIME_OFF_COUNT, {**wanted, "most": COUNT_LIMIT})
            count = (await counted.fetchone() or (0,))[0]
        found = [time_off_shown(closure_of(row)) for row in rows]
        write(resp, TimeOffPage(**page_fields(req, self._run.settings.public_url, asked, count, found)))

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
        async with self._run.pool.connection() as connection:
            resource_id = await _kept(connection, practitioner_id, req.context.principal)
        command = close_command(resource_id, sent.start_date, sent.end_date, sent.start, sent.end, sent.reason)
        key = partition_key(resource_id, command.first_day)
        await self._run.commands.run(req, resp, contract="marketplace", partition_key=key, command=command)


class OneTimeOff:
    def __init__(self, run: Runtime) -> None:
        self._run = run

    @operation("Give time off back", answers={200: MarketDone}, refuses=("not_found",), command=True)
    async def on_delete(
        self, req: falcon.asgi.Request, resp: falcon.asgi.Response, practitioner_id: int, closure_id: int
    ) -> None:
        async with self._run.pool.connection() as connection:
            resource_id = await _kept(connection, practitioner_id, req.context.principal)
            first_day = await _first_day(connection, closure_id, resource_id)
        key, command = partition_key(resource_id, first_day), ReopenResource(closure_id)
        await self._run.commands.run(req, resp, contract="marketplace", partition_key=key, command=command)


async def _kept(connection: AsyncConnection[Any], practitioner_id: int, principal: Principal) -> int:
    """The resource of a practitioner whom the caller may act for. Raises Problem 403 or 404."""
    row = await (await connection.execute(SQL_WHOSE, (practitioner_id,))).fetchone()
    if row is None:
        raise not_found()
    check_may_edit(principal, row[0])
    return int(row[1])


async def _first_day(connection: AsyncConnection[Any], closure_id: int, resource_id: int) -> date:
    """Of a closure of this resource. Raises Problem 404."""
    row = await (await connection.execute(SQL_CLOSURE, (closure_id,))).fetchone()
    if row is None or closure_of(row).resource.id != resource_id:
        raise not_found()
    return closure_of(row).first_day
