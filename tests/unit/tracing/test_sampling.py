"""Which requests are traced."""

from __future__ import annotations

import pytest

from api.http.request_traces import Sampler
from core.settings import Traces
from core.tracing.context import Caller, TraceContext

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


def sampler(ratio: float, *, parent_based: bool = True) -> Sampler:
    return Sampler(Traces("http://collector/v1/traces", (), None, None, (), ratio, parent_based))


def test_as_many_as_the_ratio_says() -> None:
    one = sampler(0.1)
    found = sum(one.begin("request", None) is not None for _ in range(20_000))
    assert 1_700 < found < 2_300  # seven deviations


@pytest.mark.parametrize(("ratio", "is_sampled"), [(0.0, False), (1.0, True)])
def test_none_and_all(ratio: float, is_sampled: bool) -> None:  # noqa: FBT001 - from the table
    assert all((sampler(ratio).begin("request", None) is not None) is is_sampled for _ in range(500))


@pytest.mark.parametrize("is_sampled", [True, False])
@pytest.mark.parametrize("ratio", [0.0, 1.0])
def test_a_callers_decision_is_followed(ratio: float, is_sampled: bool) -> None:  # noqa: FBT001 - from the table
    span = sampler(ratio).begin("request", Caller(TraceContext(TRACE, SPAN), is_sampled))
    assert (span is not None) is is_sampled
    if span is not None:
        assert (span.context.trace_id, span.parent_id) == (TRACE, SPAN)


@pytest.mark.parametrize("is_sampled", [True, False])
def test_unless_the_sampler_decides_by_itself(is_sampled: bool) -> None:  # noqa: FBT001 - as above
    caller = Caller(TraceContext(TRACE, SPAN), is_sampled)
    assert sampler(0.0, parent_based=False).begin("request", caller) is None
    span = sampler(1.0, parent_based=False).begin("request", caller)
    assert span is not None
    assert span.context.trace_id == TRACE, "it is the caller's trace all the same"


def test_all_services_of_a_trace_decide_alike() -> None:
    """By the id's last 64 bits, as OpenTelemetry's ratio sampler does."""
    below = Caller(TraceContext("f" * 16 + "1" + "0" * 15, SPAN), is_sampled=False)
    above = Caller(TraceContext("0" * 15 + "1" + "f" * 16, SPAN), is_sampled=True)
    one = sampler(0.1, parent_based=False)
    assert one.begin("request", below) is not None
    assert one.begin("request", above) is None
