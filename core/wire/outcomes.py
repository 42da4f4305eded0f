"""A command's answer, rendered once when it is decided, in the words of its contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from core.domain.commands import EngineCommand, Envelope
from core.domain.events import CommandRefused, Event
from core.domain.state import State
from core.store.inbox import CommandRecord, Outcome
from core.wire import agent, appointments, calendar, engine, payments, rooms
from core.wire.errors import FieldProblem, error_body
from core.wire.words import field_of, sentence, zulu

encode = msgspec.json.Encoder().encode

ANSWERS: Mapping[str, Callable[[Envelope, tuple[Event, ...], State], tuple[int, dict[str, Any]]]] = {
    "appointments": appointments.answer,
    "agent": agent.answer,
    "calendar": calendar.answer,
    "rooms": rooms.answer,
    "payments": payments.answer,
}
"""By the contract that a command came through: (HTTP status, body) of what was not refused."""


def render(envelope: Envelope, events: tuple[Event, ...], state: State) -> Outcome:
    """The answer to a decided command. `state` is the batch's, after these events."""
    if isinstance(events[-1], CommandRefused):
        return refusal(events[-1], envelope.contract)
    answer = engine.answer if isinstance(envelope.command, EngineCommand) else ANSWERS[envelope.contract]
    status, body = answer(envelope, events, state)
    return Outcome("succeeded", status, encode(body))


def refusal(refused: CommandRefused, contract: str = "") -> Outcome:
    status, words = sentence(refused, contract)
    field = field_of(refused.refusal, contract)
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
