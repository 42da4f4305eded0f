"""What commands need to know: named by the domain, loaded by the shell in a few queries.

In two steps, because which time a command wants follows from what the first step loads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import assert_never
from uuid import UUID

from core.domain.bookings.appointments import wanted
from core.domain.bookings.rooms import room_interval
from core.domain.commands import (
    BookRoom,
    BookSlot,
    Canary,
    Cancel,
    ChangeSlot,
    ChangeStatus,
    CloseResource,
    ClosingCommand,
    Command,
    CommonCommand,
    Delete,
    ExpireDue,
    LookForRefunds,
    MoveOn,
    OfferSlot,
    OfferWeekly,
    PaymentReport,
    PersonById,
    PersonByPhone,
    Place,
    PlaceAll,
    RemoveSlot,
    ReopenResource,
    ReportGivenBack,
    ReportIntent,
    ReportNothing,
    ReportRefund,
    RequestPayment,
    RowToPlace,
    SlotCommand,
)
from core.domain.marketplace.commands import MarketCommandBase
from core.domain.marketplace.needs import MarketNeeds, market_intervals
from core.domain.names import folded
from core.domain.payments.received import late_payment_intervals
from core.domain.payments.values import IntentStatus
from core.domain.resources.closures import closure_interval
from core.domain.state import State
from core.domain.timeslots.weekly_pattern import Occurrence, count, occurrences

Interval = tuple[int, datetime, datetime]
"""Resource or category id, start, end."""


class Needs:
    """The first step: what a batch has to load, and how many fresh ids it may ask for."""

    def __init__(self, commands: Iterable[Command]) -> None:
        self.services: set[str] = set()
        """Folded names."""
        self.users: set[int] = set()
        self.phones: set[str] = set()
        self.bookings: set[int] = set()
        """Locked as well as loaded."""
        self.slots: set[int] = set()
        """Time slots; locked as well as loaded, with the bookings that have them."""
        self.categories: set[int] = set()
        self.unnamed: set[int] = set()
        """Bookings too, but nobody waits to be told of them: their users are not needed."""
        self.rooms: set[int] = set()
        self.holders: set[int] = set()
        """Users whose live holds count; their rows are locked, as a second lane may want to hold for them."""
        self.resources: set[int] = set()
        self.closures: set[int] = set()
        """Locked as well as loaded."""
        self.payments: set[UUID] = set()
        """With their bookings, which are locked first."""
        self.received: set[UUID] = set()
        """Payments that are reported to have succeeded: more is loaded for late ones."""
        self.paid_for: set[int] = set()
        """The bookings that they are for; looked up in the database."""
        self.new_bookings = 0
        self.new_users = 0
        self.new_slots = 0
        self.new_closures = 0
        self.market = MarketNeeds()
        for command in commands:
            if isinstance(command, MarketCommandBase):
                self.market.add(command)
            else:
                self._add(command)
        self.users |= self.market.users
        self.holders |= self.market.holders
        self.bookings |= self.market.bookings
        self.new_bookings += self.market.new_bookings

    def _add(self, command: CommonCommand) -> None:
        match command:
            case Place():
                self._add_place(command)
            case PlaceAll(rows=rows):
                self._add_places(rows)
            case BookRoom(user_id=user_id, room_id=room_id):
                self.rooms.add(room_id)
                self.users.add(user_id)
                self.holders.add(user_id)
                self.new_bookings += 1
            case ExpireDue(booking_ids=ids) | MoveOn(booking_ids=ids):
                self.unnamed.update(ids)
            case (
                Cancel(booking_id=id_)
                | ChangeStatus(booking_id=id_)
                | Delete(booking_id=id_)
                | RequestPayment(booking_id=id_)
            ):
                self.bookings.add(id_)
            case BookSlot() | OfferSlot() | OfferWeekly() | ChangeSlot() | RemoveSlot():
                self._add_slots(command)
            case CloseResource() | ReopenResource():
                self._add_closing(command)
            case ReportIntent() | ReportNothing() | ReportRefund() | LookForRefunds() | ReportGivenBack():
                self._add_report(command)
            case Canary():
                pass
            case _ as unreachable:
                assert_never(unreachable)

    def _add_report(self, report: PaymentReport) -> None:
        self.payments.add(report.payment_id)
        if isinstance(report, ReportIntent) and report.status is IntentStatus.SUCCEEDED:
            self.received.add(report.payment_id)

    def _add_slots(self, command: SlotCommand) -> None:
        match command:
            case BookSlot(time_slot_id=slot_id, person=person):
                self.slots.add(slot_id)
                self.users.add(person.user_id)
                self.new_bookings += 1
            case OfferSlot(category_id=category_id):
                self.categories.add(category_id)
                self.new_slots += 1
            case OfferWeekly(category_id=category_id):
                self.categories.add(category_id)
                self.new_slots += count(command)
            case ChangeSlot(time_slot_id=slot_id, category_id=category_id):
                self.slots.add(slot_id)
                self.categories.add(category_id)
            case RemoveSlot(time_slot_id=slot_id):
                self.slots.add(slot_id)

    def _add_closing(self, command: ClosingCommand) -> None:
        match command:
            case CloseResource(resource_id=resource_id):
                self.resources.add(resource_id)
                self.new_closures += 1
            case ReopenResource(closure_id=closure_id):
                self.closures.add(closure_id)

    def _add_places(self, rows: Iterable[RowToPlace]) -> None:
        for row in rows:
            self._add_place(row.place)

    def _add_place(self, command: Place) -> None:
        self.services.add(folded(command.service_name))
        self.new_bookings += 1
        match command.person:
            case PersonById(user_id=user_id):
                self.users.add(user_id)
            case PersonByPhone(phone_key=phone_key):
                self.phones.add(phone_key)
                self.new_users += 1


def intervals(state: State, command: Command) -> Iterable[Interval]:
    """The second step: the times whose claims decide a command."""
    match command:
        case Place():
            return _if_any(wanted(state, command))
        case PlaceAll(rows=rows):
            return chain.from_iterable(_if_any(wanted(state, row.place)) for row in rows)
        case MarketCommandBase():
            return market_intervals(state, command)
        case CloseResource():
            return _if_any(closure_interval(state, command))
        case BookRoom():
            return _if_any(room_interval(state, command))
        case BookSlot(time_slot_id=slot_id) if (slot := state.slots.get(slot_id)) is not None:
            return ((slot.category.resource.id, slot.starts_at, slot.ends_at),)
        case OfferSlot() | OfferWeekly() | ChangeSlot() if category := state.categories.get(command.category_id):
            return ((category.resource.id, starts, ends) for _, starts, ends in offered(state, command))
        case ReportIntent():
            return late_payment_intervals(state, command)
        case _:
            return ()


def _if_any(interval: Interval | None) -> tuple[Interval, ...]:
    return () if interval is None else (interval,)


def offered(state: State, command: Command) -> Iterator[Interval]:
    """The second step too: the times in which a category's other slots decide a command."""
    match command:
        case (
            OfferSlot(category_id=id_, starts_at=starts_at, ends_at=ends_at)
            | ChangeSlot(category_id=id_, starts_at=starts_at, ends_at=ends_at)
        ):
            yield id_, starts_at, ends_at
        case OfferWeekly(category_id=id_) if (category := state.categories.get(id_)) is not None:
            for one in occurrences(command, category.resource.zone):
                if isinstance(one, Occurrence):
                    yield id_, one.starts_at, one.ends_at
        case _:
            return
