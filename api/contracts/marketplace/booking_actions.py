"""One booking: `GET`, `PATCH`, `DELETE` and the actions of `/api/v1/drf/bookings/{id}/`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

import falcon.asgi
from msgspec import UNSET, Struct, UnsetType

from api.contracts.changes import sent_fields
from api.contracts.marketplace import examples
from api.contracts.marketplace.fields import LongText, MeetingUrl, Moment
from api.contracts.marketplace.ownership import not_found
from api.contracts.marketplace.purchase_bodies import TIME_OR_SESSION, TIME_OR_SESSION_RULES, Title, time_or_session
from api.contracts.marketplace.purchase_requests import no_session
from api.contracts.marketplace.refusal_groups import CHANGING_STATUS, EDITING, RESCHEDULING
from api.http.bodies import has_body, read_json
from api.http.fields import ZONE, Id, ZoneText, text
from api.http.forms import Rules
from api.http.responses import respond
from api.openapi import Content, operation
from api.runtime import Runtime
from core.domain.marketplace.commands import AmendBooking, MarketCommand, MoveBooking, TakeSeat, TurnBooking, Verb
from core.domain.marketplace.verbs import role_of
from core.domain.refusals import Refusal
from core.domain.state import State
from core.domain.values import Policy
from core.identity.principals import Principal
from core.store.connections.pool import Pool
from core.store.marketplace.partition_keys import booking_key, session_partition
from core.store.marketplace.views import read_bookings
from core.text_forms import TEXT
from core.wire.contracts.marketplace import MarketBookingDetail, MarketDone, detail

Reason = Annotated[str, text(TEXT, most=500)]


class MarketBookingChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Clients change title, description, client_notes and timezone; the rest is the practitioner's."""

    title: Title | UnsetType = UNSET
    description: LongText | UnsetType = UNSET
    client_notes: LongText | UnsetType = UNSET
    timezone: ZoneText | UnsetType = UNSET
    location_id: Id | UnsetType | None = UNSET
    meeting_url: MeetingUrl | UnsetType = UNSET
    meeting_id: Title | UnsetType = UNSET


class Cancellation(Struct, frozen=True, forbid_unknown_fields=True):
    """The body may be left out."""

    reason: Reason = ""
    canceled_by: Literal["client", "practitioner", "system", "admin"] | UnsetType = UNSET
    """What the caller is to the booking, if it is said at all."""


class Empty(Struct, frozen=True, forbid_unknown_fields=True):
    """These verbs take nothing; a body may be left out."""


