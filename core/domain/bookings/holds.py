"""Holds: places kept for a person who has still to pay. They end by themselves.

A hold lives until its `hold_expires_at`. From then on its time is free, whether or not the sweep
has come by: a decision that wants the time expires it first, in the same transaction, because its
claim would still stand in the database's exclusion constraint.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import chain

from msgspec.structs import replace

from core.domain.bookings.changes import with_status
from core.domain.bookings.status import PaymentStatus, Status
from core.domain.command_handler import AlsoLoaded, Handler
from core.domain.commands import ENGINE, Envelope, ExpireDue, MoveOn
from core.domain.events import BookingChanged, Event, NothingDue
from core.domain.ids import Ids
from core.domain.needs import Needs
from core.domain.payments.money import can_be_charged
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking, Policy

ExpiredHolds = tuple[BookingChanged, ...]
"""Lapsed holds that expire now, to make way for another booking."""


def held(state: State, booking: Booking, now: datetime) -> Booking:
    """A booking to be made, as a hold if it costs something; a free one is confirmed at once.

    Raises `Refused` for a price that cannot be charged, as nobody could pay for the hold, and for one hold too many.
    """
    if booking.price_minor == 0:
        return replace(booking, status=Status.CONFIRMED, payment_status=PaymentStatus.NONE)
    if not can_be_charged(booking.price_minor, booking.currency):
        raise Refused(Refusal.NOT_CHARGEABLE)
    check_hold_limit(state, booking.user_id, now)
    expires_at = now + timedelta(seconds=state.policy.hold_s)
    return replace(booking, status=Status.HELD, payment_status=PaymentStatus.PENDING, hold_expires_at=expires_at)


def has_lapsed(booking: Booking, now: datetime) -> bool:
    return booking.status is Status.HELD and booking.hold_expires_at is not None and booking.hold_expires_at <= now


def expired(booking: Booking, now: datetime) -> BookingChanged:
    return with_status(booking, Status.EXPIRED, ENGINE, now, "hold expired")


def extended(booking: Booking, policy: Policy) -> Booking:
    """The hold, longer: when its payment is known to be `processing`, and only once."""
    if booking.status is not Status.HELD or booking.hold_expires_at is None or booking.hold_extended:
        return booking
    expires_at = booking.hold_expires_at + timedelta(seconds=policy.hold_extension_s)
    return replace(booking, hold_expires_at=expires_at, hold_extended=True)


def expire_due(state: State, _envelope: Envelope, command: ExpireDue, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    """End those of these holds that have lapsed; what was paid, cancelled or extended meanwhile stays."""
    named = (state.bookings.get(id_) for id_ in command.booking_ids)
    lapsed = tuple(expired(booking, now) for booking in named if booking is not None and has_lapsed(booking, now))
    return lapsed or (NothingDue(),)


def make_way(
    state: State, resource_id: int, starts_at: datetime, ends_at: datetime, now: datetime, *, but: int | None = None
) -> ExpiredHolds:
    """Clear a time: its lapsed holds expire. Raises `Refused` (slot_taken) if anything else is in the way.

    `but` is a booking that moves and is not in its own way.
    """
    found = state.claims[resource_id].touching(starts_at, ends_at)
    in_the_way = [claim for claim in found if but is None or claim.booking_id != but]
    if not in_the_way:
        return ()
    bookings = [state.bookings.get(claim.booking_id) for claim in in_the_way if claim.booking_id is not None]
    lapsed = {booking.id: booking for booking in bookings if booking is not None and has_lapsed(booking, now)}
    if any(claim.booking_id not in lapsed for claim in in_the_way):
        raise Refused(Refusal.SLOT_TAKEN)
    return tuple(expired(booking, now) for booking in lapsed.values())


def joined(ways: Iterable[ExpiredHolds]) -> ExpiredHolds:
    """All of these holds, each once."""
    return tuple({change.booking.id: change for change in chain.from_iterable(ways)}.values())


def check_hold_limit(state: State, user_id: int, now: datetime) -> None:
    """Raises `Refused` if somebody holds as many places as one person may."""
    live = sum(expires_at > now for expires_at in state.holds[user_id].values())
    if 0 < state.policy.max_holds_per_user <= live:
        raise Refused(Refusal.TOO_MANY_HOLDS)


def due_needs(needs: Needs, command: ExpireDue | MoveOn) -> None:
    needs.unnamed.update(command.booking_ids)


def due_weight(command: ExpireDue | MoveOn) -> int:
    return len(command.booking_ids)


HANDLERS = (Handler(ExpireDue, expire_due, due_needs, weight=due_weight, also_loaded=AlsoLoaded.PURCHASES),)
