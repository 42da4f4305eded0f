"""Stripe's events, taken in once: the event's id and its command in one transaction."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import psycopg
from msgspec import Struct

from core.domain.commands import ENGINE, CommandClass, ReportIntent
from core.payments.port import Intent
from core.payments.webhooks import StripeEvent
from core.store.inbox import SQL_ACCEPT, NewCommand, accept_parameters, slot_key

SQL_NOTE = """
INSERT INTO stripe_event (id, type, command_id) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING id
"""
SQL_SLOT_OF = """
SELECT b.resource_id, b.local_date FROM payment p JOIN booking b ON b.id = p.booking_id WHERE p.id = %s
"""


class TakenIn(Struct, frozen=True):
    result: str
    """accepted, known (it came before) or ignored (it is not about a payment of ours)."""
    lane: int | None = None
    """Where its command waits."""


async def take_in(connection: psycopg.AsyncConnection[Any], event: StripeEvent, request_id: str) -> TakenIn:
    """What Stripe says goes to the lane of the booking: nothing is decided here."""
    if event.intent is None or event.intent.payment_id is None:
        return TakenIn("ignored")
    id_ = uuid4()
    async with connection.transaction():
        slot = await (await connection.execute(SQL_SLOT_OF, (event.intent.payment_id,))).fetchone()
        if slot is None:
            return TakenIn("ignored")
        noted = await (await connection.execute(SQL_NOTE, (event.id, event.type, id_))).fetchone()
        if noted is None:
            return TakenIn("known")
        command = _report(id_, event.intent, event.intent.payment_id, slot_key(*slot), request_id)
        row = await (await connection.execute(SQL_ACCEPT, accept_parameters([(command, None)]))).fetchone()
    return TakenIn("accepted", row[1] if row else None)


def _report(id_: UUID, intent: Intent, payment_id: UUID, key: str, request_id: str) -> NewCommand:
    return NewCommand(
        id=id_,
        slot_key=key,
        command_class=CommandClass.INTERACTIVE,
        contract="payments",
        actor=ENGINE,
        request_id=request_id,
        reply_to=None,
        decide_before=None,
        command=ReportIntent(payment_id, intent.id, intent.status, intent.received_minor, intent.decline),
    )
