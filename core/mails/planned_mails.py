"""Which mails are planned: after events of the feed, and when the reader of an address agrees to get any."""

from __future__ import annotations

from collections.abc import Sequence

from core.mails.kinds import (
    READERS,
    MailKind,
    MoneyMail,
    Role,
    is_about_a_booking,
    is_about_money,
    mail_after,
    money_mail_after,
)
from core.mails.mails_ahead import mails_ahead
from core.store.connections.database import AsyncConnection, Connection
from core.store.deliveries.cursors import add_async
from core.store.deliveries.values import NewDelivery
from core.store.feed import FeedEvent
from core.store.mails.facts import BookingState, bookings_to_come, read_states
from core.store.mails.kept import SENDER

CONFIRMED_MAX = 20
"""As many as an address gets of a day, unless a setting says otherwise."""


def planned_mails(
    connection: Connection, events: Sequence[FeedEvent], reminders_s: Sequence[int] = ()
) -> list[NewDelivery]:
    """To the client and the practitioner of each booking, in the events' order; some come due by the clock."""
    about = [event for event in events if is_about_a_booking(event)]
    if not about:
        return []
    bookings = read_states(connection, {event.booking_id for event in about if event.booking_id is not None})
    return [mail for event in about for mail in _mails_after(event, bookings.get(event.booking_id or 0), reminders_s)]


async def confirm_bookings(connection: AsyncConnection, user_id: int) -> None:
    """Plan the confirmations that were held back. In the transaction that notes the consent; twice is harmless."""
    ids = await bookings_to_come(connection, user_id, CONFIRMED_MAX)
    new = [
        NewDelivery(
            receiver=f"user:{user_id}",
            type=MailKind.CONFIRMATION.value,
            data={"role": Role.CLIENT.value, "caller": "engine"},
            booking_id=id_,
            key=f"after consent {id_}",
        )
        for id_ in ids
    ]
    await add_async(connection, SENDER, new)


def _mails_after(event: FeedEvent, booking: BookingState | None, reminders_s: Sequence[int]) -> list[NewDelivery]:
    if booking is None:
        return []
    money = money_mail_after(event)
    if money is not None:
        return [_about_money(event, booking, money)]
    if is_about_money(event):
        return []
    return [*_told_now(event, booking), *mails_ahead(event, booking, reminders_s)]


def _told_now(event: FeedEvent, booking: BookingState) -> list[NewDelivery]:
    kind = mail_after(event, booking)
    if kind is None:
        return []
    people = {Role.CLIENT: booking.user_id, Role.PRACTITIONER: booking.practitioner_user_id}
    return [
        NewDelivery(
            receiver=f"user:{user_id}",
            type=kind.value,
            data={"role": role.value, "caller": event.actor},
            event=event,
            booking_id=event.booking_id,
            key=role.value,
        )
        for role, user_id in people.items()
        if user_id is not None
        and role in READERS[kind]
        and not (role is Role.PRACTITIONER and user_id == booking.user_id)
    ]


def _about_money(event: FeedEvent, booking: BookingState, money: MoneyMail) -> NewDelivery:
    what = {"payment": money.payment_id, "refunded_minor": money.refunded_minor}
    return NewDelivery(
        receiver=f"user:{booking.user_id}",
        type=money.kind.value,
        data={"role": Role.CLIENT.value, "caller": event.actor, **what},
        event=event,
        booking_id=event.booking_id,
        key=money.key,
        once=True,
    )
