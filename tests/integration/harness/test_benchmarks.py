"""`make bench` in short: all that it compares takes bookings, and its comparison with the table finds what is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import count

import httpx
import pytest
from msgspec.structs import replace

from core.domain.steps import STEP_BOOKINGS
from tests.benchmarks.baselines.app import NOOP
from tests.benchmarks.load import Load
from tests.benchmarks.measurement import PIPELINES, Pipeline, Run
from tests.benchmarks.request_timing import NO_OP, STAFF, RequestTimer, measure
from tests.benchmarks.scenarios import availability, cancellation, expiry
from tests.benchmarks.stack import PROCESSES
from tests.benchmarks.tables.holds import PAYING_EVERY, insert_lapsing_holds, intents_of
from tests.benchmarks.tables.market import FIRST, MarketSize
from tests.benchmarks.tables.market_tables import fill_market
from tests.benchmarks.tables.seed import FIRST_USER, SERVICES, access_token, seed
from tests.benchmarks.verification import verify
from tests.support.engine.large_session import large_session
from tests.support.processes.servers import PostgresServer, ValkeyServer
from tests.support.processes.stack import Stack

CLIENTS = 4
BOOKINGS = 24
_slots = count()


@pytest.fixture(scope="module")
def bench_stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("bench")
    valkey = ValkeyServer(folder / "valkey")
    valkey.start()
    stack = Stack(folder, postgres.new_database(demo=True), valkey, PROCESSES)
    try:
        seed(stack.database_url)
        yield stack.start()
    finally:
        stack.close()


def test_each_pipeline_answers_and_every_acknowledged_booking_is_in_the_table(bench_stack: Stack) -> None:
    runs = [_run(bench_stack, pipeline) for pipeline in PIPELINES]
    assert [run.load.created for run in runs] == [BOOKINGS] * len(PIPELINES)
    books = verify(bench_stack.database_url, PIPELINES, runs)
    assert [problem for one in books for problem in one.problems] == []
    assert [one.booked for one in books] == [0 if one.path == NOOP else BOOKINGS for one in PIPELINES]


def test_an_acknowledged_booking_that_is_missing_and_one_too_many_are_found(bench_stack: Stack) -> None:
    run = _run(bench_stack, replace(PIPELINES[0], name="another"))
    unknown = replace(run.load, ids=[*run.load.ids[1:], 10**9])
    books = verify(bench_stack.database_url, [run.pipeline], [Run(run.pipeline, CLIENTS, 0, unknown, {})])
    assert books[0].problems[0] == "1 not in the table"
    fewer = replace(run.load, sent=BOOKINGS - 1, created=BOOKINGS - 1, ids=run.load.ids[1:])
    books = verify(bench_stack.database_url, [run.pipeline], [Run(run.pipeline, CLIENTS, 0, fewer, {})])
    assert books[0].problems == [f"{BOOKINGS} bookings in the table, which {BOOKINGS - 1} acknowledged do not explain"]


def test_a_busy_month_has_the_slots_of_its_days_and_its_bench_asks_for_it(bench_stack: Stack) -> None:
    fill_market(bench_stack.database_url, lambda _: None, MarketSize(bookings=6000, clients=50, practitioners=20))
    first = datetime.now(UTC).date() + timedelta(days=1)
    month, day = availability.questions(first)
    days = [(first + timedelta(days=n)).isoformat() for n in range(availability.DAYS)]
    with RequestTimer(bench_stack.api_url, {STAFF: access_token(bench_stack.api_url)}) as asker:
        (found,) = [one for one in asker.ask(month)["practitioners"] if one["practitioner_id"] == FIRST + 1]
        singly = [asker.ask(replace(day, body={**(day.body or {}), "date": one}))["available_slots"] for one in days]
        timed = measure(asker, [NO_OP, month, day], requests=1)
    assert [slot["start_time"] for slots in singly for slot in slots] == found["starts"]
    assert 0 < len(found["starts"]) < 24 * len(days), "some of it is taken"
    assert [one.what for one in timed if one.p50_ms > 0] == [NO_OP.what, month.what, day.what]


def test_holds_that_end_are_drained_while_others_book_and_their_places_can_be_had(bench_stack: Stack) -> None:
    plan = expiry.Plan(holds=400, spread_s=3.0, lead_s=0.5, chunk_s=1)
    first = insert_lapsing_holds(bench_stack.database_url, plan.holds)
    result = expiry.measure(bench_stack, _Slowly(bench_stack), plan, first, say=lambda _: None)
    assert [bar.what for bar in expiry.bars(result) if not bar.is_met] == []
    assert result.expired + result.left == plan.holds == len(intents_of(plan.holds)) * PAYING_EVERY
    assert 0 < result.by_booking < result.expired
    assert result.drained_s >= plan.spread_s / 2, "it is measured from the first end to the last"


def test_a_session_is_cancelled_in_steps_while_others_book(bench_stack: Stack) -> None:
    count = 4 * STEP_BOOKINGS
    session = large_session(bench_stack.database_url, count)
    result = cancellation.measure(bench_stack, _Slowly(bench_stack), count, session, say=lambda _: None)
    assert [bar.what for bar in cancellation.bars(result) if not bar.is_met] == []
    assert result.steps == 4
    assert f"{count} participants" in cancellation.summary(result)


class _Slowly:
    """A load like wrk's, of 24 bookings at a time."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack

    def run(self, _url: str, **_: str | int) -> Load:
        return _run(self._stack, PIPELINES[0]).load


def _run(stack: Stack, pipeline: Pipeline) -> Run:
    headers = {"Authorization": f"Bearer {access_token(stack.api_url)}"}
    with (
        httpx.Client(base_url=stack.api_url, headers=headers, timeout=20.0) as client,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        bodies = [_body(next(_slots), pipeline) for _ in range(BOOKINGS)]
        answers = list(pool.map(lambda body: client.post(pipeline.path, json=body), bodies))
    assert {answer.status_code for answer in answers} == {201}, answers[0].text
    ids = [answer.json()["data"]["id"] for answer in answers if pipeline.books]
    load = Load(
        sent=len(bodies),
        created=len(answers),
        refused=0,
        first_refusal="",
        duration_s=1.0,
        p50_ms=1.0,
        p99_ms=1.0,
        max_ms=1.0,
        socket_errors=0,
        timeouts=0,
        ids=ids,
    )
    return Run(pipeline, CLIENTS, 0, load, {})


def _body(slot: int, pipeline: Pipeline) -> dict[str, object]:
    """The slots of book.lua: services first, then the hours of a day."""
    return {
        "service_name": f"Bench service {slot % SERVICES}",
        "booking_date": "2030-01-01",
        "booking_time": f"{9 + slot // SERVICES:02}:00",
        "user_id": FIRST_USER + slot % 1000,
        "notes": pipeline.note,
    }
