"""Messages on the wire (core/wire/feeds.py), read and written."""

from __future__ import annotations

from codecs import BOM_UTF8
from typing import cast, get_args

import msgspec
from msgspec import Raw, Struct

from core.store.feed import Position
from core.store.feed_filter import FeedFilter, service_number
from core.wire.errors import error_body, shown
from core.wire.feeds import CommandTold, ErrorTold, Heartbeat, Reload, Request, Subscribe
from core.wire.outcomes import CommandStatus


def _of(kind: type[Struct]) -> str:
    """A request's type, and the fields that go with it."""
    fields = ", ".join(kind.__struct_fields__) if kind is not Subscribe else "a filter"
    return " with ".join([str(kind.__struct_config__.tag), *([fields] if fields else [])])


WORDS = f"A message must have a type, and the text that goes with it: {', '.join(map(_of, get_args(Request)))}"

FIELDS_OF_FILTER = ", ".join(Subscribe.__struct_fields__)


class _Typed(Struct):
    type: str


_type_decoder = msgspec.json.Decoder(_Typed)
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
    except msgspec.ValidationError as problem:
        raise _bad_message(raw, problem) from None
    except (msgspec.DecodeError, RecursionError):
        raise BadMessageError(400, "not_json", "A message must be a JSON object with a type") from None


def filter_of(request: Subscribe) -> FeedFilter | None:
    """None for everything. Raises `BadMessageError` if no day is in its range."""
    if request.start_date and request.end_date and request.end_date < request.start_date:
        raise bad_filter("end_date must not be before start_date")
    wanted = FeedFilter(
        types=frozenset(request.types),
        resource_ids=frozenset(request.resource_ids),
        services=frozenset(map(service_number, request.services)),
        first=request.start_date,
        last=request.end_date,
    )
    return None if wanted == FeedFilter() else wanted


def bad_filter(what: str) -> BadMessageError:
    words = f"The filter that held goes on, as this one cannot be used: {what}. It may have {FIELDS_OF_FILTER}"
    return BadMessageError(400, "bad_filter", words)


def _bad_message(raw: bytes, problem: msgspec.ValidationError) -> BadMessageError:
    """Of a `subscribe`, what is wrong with which field: others hold no more than a text."""
    try:
        type_ = _type_decoder.decode(raw).type
    except msgspec.DecodeError:
        type_ = ""
    if type_ != Subscribe.__struct_config__.tag:
        return BadMessageError(400, "bad_message", WORDS)
    return bad_filter(shown(str(problem)))


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
