"""A command's lane: its partition key comes from what PostgreSQL knows when the command is written."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import Any
from uuid import uuid4

import httpx
import pytest

from core.domain.commands import Actor, ActorKind
from core.store.inbox import bulk
from core.store.inbox.bulk import BulkCommand, Sender
from core.store.inbox.bulk_status import Bulk, Mode
from core.store.inbox.partition_keys import PartitionKey, RoomPartition, ServicePartition, partition_key
from ops.ports import accepts
from tests.support.clients.http_client import Client, admin, agent_booking, anonymous
from tests.support.engine.lanes import DESK_ID, Pipeline, new
from tests.support.processes.stack import Stack
from tests.support.values import place
from tests.support.wait import wait_until

DAY = "2101-03-07"
AT_ONCE = 16
SENDER = Sender("agent", Actor(ActorKind.AGENT, key_id=1), "tests", None)


@contextmanager
def nobody_deciding(stack: Stack) -> Iterator[None]:
    """Accepted commands stay in the inbox, where a test can read them."""
    lanes = [server for server in stack.servers if server.name.startswith("lanes")]
    for server in lanes:
        server.freeze()
    try:
        yield
    finally:
        for server in lanes:
            server.thaw()


def killed_and_started(stack: Stack) -> None:
    stack.process("api").kill()
    wait_until(lambda: not accepts(stack.api_port), "all API processes are gone")
    stack.process("api").start()


def own_service(staff: Client) -> tuple[str, int]:
    """A new service with a resource of its own: its name and its resource."""
    name = f"Own {uuid4().hex[:8]}"
    made = staff.post("/api/admin/services/", json={"name": name, "own_resource": True})
    assert made.status_code == 201, made.text
    return name, int(made.json()["data"]["resource_id"])


async def book_together(api_url: str, bodies: list[dict[str, Any]]) -> list[str]:
    """The commands' ids. Each request has a connection of its own, opened before the first is sent."""
    async with httpx.AsyncClient(base_url=api_url, timeout=30.0) as client:
        await asyncio.gather(*(client.get("/healthz") for _ in bodies))
        path, headers = "/api/agent/booking/create/", {"Prefer": "respond-async"}
        answers = await asyncio.gather(*(client.post(path, json=body, headers=headers) for body in bodies))
    assert {answer.status_code for answer in answers} == {202}, [answer.text for answer in answers]
    return [answer.json()["id"] for answer in answers]


def slot_crcs(stack: Stack, ids: list[str]) -> list[int]:
    with stack.database() as connection:
        rows = connection.execute("SELECT slot_crc FROM inbox WHERE id = ANY(%s::uuid[])", (ids,)).fetchall()
    assert len(rows) == len(ids)
    return [int(str(row[0])) for row in rows]


def test_the_first_requests_of_a_process_that_was_killed_all_find_their_lane(breakable_stack: Stack) -> None:
    stack = breakable_stack
    with admin(stack.api_url) as staff:
        name, resource_id = own_service(staff)
    expected = zlib.crc32(partition_key(resource_id, date.fromisoformat(DAY)).encode())
    killed_and_started(stack)
    with nobody_deciding(stack):
        times = [f"{9 + n % 8:02}:{n // 8:02}" for n in range(AT_ONCE)]
        bodies = [agent_booking(service_name=name, booking_date=DAY, booking_time=at) for at in times]
        found = slot_crcs(stack, asyncio.run(book_together(stack.api_url, bodies)))
    assert [crc for crc in found if crc != expected] == []


def test_a_command_sent_after_another_was_accepted_is_decided_after_it(breakable_stack: Stack) -> None:
    """Both for one time, by the first two requests of a process that was just started."""
    stack = breakable_stack
    with admin(stack.api_url) as staff:
        name, _ = own_service(staff)
    killed_and_started(stack)
    with anonymous(stack.api_url) as client:
        wanted = agent_booking(service_name=name)
        with nobody_deciding(stack):
            first, second = client.accept(wanted), client.accept(wanted)
        assert client.outcome(first)["status"] == "succeeded"
        assert client.outcome(second)["response"]["body"]["code"] == "slot_taken"


