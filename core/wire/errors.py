"""The one error shape: a superset that the clients of all five documents can read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct


class FieldProblem(Struct, frozen=True):
    field: str
    message: str


def error_body(status: int, code: str, message: str, problems: Sequence[FieldProblem] = ()) -> dict[str, Any]:
    """`message`, `error` and `detail` are one sentence under the names the documents use."""
    return {
        "success": False,
        "message": message,
        "error": message,
        "detail": message,
        "code": code,
        "status": status,
        "errors": [{"field": p.field, "message": p.message} for p in problems],
    }
