"""What happened, in the past tense. `decide` returns events, `evolve` applies them.

The feed tells an event by its tag, which is stable; it does not tell those without one.
"""

from __future__ import annotations

from datetime import date, time
from enum import StrEnum
from uuid import UUID

from msgspec import Struct

from core.domain.bookings.status import Status
from core.domain.marketplace.events import MarketEvent
from core.domain.payments.values import Payment, PaymentState
from core.domain.refusals import CommandRefused
from core.domain.values import Booking, Claim, Closure, TimeSlot, User


class UserCreated(Struct, frozen=True):
    user: User
    country_code: str | None
    language: str = ""
    """Of their mails; "": the installation's."""


class BookingPlaced(Struct, frozen=True, tag="booking_created"):
    booking: Booking
    claims: tuple[Claim, ...]
    slot: TimeSlot | None = None
    """The time slot that it takes."""


class BookingChanged(Struct, frozen=True, tag="booking_updated"):
    """The booking as it is now. `freed`: it gave its time back. `claims`: what it takes from now on."""

    booking: Booking
    was: Status
    freed: bool
    by: str
    reason: str = ""
    claims: tuple[Claim, ...] = ()
    slot: TimeSlot | None = None
    """The time slot that it has."""
    moved_from: Booking | None = None
    """The booking before, where a change may give it another resource, service or day: the feed tells both."""


class BookingDeleted(Struct, frozen=True, tag="booking_deleted"):
    booking: Booking
    by: str
    slot: TimeSlot | None = None
    """The time slot that it was made for."""


class BookingUnchanged(Struct, frozen=True, tag="command_unchanged"):
    """The booking was already as the command asks."""

    booking: Booking


class SlotOffered(Struct, frozen=True, tag="timeslot_created"):
    slot: TimeSlot
    is_taken: bool
    """Its resource is: the slot cannot be booked."""


class SlotChanged(Struct, frozen=True, tag="timeslot_updated"):
    """The time slot as it is now."""

    slot: TimeSlot
    was: TimeSlot
    booking: Booking | None
    """The one that has it now."""
    is_taken: bool
    """By its booking, or because its resource is."""
    cancelled: int | None = None
    """The booking that the change cancelled."""


class SlotUnchanged(Struct, frozen=True, tag="command_unchanged"):
    """The time slot was already as the command asks."""

    slot: TimeSlot
    booking: Booking | None
    is_taken: bool


class SlotAvailabilityChanged(Struct, frozen=True, tag="timeslot_updated"):
    """Another booking or a closure took the time slot's resource or gave it back, or its booking went to another slot."""

    slot: TimeSlot
    is_taken: bool


class SlotRemoved(Struct, frozen=True, tag="timeslot_deleted"):
    slot: TimeSlot
    cancelled: int | None
    """The booking that went with it."""


class WhySkipped(StrEnum):
    """Why a slot of a weekly pattern was left out. Stable: clients read it."""

    CLOCK_CHANGE = "clock_change"
    """The clocks change on that day, and it does not exist or does not fit."""
    IN_THE_PAST = "in_the_past"
    OVERLAPS = "overlaps"


class SkippedSlot(Struct, frozen=True):
    """A slot of a weekly pattern that was left out; the time is local."""

    day: date
    at: time
    why: WhySkipped


class WeeklyOffered(Struct, frozen=True, tag="timeslots_offered"):
    """The last event of a weekly pattern: which slots were made, which were left out."""

    slots: tuple[SlotOffered, ...]
    skipped: tuple[SkippedSlot, ...]


SlotEvent = SlotOffered | SlotChanged | SlotUnchanged | SlotAvailabilityChanged | SlotRemoved | WeeklyOffered


class ResourceClosed(Struct, frozen=True, tag="resource_closed"):
    closure: Closure
    in_the_way: tuple[int, ...]
    """Bookings that keep their time in it, the earliest first."""


class ResourceReopened(Struct, frozen=True, tag="resource_reopened"):
    closure: Closure


ClosingEvent = ResourceClosed | ResourceReopened


class PaymentMade(Struct, frozen=True, tag="payment_updated"):
    """A new attempt to pay."""

    payment: Payment


class PaymentChanged(Struct, frozen=True, tag="payment_updated"):
    """The attempt as it is now. Its state says what the payments worker is to do, `due_at` when."""

    payment: Payment
    was: PaymentState


class PaymentUnchanged(Struct, frozen=True, tag="command_unchanged"):
    """A report that says nothing new: it came twice, or too late to matter."""

    payment: Payment


class PaymentReady(Struct, frozen=True, tag="payment_ready"):
    """The intent can be paid."""

    payment: Payment


class CommandDeferred(Struct, frozen=True):
    """Decided, but answered only when Stripe knows this payment."""

    payment_id: UUID


class CommandStepped(Struct, frozen=True):
    """Decided in part: the next step continues (`core.domain.steps`)."""

    done: int
    total: int


class NothingDue(Struct, frozen=True, tag="nothing_due"):
    """A sweep's command found nothing to do: others had done it, or a rule forbids it now."""


class CanaryHeard(Struct, frozen=True, tag="canary"):
    pass


Event = (
    UserCreated
    | BookingPlaced
    | BookingChanged
    | BookingDeleted
    | BookingUnchanged
    | SlotEvent
    | ClosingEvent
    | CommandRefused
    | CommandDeferred
    | CommandStepped
    | PaymentMade
    | PaymentChanged
    | PaymentUnchanged
    | PaymentReady
    | NothingDue
    | CanaryHeard
    | MarketEvent
)
