"""A repeat follows the first request: what is on disk is never told to be not there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import falcon
import falcon.asgi
import falcon.testing
import psycopg
import pytest
from psycopg_pool import PoolTimeout

from api.commands import Commands
from api.inbox import Accepted
from api.outcomes import Outcomes
from api.undecided import Undecided
from core.access import ANONYMOUS
from core.bells import NO_PREFIX
from core.domain.commands import Canary
from core.store.bounded import NoAnswerError


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
    outcomes = Outcomes(pool, None, NO_PREFIX)  # type: ignore[arg-type]
    commands = Commands(FirstCame(winner), outcomes, pool, Undecided(1, pool))  # type: ignore[arg-type]
    req, resp = falcon.testing.create_asgi_req(), falcon.asgi.Response()
    req.context.principal, req.context.request_id, req.context.chosen_id = ANONYMOUS, "request", None
    req.context.raw_body, req.context.address = b"", "192.0.2.1"
    await commands.run(req, resp, contract="tests", slot_key="1:2030-01-01", command=Canary())
    assert (resp.status_code, resp.get_header("Location")) == (202, f"/api/commands/{winner}/")
    assert resp.get_header("Holdfast-Command") == str(winner)
