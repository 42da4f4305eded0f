"""Placing a booking: which checks, in which order, and what comes of it."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Any

import pytest

from core.domain.bookings.status import TAKES_TIME, Status
from core.domain.commands import Actor, ActorKind, Envelope, PersonById
from core.domain.events import BookingPlaced, Event, UserCreated
from core.domain.refusals import CommandRefused, Refusal
from core.domain.resources.local_time import Hours
from core.domain.resources.service_names import NearestNames
from core.domain.state import State
from core.domain.values import Claim, Policy, Resource, Service
from tests.support.values import (
    DESK,
    MONDAY,
    NOW,
    STAFF,
    SUNDAY,
    booking,
    by_phone,
    counting_ids,
    decided,
    envelope,
    place,
    rules,
    state,
    user,
)

AGENT = Actor(ActorKind.AGENT, key_id=9)
UMA = Actor(ActorKind.USER, 1)


def refusal(before: State, one: Envelope, **how: Any) -> Refusal | None:
    (*_, last) = decided(before, one, **how)
    return last.refusal if isinstance(last, CommandRefused) else None


def placed(events: tuple[Event, ...]) -> BookingPlaced:
    last = events[-1]
    assert isinstance(last, BookingPlaced)
    return last


def test_a_free_time_is_booked_with_one_claim_of_its_length() -> None:
    made = placed(decided(state(), envelope(place())))
    b = made.booking
    assert (b.status, b.version, b.duration_minutes, b.local_time) == (Status.CONFIRMED, 1, 60, time(14))
    assert made.claims == (Claim(DESK.id, b.starts_at, b.starts_at + timedelta(minutes=60), b.id),)


def test_a_booking_takes_its_moment_from_the_clock_reading_and_its_name_from_the_command() -> None:
    one = envelope(place())
    b = placed(decided(state(), one)).booking
    assert (b.created_at, b.updated_at, b.command_id) == (NOW, NOW, one.id)


def test_the_same_time_again_is_refused_as_taken() -> None:
    before = state()
    decided(before, envelope(place()))
    assert refusal(before, envelope(place())) is Refusal.SLOT_TAKEN


@pytest.mark.parametrize(("at", "expected"), [(time(13), None), (time(15), None), (time(14, 30), Refusal.SLOT_TAKEN)])
def test_intervals_that_only_touch_do_not_collide(at: time, expected: Refusal | None) -> None:
    before = state()
    decided(before, envelope(place()))
    assert refusal(before, envelope(place(at=at))) is expected


def test_two_services_on_the_desk_collide_whatever_their_names() -> None:
    before = state()
    decided(before, envelope(place(service_name="Massage")))
    assert refusal(before, envelope(place(service_name="Legal Consultation"))) is Refusal.SLOT_TAKEN


def test_a_service_with_its_own_resource_does_not_collide_with_the_desk() -> None:
    own = Resource(2, "service", "Spa", "UTC")
    before = state(resources=[DESK, own], services=[Service(5, "Spa", own.id, 30)])
    decided(before, envelope(place()))
    b = placed(decided(before, envelope(place(service_name="sPA")))).booking
    assert (b.resource_id, b.service_id, b.service_name, b.duration_minutes) == (own.id, 5, "Spa", 30)


def test_an_unknown_service_books_the_desk_under_the_name_it_was_given() -> None:
    b = placed(decided(state(), envelope(place(service_name="Something New")))).booking
    assert (b.resource_id, b.service_id, b.service_name) == (DESK.id, None, "Something New")


def test_an_off_day_is_refused_before_hours_are_looked_at() -> None:
    assert refusal(state(), envelope(place(SUNDAY, time(3)))) is Refusal.OFF_DAY


@pytest.mark.parametrize("at", [time(8, 59), time(16, 1), time(23)])
def test_a_time_not_whole_inside_working_hours_is_refused(at: time) -> None:
    assert refusal(state(), envelope(place(at=at))) is Refusal.OUTSIDE_WORKING_HOURS


def test_hours_are_judged_before_what_is_taken() -> None:
    at = time(16, 30)
    taken = booking(local_time=at)
    before = state(claims=[Claim(DESK.id, taken.starts_at, taken.ends_at, None)])
    assert refusal(before, envelope(place(at=at))) is Refusal.OUTSIDE_WORKING_HOURS


@pytest.mark.parametrize("at", [time(9), time(10, 7), time(16)])
def test_a_start_off_the_grid_is_accepted_inside_working_hours(at: time) -> None:
    assert refusal(state(), envelope(place(at=at))) is None


def test_the_present_moment_is_already_past() -> None:
    start = booking().starts_at
    assert refusal(state(), envelope(place()), now=start) is Refusal.IN_THE_PAST
    assert refusal(state(), envelope(place()), now=start - timedelta(microseconds=1)) is None


def test_the_past_can_be_booked_where_it_is_allowed() -> None:
    late = booking().starts_at + timedelta(days=365)
    assert refusal(state(rules_=rules(allow_past=True)), envelope(place()), now=late) is None


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.CANCELLED])
def test_history_takes_no_time_and_may_lie_in_the_past_and_over_others(status: Status) -> None:
    before = state()
    decided(before, envelope(place()))
    late = booking().starts_at + timedelta(days=1)
    made = placed(decided(before, envelope(place(status=status)), late, counting_ids(200)))
    assert (made.booking.status, made.claims) == (status, ())
    assert status not in TAKES_TIME


def test_a_closure_takes_time_without_a_booking() -> None:
    taken = booking()
    before = state(claims=[Claim(DESK.id, taken.starts_at, taken.ends_at, None)])
    assert refusal(before, envelope(place())) is Refusal.SLOT_TAKEN


@pytest.mark.parametrize("before", [State(rules=None, resources=[DESK]), state(rules_=rules(is_active=False))])
def test_without_active_settings_nothing_can_be_booked(before: State) -> None:
    assert refusal(before, envelope(place())) is Refusal.NO_SETTINGS


def test_a_local_time_that_the_clocks_skip_is_refused_with_that_reason() -> None:
    berlin = Resource(1, "desk", "desk", "Europe/Berlin")
    open_all_day = rules(hours=Hours(0, 1440, frozenset()))
    before = state(rules_=open_all_day, resources=[berlin])
    skipped = MONDAY.replace(2026, 3, 29)
    assert refusal(before, envelope(place(skipped, time(2, 30)))) is Refusal.LOCAL_TIME_SKIPPED


def test_a_new_phone_number_makes_a_user_and_then_the_booking() -> None:
    person = by_phone(first_name="John", email="john@example.com", country_code="US")
    created, made = decided(state(), envelope(place(person=person)))
    assert isinstance(created, UserCreated)
    assert isinstance(made, BookingPlaced)
    assert made.booking.user_id == created.user.id
    assert (created.user.username, created.user.phone_key, created.country_code) == ("1234567890", "1234567890", "US")
    assert not created.user.is_privileged


def test_a_second_command_of_the_batch_finds_the_user_that_the_first_one_made() -> None:
    before = state()
    decided(before, envelope(place(person=by_phone())))
    events = decided(before, envelope(place(at=time(15), person=by_phone(first_name="Eve"))), ids=counting_ids(200))
    assert len(events) == 1
    assert before.users_by_phone["1234567890"].first_name == ""


def test_a_known_phone_number_changes_nothing_of_its_user() -> None:
    known = user(7, phone="1234567890", phone_key="1234567890", first_name="Old")
    (made,) = decided(state(users=[known]), envelope(place(person=by_phone(first_name="New"))))
    assert isinstance(made, BookingPlaced)
    assert made.booking.user_id == known.id


@pytest.mark.parametrize("person", [PersonById(404), PersonById(1)])
def test_nobody_books_for_a_user_who_is_unknown_or_inactive(person: PersonById) -> None:
    before = state(users=[user(1, is_active=False)])
    assert refusal(before, envelope(place(person=person), STAFF)) is Refusal.USER_NOT_FOUND
    assert refusal(before, envelope(place(person=person))) is Refusal.FORBIDDEN, "anonymous callers do not learn why"


@pytest.mark.parametrize("name", ["legal consultation", "LEGAL\u00a0Consultation ", "Legal  Consul\u00adtation"])
def test_a_deactivated_service_is_not_booked_by_any_spelling(name: str) -> None:
    gone = Service(1, "Legal Consultation", DESK.id, None, is_active=False)
    assert refusal(state(services=[gone]), envelope(place(service_name=name))) is Refusal.SERVICE_INACTIVE


def test_a_name_that_nothing_has_books_the_desk_or_is_refused_as_the_policy_says() -> None:
    unknown = envelope(place(service_name="Legal Consulting", person=by_phone()))
    assert isinstance(decided(state(), unknown)[-1], BookingPlaced)
    strict = state(policy=Policy(allow_past=True, books_unknown_services=False))
    strict.near = NearestNames(["Legal Consultation"])
    (refused,) = decided(strict, unknown)
    assert refused == CommandRefused(Refusal.UNKNOWN_SERVICE, names=("Legal Consultation",))


@pytest.mark.parametrize("role", ["is_staff", "is_superuser", "is_practitioner"])
@pytest.mark.parametrize("actor", [Actor(ActorKind.ANONYMOUS), AGENT])
def test_anonymous_callers_and_agents_never_book_for_privileged_people(role: str, actor: Actor) -> None:
    boss = user(1, phone="42424242", phone_key="42424242", **{role: True})
    assert refusal(state(users=[boss]), envelope(place(), actor)) is Refusal.FORBIDDEN
    by_number = place(person=by_phone("42424242"))
    assert refusal(state(users=[boss]), envelope(by_number, actor)) is Refusal.FORBIDDEN


def test_users_book_for_themselves_only() -> None:
    people = [user(1), user(3, phone="333", phone_key="333")]
    assert refusal(state(users=people), envelope(place(person=PersonById(1)), UMA)) is None
    assert refusal(state(users=people), envelope(place(person=PersonById(3)), UMA)) is Refusal.FORBIDDEN
    assert refusal(state(users=people), envelope(place(person=by_phone("333")), UMA)) is Refusal.FORBIDDEN


def test_a_user_makes_no_new_users_by_phone() -> None:
    assert refusal(state(), envelope(place(person=by_phone("555123")), UMA)) is Refusal.FORBIDDEN


def test_staff_book_for_anybody() -> None:
    assert refusal(state(users=[user(1, is_staff=True)]), envelope(place(), STAFF)) is None


def test_a_deadline_that_passed_refuses_whatever_was_asked() -> None:
    one = envelope(place(), decide_before=NOW)
    assert refusal(state(), one, now=NOW) is Refusal.DECIDED_TOO_LATE
    assert refusal(state(), one, now=NOW - timedelta(microseconds=1)) is None


def test_a_user_whose_username_is_the_number_is_that_person() -> None:
    """Staff may give a number as username and no phone; an agent's booking for it makes nobody new."""
    named = user(7, username="5550001", phone_key=None)
    state = State(rules=rules(), resources=[DESK], users=[named])
    assert state.users_by_phone["5550001"] is named
