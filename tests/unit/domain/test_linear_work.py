"""The cost of a batch grows linearly: every command, counted at one size and at four times that size.

Counted are lines of Python that run (each turn of a loop is one) and looks at ids: those of the
tests' bookings and people are numbers that count themselves when a set, a dict or a list compares them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import contextmanager
from datetime import time, timedelta
from types import FrameType
from typing import Any, get_args
from uuid import UUID

import pytest
from msgspec.structs import replace

from core.domain.bookings.claims import claims_of
from core.domain.bookings.status import PaymentStatus, Status
from core.domain.commands import (
    AcceptHold,
    Actor,
    ActorKind,
    BookRoom,
    BookSlot,
    Canary,
    Cancel,
    ChangeSlot,
    ChangeStatus,
    CloseResource,
    Command,
    Delete,
    ExpireDue,
    IfBooked,
    LookForRefunds,
    MoveOn,
    MoveToSlot,
    MoveWithSlot,
    OfferSlot,
    OfferWeekly,
    PersonById,
    Place,
    PlaceAll,
    RemoveSlot,
    ReopenResource,
    ReportGivenBack,
    ReportIntent,
    ReportNothing,
    ReportRefund,
    ReportVisit,
    RequestPayment,
    Reschedule,
    RowToPlace,
)
from core.domain.events import Event
from core.domain.marketplace.commands import (
    AmendBooking,
    BookBundle,
    BookCourse,
    BookIndividual,
    BookPackage,
    BookSession,
    CancelSession,
    JoinWaitingList,
    LeaveWaitingList,
    MoveBooking,
    OfferSeats,
    OpenSession,
    Part,
    TakeSeat,
    TurnBooking,
    Verb,
)
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.schedules import Schedule, Window
from core.domain.marketplace.values import Credit, ServiceSession, WaitingPlace
from core.domain.payments.values import IntentStatus, Payment, PaymentState, RefundStatus
from core.domain.refusals import CommandRefused, Refusal
from core.domain.resources.local_time import Hours
from core.domain.state import State
from core.domain.values import (
    Booking,
    Category,
    Claim,
    Closure,
    Policy,
    Resource,
    RoomDetails,
    Service,
    SlotDetails,
    TimeSlot,
)
from tests.support.clients.marketplace import market_service, practitioner
from tests.support.values import (
    DESK,
    NOW,
    ROOM_RESOURCE,
    booking,
    counting_ids,
    decided,
    envelope,
    room,
    rules,
    state,
    user,
)

N, TIMES = 40, 4
AT_MOST = 1.4
"""Allowed factor over linear growth: room for logarithms and a batch's fixed cost."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STAFF = Actor(ActorKind.STAFF, 7)
HALL = Resource(50, "hall", "Hall", "UTC")
PRACTITIONER = 101
"""The practitioner's resource."""
POLICY = Policy(max_holds_per_user=0)
ALWAYS = Schedule(tuple(Window(day, 0, 24 * 60) for day in range(7)))
ALL_DAY = Hours(0, 24 * 60, frozenset())
TALK, WORKSHOP, COURSE, PACKAGE, BUNDLE = range(1, 6)
PARTS_MOST = 10
"""Of one purchase; how many it may have is bounded elsewhere."""

Batch = tuple[State, Sequence[Command]]


class Id(int):
    """A number whose comparisons are lines of Python, and so are counted."""

    def __hash__(self) -> int:
        return super().__hash__()

    def __eq__(self, other: object) -> bool:
        return super().__eq__(other)


def ids(n: int, first: int = 1000) -> list[Id]:
    return [Id(first + number) for number in range(n)]


@contextmanager
def counting() -> Any:
    """Lines run meanwhile, as the only item of a list."""
    lines = [0]

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        lines[0] += 1
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        yield lines
    finally:
        sys.settrace(before)


