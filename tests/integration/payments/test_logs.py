"""The whole log of a busy stack, in which parts also fail: every line ties to its request, none holds a secret."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import redis
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from ops.embedded.environment import ROOT
from tests.support.clients.bulks import as_csv, new_services, rows_for
from tests.support.clients.callers import browser, csrf
from tests.support.clients.http_client import agent_booking
from tests.support.pages import sections
from tests.support.payments.payer import WEBHOOK_SECRET, Payer
from tests.support.payments.stripe_standin.server import SECRET_KEY
from tests.support.processes.collector import Collector
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

LOGS = sections((ROOT / "docs/operations.md").read_text())["Logs"]
CREATE = "/api/agent/booking/create/"
PERSON = {"first_name": "Hildegunst", "last_name": "Mythenmetz"}
SQL_BREAK = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


class Busy:
    """What was done to the stack, and the secrets that it was done with."""

    def __init__(self, stack: Stack, postgres: PostgresServer, payer: Payer) -> None:
        self.stack, self.postgres, self.payer = stack, postgres, payer
        settings = stack.settings
        self.secrets = {settings.secret_key, settings.flower_password, SECRET_KEY, WEBHOOK_SECRET}
        self.secrets |= {str(urlsplit(url).password) for url in (stack.database_url, stack.redis_url)}
        booking = {**agent_booking(), **PERSON}
        self.people = {"@example.com", *(str(booking[one]) for one in ("phone", "email", "notes", *PERSON))}
        self.commands: dict[str, str] = {}
        """Request id by command id."""

    def new_secret(self) -> str:
        one = secrets.token_urlsafe(24)
        self.secrets.add(one)
        return one

    def sign_in(self) -> None:
        """Register, log in and fail to, make an API token and a ticket, refresh; and show what nobody knows."""
        email, password = f"log{secrets.token_hex(4)}@example.com", self.new_secret()
        with browser(self.stack) as client:
            names = {"email": email, "password": password}
            assert client.post("/api/register/", json={**names, "confirm_password": password}).status_code == 201
            assert client.post("/api/login/", json={**names, "password": self.new_secret()}).status_code == 401
            assert client.post("/api/login/", json={**names, "pasword": password}).status_code == 400
            access = client.post("/api/login/", json=names).json()["access"]
            token = client.post("/api/auth/token/", json=names).json()["token"]
            ticket = client.post("/api/ws-ticket/", headers=csrf(client)).json()["ticket"]
            assert client.post("/api/token/refresh-cookie/", headers=csrf(client)).status_code == 200
            self.secrets |= {access, token, ticket, *(value for value in client.cookies.values() if value)}
        self.listen(ticket)
        httpx.get(f"{self.stack.api_url}/api/services/?token={self.new_secret()}")
        httpx.get(f"{self.stack.api_url}/api/auth/user/", headers={"Authorization": f"Token {self.new_secret()}"})

    def listen(self, ticket: str) -> None:
        """The ticket opens one socket; the second is refused."""
        url = f"{self.stack.ws_url}/ws/commands/?ticket={ticket}"
        with connect(url):
            pass
        with pytest.raises(InvalidStatus), connect(url):
            pass

    def book(self, headers: dict[str, str]) -> None:
        """Asked again where the answer says so."""
        request_id = f"log-{secrets.token_hex(8)}"
        url, named = self.stack.api_url + CREATE, {**headers, "X-Request-ID": request_id}

        def accepted() -> bool:
            answer = httpx.post(url, json=agent_booking(**PERSON), headers=named, timeout=35.0)
            if answer.status_code == 503:
                return False
            assert answer.status_code in {201, 202}, answer.text
            self.commands[answer.headers["Holdfast-Command"]] = request_id
            return True

        wait_until(accepted, "a booking is accepted")

    def bring_in(self, folder: Path) -> str:
        """A file, with a new agent key; what the command line said."""
        key = self.payer.desk.post("/api/admin/agent-keys/create/", json={"name": "Logs"}).json()["data"]["key"]
        self.secrets.add(key)
        self.book({"Authorization": f"Token {key}"})
        file = folder / "bookings.csv"
        file.write_bytes(as_csv(rows_for(new_services(self.stack, 2), 4)))
        words = [sys.executable, "-m", "ops.cli", "import", str(file), "--url", self.stack.api_url]
        environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOLDFAST_TOKEN": key}
        done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=True)
        return done.stdout + done.stderr

    def pay(self) -> None:
        """Through an outage of Stripe."""
        booking = self.payer.hold()
        self.payer.stripe.fault("down", "create", times=1)
        self.payer.ask(booking, headers={"Prefer": "respond-async"})
        self.payer.wait_payments(booking, "open")
        self.secrets.add(self.payer.pay(booking)["client_secret"])
        self.payer.wait_stands(booking, "confirmed", "succeeded")

    def break_connections(self) -> None:
        """Everybody's, to PostgreSQL and Redis; until all is well again."""
        with self.stack.database() as connection, redis.Redis.from_url(self.stack.redis_url) as client:
            connection.execute(SQL_BREAK)
            client.execute_command("CLIENT", "KILL", "TYPE", "pubsub")
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        self.stack.wait_ready()

    def logs(self) -> dict[str, str]:
        """By process; everything that was ever written."""
        return {server.name: server.log for server in (*self.stack.servers, self.stack.valkey, self.postgres)}

    def lines(self) -> Iterator[dict[str, Any]]:
        for server in self.stack.servers:
            for line in server.log.splitlines():
                yield json.loads(line)


