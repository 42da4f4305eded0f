"""The OpenAPI 3.1 document: every served route, put together once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

from api.http.error_codes import all_codes
from api.openapi import security
from api.openapi.error_responses import ERROR, RETRY_AFTER, failures
from api.openapi.operation import JSON, Content, Operation
from api.openapi.parameters import OF_COMMANDS, parameters
from api.openapi.schemas import Schemas
from api.openapi.served_routes import Served
from api.openapi.webhooks import KINDS, webhooks
from core.wire.errors import ErrorBody
from core.wire.outcomes import CommandAccepted

INFO = {
    "title": "Holdfast",
    "version": "0.1.0",
    "license": {"name": "MIT", "identifier": "MIT"},
    "contact": {"name": "The people who run this service"},
    "summary": "Takes bookings that must never collide, from people, agents and marketplaces, at once.",
    "description": (
        "Five client contracts on one booking engine. Every path works with and without its trailing slash, every "
        "answer carries `X-Request-ID`, unknown fields and parameters are refused.\n\n"
        "Every `GET` here is a `HEAD` too, with the same status and headers and without the body; it is not listed "
        "again for each path. `OPTIONS` says in `Allow` what a path has. Bodies are sent as they are: one with a "
        "`Content-Encoding` is a `415`. JSON and CSV may begin with a byte order mark.\n\n"
        "Every refusal has the one shape `ErrorBody`; its `code` is stable. A client that asks for "
        "`application/problem+json` (RFC 9457) gets the same body under that name. What no operation gets to see is "
        "refused in that shape too, without `X-Request-ID`: a body that does not come in time (`408` "
        "`body_too_slow`), and what is not HTTP (`bad_request`).\n\n"
        "Changes to bookings are commands. A request waits for the outcome (`Prefer: wait=N` says how long) or asks "
        "for `202` at once (`Prefer: respond-async`) and follows `/api/commands/{command_id}/`; a wait that runs out "
        "answers the same `202`. `Idempotency-Key` makes a retry answer with the first outcome, `Holdfast-Expires-At` "
        "sets a deadline for the decision."
    ),
}
TAGS: Mapping[str, str] = {
    "appointments": "A service business: working hours, off days, an admin desk",
    "agent": "Call centres and systems that book for a phone number",
    "rooms": "Rooms in slots, held a place, paid by card",
    "marketplace": "Clients and practitioners: sessions, workshops, courses, packages, bundles",
    "calendar": "Time slots by category on a live calendar",
    "guests": "What the links of mails lead to, without a login; and the mails, for staff",
    "bookings": "What several contracts share",
    "calendars": "Calendar files (RFC 5545), and links to subscribe to them",
    "busy_calendars": "Calendars of others whose busy times close a resource",
    "payments": "Payment intents and Stripe's webhook",
    "events": "The admin feed over HTTP",
    "webhooks": "What happened to bookings, sent to endpoints that staff make",
    "commands": "Following what was accepted",
    "accounts": "Logins, sessions, tokens, OAuth, users",
    "health": "For the people who run this service",
    "site": "For the pages: what this installation is, what can be booked and when",
    "openapi": "This description",
}
ACCEPTED = "Accepted: the command is on disk; `Location` tells what becomes of it"
ACCEPTED_HEADERS = {
    "Location": {"required": True, "description": "The command", "schema": {"type": "string"}},
    "Retry-After": RETRY_AFTER,
    "Preference-Applied": {"description": "`respond-async` where it was asked for", "schema": {"type": "string"}},
}

OTHERS = {"description": "A refusal", "content": {JSON: {"schema": ERROR}}}


def document(served: Iterable[Served]) -> dict[str, Any]:
    """Of the routes that are described; a test finds any that is not."""
    described = [(route, route.operation) for route in served if route.operation is not None]
    schemas = _schemas([operation for _, operation in described])
    paths: defaultdict[str, dict[str, Any]] = defaultdict(dict)
    for route, operation in described:
        paths[route.path][route.method.lower()] = _operation(route, operation, schemas)
    used = {name for path in paths.values() for method in path.values() for name in method["tags"]}
    return {
        "openapi": "3.1.0",
        "info": INFO,
        "servers": [{"url": "/"}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items() if name in used],
        "paths": dict(sorted(paths.items())),
        "webhooks": webhooks(schemas),
        "components": {
            "schemas": schemas.components,
            "parameters": OF_COMMANDS,
            "securitySchemes": security.SCHEMES,
        },
    }


def _schemas(operations: Iterable[Operation]) -> Schemas:
    sent: list[Any] = []
    answered: list[Any] = [ErrorBody, CommandAccepted, *KINDS]
    for operation in operations:
        sent += [content.kind for content in operation.body if content.kind is not None]
        for contents in operation.answers.values():
            answered += [content.kind for content in contents if content.kind is not None]
    found = Schemas(sent, answered)
    found.components["ErrorBody"]["properties"]["code"] = {"enum": all_codes()}
    return found


def _operation(route: Served, operation: Operation, schemas: Schemas) -> dict[str, Any]:
    who = security.WHO[security.rule_of(route)]
    described: dict[str, Any] = {
        "operationId": operation_id(route),
        "summary": operation.summary,
        "description": f"{operation.description}\n\n{who}".strip(),
        "tags": [operation.tag or route.contract],
        "security": security.security(route),
        "parameters": parameters(route, operation),
        "responses": _by_status(_responses(route, operation, schemas)),
    }
    if operation.body:
        described["requestBody"] = {
            "required": operation.body_required,
            "content": _content(operation.body, schemas),
        }
    return described


def _responses(route: Served, operation: Operation, schemas: Schemas) -> dict[int, dict[str, Any]]:
    answers = {status: _answer(status, contents, schemas) for status, contents in operation.answers.items()}
    if operation.command:
        content = _content((Content(CommandAccepted),), schemas)
        answers[202] = {"description": ACCEPTED, "headers": ACCEPTED_HEADERS, "content": content}
    for status, failure in failures(route, operation).items():
        answers[status] = _either(answers[status], failure) if status in answers else failure
    return answers


def _by_status(answers: Mapping[int, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """By status as text. Where redirects are the only success, linters want a `default`."""
    described = {str(status): answer for status, answer in answers.items()}
    has_success = any(status // 100 == 2 for status in answers)  # noqa: PLR2004 - 2xx
    return described if has_success else described | {"default": OTHERS}


def _either(answer: dict[str, Any], failure: dict[str, Any]) -> dict[str, Any]:
    """One status for two shapes: `/readyz` answers 503 when it is not ready, and when the database is away."""
    schemas = [answer["content"][JSON]["schema"], failure["content"][JSON]["schema"]]
    return failure | {"content": failure["content"] | {JSON: {"schema": {"anyOf": schemas}}}}


def _answer(status: int, contents: tuple[Content, ...], schemas: Schemas) -> dict[str, Any]:
    headers = {
        name: {"description": words, "schema": {"type": "string"}}
        for content in contents
        for name, words in content.headers.items()
    }
    answer: dict[str, Any] = {"description": HTTPStatus(status).phrase}
    if content := _content(contents, schemas):
        answer["content"] = content
    return answer | ({"headers": headers} if headers else {})


def _content(contents: tuple[Content, ...], schemas: Schemas) -> dict[str, Any]:
    """By media type; several of one are alternatives."""
    by_type: defaultdict[str, list[Content]] = defaultdict(list)
    for content in contents:
        if content.media_type:
            by_type[content.media_type].append(content)
    return {media_type: _media(several, schemas) for media_type, several in by_type.items()}


def _media(several: Sequence[Content], schemas: Schemas) -> dict[str, Any]:
    kinds = _unlike([schemas.of(one.kind) if one.kind is not None else {"type": "string"} for one in several])
    examples = [one.example for one in several if one.example is not None]
    media: dict[str, Any] = {"schema": kinds[0] if len(kinds) == 1 else {"anyOf": kinds}}
    if len(examples) == 1:
        media["example"] = examples[0]
    elif examples:
        media["examples"] = {f"example-{number}": {"value": value} for number, value in enumerate(examples, 1)}
    return media


def _unlike(schemas: Iterable[Any]) -> list[Any]:
    """Each schema once: several examples may be of one."""
    found: list[Any] = []
    for schema in schemas:
        if schema not in found:
            found.append(schema)
    return found


def operation_id(route: Served) -> str:
    """Unique, stable, and usable as a name in generated clients: `post_agent_booking_create`."""
    if route.operation is not None and route.operation.name:
        return route.operation.name
    words = [part.strip("{}") for part in route.path.strip("/").split("/") if part != "api"]
    return "_".join([route.method.lower(), *words]).replace("-", "_").replace(".", "_")
