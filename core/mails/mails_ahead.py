"""Which mails come due by the clock: reminders before a start, and a word before a hold ends. Pure.

Each is planned by the event that makes it true, under a key that says what it is about. When it comes due the booking
is looked at again (`core.mails.contents`), so a plan that is true no more is dropped, and nobody has to find it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from core.domain.bookings.status import Status
from core.mails.kinds import MailKind, Role
from core.store.deliveries.values import NewDelivery
from core.store.feed import FeedEvent
from core.store.mails.facts import BookingState

HOLD_SHORT_S = 15 * 60
"""A hold that is no longer than this is at an end before a mail is read."""
HOLD_LEFT = 3
"""The mail comes when a third of the hold's time is left."""
BY_THE_CLOCK = "engine"


def mails_ahead(event: FeedEvent, booking: BookingState, before_s: Sequence[int]) -> Iterator[NewDelivery]:
    """What an event about a booking lets come due later. Moments that were past already are left out."""
    if booking.is_deleted:
        return
    if booking.status is Status.CONFIRMED and booking.starts_at is not None:
        yield from _reminders(event, booking, booking.starts_at, before_s)
    elif booking.status is Status.HELD and booking.hold_expires_at is not None and not booking.is_part:
        yield from _before_a_hold_ends(event, booking, booking.hold_expires_at)


def _reminders(
    event: FeedEvent, booking: BookingState, starts_at: datetime, before_s: Sequence[int]
) -> Iterator[NewDelivery]:
    people = {Role.CLIENT: booking.user_id} if booking.client_reminders else {}
    practitioner = booking.practitioner_user_id
    if practitioner is not None and booking.practitioner_reminders and practitioner != booking.user_id:
        people[Role.PRACTITIONER] = practitioner
    for role, user_id in people.items():
        for seconds in before_s:
            due_at = starts_at - timedelta(seconds=seconds)
            if due_at > event.at:
                start = starts_at.astimezone(UTC).isoformat()
                told: dict[str, object] = {"starts_at": start, "before_s": seconds}
                key = f"reminder {event.booking_id} {role} {start} {seconds}"
                yield _ahead(event, MailKind.REMINDER, role, user_id, key, due_at, told)


def _before_a_hold_ends(event: FeedEvent, booking: BookingState, ends_at: datetime) -> Iterator[NewDelivery]:
    left = ends_at - event.at
    if left > timedelta(seconds=HOLD_SHORT_S):
        end = ends_at.astimezone(UTC).isoformat()
        told: dict[str, object] = {"held_until": end}
        key = f"hold {event.booking_id} {end}"
        due_at = ends_at - left / HOLD_LEFT
        yield _ahead(event, MailKind.HOLD_ENDS, Role.CLIENT, booking.user_id, key, due_at, told)


def _ahead(
    event: FeedEvent, kind: MailKind, role: Role, user_id: int, key: str, due_at: datetime, told: dict[str, object]
) -> NewDelivery:
    return NewDelivery(
        receiver=f"user:{user_id}",
        type=kind.value,
        data={"role": role.value, "caller": BY_THE_CLOCK, **told},
        booking_id=event.booking_id,
        key=key,
        once=True,
        due_at=due_at,
    )
