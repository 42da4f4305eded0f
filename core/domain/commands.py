"""Requests to change something. Tags and field names are stable: they lie on disk and on the wire.

List every new type, field or value in `core.domain.versions`, so that older workers leave it alone.
"""

from __future__ import annotations

from datetime import date, datetime, time
from enum import IntEnum, StrEnum
from uuid import UUID

from msgspec import Struct

from core.domain.bookings.status import Status
from core.domain.marketplace.commands import MarketCommand
from core.domain.payments.values import IntentStatus, RefundStatus


class CommandClass(IntEnum):
    """Order inside a lane: a person waiting first, then expiry, then bulk."""

    INTERACTIVE = 0
    EXPIRY = 1
    BULK = 2
    DEFERRED = 3
    """Decided, but not answered until Stripe has answered. No lane reads it again."""


DECIDED_CLASSES = (CommandClass.INTERACTIVE, CommandClass.EXPIRY, CommandClass.BULK)
"""What a lane reads, in its order."""


class ActorKind(StrEnum):
    ANONYMOUS = "anonymous"
    USER = "user"
    STAFF = "staff"
    AGENT = "agent"
    ENGINE = "engine"


class Actor(Struct, frozen=True, omit_defaults=True):
    """The sender of a command. `user_id` is of users and staff, `key_id` of agent keys."""

    kind: ActorKind
    user_id: int | None = None
    key_id: int | None = None

    def may_act_for(self, user_id: int) -> bool:
        """Users act for themselves, staff and the engine for all."""
        return self.kind in {ActorKind.STAFF, ActorKind.ENGINE} or self.user_id == user_id

    @property
    def owner(self) -> str | None:
        """The name by which commands are owned and feeds are filtered; None for anonymous callers and the engine."""
        if self.key_id is not None:
            return f"key:{self.key_id}"
        return None if self.user_id is None else f"user:{self.user_id}"


ENGINE = Actor(ActorKind.ENGINE)


class PersonById(Struct, frozen=True, tag="id", omit_defaults=True):
    user_id: int


class PersonByPhone(Struct, frozen=True, tag="phone", omit_defaults=True):
    """A person named by a phone number. An unknown one becomes a user; a known one is never changed."""

    phone_key: str
    phone: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    gender: str = ""
    country: str = ""
    country_code: str | None = None
    language: str = ""
    """Of the request, for the mails of somebody who becomes known by it; "": it asks for none."""


class Place(Struct, frozen=True, tag="place", omit_defaults=True):
    """Book a named service at a local time of its resource."""

    person: PersonById | PersonByPhone
    service_name: str
    date: date
    time: time
    notes: str = ""
    status: Status = Status.CONFIRMED
    """Confirmed takes the time; completed and cancelled record history and take none."""


class BookRoom(Struct, frozen=True, tag="book_room", omit_defaults=True):
    """Hold a room for a local time of one day, until it is paid; a free one is confirmed at once."""

    user_id: int
    room_id: int
    date: date
    starts: time
    ends: time
    """00:00 is the end of the day."""
    guest_count: int = 1
    special_requests: str = ""


class RowToPlace(Struct, frozen=True):
    """`row` is its sender's own number for it."""

    row: int
    place: Place


class PlaceAll(Struct, frozen=True, tag="place_all", omit_defaults=True):
    """Book every row, or none. Rows may have any times, services and people."""

    rows: tuple[RowToPlace, ...]
    refused: int = 0
    """How many rows were refused before the inbox. If any, the others are checked but not booked."""


class ChangeStatus(Struct, frozen=True, tag="change_status", omit_defaults=True):
    booking_id: int
    status: Status


class Cancel(Struct, frozen=True, tag="cancel", omit_defaults=True):
    booking_id: int
    reason: str = ""


class Delete(Struct, frozen=True, tag="delete", omit_defaults=True):
    """Cancel if need be, then hide the booking everywhere."""

    booking_id: int


class IfBooked(StrEnum):
    """What a change of a time slot does to the booking that has it."""

    REFUSE = "refuse"
    MOVE = "move"
    CANCEL = "cancel"


class OfferSlot(Struct, frozen=True, tag="offer_slot", omit_defaults=True):
    """Offer one time slot."""

    category_id: int
    starts_at: datetime
    ends_at: datetime


class OfferWeekly(Struct, frozen=True, tag="offer_weekly", omit_defaults=True):
    """Offer time slots by a weekly pattern, in local times of the category's resource."""

    category_id: int
    first_day: date
    last_day: date
    """Inclusive."""
    weekdays: tuple[int, ...]
    """0 is Monday, 6 is Sunday."""
    opens_minute: int
    closes_minute: int
    """Minutes from local midnight; 1440 is the end of the day."""
    duration_minutes: int
    skip_collisions: bool = False
    """If false, one slot that collides refuses them all."""


class ChangeSlot(Struct, frozen=True, tag="change_slot", omit_defaults=True):
    time_slot_id: int
    category_id: int
    starts_at: datetime
    ends_at: datetime
    if_booked: IfBooked = IfBooked.REFUSE


class RemoveSlot(Struct, frozen=True, tag="remove_slot", omit_defaults=True):
    """Take a time slot off the calendar, and cancel the booking that has it."""

    time_slot_id: int


class BookSlot(Struct, frozen=True, tag="book_slot", omit_defaults=True):
    time_slot_id: int
    person: PersonById


class Reschedule(Struct, frozen=True, tag="reschedule", omit_defaults=True):
    """Another time for a booking of an appointment or a room, or another length, or another room."""

    booking_id: int
    starts_at: datetime
    ends_at: datetime | None = None
    """None: it lasts as long as before."""
    room_id: int | None = None
    """None: the room that it has."""
    reason: str = ""


