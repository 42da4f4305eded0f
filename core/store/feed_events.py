"""Events of the feed: the rows that are written with a decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID, uuid4

from msgspec import Struct
from msgspec.structs import replace

from core.domain.bookings.status import KEEPS_SLOT
from core.domain.commands import ENGINE, Actor, ActorKind, Envelope, Header
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    CommandDeferred,
    CommandStepped,
    Event,
    PaymentChanged,
    PaymentMade,
    PaymentReady,
    ResourceClosed,
    ResourceReopened,
    SlotAvailabilityChanged,
    SlotChanged,
    SlotOffered,
    SlotRemoved,
    SlotUnchanged,
    WeeklyOffered,
)
from core.domain.marketplace.events import (
    CreditReturned,
    CreditsGranted,
    CreditsVoided,
    SeatOffered,
    SessionCancelled,
    SessionEmptied,
    SessionOpened,
    WaitingBegun,
    WaitingEnded,
)
from core.domain.payments.values import Payment
from core.domain.refusals import CommandRefused
from core.domain.values import Booking, TimeSlot
from core.store.connections.round_trip import RoundTrip
from core.store.feed_filter import place_facts
from core.store.sql.parameters import json_of

EVENT_VERSION = 1

BULK_PROGRESS = "batch_progress"
WithoutDecision = Literal["command_failed", "command_withdrawn"]
"""How a command ends that no rule decided."""


class EventRow(Struct, frozen=True, omit_defaults=True):
    """An event as the feed keeps it: ids and small facts, no personal data."""

    type: str
    command_id: UUID
    is_final: bool
    booking_id: int | None
    booking_version: int | None
    owner: str | None
    """Who gets it on `/ws/commands/`."""
    actor: str
    contract: str
    request_id: str
    data: dict[str, Any] | None
    traceparent: str | None = None
    """Of the command's trace, if it is sampled."""
    bulk_id: UUID | None = None
    """Not stored: see `_with_progress`."""


class SlotFacts(Struct, frozen=True):
    """A time slot as an event left it: it may be gone when the event is delivered."""

    id: int
    category_id: int
    category: str
    starts_at: datetime
    ends_at: datetime
    is_booked: bool
    """Since the event."""
    user_id: int | None
    """The person whose booking it is about, or who has the slot."""


SQL_EVENTS = """
WITH batch AS (INSERT INTO event_batch (events, created_at) VALUES (%s, %s) RETURNING id)
INSERT INTO event (batch_id, n, version, type, command_id, is_final, booking_id, booking_version, owner, actor,
                   contract, request_id, data, traceparent)
SELECT batch.id, e.n - 1, %s, e.type, e.command_id, e.is_final, e.booking_id, e.booking_version, e.owner, e.actor,
       e.contract, e.request_id, e.data, e.traceparent
FROM batch, ROWS FROM (json_to_recordset(%s::json) AS (
    type text, command_id uuid, is_final boolean, booking_id bigint, booking_version integer, owner text, actor text,
    contract text, request_id text, data json, traceparent text)) WITH ORDINALITY
    AS e (type, command_id, is_final, booking_id, booking_version, owner, actor, contract, request_id, data,
          traceparent, n)
"""


def write_event_rows(trip: RoundTrip, rows: Sequence[EventRow], now: datetime) -> None:
    trip.execute(SQL_EVENTS, event_parameters(rows, now))


def event_parameters(rows: Sequence[EventRow], now: datetime) -> list[Any]:
    """For `SQL_EVENTS`: one batch of the feed."""
    all_rows = _with_progress(rows)
    return [len(all_rows), now, EVENT_VERSION, json_of(all_rows)]


def _with_progress(rows: Sequence[EventRow]) -> Sequence[EventRow]:
    """The sender of ten thousand rows gets their progress, not ten thousand outcomes."""
    bulks = {row.bulk_id: row for row in rows if row.bulk_id is not None and row.is_final}
    if not bulks:
        return rows
    quiet = [row if row.bulk_id is None else replace(row, owner=None) for row in rows]
    return [*quiet, *(progress(id_, row) for id_, row in bulks.items())]


