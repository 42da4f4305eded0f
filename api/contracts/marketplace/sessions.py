"""`/api/v1/drf/sessions/`: sessions of workshops and courses, their waiting lists; and time off."""

from __future__ import annotations

from typing import ClassVar

import falcon.asgi
from msgspec import Struct

from api.contracts.marketplace import examples
from api.contracts.marketplace.booking_actions import Cancellation, has_body, run_in_session_lane
from api.contracts.marketplace.fields import MeetingUrl, Moment, Seats, ends_later, forbidden, span
from api.contracts.marketplace.pagination import COUNT_LIMIT, PageBody, Paged, page_fields, write
from api.contracts.marketplace.purchase_requests import Title, no_session
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.fields import Id
from api.http.forms import Rules
from api.http.parameters import read_query
from api.openapi import Content, operation
from api.runtime import Runtime
from core.domain.marketplace.commands import (
    CancelSession,
    JoinWaitingList,
    LeaveWaitingList,
    OpenSession,
)
from core.domain.refusals import Refusal
from core.identity.principals import Principal
from core.store.marketplace.partition_keys import practitioner_key
from core.store.marketplace.rows import SESSION_COLUMNS, session_of
from core.wire.contracts.marketplace import MarketDone, SessionShown, WaitingShown, session_shown

_LISTED = """service_session ss WHERE (%(service)s::bigint IS NULL OR ss.service_id = %(service)s)
  AND (%(practitioner)s::bigint IS NULL OR ss.practitioner_id = %(practitioner)s)
  AND (NOT %(upcoming)s OR ss.starts_at > clock_timestamp() AND NOT ss.is_cancelled)"""
SQL_LIST = f"SELECT {SESSION_COLUMNS} FROM {_LISTED} ORDER BY ss.starts_at, ss.id LIMIT %(limit)s OFFSET %(offset)s"
SQL_COUNT = f"SELECT count(*) FROM (SELECT FROM {_LISTED} LIMIT {COUNT_LIMIT}) AS found"
SQL_ONE = f"SELECT {SESSION_COLUMNS} FROM service_session ss WHERE ss.id = %s"
SQL_PLACE = """
SELECT w.session_id, w.user_id,
       (SELECT count(*) FROM waiting_place p WHERE p.session_id = w.session_id AND p.booking_id IS NULL AND p.id <= w.id),
       w.created_at
FROM waiting_place w WHERE w.session_id = %s AND w.user_id = %s AND w.booking_id IS NULL
"""


class SessionFilters(Paged, frozen=True, kw_only=True):
    service_id: Id | None = None
    practitioner_id: Id | None = None
    is_upcoming: bool = False


class SessionPage(PageBody, frozen=True, kw_only=True):
    results: list[SessionShown]


