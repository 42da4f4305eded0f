"""Rooms as they are sent and shown, and the rules that a room must keep."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import time
from decimal import Decimal
from typing import Annotated, Any, ClassVar

from msgspec import UNSET, Meta, Struct, UnsetType
from msgspec.structs import replace

from api.contracts.changes import sent_fields
from api.contracts.rooms.new_booking import GUESTS_MAX
from api.http.errors import invalid
from api.http.fields import (
    CURRENCY,
    Amount,
    CurrencyCode,
    Id,
    Notes,
    ServiceName,
    ShortText,
    ZoneText,
    price_problems,
    text,
)
from api.http.forms import Rules
from core.domain.bookings.rooms import at_minute, end_minute_of, minute_of
from core.domain.payments.money import MINOR_MAX, can_be_charged, is_amount, minimum_charge, minor
from core.domain.resources.local_time import MINUTES_PER_DAY
from core.store.catalogue.rooms import RoomRow
from core.text_forms import CLOCK
from core.wire.contracts.rooms import money
from core.wire.errors import FieldProblem
from core.wire.vocabulary import HourMinuteSecond

NEW = RoomRow()


class RoomShown(Struct, frozen=True, kw_only=True):
    """A room. `currency`, `off_days`, `time_zone` and `resource_id` are not in the client's document."""

    id: int
    name: str
    description: str
    price_per_slot: float
    currency: str
    capacity: int
    amenities: list[str]
    is_available: bool
    slot_duration_minutes: int
    opening_time: HourMinuteSecond
    closing_time: HourMinuteSecond
    off_days: list[int]
    time_zone: str
    resource_id: int


def room_body(room: RoomRow) -> RoomShown:
    return RoomShown(
        id=room.id,
        name=room.name,
        description=room.description,
        price_per_slot=money(room.price_minor, room.currency),
        currency=room.currency,
        capacity=room.capacity,
        amenities=room.amenities,
        is_available=room.is_available,
        slot_duration_minutes=room.slot_minutes,
        opening_time=at_minute(room.opens_minute).isoformat("seconds"),
        closing_time=at_minute(room.closes_minute).isoformat("seconds"),
        off_days=room.off_days,
        time_zone=room.zone,
        resource_id=room.resource_id,
    )


Clock = Annotated[str, text(CLOCK)]
Weekday = Annotated[int, Meta(ge=0, le=6)]


