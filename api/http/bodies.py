"""Request bodies: bounded, decoded once into typed values, refused with every field's problem."""

from __future__ import annotations

from codecs import BOM_UTF8
from collections.abc import Collection, Container
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeVar, get_type_hints

import falcon.asgi
import msgspec
from msgspec import Struct
from msgspec.structs import asdict

from api.http.disconnects import client_disconnected
from api.http.errors import Problem, invalid
from api.http.field_errors import type_problems, unknown
from api.http.fields import decoder_of
from api.http.forms import defaults, first_of_each_field, invalid_fields, is_valid, missing
from api.http.request_context import SAFE_METHODS
from core.wire.errors import FieldProblem

S = TypeVar("S", bound=Struct)

NULL = msgspec.Raw(b"null")
NOTHING = frozenset({b"null", b'""'})
"""Of a required field: sent, but with nothing in it."""
BODY_MAX_BYTES = 64 * 1024
MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for text that is not JSON, not UTF-8, or nested beyond all reason."""
PLAIN = frozenset({"", "identity"})
FRAMED = PLAIN | {"chunked"}
"""A body sent in chunks is plain too: gunicorn has put it together."""


async def read_json(req: falcon.asgi.Request, kind: type[S], needs: Collection[str] = ()) -> S:
    """The body as a `kind`. Raises Problem 400; leaves the raw bytes in `req.context.raw_body`.

    Its fields are of their types and forms, and its rules hold (api/http/forms.py). `needs`: what this
    caller must send though others need not.
    """
    req.context.raw_body = await read_bytes(req)
    return parse_json(req.context.raw_body, kind, needs)


def parse_json(raw: bytes, kind: type[S], needs: Collection[str] = ()) -> S:
    """A body that is in memory, as a `kind`. Raises Problem 400 with every field's problem."""
    raw = raw.removeprefix(BOM_UTF8)
    try:
        body: S = _decoder(kind).decode(raw)
    except msgspec.ValidationError:
        raise _refusal(raw, kind, needs) from None
    except MALFORMED:
        raise malformed() from None
    if not is_valid(body, needs):
        raise invalid(first_of_each_field(kind.__struct_fields__, invalid_fields(kind, asdict(body), needs)))
    return body


def fields_of(raw: bytes) -> Container[str]:
    """The names of a JSON object's fields; none if it is not an object. Raises Problem 400 if it is not JSON."""
    try:
        return msgspec.json.decode(raw.removeprefix(BOM_UTF8), type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return ()
    except MALFORMED:
        raise malformed() from None


def has_body(req: falcon.asgi.Request) -> bool:
    """Whether a body comes along, of whatever length."""
    return bool(req.content_length) or req.get_header("Transfer-Encoding") is not None


async def read_bytes(req: falcon.asgi.Request, limit: int = BODY_MAX_BYTES) -> bytes:
    """The whole body, never more than `limit` bytes of it. Raises Problem 400, for half of one too."""
    if (req.content_length or 0) > limit:
        raise too_large(limit)
    raw: bytes = await req.stream.read(limit + 1)
    if len(raw) > limit:
        raise too_large(limit)
    if client_disconnected(req):
        raise Problem(400, "malformed_json", "The body stopped arriving before its end")
    return raw


@lru_cache
def _decoder(kind: type[S]) -> msgspec.json.Decoder[S]:
    return decoder_of(kind)


@lru_cache
def _field_decoders(kind: type[Struct]) -> dict[str, tuple[bool, msgspec.json.Decoder[Any]]]:
    """By name, in document order: whether it is required, and its decoder."""
    hints = get_type_hints(kind, include_extras=True)
    info = msgspec.structs.fields(kind)
    return {f.encode_name: (f.required, decoder_of(hints[f.name])) for f in info}


def _refusal(raw: bytes, kind: type[Struct], needs: Collection[str]) -> Problem:
    """A value may be wrong before the place where the text stops being JSON."""
    try:
        with suppress(msgspec.ValidationError):  # a number out of bounds is still JSON, and its field is named
            msgspec.json.decode(raw)
        return invalid(_problems(raw, kind, needs))
    except MALFORMED:
        return malformed()


def too_large(limit: int) -> Problem:
    return Problem(400, "body_too_large", f"The body is larger than the {limit} bytes allowed here")


def malformed() -> Problem:
    return Problem(400, "malformed_json", "The body is not valid JSON")


def _problems(raw: bytes, kind: type[Struct], needs: Collection[str]) -> list[FieldProblem]:
    """What is wrong, field by field: msgspec stops at the first, clients want them all."""
    try:
        sent = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
    except msgspec.ValidationError:
        return [FieldProblem("", "The body must be a JSON object")]
    fields, sound = _field_decoders(kind), defaults(kind)
    found = []
    for name, (required, decoder) in fields.items():
        if name not in sent:
            found += [FieldProblem(name, missing(name))] if required else []
            continue
        try:
            sound[name] = decoder.decode(bytes(sent[name]))
        except (msgspec.ValidationError, msgspec.DecodeError):
            sound.pop(name, None)
            empty = required and bytes(sent[name]) in NOTHING
            found += [FieldProblem(name, missing(name))] if empty else type_problems(name, decoder.type, sent[name])
    found += [unknown(name) for name in sent if name not in fields] + invalid_fields(kind, sound, needs)
    return first_of_each_field(kind.__struct_fields__, found) or [FieldProblem("", "The body cannot be understood")]


FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
"""What a page's form sends, and curl's `-d` if no header says otherwise. Only mail programs' one click is read."""


def check_is_no_form(req: falcon.asgi.Request) -> None:
    """Raises Problem 415 for a body under a form's content type, whatever it holds."""
    if (req.content_type or "").lower().startswith(FORMS) and has_body(req):
        words = (
            "No route reads a form: send JSON as Content-Type: application/json, or text/csv where the route takes CSV"
        )
        raise Problem(415, "unsupported_media_type", words)


class ReadableBodies:
    """Falcon middleware; goes after the gate. Every route has it, also one that takes no body.

    A body of GET, HEAD or OPTIONS means nothing (RFC 9110, 9.3.1) and is not read at all.
    """

    async def process_resource(
        self, req: falcon.asgi.Request, _resp: falcon.asgi.Response, resource: object, _params: dict[str, Any]
    ) -> None:
        if req.method in SAFE_METHODS:
            return
        if not getattr(resource, "reads_forms", False):
            check_is_no_form(req)
        if not (
            _is_only(PLAIN, req.get_header("Content-Encoding"))
            and _is_only(FRAMED, req.get_header("Transfer-Encoding"))
        ):
            words = "Send the body as it is: without Content-Encoding, and with no Transfer-Encoding but chunked"
            raise Problem(415, "unsupported_media_type", words, headers={"Accept-Encoding": "identity"})


def _is_only(known: frozenset[str], sent: str | None) -> bool:
    """Whether a list of codings (RFC 9110, 8.4.1) names no other."""
    return sent is None or {coding.strip().lower() for coding in sent.split(",")} <= known
