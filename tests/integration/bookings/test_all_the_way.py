"""The spine, over HTTP: many at once, each of them soon, with every step in the logs and no word too much.

That the documents' own requests answer as printed is in test_documents_as_printed.py.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx

from tests.support.clients.http_client import Client, agent_booking
from tests.support.processes.stack import Stack
from tests.support.wait import at_best, wait_until


def test_two_hundred_clients_at_once_for_one_slot_make_one_booking(stack: Stack) -> None:
    body = agent_booking()
    limits = httpx.Limits(max_connections=200)
    with Client(base_url=stack.api_url, timeout=35.0, limits=limits) as client, ThreadPoolExecutor(200) as pool:
        statuses = Counter(pool.map(lambda _: client.book(body).status_code, range(200)))
    assert statuses == {201: 1, 409: 199}
    created = "SELECT count(*) FROM event WHERE type = 'booking_created' AND booking_id = ANY(%s)"
    rows = """SELECT b.id FROM booking b JOIN resource r ON r.id = b.resource_id
              WHERE r.kind = 'desk' AND b.local_date = %s AND b.local_time = %s"""
    with stack.database() as connection:
        ids = [row[0] for row in connection.execute(rows, (body["booking_date"], body["booking_time"])).fetchall()]
        assert len(ids) == 1
        assert connection.execute(created, (ids,)).fetchone() == (1,)


def test_an_anonymous_agent_learns_nothing_about_somebody_who_exists(client: Client) -> None:
    phone = "5557001"
    client.book(agent_booking(phone=phone, first_name="Secret", email="secret@example.com"))
    answer = client.book(agent_booking(phone=phone, first_name="Guess", last_name="", email=""))
    user = answer.json()["data"]["user"]
    assert answer.json()["user_created"] is False
    assert (user["first_name"], user["email"]) == ("Guess", "")


def test_every_log_line_of_a_booking_has_its_ids_and_no_secret(stack: Stack, client: Client) -> None:
    sent = f"test-{uuid4().hex}"
    answer = client.book(X_Request_ID=sent)
    command_id = answer.headers["Holdfast-Command"]

    def lines() -> list[dict[str, str]]:
        text = "".join(server.log for server in stack.servers)
        return [json.loads(line) for line in text.splitlines() if sent in line]

    wait_until(lambda: len(lines()) >= 2, "the request and its decision are logged")
    assert {line["command_id"] for line in lines()} == {command_id}
    assert {line["event"] for line in lines()} >= {"request", "command decided"}
    everything = "".join(server.log for server in stack.servers)
    for secret in (stack.settings.secret_key, stack.database_url.split("@")[0], "eyJ"):
        assert secret not in everything


def test_a_lane_never_waits_a_second_while_workers_are_well(client: Client) -> None:
    """The longest wait of many single bookings, one after the other, over all lanes."""
    client.book()

    def longest_s() -> float:
        waits = []
        for _ in range(60):
            started = time.monotonic()
            assert client.book().status_code == 201
            waits.append(time.monotonic() - started)
        return max(waits)

    assert at_best(longest_s, 1.0) < 1.0