def offered(pipeline: Pipeline, kind: str, sql: str) -> tuple[int, int]:
    """A resource of its own, and what it is offered as: (resource, id)."""
    (resource_id,) = pipeline.row("INSERT INTO resource (kind, name, zone) VALUES (%s, 'x', 'UTC') RETURNING id", kind)
    (id_,) = pipeline.row(sql, resource_id)
    return resource_id, id_


SQL_SERVICE = """INSERT INTO service (name, name_key, resource_id, is_active, is_named)
                 VALUES ('Große Kur', 'grosse kur', %s, {active}, {named}) RETURNING id"""
SQL_ROOM = """INSERT INTO room (resource_id, name, capacity, price_minor, currency, slot_minutes, opens_minute, closes_minute)
              VALUES (%s, 'x', 1, 0, 'usd', 60, 0, 1440) RETURNING id"""


def home_of(pipeline: Pipeline, key: PartitionKey, *, in_bulk: bool) -> tuple[int, int]:
    """The slot's CRC and lane that a command with this key is written with, alone or as a bulk's row."""
    if not in_bulk:
        (id_,) = pipeline.put(new(place(), partition_key=key))
        return pipeline.row("SELECT slot_crc, lane FROM inbox WHERE id = %s", id_)
    one = Bulk(uuid4(), "key:1", Mode.EACH, 1, 0)
    pipeline.connection.execute(bulk.SQL_INSERT, (one.id, one.owner, one.mode, one.rows, one.refused))
    parameters = bulk.accept_parameters(one, SENDER, [BulkCommand(key, place(), 1)])
    pipeline.connection.execute(bulk.SQL_ACCEPT_ROWS, parameters)
    return pipeline.row("SELECT slot_crc, lane FROM inbox WHERE bulk_id = %s", one.id)


@pytest.mark.parametrize("in_bulk", [False, True])
def test_every_kind_of_slot_key_leads_where_python_and_postgresql_both_say(
    pipeline: Pipeline, *, in_bulk: bool
) -> None:
    day = date(2101, 3, 7)
    own, _ = offered(pipeline, "service", SQL_SERVICE.format(active=True, named=True))
    rooms_own, room_id = offered(pipeline, "room", SQL_ROOM)
    cases: list[tuple[PartitionKey, str]] = [
        (ServicePartition("GROSSE KUR", day), partition_key(own, day)),
        (ServicePartition("große Kur", day), partition_key(own, day)),
        (ServicePartition("Nobody knows it", day), partition_key(DESK_ID, day)),
        (RoomPartition(room_id, day), partition_key(rooms_own, day)),
        (RoomPartition(room_id + 1, day), partition_key(DESK_ID, day)),
        (partition_key(own, day), partition_key(own, day)),
        ("service-7", "service-7"),
    ]
    (lanes,) = pipeline.row("SELECT lanes FROM installation")
    for key, expected in cases:
        crc = zlib.crc32(expected.encode())
        assert home_of(pipeline, key, in_bulk=in_bulk) == (crc, crc % lanes), key


@pytest.mark.parametrize(("active", "named"), [(False, True), (True, False)])
def test_a_service_that_is_not_booked_by_name_leads_to_the_desk(
    pipeline: Pipeline, *, active: bool, named: bool
) -> None:
    offered(pipeline, "service", SQL_SERVICE.format(active=active, named=named))
    day = date(2101, 3, 7)
    crc, _ = home_of(pipeline, ServicePartition("Große Kur", day), in_bulk=False)
    assert crc == zlib.crc32(partition_key(DESK_ID, day).encode())


def test_a_service_that_was_just_given_another_resource_leads_there(pipeline: Pipeline) -> None:
    """Nothing is remembered from the command before."""
    day = date(2101, 3, 7)
    _, service_id = offered(pipeline, "service", SQL_SERVICE.format(active=True, named=True))
    before = home_of(pipeline, ServicePartition("Große Kur", day), in_bulk=False)
    pipeline.connection.execute("UPDATE service SET resource_id = %s WHERE id = %s", (DESK_ID, service_id))
    after = home_of(pipeline, ServicePartition("Große Kur", day), in_bulk=False)
    assert before != after
    assert after[0] == zlib.crc32(partition_key(DESK_ID, day).encode())
