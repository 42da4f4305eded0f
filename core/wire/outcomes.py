"""A command's answer, rendered once when it is decided, in the words of its contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal
from uuid import UUID

import msgspec
from msgspec import UNSET, Struct, UnsetType

from core.domain.commands import Command, EngineCommand, Envelope, Place, PlaceAll
from core.domain.events import Event
from core.domain.refusals import CommandRefused, Refusal
from core.domain.state import State
from core.store.inbox.outcomes import CommandRecord, CommandWord, Outcome
from core.wire import engine
from core.wire.contracts import agent, appointments, calendar, marketplace, payments, rooms
from core.wire.contracts.all_or_nothing import none_placed
from core.wire.errors import FieldProblem, error_body
from core.wire.refusals import field_of, sentence
from core.wire.vocabulary import Zulu, zulu

encode = msgspec.json.Encoder().encode


class CommandAccepted(Struct, frozen=True, kw_only=True):
    """A 202: a promise that the command is on disk."""

    id: UUID
    status: Literal["accepted"] = "accepted"
    status_url: str


class Response(Struct, frozen=True):
    """What the waiting client got, or would have got."""

    status: int
    body: Any


class CommandProgress(Struct, frozen=True):
    """The progress of a command that is done in steps, e.g. cancelling a session with thousands of bookings."""

    done: int
    total: int
    """As it was counted at the beginning."""


class CommandStatus(Struct, frozen=True):
    """What `GET /api/commands/{id}/` answers and `/ws/commands/` pushes."""

    id: UUID
    type: str
    status: CommandWord
    accepted_at: Zulu
    finished_at: Zulu | None
    response: Response | None
    progress: CommandProgress | UnsetType = UNSET
    """Only for a command that is done in steps, until it is finished."""
    replay_of: UUID | UnsetType = UNSET
    """Only for a command that an operator made from a parked one."""
    replayed_as: UUID | UnsetType = UNSET
    """Only for a parked command that an operator sent again: the new one."""


ANSWERS: Mapping[str, Callable[[Envelope, tuple[Event, ...], State], tuple[int, object]]] = {
    "appointments": appointments.answer,
    "agent": agent.answer,
    "calendar": calendar.answer,
    "rooms": rooms.answer,
    "marketplace": marketplace.answer,
    "payments": payments.answer,
}
"""By the contract that a command came through: (HTTP status, body) of what was not refused."""


def render(envelope: Envelope, events: tuple[Event, ...], state: State) -> Outcome:
    """The answer to a decided command. `state` is the batch's, after these events."""
    if isinstance(events[-1], CommandRefused):
        return _batch_refusal(envelope, events[-1]) or refusal(events[-1], envelope.contract, type(envelope.command))
    answer = engine.answer if isinstance(envelope.command, EngineCommand) else ANSWERS[envelope.contract]
    status, body = answer(envelope, events, state)
    return Outcome("succeeded", status, encode(body))


def refusal(refused: CommandRefused, contract: str, kind: type[Command]) -> Outcome:
    """`kind` is the command's, whose body has the field that the refusal is about."""
    status, words = sentence(refused, contract)
    field = field_of(refused, contract, kind)
    problems = [FieldProblem(field, words)] if field else []
    return Outcome("rejected", status, encode(error_body(status, refused.refusal, words, problems)))


def _batch_refusal(envelope: Envelope, refused: CommandRefused) -> Outcome | None:
    """The answer to a batch of which nothing was booked, with the words of each row that stood in the way."""
    if not isinstance(envelope.command, PlaceAll) or refused.refusal is not Refusal.BATCH_REFUSED:
        return None
    rows = [(row.row, refusal(row.why, envelope.contract, Place)) for row in refused.rows]
    return Outcome("rejected", 409, encode(none_placed(rows, envelope.command.refused)))


def parked(command_id: UUID) -> Outcome:
    """A command that failed alone, three times: visible, and out of its lane's way."""
    words = f"The command {command_id} could not be processed and was set aside; support can see why by this id"
    return Outcome("failed", 503, encode(error_body(503, "command_failed", words)))


def withdrawn() -> Outcome:
    words = "The command was withdrawn before it was decided"
    return Outcome("rejected", 409, encode(error_body(409, "withdrawn", words)))


def command_status(record: CommandRecord) -> bytes:
    """A command as its followers read it."""
    response = None
    if record.http_status is not None and record.response is not None:
        response = Response(record.http_status, msgspec.Raw(record.response.encode()))
    finished_at = None if record.finished_at is None else zulu(record.finished_at)
    progress = UNSET if record.total is None else CommandProgress(record.done or 0, record.total)
    accepted_at = zulu(record.accepted_at)
    status = CommandStatus(
        record.id,
        record.type,
        record.status,
        accepted_at,
        finished_at,
        response,
        progress,
        record.replay_of or UNSET,
        record.replayed_as or UNSET,
    )
    return encode(status)
