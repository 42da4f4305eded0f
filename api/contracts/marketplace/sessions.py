"""`/api/v1/drf/sessions/`: sessions of workshops and courses, and their waiting lists."""

from __future__ import annotations

from typing import ClassVar

import falcon.asgi
from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import astuple

from api.contracts.changes import Problems, as_problems, sent_fields
from api.contracts.marketplace import examples
from api.contracts.marketplace.booking_actions import Cancellation, run_in_session_lane
from api.contracts.marketplace.fields import MeetingUrl, Moment, Seats, ends_later, span
from api.contracts.marketplace.ownership import check_may_edit
from api.contracts.marketplace.pagination import PageBody, Paged, page_fields
from api.contracts.marketplace.purchase_bodies import Title
from api.contracts.marketplace.purchase_requests import no_session
from api.http.audit import note_change
from api.http.bodies import has_body, read_json
from api.http.errors import Problem, forbidden
from api.http.fields import Id
from api.http.forms import Rules
from api.http.parameters import read_query
from api.http.responses import respond
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
from core.store.catalogue import service_sessions
from core.store.catalogue.changes import NotFoundError, write
from core.store.catalogue.service_sessions import SeatsTakenError, SessionOverError
from core.store.marketplace.partition_keys import practitioner_key
from core.wire.contracts.marketplace import MarketDone, SessionShown, WaitingShown, session_shown
from core.wire.errors import FieldProblem

SEATS_TAKEN = "More seats are taken than that: cancel bookings first, or keep as many"
PROBLEMS: Problems = {NotFoundError: no_session}
NOT_CHANGED: Problems = {
    NotFoundError: no_session,
    SessionOverError: lambda: Problem(409, "session_cancelled", "This session is cancelled: open another one"),
    SeatsTakenError: lambda: Problem(409, "seats_taken", SEATS_TAKEN, [FieldProblem("capacity", SEATS_TAKEN)]),
}
NOT_WAITING: Problems = {
    NotFoundError: lambda: Problem(404, "not_waiting", "You are not waiting for a seat in this session")
}


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


class SessionChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Only what is sent changes. Another time is another session: cancel this one and open it anew."""

    title: Title | UnsetType = UNSET
    """Bookings that are there keep the one that they were made with."""
    capacity: Seats | UnsetType = UNSET
    """No fewer seats than are taken. Those that are added go to people who wait first."""


class Sessions:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @operation("List sessions, the earliest first", query=SessionFilters, answers={200: SessionPage})
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        asked = read_query(req, SessionFilters)
        async with self._runtime.pool.connection() as connection:
            found, count = await service_sessions.page(
                connection,
                service_id=asked.service_id,
                practitioner_id=asked.practitioner_id,
                upcoming=asked.is_upcoming,
                limit=asked.page_size,
                offset=asked.offset,
            )
        shown = [session_shown(session) for session in found]
        respond(resp, SessionPage(**page_fields(req, self._runtime.settings.public_url, asked, count, shown)))

    @operation(
        "Open a session of a workshop or course",
        body=(
            Content(NewSession, example=examples.NEW_SESSION),
            Content(NewSession, example=examples.NEW_COURSE_SESSION),
        ),
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
        async with self._runtime.pool.connection() as connection:
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
        await self._runtime.commands.run(req, resp, contract="marketplace", partition_key=key, command=command)


class OneSession:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @operation("Show a session", answers={200: SessionShown}, refuses=("session_not_found",))
    async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response, session_id: int) -> None:
        async with as_problems(PROBLEMS), self._runtime.pool.connection() as connection:
            session = await service_sessions.one(connection, session_id)
        respond(resp, session_shown(session))

    @operation(
        "Change a session's title or its seats",
        body=Content(SessionChange, example=examples.SESSION_CHANGE),
        answers={200: SessionShown},
        refuses=("session_not_found", "session_cancelled", "seats_taken", "forbidden"),
    )
    async def on_patch(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, session_id: int) -> None:
        sent = sent_fields(await read_json(req, SessionChange))
        async with as_problems(NOT_CHANGED), write(self._runtime.pool) as connection:
            before, user_id = await service_sessions.locked(connection, session_id)
            check_may_edit(req.context.principal, user_id)
            wanted = {"title": before.title, "capacity": before.capacity, **sent}
            after = await service_sessions.change(connection, before, **wanted)
            was, now = ({"title": one.title, "capacity": one.capacity} for one in (before, after))
            await note_change(req, connection, "session.changed", session_id, was, now, whose=user_id)
        respond(resp, session_shown(after))

    @operation(
        "Cancel a session, with every booking of it",
        body=Content(Cancellation, example=examples.CANCEL_SESSION),
        body_required=False,
        answers={200: SessionShown},
        refuses=(Refusal.SESSION_NOT_FOUND, Refusal.SESSION_CANCELLED, Refusal.VERB_FORBIDDEN),
        command=True,
    )
    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, session_id: int) -> None:
        sent = await read_json(req, Cancellation) if has_body(req) else Cancellation()
        await run_in_session_lane(self._runtime, req, resp, session_id, CancelSession(session_id, sent.reason))


class WaitingList:
    """One's own place in the queue for a seat."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @operation("See one's place in the waiting list", answers={200: WaitingShown}, refuses=(Refusal.NOT_WAITING,))
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, session_id: int) -> None:
        user_id = req.context.principal.user_id
        async with as_problems(NOT_WAITING), self._runtime.pool.connection() as connection:
            place = await service_sessions.place_of(connection, session_id, user_id)
        respond(resp, WaitingShown(*astuple(place)))

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
        await run_in_session_lane(self._runtime, req, resp, session_id, JoinWaitingList(_caller(req), session_id))

    @operation(
        "Wait no longer",
        answers={200: MarketDone},
        refuses=(Refusal.SESSION_NOT_FOUND, Refusal.NOT_WAITING),
        command=True,
    )
    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, session_id: int) -> None:
        await run_in_session_lane(self._runtime, req, resp, session_id, LeaveWaitingList(_caller(req), session_id))


def _caller(req: falcon.asgi.Request) -> int:
    principal: Principal = req.context.principal
    if principal.user_id is None:
        raise forbidden()
    return principal.user_id
