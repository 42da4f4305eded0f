"""Which field of the request a refusal is about, by the name that it has in that request's body.

`FIELDS` and `CONTRACT_FIELDS` (core/wire/vocabulary.py) say what a refusal is about in a contract's usual words.
This module says which fields each command's body has. A refusal about a field that the body lacks names another
one, or none: a client can show a message only beside a field that it has.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from core.domain.commands import (
    BookRoom,
    BookSlot,
    Cancel,
    ChangeSlot,
    ChangeStatus,
    CloseResource,
    Command,
    Delete,
    OfferSlot,
    OfferWeekly,
    Place,
    PlaceAll,
    RemoveSlot,
    ReopenResource,
    RequestPayment,
)
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
    OpenSession,
    TakeSeat,
    TurnBooking,
)
from core.domain.refusals import CommandRefused
from core.wire.vocabulary import CONTRACT_FIELDS, FIELDS


class RequestFields(Struct, frozen=True):
    """A body that asks for a command."""

    names: frozenset[str] = frozenset()
    """Its fields that a refusal can be about."""
    instead: Mapping[str, str] = {}
    """By a name that it does not have: the field that says the same, or leads to it."""


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


NOTHING = RequestFields()
_NEW_BOOKING = RequestFields(
    _names("service_id practitioner_id start_time end_time location_id service_session_id user_id")
)
_NEW_TIME = RequestFields(_names("start_time end_time service_session_id"), {"location_id": "start_time"})
_OF_SLOT = {"time_slot": "start_time", "booking_time": "start_time"}
_OF_PACKAGE = dict.fromkeys(_names("practitioner_id start_time end_time location_id service_session_id"), "schedule")
_OF_COURSE = {"service_session_id": "service_id", "start_time": "service_id"}

FIELDS_OF_COMMAND: Mapping[type[Command], RequestFields] = {
    Place: RequestFields(_names("service_name booking_date booking_time user_id")),
    PlaceAll: NOTHING,
    BookRoom: RequestFields(_names("room_id booking_date start_time end_time guest_count user_id")),
    BookSlot: RequestFields(_names("time_slot")),
    OfferSlot: RequestFields(_names("start_time end_time category"), _OF_SLOT),
    ChangeSlot: RequestFields(_names("start_time end_time category if_booked"), _OF_SLOT),
    OfferWeekly: RequestFields(_names("category start_date start_time end_time"), {"time_slot": "start_date"}),
    RemoveSlot: NOTHING,
    ChangeStatus: RequestFields(_names("status")),
    Cancel: NOTHING,
    Delete: NOTHING,
    CloseResource: RequestFields(_names("start_date start_time end_date end_time resource_id")),
    ReopenResource: NOTHING,
    RequestPayment: RequestFields(_names("booking_id amount currency")),
    BookIndividual: _NEW_BOOKING,
    BookSession: _NEW_BOOKING,
    BookPackage: RequestFields(_names("service_id schedule user_id"), _OF_PACKAGE),
    BookBundle: RequestFields(_names("service_id user_id"), {"practitioner_id": "service_id"}),
    BookCourse: RequestFields(_names("service_id user_id"), _OF_COURSE),
    TurnBooking: RequestFields(_names("canceled_by")),
    MoveBooking: _NEW_TIME,
    TakeSeat: _NEW_TIME,
    AmendBooking: RequestFields(_names("location_id")),
    OpenSession: RequestFields(_names("service_id practitioner_id start_time end_time location_id")),
    CancelSession: NOTHING,
    JoinWaitingList: NOTHING,
    LeaveWaitingList: NOTHING,
}
"""Of every command that a client can ask for."""
FIELDS_BY_CONTRACT: Mapping[tuple[str, type[Command]], RequestFields] = {
    ("agent", Place): RequestFields(_names("service_name booking_date booking_time phone")),
    ("marketplace", CloseResource): RequestFields(_names("start_date start end_date end")),
}
"""Where a contract asks for the same with other fields."""

PARTS: Mapping[str, Mapping[str, str]] = {
    "appointments": {"first_day": "start_date", "starts": "start_time", "last_day": "end_date", "ends": "end_time"},
    "marketplace": {"first_day": "start_date", "starts": "start", "last_day": "end_date", "ends": "end"},
}
"""By contract: how a body calls the part of a command that is meant (`CommandRefused.part`)."""


def field_of(refused: CommandRefused, contract: str, kind: type[Command]) -> str | None:
    """The field of the request that a refusal is about, if it is about one."""
    refusal, asked = refused.refusal, FIELDS_BY_CONTRACT.get((contract, kind)) or FIELDS_OF_COMMAND.get(kind, NOTHING)
    usual = CONTRACT_FIELDS.get(contract, {}).get(refusal, FIELDS.get(refusal, ""))
    name = PARTS.get(contract, {}).get(refused.part, "") or asked.instead.get(usual, usual)
    return name if name in asked.names else None
