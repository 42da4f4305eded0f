"""What commands need to know: named by the domain, loaded by the shell in a few queries.

In two steps, because which time a command wants follows from what the first step loads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import assert_never
from uuid import UUID

from core.domain.commands import (
    BookRoom,
    Canary,
    Cancel,
    ChangeStatus,
    Command,
    Delete,
    ExpireDue,
    MoveOn,
    PersonById,
    PersonByPhone,
    Place,
    ReportIntent,
    ReportNothing,
    ReportRefund,
    RequestPayment,
)
from core.domain.placing import wanted
from core.domain.reported import wanted_again
from core.domain.rooms import wanted_room
from core.domain.state import State

Interval = tuple[int, datetime, datetime]
"""Resource id, start, end."""


class Needs:
    """The first step: what a batch has to load, and how many fresh ids it may ask for."""

    def __init__(self, commands: Iterable[Command]) -> None:
        self.services: set[str] = set()
        """Case-folded names."""
        self.users: set[int] = set()
        self.phones: set[str] = set()
        self.bookings: set[int] = set()
        """Locked as well as loaded."""
        self.due: set[int] = set()
        """Bookings too, but nobody waits to be told of them: their users are not needed."""
        self.rooms: set[int] = set()
        self.holders: set[int] = set()
        """Users whose live holds count; their rows are locked, as a second lane may want to hold for them."""
        self.payments: set[UUID] = set()
        """With their bookings, which are locked first."""
        self.new_bookings = 0
        self.new_users = 0
        for command in commands:
            self._add(command)

    def _add(self, command: Command) -> None:
        match command:
            case Place():
                self._add_place(command)
            case BookRoom(user_id=user_id, room_id=room_id):
                self.rooms.add(room_id)
                self.users.add(user_id)
                self.holders.add(user_id)
                self.new_bookings += 1
            case ExpireDue(booking_ids=ids) | MoveOn(booking_ids=ids):
                self.due.update(ids)
            case (
                Cancel(booking_id=id_)
                | ChangeStatus(booking_id=id_)
                | Delete(booking_id=id_)
                | RequestPayment(booking_id=id_)
            ):
                self.bookings.add(id_)
            case ReportIntent(payment_id=id_) | ReportNothing(payment_id=id_) | ReportRefund(payment_id=id_):
                self.payments.add(id_)
            case Canary():
                pass
            case _ as unreachable:
                assert_never(unreachable)

    def _add_place(self, command: Place) -> None:
        self.services.add(command.service_name.casefold())
        self.new_bookings += 1
        match command.person:
            case PersonById(user_id=user_id):
                self.users.add(user_id)
            case PersonByPhone(phone_key=phone_key):
                self.phones.add(phone_key)
                self.new_users += 1


def intervals(state: State, command: Command) -> Iterator[Interval]:
    """The second step: the times whose claims decide a command."""
    match command:
        case Place():
            if (interval := wanted(state, command)) is not None:
                yield interval
        case BookRoom():
            if (interval := wanted_room(state, command)) is not None:
                yield interval
        case ReportIntent():
            yield from wanted_again(state, command)
        case _:
            return