@pytest.fixture
def busy(stack: Stack, postgres: PostgresServer, payer: Payer) -> Busy:
    return Busy(stack, postgres, payer)


def test_every_line_ties_to_its_request_and_none_holds_a_secret(busy: Busy, traces: Collector, tmp_path: Path) -> None:
    busy.sign_in()
    busy.book({})
    said = busy.bring_in(tmp_path)
    busy.pay()
    busy.break_connections()
    busy.book({})
    wait_until(lambda: _decided(busy) >= busy.commands.keys(), "every command's decision is logged")
    for name, log in {**busy.logs(), "import": said}.items():
        found = [secret for secret in busy.secrets if secret in log]
        assert not found, f"{name} logs {len(found)} secrets"
    lines = list(busy.lines())
    assert all({"event", "level", "timestamp", "service"} <= line.keys() for line in lines)
    assert documented_fields() <= {name for line in lines for name in line} | {"exception"}
    assert {line["service"] for line in lines} == {"api", "workers", "notifier"}
    assert all(f"`{line['level']}`" in LOGS for line in lines)
    requests = [line for line in lines if line["event"] == "request"]
    assert all(line["request_id"] for line in requests)
    asked = {line["command_id"]: line["request_id"] for line in requests if "command_id" in line}
    decided = {line["command_id"]: line["request_id"] for line in lines if line["event"] == "command decided"}
    for command_id, request_id in busy.commands.items():
        assert asked[command_id] == decided[command_id] == request_id
    for command_id in busy.commands:
        traces.wait_for(lambda one: one.attributes.get("holdfast.command_id") == command_id, command_id)  # noqa: B023
    sent = b"".join(traces.bodies)
    told = [one for one in (*busy.secrets, *busy.people, "127.0.0.1") if one.encode() in sent]
    assert not told, f"traces tell {len(told)} secrets, or of somebody"


def documented_fields() -> set[str]:
    """Of a line, as docs/operations.md lists them."""
    return {*re.findall(r"^\| `([a-z_]+)` \| (?!work|Holdfast|something)", LOGS, re.MULTILINE)}


def _decided(busy: Busy) -> set[str]:
    return {line["command_id"] for line in busy.lines() if line["event"] == "command decided"}