def a_state(people: Iterable[int] = (), **changes: Any) -> State:
    resources = [DESK, ROOM_RESOURCE, HALL]
    given: dict[str, Any] = {
        "rules_": rules(hours=ALL_DAY),
        "resources": resources,
        "rooms": [room(hours=ALL_DAY)],
        "services": [Service(1, "Legal Consultation", HALL.id, 60)],
        "users": [user(), *(user(id_) for id_ in people)],
        "policy": POLICY,
    }
    known = state(**{**given, **changes})
    market = known.market
    market.practitioners[1] = practitioner(1, resource_id=PRACTITIONER, schedule=ALWAYS, horizon_days=100_000)
    for service in (
        market_service(TALK),
        market_service(WORKSHOP, kind=Kind.WORKSHOP),
        market_service(COURSE, kind=Kind.COURSE),
        market_service(PACKAGE, kind=Kind.PACKAGE, items=(TALK, WORKSHOP)),
        market_service(BUNDLE, kind=Kind.BUNDLE, items=(TALK,), credits=3, valid_days=9),
    ):
        market.services[service.id] = service
    return known


def at(number: int) -> dict[str, Any]:
    """The times of a booking: each has an hour of its own."""
    begins = NOW + 30 * DAY + number * HOUR
    return {
        "starts_at": begins,
        "ends_at": begins + HOUR,
        "local_date": begins.date(),
        "local_time": begins.time(),
    }


def know(known: State, one: Booking, *, paid: bool = True) -> Booking:
    known.know_booking(one)
    for claim in claims_of(one) if one.contract != "marketplace" or one.details else ():
        known.take(claim)
    if paid:
        known.payments[UUID(int=one.id)] = a_payment(one)
    return one


def a_payment(one: Booking, **changes: Any) -> Payment:
    given: dict[str, Any] = {
        "id": UUID(int=one.id),
        "booking_id": one.id,
        "attempt": 1,
        "amount_minor": 5000,
        "currency": "usd",
        "state": PaymentState.SUCCEEDED,
        "created_at": NOW,
        "updated_at": NOW,
        "intent_id": f"pi_{one.id}",
        "received_minor": 5000,
    }
    return Payment(**{**given, **changes})


def hall_bookings(known: State, n: int, **changes: Any) -> list[Booking]:
    """Paid, one an hour, each on a time slot that others share."""
    made = []
    for number, id_ in enumerate(ids(n)):
        one = booking(id_, **{**at(number), "resource_id": HALL.id, "price_minor": 5000, "user_id": Id(id_), **changes})
        made.append(know(known, one))
    return made


def shared_slots(known: State, n: int) -> list[TimeSlot]:
    category = Category(1, "Hall", HALL)
    slots = [TimeSlot(Id(5000 + number), category, *list(at(number).values())[:2]) for number in range(n)]
    for slot in slots:
        known.slots[slot.id] = slot
        known.shared_slots.add(slot)
        known.timetable.add(slot)
    known.categories[1] = category
    return slots


def market_booking(id_: int, number: int, **changes: Any) -> Booking:
    details = changes.pop("details", MarketDetails(Kind.INDIVIDUAL, 1, 3))
    given = {
        "contract": "marketplace",
        "resource_id": PRACTITIONER,
        "service_id": TALK,
        "details": details,
        "user_id": Id(id_),
    }
    return booking(id_, **{**at(number), **given, "price_minor": 5000, **changes})


def sessions(known: State, n: int, service: int = WORKSHOP, **changes: Any) -> list[ServiceSession]:
    given = {"capacity": 100_000, "seats_taken": 0, **changes}
    made = []
    for number, id_ in enumerate(ids(n, 9000)):
        starts, ends = list(at(number).values())[:2]
        one = ServiceSession(id_, service, 1, None, None, "", starts, ends, is_cancelled=False, **given)
        known.market.sessions[id_] = one
        made.append(one)
    return made


