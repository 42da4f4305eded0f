"""While the database is away public reads are answered 503 with `Retry-After`, and again as soon as it is back."""

from __future__ import annotations

from pathlib import Path

import httpx

from ops.processes import API
from tests.conftest import FreshStack
from tests.support.clients.callers import answers
from tests.support.processes.servers import PostgresServer
from tests.support.processes.store_proxies import PgBouncer
from tests.support.wait import wait_until

DAY = "2090-03-06"
PATHS = (
    "/api/services/",
    "/api/booking/settings/",
    "/api/rooms/1/",
    f"/api/rooms/1/availability/?date={DAY}",
    f"/api/booking/smart-available-slots/?date={DAY}",
    "/api/booking/calendar/?year=2090&month=3",
    "/api/reservations/reserved_slots/",
)


def test_reads_say_when_to_come_back_and_recover_by_themselves(
    postgres: PostgresServer, fresh_stack: FreshStack, tmp_path: Path
) -> None:
    database_url = postgres.new_database(demo=True)
    pooler = PgBouncer(tmp_path / "pooler", postgres.cluster.application_url("postgres"), pool_mode="session")
    pooler.start()
    through = {"DATABASE_URL": pooler.url(database_url)}
    stack = fresh_stack(database_url=database_url, processes=(API,), environment=through, wait=False)
    wait_until(lambda: answers(stack), "the API answers")
    with httpx.Client(base_url=stack.api_url, timeout=35.0) as client:
        before = {path: client.get(path) for path in PATHS}
        assert {one.status_code for one in before.values()} == {200}
        pooler.kill()
        away = {path: client.get(path) for path in PATHS}
        assert {(one.status_code, one.json()["code"]) for one in away.values()} == {(503, "unavailable")}
        assert all(int(one.headers["Retry-After"]) > 0 for one in away.values()), "a kept answer may be stale by now"
        pooler.start()
        for path, was in before.items():
            wait_until(lambda path=path: client.get(path).status_code == 200, f"{path} is answered")  # type: ignore[misc]
            assert client.get(path).content == was.content
    pooler.close()
