"""Staff accept a held booking: it stands, and what it costs is no longer asked for here, but at the desk."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from core.domain.bookings.changes import booking_needs, require_booking, with_status
from core.domain.bookings.holds import has_lapsed
from core.domain.bookings.status import Status, may_become
from core.domain.command_handler import AlsoLoaded, Handler
from core.domain.commands import AcceptHold, Envelope
from core.domain.events import BookingUnchanged, Event, PaymentChanged
from core.domain.ids import Ids
from core.domain.marketplace.details import MarketDetails
from core.domain.payments.attempts import closing, ended, payments_of
from core.domain.payments.values import PAYABLE, PaymentState
from core.domain.refusals import Refusal, Refused
from core.domain.state import State
from core.domain.values import Booking


def accept_hold(state: State, envelope: Envelope, command: AcceptHold, now: datetime, _ids: Ids) -> tuple[Event, ...]:
    """A part of a purchase is accepted with the whole."""
    booking = require_booking(state, command.booking_id)
    if booking.status is Status.CONFIRMED:
        return (BookingUnchanged(booking),)
    if not may_become(booking.status, Status.CONFIRMED):
        raise Refused(Refusal.INVALID_TRANSITION, booking.status)
    if isinstance(booking.details, MarketDetails) and booking.details.parent_id is not None:
        raise Refused(Refusal.UNPAID)
    if has_lapsed(booking, now):
        raise Refused(Refusal.HOLD_ENDED)
    accepted = with_status(booking, Status.CONFIRMED, envelope.actor, now, "accepted")
    return (*_charged_no_more(state, booking, now), accepted)


def _charged_no_more(state: State, booking: Booking, now: datetime) -> Iterator[PaymentChanged]:
    """Nobody pays at the desk and by card. Money that has come in by then is kept, and the booking is paid."""
    for payment in payments_of(state, booking.id):
        if payment.state is PaymentState.QUEUED or (payment.state is PaymentState.CREATING and not payment.sent):
            yield ended(payment, now)
        elif payment.state in PAYABLE:
            yield closing(payment, now)


HANDLERS = (Handler(AcceptHold, accept_hold, booking_needs, also_loaded=AlsoLoaded.PURCHASES),)
