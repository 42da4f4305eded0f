"""A booking as it is made, whatever contract asks for it."""

from __future__ import annotations

from datetime import date, datetime, time

from core.domain.bookings.status import PaymentStatus, Status
from core.domain.commands import Envelope
from core.domain.ids import Ids
from core.domain.resources.local_time import MINUTE, Span
from core.domain.values import Booking, Details


def new_booking(
    envelope: Envelope,
    now: datetime,
    ids: Ids,
    *,
    user_id: int,
    resource_id: int,
    service_name: str,
    span: Span,
    local_date: date,
    local_time: time,
    contract: str | None = None,
    service_id: int | None = None,
    status: Status = Status.CONFIRMED,
    notes: str = "",
    price_minor: int = 0,
    currency: str = "usd",
    details: Details | None = None,
    time_slot_id: int | None = None,
) -> Booking:
    """A booking at a local date and time of its resource, free of charge unless it has a price (`held`)."""
    starts_at, ends_at = span
    return Booking(
        id=ids.booking(),
        public_uuid=ids.uuid(),
        contract=contract or envelope.contract,
        user_id=user_id,
        service_id=service_id,
        service_name=service_name,
        resource_id=resource_id,
        starts_at=starts_at,
        ends_at=ends_at,
        local_date=local_date,
        local_time=local_time,
        duration_minutes=(ends_at - starts_at) // MINUTE,
        status=status,
        payment_status=PaymentStatus.NONE,
        notes=notes,
        version=1,
        created_at=now,
        updated_at=now,
        command_id=envelope.id,
        price_minor=price_minor,
        currency=currency,
        details=details,
        time_slot_id=time_slot_id,
    )
