"""Field types that several bodies share, with their bounds. What their characters may be is `core.text_forms`'."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from api.http.forms import Form
from core import text_forms
from core.domain.payments.currencies import CURRENCIES
from core.domain.payments.money import MINOR_MAX, can_be_charged, is_amount, major, minimum_charge, nearest
from core.domain.resources.local_time import day_bounds
from core.domain.resources.time_zones import ZONES, is_zone
from core.identity.phones import phone_key, phone_words
from core.text_forms import TextForm
from core.wire.errors import FieldProblem

EARLIEST, LATEST = text_forms.EARLIEST, text_forms.LATEST


def text(
    form: TextForm,
    *,
    least: int | None = None,
    most: int | None = None,
    examples: list[str] | None = None,
    **described: object,
) -> Meta:
    """A field's form, with its length in characters and what else the API's description says of it."""
    return Meta(
        pattern=form.pattern, min_length=least, max_length=most, examples=examples, extra_json_schema=described or None
    )


def a_date(year: int, month: int, day: int) -> date | None:
    """A day that exists and can be meant, else None."""
    try:
        found = date(year, month, day)
    except ValueError:
        return None
    return found if EARLIEST <= found <= LATEST else None


def iso_date(text: str) -> date | None:
    """`YYYY-MM-DD`, or None for anything else and for days that do not exist."""
    return a_date(*map(int, text.split("-"))) if text_forms.DAY.fits(text) else None


def clock_time(text: str) -> time | None:
    """`HH:MM` or `HH:MM:00`, or None."""
    return time(int(text[:2]), int(text[3:5])) if text_forms.CLOCK.fits(text) else None


def zone_key(name: str) -> str | None:
    """The name of an IANA time zone as tzdata lists it, or None."""
    return name if is_zone(name) else None


def zone_words(name: str) -> str:
    """What is wrong with a name that is no time zone: perhaps only its capitals."""
    meant = next((zone for zone in sorted(ZONES) if zone.lower() == name.lower()), None)
    return text_forms.ZONE.words if meant is None else f"This is not an IANA time zone: write {meant}"


def dialable(text: str) -> str | None:
    """The digits of what can be a phone number in any region, or None."""
    return phone_key(text, None)


TEXTS_REMEMBERED = 4_096
"""Most requests are about the same days and times, and each text is read twice: checked, then used."""


def _day_or_instant(text: str) -> date | datetime | None:
    try:
        found = date.fromisoformat(text) if len(text) == len("2024-03-15") else datetime.fromisoformat(text)
    except ValueError:
        return None
    return found


DAY = Form(lru_cache(TEXTS_REMEMBERED)(iso_date), text_forms.DAY.words, text_forms.day_words)
CLOCK = Form(lru_cache(TEXTS_REMEMBERED)(clock_time), text_forms.CLOCK.words)
ZONE = Form(zone_key, text_forms.ZONE.words, zone_words)
PHONE = Form(dialable, text_forms.PHONE.words, phone_words)

DAY_OR_INSTANT = Form(_day_or_instant, text_forms.DAY_OR_INSTANT.words)
DayOrInstant = Annotated[str, text(text_forms.DAY_OR_INSTANT), DAY_OR_INSTANT]


def day_or_instant(text: str, zone: str) -> datetime:
    """Where a day begins, or an instant as it was sent."""
    found = DAY_OR_INSTANT(text)
    return found.astimezone(UTC) if isinstance(found, datetime) else day_bounds(found, zone)[0]


DayText = Annotated[str, text(text_forms.DAY, examples=["2025-10-15"], format="date"), DAY]
ClockText = Annotated[str, text(text_forms.CLOCK, examples=["10:00"]), CLOCK]
ZoneText = Annotated[str, text(text_forms.ZONE, examples=["Europe/Berlin"], format="iana-time-zone"), ZONE]
PhoneText = Annotated[str, text(text_forms.PHONE, least=1, most=32, examples=["1234567890"], format="phone"), PHONE]
ServiceName = Annotated[str, text(text_forms.NAME, least=1, most=200)]
PersonName = Annotated[str, text(text_forms.OPTIONAL_NAME, most=150)]
ShortText = Annotated[str, text(text_forms.OPTIONAL_NAME, most=100)]
Notes = Annotated[str, text(text_forms.TEXT, most=2000)]


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


CURRENCY: Form[str, str] = Form(lambda code: code if code in CURRENCIES else None, text_forms.CURRENCY.words)
CurrencyCode = Annotated[str, text(text_forms.CURRENCY, enum=sorted(CURRENCIES)), CURRENCY]
PriceMinor = Annotated[int, Meta(ge=0, le=MINOR_MAX)]
"""In the currency's minor unit; 0 is free."""


def price_problems(
    field: str, price_minor: int | None, currency: str, *, is_whole: bool, sent: Decimal | None = None
) -> Iterator[FieldProblem]:
    """What is wrong with a price; None is not an amount. `sent` is the price of a field in the major unit, as it came.

    Only a price that is charged as a whole (`is_whole`) must reach the minimum charge: any other may be part of
    a sum, or be paid by a credit.
    """
    if price_minor is None or not is_amount(price_minor, currency):
        words = f"This amount cannot be charged in {currency}"
        yield FieldProblem(field, words + use_nearest(price_minor, currency, is_whole=is_whole, sent=sent))
    elif is_whole and price_minor and not can_be_charged(price_minor, currency):
        yield FieldProblem(
            field,
            f"This is less than the minimum charge of {minimum_charge(currency)} {currency}; use that, more, or 0",
        )


def use_nearest(price_minor: int | None, currency: str, *, is_whole: bool, sent: Decimal | None = None) -> str:
    """The rest of a sentence that refuses an amount, in the unit of its field."""
    asked = major(price_minor or 0, currency) if sent is None else sent
    found = nearest(asked, currency, is_whole=is_whole)
    return "" if found is None else f"; the nearest that can is {found if sent is None else major(found, currency)}"


ID_MAX = 2**63 - 1
"""A bigint: no row is beyond it."""
Id = Annotated[int, Meta(ge=1, le=ID_MAX)]
