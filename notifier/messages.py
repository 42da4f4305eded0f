"""Messages on the wire (core/wire/feeds.py), read and written."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import cast, get_args

import msgspec
from msgspec import Raw, Struct

from core.store.feed import Position
from core.wire.errors import error_body
from core.wire.feeds import CommandTold, ErrorTold, Heartbeat, Reload, Request
from core.wire.outcomes import CommandStatus


def _of(kind: type[Struct]) -> str:
    """A request's type, and the fields that go with it."""
    return " with ".join([str(kind.__struct_config__.tag), *kind.__struct_fields__])


WORDS = f"A message must have a type, and the text that goes with it: {', '.join(map(_of, get_args(Request)))}"

_decoder: msgspec.json.Decoder[Request] = msgspec.json.Decoder(Request)
_encode = msgspec.json.Encoder().encode


class BadMessageError(Exception):
    """A client's message cannot be served; `status`, `code` and the sentence are sent back."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.code = code
        self.words = words


def parse(text: str | bytes, *, at_most: int) -> Request:
    """One request. Raises `BadMessageError`; `at_most` is in bytes (UTF-8)."""
    raw = (text.encode() if isinstance(text, str) else text).removeprefix(BOM_UTF8)
    if len(raw) > at_most:
        raise BadMessageError(413, "message_too_large", f"A message may have at most {at_most} bytes")
    try:
        return _decoder.decode(raw)
    except msgspec.ValidationError:
        raise BadMessageError(400, "bad_message", WORDS) from None
    except (msgspec.DecodeError, RecursionError):
        raise BadMessageError(400, "not_json", "A message must be a JSON object with a type") from None


def told(message: Struct) -> bytes:
    """One of `core.wire.feeds`, encoded."""
    return _encode(message)


def finished(status: bytes, position: Position) -> bytes:
    """A command's outcome, as the poll answers it: JSON already."""
    return _encode(CommandTold(data=cast("CommandStatus", Raw(status)), position=str(position)))


def reload(position: Position) -> bytes:
    """What you have may be incomplete: ask for everything anew; news follows from here."""
    return _encode(Reload(position=str(position)))


def heartbeat(position: Position) -> bytes:
    return _encode(Heartbeat(position=str(position)))


def error(problem: BadMessageError) -> bytes:
    """The one error shape, as a message."""
    return _encode(ErrorTold(data=error_body(problem.status, problem.code, problem.words)))