def seated(known: State, n: int, session: ServiceSession, **changes: Any) -> list[Booking]:
    """Who has paid for a seat of a workshop's session."""
    details = MarketDetails(Kind.WORKSHOP, 1, 3, session_id=session.id)
    times = {"starts_at": session.starts_at, "ends_at": session.ends_at}
    return [
        know(known, market_booking(id_, 0, service_id=WORKSHOP, details=details, **{**times, **changes}))
        for id_ in ids(n)
    ]


def course_takers(known: State, n: int, sessions_: Sequence[ServiceSession]) -> list[Booking]:
    """Who has paid for a course: the wholes; a part for each session."""
    wholes = []
    for id_ in ids(n):
        whole = market_booking(id_, 0, service_id=COURSE, details=MarketDetails(Kind.COURSE, 1, 3))
        wholes.append(know(known, whole))
        for number, session in enumerate(sessions_):
            details = MarketDetails(
                Kind.WORKSHOP, 1, 3, parent_id=whole.id, session_id=session.id, share_minor=5000 // len(sessions_)
            )
            times = {"starts_at": session.starts_at, "ends_at": session.ends_at}
            part = market_booking(Id(20_000 + id_ * PARTS_MOST + number), 0, details=details, **times)
            know(known, replace(part, price_minor=0, user_id=whole.user_id), paid=False)
    return wholes


def lapsed(one: Booking) -> Booking:
    """A hold that has run out."""
    return replace(one, status=Status.HELD, payment_status=PaymentStatus.PENDING, hold_expires_at=NOW - HOUR)


# one batch of each command, about n things


def of_places(n: int) -> Batch:
    known = a_state(ids(n))
    shared_slots(known, n)
    return known, [_place(number, id_) for number, id_ in enumerate(ids(n))]


def _place(number: int, id_: int) -> Place:
    begins = at(number)["starts_at"]
    return Place(PersonById(id_), "Legal Consultation", begins.date(), begins.time())


def of_place_all(n: int) -> Batch:
    known, places = of_places(n)
    known.take(Claim(HALL.id, NOW - 300 * DAY, NOW + 20 * DAY, None, 1))
    return known, [PlaceAll(tuple(RowToPlace(row, place) for row, place in enumerate(places)))]  # type: ignore[arg-type]


def of_rooms(n: int) -> Batch:
    known = a_state(ids(n))
    times = [at(number)["starts_at"] for number in range(n)]
    wishes = zip(ids(n), times, strict=True)
    return known, [BookRoom(id_, 1, begins.date(), begins.time(), (begins + HOUR).time()) for id_, begins in wishes]


def of_hall(n: int, command: Callable[[Booking], Command], **changes: Any) -> Batch:
    known = a_state(ids(n))
    shared_slots(known, n)
    return known, [command(one) for one in hall_bookings(known, n, **changes)]


def of_course_sessions(n: int) -> Batch:
    """Its one session: the report that took a hundred seconds."""
    known = a_state(ids(n))
    (session,) = sessions(known, 1, COURSE, seats_taken=n)
    course_takers(known, n, [session])
    return known, [CancelSession(session.id)]


def of_workshop_sessions(n: int) -> Batch:
    known = a_state(ids(n))
    (session,) = sessions(known, 1, seats_taken=n)
    seated(known, n, session)
    return known, [CancelSession(session.id)]


def of_many_sessions(n: int) -> Batch:
    known = a_state(ids(n))
    return known, [CancelSession(session.id) for session in sessions(known, n)]


def of_verbs(n: int, verb: Verb) -> Batch:
    known = a_state(ids(n))
    (session,) = sessions(known, 1, seats_taken=n)
    begun = {} if verb is Verb.CANCEL else {"starts_at": NOW - HOUR, "ends_at": NOW + HOUR}
    return known, [TurnBooking(one.id, verb) for one in seated(known, n, session, **begun)]


def of_whole_courses(n: int) -> Batch:
    """Given up as a whole, with parts each."""
    known = a_state(ids(n))
    takers = course_takers(known, n, sessions(known, PARTS_MOST, COURSE, seats_taken=n))
    return known, [TurnBooking(whole.id, Verb.CANCEL) for whole in takers]


