"""A repeat follows the first request: what is on disk is never told to be not there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import falcon
import falcon.asgi
import falcon.testing
import psycopg
import pytest
from psycopg_pool import PoolTimeout

from api.commands.commands import Commands
from api.commands.endpoints import LONG_POLLS_PER_CALLER_MAX, CommandResource
from api.commands.inbox_entry import Accepted
from api.commands.outcome_waiter import OutcomeWaiter
from api.limits.undecided_writes import UndecidedCounter
from core.domain.commands import Canary
from core.identity.principals import ANONYMOUS
from core.store.connections.bounded import NoAnswerError
from core.store.inbox.outcomes import CommandRecord
from core.wakeup.keys import NO_PREFIX


class FirstCame:
    """An inbox that knows the key: an earlier request's command has it."""

    def __init__(self, winner: UUID) -> None:
        self._winner = winner

    async def accept(self, *_: Any) -> Accepted:
        return Accepted(self._winner, fresh=False)


class LostPool:
    def __init__(self, problem: Exception) -> None:
        self._problem = problem

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[None]:
        raise self._problem
        yield


@pytest.mark.parametrize("problem", [NoAnswerError("no answer"), PoolTimeout("none free"), psycopg.OperationalError()])
async def test_a_repeat_whose_look_up_fails_is_told_where_the_first_is(problem: Exception) -> None:
    winner, pool = uuid4(), LostPool(problem)
    outcomes = OutcomeWaiter(pool, None, NO_PREFIX)  # type: ignore[arg-type]
    commands = Commands(FirstCame(winner), outcomes, pool, UndecidedCounter(1, pool))  # type: ignore[arg-type]
    req, resp = falcon.testing.create_asgi_req(), falcon.asgi.Response()
    req.context.principal, req.context.request_id, req.context.chosen_id = ANONYMOUS, "request", None
    req.context.raw_body, req.context.address = b"", "192.0.2.1"
    await commands.run(req, resp, contract="tests", partition_key="1:2030-01-01", command=Canary())
    assert (resp.status_code, resp.get_header("Location")) == (202, f"/api/commands/{winner}/")
    assert resp.get_header("Holdfast-Command") == str(winner)


class Patient:
    """Commands of which none is decided; remembers how long it was asked to wait."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    async def look_up(self, id_: UUID) -> CommandRecord:
        return CommandRecord(id_, "canary", None, datetime.now(UTC), None, "accepted", None, None)

    async def long_poll(self, id_: UUID, wait_s: float) -> CommandRecord:
        self.waits.append(wait_s)
        return await self.look_up(id_)

    async def reveal(self, record: CommandRecord) -> CommandRecord:
        return record


async def test_a_caller_with_too_many_long_polls_is_answered_at_once() -> None:
    commands = Patient()
    resource = CommandResource(commands)  # type: ignore[arg-type]
    for under_way in (0, LONG_POLLS_PER_CALLER_MAX):
        resource._polling["192.0.2.1"] = under_way
        req = falcon.testing.create_asgi_req(headers={"Prefer": "wait=20"})
        req.context.principal, req.context.address = ANONYMOUS, "192.0.2.1"
        await resource.on_get(req, falcon.asgi.Response(), uuid4())
    assert commands.waits == [20.0, 0]
