"""How a refusal is answered: its HTTP status, its sentence, and the field of the request that it is about.

Sentences are the documents' where they print one (docs/contracts/). A client can show a message only beside a field
that it sent, so a refusal about a field that the command's body lacks names another one, or none.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from msgspec import Struct
from msgspec.structs import replace

from core.domain.bookings.status import NEXT, Status
from core.domain.commands import (
    BookRoom,
    BookSlot,
    ChangeSlot,
    CloseResource,
    Command,
    MoveToSlot,
    MoveWithSlot,
    OfferSlot,
    OfferWeekly,
    Place,
    RequestPayment,
    Reschedule,
)
from core.domain.marketplace.commands import (
    BookBundle,
    BookCourse,
    BookIndividual,
    BookPackage,
    BookSession,
    JoinWaitingList,
    LeaveWaitingList,
    MoveBooking,
    OpenSession,
    TakeSeat,
    TurnBooking,
)
from core.domain.refusals import CommandRefused, Refusal
from core.wire.vocabulary import APPOINTMENTS_STATUS, STATUS_WORDS


class RefusalAnswer(Struct, frozen=True):
    status: int
    sentence: str
    field: str = ""
    """What the refusal is about, by its usual name; `RequestFields` has the names of each body."""


REFUSALS: Mapping[Refusal, RefusalAnswer] = {
    Refusal.NO_SETTINGS: RefusalAnswer(404, "No booking settings found"),
    Refusal.USER_NOT_FOUND: RefusalAnswer(404, "User not found", "user_id"),
    Refusal.BOOKING_NOT_FOUND: RefusalAnswer(404, "Booking not found"),
    Refusal.FORBIDDEN: RefusalAnswer(403, "You may not book for this user"),
    Refusal.LOCAL_TIME_SKIPPED: RefusalAnswer(
        400, "This local time does not exist on that day: the clocks go forward over it", "booking_time"
    ),
    Refusal.IN_THE_PAST: RefusalAnswer(400, "Booking time is in the past", "booking_date"),
    Refusal.OFF_DAY: RefusalAnswer(400, "Booking not allowed on off days", "booking_date"),
    Refusal.OUTSIDE_WORKING_HOURS: RefusalAnswer(400, "Booking time is outside working hours", "booking_time"),
    Refusal.ROOM_NOT_FOUND: RefusalAnswer(404, "Room not found", "room_id"),
    Refusal.TOO_MANY_GUESTS: RefusalAnswer(
        400, "The room does not hold that many guests: its capacity says how many it does", "guest_count"
    ),
    Refusal.OFF_GRID: RefusalAnswer(
        400, "Times must lie on the room's slots: its availability lists those of a day", "start_time"
    ),
    Refusal.TOO_MANY_HOLDS: RefusalAnswer(
        409, "You hold as many unpaid places as you may: pay or cancel one of them first"
    ),
    Refusal.SLOT_TAKEN: RefusalAnswer(409, "This time slot is already reserved", "booking_time"),
    Refusal.NOT_CHARGEABLE: RefusalAnswer(409, "This costs less than the minimum charge: book more, or ask the staff"),
    Refusal.ALREADY_PAID: RefusalAnswer(409, "Nothing is left to pay for this booking"),
    Refusal.NOT_PAYABLE: RefusalAnswer(
        409, "This booking cannot be paid any more: book its time again if it is still free"
    ),
    Refusal.AMOUNT_MISMATCH: RefusalAnswer(400, "The amount must be the booking's total_amount", "amount"),
    Refusal.CURRENCY_MISMATCH: RefusalAnswer(400, "The currency must be the booking's currency", "currency"),
    Refusal.TOO_MANY_PAYMENTS: RefusalAnswer(
        409, "Too many payments were begun for this booking: cancel it and book again"
    ),
    Refusal.PAYMENT_REFUSED: RefusalAnswer(
        409, "The payment provider does not take this payment: its amount may be too small or too large. Ask the staff"
    ),
    Refusal.PAYMENT_NOT_FOUND: RefusalAnswer(404, "Payment not found"),
    Refusal.INTENT_MISMATCH: RefusalAnswer(409, "The payment has another intent"),
    Refusal.INVALID_TRANSITION: RefusalAnswer(409, "This booking cannot change to that status", "status"),
    Refusal.CATEGORY_NOT_FOUND: RefusalAnswer(404, "Category not found", "category"),
    Refusal.TIME_SLOT_NOT_FOUND: RefusalAnswer(404, "Time slot not found", "time_slot"),
    Refusal.TIME_SLOT_OVERLAPS: RefusalAnswer(409, "This time slot overlaps another one of its category", "start_time"),
    Refusal.TIME_SLOT_BOOKED: RefusalAnswer(
        409,
        "This time slot is booked. Say with if_booked what becomes of the booking: move it along, or cancel it",
        "if_booked",
    ),
    Refusal.SERVICE_NOT_FOUND: RefusalAnswer(404, "There is no such service of that type", "service_id"),
    Refusal.PRACTITIONER_NOT_FOUND: RefusalAnswer(
        404, "There is no such practitioner, or they do not give this service", "practitioner_id"
    ),
    Refusal.LOCATION_NOT_FOUND: RefusalAnswer(404, "There is no such location", "location_id"),
    Refusal.SESSION_NOT_FOUND: RefusalAnswer(404, "There is no such session of this service", "service_session_id"),
    Refusal.WRONG_DURATION: RefusalAnswer(
        400, "end_time must be as long after start_time as the service lasts", "end_time"
    ),
    Refusal.NO_ROOM_FREE: RefusalAnswer(409, "No room of this location is free at that time", "location_id"),
    Refusal.SESSION_FULL: RefusalAnswer(409, "This session is full", "service_session_id"),
    Refusal.SESSION_CANCELLED: RefusalAnswer(409, "This session is canceled", "service_session_id"),
    Refusal.SESSION_WANTED: RefusalAnswer(
        400, "This is a workshop: name the session to have a seat in", "service_session_id"
    ),
    Refusal.ALREADY_BOOKED: RefusalAnswer(409, "You already have a seat in this session"),
    Refusal.CHANGED_MEANWHILE: RefusalAnswer(409, "The service has changed: look at it again, then book"),
    Refusal.VERB_FORBIDDEN: RefusalAnswer(403, "You do not have permission to perform this action"),
    Refusal.UNPAID: RefusalAnswer(409, "This booking is not paid yet"),
    Refusal.HOLD_ENDED: RefusalAnswer(409, "The time to confirm this booking is over"),
    Refusal.NOT_BEGUN: RefusalAnswer(409, "This booking has not begun yet"),
    Refusal.ALREADY_BEGUN: RefusalAnswer(409, "This booking has already begun"),
    Refusal.WRONG_CANCELED_BY: RefusalAnswer(400, "canceled_by must be what you are to this booking", "canceled_by"),
    Refusal.NOT_MOVABLE: RefusalAnswer(409, "The time and place of this booking cannot be changed"),
    Refusal.TOO_LATE_TO_MOVE: RefusalAnswer(409, "It is too late to reschedule this booking"),
    Refusal.SEATS_LEFT: RefusalAnswer(409, "There are free seats: book one"),
    Refusal.ALREADY_WAITING: RefusalAnswer(409, "You are already waiting for a seat in this session"),
    Refusal.NOT_WAITING: RefusalAnswer(404, "You are not waiting for a seat in this session"),
    Refusal.TOO_SOON: RefusalAnswer(400, "It is too late to book that time: it begins too soon", "start_time"),
    Refusal.TOO_FAR_AHEAD: RefusalAnswer(400, "That time is too far ahead to be booked yet", "start_time"),
    Refusal.BATCH_REFUSED: RefusalAnswer(409, "No booking was made: other rows of this batch stood in the way"),
    Refusal.RESOURCE_NOT_FOUND: RefusalAnswer(404, "Resource not found", "resource_id"),
    Refusal.CLOSURE_NOT_FOUND: RefusalAnswer(404, "Closure not found"),
    Refusal.ALREADY_CLOSED: RefusalAnswer(409, "The resource is already closed for some of that time", "start_date"),
    Refusal.BUSY_IN_CALENDAR: RefusalAnswer(
        409, "A calendar that the resource follows says this time is busy: change it there, or stop following it"
    ),
    Refusal.CLOSED: RefusalAnswer(
        409, "It is closed at that time: choose another time, or end the closure first", "start_time"
    ),
    Refusal.LENGTH_IS_PRICED: RefusalAnswer(
        409, "Its price depends on how long it lasts: cancel it and book the new length", "end_time"
    ),
    Refusal.DECIDED_TOO_LATE: RefusalAnswer(409, "The command's deadline passed before it was decided"),
    Refusal.SERVICE_INACTIVE: RefusalAnswer(409, "This service cannot be booked any more", "service_name"),
    Refusal.UNKNOWN_SERVICE: RefusalAnswer(400, "There is no service of this name", "service_name"),
    Refusal.PHONE_IN_USE: RefusalAnswer(
        409, "Somebody else's account has this phone number as its username: the staff must rename that account first"
    ),
}


def _named(refusal: Refusal, field: str) -> RefusalAnswer:
    """The usual answer, beside another field."""
    return replace(REFUSALS[refusal], field=field)


REFUSALS_BY_CONTRACT: Mapping[str, Mapping[Refusal, RefusalAnswer]] = {
    "marketplace": {
        Refusal.BOOKING_NOT_FOUND: RefusalAnswer(404, "Not found"),
        Refusal.FORBIDDEN: RefusalAnswer(403, "You do not have permission to perform this action"),
        Refusal.SLOT_TAKEN: RefusalAnswer(409, "Time slot not available", "start_time"),
        Refusal.OUTSIDE_WORKING_HOURS: RefusalAnswer(400, "The practitioner does not work at that time", "start_time"),
        Refusal.IN_THE_PAST: _named(Refusal.IN_THE_PAST, "start_time"),
    },
    "calendar": {
        Refusal.IN_THE_PAST: RefusalAnswer(400, "This time slot is in the past", "time_slot"),
        Refusal.SLOT_TAKEN: RefusalAnswer(409, "This time slot is already booked", "time_slot"),
    },
    "rooms": {
        Refusal.IN_THE_PAST: RefusalAnswer(400, "That time is in the past: choose a later one", "booking_date"),
        Refusal.OFF_DAY: RefusalAnswer(400, "The room is closed on that day: choose another one", "booking_date"),
        Refusal.OUTSIDE_WORKING_HOURS: RefusalAnswer(
            400, "The room is closed at that time: its availability lists the slots of a day", "start_time"
        ),
        Refusal.SLOT_TAKEN: RefusalAnswer(
            409, "The room is already booked at that time: its availability lists what is free", "start_time"
        ),
        Refusal.LOCAL_TIME_SKIPPED: _named(Refusal.LOCAL_TIME_SKIPPED, "start_time"),
    },
    "agent": {
        Refusal.USER_NOT_FOUND: _named(Refusal.USER_NOT_FOUND, "phone"),
        Refusal.FORBIDDEN: _named(Refusal.FORBIDDEN, "phone"),
        Refusal.PHONE_IN_USE: _named(Refusal.PHONE_IN_USE, "phone"),
    },
}
"""Where a contract has words of its own, or calls the field by another name."""


def answer_of(refusal: Refusal, contract: str) -> RefusalAnswer:
    return REFUSALS_BY_CONTRACT.get(contract, {}).get(refusal, REFUSALS[refusal])


def sentence(refused: CommandRefused, contract: str = "") -> tuple[int, str]:
    """(HTTP status, sentence) of a refusal; a refused transition names the present status and the next ones."""
    answer = answer_of(refused.refusal, contract)
    words = answer.sentence
    if refused.refusal is Refusal.INVALID_TRANSITION and refused.present is not None:
        say = STATUS_WORDS.get(contract, APPOINTMENTS_STATUS)
        present = say[refused.present]
        onward = sorted({say[s] for s in NEXT[refused.present]} - {present})
        words = f"This booking is {present} and may become {', '.join(onward) if onward else 'nothing else'}"
        if (
            refused.present is Status.IN_PROGRESS and present == say[Status.CONFIRMED]
        ):  # its contract has no word for it
            words = "This booking has begun: it can be completed, but not be cancelled any more"
    if refused.names:
        words = f"{words}. The nearest: {', '.join(refused.names)}"
    return answer.status, words


class RequestFields(Struct, frozen=True):
    """The fields of a body that asks for a command."""

    names: frozenset[str] = frozenset()
    """Those that a refusal can be about."""
    instead: Mapping[str, str] = {}
    """By a usual name that it lacks: the field that says the same, or leads to it."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