def of_parts(n: int) -> Batch:
    """One whole with n parts that begin and end together."""
    known = a_state(ids(1))
    (whole,) = course_takers(known, 1, [])
    parts = []
    for number, id_ in enumerate(ids(n, 30_000)):
        details = MarketDetails(Kind.INDIVIDUAL, 1, 3, parent_id=whole.id)
        part = market_booking(id_, number, details=details, starts_at=NOW - 9 * DAY, ends_at=NOW - 8 * DAY)
        parts.append(know(known, replace(part, created_at=NOW - 10 * DAY), paid=False))
    return known, [MoveOn(tuple(part.id for part in parts))]


def of_expired(n: int) -> Batch:
    known = a_state(ids(n))
    (session,) = sessions(known, 1, seats_taken=n)
    held = [lapsed(one) for one in seated(known, n, session)]
    for one in held:
        known.know_booking(one)
    return known, [ExpireDue(tuple(one.id for one in held))]


def of_expired_courses(n: int) -> Batch:
    known = a_state(ids(n))
    wholes = course_takers(known, n, sessions(known, 3, COURSE, seats_taken=n))
    held = [known.bookings[whole.id] for whole in wholes]
    parts = [known.bookings[id_] for whole in wholes for id_ in known.market.children[whole.id]]
    for one in (*held, *parts):
        known.know_booking(lapsed(one))
    return known, [ExpireDue(tuple(one.id for one in (*parts, *held)))]


def of_seats(n: int) -> Batch:
    """A full session with n holds that have run out, and n people who want their seats."""
    known = a_state(ids(2 * n))
    (session,) = sessions(known, 1, seats_taken=n, capacity=n)
    for one in seated(known, n, session):
        known.know_booking(lapsed(one))
    return known, [BookSession(id_, WORKSHOP, session.id) for id_ in ids(n, 1000 + n)]


def of_seats_refused(n: int) -> Batch:
    """A full session, and n people who want a seat in it."""
    known = a_state(ids(2 * n))
    (session,) = sessions(known, 1, seats_taken=n, capacity=n)
    seated(known, n, session)
    return known, [BookSession(id_, WORKSHOP, session.id) for id_ in ids(n, 1000 + n)]


def of_courses(n: int) -> Batch:
    known = a_state(ids(n))
    sessions(known, n, WORKSHOP)
    for session in sessions(known, n, WORKSHOP)[:3]:
        known.market.sessions[Id(session.id + 100_000)] = replace(
            session, id=Id(session.id + 100_000), service_id=COURSE
        )
    return known, [BookCourse(id_, COURSE, 3) for id_ in ids(n)]


def of_packages(n: int) -> Batch:
    known = a_state(ids(n))
    (session,) = sessions(known, 1)
    parts = Part(TALK), Part(WORKSHOP, session_id=session.id)
    return known, [BookPackage(id_, PACKAGE, parts) for id_ in ids(n)]


def of_talks(n: int) -> Batch:
    """Each paid for by a credit."""
    known = a_state(ids(n))
    for id_ in ids(n):
        known.market.credits[Id(id_ + 50_000)] = Credit(Id(id_ + 50_000), id_, (TALK,), 1, 1, NOW + 90 * DAY, True)
    return known, [BookIndividual(id_, TALK, *list(at(n_).values())[:2]) for n_, id_ in enumerate(ids(n))]


def of_moves(n: int) -> Batch:
    known = a_state(ids(n))
    talks = [know(known, market_booking(id_, number)) for number, id_ in enumerate(ids(n))]
    later = [list(at(n + number).values())[:2] for number in range(n)]
    return known, [MoveBooking(one.id, *times) for one, times in zip(talks, later, strict=True)]


def of_amendments(n: int) -> Batch:
    known = a_state(ids(n))
    talks = [know(known, market_booking(id_, number)) for number, id_ in enumerate(ids(n))]
    return known, [AmendBooking(one.id, title="another") for one in talks]