class MoveToSlot(Struct, frozen=True, tag="move_to_slot", omit_defaults=True):
    """Another time slot for a booking that has one."""

    booking_id: int
    time_slot_id: int
    reason: str = ""


class MoveWithSlot(Struct, frozen=True, tag="move_with_slot", omit_defaults=True):
    """Another time for a booking and for the time slot that it has: staff move both where no other slot is on offer."""

    booking_id: int
    category_id: int
    starts_at: datetime
    ends_at: datetime


class ReportVisit(Struct, frozen=True, tag="report_visit", omit_defaults=True):
    """Staff say whether the client of a booking that has begun came."""

    booking_id: int
    came: bool


class AcceptHold(Struct, frozen=True, tag="accept_hold", omit_defaults=True):
    """Staff let a held booking stand without a payment here."""

    booking_id: int


class ExpireDue(Struct, frozen=True, tag="expire_due", omit_defaults=True):
    """End the named holds that have lapsed. The sweep sends one for each lane."""

    booking_ids: tuple[int, ...]


class MoveOn(Struct, frozen=True, tag="move_on", omit_defaults=True):
    """Begin or complete the named bookings, as their times say. The sweep sends it."""

    booking_ids: tuple[int, ...]


class RequestPayment(Struct, frozen=True, tag="request_payment", omit_defaults=True):
    """Pay for one's own booking. Answered when Stripe has an intent for it."""

    booking_id: int
    amount_minor: int
    currency: str


class ReportIntent(Struct, frozen=True, tag="report_intent", omit_defaults=True):
    """What Stripe says of a payment's intent. From the payments worker, or from a webhook."""

    payment_id: UUID
    intent_id: str
    status: IntentStatus
    received_minor: int = 0
    decline: str | None = None
    fresh: bool = False
    """The worker saw it, in the order in which it looked. What a webhook says may be out of date."""


class ReportNothing(Struct, frozen=True, tag="report_nothing", omit_defaults=True):
    """Stripe will never do what it was asked to for this payment. `code` is its reason."""

    payment_id: UUID
    code: str


class ReportRefund(Struct, frozen=True, tag="report_refund", omit_defaults=True):
    payment_id: UUID
    refund_id: str
    status: RefundStatus
    amount_minor: int
    number: int = 0
    """Which of the payment's refunds it is, counted from 1."""


class LookForRefunds(Struct, frozen=True, tag="look_for_refunds", omit_defaults=True):
    """A webhook said that money went back at Stripe. It may be out of date, so the worker looks."""

    payment_id: UUID


class ReportGivenBack(Struct, frozen=True, tag="report_given_back", omit_defaults=True):
    """How much of a payment's money went back until now, also without our order. From the payments worker."""

    payment_id: UUID
    amount_minor: int


class Canary(Struct, frozen=True, tag="canary", omit_defaults=True):
    """Changes nothing; its outcome and event prove that the whole pipeline runs."""


class CloseResource(Struct, frozen=True, tag="close_resource", omit_defaults=True):
    """Let nobody book a resource for a time (holidays, illness), given in its local times."""

    resource_id: int
    first_day: date
    last_day: date
    """Inclusive."""
    starts: time | None = None
    """On the first day; None is its beginning."""
    ends: time | None = None
    """On the last day; None is its end."""
    reason: str = ""
    busy: BusySpan | None = None
    """For what a calendar says: the instants, which count instead of the local times."""


class BusySpan(Struct, frozen=True):
    """A time that a calendar takes, which its resource follows."""

    calendar_id: int
    starts_at: datetime
    ends_at: datetime


class ReopenResource(Struct, frozen=True, tag="reopen_resource", omit_defaults=True):
    """End a closure: its time can be booked again."""

    closure_id: int


PaymentReport = ReportIntent | ReportNothing | ReportRefund | LookForRefunds | ReportGivenBack
"""What the engine learned about a payment."""
EngineCommand = ExpireDue | MoveOn | Canary
"""What the engine sends to itself; nobody waits for the answer."""

Command = (
    Place
    | PlaceAll
    | BookRoom
    | ChangeStatus
    | Cancel
    | Delete
    | BookSlot
    | OfferSlot
    | OfferWeekly
    | ChangeSlot
    | RemoveSlot
    | Reschedule
    | MoveToSlot
    | MoveWithSlot
    | ReportVisit
    | AcceptHold
    | CloseResource
    | ReopenResource
    | RequestPayment
    | PaymentReport
    | EngineCommand
    | MarketCommand
)
"""Each has a handler in `core.domain.command_table`."""


class Header(Struct, frozen=True):
    """What is known of a command even if its body cannot be decoded."""

    id: UUID
    seq: int
    contract: str
    actor: Actor
    request_id: str
    accepted_at: datetime
    decide_before: datetime | None
    reply_to: str | None
    """The API process in which the client waits for the outcome."""
    bulk_id: UUID | None = None
    """The bulk that it came in. The feed then tells its owner of the bulk, not of each command."""
    address: str | None = None
    """Where staff or an agent key sent it from, for the audit log."""
    traceparent: str | None = None
    """Of the sampled trace that it belongs to (W3C); None if there is none."""


class Envelope(Header, frozen=True, kw_only=True):
    """A command with its header."""

    command: Command


def name_of(kind: type[Command]) -> str:
    """The stable name of a kind of command on the wire and in the inbox, e.g. `place`."""
    return str(kind.__struct_config__.tag)


def type_of(command: Command) -> str:
    return name_of(type(command))
