"""The `webhooks` of the description: what we send to endpoints that staff make, by type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec import Struct

from api.openapi.operation import JSON
from api.openapi.schemas import Schemas
from core.wire.webhooks import MESSAGES, RELOAD, TEST

KINDS: Sequence[type[Struct]] = tuple(dict.fromkeys(MESSAGES.values()))
"""What their bodies are made of."""
SUMMARIES: Mapping[str, str] = {
    "booking_created": "A booking was made",
    "booking_updated": "A booking was changed, cancelled or moved",
    "booking_deleted": "A booking was deleted",
    RELOAD: "Something may be missing before this message",
    TEST: "Staff test an endpoint",
}
WORDS = (
    "Sent by the Standard Webhooks specification, at least once: `webhook-id` is the same each time. Messages of one "
    "booking come in order. Check the signature of the raw body before you believe it."
)
HEADERS: Mapping[str, str] = {
    "webhook-id": "Of the message: drop one that you have had",
    "webhook-timestamp": "Of the attempt, in seconds since 1970: refuse one that is older than some minutes",
    "webhook-signature": "`v1,` and a signature in base64; several, parted by blanks, while a rotated secret is still valid",
}
RESPONSES: Mapping[str, Mapping[str, str]] = {
    "2XX": {"description": "Taken. Whatever else is answered is tried again, over three days"},
    "410": {"description": "Nothing more is wanted: the endpoint is disabled"},
    "429": {"description": "Tried again after `Retry-After`, as is a 503; after an hour at the latest"},
}


def webhooks(schemas: Schemas) -> dict[str, Any]:
    return {type_: {"post": _message(type_, schemas.of(kind))} for type_, kind in MESSAGES.items()}


def _message(type_: str, schema: Any) -> dict[str, Any]:
    return {
        "operationId": f"webhook_{type_}" if type_ != TEST else TEST,
        "summary": SUMMARIES[type_],
        "description": WORDS,
        "tags": ["webhooks"],
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": words, "schema": {"type": "string"}}
            for name, words in HEADERS.items()
        ],
        "requestBody": {"required": True, "content": {JSON: {"schema": schema}}},
        "responses": RESPONSES,
    }
