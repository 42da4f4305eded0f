"""The description tried on a running stack: its examples as they stand, then fuzzed with every check on, as everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from api.contracts.agent.bulk.bulk_request import READ_WITHIN_S
from core.identity.demo_accounts import AGENT_KEY
from tests.conftest import FIGURE, new_stack
from tests.fuzzing.schemathesis_run import CALLERS, environment, fuzz
from tests.support.clients.bare_socket import PartialRequest, partial_request
from tests.support.clients.bulks import CSV, PATH, as_csv, rows_for
from tests.support.conformance.answers import conformance
from tests.support.conformance.examples import UNTRIED, Walk
from tests.support.documents import reset_demo_database
from tests.support.payments.payer import StripeServer
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack

CASES_MIN = 2_000
OPTIONS = ("--phases", "examples,fuzzing", "--max-examples", "3", "--generation-deterministic")
"""Short, and the same cases each time; `make schemathesis` is the long one."""


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, stripe: StripeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    one = new_stack(postgres, tmp_path_factory.mktemp("fuzzed"), environment=environment(stripe))
    try:
        yield one.start()
    finally:
        one.close()
        postgres.drop_database(one.database_url)


@pytest.fixture(scope="module")
def slow_bulk(stack: Stack) -> Iterator[PartialRequest]:
    """Begun before the fuzzing and looked at after it: how long a silence is borne has no setting."""
    headers = {**CSV, "Authorization": f"Token {AGENT_KEY}"}
    with partial_request(stack.api_url, PATH, as_csv(rows_for(["Nothing comes of it"], 2)), headers) as sent:
        yield sent


def test_every_example_gets_the_success_that_is_documented(
    stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    walk = Walk(stack)
    try:
        walk.run()
    finally:
        reset_demo_database(stack.settings)
    assert walk.failed == []
    tried = len(walk.operations) - len(UNTRIED)
    assert walk.sent >= tried
    record_property(FIGURE, f"examples: {walk.sent} requests of {tried} operations succeeded")


@pytest.mark.usefixtures("slow_bulk")
def test_no_case_of_any_caller_finds_a_failure(
    stack: Stack, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    runs = [fuzz(stack, caller, tmp_path, *OPTIONS) for caller in CALLERS]
    cases = sum(run.cases for run in runs)
    for figure in (*map(str, runs), f"schemathesis: {cases} cases in all"):
        record_property(FIGURE, figure)
    for run in runs:
        conformance().hear(run.heard)
        assert not run.failures, run.log
    assert cases >= CASES_MIN


def test_a_bulk_that_stops_arriving_is_refused_in_time(slow_bulk: PartialRequest) -> None:
    answer = slow_bulk.answer(READ_WITHIN_S)
    assert (answer.status_code, answer.json()["code"]) == (408, "body_too_slow")
