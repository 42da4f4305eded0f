"""The short form of `make deliveries`: live, slow, dead and failing endpoints, and a delivery worker that is killed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.deliveries.__main__ import PROCESSES
from tests.deliveries.show import Plan, play
from tests.deliveries.verdict import problems
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack

PLAN = Plan(events=60, endpoints=5, tried_for_s=15, timeout_s=3, kills=1, database_kills=0, seed=1, clients=2)


def test_live_endpoints_have_every_event_in_order_whatever_the_others_do(
    fresh_stack: Callable[..., Stack], postgres: PostgresServer, tmp_path: Path
) -> None:
    stack = fresh_stack(processes=PROCESSES, environment=PLAN.environment)
    told = play(stack, postgres, tmp_path, PLAN, print)
    with stack.database() as connection:
        assert problems(connection, told) == []
    logs = "".join(server.log for server in stack.servers)
    assert "a delivery is tried again later" in logs
    assert [secret for secret in ("whsec_", "/hooks/") if secret in logs] == [], "neither secrets nor addresses"
