"""What decided commands of staff and agent keys changed, for the audit log: one entry a command.

Commands of people who book for themselves and of the engine leave none, so that their batches pay nothing. Nor
does a command that was refused, or that found everything as it asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from core.domain.commands import ENGINE, ActorKind, Command, Envelope, name_of
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    Event,
    PaymentChanged,
    PaymentMade,
    ResourceClosed,
    ResourceReopened,
    SlotChanged,
    SlotOffered,
    SlotRemoved,
    UserCreated,
    WeeklyOffered,
)
from core.domain.marketplace.commands import CancelSession
from core.domain.marketplace.events import (
    SessionCancelled,
    SessionEmptied,
    SessionOpened,
    WaitingBegun,
    WaitingEnded,
)
from core.domain.marketplace.values import ServiceSession
from core.domain.values import Booking, Closure, TimeSlot
from core.store.audit import AuditEntry, Values, author_of

AUDITED = frozenset({ActorKind.STAFF, ActorKind.AGENT})

ACTIONS: Mapping[str, str] = {
    "place": "booking.created",
    "place_all": "booking.created",
    "book_room": "booking.created",
    "book_slot": "booking.created",
    "book_individual": "booking.created",
    "book_session": "booking.created",
    "book_course": "booking.created",
    "book_package": "booking.created",
    "book_bundle": "booking.created",
    "change_status": "booking.status_changed",
    "turn_booking": "booking.status_changed",
    "cancel": "booking.cancelled",
    "delete": "booking.deleted",
    "move_booking": "booking.moved",
    "take_seat": "booking.moved",
    "reschedule": "booking.moved",
    "move_to_slot": "booking.moved",
    "move_with_slot": "booking.moved",
    "report_visit": "booking.status_changed",
    "accept_hold": "booking.status_changed",
    "amend_booking": "booking.amended",
    "offer_slot": "time_slot.created",
    "offer_weekly": "time_slot.created",
    "change_slot": "time_slot.changed",
    "remove_slot": "time_slot.deleted",
    "close_resource": "closure.created",
    "reopen_resource": "closure.deleted",
    "request_payment": "payment.requested",
    "open_session": "session.created",
    "cancel_session": "session.cancelled",
    "join_waiting_list": "waiting_place.created",
    "leave_waiting_list": "waiting_place.deleted",
}
"""By the command's name. Stable: clients filter by it. What only the engine sends is not here."""


class Touched(Struct, frozen=True):
    """One thing that a command changed."""

    subject: str
    before: Values | None
    after: Values | None
    booking: int | None = None
    """Its row still has the earlier state when the entry is written."""


def audit_entries(decided: Iterable[tuple[Envelope, Sequence[Event]]]) -> list[AuditEntry]:
    """In the order of the batch."""
    entries = [_entry(one, events) for one, events in decided if one.actor.kind in AUDITED]
    return [entry for entry in entries if entry is not None]


def _entry(envelope: Envelope, events: Sequence[Event]) -> AuditEntry | None:
    action = ACTIONS.get(name_of(type(envelope.command)))
    touched = _together(one for event in events if (one := _of(event)) is not None)
    if action is None or not touched:
        return None
    first = _about(touched, action.partition(".")[0], envelope.command)
    return AuditEntry(
        author=author_of(envelope.actor, envelope.address, envelope.request_id),
        action=action,
        subject=first.subject,
        before=first.before,
        after=first.after,
        also=[subject for subject in touched if subject != first.subject],
        command_id=envelope.id,
        booking_before=first.booking,
    )


def _together(touched: Iterable[Touched]) -> dict[str, Touched]:
    """By subject: how each was before its first change, and after its last."""
    found: dict[str, Touched] = {}
    for one in touched:
        was = found.get(one.subject, one)
        found[one.subject] = Touched(one.subject, was.before, one.after, was.booking)
    return found


