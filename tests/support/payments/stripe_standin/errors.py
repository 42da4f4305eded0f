"""Stripe's error bodies."""

from __future__ import annotations

from typing import Any


class StripeProblem(Exception):  # noqa: N818 - an answer, not an accident
    """An error answer, as the API reference has it ("Errors")."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        kind: str = "invalid_request_error",
        executed: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.executed = executed
        """The request got past its validation: the answer is kept under its idempotency key."""
        self.body: dict[str, Any] = {"error": {"type": kind, "code": code, "message": message, **more}}


def missing(kind: str, id_: str) -> StripeProblem:
    return StripeProblem(404, "resource_missing", f"No such {kind}: '{id_}'", param="id")


def invalid(code: str, message: str, param: str | None = None) -> StripeProblem:
    more: dict[str, Any] = {"param": param} if param else {}
    return StripeProblem(400, code, message, **more)
