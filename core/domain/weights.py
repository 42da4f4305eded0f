"""What a command weighs: about how many bookings (claims, time slots) a batch loads and writes for it.

A batch is bounded by weight, not by commands: two hundred people who buy a course of two hundred
sessions are forty thousand bookings. The weight is written when the command is accepted
(`core.store.weights`), so that a batch is cut without reading anything else.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import Any, assert_never

from core.domain import commands as common
from core.domain.commands import Command, CommonCommand
from core.domain.marketplace import commands as market
from core.domain.marketplace.commands import MarketCommand, MarketCommandBase
from core.domain.steps import STEP_BOOKINGS
from core.domain.timeslots.weekly_pattern import count

HEAVIEST = 32_000
"""The highest weight; the database keeps it in two bytes."""


class AlsoLoaded(Enum):
    """What else is loaded with a command and only the database knows."""

    NOTHING = auto()
    PURCHASES = auto()
    """The rest of the purchases to which its bookings (`booking_id`, `booking_ids`) belong."""
    PURCHASE_PAID = auto()
    """The same for the booking that its `payment_id` pays for."""
    TIME_CLOSED = auto()
    """Claims and time slots within the time that is closed."""
    TIME_REOPENED = auto()
    """Time slots within the time that is reopened."""


ALSO_LOADED: dict[type[Any], AlsoLoaded] = {
    common.Place: AlsoLoaded.NOTHING,
    common.PlaceAll: AlsoLoaded.NOTHING,
    common.BookRoom: AlsoLoaded.NOTHING,
    common.ChangeStatus: AlsoLoaded.PURCHASES,
    common.Cancel: AlsoLoaded.PURCHASES,
    common.Delete: AlsoLoaded.PURCHASES,
    common.BookSlot: AlsoLoaded.NOTHING,
    common.OfferSlot: AlsoLoaded.NOTHING,
    common.OfferWeekly: AlsoLoaded.NOTHING,
    common.ChangeSlot: AlsoLoaded.NOTHING,
    common.RemoveSlot: AlsoLoaded.NOTHING,
    common.CloseResource: AlsoLoaded.TIME_CLOSED,
    common.ReopenResource: AlsoLoaded.TIME_REOPENED,
    common.RequestPayment: AlsoLoaded.PURCHASES,
    common.ReportIntent: AlsoLoaded.PURCHASE_PAID,
    common.ReportNothing: AlsoLoaded.PURCHASE_PAID,
    common.ReportRefund: AlsoLoaded.PURCHASE_PAID,
    common.LookForRefunds: AlsoLoaded.PURCHASE_PAID,
    common.ReportGivenBack: AlsoLoaded.PURCHASE_PAID,
    common.ExpireDue: AlsoLoaded.PURCHASES,
    common.MoveOn: AlsoLoaded.PURCHASES,
    common.Canary: AlsoLoaded.NOTHING,
    market.BookIndividual: AlsoLoaded.NOTHING,
    market.BookSession: AlsoLoaded.NOTHING,
    market.BookCourse: AlsoLoaded.NOTHING,
    market.BookPackage: AlsoLoaded.NOTHING,
    market.BookBundle: AlsoLoaded.NOTHING,
    market.TurnBooking: AlsoLoaded.PURCHASES,
    market.MoveBooking: AlsoLoaded.PURCHASES,
    market.TakeSeat: AlsoLoaded.PURCHASES,
    market.AmendBooking: AlsoLoaded.PURCHASES,
    market.OpenSession: AlsoLoaded.NOTHING,
    market.CancelSession: AlsoLoaded.NOTHING,
    market.JoinWaitingList: AlsoLoaded.NOTHING,
    market.LeaveWaitingList: AlsoLoaded.NOTHING,
    market.OfferSeats: AlsoLoaded.NOTHING,
}
"""Every type of command; a test checks that none is missing."""


def own_weight(command: Command) -> int:
    """The weight that the command itself tells: the bookings or time slots that it makes or names."""
    if isinstance(command, common.Place):  # most are
        return 1
    found = _of_market(command) if isinstance(command, MarketCommandBase) else _of_common(command)
    return max(1, min(found, HEAVIEST))


def _of_common(command: CommonCommand) -> int:
    match command:
        case common.PlaceAll(rows=rows):
            return len(rows)
        case common.ExpireDue(booking_ids=ids) | common.MoveOn(booking_ids=ids):
            return len(ids)
        case common.OfferWeekly():
            return count(command)
        case (
            common.Place()
            | common.BookRoom()
            | common.ChangeStatus()
            | common.Cancel()
            | common.Delete()
            | common.BookSlot()
            | common.OfferSlot()
            | common.ChangeSlot()
            | common.RemoveSlot()
            | common.CloseResource()
            | common.ReopenResource()
            | common.RequestPayment()
            | common.ReportIntent()
            | common.ReportNothing()
            | common.ReportRefund()
            | common.LookForRefunds()
            | common.ReportGivenBack()
            | common.Canary()
        ):
            return 1
        case _ as unreachable:
            assert_never(unreachable)


def _of_market(command: MarketCommand) -> int:
    match command:
        case market.BookCourse(children=children):
            return 1 + children
        case market.BookPackage(parts=parts):
            return 1 + len(parts)
        case market.OfferSeats(at_most=at_most):
            return at_most
        case market.CancelSession():
            return STEP_BOOKINGS
        case (
            market.BookIndividual()
            | market.BookSession()
            | market.BookBundle()
            | market.TurnBooking()
            | market.MoveBooking()
            | market.TakeSeat()
            | market.AmendBooking()
            | market.OpenSession()
            | market.JoinWaitingList()
            | market.LeaveWaitingList()
        ):
            return 1
        case _ as unreachable:
            assert_never(unreachable)
