"""Messages on the wire: what clients send, and how answers are written.

Every feed message is `{"type", "data", "position"}`; a position is opaque to clients.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

import msgspec
from msgspec import Raw, Struct

from core.store.feed import Position
from core.wire.errors import error_body

WORDS_MAX = 300
"""Characters of a parser's complaint that are passed on."""


class GetBookings(Struct, frozen=True, tag_field="type", tag="get_bookings"):
    """Answered by `bookings_data`."""


class Resume(Struct, frozen=True, tag_field="type", tag="resume"):
    """Go on after this position; answered by what was missed, or by `reload`."""

    last_position: str


class Authenticate(Struct, frozen=True, tag_field="type", tag="authenticate"):
    """An access token, an API token, an agent key or a ticket."""

    token: str


class Watch(Struct, frozen=True, tag_field="type", tag="watch"):
    """Hear the outcome of a command by its id; answered by `command_finished`."""

    command_id: UUID


Request = GetBookings | Resume | Authenticate | Watch

_decoder: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_encode = msgspec.json.Encoder().encode


class BadMessageError(Exception):
    """What a client sent cannot be served; `status`, `code` and the sentence go back to it."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.code = code
        self.words = words


def parse(text: str | bytes, *, at_most: int) -> Request:
    """One request. Raises `BadMessageError`; `at_most` is in bytes (UTF-8)."""
    raw = text.encode() if isinstance(text, str) else text
    if len(raw) > at_most:
        raise BadMessageError(413, "message_too_large", f"A message may have at most {at_most} bytes")
    try:
        return _decoder.decode(raw)
    except msgspec.ValidationError as problem:
        raise BadMessageError(400, "bad_message", str(problem)[:WORDS_MAX]) from None
    except (msgspec.DecodeError, RecursionError):
        raise BadMessageError(400, "not_json", "A message must be a JSON object with a type") from None


def told(type_: str, data: Any, position: Position) -> bytes:
    """A feed message; `data` may be `msgspec.Raw`, JSON already."""
    return _encode({"type": type_, "data": data, "position": str(position)})


def finished(status: bytes, position: Position) -> bytes:
    """A command's outcome, as the poll answers it."""
    return told("command_finished", Raw(status), position)


def reload(position: Position) -> bytes:
    """What you have may be incomplete: ask for everything anew; news follows from here."""
    return _encode({"type": "reload", "position": str(position)})


def heartbeat(position: Position) -> bytes:
    return _encode({"type": "heartbeat", "position": str(position)})


def error(problem: BadMessageError) -> bytes:
    """The one error shape, as a message."""
    return _encode({"type": "error", "data": error_body(problem.status, problem.code, problem.words)})
