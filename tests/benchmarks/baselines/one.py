"""One booking at a time: read, decide with the pure core, write; one statement each way.

A single statement is its own transaction, so a booking costs two round trips and one commit.
The exclusion constraint says whether the time is taken, so claims are not read first.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import Struct
from psycopg.types.range import TimestamptzRange

from core.domain.commands import Envelope, PersonById, Place, type_of
from core.domain.decide import decide
from core.domain.events import BookingPlaced
from core.domain.evolve import evolve
from core.domain.ids import Ids
from core.domain.refusals import CommandRefused, Refusal
from core.domain.state import State
from core.domain.values import Resource, Service, User
from core.store.bookings.rows import user_columns
from core.store.catalogue.booking_settings import rules_of
from core.store.feed_events import EVENT_VERSION, event_rows
from core.store.save import Decided
from core.wire.outcomes import refusal, render

_USER = ", ".join(user_columns("u"))

SQL_READ = f"""
SELECT b.working_hours_start, b.working_hours_end, b.duration_minutes, b.off_days, b.is_active,
       d.id, d.kind, d.name, d.zone,
       s.id, s.name, s.resource_id, s.duration_minutes, r.id, r.kind, r.name, r.zone,
       {_USER},
       nextval('booking_id_seq'), clock_timestamp()
FROM resource d
LEFT JOIN booking_settings b ON true
LEFT JOIN service s ON s.name_key = %(service)s AND s.is_active
LEFT JOIN resource r ON r.id = s.resource_id
LEFT JOIN user_account u ON u.id = %(user_id)s
WHERE d.kind = 'desk'
"""

SQL_READ_BY_PHONE = SQL_READ.replace("u.id = %(user_id)s", "u.phone_key = %(phone_key)s")

_OUTCOME_AND_EVENT = """
batch AS (INSERT INTO event_batch (events, created_at) VALUES (1, %(now)s) RETURNING id),
said AS (
    INSERT INTO outcome (id, seq, type, contract, owner, request_id, accepted_at, actor, body, decided_at, status,
                         http_status, response)
    VALUES (%(command_id)s, 0, %(type)s, %(contract)s, %(owner)s, %(request_id)s, %(accepted_at)s, %(actor)s::json,
            %(body)s::json, %(now)s, %(status)s, %(http_status)s, %(response)s::json))
INSERT INTO event (batch_id, n, version, type, command_id, is_final, booking_id, booking_version, owner, actor,
                   contract, request_id, data)
SELECT batch.id, 0, %(event_version)s, %(event_type)s, %(command_id)s, true, %(booking_id)s, %(booking_version)s,
       %(owner)s, %(event_actor)s, %(contract)s, %(request_id)s, %(data)s::json
FROM batch
"""
SQL_WRITE_REFUSED = f"WITH {_OUTCOME_AND_EVENT}"
SQL_WRITE_PLACED = f"""
WITH placed AS (
    INSERT INTO booking (id, public_uuid, contract, user_id, service_id, service_name, resource_id, starts_at,
                         ends_at, local_date, local_time, duration_minutes, status, payment_status, notes, version,
                         command_id, created_at, updated_at)
    VALUES (%(booking_id)s, %(public_uuid)s, %(contract)s, %(user_id)s, %(service_id)s, %(service_name)s,
            %(resource_id)s, %(starts_at)s, %(ends_at)s, %(local_date)s, %(local_time)s, %(duration_minutes)s,
            %(booking_status)s, %(payment_status)s, %(notes)s, %(booking_version)s, %(command_id)s, %(now)s, %(now)s)),
claimed AS (INSERT INTO claim (resource_id, booking_id, during) VALUES (%(resource_id)s, %(booking_id)s, %(during)s)),
{_OUTCOME_AND_EVENT}
"""

_encode = msgspec.json.Encoder().encode


class Write(Struct, frozen=True):
    """A decided command and the statement that persists it."""

    decided: Decided
    sql: str
    parameters: dict[str, Any]


def read(envelope: Envelope) -> tuple[str, dict[str, Any]]:
    """The statement that reads what decides a command, and its parameters. Who is named by phone is known already."""
    place = envelope.command
    assert isinstance(place, Place)
    service = place.service_name.casefold()
    if isinstance(place.person, PersonById):
        return SQL_READ, {"service": service, "user_id": place.person.user_id}
    return SQL_READ_BY_PHONE, {"service": service, "phone_key": place.person.phone_key}


def _none() -> int:
    return 0


def decide_one(row: tuple[Any, ...], envelope: Envelope, *, allow_past: bool) -> Write:
    """What becomes of a command, from a row of `SQL_READ`."""
    rules, desk = rules_of(row[:9], allow_past=allow_past)
    booking_id, now = row[-2:]
    has_service = row[9] is not None
    state = State(
        rules=rules,
        resources=[desk, Resource(*row[13:17])] if has_service else [desk],
        services=[Service(*row[9:13])] if has_service else [],
        users=[User(*row[17:31])] if row[17] is not None else [],
    )
    ids = Ids(lambda: booking_id, _none, _none, _none, _none, _none, uuid4)
    events = decide(state, envelope, now, ids)
    for event in events:
        evolve(state, event)
    return _write(Decided(envelope, events, render(envelope, events, state)), now)


def taken(envelope: Envelope, now: datetime) -> Write:
    """The refusal to write when the constraint said no."""
    refused = CommandRefused(Refusal.SLOT_TAKEN)
    return _write(Decided(envelope, (refused,), refusal(refused, envelope.contract, type(envelope.command))), now)


def _write(decided: Decided, now: datetime) -> Write:
    envelope, outcome = decided.envelope, decided.outcome
    (event,) = event_rows(envelope, decided.events)
    parameters = {
        "now": now,
        "command_id": envelope.id,
        "type": type_of(envelope.command),
        "contract": envelope.contract,
        "owner": envelope.actor.owner,
        "request_id": envelope.request_id,
        "accepted_at": envelope.accepted_at,
        "actor": _encode(envelope.actor).decode(),
        "body": _encode(envelope.command).decode(),
        "status": outcome.status,
        "http_status": outcome.http_status,
        "response": outcome.body.decode(),
        "event_version": EVENT_VERSION,
        "event_type": event.type,
        "booking_id": event.booking_id,
        "booking_version": event.booking_version,
        "event_actor": event.actor,
        "data": None if event.data is None else _encode(event.data).decode(),
    }
    match decided.events[-1]:
        case BookingPlaced() as placed:
            return Write(decided, SQL_WRITE_PLACED, parameters | _booking_parameters(placed))
        case _:
            return Write(decided, SQL_WRITE_REFUSED, parameters)


def _booking_parameters(placed: BookingPlaced) -> dict[str, Any]:
    booking = placed.booking
    return {
        "public_uuid": booking.public_uuid,
        "user_id": booking.user_id,
        "service_id": booking.service_id,
        "service_name": booking.service_name,
        "resource_id": booking.resource_id,
        "starts_at": booking.starts_at,
        "ends_at": booking.ends_at,
        "local_date": booking.local_date,
        "local_time": booking.local_time,
        "duration_minutes": booking.duration_minutes,
        "booking_status": booking.status.value,
        "payment_status": booking.payment_status.value,
        "notes": booking.notes,
        "during": TimestamptzRange(booking.starts_at, booking.ends_at),
    }
