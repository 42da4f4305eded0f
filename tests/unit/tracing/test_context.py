"""`traceparent`, as W3C Trace Context has it: read from others, written for our own."""

from __future__ import annotations

import pytest

from core.tracing.context import Caller, TraceContext, caller_of, context_of, new_span_id, new_trace_id, trace_id_of

ARABIC_ZERO = "\u0660"
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("written", "is_sampled"),
    [
        (f"00-{TRACE}-{SPAN}-01", True),
        (f"00-{TRACE}-{SPAN}-00", False),
        (f"00-{TRACE}-{SPAN}-03", True),
        (f"00-{TRACE}-{SPAN}-02", False),
        (f"01-{TRACE}-{SPAN}-01", True),
        (f"cc-{TRACE}-{SPAN}-01-what-will-be", True),
    ],
)
def test_a_caller_says_its_place_and_whether_it_is_sampled(written: str, is_sampled: bool) -> None:  # noqa: FBT001 - from the table
    assert caller_of(written) == Caller(TraceContext(TRACE, SPAN), is_sampled)


@pytest.mark.parametrize(
    "written",
    [
        "",
        "-",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01-",
        f"00-{TRACE}-{SPAN}-1",
        f"00-{TRACE}-{SPAN}-01\n",
        f" 00-{TRACE}-{SPAN}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE}-{SPAN.upper()}-01",
        f"00-{TRACE[1:]}-{SPAN}-01",
        f"00-{TRACE}0-{SPAN}-01",
        f"00-{TRACE}-{SPAN[1:]}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"zz-{TRACE}-{SPAN}-01",
        f"00_{TRACE}_{SPAN}_01",
        f"00-{TRACE}-{SPAN}-01,00-{TRACE}-{SPAN}-01",
        f"01-{TRACE}-{SPAN}-01-{'x' * 1000}",
        f"00-{ARABIC_ZERO * 32}-{SPAN}-01",
        "../../etc/passwd",
    ],
)
def test_what_is_no_traceparent_is_ignored(written: str) -> None:
    assert caller_of(written) is None


def test_what_we_write_is_read_back() -> None:
    one = TraceContext(new_trace_id(), new_span_id())
    assert context_of(one.traceparent) == one
    assert trace_id_of(one.traceparent) == one.trace_id
    assert caller_of(one.traceparent) == Caller(one, is_sampled=True)
