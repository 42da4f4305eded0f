"""The description fuzzed against a running stack: every check on, as everybody that there is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.conformance import conformance
from tests.conftest import FIGURE, FreshStack
from tests.fuzzing.running import CALLERS, environment, fuzz
from tests.paying import StripeServer

CASES_MIN = 2_000
OPTIONS = ("--phases", "examples,fuzzing", "--max-examples", "6", "--generation-deterministic")
"""Short, and the same cases each time; `make schemathesis` is the long one."""


@pytest.fixture
def stripe(tmp_path: Path) -> Iterator[StripeServer]:
    server = StripeServer(tmp_path / "stripe")
    server.start()
    yield server
    server.close()


def test_no_case_of_any_caller_finds_a_failure(
    fresh_stack: FreshStack, stripe: StripeServer, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    stack = fresh_stack(environment=environment(stripe))
    runs = [fuzz(stack, caller, tmp_path, *OPTIONS) for caller in CALLERS]
    cases = sum(run.cases for run in runs)
    for figure in (*map(str, runs), f"schemathesis: {cases} cases in all"):
        record_property(FIGURE, figure)
    for run in runs:
        conformance().hear(run.heard)
        assert not run.failures, run.log
    assert cases >= CASES_MIN
