"""The words of each contract for a status, and how each writes dates and times (docs/contracts/README.md)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Literal

from msgspec import Meta

from core.domain.bookings.status import PaymentStatus, Status

Micros = Annotated[str, Meta(extra_json_schema={"format": "date-time"}, examples=["2025-10-13T06:15:30.123456+00:00"])]
Zulu = Annotated[str, Meta(extra_json_schema={"format": "date-time"}, examples=["2025-10-14T12:00:00Z"])]
Instant = Annotated[datetime, Meta(tz=True)]
"""Encoded by msgspec, in the zone that it has: ours are in UTC."""
Day = Annotated[str, Meta(extra_json_schema={"format": "date"}, examples=["2025-10-15"])]
HourMinute = Annotated[str, Meta(pattern=r"^\d{2}:\d{2}$", examples=["10:00"])]
HourMinuteSecond = Annotated[str, Meta(pattern=r"^\d{2}:\d{2}:\d{2}$", examples=["14:00:00"])]
AppointmentsWord = Literal["upcoming", "completed", "cancelled"]
RoomsWord = Literal["pending", "confirmed", "completed", "cancelled", "expired"]
RoomsPaymentWord = Literal["pending", "processing", "succeeded", "failed", "refunded"]

APPOINTMENTS_STATUS: dict[Status, AppointmentsWord] = {
    Status.DRAFT: "upcoming",
    Status.HELD: "upcoming",
    Status.CONFIRMED: "upcoming",
    Status.IN_PROGRESS: "upcoming",
    Status.COMPLETED: "completed",
    Status.CANCELLED: "cancelled",
    Status.EXPIRED: "cancelled",
    Status.NO_SHOW: "cancelled",
}

ROOMS_STATUS: dict[Status, RoomsWord] = {
    Status.DRAFT: "pending",
    Status.HELD: "pending",
    Status.CONFIRMED: "confirmed",
    Status.IN_PROGRESS: "confirmed",
    Status.COMPLETED: "completed",
    Status.CANCELLED: "cancelled",
    Status.EXPIRED: "expired",
    Status.NO_SHOW: "cancelled",
}

ROOMS_PAYMENT: dict[PaymentStatus, RoomsPaymentWord] = {
    PaymentStatus.NONE: "succeeded",
    PaymentStatus.PENDING: "pending",
    PaymentStatus.PROCESSING: "processing",
    PaymentStatus.SUCCEEDED: "succeeded",
    PaymentStatus.FAILED: "failed",
    PaymentStatus.REFUNDED: "refunded",
}

MarketStatus = Literal["draft", "pending_payment", "confirmed", "in_progress", "completed", "canceled", "no_show"]
MarketPayment = Literal["not_required", "unpaid", "processing", "paid", "failed", "refunded"]

MARKET_STATUS: dict[Status, MarketStatus] = {
    Status.DRAFT: "draft",
    Status.HELD: "pending_payment",
    Status.CONFIRMED: "confirmed",
    Status.IN_PROGRESS: "in_progress",
    Status.COMPLETED: "completed",
    Status.CANCELLED: "canceled",
    Status.EXPIRED: "canceled",
    Status.NO_SHOW: "no_show",
}

MARKET_PAYMENT: dict[PaymentStatus, MarketPayment] = {
    PaymentStatus.NONE: "not_required",
    PaymentStatus.PENDING: "unpaid",
    PaymentStatus.PROCESSING: "processing",
    PaymentStatus.SUCCEEDED: "paid",
    PaymentStatus.FAILED: "failed",
    PaymentStatus.REFUNDED: "refunded",
}

STATUS_WORDS: Mapping[str, Mapping[Status, str]] = {"rooms": ROOMS_STATUS, "marketplace": MARKET_STATUS}
"""By contract; the others speak as appointments do."""

APPOINTMENTS_ASKED: dict[AppointmentsWord, Status] = {
    "upcoming": Status.CONFIRMED,
    "completed": Status.COMPLETED,
    "cancelled": Status.CANCELLED,
}
"""What a client of appointments or agent asks for with a status word."""


def micros(moment: datetime) -> Micros:
    """Timestamps of appointments."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def zulu(moment: datetime) -> Zulu:
    """Timestamps everywhere else."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
