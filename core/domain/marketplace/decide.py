"""The marketplace's rules as a table: what each of its commands does."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from core.domain.commands import Actor, Envelope
from core.domain.events import Event
from core.domain.ids import Ids
from core.domain.marketplace.commands import (
    AmendBooking,
    BookBundle,
    BookCourse,
    BookIndividual,
    BookPackage,
    BookSession,
    BuyCommand,
    CancelSession,
    ChangeCommand,
    JoinWaitingList,
    LeaveWaitingList,
    MarketCommand,
    MoveBooking,
    OfferSeats,
    OpenSession,
    TakeSeat,
    TurnBooking,
)
from core.domain.marketplace.purchases.individual_sessions import book_individual
from core.domain.marketplace.purchases.packages import book_bundle, book_package
from core.domain.marketplace.purchases.seats import book_course, book_session
from core.domain.marketplace.rescheduling import amend, move, take_seat
from core.domain.marketplace.sessions import cancel_session, open_session
from core.domain.marketplace.verbs import turn
from core.domain.marketplace.waiting_list import join, leave, offer_seats
from core.domain.state import State


def decide_market(
    state: State, envelope: Envelope, command: MarketCommand, now: datetime, ids: Ids
) -> tuple[Event, ...]:
    actor = envelope.actor
    match command:
        case BookIndividual() | BookSession() | BookCourse() | BookPackage() | BookBundle():
            return _buy(state, envelope, command, now, ids)
        case TurnBooking() | MoveBooking() | TakeSeat() | AmendBooking():
            return _change(state, actor, command, now)
        case OpenSession():
            return open_session(state, actor, command, now, ids)
        case CancelSession():
            return cancel_session(state, envelope, command, now)
        case JoinWaitingList():
            return join(state, actor, command, now, ids)
        case LeaveWaitingList():
            return leave(state, actor, command)
        case OfferSeats():
            return offer_seats(state, envelope, command, now, ids)
        case _ as unreachable:
            assert_never(unreachable)


def _buy(state: State, envelope: Envelope, command: BuyCommand, now: datetime, ids: Ids) -> tuple[Event, ...]:
    match command:
        case BookIndividual():
            return book_individual(state, envelope, command, now, ids)
        case BookSession():
            return book_session(state, envelope, command, now, ids)
        case BookCourse():
            return book_course(state, envelope, command, now, ids)
        case BookPackage():
            return book_package(state, envelope, command, now, ids)
        case BookBundle():
            return book_bundle(state, envelope, command, now, ids)


def _change(state: State, actor: Actor, command: ChangeCommand, now: datetime) -> tuple[Event, ...]:
    match command:
        case TurnBooking():
            return turn(state, actor, command, now)
        case MoveBooking():
            return move(state, actor, command, now)
        case TakeSeat():
            return take_seat(state, actor, command, now)
        case AmendBooking():
            return amend(state, actor, command, now)
