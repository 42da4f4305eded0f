"""The refusals of a route: by its rule, its body, its parameters, and its own."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any

from api.http.error_codes import description_of, status_of
from api.http.errors import PROBLEM_JSON
from api.http.request_context import SAFE_METHODS
from api.openapi.operation import JSON, Operation, Refused
from api.openapi.security import refusals_of_rule
from api.openapi.served_routes import Served
from api.route_rules import goes_on_in_maintenance

ERROR = {"$ref": "#/components/schemas/ErrorBody"}
RETRY_AFTER = {"description": "Seconds to wait before the next try", "schema": {"type": "string"}}
ADDRESS = {
    "Location": {"description": "Where to find out what became of the command or batch", "schema": {"type": "string"}},
    "Holdfast-Command": {"description": "The command's id", "schema": {"type": "string"}},
}
"""Sent with `unknown_outcome` if there is a command or a batch."""
WITH_RETRY_AFTER = frozenset({429, 503})
OF_BODY = ("malformed_json", "body_too_large")
OF_COMMANDS = (
    "too_many_requests",
    "invalid_idempotency_key",
    "unstorable",
    "idempotency_key_reused",
    "answer_removed",
    "decided_too_late",
    "withdrawn",
    "command_failed",
)


def failures(route: Served, operation: Operation) -> dict[int, dict[str, Any]]:
    """By status. `x-codes` says by which codes; tests hold answers to it."""
    by_status: defaultdict[int, set[str]] = defaultdict(set)
    for status, code in _with_status(route, (*operation.refuses, *_common(route, operation))):
        by_status[status].add(code)
    return {status: _response(route, status, sorted(codes)) for status, codes in sorted(by_status.items())}


def _with_status(route: Served, codes: Iterable[Refused]) -> Iterator[tuple[int, str]]:
    for refused in codes:
        yield refused if isinstance(refused, tuple) else (status_of(refused, route.contract), refused)


def _common(route: Served, operation: Operation) -> Iterator[str]:
    yield from refusals_of_rule(route)
    yield from ("invalid", "unavailable")  # unknown parameters, for one
    if route.method not in SAFE_METHODS:
        yield from ("unknown_outcome", "unsupported_media_type")
        if not goes_on_in_maintenance(route.template, route.method):
            yield "maintenance"
    if operation.body:
        yield from OF_BODY
    if route.fields:
        yield "not_found"
    if operation.command:
        yield from OF_COMMANDS


def _response(route: Served, status: int, codes: list[str]) -> dict[str, Any]:
    lines = [f"- `{code}`: {description_of(code, route.contract)}" for code in codes]
    answer: dict[str, Any] = {
        "description": f"{HTTPStatus(status).phrase}\n\n" + "\n".join(lines),
        "content": {JSON: {"schema": ERROR}, PROBLEM_JSON: {"schema": ERROR}},
        "x-codes": codes,
    }
    if status in WITH_RETRY_AFTER:
        answer["headers"] = {"Retry-After": RETRY_AFTER}
    if "unknown_outcome" in codes:
        answer["headers"] |= ADDRESS
    return answer