def of_taken_seats(n: int) -> Batch:
    """Workshops of packages that get their session."""
    known = a_state(ids(n))
    (session,) = sessions(known, 1)
    commands = []
    for id_ in ids(n):
        details = MarketDetails(Kind.PACKAGE, 1, 3, is_scheduled=False)
        whole = know(known, market_booking(id_, 0, service_id=PACKAGE, details=details))
        details = MarketDetails(Kind.WORKSHOP, 1, 3, is_scheduled=False, parent_id=whole.id)
        draft = market_booking(Id(id_ + 40_000), 0, service_id=WORKSHOP, details=details, status=Status.DRAFT)
        know(known, replace(draft, user_id=whole.user_id), paid=False)
        commands.append(TakeSeat(draft.id, session.id))
    return known, commands


def of_openings(n: int) -> Batch:
    known = a_state()
    return known, [OpenSession(WORKSHOP, 1, at(number)["starts_at"], at(number)["ends_at"], 9) for number in range(n)]


def of_joining(n: int) -> Batch:
    known = a_state(ids(n))
    (session,) = sessions(known, 1, capacity=0)
    return known, [JoinWaitingList(id_, session.id) for id_ in ids(n)]


def _queue(n: int, **changes: Any) -> tuple[State, ServiceSession]:
    known = a_state(ids(n))
    (session,) = sessions(known, 1, waiting=n, **changes)
    known.market.queues[session.id].update((id_, WaitingPlace(id_, session.id, id_, NOW)) for id_ in ids(n))
    return known, session


def of_leaving(n: int) -> Batch:
    known, session = _queue(n)
    return known, [LeaveWaitingList(id_, session.id) for id_ in reversed(ids(n))]


def of_offers(n: int) -> Batch:
    known, session = _queue(n)
    return known, [OfferSeats(session.id, n)]


def of_slots_booked(n: int) -> Batch:
    known = a_state(ids(n))
    return known, [BookSlot(s.id, PersonById(id_)) for s, id_ in zip(shared_slots(known, n), ids(n), strict=True)]


def of_slots_offered(n: int) -> Batch:
    known = a_state()
    shared_slots(known, n)
    return known, [OfferSlot(1, *list(at(n + number).values())[:2]) for number in range(n)]


def of_weekly(n: int) -> Batch:
    known = a_state()
    shared_slots(known, 1)
    days = n // 8
    first = (NOW + 90 * DAY).date()
    pattern = OfferWeekly(1, first, first + timedelta(days=days - 1), tuple(range(7)), 0, 8 * 60, 60)
    return known, [pattern]


def _slots_with_bookings(n: int) -> tuple[State, list[TimeSlot]]:
    known = a_state(ids(n))
    slots = shared_slots(known, n)
    for number, id_ in enumerate(ids(n)):
        know(known, booking(id_, **at(number), resource_id=HALL.id, time_slot_id=slots[number].id, user_id=id_))
    return known, slots


def of_slots_changed(n: int) -> Batch:
    known, slots = _slots_with_bookings(n)
    later = [at(2 * n + number) for number in range(n)]
    return known, [
        ChangeSlot(slot.id, 1, to["starts_at"], to["ends_at"], IfBooked.MOVE)
        for slot, to in zip(slots, later, strict=True)
    ]


def of_reschedules(n: int) -> Batch:
    known, free = a_state(ids(n)), {"price_minor": 0}
    shared_slots(known, 2 * n)
    later = [at(n + number) for number in range(n)]
    return known, [
        Reschedule(one.id, to["starts_at"], to["ends_at"])
        for one, to in zip(hall_bookings(known, n, **free), later, strict=True)
    ]


def of_rooms_rescheduled(n: int) -> Batch:
    known, details = a_state(ids(n)), RoomDetails(1, time(0), 1, 2)
    in_room = {"resource_id": ROOM_RESOURCE.id, "details": details}
    made = hall_bookings(known, n, **in_room)
    for one in made:
        known.know_booking(replace(one, details=replace(details, ends=one.ends_at.time())))
    return known, [Reschedule(one.id, one.starts_at + n * HOUR) for one in made]


