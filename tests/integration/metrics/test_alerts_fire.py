"""Two alerts, fired at a real Prometheus by what they are about. `make alerts` fires them all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.domain.commands import Canary
from core.domain.versions import SCHEMA_VERSION
from core.store.connections.database import connect_lane
from core.store.inbox.acceptance import engine_command, enqueue
from core.store.maintenance.retention import is_alone
from tests.alerts.causes import CAUSES
from tests.support.metrics import rules
from tests.support.processes.prometheus import PrometheusServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

NEWER, LATE = "HoldfastCommandsForNewerWorkers", "HoldfastRetentionLate"
OLD_KEY = """
INSERT INTO idempotency_key (scope, key, body_hash, command_id, created_at)
VALUES ('tests', 'grown old', '\\x00', gen_random_uuid(), clock_timestamp() - interval '3 days')
"""


@pytest.fixture
def prometheus(stack: Stack, tmp_path: Path) -> Iterator[PrometheusServer]:
    server = PrometheusServer(tmp_path / "prometheus", stack)
    server.start()
    yield server
    server.close()


def test_alerts_fire_for_what_they_are_about(stack: Stack, prometheus: PrometheusServer) -> None:
    with connect_lane(stack.database_url, "holdfast tests") as connection:
        wait_until(lambda: is_alone(connection), "no sweep deletes what is old, until this session ends")
        with connection.transaction():
            ((id_, _),) = enqueue(connection, [engine_command(Canary(), "of a newer release", request_prefix="canary")])
            connection.execute("UPDATE inbox SET version = %s WHERE id = %s", (SCHEMA_VERSION + 1, id_))
        connection.execute(OLD_KEY)
        try:
            prometheus.wait_firing(NEWER, LATE)
        finally:
            connection.execute("DELETE FROM inbox WHERE id = %s", (id_,))
            connection.execute("DELETE FROM idempotency_key WHERE scope = 'tests'")


def test_every_rule_has_a_cause() -> None:
    assert sorted(alert for alerts, _ in CAUSES for alert in alerts) == sorted(rule["alert"] for rule in rules())
