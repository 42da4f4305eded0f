"""What the feed keeps of a decided command: its rows of news, written with the decision."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from core.domain.commands import ENGINE, ActorKind, Envelope
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    BookingUnchanged,
    CanaryHeard,
    CommandDeferred,
    CommandRefused,
    Event,
    NothingDue,
    PaymentChanged,
    PaymentMade,
    PaymentReady,
    PaymentUnchanged,
    UserCreated,
)
from core.domain.payments import Payment
from core.store.database import Connection

EVENT_VERSION = 1

_encode = msgspec.json.Encoder().encode


class EventRow(Struct, frozen=True):
    """An event as the feed keeps it: ids and small facts, no personal data."""

    type: str
    command_id: UUID
    is_final: bool
    booking_id: int | None
    booking_version: int | None
    owner: str | None
    actor: str
    contract: str
    request_id: str
    data: dict[str, str] | None


SQL_EVENTS = """
WITH batch AS (INSERT INTO event_batch (events, created_at) VALUES (%s, %s) RETURNING id)
INSERT INTO event (batch_id, n, version, type, command_id, is_final, booking_id, booking_version, owner, actor,
                   contract, request_id, data)
SELECT batch.id, e.n - 1, %s, e.type, e.command_id, e.is_final, e.booking_id, e.booking_version, e.owner, e.actor,
       e.contract, e.request_id, e.data
FROM batch, ROWS FROM (json_to_recordset(%s::json) AS (
    type text, command_id uuid, is_final boolean, booking_id bigint, booking_version integer, owner text, actor text,
    contract text, request_id text, data json)) WITH ORDINALITY
    AS e (type, command_id, is_final, booking_id, booking_version, owner, actor, contract, request_id, data, n)
"""


def write_event_rows(connection: Connection, rows: Sequence[EventRow], now: datetime) -> None:
    connection.execute(SQL_EVENTS, event_parameters(rows, now))


def event_parameters(rows: Sequence[EventRow], now: datetime) -> list[Any]:
    """For `SQL_EVENTS`: one batch of the feed."""
    return [len(rows), now, EVENT_VERSION, _encode(rows).decode()]


def final_event(envelope: Envelope, type_: str) -> EventRow:
    """The news that a command ended without any booking's change."""
    return EventRow(
        type=type_,
        command_id=envelope.id,
        is_final=True,
        booking_id=None,
        booking_version=None,
        owner=envelope.actor.owner,
        actor=_actor_name(envelope),
        contract=envelope.contract,
        request_id=envelope.request_id,
        data=None,
    )


def event_rows(envelope: Envelope, events: Sequence[Event]) -> list[EventRow]:
    """The feed's rows for one command; the last one says that the command is decided."""
    ends = not isinstance(events[-1], CommandDeferred)
    news = [(event, fact) for event in events if (fact := _news(event)) is not None]
    return [
        EventRow(
            type=type_,
            command_id=envelope.id,
            is_final=ends and place == len(news) - 1,
            booking_id=booking_id,
            booking_version=version,
            owner=envelope.actor.owner,
            actor=_actor_name(envelope, event),
            contract=envelope.contract,
            request_id=envelope.request_id,
            data=data,
        )
        for place, (event, (type_, booking_id, version, data)) in enumerate(news)
    ]


def _actor_name(envelope: Envelope, event: Event | None = None) -> str:
    """Who did it: the command's actor, or the engine where a command made an old hold end on its way."""
    actor = envelope.actor
    if isinstance(event, BookingChanged) and event.by == ActorKind.ENGINE:
        actor = ENGINE
    return f"{actor.kind}:{actor.user_id or actor.key_id}" if actor.owner else str(actor.kind)


def _news(  # noqa: C901 - a table: one line an event
    event: Event,
) -> tuple[str, int | None, int | None, dict[str, str] | None] | None:
    """(type, booking id, booking version, facts) of an event; None for what the feed does not tell."""
    match event:
        case BookingPlaced(booking=b):
            return "booking_created", b.id, b.version, None
        case BookingChanged(booking=b, was=was, reason=reason):
            return "booking_updated", b.id, b.version, {"was": was, "now": b.status, "reason": reason}
        case BookingDeleted(booking=b):
            return "booking_deleted", b.id, b.version, None
        case BookingUnchanged(booking=b):
            return "command_unchanged", b.id, b.version, None
        case CommandRefused(refusal=refusal):
            return "command_refused", None, None, {"refusal": refusal}
        case CanaryHeard():
            return "canary", None, None, None
        case NothingDue():
            return "nothing_due", None, None, None
        case PaymentMade(payment=p) | PaymentChanged(payment=p):
            return "payment_updated", p.booking_id, None, _payment_facts(p)
        case PaymentReady(payment=p):
            return "payment_ready", p.booking_id, None, _payment_facts(p)
        case PaymentUnchanged(payment=p):
            return "command_unchanged", p.booking_id, None, None
        case CommandDeferred() | UserCreated():
            return None


def _payment_facts(payment: Payment) -> dict[str, str]:
    """Where an attempt stands, and why: never what lets anybody pay it."""
    reasons = {"decline": payment.decline, "refund_reason": payment.refund_reason}
    facts = {"payment_id": str(payment.id), "attempt": str(payment.attempt), "state": payment.state.value}
    return facts | {name: reason for name, reason in reasons.items() if reason is not None}
