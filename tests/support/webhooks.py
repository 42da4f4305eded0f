"""Endpoints of tests: somebody's server in a process of its own, and deliveries that a test plans and sends by hand."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from core.deliveries.planner import plan
from core.mail import Mail, Mailer
from core.outbound.client import GuardedClient, Limits
from core.sealed_secrets import SecretBox
from core.store.connections.database import Connection
from core.store.deliveries.leases import Run
from core.store.deliveries.reports import Ended
from core.store.deliveries.values import Delivery, DeliveryState
from core.store.webhooks.endpoints import SENDER
from core.webhooks.sender import WebhookSender
from ops.embedded.child import Program
from ops.embedded.environment import ROOT
from ops.ports import accepts, free_ports
from tests.support.clients.callers import execute
from tests.support.deliveries.by_hand import report_one, take_one_by_one
from tests.support.processes.servers import Server
from tests.support.processes.stack import Stack

BOX = SecretBox("the secret key of the tests of webhooks")
PAUSED_S = 3_600.0


class WebhookReceiver(Server):
    """A server that takes webhooks, and answers as it is told. `url` is that of an endpoint by its name."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_ports(1)[0]
        super().__init__(
            Program(
                name="webhook receiver",
                argv=(sys.executable, "-m", "tests.support.processes.webhook_receiver", str(self.port)),
                environment={},
                directory=ROOT,
                log=folder / "receiver.log",
            ),
            lambda: accepts(self.port, "127.0.0.1"),
        )

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/hooks/{name}"

    def answer(self, name: str, status: int = 204, **more: Any) -> None:
        """From now on. `headers`, `body`, or `echo` for what was sent."""
        self._ask("PUT", f"answers/{name}", {"status": status, **more})

    def heard(self, name: str) -> list[dict[str, Any]]:
        """`headers` and `body` of all that was sent to an endpoint, in order."""
        found: list[dict[str, Any]] = self._ask("GET", f"heard/{name}").json()
        return found

    def _ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return httpx.request(method, f"http://127.0.0.1:{self.port}/{path}", json=body, timeout=30.0).raise_for_status()


class KeptMails(Mailer):
    """A mailer that keeps what it is given, or fails while it is told to."""

    def __init__(self) -> None:
        self.sent: list[Mail] = []
        self.is_away = False

    def send(self, mail: Mail) -> None:
        if self.is_away:
            raise OSError("away")
        self.sent.append(mail)


class ByHand:
    """Plans and sends as a delivery worker does, one step at a time."""

    def __init__(self, connection: Connection, mailer: Mailer | None = None, **more: Any) -> None:
        limits = Limits(resolve_s=20, connect_s=20, read_s=20, total_s=60)
        client = GuardedClient(loopback=True, limits=limits)
        self.connection = connection
        self.sender = WebhookSender(BOX, client, mailer, loopback=True, **more)

    def plan(self) -> int:
        return plan(self.connection, [self.sender]).deliveries

    def send_due(self) -> list[tuple[Delivery, DeliveryState | None]]:
        """All that is due now, once; what each is afterwards."""
        due = [
            run
            for failing in (False, True)
            for run in take_one_by_one(self.connection, SENDER, 100, 100, failing=failing)
        ]
        return [(run.deliveries[0], self._send(run)) for run in due]

    def _send(self, run: Run) -> DeliveryState | None:
        answer = self.sender.send(self._connections, run.deliveries[0])
        ended = report_one(self.connection, run, answer, also=self._reported)
        return None if ended is None else ended.state

    def _reported(self, ended: Ended) -> None:
        self.sender.reported(self.connection, ended.attempt.delivery, ended.attempt.answer)

    @contextmanager
    def _connections(self) -> Iterator[Connection]:
        yield self.connection


def sent_delivery(stack: Stack, webhook_id: int, delivery_id: str | None = None, state: str = "sent") -> str:
    """A test that was sent and answered, as the log has it; its id."""
    id_ = delivery_id or str(uuid4())
    statement = """
    WITH d AS (
        INSERT INTO delivery (id, sender, receiver, type, epoch, data, state, attempts, done_at, parked_at, answer)
        VALUES (%s, 'webhooks', %s, 'webhook_test', '', '{"at": "2026-01-02T03:04:05+00:00"}', %s, 1, now(),
                CASE WHEN %s::text = 'parked' THEN now() END, '204')
        ON CONFLICT (id) DO NOTHING RETURNING id
    )
    INSERT INTO delivery_attempt (delivery_id, number, at, duration_ms, verdict, answer, detail)
    SELECT id, 1, now(), 12, 'sent', '204', '{"url": "https://hooks.example.com/", "status": 204, "excerpt": ""}' FROM d
    """
    execute(stack, statement, id_, str(webhook_id), state, state)
    return id_
