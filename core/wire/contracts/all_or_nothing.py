"""Answers to batches that are booked whole or not at all, and which of their rows these name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct

from core.domain.refusals import Refusal
from core.store.inbox.outcomes import Outcome
from core.wire.answers import Done
from core.wire.errors import ErrorBody, FieldProblem, error_body


class RowResponse(Struct, frozen=True):
    """What a single call would have got."""

    status: int
    body: Any


class NamedRow(Struct, frozen=True):
    row: int
    response: RowResponse


class AllPlaced(Done, frozen=True, kw_only=True):
    """Every row was booked."""

    rows: list[NamedRow]


class NonePlaced(ErrorBody, frozen=True, kw_only=True):
    """No row was; these stood in the way."""

    rows: list[NamedRow]


def all_placed(rows: Iterable[tuple[int, object]]) -> AllPlaced:
    named = [NamedRow(row, RowResponse(201, body)) for row, body in rows]
    return AllPlaced(message=f"{len(named)} bookings created successfully", rows=named)


def none_placed(rows: Sequence[tuple[int, Outcome]], others: int) -> NonePlaced:
    """`rows` were refused by the lane, and `others` is how many were refused before the inbox."""
    count = len(rows) + others
    words = f"No booking was made: {count} {'row' if count == 1 else 'rows'} of this batch stood in the way"
    problems = [FieldProblem(f"row {row}", _message(outcome.body)) for row, outcome in rows]
    named = [NamedRow(row, RowResponse(outcome.http_status, Raw(outcome.body))) for row, outcome in rows]
    error = error_body(409, Refusal.BATCH_REFUSED, words, problems)
    return NonePlaced(**msgspec.structs.asdict(error), rows=named)


def _message(body: bytes) -> str:
    return msgspec.json.decode(body, type=ErrorBody).message


class _Response(Struct, frozen=True):
    status: int
    body: Raw


class _Named(Struct, frozen=True):
    row: int
    response: _Response


def row_answers(http_status: int, response: str) -> Callable[[int], tuple[int, str]]:
    """(HTTP status, body) of each row, from the whole batch's answer.

    A row that is not named shares the answer, without what it says of the others.
    """
    body = msgspec.json.decode(response, type=dict[str, Raw])
    named = msgspec.json.decode(body.pop("rows", Raw(b"[]")), type=list[_Named])
    own = {one.row: (one.response.status, bytes(one.response.body).decode()) for one in named}
    shared = msgspec.json.encode({**body, "errors": []}).decode()
    return lambda row: own.get(row, (http_status, shared))
