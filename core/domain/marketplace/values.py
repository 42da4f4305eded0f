"""The values of the marketplace: practitioners, services, sessions, credits."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec import Struct

from core.domain.marketplace.details import Kind
from core.domain.marketplace.schedules import Schedule
from core.domain.resources.local_time import Span


class Practitioner(Struct, frozen=True):
    """A person who gives sessions: a user, and the resource that sessions claim."""

    id: int
    user_id: int
    resource_id: int
    name: str
    email: str
    zone: str
    schedule: Schedule
    buffer_before_minutes: int
    buffer_after_minutes: int
    notice_minutes: int
    """How long before its start a session can still be booked."""
    horizon_days: int
    """How far ahead a session can be booked."""
    is_active: bool

    def claimed(self, starts_at: datetime, ends_at: datetime) -> Span:
        """What a session takes of the practitioner: its time and the buffers around it.

        Between two sessions there is room for the buffer after one and the buffer before the other.
        """
        before, after = self.buffers
        return starts_at - before, ends_at + after

    @property
    def buffers(self) -> tuple[timedelta, timedelta]:
        """What a session takes before it and after it."""
        return timedelta(minutes=self.buffer_before_minutes), timedelta(minutes=self.buffer_after_minutes)


class MarketService(Struct, frozen=True):
    """What can be bought. Packages list services in `items`, bundles what their credits pay for."""

    id: int
    name: str
    kind: Kind
    duration_minutes: int | None
    """Of an individual session; a session of a workshop has its own times."""
    slot_step_minutes: int | None
    """How far apart the starts on offer are; None steps by the duration."""
    price_minor: int
    currency: str
    credits: int | None
    """How many a bundle brings."""
    valid_days: int | None
    """How long they last."""
    is_active: bool
    practitioner_ids: tuple[int, ...] = ()
    """Who gives it, in the order in which a free one is picked."""
    items: tuple[int, ...] = ()

    @property
    def step_minutes(self) -> int:
        return self.slot_step_minutes or self.minutes

    @property
    def minutes(self) -> int:
        return self.duration_minutes or DURATION_MINUTES_DEFAULT


DURATION_MINUTES_DEFAULT = 60


class Location(Struct, frozen=True):
    """Where sessions are given. `room_ids` are its rooms' resources; without any it needs none."""

    id: int
    name: str
    address: str
    is_active: bool
    room_ids: tuple[int, ...] = ()


class ServiceSession(Struct, frozen=True):
    """One meeting of a workshop or course, with seats."""

    id: int
    service_id: int
    practitioner_id: int
    location_id: int | None
    room_id: int | None
    title: str
    starts_at: datetime
    ends_at: datetime
    capacity: int
    seats_taken: int
    is_cancelled: bool
    meeting_url: str = ""
    waiting: int = 0
    """How many people wait for a seat; as long as somebody waits, freed seats are offered to them."""

    @property
    def span(self) -> Span:
        return self.starts_at, self.ends_at

    @property
    def has_seat(self) -> bool:
        """Whether somebody who has not waited can have a seat."""
        return self.seats_taken + self.waiting < self.capacity


class Credit(Struct, frozen=True):
    """The credits of one bought bundle."""

    booking_id: int
    user_id: int
    service_ids: tuple[int, ...]
    granted: int
    balance: int
    expires_at: datetime
    is_paid: bool
    """Whether the bundle's own booking is confirmed."""

    def pays_for(self, service_id: int, now: datetime) -> bool:
        return self.is_paid and self.balance > 0 and now < self.expires_at and service_id in self.service_ids


class WaitingPlace(Struct, frozen=True):
    """Somebody's place in the queue for a seat; the lowest id is the first."""

    id: int
    session_id: int
    user_id: int
    created_at: datetime


class Note(Struct, frozen=True):
    id: int
    booking_id: int
    author_id: int
    author: str
    content: str
    is_private: bool
    """Seen by the practitioner and staff only."""
    created_at: datetime