def of_moves_to_slots(n: int) -> Batch:
    known, _ = _slots_with_bookings(n)
    for one in list(known.bookings.values()):
        known.know_booking(replace(one, details=SlotDetails(1)))
    offered = shared_slots(known, 2 * n)[n:]
    return known, [MoveToSlot(one.id, slot.id) for one, slot in zip(known.bookings.values(), offered, strict=True)]


def of_moves_with_slots(n: int) -> Batch:
    known, _ = _slots_with_bookings(n)
    for one in list(known.bookings.values()):
        known.know_booking(replace(one, details=SlotDetails(1)))
    later = [at(2 * n + number) for number in range(n)]
    return known, [
        MoveWithSlot(one.id, 1, to["starts_at"], to["ends_at"])
        for one, to in zip(known.bookings.values(), later, strict=True)
    ]


def of_visits(n: int) -> Batch:
    begun = {"starts_at": NOW - HOUR, "ends_at": NOW, "created_at": NOW - DAY}
    return of_hall(n, lambda one: ReportVisit(one.id, came=True), **begun)


def of_slots_removed(n: int) -> Batch:
    known, slots = _slots_with_bookings(n)
    return known, [RemoveSlot(slot.id) for slot in slots]


def of_closing(n: int) -> Batch:
    known = a_state(ids(n))
    shared_slots(known, n)
    hall_bookings(known, n)
    last = (NOW + 31 * DAY + n * HOUR).date()
    return known, [CloseResource(HALL.id, NOW.date(), last)]


def of_reopening(n: int) -> Batch:
    known = a_state()
    shared_slots(known, n)
    for number in range(n):
        starts, ends = list(at(number).values())[:2]
        day, id_ = starts.date(), Id(number + 1)
        known.closures[id_] = Closure(id_, HALL, day, starts.time(), day, None, starts, ends, "", NOW)
        known.take(Claim(HALL.id, starts, ends, None, id_))
    return known, [ReopenResource(id_) for id_ in known.closures]


def of_payments(n: int, command: Callable[[Booking], Command], **changes: Any) -> Batch:
    known, commands = of_hall(n, command)
    for one in list(known.bookings.values()):
        known.payments[UUID(int=one.id)] = a_payment(one, **changes)
    return known, commands


def of_requests(n: int) -> Batch:
    held = {"status": Status.HELD, "payment_status": PaymentStatus.PENDING, "hold_expires_at": NOW + HOUR}
    known, commands = of_hall(n, lambda one: RequestPayment(one.id, one.price_minor, one.currency), **held)
    for one in list(known.bookings.values()):
        known.payments[UUID(int=one.id)] = a_payment(one, state=PaymentState.OPEN, decline="card_declined")
    return known, commands


def of_accepted(n: int) -> Batch:
    held = {"status": Status.HELD, "payment_status": PaymentStatus.PENDING, "hold_expires_at": NOW + HOUR}
    known, commands = of_hall(n, lambda one: AcceptHold(one.id), **held)
    for one in list(known.bookings.values()):
        known.payments[UUID(int=one.id)] = a_payment(one, state=PaymentState.OPEN)
    return known, commands


_OPEN: dict[str, Any] = {"state": PaymentState.OPEN, "received_minor": 0}
_BACK: dict[str, Any] = {"state": PaymentState.REFUNDING, "returning_minor": 5000, "refund_number": 1}


def _id(one: Booking) -> UUID:
    return UUID(int=one.id)


