"""Whatever is commanded in whatever order: no overlap, and time is taken exactly while it should be."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.bookings.status import TAKES_TIME, Status, may_become
from core.domain.commands import (
    Actor,
    ActorKind,
    Canary,
    Cancel,
    ChangeStatus,
    Command,
    Delete,
    PersonById,
    PersonByPhone,
    Place,
    ReportVisit,
    Reschedule,
)
from core.domain.decide import decide
from core.domain.events import BookingChanged, BookingPlaced, UserCreated
from core.domain.evolve import evolve
from core.domain.refusals import CommandRefused
from core.domain.state import State
from core.domain.values import Resource, Service
from core.wire.outcomes import render
from core.wire.vocabulary import APPOINTMENTS_ASKED
from tests.support.engine.told_moves import check_move_is_told
from tests.support.values import DESK, MONDAY, NOW, counting_ids, envelope, rules, state, user

SPA = Resource(2, "service", "Spa", "Europe/Berlin")
PEOPLE = [
    user(1),
    user(2, is_staff=True, phone="222", phone_key="222"),
    user(3, is_active=False),
    user(4, phone="444", phone_key="444"),
]

people = st.one_of(
    st.builds(PersonById, st.integers(1, 5)),
    st.sampled_from(["222", "444", "555", "666"]).map(lambda number: PersonByPhone(number, number)),
)
asked = st.sampled_from(sorted(set(APPOINTMENTS_ASKED.values())))
booking_ids = st.integers(99, 112)
commands: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        Place,
        person=people,
        service_name=st.sampled_from(["Legal", "spa", "other"]),
        date=st.integers(0, 2).map(lambda n: MONDAY + timedelta(days=n)),
        time=st.builds(time, st.integers(8, 17), st.sampled_from([0, 20, 30])),
        status=st.one_of(st.just(Status.CONFIRMED), asked),
    ),
    st.builds(ChangeStatus, booking_ids, st.one_of(asked, st.sampled_from(list(Status)))),
    st.builds(
        Reschedule,
        booking_ids,
        st.builds(
            lambda n, at: datetime.combine(MONDAY + timedelta(days=n), at, UTC),
            st.integers(0, 2),
            st.builds(time, st.integers(8, 17), st.sampled_from([0, 20, 30])),
        ),
    ),
    st.builds(ReportVisit, booking_ids, came=st.booleans()),
    st.builds(Cancel, booking_ids),
    st.builds(Delete, booking_ids),
    st.just(Canary()),
)
actors = st.sampled_from(
    [
        Actor(ActorKind.ANONYMOUS),
        Actor(ActorKind.USER, 1),
        Actor(ActorKind.USER, 4),
        Actor(ActorKind.STAFF, 2),
        Actor(ActorKind.AGENT, key_id=9),
        Actor(ActorKind.ENGINE),
    ]
)


def fresh() -> State:
    return state(rules_=rules(), resources=[DESK, SPA], services=[Service(1, "Spa", SPA.id, 45)], users=PEOPLE)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(commands, actors), max_size=30))
def test_no_sequence_of_commands_makes_claims_overlap_or_outlive_their_bookings(
    history: list[tuple[Command, Actor]],
) -> None:
    now, ids = state_and_ids()
    known = fresh()
    for seq, (command, actor) in enumerate(history):
        one = envelope(command, actor, seq=seq, contract="agent" if seq % 2 else "appointments")
        before = dict(known.bookings)
        events = decide(known, one, now + timedelta(seconds=seq), ids)
        for event in events:
            check_move_is_told(known, event)
            evolve(known, event)
        assert events
        assert isinstance(events[-1], CommandRefused) or len(events) == 1 or not isinstance(events[-1], UserCreated)
        _assert_steps_are_allowed(before, events)
        outcome = render(one, events, known)
        assert outcome.status in {"succeeded", "rejected"}
        _assert_claims_are_right(known)


def state_and_ids() -> tuple[Any, Any]:
    return NOW, counting_ids()


def _assert_steps_are_allowed(before: dict[int, Any], events: tuple[Any, ...]) -> None:
    for event in events:
        if isinstance(event, BookingChanged):
            assert event.moved_from is not None or may_become(event.was, event.booking.status)
            assert event.moved_from is None or event.was is event.booking.status
            assert event.was is before[event.booking.id].status
            assert event.booking.version == before[event.booking.id].version + 1
        if isinstance(event, BookingPlaced):
            assert event.booking.id not in before


def _assert_claims_are_right(known: State) -> None:
    for claims in known.claims.values():
        for one, other in combinations(claims, 2):
            assert not one.overlaps(other.starts_at, other.ends_at)
    claimed = [claim.booking_id for claims in known.claims.values() for claim in claims]
    assert len(claimed) == len(set(claimed))
    assert set(claimed) == {b.id for b in known.bookings.values() if b.status in TAKES_TIME}


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(commands, actors), max_size=15))
def test_deciding_the_same_commands_again_comes_to_the_same(history: list[tuple[Command, Actor]]) -> None:
    """Pure: a batch that is decided again in halves answers as the whole one would have."""

    def run() -> list[object]:
        known, ids = fresh(), counting_ids()
        outcomes = []
        for command, actor in history:
            one = envelope(command, actor)
            events = decide(known, one, NOW, ids)
            for event in events:
                evolve(known, event)
            outcomes.append((events, render(one, events, known)))
        return list(outcomes)

    assert run() == run()


def test_the_days_of_the_histories_are_working_days() -> None:
    assert [(MONDAY + timedelta(days=n)).weekday() for n in range(3)] == [0, 1, 2]
    assert date(2025, 10, 20) == MONDAY
