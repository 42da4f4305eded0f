"""What the WebSocket feeds say and understand.

The notifier encodes and decodes these types, and the description at `/api/schema/feeds/` is made of
them. Every feed message is `{"type", "data", "position"}`; a position is opaque to clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Annotated, Literal, get_args, get_type_hints
from uuid import UUID

from msgspec import Meta, Struct

from core.wire.contracts.admin_bookings import AdminBooking
from core.wire.contracts.bulk import BulkProgress
from core.wire.contracts.calendar import ToldSlot
from core.wire.errors import ErrorBody
from core.wire.outcomes import CommandStatus

PositionText = Annotated[str, Meta(description="Opaque. Keep the last one, send it back, do nothing else with it")]
BookingWord = Literal["booking_created", "booking_updated", "booking_deleted"]
SlotWord = Literal["timeslot_created", "timeslot_updated", "timeslot_deleted", "booking_created", "booking_cancelled"]

BOOKING_WORDS: Mapping[str, BookingWord] = {word: word for word in get_args(BookingWord)}
WEBHOOK_DISABLED = "webhook_disabled"
SLOT_WORDS: Mapping[str, SlotWord] = {word: word for word in get_args(SlotWord)}
"""By what an event is called, where that is a word of the feed too."""


FILTER_VALUES_MAX = 100
"""Of one field of a filter."""
ResourceId = Annotated[int, Meta(ge=1, le=2**63 - 1)]
ServiceName = Annotated[str, Meta(min_length=1, max_length=200)]
_Many = Meta(max_length=FILTER_VALUES_MAX)


class BookingFilter(Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Which news of bookings is told. Every field that is given narrows; within one, any of its values will do.

    News is told if its booking matches since the event, or did before it: what moves away is told too.
    """

    types: Annotated[tuple[BookingWord, ...], _Many] = ()
    resource_ids: Annotated[tuple[ResourceId, ...], _Many] = ()
    services: Annotated[tuple[ServiceName, ...], _Many] = ()
    """By name, however it is written."""
    start_date: date | None = None
    """Local to the booking's resource, as `end_date`."""
    end_date: date | None = None


class BookingTold(Struct, frozen=True):
    """What became of a booking of any contract, in the admin shape."""

    type: BookingWord
    data: AdminBooking
    position: PositionText


class BookingsTold(Struct, frozen=True, kw_only=True):
    """Answers `get_bookings`: the newest 50, and the position that they were read at."""

    type: Literal["bookings_data"] = "bookings_data"
    data: list[AdminBooking]
    position: PositionText


class DisabledWebhook(Struct, frozen=True, kw_only=True):
    id: int
    reason: str
    """In words for people."""


class WebhookTold(Struct, frozen=True, kw_only=True, tag_field="type", tag="webhook_disabled"):
    """An endpoint of webhooks is sent nothing more, as it failed for days or wants no more: look at it. No filter
    keeps it back, as it is about no booking.
    """

    data: DisabledWebhook
    position: PositionText


class SlotTold(Struct, frozen=True):
    """What became of a time slot or of its booking: the slot as it was when that happened."""

    type: SlotWord
    data: ToldSlot
    position: PositionText


class CommandTold(Struct, frozen=True, kw_only=True):
    """A command is decided: what `GET /api/commands/{command_id}/` answers."""

    type: Literal["command_finished"] = "command_finished"
    data: CommandStatus
    position: PositionText


class ProgressTold(Struct, frozen=True, kw_only=True):
    """How far a bulk is; the last of these says that it is finished."""

    type: Literal["batch_progress"] = "batch_progress"
    data: BulkProgress
    position: PositionText


class Subscribed(Struct, frozen=True, kw_only=True):
    """Answers `subscribe`: the filter that holds for what is told after this message. It says nothing of where you
    are: keep the position that you have.
    """

    type: Literal["subscribed"] = "subscribed"
    data: BookingFilter


class Reload(Struct, frozen=True, kw_only=True):
    """Events after this position are no longer available: reload everything, then continue from the new position."""

    type: Literal["reload"] = "reload"
    position: PositionText