BATCHES: dict[type[Any], list[Callable[[int], Batch]]] = {
    Place: [of_places],
    PlaceAll: [of_place_all],
    BookRoom: [of_rooms],
    ChangeStatus: [lambda n: of_hall(n, lambda one: ChangeStatus(one.id, Status.CANCELLED))],
    Cancel: [lambda n: of_hall(n, lambda one: Cancel(one.id))],
    Delete: [lambda n: of_hall(n, lambda one: Delete(one.id))],
    BookSlot: [of_slots_booked],
    OfferSlot: [of_slots_offered],
    OfferWeekly: [of_weekly],
    ChangeSlot: [of_slots_changed],
    RemoveSlot: [of_slots_removed],
    Reschedule: [of_reschedules, of_rooms_rescheduled],
    MoveToSlot: [of_moves_to_slots],
    MoveWithSlot: [of_moves_with_slots],
    ReportVisit: [of_visits],
    AcceptHold: [of_accepted],
    CloseResource: [of_closing],
    ReopenResource: [of_reopening],
    RequestPayment: [of_requests],
    ReportIntent: [
        lambda n: of_payments(
            n, lambda one: ReportIntent(_id(one), f"pi_{one.id}", IntentStatus.SUCCEEDED, 5000), **_OPEN
        ),
        lambda n: of_payments(n, lambda one: ReportIntent(_id(one), f"pi_{one.id}", IntentStatus.CANCELED), **_OPEN),
    ],
    ReportNothing: [lambda n: of_payments(n, lambda one: ReportNothing(_id(one), "gone"), **_OPEN)],
    ReportRefund: [
        lambda n: of_payments(n, lambda one: ReportRefund(_id(one), "re", RefundStatus.SUCCEEDED, 5000, 1), **_BACK)
    ],
    LookForRefunds: [lambda n: of_payments(n, lambda one: LookForRefunds(_id(one)))],
    ReportGivenBack: [lambda n: of_payments(n, lambda one: ReportGivenBack(_id(one), 5000))],
    ExpireDue: [of_expired, of_expired_courses],
    MoveOn: [of_parts],
    Canary: [lambda n: (a_state(), [Canary()] * n)],
    BookIndividual: [of_talks],
    BookSession: [of_seats, of_seats_refused],
    BookCourse: [of_courses],
    BookPackage: [of_packages],
    BookBundle: [lambda n: (a_state(ids(n)), [BookBundle(id_, BUNDLE) for id_ in ids(n)])],
    TurnBooking: [lambda n: of_verbs(n, Verb.CANCEL), lambda n: of_verbs(n, Verb.NO_SHOW), of_whole_courses],
    MoveBooking: [of_moves],
    TakeSeat: [of_taken_seats],
    AmendBooking: [of_amendments],
    OpenSession: [of_openings],
    CancelSession: [of_course_sessions, of_workshop_sessions, of_many_sessions],
    JoinWaitingList: [of_joining],
    LeaveWaitingList: [of_leaving],
    OfferSeats: [of_offers],
}


def all_commands() -> set[type[Any]]:
    return set(get_args(Command))


def lines_of(batch: Batch) -> int:
    known, commands = batch
    fresh = counting_ids(first=1_000_000)
    answers: list[Event] = []
    with counting() as lines:
        for number, command in enumerate(commands):
            one = envelope(command, _actor(known, command), id=UUID(int=number), contract="marketplace")
            answers.append(decided(known, one, ids=fresh)[-1])
    refused = [answer for answer in answers if isinstance(answer, CommandRefused)]
    assert {answer.refusal for answer in refused} <= {Refusal.SESSION_FULL}
    return int(lines[0])


def _actor(known: State, command: Command) -> Actor:
    """Staff may do all but pay for others."""
    if isinstance(command, RequestPayment):
        return Actor(ActorKind.USER, known.bookings[command.booking_id].user_id)
    return STAFF


def test_every_command_is_counted() -> None:
    assert set(BATCHES) == all_commands()


@pytest.mark.parametrize("kind", BATCHES, ids=lambda kind: kind.__name__)
def test_four_times_as_much_takes_four_times_as_long(kind: type[Any]) -> None:
    for batch in BATCHES[kind]:
        few, many = lines_of(batch(N)), lines_of(batch(N * TIMES))
        assert many < few * TIMES * AT_MOST, f"{few} lines for {N}, {many} for {N * TIMES}"
