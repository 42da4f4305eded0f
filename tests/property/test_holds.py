"""Whatever is held, paid for, cancelled and swept in whatever order while time passes: places are
given once, holds end exactly when they should, and nobody holds more than they may."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.bookings.holds import has_lapsed
from core.domain.bookings.status import TAKES_TIME, Status, may_become
from core.domain.commands import (
    ENGINE,
    Actor,
    ActorKind,
    BookRoom,
    Cancel,
    ChangeStatus,
    Command,
    Delete,
    ExpireDue,
    MoveOn,
    Reschedule,
)
from core.domain.decide import decide
from core.domain.events import BookingChanged, BookingPlaced, Event
from core.domain.evolve import evolve
from core.domain.refusals import CommandRefused, Refusal
from core.domain.state import State
from core.domain.values import Booking, Policy
from core.wire.outcomes import render
from tests.support.values import DESK, MONDAY, NOW, ROOM_RESOURCE, counting_ids, envelope, room, state, user

LIMIT = 2
POLICY = Policy(hold_s=30 * 60, max_holds_per_user=LIMIT)
ROOMS = [
    room(1),
    room(2, price_minor=0),  # free, and shares the resource of the first
    room(3, resource_id=3, slot_minutes=60, capacity=2),
]
RESOURCES = [DESK, ROOM_RESOURCE, ROOM_RESOURCE.__class__(3, "room", "Hall", "Europe/Berlin")]
EARLIEST = 100
TODAY = date(2025, 10, 14)


@st.composite
def wishes(draw: st.DrawFn) -> BookRoom:
    """Mostly such as can be granted, for few times of few rooms."""
    starts, hours = draw(st.integers(12, 15)), draw(st.integers(1, 2))
    return BookRoom(
        user_id=draw(st.integers(1, 2)),
        room_id=draw(st.sampled_from([1, 1, 1, 2, 3, 4])),
        date=draw(st.sampled_from([MONDAY, TODAY])),
        starts=time(starts, draw(st.sampled_from([0, 0, 0, 15]))),
        ends=time(starts + hours),
        guest_count=draw(st.sampled_from([1, 1, 1, 3])),
    )


ids = st.integers(EARLIEST, EARLIEST + 5)
moves = st.builds(
    lambda id_, day, hour, hours, room_id: Reschedule(
        id_,
        datetime.combine(day, time(hour), UTC),
        datetime.combine(day, time(hour + hours), UTC) if hours else None,
        room_id,
    ),
    ids,
    st.sampled_from([MONDAY, TODAY]),
    st.integers(12, 15),
    st.integers(0, 2),
    st.sampled_from([None, None, 1, 2, 3]),
)
some_ids = st.lists(ids, min_size=1, max_size=8).map(tuple)
commands: st.SearchStrategy[Command] = st.one_of(
    wishes(),
    wishes(),
    wishes(),
    moves,
    st.builds(Cancel, ids),
    st.builds(Delete, ids),
    st.builds(ChangeStatus, ids, st.sampled_from([Status.CONFIRMED, Status.COMPLETED, Status.CANCELLED])),
    st.builds(ExpireDue, some_ids),
    st.builds(MoveOn, some_ids),
)
steps = st.tuples(commands, st.integers(0, 40).map(lambda minutes: timedelta(minutes=minutes)))


def _actor(command: Command) -> Actor:
    match command:
        case BookRoom(user_id=user_id):
            return Actor(ActorKind.USER, user_id)
        case ExpireDue() | MoveOn():
            return ENGINE
        case _:
            return Actor(ActorKind.STAFF, 9)


@settings(max_examples=400, deadline=None)
@given(st.lists(steps, min_size=5, max_size=30))
def test_holds_never_overlap_and_expire_exactly(history: list[tuple[Command, timedelta]]) -> None:
    known = state(resources=RESOURCES, rooms=ROOMS, users=[user(1), user(2)], policy=POLICY)
    now, fresh = NOW, counting_ids(EARLIEST)
    for command, passed in history:
        now += passed
        before = dict(known.bookings)
        one = envelope(command, _actor(command), contract="rooms")
        events = decide(known, one, now, fresh)
        _assert_refusal_is_true(known, command, events, now)
        for event in events:
            _assert_step_is_right(before, event, now)
            evolve(known, event)
            _assert_places_are_given_once(known)
        assert render(one, events, known).status in {"succeeded", "rejected"}
        _assert_nobody_holds_too_much(known, now)


def _assert_refusal_is_true(known: State, command: Command, events: tuple[Event, ...], now: datetime) -> None:
    if events != (CommandRefused(Refusal.SLOT_TAKEN),):
        return
    assert isinstance(command, BookRoom | Reschedule)
    resource_id = _resource_of(known, command)
    holders = [known.bookings[c.booking_id] for c in known.claims[resource_id] if c.booking_id is not None]
    own = command.booking_id if isinstance(command, Reschedule) else None
    assert any(not has_lapsed(booking, now) and booking.id != own for booking in holders)


def _resource_of(known: State, command: BookRoom | Reschedule) -> int:
    if command.room_id is not None:
        return known.rooms[command.room_id].resource_id
    assert isinstance(command, Reschedule)
    return known.bookings[command.booking_id].resource_id


def _assert_step_is_right(before: dict[int, Booking], event: Event, now: datetime) -> None:
    match event:
        case BookingPlaced(booking=booking):
            assert booking.status is (Status.HELD if booking.price_minor else Status.CONFIRMED)
            assert booking.status is Status.CONFIRMED or booking.hold_expires_at == now + timedelta(minutes=30)
        case BookingChanged(booking=booking, was=was, freed=freed, moved_from=moved_from):
            assert may_become(was, booking.status) or (moved_from is not None and was is booking.status)
            assert booking.hold_expires_at == before[booking.id].hold_expires_at
            assert freed is (booking.status not in TAKES_TIME)
            assert booking.price_minor == before[booking.id].price_minor
            lapsed = has_lapsed(before[booking.id], now)
            assert booking.status is not Status.EXPIRED or lapsed, "a hold ended before its time"
        case _:
            pass


def _assert_places_are_given_once(known: State) -> None:
    claimed = [claim.booking_id for claims in known.claims.values() for claim in claims]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == {b.id for b in known.bookings.values() if b.status in TAKES_TIME}
    for claims in known.claims.values():
        for one, other in combinations(claims, 2):
            assert not one.overlaps(other.starts_at, other.ends_at)


def _assert_nobody_holds_too_much(known: State, now: datetime) -> None:
    live = Counter(b.user_id for b in known.bookings.values() if b.status is Status.HELD and not has_lapsed(b, now))
    assert not live or max(live.values()) <= LIMIT


@settings(max_examples=100, deadline=None)
@given(st.lists(steps, max_size=20))
def test_after_a_sweep_nothing_is_left_that_is_due(history: list[tuple[Command, timedelta]]) -> None:
    known = state(resources=RESOURCES, rooms=ROOMS, users=[user(1), user(2)], policy=POLICY)
    now, fresh = NOW, counting_ids(EARLIEST)
    for command, passed in [*history, *_sweep(history)]:
        now += passed
        for event in decide(known, envelope(command, _actor(command), contract="rooms"), now, fresh):
            evolve(known, event)
    assert not any(has_lapsed(booking, now) for booking in known.bookings.values())
    for booking in known.bookings.values():
        if booking.status is Status.CONFIRMED:
            assert now < booking.starts_at
        if booking.status is Status.IN_PROGRESS:
            assert booking.starts_at <= now < booking.ends_at


def _sweep(history: list[tuple[Command, timedelta]]) -> list[tuple[Command, timedelta]]:
    everything = tuple(range(EARLIEST, EARLIEST + len(history)))
    return [(ExpireDue(everything), timedelta(0)), (MoveOn(everything), timedelta(0))]