class NewSession(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """It takes the practitioner's time, and a room of the location where one is given."""

    service_id: Id
    practitioner_id: Id
    start_time: Moment
    end_time: Moment
    capacity: Seats
    location_id: Id | None = None
    title: Title = ""
    meeting_url: MeetingUrl = ""

    rules: ClassVar[Rules] = (ends_later,)


class Sessions:
    def __init__(self, run: Runtime) -> None:
        self._run = run

    @operation("List sessions, the earliest first", query=SessionFilters, answers={200: SessionPage})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, SessionFilters)
        wanted = {
            "service": asked.service_id,
            "practitioner": asked.practitioner_id,
            "upcoming": asked.is_upcoming,
            "limit": asked.page_size,
            "offset": asked.offset,
        }
        async with self._run.pool.connection() as connection:
            rows = await (await connection.execute(SQL_LIST, wanted)).fetchall()
            count = (await (await connection.execute(SQL_COUNT, wanted)).fetchone() or (0,))[0]
        shown = [session_shown(session_of(row)) for row in rows]
        write(resp, SessionPage(**page_fields(req, self._run.settings.public_url, asked, count, shown)))

    @operation(
        "Open a session of a workshop or course",
        body=Content(NewSession, example=examples.NEW_SESSION),
        answers={201: SessionShown},
        refuses=(
            Refusal.SERVICE_NOT_FOUND,
            Refusal.PRACTITIONER_NOT_FOUND,
            Refusal.LOCATION_NOT_FOUND,
            Refusal.IN_THE_PAST,
            Refusal.SLOT_TAKEN,
            Refusal.NO_ROOM_FREE,
            Refusal.VERB_FORBIDDEN,
        ),
        command=True,
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        sent = await read_json(req, NewSession)
        starts_at, ends_at = span(sent.start_time, sent.end_time)
        async with self._run.pool.connection() as connection:
            key = await practitioner_key(connection, sent.practitioner_id, starts_at)
        if key is None:
            raise Problem(404, "practitioner_not_found", "There is no such practitioner")
        command = OpenSession(
            sent.service_id,
            sent.practitioner_id,
            starts_at,
            ends_at,
            sent.capacity,
            sent.location_id,
            sent.title,
            sent.meeting_url,
        )
        await self._run.commands.run(req, resp, contract="marketplace", partition_key=key, command=command)


class OneSession:
    def __init__(self, run: Runtime) -> None:
        self._run = run

    @operation("Show a session", answers={200: SessionShown}, refuses=("session_not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, session_id: int) -> None:
        async with self._run.pool.connection() as connection:
            row = await (await connection.execute(SQL_ONE, (session_id,))).fetchone()
        if row is None:
            raise no_session()
        write(resp, session_shown(session_of(row)))

    @operation(
        "Cancel a session, with every booking of it",
        body=Content(Cancellation, example=examples.CANCEL_SESSION),
        body_required=False,
        answers={200: SessionShown},
        refuses=(Refusal.SESSION_NOT_FOUND, Refusal.SESSION_CANCELLED, Refusal.VERB_FORBIDDEN),
        command=True,
    )
    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, session_id: int) -> None:
        sent = await read_json(req, Cancellation) if await has_body(req) else Cancellation()
        await run_in_session_lane(self._run, req, resp, session_id, CancelSession(session_id, sent.reason))


class WaitingList:
    """One's own place in the queue for a seat."""

    def __init__(self, run: Runtime) -> None:
        self._run = run

    @operation("See one's place in the waiting list", answers={200: WaitingShown}, refuses=(Refusal.NOT_WAITING,))
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, session_id: int) -> None:
        async with self._run.pool.connection() as connection:
            cursor = await connection.execute(SQL_PLACE, (session_id, req.context.principal.user_id))
            row = await cursor.fetchone()
        if row is None:
            raise Problem(404, "not_waiting", "You do not wait for a seat of this session")
        write(resp, WaitingShown(*row))

    @operation(
        "Wait for a seat of a full session",
        answers={201: WaitingShown},
        refuses=(
            Refusal.SESSION_NOT_FOUND,
            Refusal.SESSION_CANCELLED,
            Refusal.IN_THE_PAST,
            Refusal.ALREADY_BOOKED,
            Refusal.ALREADY_WAITING,
            Refusal.NOT_CHARGEABLE,
            Refusal.SEATS_LEFT,
            Refusal.SESSION_FULL,
        ),
        command=True,
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, session_id: int) -> None:
        await run_in_session_lane(self._run, req, resp, session_id, JoinWaitingList(_caller(req), session_id))

    @operation(
        "Wait no longer",
        answers={200: MarketDone},
        refuses=(Refusal.SESSION_NOT_FOUND, Refusal.NOT_WAITING),
        command=True,
    )
    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, session_id: int) -> None:
        await run_in_session_lane(self._run, req, resp, session_id, LeaveWaitingList(_caller(req), session_id))


def _caller(req: falcon.asgi.Request) -> int:
    principal: Principal = req.context.principal
    if principal.user_id is None:
        raise forbidden()
    return principal.user_id
