"""What only a marketplace booking has. It is stored as JSON, so its names are stable."""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class Kind(StrEnum):
    """What a service is, and so what a booking of it is."""

    INDIVIDUAL = "individual"
    """One client, one practitioner; claims the practitioner, and a room where a location is given."""
    WORKSHOP = "workshop"
    """A seat of one session. The document's filter calls it `group`."""
    COURSE = "course"
    """A seat in each session of its schedule: a child booking for each."""
    PACKAGE = "package"
    """Several services bought at once: a child booking for each, scheduled now or later."""
    BUNDLE = "bundle"
    """Credits for later bookings."""


class Cancellation(Struct, frozen=True, omit_defaults=True):
    by: str
    """client, practitioner, admin or system."""
    reason: str = ""


class MarketDetails(Struct, frozen=True, tag="market", omit_defaults=True):
    kind: Kind
    practitioner_id: int
    practitioner_user_id: int
    """The practitioner's account, which never changes."""
    is_scheduled: bool = True
    """False: the booking's times say only when it was made, and are shown as null."""
    parent_id: int | None = None
    """The course or package that it is a part of. Its price and payment are the parent's."""
    share_minor: int = 0
    """Its share of the whole's price: refunded when it alone is cancelled in time."""
    session_id: int | None = None
    """The session it has a seat in."""
    location_id: int | None = None
    room_id: int | None = None
    """The resource of the location that it claims beside the practitioner."""
    buffer_before_minutes: int = 0
    buffer_after_minutes: int = 0
    """What it claims of the practitioner around its time. Later changes of the buffers do not change it."""
    credit_id: int | None = None
    """The bundle whose credit paid for it."""
    discount_minor: int = 0
    """What a credit took off the price."""
    timezone: str = "UTC"
    """The zone in which the client wants to see it; it changes no time."""
    title: str = ""
    description: str = ""
    client_notes: str = ""
    meeting_url: str = ""
    meeting_id: str = ""
    cancellation: Cancellation | None = None

    @property
    def takes_practitioner(self) -> bool:
        return self.kind is Kind.INDIVIDUAL and self.is_scheduled and self.session_id is None
