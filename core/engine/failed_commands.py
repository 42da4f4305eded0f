"""Commands that fail alone: each time charged an attempt, and parked after the third."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import structlog
from msgspec import Struct
from msgspec.structs import replace

from core.domain.commands import ExpireDue, Header, MoveOn
from core.store.connections.database import Connection, database_now
from core.store.connections.round_trip import RoundTrip
from core.store.data_subjects import data_subjects_in, data_subjects_of
from core.store.feed_events import final_event, write_event_rows
from core.store.inbox import unfinished
from core.store.inbox.outcomes import Outcome, move
from core.store.inbox.parked import note_parked
from core.store.inbox.reading import Undecoded, Waiting
from core.store.inbox.unfinished import charge_attempt, split
from core.store.save import Decided
from core.wire.outcomes import parked

log = structlog.get_logger()

MAX_ATTEMPTS = 3


class Parked(Struct, frozen=True):
    """A parked command that was never decoded."""

    envelope: Header
    outcome: Outcome


def charge(connection: Connection, one: Waiting, why: str, kind: str) -> list[Decided]:
    """Count one more failed attempt; after the third, park the command with an outcome and an event.

    `why` goes into the log; `kind` is the part of it that repeats nothing that somebody sent.
    A command of the clock is never parked but put off: the sweep would name its bookings again at once.
    """
    if isinstance(one.envelope.command, ExpireDue | MoveOn):
        put_off(connection, [one])
        return []
    if one.attempts + 1 < MAX_ATTEMPTS:
        charge_attempt(connection, one.envelope.id)
        return []
    log.error("command parked", command_id=str(one.envelope.id), request_id=one.envelope.request_id, why=why)
    return park(connection, one, kind)


def put_off(connection: Connection, refused: Sequence[Waiting]) -> None:
    """Retry these after a pause, without a charge: the database refuses them while it decides others.

    A command that names several bookings is cut in two instead, and both are tried at once.
    """
    whole = []
    for one in refused:
        command = one.envelope.command
        if isinstance(command, ExpireDue | MoveOn) and len(command.booking_ids) > 1:
            split(connection, one, *_halves(command))
        else:
            whole.append(one.envelope.id)
    if whole:
        unfinished.put_off(connection, whole)


def _halves(command: ExpireDue | MoveOn) -> tuple[ExpireDue | MoveOn, ExpireDue | MoveOn]:
    middle = len(command.booking_ids) // 2
    return (
        replace(command, booking_ids=command.booking_ids[:middle]),
        replace(command, booking_ids=command.booking_ids[middle:]),
    )


def log_put_off(refused: Sequence[Waiting]) -> None:
    """Call it once that is committed."""
    for one in refused:
        ids = {"command_id": str(one.envelope.id), "request_id": one.envelope.request_id}
        log.error("command put off", lane=one.lane, times=one.put_offs + 1, **ids)


def park_malformed(connection: Connection, malformed: Sequence[Undecoded]) -> list[Parked]:
    """Park commands of known types and versions that cannot be decoded. Another attempt would not help."""
    done = [Parked(one.header, parked(one.header.id)) for one in malformed]
    for one in done:
        ids = {"command_id": str(one.envelope.id), "request_id": one.envelope.request_id}
        log.error("command parked", **ids, why="it cannot be decoded")
    answers = [
        (end.envelope.id, end.outcome, data_subjects_in(end.envelope, one.body))
        for end, one in zip(done, malformed, strict=True)
    ]
    _end(connection, answers, [one.envelope for one in done], "it cannot be decoded")
    return done


def park(connection: Connection, one: Waiting, kind: str) -> list[Decided]:
    """`kind` says why, without anything that somebody sent."""
    envelope, outcome = one.envelope, parked(one.envelope.id)
    moved = _end(connection, [(envelope.id, outcome, data_subjects_of(envelope))], [envelope], kind)
    return [Decided(envelope, (), outcome)] if moved else []


def _end(
    connection: Connection, answers: Sequence[tuple[UUID, Outcome, Sequence[str]]], headers: Sequence[Header], kind: str
) -> int:
    now = database_now(connection)
    note_parked(connection, [one.id for one in headers], kind)
    moved = move(connection, answers, now)
    if moved:
        with RoundTrip(connection) as trip:
            write_event_rows(trip, [final_event(one, "command_failed") for one in headers], now)
    return moved
