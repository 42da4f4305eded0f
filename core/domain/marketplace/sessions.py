"""Sessions of workshops and courses: put on offer and cancelled by practitioners and staff."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from core.domain.bookings.changes import with_status
from core.domain.bookings.holds import joined, make_way
from core.domain.bookings.status import NEXT, Status
from core.domain.command_handler import Handler
from core.domain.commands import Actor, Envelope
from core.domain.events import CommandStepped, Event
from core.domain.ids import Ids
from core.domain.marketplace.availability import rule_against
from core.domain.marketplace.commands import CancelSession, OpenSession
from core.domain.marketplace.counts import KEEPS_SEAT
from core.domain.marketplace.details import Kind
from core.domain.marketplace.events import SessionCancelled, SessionEmptied, SessionOpened, WaitingEnded
from core.domain.marketplace.purchases.individual_sessions import find_room, location_needs
from core.domain.marketplace.purchases.purchases import require_service
from core.domain.marketplace.purchases.seats import require_session
from core.domain.marketplace.values import Practitioner, ServiceSession
from core.domain.needs import Needs
from core.domain.refusals import Refusal, Refused, require
from core.domain.state import State
from core.domain.steps import STEP_BOOKINGS, Progress, Step
from core.domain.values import Claim, ResourceTime

CANCELLED_WITH_SESSION = frozenset(status for status in KEEPS_SEAT if Status.CANCELLED in NEXT[status])


def open_session(state: State, envelope: Envelope, command: OpenSession, now: datetime, ids: Ids) -> tuple[Event, ...]:
    """The session claims its practitioner, with buffers, and a room; bookings of it take seats."""
    service = require_service(state, command.service_id, Kind.WORKSHOP, Kind.COURSE)
    practitioner = _own_practitioner(state, command.practitioner_id, envelope.actor)
    if practitioner.id not in service.practitioner_ids:
        raise Refused(Refusal.PRACTITIONER_NOT_FOUND)
    refusal = rule_against(practitioner, command.starts_at, command.ends_at, now, allow_past=state.policy.allow_past)
    # Hours, notice and horizon bind clients only: practitioners may set them aside for a session of theirs.
    if refusal is Refusal.IN_THE_PAST:
        raise Refused(refusal)
    taken = practitioner.claimed(command.starts_at, command.ends_at)
    way = make_way(state, practitioner.resource_id, *taken, now)
    room_id: int | None = None
    if command.location_id is not None:
        room_id, room_way = find_room(state, command.location_id, command.starts_at, command.ends_at, now)
        way = joined((way, room_way))
    session = ServiceSession(
        id=ids.session(),
        service_id=service.id,
        practitioner_id=practitioner.id,
        location_id=command.location_id,
        room_id=room_id,
        title=command.title,
        starts_at=command.starts_at,
        ends_at=command.ends_at,
        capacity=command.capacity,
        seats_taken=0,
        is_cancelled=False,
        meeting_url=command.meeting_url,
    )
    claims = [Claim(practitioner.resource_id, *taken, None, session_id=session.id)]
    if room_id is not None:
        claims.append(Claim(room_id, session.starts_at, session.ends_at, None, session_id=session.id))
    return (*way, SessionOpened(session, tuple(claims)))


def cancel_session(
    state: State, envelope: Envelope, command: CancelSession, now: datetime, _ids: Ids
) -> tuple[Event, ...]:
    """Cancel the session, its bookings that can still be cancelled, and its waiting list; a large one in steps.

    A cancelled session that still has bookings or waiting people was not cancelled to the end. Cancelling it again
    does the rest.
    """
    session, begun = require_session(state, command.session_id), state.begun.get(envelope.id)
    if begun is None:
        _own_practitioner(state, session.practitioner_id, envelope.actor)
    step = state.market.cancelling.get(session.id, Step())
    found = (state.bookings.get(id_) for id_ in sorted(state.market.of_session[session.id]))
    live = [booking for booking in found if booking is not None and booking.status in CANCELLED_WITH_SESSION]
    waiting = tuple(state.market.queues[session.id].values())
    if session.is_cancelled and begun is None and not live and not waiting and not step.more:
        raise Refused(Refusal.SESSION_CANCELLED)
    reason = command.reason or "session cancelled"
    ended: list[Event] = [with_status(booking, Status.CANCELLED, envelope.actor, now, reason) for booking in live]
    ended += map(WaitingEnded, waiting)
    left = session.waiting - len(waiting)
    after = replace(session, is_cancelled=True, seats_taken=session.seats_taken - len(live), waiting=left)
    closing = () if session.is_cancelled else (SessionCancelled(after),)
    if step.more or left > 0:
        return (*ended, *closing, _stepped(begun or Progress(0, step.live + session.waiting), len(ended)))
    return (*ended, *(closing or (SessionEmptied(after),)))


def _stepped(before: Progress, done: int) -> CommandStepped:
    """The total always exceeds what is done, as there is more to do."""
    return CommandStepped(before.done + done, max(before.total, before.done + done + 1))


def _own_practitioner(state: State, practitioner_id: int, actor: Actor) -> Practitioner:
    """The practitioner. Raises `Refused` if the actor may not act for them."""
    practitioner = require(state.market.practitioners.get(practitioner_id), Refusal.PRACTITIONER_NOT_FOUND)
    if not actor.may_act_for(practitioner.user_id):
        raise Refused(Refusal.VERB_FORBIDDEN)
    return practitioner


def _open_needs(needs: Needs, command: OpenSession) -> None:
    needs.market.services.add(command.service_id)
    needs.market.practitioners.add(command.practitioner_id)
    location_needs(needs, command.location_id)
    needs.market.new_sessions += 1


def _open_intervals(state: State, command: OpenSession) -> Iterator[ResourceTime]:
    practitioner = state.market.practitioners.get(command.practitioner_id)
    if practitioner is None:
        return
    yield (practitioner.resource_id, *practitioner.claimed(command.starts_at, command.ends_at))
    location = state.market.locations.get(command.location_id or 0)
    for room_id in location.room_ids if location else ():
        yield room_id, command.starts_at, command.ends_at


def _cancel_needs(needs: Needs, command: CancelSession) -> None:
    needs.market.sessions.add(command.session_id)
    needs.market.emptied.add(command.session_id)


HANDLERS = (
    Handler(OpenSession, open_session, _open_needs, _open_intervals),
    Handler(CancelSession, cancel_session, _cancel_needs, weight=lambda _: STEP_BOOKINGS),
)
