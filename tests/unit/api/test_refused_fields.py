"""A refusal names a field that the body has which was sent, whatever command it asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from typing import get_args, get_type_hints
from zoneinfo import ZoneInfo

import pytest
from msgspec import Struct

from api.bookings.admin_actions import BookingMove
from api.bookings.own_booking import OwnMove
from api.contracts.agent.new_booking import AgentBooking
from api.contracts.appointments.closures import NewClosure
from api.contracts.appointments.desk_booking import BookingChange
from api.contracts.appointments.new_booking import NewBooking
from api.contracts.calendar.admin_timeslots import NewSlot, SlotChange, SlotChangeQuery
from api.contracts.calendar.new_booking import NewSlotBooking
from api.contracts.calendar.weekly_pattern import WeeklyPattern
from api.contracts.marketplace.booking_actions import Cancellation, MarketBookingChange, NewTime
from api.contracts.marketplace.fields import ClockWindow, ClockWindows
from api.contracts.marketplace.practitioners import PractitionerChange
from api.contracts.marketplace.purchase_bodies import NewBundle, NewCourse, NewMarketBooking, NewPackage
from api.contracts.marketplace.sessions import NewSession
from api.contracts.marketplace.time_off import NewTimeOff
from api.contracts.rooms.new_booking import NewRoomBooking
from api.guests.guest_booking import GuestMove
from api.payments.intents import NewIntent
from core.domain import commands
from core.domain.commands import CloseResource, Command
from core.domain.marketplace import commands as market
from core.domain.refusals import CommandRefused, Refusal
from core.domain.values import Resource
from core.wire.refusals import FIELDS_OF_COMMAND, PARTS, REFUSALS, field_of
from tests.conftest import FIGURE
from tests.support.clients.responder_requests import refused_fields
from tests.support.clock_changes import clock_changes, different_zones
from tests.support.values import STAFF, decided, envelope, state

Bodies = tuple[type[Struct], ...]
SENT: dict[tuple[str, type[Command]], Bodies] = {
    ("appointments", commands.Place): (NewBooking,),
    ("agent", commands.Place): (AgentBooking,),
    ("agent", commands.PlaceAll): (),
    ("rooms", commands.BookRoom): (NewRoomBooking,),
    ("calendar", commands.BookSlot): (NewSlotBooking,),
    ("calendar", commands.OfferSlot): (NewSlot,),
    ("calendar", commands.ChangeSlot): (SlotChange, SlotChangeQuery),
    ("calendar", commands.OfferWeekly): (WeeklyPattern,),
    ("calendar", commands.RemoveSlot): (),
    ("agent", commands.Reschedule): (GuestMove, OwnMove),
    ("rooms", commands.Reschedule): (GuestMove, OwnMove),
    ("calendar", commands.MoveToSlot): (GuestMove, OwnMove),
    ("appointments", commands.Reschedule): (BookingMove, GuestMove, OwnMove),
    ("appointments", commands.MoveToSlot): (BookingMove,),
    ("appointments", commands.MoveWithSlot): (BookingMove,),
    ("appointments", market.MoveBooking): (BookingMove,),
    ("appointments", commands.ReportVisit): (),
    ("appointments", commands.AcceptHold): (),
    ("appointments", market.TurnBooking): (),
    ("appointments", commands.ChangeStatus): (BookingChange,),
    ("appointments", commands.Cancel): (),
    ("calendar", commands.Cancel): (),
    ("rooms", commands.Cancel): (),
    ("appointments", commands.Delete): (),
    ("appointments", commands.CloseResource): (NewClosure,),
    ("marketplace", commands.CloseResource): (NewTimeOff,),
    ("appointments", commands.ReopenResource): (),
    ("marketplace", commands.ReopenResource): (),
    ("payments", commands.RequestPayment): (NewIntent,),
    ("marketplace", market.BookIndividual): (NewMarketBooking,),
    ("marketplace", market.BookSession): (NewMarketBooking,),
    ("marketplace", market.BookPackage): (NewPackage,),
    ("marketplace", market.BookBundle): (NewBundle,),
    ("marketplace", market.BookCourse): (NewCourse,),
    ("marketplace", market.TurnBooking): (Cancellation,),
    ("marketplace", market.MoveBooking): (NewTime, OwnMove),
    ("marketplace", market.TakeSeat): (NewTime,),
    ("marketplace", market.AmendBooking): (MarketBookingChange,),
    ("marketplace", market.OpenSession): (NewSession,),
    ("marketplace", market.CancelSession): (),
    ("marketplace", market.JoinWaitingList): (),
    ("marketplace", market.LeaveWaitingList): (),
}
"""By contract and command: the body, and the query, that ask for it."""
OF_THE_ENGINE = {*get_args(commands.EngineCommand), *get_args(commands.PaymentReport), market.OfferSeats}


def test_every_command_that_can_be_asked_for_is_walked() -> None:
    assert {kind for _, kind in SENT} == set(get_args(Command)) - OF_THE_ENGINE
    assert set(FIELDS_OF_COMMAND) <= {kind for _, kind in SENT}


def test_every_refusal_of_every_command_names_a_field_of_its_body(
    record_property: Callable[[str, object], None],
) -> None:
    wrong, walked = [], 0
    for (contract, kind), bodies in SENT.items():
        known = {field for body in bodies for field in body.__struct_fields__}
        for refusal in Refusal:
            for part in ("", *(PARTS.get(contract, ()) if kind is CloseResource else ())):
                walked += 1
                found = field_of(CommandRefused(refusal, part=part), contract, kind)
                if found is not None and found not in known:
                    wrong.append(f"{contract} {kind.__name__} {refusal}: {found}")
    record_property(
        FIGURE,
        f"refusals: {walked} of {len(SENT)} commands, {sum(bool(answer.field) for answer in REFUSALS.values())} that are about a field",
    )
    assert wrong == []


@pytest.mark.parametrize(
    ("contract", "kind", "refusal", "field"),
    [
        ("appointments", commands.Place, Refusal.LOCAL_TIME_SKIPPED, "booking_time"),
        ("agent", commands.Place, Refusal.USER_NOT_FOUND, "phone"),
        ("rooms", commands.BookRoom, Refusal.SLOT_TAKEN, "start_time"),
        ("calendar", commands.BookSlot, Refusal.SLOT_TAKEN, "time_slot"),
        ("calendar", commands.BookSlot, Refusal.USER_NOT_FOUND, None),
        ("calendar", commands.OfferSlot, Refusal.IN_THE_PAST, "start_time"),
        ("calendar", commands.OfferWeekly, Refusal.IN_THE_PAST, "start_date"),
        ("calendar", commands.ChangeSlot, Refusal.SLOT_TAKEN, "start_time"),
        ("calendar", commands.ChangeSlot, Refusal.TIME_SLOT_BOOKED, "if_booked"),
        ("marketplace", market.BookPackage, Refusal.SLOT_TAKEN, "schedule"),
        ("marketplace", market.BookCourse, Refusal.SESSION_FULL, "service_id"),
        ("appointments", commands.Reschedule, Refusal.CLOSED, "start_time"),
        ("appointments", commands.Reschedule, Refusal.LENGTH_IS_PRICED, "end_time"),
        ("appointments", commands.Reschedule, Refusal.TOO_MANY_GUESTS, "resource_id"),
        ("appointments", commands.MoveWithSlot, Refusal.TIME_SLOT_OVERLAPS, "start_time"),
        ("rooms", commands.Reschedule, Refusal.OFF_GRID, "start_time"),
        ("rooms", commands.Reschedule, Refusal.OFF_DAY, "start_time"),
        ("calendar", commands.MoveToSlot, Refusal.SLOT_TAKEN, "start_time"),
        ("marketplace", market.MoveBooking, Refusal.NO_ROOM_FREE, "start_time"),
        ("marketplace", market.TurnBooking, Refusal.INVALID_TRANSITION, None),
        ("marketplace", market.TurnBooking, Refusal.WRONG_CANCELED_BY, "canceled_by"),
        ("appointments", commands.ChangeStatus, Refusal.INVALID_TRANSITION, "status"),
        ("appointments", commands.Cancel, Refusal.INVALID_TRANSITION, None),
    ],
)
def test_a_refusal_is_told_beside_the_field_that_it_is_about(
    contract: str, kind: type[Command], refusal: Refusal, field: str | None
) -> None:
    assert field_of(CommandRefused(refusal), contract, kind) == field


def gaps() -> Iterator[tuple[str, date, time]]:
    """(zone, day, a time that the clocks skip on it) of every change of every set of rules that skips one."""
    for zone in different_zones():
        tz = ZoneInfo(zone)
        for change in clock_changes(zone)[:4]:
            before, after = (change - timedelta(seconds=1)).astimezone(tz), change.astimezone(tz)
            skipped = (after.utcoffset() or timedelta()) - (before.utcoffset() or timedelta())
            if skipped >= timedelta(minutes=2):
                middle = (before.replace(tzinfo=None) + skipped / 2).replace(second=0, microsecond=0)
                yield zone, middle.date(), middle.time()


def test_a_closure_that_begins_or_ends_in_a_clocks_gap_names_its_own_field(
    record_property: Callable[[str, object], None],
) -> None:
    wrong, found, zones = [], 0, set()
    for zone, day, at in gaps():
        found += 1
        zones.add(zone)
        known = state(resources=[Resource(7, "room", "A room", zone)])
        later = day + timedelta(days=1)
        for contract, command, field in (
            ("appointments", CloseResource(7, day, later, starts=at), "start_time"),
            ("appointments", CloseResource(7, day - timedelta(days=1), day, ends=at), "end_time"),
            ("marketplace", CloseResource(7, day, later, starts=at), "start"),
            ("marketplace", CloseResource(7, day - timedelta(days=1), day, ends=at), "end"),
        ):
            (event,) = decided(known, envelope(command, STAFF, contract=contract), datetime(2023, 1, 1, tzinfo=UTC))
            named = field_of(event, contract, CloseResource) if isinstance(event, CommandRefused) else event
            if named != field:
                wrong.append((zone, day, at, contract, named))
    record_property(FIGURE, f"gaps: {found} of {len(zones)} sets of rules")
    assert wrong == []
    assert found > 100


def test_a_day_that_the_calendar_skips_is_its_first_days_fault() -> None:
    """Samoa crossed the date line: 30 December 2011 did not exist there."""
    day = date(2011, 12, 30)
    known = state(resources=[Resource(7, "room", "A room", "Pacific/Apia")])
    (event,) = decided(known, envelope(CloseResource(7, day, day), STAFF))
    assert isinstance(event, CommandRefused)
    assert (event.refusal, field_of(event, "appointments", CloseResource)) == (Refusal.LOCAL_TIME_SKIPPED, "start_date")


def test_a_window_of_the_week_begins_at_a_time_of_day() -> None:
    """24:00 is the end of a day, and no day begins there."""
    of_week = [name for name, hint in get_type_hints(PractitionerChange, include_extras=True).items() if _is_week(hint)]
    assert of_week == ["hours", "breaks"]
    for name in of_week:
        for start, end, wrong in (
            ("24:00", "01:00", [f"{name}[0].start"]),
            ("24:00", "24:00", [f"{name}[0].start"]),
            ("23:00", "24:00", []),
            ("23:00", "00:00", []),
            ("00:00", "24:00", []),
            ("01:00", "01:00", [name]),
            ("23:00", "01:00", [name]),
            ("23:00", "24:01", [f"{name}[0].end"]),
        ):
            window = {"weekday": 0, "start": start, "end": end}
            assert refused_fields(PractitionerChange, {name: [window]}) == wrong, window


def _is_week(hint: object) -> bool:
    return ClockWindows in get_args(hint) or ClockWindow in get_args(hint)
