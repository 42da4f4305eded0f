"""`/api/admin/closures/`: holidays and illness, on any resource, by staff. Changes go through the lanes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Annotated, Any, ClassVar

import falcon.asgi
from msgspec import Struct

from api.commands.commands import Commands
from api.contracts.appointments.available_slots import refused_as_problem
from api.contracts.changes import Problems, as_problems
from api.contracts.closure_request import close_command, closure_problems
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.fields import ClockText, DayText, Id, ServiceName, text
from api.http.forms import Rules
from api.http.parameters import LIMIT_DEFAULT, Limit, Offset, Paging, read_query
from api.http.responses import respond
from api.openapi import Content, operation
from api.openapi.operation import UNBOOKABLE
from core.domain.commands import ReopenResource
from core.domain.values import Policy
from core.store.catalogue import closures, resources, services
from core.store.catalogue.changes import NotFoundError
from core.store.connections.pool import Pool
from core.store.inbox.partition_keys import partition_key
from core.store.lists.closures import bookings_in_the_way, closures_page
from core.text_forms import OPTIONAL_NAME
from core.wire.answers import Done, Listed
from core.wire.contracts.admin_bookings import AdminBooking, admin_booking
from core.wire.contracts.closures import ClosureEnded, ClosureMade, ClosureShown, closure_shown
from core.wire.errors import FieldProblem

PROBLEMS: Problems = {NotFoundError: lambda: Problem(404, "closure_not_found", "Closure not found")}
Reason = Annotated[str, text(OPTIONAL_NAME, most=200)]
EXAMPLE = {"start_date": "2025-12-24", "end_date": "2025-12-26", "reason": "Christmas"}


def _ends_later(body: NewClosure) -> Iterator[FieldProblem]:
    yield from closure_problems(body.start_date, body.end_date, body.start_time, body.end_time, end_name="end_time")


def _one_place(body: NewClosure) -> Iterator[FieldProblem]:
    if body.resource_id is not None and body.service is not None:
        for name in ("resource_id", "service"):
            yield FieldProblem(name, "Send resource_id or service, not both")


class NewClosure(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Whole days unless times are given. The desk, unless a resource, or a service that has one, is named."""

    start_date: DayText
    end_date: DayText | None = None
    """Inclusive; by default the same day."""
    start_time: ClockText | None = None
    end_time: ClockText | None = None
    resource_id: Id | None = None
    service: ServiceName | None = None
    reason: Reason = ""

    json_schema: ClassVar[Mapping[str, Any]] = {
        "anyOf": [{"properties": {"resource_id": {"type": "null"}}}, {"properties": {"service": {"type": "null"}}}]
    }
    rules: ClassVar[Rules] = (_ends_later, _one_place)


class Filters(Struct, frozen=True):
    resource_id: Id | None = None
    date: date | None = None
    """Those that touch this local day of their resource."""
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class ClosureList(Listed[ClosureShown], frozen=True, kw_only=True):
    message: str = "Closures retrieved successfully"


class ClosureDetails(Done, frozen=True, kw_only=True):
    message: str = "Closure retrieved successfully"
    data: ClosureShown
    bookings_in_the_way: list[AdminBooking]
    bookings_in_the_way_count: int
    limit: int
    offset: int


class Closures:
    def __init__(self, commands: Commands, pool: Pool, policy: Policy) -> None:
        self._commands = commands
        self._pool = pool
        self._policy = policy

    @operation("List closures, the earliest first", query=Filters, answers={200: ClosureList})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = read_query(req, Filters)
        async with self._pool.connection() as connection:
            found, total = await closures_page(connection, query.resource_id, query.date, query.limit, query.offset)
        data = [closure_shown(closure) for closure in found]
        respond(resp, ClosureList(data=data, total_count=total, limit=query.limit, offset=query.offset))

    @operation(
        "Close a resource",
        description="Nobody can book that time any more. Bookings that already have some of it keep it until staff "
        "cancel or move them, and are listed; time that they release is closed too.",
        body=Content(NewClosure, example=EXAMPLE),
        answers={201: ClosureMade},
        refuses=("resource_not_found", "already_closed", "local_time_skipped", *UNBOOKABLE),
        command=True,
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        body = await read_json(req, NewClosure)
        resource_id = await self._resource(body)
        command = close_command(
            resource_id, body.start_date, body.end_date, body.start_time, body.end_time, body.reason
        )
        key = partition_key(command.resource_id, command.first_day)
        await self._commands.run(req, resp, contract="appointments", partition_key=key, command=command)

    async def _resource(self, body: NewClosure) -> int:
        if body.resource_id is not None:
            return body.resource_id
        with refused_as_problem("service"):
            async with self._pool.connection() as connection:
                named = await services.resource_named(connection, body.service, self._policy) if body.service else None
                return named or await resources.desk_id(connection)


class OneClosure:
    def __init__(self, commands: Commands, pool: Pool) -> None:
        self._commands = commands
        self._pool = pool

    @operation(
        "Read a closure, with the bookings that are in its way now",
        query=Paging,
        answers={200: ClosureDetails},
        refuses=("closure_not_found",),
    )
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, closure_id: int) -> None:
        query = read_query(req, Paging)
        async with as_problems(PROBLEMS), self._pool.connection() as connection:
            closure = await closures.one(connection, closure_id)
            found, total = await bookings_in_the_way(connection, closure_id, query.limit, query.offset)
        details = ClosureDetails(
            data=closure_shown(closure),
            bookings_in_the_way=[admin_booking(*view) for view in found],
            bookings_in_the_way_count=total,
            limit=query.limit,
            offset=query.offset,
        )
        respond(resp, details)

    @operation(
        "Open a resource again",
        answers={200: ClosureEnded},
        refuses=("closure_not_found", "busy_in_calendar"),
        command=True,
    )
    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, closure_id: int) -> None:
        async with as_problems(PROBLEMS), self._pool.connection() as connection:
            closure = await closures.one(connection, closure_id)
        key = partition_key(closure.resource.id, closure.first_day)
        command = ReopenResource(closure_id)
        await self._commands.run(req, resp, contract="appointments", partition_key=key, command=command)