def _about(touched: Mapping[str, Touched], kind: str, command: Command) -> Touched:
    """The thing that the command names, or else the first of the action's kind."""
    if isinstance(command, CancelSession):  # a later step changes bookings only
        subject = f"session:{command.session_id}"
        return touched.get(subject, Touched(subject, None, None))
    named = touched.get(f"booking:{getattr(command, 'booking_id', None)}") if kind == "booking" else None
    of_kind = (one for one in touched.values() if one.subject.startswith(f"{kind}:"))
    return named or next(of_kind, next(iter(touched.values())))


def _of(event: Event) -> Touched | None:
    """What an event changed. What the engine did on the way, as ending a lapsed hold, is not the sender's doing."""
    match event:
        case UserCreated(user=user):
            return Touched(f"user:{user.id}", None, None)
        case BookingPlaced(booking=b):
            return Touched(f"booking:{b.id}", None, {**_booking(b), **_made(b)})
        case BookingChanged(booking=b, was=was, by=by) if by != ENGINE.kind:
            return Touched(f"booking:{b.id}", {"status": was}, _booking(b), b.id)
        case BookingDeleted(booking=b, by=by) if by != ENGINE.kind:
            return Touched(f"booking:{b.id}", {}, None, b.id)
        case SlotOffered(slot=slot):
            return Touched(f"time_slot:{slot.id}", None, _slot(slot))
        case WeeklyOffered(slots=[first, *_] as slots):
            return Touched(f"time_slot:{first.slot.id}", None, _slot(first.slot) | {"made": len(slots)})
        case SlotChanged(slot=slot, was=was):
            return Touched(f"time_slot:{slot.id}", _slot(was), _slot(slot))
        case SlotRemoved(slot=slot):
            return Touched(f"time_slot:{slot.id}", _slot(slot), None)
        case _:
            return _of_others(event)


def _of_others(event: Event) -> Touched | None:
    match event:
        case ResourceClosed(closure=c):
            return Touched(f"closure:{c.id}", None, _closure(c))
        case ResourceReopened(closure=c):
            return Touched(f"closure:{c.id}", _closure(c), None)
        case PaymentMade(payment=p):
            return Touched(f"payment:{p.id}", None, {"booking_id": p.booking_id, "state": p.state})
        case PaymentChanged(payment=p, was=was):
            return Touched(f"payment:{p.id}", {"state": was}, {"booking_id": p.booking_id, "state": p.state})
        case SessionOpened(session=s):
            return Touched(f"session:{s.id}", None, _session(s))
        case SessionCancelled(session=s) | SessionEmptied(session=s):
            return Touched(f"session:{s.id}", _session(s), None)
        case WaitingBegun(place=p):
            return Touched(f"waiting_place:{p.id}", None, {"session_id": p.session_id, "user_id": p.user_id})
        case WaitingEnded(place=p):
            return Touched(f"waiting_place:{p.id}", {"session_id": p.session_id, "user_id": p.user_id}, None)
        case _:
            return None


def _booking(b: Booking) -> dict[str, Any]:
    """The fields of a booking that can change and are not personal. The row gives the same fields as they were."""
    return {
        "status": b.status,
        "payment_status": b.payment_status,
        "starts_at": b.starts_at,
        "ends_at": b.ends_at,
        "resource_id": b.resource_id,
    }


def _made(b: Booking) -> dict[str, Any]:
    return {"contract": b.contract, "user_id": b.user_id, "service_id": b.service_id, "price_minor": b.price_minor}


def _slot(slot: TimeSlot) -> dict[str, Any]:
    return {"category_id": slot.category.id, "starts_at": slot.starts_at, "ends_at": slot.ends_at}


def _closure(closure: Closure) -> dict[str, Any]:
    return {"resource_id": closure.resource.id, "starts_at": closure.starts_at, "ends_at": closure.ends_at}


def _session(session: ServiceSession) -> dict[str, Any]:
    return {
        "service_id": session.service_id,
        "practitioner_id": session.practitioner_id,
        "starts_at": session.starts_at,
        "ends_at": session.ends_at,
        "capacity": session.capacity,
    }
