"""Withdrawing commands that wait in the inbox."""

from __future__ import annotations

import asyncio
from typing import Any, cast
from uuid import UUID

from api.commands.commands import Commands
from core.domain.commands import Actor, ActorKind, RequestPayment
from core.store.connections.database import API_LIMITS
from core.store.connections.pool import Pool
from tests.support.engine.lanes import (
    Pipeline,
    Worker,
    new,
)
from tests.support.values import book_room

UMA = Actor(ActorKind.USER, 1)


A_ROOM = """
INSERT INTO user_account (id, username, username_key) VALUES (1, 'uma', 'uma');
INSERT INTO resource (id, kind, name, zone) VALUES (2, 'room', 'Room', 'UTC');
INSERT INTO room (id, resource_id, name, capacity, price_minor) VALUES (1, 2, 'Room', 10, 5000);
"""


async def withdraw_all(url: str, ids: list[UUID]) -> list[bool]:
    pool = Pool(url, API_LIMITS, "holdfast api", min_size=1, max_size=4, timeout_s=30, kwargs={"autocommit": True})
    async with pool:
        commands = Commands(cast("Any", None), cast("Any", None), pool, cast("Any", None))
        return [await commands.withdraw(id_) for id_ in ids]


def withdraw(pipeline: Pipeline, *ids: UUID) -> list[bool]:
    return asyncio.run(withdraw_all(pipeline.url, list(ids)))


def asked_for_an_intent(pipeline: Pipeline) -> tuple[Worker, UUID]:
    """A request to pay for a hold; not decided yet."""
    pipeline.one_lane()
    pipeline.connection.execute(A_ROOM.encode())
    worker = pipeline.worker()
    pipeline.put(new(book_room(), actor=UMA, contract="rooms"))
    worker.visit_until_done()
    (booking_id,) = pipeline.row("SELECT id FROM booking")
    (id_,) = pipeline.put(new(RequestPayment(booking_id, 10_000, "usd"), actor=UMA, contract="payments"))
    return worker, id_
