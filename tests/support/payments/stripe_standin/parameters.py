"""What each request may carry: names and types from the API reference; anything else is refused."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl

from tests.support.payments.stripe_standin.errors import invalid

TEXT, WHOLE, MAP, LIST = "text", "whole", "map", "list"

CREATE_INTENT = {
    "amount": WHOLE,
    "currency": TEXT,
    "payment_method_types": LIST,
    "automatic_payment_methods": MAP,
    "description": TEXT,
    "metadata": MAP,
    "receipt_email": TEXT,
    "statement_descriptor_suffix": TEXT,
}
CONFIRM_INTENT = {"payment_method": TEXT, "payment_method_data": MAP, "return_url": TEXT, "client_secret": TEXT}
UPDATE_INTENT = {"payment_method": TEXT}
CANCEL_INTENT = {"cancellation_reason": TEXT}
CREATE_REFUND = {"payment_intent": TEXT, "amount": WHOLE, "metadata": MAP, "reason": TEXT}
LIST_INTENTS = {"limit": WHOLE, "starting_after": TEXT}
LIST_REFUNDS = {"payment_intent": TEXT, "limit": WHOLE, "starting_after": TEXT}

METHOD_TYPES = {"card", "us_bank_account", "link"}
METADATA_KEYS_MAX, METADATA_KEY_CHARS, METADATA_VALUE_CHARS = 50, 40, 500

_NESTED = re.compile(r"([^\[\]]+)((?:\[[^\[\]]*\])*)")


def parsed(form: str, allowed: dict[str, str], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """A form body by its names, checked. Raises `StripeProblem` 400."""
    sent = _nested(form)
    for name in sent:
        if name not in allowed:
            raise invalid("parameter_unknown", f"Received unknown parameter: {name}", name)
    for name in required:
        if name not in sent:
            raise invalid("parameter_missing", f"Missing required param: {name}.", name)
    return {name: _typed(name, value, allowed[name]) for name, value in sent.items()}


def _nested(form: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        matched = _NESTED.fullmatch(name)
        if matched is None:
            raise invalid("parameter_unknown", f"Received unknown parameter: {name}", name)
        _put(found, [matched[1], *re.findall(r"\[([^\[\]]*)\]", matched[2])], value)
    return found


def _put(into: dict[str, Any], path: list[str], value: str) -> None:
    for step in path[:-1]:
        into = into.setdefault(step, {})
        if not isinstance(into, dict):
            raise invalid("parameter_invalid", f"Invalid {step}", step)
    into[path[-1] or str(len(into))] = value


def _typed(name: str, value: Any, kind: str) -> Any:
    if value == "":
        raise invalid("parameter_invalid_empty", f"You passed an empty string for '{name}'.", name)
    if kind == WHOLE:
        if not isinstance(value, str) or not re.fullmatch(r"-?\d{1,15}", value):
            raise invalid("parameter_invalid_integer", f"Invalid integer: {value}", name)
        return int(value)
    if kind == TEXT:
        if not isinstance(value, str):
            raise invalid("parameter_invalid", f"Invalid string: {name}", name)
        return value
    if not isinstance(value, dict):
        raise invalid("parameter_invalid", f"Invalid {'hash' if kind == MAP else 'array'}", name)
    if name == "metadata":
        _check_metadata(value)
    return value if kind == MAP else _method_types(name, list(value.values()))


def _check_metadata(value: dict[str, Any]) -> None:
    fits = len(value) <= METADATA_KEYS_MAX and all(
        len(key) <= METADATA_KEY_CHARS and isinstance(text, str) and len(text) <= METADATA_VALUE_CHARS
        for key, text in value.items()
    )
    if not fits:
        raise invalid("parameter_invalid", "Metadata is limited in keys and length", "metadata")


def _method_types(name: str, found: list[str]) -> list[str]:
    for one in found:
        if one not in METHOD_TYPES:
            raise invalid("parameter_invalid", f"The payment method type {one} is invalid", name)
    return found
