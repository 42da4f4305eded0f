"""The one error shape: a superset that the clients of all five documents can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import UNSET, Struct, UnsetType

ERRORS_MAX = 50
"""That one answer names; it says how many more there are."""
SHOWN_CHARS = 100
"""Of a name that a client made up."""


def shown(name: str) -> str:
    """A client's own name for something, as an answer may quote it.

    Without NULs: the refusal of a bulk's row is stored, and PostgreSQL stores none.
    """
    plain = name.replace("\x00", "\N{REPLACEMENT CHARACTER}")
    return plain if len(plain) <= SHOWN_CHARS else f"{plain[:SHOWN_CHARS]}\N{HORIZONTAL ELLIPSIS}"


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
    errors_left_out: int | UnsetType = UNSET
    """How many more there are, where there are more than an answer names."""
    id: str | UnsetType = UNSET
    """Of the command that may have been accepted."""
    status_url: str | UnsetType = UNSET
    """Where to find out, as in `Location`."""
    position: str | UnsetType = UNSET
    """Of the feed, to go on from instead of one that is gone."""


def error_body(
    status: int,
    code: str,
    message: str,
    problems: Sequence[FieldProblem] = (),
    *,
    command_id: str | None = None,
    status_url: str | None = None,
    position: str | None = None,
) -> ErrorBody:
    return ErrorBody(
        message=message,
        error=message,
        detail=message,
        code=code,
        status=status,
        errors=list(problems[:ERRORS_MAX]),
        errors_left_out=max(0, len(problems) - ERRORS_MAX) or UNSET,
        id=command_id or UNSET,
        status_url=status_url or UNSET,
        position=position or UNSET,
    )


def in_seconds(number: int) -> str:
    """For the end of a sentence: "in 1 second", "in 30 seconds"."""
    return f"in {number} second{'' if number == 1 else 's'}"
