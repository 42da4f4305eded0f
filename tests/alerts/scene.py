"""A whole stack with payments, mail that goes nowhere, and Prometheus."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from ops.ports import free_ports
from ops.processes import DELIVERIES
from tests.support.clients.http_client import agent_booking
from tests.support.payments.payer import StripeServer, stack_with_stripe, stripe_server
from tests.support.processes.prometheus import PrometheusServer
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack


@dataclass
class Scene:
    postgres: PostgresServer
    stripe: StripeServer
    stack: Stack
    prometheus: PrometheusServer

    @property
    def lane_workers(self) -> list[str]:
        return [instance for instance in self.stack.metrics_targets if instance.startswith("lanes")]

    @contextmanager
    def no_lanes(self) -> Iterator[None]:
        """What is accepted meanwhile waits: the lane workers are stopped, as by a machine that hangs."""
        for name in self.lane_workers:
            self.stack.process(name).freeze()
        try:
            yield
        finally:
            for name in self.lane_workers:
                self.stack.process(name).thaw()

    def accept(self, **changes: object) -> str:
        """A booking that nobody waits for; its command's id."""
        headers = {"Prefer": "respond-async"}
        url = f"{self.stack.api_url}/api/agent/booking/create/"
        answer = httpx.post(url, json=agent_booking(**changes), headers=headers, timeout=30.0)
        assert answer.status_code == 202, answer.text
        return answer.headers["Holdfast-Command"]

    def superuser(self, database: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
        name = database or self.stack.database_url.rsplit("/", 1)[1]
        return psycopg.connect(self.postgres.url(name), autocommit=True)


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    with ExitStack() as closing:
        postgres = PostgresServer(folder / "postgres")
        closing.callback(postgres.close)
        postgres.start()
        stripe = closing.enter_context(stripe_server(folder / "stripe"))
        settings = {
            "HOLDFAST_METRICS_POSTGRESQL": "1",
            "HOLDFAST_SMTP_URL": f"smtp://127.0.0.1:{free_ports(1)[0]}",  # nobody listens there
        }
        stack = closing.enter_context(
            stack_with_stripe(postgres, stripe, folder / "stack", settings, more=(DELIVERIES,))
        )
        prometheus = PrometheusServer(folder / "prometheus", stack)
        closing.callback(prometheus.close)
        prometheus.start()
        prometheus.wait_scraped()
        yield Scene(postgres, stripe, stack, prometheus)
