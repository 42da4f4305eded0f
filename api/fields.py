"""Field types that several bodies share, with their bounds."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from api.forms import Form
from core.domain.currencies import CURRENCIES
from core.domain.money import MINOR_MAX, can_be_charged, is_amount, minimum_charge
from core.domain.zones import is_zone
from core.phones import phone_key, phone_words
from core.wire.errors import FieldProblem

TEXT = r"^[^\x00]*$"
NAME = r"^[^<>\x00-\x1f\x7f-\x9f]*$"
"""Names reach pages that print them: no angle brackets, no control characters, on any route."""

DAY_FORM = r"^(19|2[01])[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"
CLOCK_FORM = r"^([01][0-9]|2[0-3]):[0-5][0-9](:00)?$"
_OFFSET = r"(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
_DAY_AND_HOUR = DAY_FORM.rstrip("$") + r"T([01][0-9]|2[0-3]):[0-5][0-9]"
INSTANT_FORM = _DAY_AND_HOUR + r"(:[0-5][0-9]([.][0-9]{1,6})?)?" + _OFFSET + "$"
MINUTE_FORM = _DAY_AND_HOUR + r":00([.]0{1,6})?" + _OFFSET + "$"
"""Instants of RFC 3339; the second in whole minutes."""

EARLIEST, LATEST = date(1900, 1, 1), date(2199, 12, 31)
"""Days beyond are mistakes, and near year 1 and 9999 zones and durations leave the calendar."""

_DATE = re.compile(r"(\d{4})-(\d{2})-(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{2}):(\d{2})(?::00)?", re.ASCII)


def a_date(year: int, month: int, day: int) -> date | None:
    """A day that exists and can be meant, else None."""
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if EARLIEST <= found <= LATEST else None


def iso_date(text: str) -> date | None:
    """`YYYY-MM-DD`, or None for anything else and for days that do not exist."""
    found = _DATE.fullmatch(text)
    return a_date(int(found[1]), int(found[2]), int(found[3])) if found else None


def clock_time(text: str) -> time | None:
    """`HH:MM` or `HH:MM:00`, or None."""
    found = _TIME.fullmatch(text)
    try:
        return time(int(found[1]), int(found[2])) if found else None
    except ValueError:
        return None


def zone_key(name: str) -> str | None:
    """The name of an IANA time zone as tzdata lists it, or None."""
    return name if is_zone(name) else None


def dialable(text: str) -> str | None:
    """The digits of what can be a phone number in any region, or None."""
    return phone_key(text, None)


TEXTS_REMEMBERED = 4_096
"""Most requests are about the same days and times, and each text is read twice: checked, then used."""
BAD_DATE, BAD_TIME = "Invalid date format", "Invalid time format"
DAY = Form(lru_cache(TEXTS_REMEMBERED)(iso_date), BAD_DATE)
CLOCK = Form(lru_cache(TEXTS_REMEMBERED)(clock_time), BAD_TIME)
ZONE = Form(zone_key, "This is no IANA time zone such as Europe/Berlin")
PHONE = Form(dialable, "Invalid phone number", phone_words)

# `x-form` is what the API's description says instead of the bounds that a text is decoded with: a form
# reads it, and says what is wrong in the documents' words.
DayText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=64,
        pattern=TEXT,
        examples=["2025-10-15"],
        extra_json_schema={"format": "date", "x-form": DAY_FORM},
    ),
    DAY,
]
ClockText = Annotated[
    str,
    Meta(min_length=1, max_length=64, pattern=TEXT, examples=["10:00"], extra_json_schema={"x-form": CLOCK_FORM}),
    CLOCK,
]
ZoneText = Annotated[
    str,
    Meta(max_length=64, pattern=TEXT, examples=["Europe/Berlin"], extra_json_schema={"format": "iana-time-zone"}),
    ZONE,
]
PhoneText = Annotated[
    str,
    Meta(min_length=1, max_length=32, pattern=NAME, examples=["1234567890"], extra_json_schema={"format": "phone"}),
    PHONE,
]
ServiceName = Annotated[str, Meta(min_length=1, max_length=200, pattern=NAME)]
PersonName = Annotated[str, Meta(max_length=150, pattern=NAME)]
ShortText = Annotated[str, Meta(max_length=100, pattern=NAME)]
Notes = Annotated[str, Meta(max_length=2000, pattern=TEXT)]


class Major(Decimal):
    """An amount of money in a body: in the currency's major unit, bounded in digits and exponent."""


_MAJOR = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?")
"""Wider than any valid amount, so that errors can be specific, and narrow enough to compute with."""
Amount = Annotated[
    Major,
    Meta(
        description="Money, in the currency's major unit: a JSON number, or the same as a string",
        extra_json_schema={"minimum": 0, "pattern": r"^[0-9]{1,12}(\.[0-9]{1,3})?$"},
    ),
]


def decoder_of(kind: Any) -> msgspec.json.Decoder[Any]:
    """A decoder of JSON that knows the types of this module."""
    return msgspec.json.Decoder(kind, dec_hook=_read, float_hook=str)


def schema_hook(kind: Any) -> dict[str, Any]:
    """The JSON Schema of such a type."""
    if kind is not Major:
        raise NotImplementedError
    return {"type": "string", "format": "decimal"}


def _read(kind: Any, value: Any) -> Any:
    """A `Major` from a JSON number, with its text as sent, or from a string. Raises ValueError with a message."""
    if kind is not Major:
        raise NotImplementedError
    text = str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not _MAJOR.fullmatch(text):
        raise ValueError("Expected an amount such as 100.00")
    return Major(text)


CURRENCY_WORDS = "Stripe does not charge in this currency: use a lower-case code such as usd"
CURRENCY: Form[str, str] = Form(lambda code: code if code in CURRENCIES else None, CURRENCY_WORDS)
CurrencyCode = Annotated[
    str,
    Meta(pattern=r"^[a-z]{3}$", extra_json_schema={"enum": sorted(CURRENCIES)}),
    CURRENCY,
]
PriceMinor = Annotated[int, Meta(ge=0, le=MINOR_MAX)]
"""In the currency's minor unit; 0 is free."""


def price_problems(field: str, price_minor: int | None, currency: str, *, is_whole: bool) -> Iterator[FieldProblem]:
    """What is wrong with a price; None is not an amount.

    Only a price that is charged as a whole (`is_whole`) must reach the minimum charge: any other may be part of
    a sum, or be paid by a credit.
    """
    if price_minor is None or not is_amount(price_minor, currency):
        yield FieldProblem(field, "This amount cannot be charged in that currency")
    elif is_whole and price_minor and not can_be_charged(price_minor, currency):
        yield FieldProblem(
            field,
            f"This is less than the minimum charge of {minimum_charge(currency)} {currency}; use that, more, or 0",
        )


ID_MAX = 2**63 - 1
"""A bigint: no row is beyond it."""
Id = Annotated[int, Meta(ge=1, le=ID_MAX)]
