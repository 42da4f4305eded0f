"""The simulation against what can be worked out by hand."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.benchmarks.report import Figure
from tests.benchmarks.scaling.costs import Cost, Costs, costs_of
from tests.benchmarks.scaling.simulation import House, Load, Pipeline

FREE = Cost(0.0, 0.0)
NOTHING = Costs(api=FREE, lanes=FREE, postgres=FREE, sweeps=FREE, wrk=FREE, wake_us=0.0, fsync_us=100.0)
ROOMY = House(api=1, lanes=1, sockets=0, postgres_cores=64)
BUSY = Load(clients=64, seconds=0.5)


@pytest.mark.parametrize("kind", ["api", "lanes"])
def test_a_serial_process_that_costs_a_millisecond_allows_a_thousand_a_second(kind: str) -> None:
    said = Pipeline(replace(NOTHING, **{kind: Cost(0.0, 1000.0)}), ROOMY, BUSY).run()
    assert said.per_s == pytest.approx(1000, rel=0.15)
    assert said.first_full == kind


def test_postgresql_is_full_when_its_cores_are() -> None:
    costs, lanes = replace(NOTHING, postgres=Cost(0.0, 1000.0)), House(api=8, lanes=8, sockets=0, postgres_cores=2)
    said = Pipeline(costs, lanes, replace_clients(256)).run()
    assert said.per_s == pytest.approx(2000, rel=0.15)
    assert said.first_full == "postgres"


def test_a_client_alone_waits_for_two_commits_and_all_work() -> None:
    costs = replace(NOTHING, api=Cost(0.0, 300.0), lanes=Cost(500.0, 100.0), postgres=Cost(400.0, 100.0))
    said = Pipeline(costs, ROOMY, Load(clients=1, seconds=0.2)).run()
    assert said.p50_ms == pytest.approx((300 + 600 + 500 + 2 * 100) / 1000)


def test_more_lane_workers_decide_more_until_something_else_is_full() -> None:
    costs = replace(NOTHING, api=Cost(0.0, 50.0), lanes=Cost(0.0, 400.0))
    one, four, sixteen = (
        Pipeline(costs, replace(ROOMY, lanes=lanes), replace_clients(512)).run() for lanes in (1, 4, 16)
    )
    assert four.per_s > 3 * one.per_s
    assert sixteen.first_full == "api"


def test_groups_share_what_a_visit_costs() -> None:
    costs = replace(NOTHING, lanes=Cost(1000.0, 10.0))
    assert Pipeline(costs, ROOMY, BUSY).run().per_s > 10 * 1e6 / 1010


def test_costs_are_taken_apart_by_what_a_booking_costs_alone_and_in_a_group() -> None:
    alone = Figure("holdfast", 1, 300.0, 3.0, 5.0, 9.0, [300.0], [3.0], {"api": 325.0, "lanes": 260.0, "beat": 9.0})
    many = Figure(
        "holdfast", 64, 3000.0, 20.0, 40.0, 90.0, [3000.0], [20.0], {"api": 205.0, "lanes": 20.0, "beat": 1.0}
    )
    costs = costs_of(alone, many)
    assert (costs.api.item_us, costs.api.visit_us) == (200.0, 125.0)
    assert (costs.lanes.item_us, costs.lanes.visit_us) == (10.0, 250.0)
    assert costs.api.of(25) / 25 == pytest.approx(205.0)
    assert costs.wake_us == pytest.approx(3000 - 325 - 260 - 240)


def replace_clients(clients: int) -> Load:
    return replace(BUSY, clients=clients)
