"""A place in a trace, as W3C Trace Context writes it: `traceparent`."""

from __future__ import annotations

import re
from random import getrandbits

from msgspec import Struct

_WRITTEN = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?", re.DOTALL)
_UNKNOWN_VERSION = "ff"
_FIRST_VERSION = "00"
_SAMPLED = 0x01
_WRITTEN_CHARS_MAX = 256
"""A later version may have more fields."""


class TraceContext(Struct, frozen=True):
    """A span, by its trace. Ids are lower-case hexadecimal, 32 and 16 digits."""

    trace_id: str
    span_id: str

    @property
    def traceparent(self) -> str:
        """Only sampled spans are handed on."""
        return f"00-{self.trace_id}-{self.span_id}-01"


class Caller(Struct, frozen=True):
    """The caller's span, and whether its trace is sampled."""

    context: TraceContext
    is_sampled: bool


def caller_of(written: str) -> Caller | None:
    """From a `traceparent`; None if it is not valid (W3C Trace Context, 3.2)."""
    found = _WRITTEN.fullmatch(written) if len(written) <= _WRITTEN_CHARS_MAX else None
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == _UNKNOWN_VERSION or (version == _FIRST_VERSION and more):
        return None
    if not int(trace_id, 16) or not int(span_id, 16):
        return None
    return Caller(TraceContext(trace_id, span_id), bool(int(flags, 16) & _SAMPLED))


def context_of(traceparent: str) -> TraceContext:
    """From one that Holdfast wrote."""
    return TraceContext(traceparent[3:35], traceparent[36:52])


def trace_id_of(traceparent: str) -> str:
    return traceparent[3:35]


def new_trace_id() -> str:
    """Random, but no secret: an id gives no access."""
    return f"{getrandbits(128) or 1:032x}"


def new_span_id() -> str:
    return f"{getrandbits(64) or 1:016x}"
