"""Problems: how a responder refuses, and how any failure becomes the one error shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import falcon
import falcon.asgi
import psycopg
import structlog
from falcon.util.mediatypes import quality
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as EngineTimeout

from api.http.database_errors import is_outage
from core.identity.credentials.schemes import BAD_CREDENTIAL
from core.store.connections.bounded import UnknownOutcomeError, has_changed
from core.wire.errors import FieldProblem, error_body
from core.wire.outcomes import encode

log = structlog.get_logger()

PROBLEM_JSON = "application/problem+json"
RETRY_AFTER_S = 2
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="holdfast"'}
ACCEPT_MAX_CHARS = 1_000
"""Browsers send some 150. A longer `Accept` is not read."""

_CODES = {
    400: "bad_request",
    401: "not_authenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
    429: "too_many_requests",
    500: "internal_error",
    503: "unavailable",
}
_SENTENCES = {
    404: "There is nothing at this address; /api/docs/ lists every address",
    405: "This address does not take that method",
}
"""Where Falcon says nothing but the status. The front door says the same of what never gets here (ops/Caddyfile)."""


class Problem(Exception):  # noqa: N818 - RFC 9457's word
    """A refusal in the one error shape."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        problems: Sequence[FieldProblem] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.problems = problems
        self.headers = headers or {}


HEADLINES = ("Invalid date format", "Invalid time format")
"""Sentences that the agent contract prints. What follows the colon, the formats, stands in `errors` alone."""


def invalid(problems: Sequence[FieldProblem]) -> Problem:
    """400 with every field's problem; the sentence is the first one's."""
    head, _, _ = problems[0].message.partition(":")
    return Problem(400, "invalid", head if head in HEADLINES else problems[0].message, problems)


LOG_IN = (
    "Authentication credentials were not provided: log in at /api/login/ and send its access token as Authorization: "
    "Bearer, or an API token or agent key as Authorization: Token"
)


def not_authenticated(message: str = LOG_IN) -> Problem:
    return Problem(401, "not_authenticated", message, headers=CHALLENGE)


def bad_credential(message: str | None = None) -> Problem:
    """One sentence for forged, expired, revoked and misspelt: the difference would help a forger.

    `message` says instead that the scheme is the wrong one.
    """
    return Problem(401, "bad_credential", message or BAD_CREDENTIAL, headers=CHALLENGE)


def forbidden() -> Problem:
    return Problem(403, "forbidden", "You do not have permission to perform this action")


def unavailable(message: str, command_id: UUID | None = None) -> Problem:
    """Nothing was done. A command's address, if given, leads to a 404."""
    return Problem(503, "unavailable", message, headers=_headers(command_id))


def unknown_outcome(message: str, command_id: UUID | None = None, *, location: str | None = None) -> Problem:
    """It may have been done, or may still be: 503 with the address to check."""
    return Problem(503, "unknown_outcome", message, headers=_headers(command_id, location))


def unstorable() -> Problem:
    return Problem(400, "unstorable", "The request holds a value that cannot be stored")


def key_reused() -> Problem:
    words = "This Idempotency-Key was used with another request; use a new key for a new request"
    return Problem(422, "idempotency_key_reused", words)


def answer_removed(command_id: UUID) -> Problem:
    words = (
        "This request was decided before, and what its answer said about a person was removed since; "
        "its address says whether it was done"
    )
    return Problem(409, "answer_removed", words, headers=_headers(command_id))


def key_contended() -> Problem:
    return unavailable("The idempotency key was just released; send the request again")


def _headers(command_id: UUID | None, location: str | None = None) -> dict[str, str]:
    headers = {"Retry-After": str(RETRY_AFTER_S)}
    if command_id is not None:
        headers["Holdfast-Command"] = str(command_id)
        location = f"/api/commands/{command_id}/"
    if location is not None:
        headers["Location"] = location
    return headers


def add_error_handlers(app: falcon.asgi.App[Any, Any]) -> None:
    """Every way out of a responder ends in the error shape."""
    app.add_error_handler(Exception, _on_bug)
    app.add_error_handler(falcon.HTTPError, _on_http_error)
    app.add_error_handler(Problem, _on_problem)
    for outage in (psycopg.Error, DBAPIError, EngineTimeout):
        app.add_error_handler(outage, _on_outage)


def write_problem(req: falcon.asgi.Request, resp: falcon.asgi.Response, problem: Problem) -> None:
    resp.status = problem.status
    for name, value in problem.headers.items():
        resp.set_header(name, value)
    resp.data = body_of(problem)
    resp.content_type = error_type(req.get_header("Accept"))


def body_of(problem: Problem) -> bytes:
    """The one error shape, as JSON."""
    headers = problem.headers
    body = error_body(
        problem.status,
        problem.code,
        problem.message,
        problem.problems,
        command_id=headers.get("Holdfast-Command"),
        status_url=headers.get("Location"),
        position=headers.get("Holdfast-Position"),
    )
    return encode(body)


def error_type(accept: str | None) -> str:
    """RFC 9457's media type for a client that prefers it, or names it beside JSON; the body fits both.

    By RFC 9110, 12.5.1: the more specific range counts, and `q=0` is a no. A client that takes neither is answered in JSON.
    """
    if accept is None or len(accept) > ACCEPT_MAX_CHARS:
        return falcon.MEDIA_JSON
    ranges = accept.lower()
    try:
        problem, plain = quality(PROBLEM_JSON, ranges), quality(falcon.MEDIA_JSON, ranges)
    except ValueError:
        return falcon.MEDIA_JSON
    is_preferred = problem > plain or (problem == plain > 0 and PROBLEM_JSON in ranges)
    return PROBLEM_JSON if is_preferred else falcon.MEDIA_JSON


async def _on_problem(req: Any, resp: Any, problem: Problem, _params: Any) -> None:
    write_problem(req, resp, problem)


async def _on_http_error(req: Any, resp: Any, error: falcon.HTTPError, _params: Any) -> None:
    """Falcon's own: unknown route, wrong method, unreadable media."""
    status = error.status_code
    message = error.description or _SENTENCES.get(status) or "The request cannot be answered"
    code = error.code if isinstance(error.code, str) else _CODES.get(status, "bad_request")
    headers = dict(error.headers or {})
    write_problem(req, resp, Problem(status, code, message, headers=headers))


async def _on_outage(req: Any, resp: Any, error: Exception, _params: Any) -> None:
    """The database is down, overloaded or does not fit: say when to retry, never its own message.

    A value that it refuses should have been refused earlier: that is a bug of ours.
    """
    problem = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
    is_lost = isinstance(problem, EngineTimeout) or is_outage(problem)
    if isinstance(problem, UnknownOutcomeError) or (is_lost and has_changed()):
        log.error("a change has an unknown outcome", problem=repr(error))
        write_problem(
            req, resp, unknown_outcome("It is not known whether the change was made; check before you repeat it")
        )
        return
    if not is_lost:
        await _on_bug(req, resp, error, _params)
        return
    log.error("database unavailable", problem=repr(error))
    write_problem(req, resp, unavailable("The database is not available right now; try again in a moment"))


async def _on_bug(req: Any, resp: Any, error: Exception, _params: Any) -> None:
    log.error("unexpected error", exc_info=error)
    message = "Something went wrong on our side; the request id in X-Request-ID helps support to find it"
    write_problem(req, resp, Problem(500, "internal_error", message))