class RoomFields(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What staff may send of a room. Only what is sent changes."""

    name: ServiceName | UnsetType = UNSET
    description: Notes | UnsetType = UNSET
    price_per_slot: Amount | UnsetType = UNSET
    capacity: Annotated[int, Meta(ge=1, le=GUESTS_MAX)] | UnsetType = UNSET
    amenities: Annotated[list[ShortText], Meta(max_length=50)] | UnsetType = UNSET
    is_available: bool | UnsetType = UNSET
    slot_duration_minutes: Annotated[int, Meta(ge=1, le=MINUTES_PER_DAY)] | UnsetType = UNSET
    opening_time: Clock | UnsetType = UNSET
    closing_time: Clock | UnsetType = UNSET
    """00:00 is the end of the day."""
    off_days: Annotated[list[Weekday], Meta(max_length=7)] | UnsetType = UNSET
    """Weekdays, 0 is Monday."""
    currency: CurrencyCode | UnsetType = UNSET
    time_zone: ZoneText | UnsetType = UNSET
    """IANA; by default the installation's."""
    resource_id: Id | UnsetType = UNSET
    """A resource to share time with; by default its own."""


def _price(body: NewRoom) -> Iterator[FieldProblem]:
    if CURRENCY.read(_currency(body)):
        yield from _price_problems(body.price_per_slot, _currency(body))


def _hours(body: NewRoom) -> Iterator[FieldProblem]:
    yield from _hours_problems(*_opening(body))


def _whole_day(body: NewRoom) -> Iterator[FieldProblem]:
    yield from _too_dear(_price_minor(body), *_opening(body))
    yield from _too_cheap(_price_minor(body), _currency(body), *_opening(body))


class NewRoom(RoomFields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    name: ServiceName
    price_per_slot: Amount
    capacity: Annotated[int, Meta(ge=1, le=GUESTS_MAX)]

    rules: ClassVar[Rules] = (_price, _hours, _whole_day)


class RoomChange(RoomFields, frozen=True, forbid_unknown_fields=True, kw_only=True):
    id: Id | UnsetType = UNSET


_COLUMNS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "name": ("name", str),
    "description": ("description", str),
    "capacity": ("capacity", int),
    "amenities": ("amenities", list),
    "is_available": ("is_available", bool),
    "slot_duration_minutes": ("slot_minutes", int),
    "opening_time": ("opens_minute", lambda at: minute_of(time.fromisoformat(at))),
    "closing_time": ("closes_minute", lambda at: end_minute_of(time.fromisoformat(at))),
    "off_days": ("off_days", lambda days: sorted(set(days))),
}
"""By field: the column and how its value is read."""


def changed(room: RoomRow, sent: RoomFields) -> RoomRow:
    """The room after the change. Raises Problem 400 with every rule that it would break."""
    given = sent_fields(sent)
    after = replace(room, **{column: read(given[name]) for name, (column, read) in _COLUMNS.items() if name in given})
    opening = (after.opens_minute, after.closes_minute, after.slot_minutes)
    price: int | None = room.price_minor
    problems = list(_hours_problems(*opening))
    if "price_per_slot" in given:
        price = minor(given["price_per_slot"], room.currency)
        problems += [
            *_price_problems(given["price_per_slot"], room.currency),
            *_too_cheap(price, room.currency, *opening),
        ]
    problems += _too_dear(price, *opening)
    if price is None or problems:
        raise invalid(problems)
    return replace(after, price_minor=price)


def _price_minor(body: NewRoom) -> int | None:
    return minor(body.price_per_slot, _currency(body))


def _currency(body: NewRoom) -> str:
    return NEW.currency if isinstance(body.currency, UnsetType) else body.currency


def _opening(body: NewRoom) -> tuple[int, int, int]:
    """When a new room opens and closes, and how long its slots are, in minutes."""
    return _of_new(body, "opening_time"), _of_new(body, "closing_time"), _of_new(body, "slot_duration_minutes")


def _of_new(body: NewRoom, name: str) -> int:
    column, read = _COLUMNS[name]
    sent = getattr(body, name)
    found: int = getattr(NEW, column) if sent is UNSET else read(sent)
    return found


def _price_problems(price: Decimal, currency: str) -> Iterator[FieldProblem]:
    """One slot may cost less than the minimum charge: several can be booked at once."""
    yield from price_problems("price_per_slot", minor(price, currency), currency, is_whole=False, sent=price)


def _hours_problems(opens: int, closes: int, slot: int) -> Iterator[FieldProblem]:
    if opens >= closes:
        yield FieldProblem("closing_time", "closing_time must be later than opening_time")
    elif closes - opens < slot:
        yield FieldProblem("slot_duration_minutes", "The slot is longer than the room is open")


def _too_dear(price_minor: int | None, opens: int, closes: int, slot: int) -> Iterator[FieldProblem]:
    if _day_minor(price_minor, opens, closes, slot) > MINOR_MAX:
        yield FieldProblem("price_per_slot", "A whole day would cost more than can be charged at once")


def _too_cheap(price_minor: int | None, currency: str, opens: int, closes: int, slot: int) -> Iterator[FieldProblem]:
    day_minor = _day_minor(price_minor, opens, closes, slot)
    if day_minor and is_amount(day_minor, currency) and not can_be_charged(day_minor, currency):
        words = f"Even a whole day would cost less than the minimum charge of {minimum_charge(currency)} {currency}"
        yield FieldProblem("price_per_slot", words)


def _day_minor(price_minor: int | None, opens: int, closes: int, slot: int) -> int:
    return (price_minor or 0) * max(0, (closes - opens) // slot)
