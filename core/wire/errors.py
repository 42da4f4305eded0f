"""The one error shape: a superset that the clients of all five documents can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class FieldProblem(Struct, frozen=True):
    field: str
    message: str


class ErrorBody(Struct, frozen=True, kw_only=True):
    """`message`, `error` and `detail` are one sentence under the names the documents use."""

    success: Literal[False] = False
    message: str
    error: str
    detail: str
    code: str
    status: int
    errors: list[FieldProblem]
    id: str | UnsetType = UNSET
    """Of the command that may have been accepted."""
    status_url: str | UnsetType = UNSET
    """Where to find out, as in `Location`."""


def error_body(
    status: int,
    code: str,
    message: str,
    problems: Sequence[FieldProblem] = (),
    *,
    command_id: str | None = None,
    status_url: str | None = None,
) -> ErrorBody:
    return ErrorBody(
        message=message,
        error=message,
        detail=message,
        code=code,
        status=status,
        errors=list(problems),
        id=command_id or UNSET,
        status_url=status_url or UNSET,
    )
