"""Path fields, query parameters and the headers of commands, in OpenAPI's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec.inspect import DateType, type_info

from api.http.fields import ID_MAX
from api.http.parameters import Parameter, parameters_of
from api.http.preferences import ANONYMOUS_KEY_MIN_CHARS, KEY_MAX_CHARS, WAIT_DEFAULT_S, WAIT_MAX_S
from api.openapi import examples
from api.openapi.operation import Operation
from api.openapi.schemas import as_read
from api.openapi.served_routes import Served
from core import text_forms

FIELDS: Mapping[str, Mapping[str, Any]] = {
    "int": {"type": "integer", "minimum": 1, "maximum": ID_MAX},
    "uuid": {"type": "string", "format": "uuid"},
    "": {"type": "string", "minLength": 1},
}
"""By Falcon's converter."""

PREFER = {
    "name": "Prefer",
    "in": "header",
    "description": (
        f"RFC 7240. `wait=N`: wait N seconds for the outcome ({WAIT_DEFAULT_S:.0f} by default, {WAIT_MAX_S:.0f} at "
        "most). `respond-async`: answer 202 at once."
    ),
    "schema": {"type": "string"},
    "examples": {"wait": {"value": "wait=5"}, "async": {"value": "respond-async"}},
}
WAIT = {
    "name": "Prefer",
    "in": "header",
    "description": f"RFC 7240. `wait=N`: wait up to N seconds ({WAIT_MAX_S:.0f} at most) for the outcome.",
    "schema": {"type": "string"},
    "example": "wait=5",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "The client's name for this intent: a retry with the same key and body answers with the first outcome. "
        f"Kept 48 hours. Visible ASCII; at least {ANONYMOUS_KEY_MIN_CHARS} characters without credentials."
    ),
    "schema": {
        "type": "string",
        "minLength": 1,
        "maxLength": KEY_MAX_CHARS,
        "pattern": text_forms.IDEMPOTENCY_KEY.described,
    },
}
EXPIRES_AT = {
    "name": "Holdfast-Expires-At",
    "in": "header",
    "description": "Decide the command by then or refuse it (409 `decided_too_late`).",
    # A pattern and not the format: generators of clients refuse dates in headers.
    "schema": {"type": "string", "pattern": text_forms.INSTANT.described},
    "example": "2030-01-01T12:00:00Z",
}
OF_COMMANDS = {"Prefer": PREFER, "IdempotencyKey": IDEMPOTENCY_KEY, "ExpiresAt": EXPIRES_AT}


def parameters(route: Served, operation: Operation) -> list[Mapping[str, Any]]:
    found: list[Mapping[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": FIELDS[converter],
            "example": examples.in_path(route.template, name),
        }
        for name, converter in route.fields.items()
    ]
    found += [_query(parameter) for parameter in (parameters_of(operation.query) if operation.query else ())]
    found += operation.parameters
    if operation.command:
        found += [{"$ref": f"#/components/parameters/{name}"} for name in OF_COMMANDS]
    return found


def _query(parameter: Parameter) -> dict[str, Any]:
    schema = _schema(parameter.kind)
    words = schema.pop("description", "")
    if parameter.many:
        schema = {"type": "array", "items": schema}
    elif not parameter.required and parameter.default is not None:
        schema["default"] = msgspec.to_builtins(parameter.default)
    described = {"name": parameter.name, "in": "query", "required": parameter.required, "schema": schema}
    if not parameter.required:
        described["allowEmptyValue"] = True  # and counts as not sent
    elif parameter.name in examples.IN_QUERIES:
        described["example"] = examples.IN_QUERIES[parameter.name]
    return described | ({"description": words} if words else {})


def _schema(kind: Any) -> dict[str, Any]:
    (schema,), components = msgspec.json.schema_components([kind])
    if "$ref" in schema:  # an enum; parameters stand alone
        schema = next(iter(components.values()))
    as_read(schema)
    return dict(schema) | ({"pattern": text_forms.DAY.described} if _is_day(kind) else {})


def _is_day(kind: Any) -> bool:
    info = type_info(kind)
    while isinstance(info, msgspec.inspect.Metadata):
        info = info.type
    return isinstance(info, DateType)
