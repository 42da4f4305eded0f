"""The AsyncAPI 3.0 document: every feed of `core.wire.feeds`, put together at the first request; and `GET /api/schema/feeds/`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import falcon.asgi
from msgspec import Struct

from api.http.responses import respond_zipped
from api.openapi.operation import operation
from api.openapi.schemas import Schemas
from core.identity.principals import SESSION_COOKIE
from core.wire.close_codes import CLOSE_CODES
from core.wire.feeds import (
    ALL_SAY,
    ALL_UNDERSTAND,
    ERRORS,
    FEEDS,
    HANDSHAKE_REFUSALS,
    UNKNOWN_PATH,
    FeedDescription,
    message_types_of,
)
from core.wire.outcomes import encode

INFO = {
    "title": "Holdfast's feeds",
    "version": "0.1.0",
    "description": (
        "Three WebSocket feeds, with and without the trailing slash. Every feed message is `{type, data, position}`.\n\n"
        "**Getting in**: any of the security schemes at the handshake, or `authenticate` as the first message within "
        "five seconds. A handshake that is refused is answered with the one error shape (`x-handshake-refusals`; "
        "where there is no feed, `x-unknown-path`).\n\n"
        "**Resuming**: keep the last `position`. Come back with `?last_position=` or `resume` as the first message: "
        "missed messages are sent in order, without gap or repetition, then new ones. `reload` means that they are no "
        "longer kept. `subscribe` with `last_position` as the first message resumes by a filter. A client that sends neither `resume` nor `get_bookings` within half a second gets what is new "
        "from the moment it connected. Bookings carry a `version`; ignore one that is older than what you have.\n\n"
        "**Closing**: `x-close-codes` says why, and what to do."
    ),
}
SECURITY: Mapping[str, Mapping[str, str]] = {
    "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": "The `access` of a login"},
    "token": {
        "type": "httpApiKey",
        "in": "header",
        "name": "Authorization",
        "description": "`Token <API token or agent key>`",
    },
    "session": {
        "type": "httpApiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "The cookie that every login sets; the `Origin` must be ours or a configured one",
    },
    "ticket": {
        "type": "httpApiKey",
        "in": "query",
        "name": "ticket",
        "description": "Single use, from `POST /api/ws-ticket/`",
    },
}
QUERY = {
    "type": "object",
    "properties": {
        "ticket": {"type": "string", "description": SECURITY["ticket"]["description"]},
        "last_position": {"type": "string", "description": "Resume after this position"},
    },
}


class FeedsSchema:
    def __init__(self, public_url: str) -> None:
        self._public_url = public_url

    @cached_property
    def _bytes(self) -> bytes:
        return encode(document(self._public_url))

    @operation("The description of the WebSocket feeds, as AsyncAPI 3.0", answers={200: dict}, tag="openapi")
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        respond_zipped(req, resp, self._bytes)
        resp.content_type = falcon.MEDIA_JSON


def document(public_url: str) -> dict[str, Any]:
    schemas = _schemas()
    return {
        "asyncapi": "3.0.0",
        "info": INFO,
        "defaultContentType": "application/json",
        "servers": {"here": _server(public_url)},
        "x-unknown-path": _refusal(*UNKNOWN_PATH),
        "channels": {_name(feed): _channel(feed) for feed in FEEDS},
        "operations": {name: operation for feed in FEEDS for name, operation in _operations(feed)},
        "components": {
            "messages": {
                _key(kind, word): _message(kind, word, schemas) for kind in _kinds() for word in message_types_of(kind)
            },
            "schemas": schemas.components,
            "securitySchemes": SECURITY,
        },
    }


def _schemas() -> Schemas:
    understood = [*ALL_UNDERSTAND, *(kind for feed in FEEDS for kind in feed.understands)]
    said = [*ALL_SAY, *(kind for feed in FEEDS for kind in feed.says)]
    found = Schemas(understood, said)
    found.components["ErrorBody"]["properties"]["code"] = {"enum": sorted(ERRORS)}
    return found


def _server(public_url: str) -> dict[str, Any]:
    parts = urlsplit(public_url)
    return {
        "host": parts.netloc,
        "protocol": "wss" if parts.scheme == "https" else "ws",
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in SECURITY],
    }


def _kinds() -> Iterable[type[Struct]]:
    """Every message type once, in order."""
    said = [kind for feed in FEEDS for kind in (*feed.says, *feed.understands)]
    return dict.fromkeys([*said, *ALL_SAY, *ALL_UNDERSTAND])


def _key(kind: type[Struct], word: str) -> str:
    """With its type: two feeds may use one word for two things."""
    return f"{kind.__name__}.{word}"


def _message(kind: type[Struct], word: str, schemas: Schemas) -> dict[str, Any]:
    """One message by its `type`; several may share one struct."""
    meant = {"properties": {"type": {"const": word}}}
    return {
        "name": word,
        "summary": (kind.__doc__ or "").strip(),
        "payload": {"allOf": [schemas.of(kind), meant]},
    }


def _channel(feed: FeedDescription) -> dict[str, Any]:
    kinds = (*feed.says, *ALL_SAY, *feed.understands, *ALL_UNDERSTAND)
    return {
        "address": f"{feed.path}/",
        "description": f"For: {feed.who}",
        "messages": {
            word: {"$ref": f"#/components/messages/{_key(kind, word)}"}
            for kind in kinds
            for word in message_types_of(kind)
        },
        "bindings": {"ws": {"method": "GET", "query": QUERY}},
        "x-handshake-refusals": [
            _refusal(status, code) for code, statuses in HANDSHAKE_REFUSALS.items() for status in statuses
        ],
        "x-close-codes": [{"code": one.code, "reason": one.reason} for one in CLOSE_CODES],
    }


def _refusal(status: int, code: str) -> dict[str, Any]:
    return {"status": status, "code": code}


def _operations(feed: FeedDescription) -> Iterator[tuple[str, dict[str, Any]]]:
    """From the notifier's side: it sends what clients receive."""
    for name, action, kinds in (
        (f"tell_{_name(feed)}", "send", (*feed.says, *ALL_SAY)),
        (f"ask_{_name(feed)}", "receive", (*feed.understands, *ALL_UNDERSTAND)),
    ):
        channel = f"#/channels/{_name(feed)}"
        messages = [{"$ref": f"{channel}/messages/{word}"} for kind in kinds for word in message_types_of(kind)]
        yield name, {"action": action, "channel": {"$ref": channel}, "messages": messages}


def _name(feed: FeedDescription) -> str:
    return feed.path.removeprefix("/ws/").replace("/", "_")