class NewTime(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Another time; or, for a workshop that is part of a package and has no seat yet, its session."""

    start_time: Moment | UnsetType = UNSET
    end_time: Moment | UnsetType = UNSET
    service_session_id: Id | UnsetType = UNSET
    reason: Reason = ""

    json_schema: ClassVar[Mapping[str, Any]] = TIME_OR_SESSION
    rules: ClassVar[Rules] = TIME_OR_SESSION_RULES


class OneMarketBooking:
    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._policy = runtime.settings.policy

    @operation("Show a booking", answers={200: MarketBookingDetail}, refuses=("not_found",))
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        state = await read_own(self._runtime.pool, booking_id, req.context.principal, self._policy)
        respond(resp, _shown(state, booking_id, req.context.principal))

    @operation(
        "Change a booking's words, or where it is",
        body=Content(MarketBookingChange, example=examples.BOOKING_CHANGE),
        answers={200: MarketBookingDetail},
        refuses=EDITING,
        command=True,
    )
    async def on_patch(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        sent = sent_fields(await read_json(req, MarketBookingChange))
        if "timezone" in sent:
            sent["timezone"] = ZONE(sent["timezone"])
        await run_in_booking_lane(self._runtime, req, resp, AmendBooking(booking_id, **sent))

    @operation(
        "Cancel a booking",
        answers={200: MarketDone},
        refuses=(*CHANGING_STATUS, Refusal.ALREADY_BEGUN),
        command=True,
    )
    async def on_delete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        await run_in_booking_lane(self._runtime, req, resp, TurnBooking(booking_id, Verb.CANCEL))


class BookingActions:
    """`POST .../confirm/`, `complete/`, `no-show/`, `cancel/`, `reschedule/`."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    @operation(
        "Confirm a booking that is paid, covered or free",
        body=Content(Empty, example={}),
        body_required=False,
        answers={200: MarketBookingDetail},
        refuses=(*CHANGING_STATUS, Refusal.UNPAID, Refusal.HOLD_ENDED),
        command=True,
    )
    async def on_post_confirm(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        await self._turn(req, resp, booking_id, Verb.CONFIRM)

    @operation(
        "Say that a booking took place",
        body=Content(Empty, example={}),
        body_required=False,
        answers={200: MarketBookingDetail},
        refuses=(*CHANGING_STATUS, Refusal.VERB_FORBIDDEN, Refusal.NOT_BEGUN),
        command=True,
    )
    async def on_post_complete(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        await self._turn(req, resp, booking_id, Verb.COMPLETE)

    @operation(
        "Say that the client did not come",
        body=Content(Empty, example={}),
        body_required=False,
        answers={200: MarketBookingDetail},
        refuses=(*CHANGING_STATUS, Refusal.VERB_FORBIDDEN, Refusal.NOT_BEGUN),
        command=True,
    )
    async def on_post_no_show(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        await self._turn(req, resp, booking_id, Verb.NO_SHOW)

    @operation(
        "Cancel a booking, with a reason",
        body=Content(Cancellation, example=examples.CANCEL),
        body_required=False,
        answers={200: MarketDone},
        refuses=(*CHANGING_STATUS, Refusal.ALREADY_BEGUN, Refusal.WRONG_CANCELED_BY),
        command=True,
    )
    async def on_post_cancel(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        sent = await read_json(req, Cancellation) if has_body(req) else Cancellation()
        by = "" if isinstance(sent.canceled_by, UnsetType) else sent.canceled_by
        await run_in_booking_lane(self._runtime, req, resp, TurnBooking(booking_id, Verb.CANCEL, sent.reason, by))

    @operation(
        "Move a booking to another time",
        body=Content(NewTime, example=examples.RESCHEDULE),
        answers={200: MarketBookingDetail},
        refuses=RESCHEDULING,
        command=True,
    )
    async def on_post_reschedule(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int) -> None:
        sent = await read_json(req, NewTime)
        wanted = time_or_session(sent)
        if isinstance(wanted, int):
            await run_in_session_lane(self._runtime, req, resp, wanted, TakeSeat(booking_id, wanted, sent.reason))
        else:
            command = MoveBooking(booking_id, *wanted, sent.reason)
            await run_in_booking_lane(self._runtime, req, resp, command, at=wanted[0])

    async def _turn(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, booking_id: int, verb: Verb) -> None:
        if has_body(req):
            await read_json(req, Empty)
        await run_in_booking_lane(self._runtime, req, resp, TurnBooking(booking_id, verb))


async def run_in_booking_lane(
    runtime: Runtime,
    req: falcon.asgi.Request,
    resp: falcon.asgi.Response,
    command: TurnBooking | MoveBooking | AmendBooking,
    *,
    at: datetime | None = None,
) -> None:
    """Run a command in the lane of its booking, which decides whether the caller has a part in it.

    `at` is when it is to begin, if it moves. Raises Problem 404.
    """
    async with runtime.pool.connection() as connection:
        key = await booking_key(connection, command.booking_id, at)
    if key is None:
        raise not_found()
    wanted: MarketCommand = command
    await runtime.commands.run(req, resp, contract="marketplace", partition_key=key, command=wanted)


async def run_in_session_lane(
    runtime: Runtime, req: falcon.asgi.Request, resp: falcon.asgi.Response, session_id: int, command: MarketCommand
) -> None:
    """Run a command in the lane of a session's day. Raises Problem 404."""
    async with runtime.pool.connection() as connection:
        home = await session_partition(connection, session_id)
    if home is None:
        raise no_session()
    await runtime.commands.run(req, resp, contract="marketplace", partition_key=home.key, command=command)


async def read_own(pool: Pool, booking_id: int, principal: Principal, policy: Policy) -> State:
    """A booking with all that its details show. Raises Problem 404 if the caller has no part in it."""
    async with pool.connection() as connection:
        state = await read_bookings(connection, [booking_id], policy, in_full=True)
    booking = state.bookings.get(booking_id)
    if booking is None or role_of(principal.actor, booking) is None:
        raise not_found()
    return state


def _shown(state: State, booking_id: int, principal: Principal) -> MarketBookingDetail:
    booking = state.bookings[booking_id]
    children = [state.bookings[id_] for id_ in sorted(state.market.children[booking_id])]
    now = state.market.now or booking.updated_at
    user = state.users[booking.user_id]
    return detail(booking, user, children, state.market, principal.actor, now=now, policy=state.policy)