def progress(bulk_id: UUID, of: EventRow) -> EventRow:
    """The event that more of a bulk is decided; its reader counts how much."""
    return replace(
        of, type=BULK_PROGRESS, command_id=bulk_id, is_final=False, booking_id=None, booking_version=None, data=None
    )


def final_event(envelope: Header, type_: WithoutDecision) -> EventRow:
    """The event that a command ended and changed no booking."""
    return EventRow(
        type=type_,
        command_id=envelope.id,
        is_final=True,
        booking_id=None,
        booking_version=None,
        owner=envelope.actor.owner,
        actor=_actor_name(envelope.actor),
        contract=envelope.contract,
        request_id=envelope.request_id,
        data=None,
        traceparent=envelope.traceparent,
        bulk_id=envelope.bulk_id,
    )


def event_rows(envelope: Envelope, events: Sequence[Event]) -> list[EventRow]:
    """The feed's rows for one command; the last one says that the command is decided."""
    ends = not isinstance(events[-1], CommandDeferred | CommandStepped)
    news = [(event, name, *_booking_of(event)) for event in events if (name := _NAMES[type(event)]) is not None]
    return [
        EventRow(
            type=name,
            command_id=envelope.id,
            is_final=ends and place == len(news) - 1,
            booking_id=booking_id,
            booking_version=version,
            owner=envelope.actor.owner,
            actor=_actor_name(_by(envelope.actor, event)),
            contract=envelope.contract,
            request_id=envelope.request_id,
            data=_facts(event),
            traceparent=envelope.traceparent,
            bulk_id=envelope.bulk_id,
        )
        for place, (event, name, booking_id, version) in enumerate(news)
    ]


def bulk_accepted(
    bulk_id: UUID, actor: Actor, contract: str, request_id: str, traceparent: str | None = None
) -> EventRow:
    """The event that a bulk was accepted."""
    return EventRow(
        type=BULK_PROGRESS,
        command_id=bulk_id,
        is_final=False,
        booking_id=None,
        booking_version=None,
        owner=actor.owner,
        actor=_actor_name(actor),
        contract=contract,
        request_id=request_id,
        data=None,
        traceparent=traceparent,
    )


def told_by_itself(type_: str, data: dict[str, Any]) -> EventRow:
    """The event of something that no command did, as an endpoint of webhooks that was disabled."""
    return EventRow(
        type=type_,
        command_id=uuid4(),
        is_final=False,
        booking_id=None,
        booking_version=None,
        owner=None,
        actor=_actor_name(ENGINE),
        contract="",
        request_id="",
        data=data,
    )


def _by(actor: Actor, event: Event) -> Actor:
    """The command's actor, or the engine where a command made a lapsed hold end."""
    return ENGINE if isinstance(event, BookingChanged) and event.by == ActorKind.ENGINE else actor


def _actor_name(actor: Actor) -> str:
    return f"{actor.kind}:{actor.user_id or actor.key_id}" if actor.owner else str(actor.kind)


_NAMES: Mapping[type[Event], str | None] = {kind: kind.__struct_config__.tag for kind in get_args(Event)}
"""An event's name in the feed; None if the feed does not have it."""
TYPES = frozenset({name for name in _NAMES.values() if name is not None} | {BULK_PROGRESS, *get_args(WithoutDecision)})
"""Every name that an event of the feed may have."""


