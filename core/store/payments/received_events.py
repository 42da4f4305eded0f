"""Stripe's events, each received once: its id and its command are written in one transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from msgspec import Struct

from core.domain.commands import LookForRefunds, PaymentReport, ReportIntent
from core.payments.stripe_events import StripeEvent
from core.store.connections.database import AsyncConnection
from core.store.inbox.acceptance import engine_command, enqueue_async
from core.store.inbox.partition_keys import partition_key

SQL_NOTE = """
INSERT INTO stripe_event (id, type, command_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING id
"""
SQL_PAYMENT = """
SELECT p.id, p.booking_id, b.resource_id, b.local_date FROM payment p JOIN booking b ON b.id = p.booking_id
WHERE p.id = %(id)s OR p.intent_id = %(intent_id)s
"""


class ReceivedEvent(Struct, frozen=True):
    result: str
    """accepted; noted, if Holdfast does nothing about it; known, if it came before; ignored, if it is about no payment
    of ours."""
    lane: int | None = None
    """In which its command waits."""
    booking_id: int | None = None
    """Of the payment, if it is ours."""


async def receive_event(
    connection: AsyncConnection, event: StripeEvent, request_id: str, traceparent: str | None = None
) -> ReceivedEvent:
    """Send what Stripe says to the booking's lane, which decides."""
    about = _about(event)
    if about is None:
        return ReceivedEvent("ignored")
    async with connection.transaction():
        row = await (await connection.execute(SQL_PAYMENT, about)).fetchone()
        if row is None:
            return ReceivedEvent("ignored")
        payment_id, booking_id, resource_id, day = row
        report = _report(event, payment_id)
        id_ = uuid4()
        noted = await (await connection.execute(SQL_NOTE, (event.id, event.type, report and id_))).fetchone()
        if noted is None:
            return ReceivedEvent("known", booking_id=booking_id)
        if report is None:
            return ReceivedEvent("noted", booking_id=booking_id)
        key = partition_key(resource_id, day)
        command = engine_command(
            report, key, request_id=request_id, id_=id_, contract="payments", traceparent=traceparent
        )
        ((_, lane),) = await enqueue_async(connection, [command])
    return ReceivedEvent("accepted", lane, booking_id)


def _about(event: StripeEvent) -> dict[str, Any] | None:
    """How to find the payment; None if the event is about none of ours."""
    if event.intent is not None:
        return None if event.intent.payment_id is None else {"id": event.intent.payment_id, "intent_id": None}
    intent_id = event.refunded_intent_id or (event.concern.intent_id if event.concern else "")
    return {"id": None, "intent_id": intent_id} if intent_id else None


def _report(event: StripeEvent, payment_id: UUID) -> PaymentReport | None:
    if (intent := event.intent) is not None:
        return ReportIntent(payment_id, intent.id, intent.status, intent.received_minor, intent.decline)
    return None if event.refunded_intent_id is None else LookForRefunds(payment_id)
