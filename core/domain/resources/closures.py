"""Closing a resource for a time, holidays or illness, and opening it again.

Nobody can book into a closure. Bookings that were there before keep their time until staff cancel
or move them; the answer names them, and time that they give back is closed too.
"""

from __future__ import annotations

from datetime import datetime

from core.domain.bookings.holds import expired, has_lapsed
from core.domain.command_handler import AlsoLoaded, Handler
from core.domain.commands import ActorKind, CloseResource, Envelope, ReopenResource
from core.domain.events import BookingChanged, Event, ResourceClosed, ResourceReopened
from core.domain.ids import Ids
from core.domain.needs import Needs
from core.domain.refusals import Refusal, Refused, require
from core.domain.resources.local_time import Span, day_bounds, instant
from core.domain.state import State
from core.domain.values import Claim, Closure, Resource, ResourceTime

SHOWN_IN_THE_WAY = 100
"""Bookings that an answer shows whole; it counts them all."""


def closure_intervals(state: State, command: CloseResource) -> tuple[ResourceTime, ...]:
    resource = state.resources.get(command.resource_id)
    span = _span(command, resource) if resource else None
    return ((command.resource_id, *span),) if span else ()


def close(state: State, _envelope: Envelope, command: CloseResource, now: datetime, ids: Ids) -> tuple[Event, ...]:
    resource = require(state.resources.get(command.resource_id), Refusal.RESOURCE_NOT_FOUND)
    if (span := _span(command, resource)) is None:
        raise Refused(Refusal.LOCAL_TIME_SKIPPED, part=_skipped(command, resource))
    inside = state.claims[resource.id].touching(*span)
    if any(claim.closure_id is not None for claim in inside):
        raise Refused(Refusal.ALREADY_CLOSED)
    lapsed = _expire_lapsed(state, inside, now)
    expired_ids = {change.booking.id for change in lapsed}
    in_the_way = dict.fromkeys(claim.booking_id for claim in inside if claim.booking_id is not None)
    closure = Closure(
        id=ids.closure(),
        resource=resource,
        first_day=command.first_day,
        starts=command.starts,
        last_day=command.last_day,
        ends=command.ends,
        starts_at=span[0],
        ends_at=span[1],
        reason=command.reason,
        created_at=now,
        calendar_id=command.busy.calendar_id if command.busy else None,
    )
    return (*lapsed, ResourceClosed(closure, tuple(id_ for id_ in in_the_way if id_ not in expired_ids)))


def _expire_lapsed(state: State, claims: list[Claim], now: datetime) -> tuple[BookingChanged, ...]:
    """Holds that have run out give their time to the closure."""
    bookings = {claim.booking_id: state.bookings.get(claim.booking_id) for claim in claims if claim.booking_id}
    return tuple(expired(one, now) for one in bookings.values() if one is not None and has_lapsed(one, now))


def _span(command: CloseResource, resource: Resource) -> Span | None:
    """None where the clocks skip one of its local times, or the whole of its days."""
    if command.busy is not None:
        return command.busy.starts_at, command.busy.ends_at
    zone = resource.zone
    starts_at = (
        instant(command.first_day, command.starts, zone) if command.starts else day_bounds(command.first_day, zone)[0]
    )
    ends_at = instant(command.last_day, command.ends, zone) if command.ends else day_bounds(command.last_day, zone)[1]
    return (starts_at, ends_at) if starts_at and ends_at and starts_at < ends_at else None


def _skipped(command: CloseResource, resource: Resource) -> str:
    """Which of its fields the clocks skip."""
    if command.starts and instant(command.first_day, command.starts, resource.zone) is None:
        return "starts"
    if command.ends and instant(command.last_day, command.ends, resource.zone) is None:
        return "ends"
    return "first_day"


def reopen(state: State, envelope: Envelope, command: ReopenResource, _now: datetime, _ids: Ids) -> tuple[Event, ...]:
    closure = require(state.closures.get(command.closure_id), Refusal.CLOSURE_NOT_FOUND)
    if closure.calendar_id is not None and envelope.actor.kind is not ActorKind.ENGINE:
        raise Refused(Refusal.BUSY_IN_CALENDAR)
    return (ResourceReopened(closure),)


def _close_needs(needs: Needs, command: CloseResource) -> None:
    needs.resources.add(command.resource_id)
    needs.new_closures += 1


def _reopen_needs(needs: Needs, command: ReopenResource) -> None:
    needs.closures.add(command.closure_id)


HANDLERS = (
    Handler(CloseResource, close, _close_needs, closure_intervals, also_loaded=AlsoLoaded.TIME_CLOSED),
    Handler(ReopenResource, reopen, _reopen_needs, also_loaded=AlsoLoaded.TIME_REOPENED),
)
