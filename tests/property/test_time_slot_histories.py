"""Whatever staff and people do to time slots in whatever order: none overlaps, none is booked twice, none strands."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from core.domain.bookings.status import KEEPS_SLOT, TAKES_TIME, Status
from core.domain.commands import (
    Actor,
    ActorKind,
    BookSlot,
    Cancel,
    ChangeSlot,
    ChangeStatus,
    Command,
    Delete,
    IfBooked,
    MoveToSlot,
    MoveWithSlot,
    OfferSlot,
    OfferWeekly,
    PersonById,
    RemoveSlot,
)
from core.domain.decide import decide
from core.domain.evolve import evolve
from core.domain.state import State
from core.domain.values import Category, Resource
from core.wire.outcomes import render
from tests.support.engine.told_moves import check_move_is_told
from tests.support.values import NOW, counting_ids, envelope, rules, user

HALL, ROOF = Resource(7, "category", "Hall", "Europe/Berlin"), Resource(8, "category", "Roof", "UTC")
CATEGORIES = [Category(1, "One", HALL), Category(2, "Two", HALL), Category(3, "Three", ROOF)]
MIDNIGHT = datetime(2025, 10, 20, tzinfo=UTC)
STAFF = Actor(ActorKind.STAFF, 2)

times = st.tuples(st.integers(16, 30), st.integers(1, 4)).map(
    lambda pair: (MIDNIGHT + timedelta(minutes=30 * pair[0]), MIDNIGHT + timedelta(minutes=30 * (pair[0] + pair[1])))
)
category_ids = st.sampled_from([1, 1, 2, 2, 3, 4])
numbers = st.integers(0, 11)
"""Of a slot or booking among those there are."""

by_staff: st.SearchStrategy[Command] = st.one_of(
    st.builds(lambda id_, span: OfferSlot(id_, *span), category_ids, times),
    st.builds(
        lambda id_, skip: OfferWeekly(id_, MIDNIGHT.date(), MIDNIGHT.date(), (0,), 9 * 60, 13 * 60, 60, skip),
        category_ids,
        st.booleans(),
    ),
    st.builds(
        lambda slot, id_, span, then: ChangeSlot(slot, id_, span[0], span[1], then),
        numbers,
        category_ids,
        times,
        st.sampled_from(IfBooked),
    ),
    st.builds(RemoveSlot, numbers),
    st.builds(MoveToSlot, numbers, numbers),
    st.builds(MoveToSlot, numbers, numbers),
    st.builds(lambda booking, id_, span: MoveWithSlot(booking, id_, *span), numbers, category_ids, times),
    st.builds(ChangeStatus, numbers, st.sampled_from([Status.COMPLETED, Status.CANCELLED])),
    st.builds(Cancel, numbers),
    st.builds(Delete, numbers),
)
by_people = st.tuples(numbers, st.sampled_from([1, 5])).map(
    lambda pair: (BookSlot(pair[0], PersonById(pair[1])), Actor(ActorKind.USER, pair[1]))
)
_DAY = MIDNIGHT.date()
BEGINNING: list[tuple[Command, Actor]] = [
    (OfferWeekly(1, _DAY, _DAY, (0,), 9 * 60, 13 * 60, 60), STAFF),
    (OfferWeekly(2, _DAY, _DAY, (0,), 10 * 60, 12 * 60, 30), STAFF),
    (BookSlot(1, PersonById(1)), Actor(ActorKind.USER, 1)),
    (BookSlot(5, PersonById(5)), Actor(ActorKind.USER, 5)),
]
steps = st.one_of(by_staff.map(lambda command: (command, STAFF)), by_people, by_people)


def meant(command: Command, state: State) -> Command:
    """The command about the slot or booking whose number it has."""
    match command:
        case BookSlot(time_slot_id=n) | ChangeSlot(time_slot_id=n) | RemoveSlot(time_slot_id=n):
            return replace(command, time_slot_id=nth(state.slots, n))
        case MoveToSlot(booking_id=n, time_slot_id=slot):
            return replace(command, booking_id=nth(state.bookings, n), time_slot_id=nth(state.slots, slot))
        case MoveWithSlot(booking_id=n):
            return replace(command, booking_id=nth(state.bookings, n))
        case Cancel(booking_id=n) | ChangeStatus(booking_id=n) | Delete(booking_id=n):
            return replace(command, booking_id=nth(state.bookings, n))
        case _:
            return command


def nth(ids: Collection[int], n: int) -> int:
    """The newest is the first; one that is not there if there are none."""
    newest = sorted(ids, reverse=True)
    return newest[n % len(newest)] if newest else 99


@settings(max_examples=300, deadline=None)
@given(st.lists(steps, max_size=40).map(lambda more: BEGINNING + more))
def test_no_history_of_slots_overlaps_books_twice_or_strands_a_booking(history: list[tuple[Command, Actor]]) -> None:
    state = State(rules=rules(), users=[user(1), user(2), user(5)], categories=CATEGORIES)
    ids = counting_ids()
    for seq, (command, actor) in enumerate(history):
        one = envelope(meant(command, state), actor, seq=seq, contract="calendar")
        events = decide(state, one, NOW, ids)
        for event in events:
            check_move_is_told(state, event)
            evolve(state, event)
        assert render(one, events, state).status in {"succeeded", "rejected"}
        check(state)


def check(state: State) -> None:
    for one, other in combinations(state.slots.values(), 2):
        if one.category.id == other.category.id:
            assert one.ends_at <= other.starts_at or other.ends_at <= one.starts_at
    for claims in state.claims.values():
        assert all(not one.overlaps(other.starts_at, other.ends_at) for one, other in combinations(claims, 2))
    claimed = {claim.booking_id: claim for claims in state.claims.values() for claim in claims}
    taking = {id_: booking for id_, booking in state.bookings.items() if booking.status in TAKES_TIME}
    assert claimed.keys() == taking.keys()
    for id_, booking in taking.items():
        slot = state.slots[booking.time_slot_id or 0]
        assert (booking.starts_at, booking.ends_at) == (slot.starts_at, slot.ends_at)
        assert (claimed[id_].resource_id, claimed[id_].starts_at) == (slot.category.resource.id, slot.starts_at)
        assert state.holder_of(slot.id) == booking
    kept = [b.time_slot_id for b in state.bookings.values() if b.status in KEEPS_SLOT and b.time_slot_id in state.slots]
    assert len(kept) == len(set(kept))