NOTHING = RequestFields()
_NEW_BOOKING = RequestFields(
    _names("service_id practitioner_id start_time end_time location_id service_session_id user_id")
)
_NEW_TIME = RequestFields(_names("start_time end_time service_session_id"), {"location_id": "start_time"})
_MOVED = RequestFields(
    _names("start_time end_time resource_id"),
    {
        "booking_date": "start_time",
        "booking_time": "start_time",
        "time_slot": "start_time",
        "location_id": "start_time",
        "practitioner_id": "start_time",
        "service_id": "start_time",
        "service_session_id": "start_time",
        "room_id": "resource_id",
        "guest_count": "resource_id",
        "category": "resource_id",
    },
)
_MOVED_BY_CLIENT = RequestFields(_names("start_time"), dict.fromkeys((*_MOVED.instead, *_MOVED.names), "start_time"))
_OF_SLOT = {"time_slot": "start_time", "booking_time": "start_time"}
_OF_PACKAGE = dict.fromkeys(_names("practitioner_id start_time end_time location_id service_session_id"), "schedule")
_OF_COURSE = {"service_session_id": "service_id", "start_time": "service_id"}

FIELDS_OF_COMMAND: Mapping[type[Command], RequestFields] = {
    Place: RequestFields(_names("service_name booking_date booking_time user_id")),
    BookRoom: RequestFields(_names("room_id booking_date start_time end_time guest_count user_id")),
    BookSlot: RequestFields(_names("time_slot")),
    OfferSlot: RequestFields(_names("start_time end_time category"), _OF_SLOT),
    ChangeSlot: RequestFields(_names("start_time end_time category if_booked"), _OF_SLOT),
    Reschedule: _MOVED,
    MoveToSlot: _MOVED,
    MoveWithSlot: _MOVED,
    OfferWeekly: RequestFields(_names("category start_date start_time end_time"), {"time_slot": "start_date"}),
    CloseResource: RequestFields(_names("start_date start_time end_date end_time resource_id")),
    RequestPayment: RequestFields(_names("booking_id amount currency")),
    BookIndividual: _NEW_BOOKING,
    BookSession: _NEW_BOOKING,
    BookPackage: RequestFields(_names("service_id schedule user_id"), _OF_PACKAGE),
    BookBundle: RequestFields(_names("service_id user_id"), {"practitioner_id": "service_id"}),
    BookCourse: RequestFields(_names("service_id user_id"), _OF_COURSE),
    MoveBooking: _NEW_TIME,
    TakeSeat: _NEW_TIME,
    OpenSession: RequestFields(_names("service_id practitioner_id start_time end_time location_id")),
    JoinWaitingList: NOTHING,
    LeaveWaitingList: NOTHING,
}
"""Where the body's fields are not the command's own."""
FIELDS_BY_CONTRACT: Mapping[tuple[str, type[Command]], RequestFields] = {
    ("agent", Reschedule): _MOVED_BY_CLIENT,
    ("rooms", Reschedule): _MOVED_BY_CLIENT,
    ("calendar", MoveToSlot): _MOVED_BY_CLIENT,
    ("appointments", MoveBooking): _MOVED,
    ("appointments", TurnBooking): NOTHING,
    ("agent", Place): RequestFields(_names("service_name booking_date booking_time phone")),
    ("marketplace", CloseResource): RequestFields(_names("start_date start end_date end")),
}
"""Where a contract's body has other fields for the same command."""

PARTS: Mapping[str, Mapping[str, str]] = {
    "appointments": {"first_day": "start_date", "starts": "start_time", "last_day": "end_date", "ends": "end_time"},
    "marketplace": {"first_day": "start_date", "starts": "start", "last_day": "end_date", "ends": "end"},
}
"""By contract: the body's name of the command's field that is meant (`CommandRefused.part`)."""


def field_of(refused: CommandRefused, contract: str, kind: type[Command]) -> str | None:
    """The field of the request that a refusal is about, if it is about one."""
    asked = FIELDS_BY_CONTRACT.get((contract, kind)) or FIELDS_OF_COMMAND.get(kind) or _own_fields(kind)
    usual = answer_of(refused.refusal, contract).field
    name = PARTS.get(contract, {}).get(refused.part, "") or asked.instead.get(usual, usual)
    return name if name in asked.names else None


@cache
def _own_fields(kind: type[Command]) -> RequestFields:
    return RequestFields(frozenset(kind.__struct_fields__))
