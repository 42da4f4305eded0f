"""A command's answer, rendered once when it is decided, in the words of its contract."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from core.domain.commands import Cancel, ChangeStatus, Envelope, Place
from core.domain.events import (
    BookingChanged,
    BookingDeleted,
    BookingPlaced,
    BookingUnchanged,
    CanaryHeard,
    CommandRefused,
    Event,
    UserCreated,
)
from core.domain.state import State
from core.store.inbox import CommandRecord, Outcome
from core.wire import agent, appointments
from core.wire.errors import FieldProblem, error_body
from core.wire.words import FIELDS, sentence, zulu

encode = msgspec.json.Encoder().encode


def render(envelope: Envelope, events: tuple[Event, ...], state: State) -> Outcome:
    """The answer to a decided command. `state` is the batch's, after these events."""
    match events[-1]:
        case CommandRefused() as refused:
            return refusal(refused)
        case BookingPlaced() as placed:
            return Outcome("succeeded", 201, encode(_placed(envelope, events, placed, state)))
        case BookingChanged(booking=booking) | BookingUnchanged(booking=booking):
            user = state.users[booking.user_id]
            asked_to_cancel = isinstance(envelope.command, Cancel)
            assert isinstance(envelope.command, Cancel | ChangeStatus)  # noqa: S101 - only these change a status
            body = (appointments.cancelled if asked_to_cancel else appointments.updated)(booking, user)
            return Outcome("succeeded", 200, encode(body))
        case BookingDeleted():
            return Outcome("succeeded", 200, encode(appointments.deleted()))
        case CanaryHeard():
            return Outcome("succeeded", 200, b'{"success":true}')
        case UserCreated() as unexpected:
            raise AssertionError(f"{unexpected} ends no command")


def _placed(envelope: Envelope, events: tuple[Event, ...], placed: BookingPlaced, state: State) -> dict[str, Any]:
    if envelope.contract != "agent":
        return appointments.created(placed.booking)
    assert isinstance(envelope.command, Place)  # noqa: S101 - only Place places
    return agent.created(
        placed.booking,
        state.users[placed.booking.user_id],
        envelope.command.person,
        envelope.actor,
        user_created=any(isinstance(event, UserCreated) for event in events),
    )


def refusal(refused: CommandRefused) -> Outcome:
    status, words = sentence(refused)
    field = FIELDS.get(refused.refusal)
    problems = [FieldProblem(field, words)] if field else []
    return Outcome("rejected", status, encode(error_body(status, refused.refusal, words, problems)))


def parked(command_id: UUID) -> Outcome:
    """A command that failed alone, three times: visible, and out of its lane's way."""
    words = f"The command {command_id} could not be processed and was set aside; support can see why by this id"
    return Outcome("failed", 503, encode(error_body(503, "command_failed", words)))


def withdrawn() -> Outcome:
    words = "The command was withdrawn before it was decided"
    return Outcome("rejected", 409, encode(error_body(409, "withdrawn", words)))


def command_status(record: CommandRecord) -> bytes:
    """What `GET /api/commands/{id}/` answers and `/ws/commands/` pushes."""
    response = None
    if record.http_status is not None and record.response is not None:
        response = {"status": record.http_status, "body": msgspec.Raw(record.response.encode())}
    return encode(
        {
            "id": str(record.id),
            "type": record.type,
            "status": record.status,
            "accepted_at": zulu(record.accepted_at),
            "finished_at": _zulu_or_none(record.finished_at),
            "response": response,
        }
    )


def _zulu_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else zulu(moment)