class Heartbeat(Struct, frozen=True, kw_only=True):
    """There was silence: this is where you are."""

    type: Literal["heartbeat"] = "heartbeat"
    position: PositionText


class ErrorTold(Struct, frozen=True, kw_only=True):
    """What was sent cannot be served; after 20 of these the connection is closed."""

    type: Literal["error"] = "error"
    data: ErrorBody


class GetBookings(Struct, frozen=True, tag_field="type", tag="get_bookings"):
    """Answered by `bookings_data`; news goes on from its position."""


class Resume(Struct, frozen=True, tag_field="type", tag="resume"):
    """Go on after this position; answered by what was missed, or by `reload`."""

    last_position: str


class Subscribe(BookingFilter, frozen=True, tag_field="type", tag="subscribe"):
    """Hear only of some bookings, answered by `subscribed`. Without fields it clears the filter. As the first message
    it may be followed by `resume` or `get_bookings`; `last_position` resumes at once, with the filter.
    """

    last_position: str | None = None

    @property
    def filter(self) -> BookingFilter:
        return BookingFilter(self.types, self.resource_ids, self.services, self.start_date, self.end_date)


class Authenticate(Struct, frozen=True, tag_field="type", tag="authenticate"):
    """An access token, an API token, an agent key or a ticket."""

    token: str


class Watch(Struct, frozen=True, tag_field="type", tag="watch"):
    """Hear the outcome of a command by its id; answered by `command_finished`. At most 100 a connection."""

    command_id: UUID


Request = GetBookings | Resume | Subscribe | Authenticate | Watch


class FeedDescription(Struct, frozen=True, kw_only=True):
    """One feed: where it is, who may listen, what it says and understands beside what all do."""

    path: str
    """Without its trailing slash."""
    who: str
    says: tuple[type[Struct], ...]
    understands: tuple[type[Struct], ...] = ()


ADMIN_BOOKINGS = FeedDescription(
    path="/ws/admin/bookings",
    who="Staff.",
    says=(BookingTold, BookingsTold, WebhookTold, Subscribed),
    understands=(GetBookings, Subscribe),
)
CALENDAR = FeedDescription(path="/ws/calendar", who="Anybody with an account.", says=(SlotTold,))
COMMANDS = FeedDescription(
    path="/ws/commands",
    who="The sender of the commands; anybody may watch, by its id, a command that nobody owns.",
    says=(CommandTold, ProgressTold),
    understands=(Watch,),
)
FEEDS = (ADMIN_BOOKINGS, CALENDAR, COMMANDS)
ALL_SAY: tuple[type[Struct], ...] = (Reload, Heartbeat, ErrorTold)
ALL_UNDERSTAND: tuple[type[Struct], ...] = (Authenticate, Resume)

HANDSHAKE_REFUSALS: Mapping[str, tuple[int, ...]] = {
    "bad_header": (400,),
    "bad_request": (400, 414, 431),
    "bad_credential": (401,),
    "forbidden": (403,),
    "origin_not_allowed": (403,),
    "password_change_required": (403,),
    "not_a_websocket": (426,),
    "too_many_connections": (429, 503),
    "unavailable": (503,),
}
"""By code: the statuses that a handshake is refused with, in the one error shape."""
UNKNOWN_PATH = (404, "not_found")
"""What is answered where there is no feed."""
ERRORS: Mapping[str, int] = {
    "bad_filter": 400,
    "bad_message": 400,
    "not_json": 400,
    "bad_credential": 401,
    "not_authenticated": 401,
    "forbidden": 403,
    "password_change_required": 403,
    "command_not_found": 404,
    "already_authenticated": 409,
    "message_too_large": 413,
    "too_many_requests": 429,
    "too_many_watched": 429,
}
"""By code: what the data of an `error` message may say, and with which status."""


def message_types_of(kind: type[Struct]) -> tuple[str, ...]:
    """What the `type` of such a message may say."""
    tag = kind.__struct_config__.tag
    return (str(tag),) if tag is not None else get_args(get_type_hints(kind)["type"])
