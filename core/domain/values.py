"""The values that commands and events are about: resources, users, bookings and their claims."""

from __future__ import annotations

from datetime import date, datetime, time
from uuid import UUID

from msgspec import Struct

from core.domain.bookings.status import PaymentStatus, Status
from core.domain.marketplace.details import MarketDetails
from core.domain.resources.local_time import Hours

ResourceTime = tuple[int, datetime, datetime]
"""A resource's id, start, end."""


class Resource(Struct, frozen=True):
    """What can be booked. Local days and times are in its zone."""

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
    is_active: bool = True


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


class Policy(Struct, frozen=True):
    """What the installation decides for bookings of every contract; from settings, the same for a whole batch."""

    allow_past: bool = False
    books_unknown_services: bool = True
    """Whether a name that no service has books the desk; otherwise it is refused."""
    hold_s: int = 30 * 60
    """How long a place is held for somebody who has still to pay."""
    hold_extension_s: int = 30 * 60
    """What a hold whose payment is `processing` gets on top, once; 0 gives nothing."""
    max_holds_per_user: int = 5
    """Live holds of one person at a time; 0 is no limit."""
    payment_look_s: int = 120
    """How often Stripe is asked about a payment of which no webhook told anything."""
    refund_notice_s: int = 24 * 60 * 60
    """A client who cancels at least this long before the start gets money and credits back."""
    offer_s: int = 12 * 60 * 60
    """How long a freed seat is held for the person who is offered it."""


DEFAULT_POLICY = Policy()


class Claim(Struct, frozen=True):
    """A resource's time taken: by a booking, or by a closure (no booking)."""

    resource_id: int
    starts_at: datetime
    ends_at: datetime
    booking_id: int | None
    closure_id: int | None = None
    session_id: int | None = None

    @property
    def holder(self) -> Holder:
        return self.booking_id, self.closure_id, self.session_id

    def overlaps(self, starts_at: datetime, ends_at: datetime) -> bool:
        return self.starts_at < ends_at and starts_at < self.ends_at


Holder = tuple[int | None, int | None, int | None]
"""The ids of what a claim belongs to: (booking, closure, session). One of them is set."""


class Room(Struct, frozen=True):
    """What a booking of a room needs to know. Several rooms may share a resource."""

    id: int
    resource_id: int
    name: str
    capacity: int
    """Guests at most. A booking takes the whole room, whatever the number of guests."""
    price_minor: int
    """Of one slot."""
    currency: str
    slot_minutes: int
    hours: Hours
    is_available: bool


class RoomDetails(Struct, frozen=True, tag="room"):
    """What only a room's booking has. `special_requests` of rooms are the booking's notes."""

    room_id: int
    ends: time
    """Local to the room; 00:00 is midnight."""
    guest_count: int
    number_of_slots: int


class SlotDetails(Struct, frozen=True, tag="time_slot"):
    """What only a time slot's booking has, beside `time_slot_id`."""

    category_id: int


Details = RoomDetails | SlotDetails | MarketDetails
"""What only bookings of one contract have. It lies in the database as JSON, with a tag."""


class Category(Struct, frozen=True):
    """What calendar users pick by name: it offers time slots of its resource."""

    id: int
    name: str
    resource: Resource


class Closure(Struct, frozen=True):
    """A resource's time that nobody may book. Bookings made before stay until staff move or cancel them."""

    id: int
    resource: Resource
    first_day: date
    starts: time | None
    """Local; None is the day's beginning."""
    last_day: date
    ends: time | None
    """Local; None is the day's end."""
    starts_at: datetime
    ends_at: datetime
    reason: str
    created_at: datetime
    calendar_id: int | None = None
    """The calendar whose busy time it is; None: somebody made it."""


class TimeSlot(Struct, frozen=True):
    """An interval on offer. It claims its resource's time only when booked."""

    id: int
    category: Category
    starts_at: datetime
    ends_at: datetime


class Booking(Struct, frozen=True):
    """The time that it takes is recorded in its claims."""

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
    price_minor: int = 0
    """Fixed when it was made, in minor units of `currency`; 0 is free."""
    currency: str = "usd"
    """ISO 4217, in small letters as Stripe has it."""
    hold_expires_at: datetime | None = None
    """When a held booking gives its time back by itself. Kept afterwards, as history."""
    hold_extended: bool = False
    details: Details | None = None
    time_slot_id: int | None = None
    """The time slot that it has or had, if it is of one."""