def _booking_of(event: Event) -> tuple[int | None, int | None]:
    """(id, version) of the booking that an event is about; the version only where it is the booking's own event."""
    match event:
        case BookingPlaced(booking=b) | BookingChanged(booking=b) | BookingDeleted(booking=b):
            return b.id, b.version
        case SlotChanged(booking=booking):
            return booking.id if booking else None, None
        case SlotUnchanged():
            return None, None
        case CreditsGranted(credit=credit):
            return credit.booking_id, None
        case CreditsVoided(credit_id=id_):
            return id_, None
        case object(booking=Booking() as b):
            return b.id, b.version
        case object(payment=Payment() as p):
            return p.booking_id, None
        case object(booking_id=int() as id_):
            return id_, None
        case _:
            return None, None


def _facts(event: Event) -> dict[str, Any] | None:  # noqa: C901, PLR0912 - a table: one line an event
    """Ids and small facts. Only the engine's reasons are in it: what people write may be personal, and events cannot be
    found by person.
    """
    match event:
        case BookingPlaced(booking=b, slot=slot):
            return {**place_facts(b), **_about(slot, b, taken=True)}
        case BookingChanged(booking=b, was=was, by=by, reason=reason, claims=claims, slot=slot, moved_from=before):
            why = {"reason": reason} if by == ENGINE.kind else {}
            moved = {"moved": True} if claims and was == b.status else {}
            takes = {"takes_slot": True} if before is not None and before.time_slot_id != b.time_slot_id else {}
            place = place_facts(b, before) | _about(slot, b, taken=b.status in KEEPS_SLOT)
            return {"was": was, "now": b.status, **why, **moved, **takes, **place}
        case BookingDeleted(booking=b, slot=slot):
            return {"was": b.status, **place_facts(b), **_about(slot, b, taken=False)}
        case CommandRefused(refusal=refusal):
            return {"refusal": refusal}
        case PaymentChanged(payment=p, was=was):
            return {"was": was, **_payment_facts(p)}
        case PaymentMade(payment=p) | PaymentReady(payment=p):
            return _payment_facts(p)
        case ResourceClosed(closure=c) | ResourceReopened(closure=c):
            return {"closure_id": c.id, "resource_id": c.resource.id}
        case SlotOffered(slot=slot, is_taken=taken) | SlotAvailabilityChanged(slot=slot, is_taken=taken):
            return _about(slot, taken=taken)
        case SlotChanged(slot=slot, booking=booking, is_taken=taken):
            return _about(slot, booking, taken=taken)
        case SlotRemoved(slot=slot):
            return _about(slot, taken=False)
        case WeeklyOffered(slots=slots, skipped=skipped):
            return {"created": len(slots), "skipped": len(skipped)}
        case SessionOpened(session=session) | SessionCancelled(session=session) | SessionEmptied(session=session):
            return {"session_id": session.id}
        case CreditsGranted(credit=credit):
            return {"credits": credit.granted}
        case CreditReturned(credit_id=id_):
            return {"credit_id": id_}
        case WaitingBegun(place=place, position=n):
            return {"session_id": place.session_id, "user_id": place.user_id, "position": n}
        case WaitingEnded(place=place) | SeatOffered(place=place):
            return {"session_id": place.session_id, "user_id": place.user_id}
        case _:
            return None


def _about(slot: TimeSlot | None, booking: Booking | None = None, *, taken: bool) -> dict[str, SlotFacts]:
    """For an event's facts; empty if there is no slot."""
    if slot is None:
        return {}
    user_id = booking.user_id if booking else None
    category = slot.category
    return {"slot": SlotFacts(slot.id, category.id, category.name, slot.starts_at, slot.ends_at, taken, user_id)}


def _payment_facts(payment: Payment) -> dict[str, str | int]:
    """An attempt's state and the reasons for it, what has gone back, never its secret."""
    reasons = {"decline": payment.decline, "refund_reason": payment.refund_reason}
    facts: dict[str, str | int] = {
        "payment_id": str(payment.id),
        "attempt": str(payment.attempt),
        "state": payment.state.value,
    }
    back: dict[str, str | int] = {"refunded_minor": payment.refunded_minor} if payment.refunded_minor else {}
    return facts | back | {name: reason for name, reason in reasons.items() if reason is not None}
