"""The rules, as a table: what a command does to a state at a moment.

Pure: the clock reading and fresh ids are arguments. One module a family of commands holds its
rules: `placing`, `changing`, `offering`, ...
"""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from core.domain.bookings.all_or_nothing import place_all
from core.domain.bookings.appointments import place
from core.domain.bookings.changes import change, delete, owned, put_status, require_booking
from core.domain.bookings.clock import move_on
from core.domain.bookings.holds import expire_due
from core.domain.bookings.rooms import book_room
from core.domain.bookings.status import Status
from core.domain.commands import (
    BookRoom,
    BookSlot,
    Canary,
    Cancel,
    ChangeSlot,
    ChangeStatus,
    CloseResource,
    CommonCommand,
    Delete,
    EngineCommand,
    Envelope,
    ExpireDue,
    LookForRefunds,
    MoveOn,
    OfferSlot,
    OfferWeekly,
    PaymentCommand,
    Place,
    PlaceAll,
    RemoveSlot,
    ReopenResource,
    ReportGivenBack,
    ReportIntent,
    ReportNothing,
    ReportRefund,
    RequestPayment,
)
from core.domain.events import CanaryHeard, Event
from core.domain.ids import Ids
from core.domain.marketplace.commands import MarketCommandBase
from core.domain.marketplace.decide import decide_market
from core.domain.marketplace.purchases.purchase_parts import with_purchase_changes
from core.domain.payments.checkout import request_payment
from core.domain.payments.intent_reports import report_intent, report_nothing
from core.domain.payments.refund_reports import look_for_refunds, report_given_back, report_refund
from core.domain.payments.refunds import settle_payments
from core.domain.refusals import Refusal, Refused
from core.domain.resources.closures import decide_closing
from core.domain.state import State
from core.domain.timeslots.shared_time import availability_changes
from core.domain.timeslots.timeslots import decide_slots, with_time_slots


def decide(state: State, envelope: Envelope, now: datetime, ids: Ids) -> tuple[Event, ...]:
    """What happens because of one command. A refusal is an event too; an exception is a bug.

    The last event is what the command is answered.
    """
    try:
        events = with_time_slots(state, _decide(state, envelope, now, ids))
        events = with_purchase_changes(state, envelope.actor, events, now)
    except Refused as refused:
        return (refused.event,)
    return (*settle_payments(state, envelope.actor, events, now), *availability_changes(state, events), *events)


def _decide(state: State, envelope: Envelope, now: datetime, ids: Ids) -> tuple[Event, ...]:
    if envelope.decide_before is not None and now >= envelope.decide_before and envelope.id not in state.begun:
        raise Refused(Refusal.DECIDED_TOO_LATE)
    if isinstance(envelope.command, MarketCommandBase):
        return decide_market(state, envelope, envelope.command, now, ids)
    return _decide_common(state, envelope, envelope.command, now, ids)


def _decide_common(
    state: State, envelope: Envelope, command: CommonCommand, now: datetime, ids: Ids
) -> tuple[Event, ...]:
    actor = envelope.actor
    match command:
        case Place() | PlaceAll() | BookRoom():
            return _decide_placing(state, envelope, command, now, ids)
        case ChangeStatus(booking_id=id_, status=status):
            return put_status(require_booking(state, id_), status, actor, now)
        case Cancel(booking_id=id_, reason=reason):
            return change(owned(state, id_, actor), Status.CANCELLED, actor, now, reason)
        case Delete(booking_id=id_):
            return delete(require_booking(state, id_), actor, now)
        case BookSlot() | OfferSlot() | OfferWeekly() | ChangeSlot() | RemoveSlot():
            return decide_slots(state, envelope, command, now, ids)
        case CloseResource() | ReopenResource():
            return decide_closing(state, command, now, ids)
        case (
            RequestPayment() | ReportIntent() | ReportNothing() | ReportRefund() | LookForRefunds() | ReportGivenBack()
        ):
            return _decide_payments(state, envelope, command, now, ids)
        case ExpireDue() | MoveOn() | Canary():
            return _decide_for_the_engine(state, command, now)
        case _ as unreachable:
            assert_never(unreachable)


def _decide_placing(
    state: State, envelope: Envelope, command: Place | PlaceAll | BookRoom, now: datetime, ids: Ids
) -> tuple[Event, ...]:
    match command:
        case Place():
            return place(state, envelope, command, now, ids)
        case PlaceAll():
            return place_all(state, envelope, command, now, ids)
        case BookRoom():
            return book_room(state, envelope, command, now, ids)


def _decide_payments(
    state: State, envelope: Envelope, command: PaymentCommand, now: datetime, ids: Ids
) -> tuple[Event, ...]:
    match command:
        case RequestPayment():
            return request_payment(state, envelope, command, now, ids)
        case ReportIntent():
            return report_intent(state, command, now)
        case ReportNothing():
            return report_nothing(state, command, now)
        case ReportRefund():
            return report_refund(state, command, now)
        case LookForRefunds():
            return look_for_refunds(state, command, now)
        case ReportGivenBack():
            return report_given_back(state, command, now)


def _decide_for_the_engine(state: State, command: EngineCommand, now: datetime) -> tuple[Event, ...]:
    match command:
        case ExpireDue(booking_ids=ids):
            return expire_due(state, ids, now)
        case MoveOn(booking_ids=ids):
            return move_on(state, ids, now)
        case Canary():
            return (CanaryHeard(),)
