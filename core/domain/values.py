"""The nouns of the engine, as frozen values."""

from __future__ import annotations

from datetime import date, datetime, time
from uuid import UUID

from msgspec import Struct

from core.domain.calendars import Hours
from core.domain.status import PaymentStatus, Status


class Resource(Struct, frozen=True):
    """What can be booked. Its zone gives its local days and times."""

    id: int
    kind: str
    name: str
    zone: str


class Service(Struct, frozen=True):
    id: int
    name: str
    resource_id: int
    duration_minutes: int | None
    """None takes the settings' duration."""


class User(Struct, frozen=True):
    """A person as bookings need them: no credentials."""

    id: int
    username: str
    first_name: str
    last_name: str
    email: str
    """The login address, else the contact address, else empty."""
    phone: str
    phone_key: str | None
    """Normalised: E.164 or bare digits. Unique."""
    gender: str
    country: str
    is_active: bool
    is_staff: bool
    is_superuser: bool
    is_practitioner: bool
    date_joined: datetime

    @property
    def is_privileged(self) -> bool:
        """Staff, superusers and practitioners: nobody without their credentials books for them."""
        return self.is_staff or self.is_superuser or self.is_practitioner


class Rules(Struct, frozen=True):
    """The appointments settings row and the installation's rules, as one batch found them."""

    is_active: bool
    hours: Hours
    duration_minutes: int
    allow_past: bool
    desk_id: int


class Claim(Struct, frozen=True):
    """A resource's time taken: by a booking, or by a closure (no booking)."""

    resource_id: int
    starts_at: datetime
    ends_at: datetime
    booking_id: int | None

    def overlaps(self, starts_at: datetime, ends_at: datetime) -> bool:
        return self.starts_at < ends_at and starts_at < self.ends_at


class Booking(Struct, frozen=True):
    """Who, what, when and in which state. Times it takes are its claims."""

    id: int
    public_uuid: UUID
    contract: str
    user_id: int
    service_id: int | None
    service_name: str
    resource_id: int
    starts_at: datetime
    ends_at: datetime
    local_date: date
    local_time: time
    duration_minutes: int
    status: Status
    payment_status: PaymentStatus
    notes: str
    version: int
    """Grows by one with each change; clients of the feed ignore older ones."""
    created_at: datetime
    updated_at: datetime
    command_id: UUID
