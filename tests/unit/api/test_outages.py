"""What a request is told when the database leaves it in the middle: `unavailable` only if it changed nothing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import falcon.asgi
import falcon.testing
import psycopg
import pytest
import sqlalchemy.exc
from psycopg.pq import ConnStatus, TransactionStatus

from api.http.errors import add_error_handlers
from api.http.request_context import RequestContext
from core.store.connections.bounded import BoundedConnection, InDoubt, bounded

LOST = psycopg.OperationalError("the connection is lost")


class _Answers:
    """A server that takes whatever it is sent."""

    transaction_status = TransactionStatus.IDLE
    status = ConnStatus.OK


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[BoundedConnection]:
    @asynccontextmanager
    async def transaction(*_: Any) -> AsyncIterator[None]:
        yield None

    monkeypatch.setattr(psycopg.AsyncConnection, "transaction", transaction)
    made = object.__new__(bounded(InDoubt()))
    made.in_doubt, made.pgconn = InDoubt(), _Answers()  # type: ignore[assignment]
    yield made
    made.pgconn.status = ConnStatus.BAD  # type: ignore[misc]  # closed, so to say


class Responder:
    def __init__(self, connection: BoundedConnection, problem: Exception) -> None:
        self._connection = connection
        self._problem = problem

    async def on_get(self, _req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        with self._connection.sending("SELECT 1"):
            pass
        raise self._problem

    async def on_post(self, _req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        with self._connection.sending("INSERT INTO user_account DEFAULT VALUES"):
            pass
        raise self._problem

    async def on_put(self, _req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        async with self._connection.transaction():
            self._connection._has_written = True
        raise self._problem

    async def on_patch(self, _req: falcon.asgi.Request, _resp: falcon.asgi.Response) -> None:
        async with self._connection.transaction():
            self._connection._has_written = True
            raise self._problem


def told(connection: BoundedConnection, method: str, problem: Exception) -> tuple[int, str]:
    app = falcon.asgi.App(middleware=[RequestContext(())])
    add_error_handlers(app)
    app.add_route("/", Responder(connection, problem))
    answer = falcon.testing.TestClient(app).simulate_request(method, "/")
    return answer.status_code, answer.json["code"]


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_request_that_had_changed_something_is_not_told_that_nothing_was_done(
    connection: BoundedConnection, method: str
) -> None:
    assert told(connection, method, LOST) == (503, "unknown_outcome")


@pytest.mark.parametrize("method", ["GET", "PATCH"])
def test_a_request_that_had_changed_nothing_may_be_sent_again(connection: BoundedConnection, method: str) -> None:
    told(connection, "POST", LOST)  # another's change is not this one's
    assert told(connection, method, LOST) == (503, "unavailable")


def test_a_list_that_gets_no_connection_is_an_outage(connection: BoundedConnection) -> None:
    assert told(connection, "GET", sqlalchemy.exc.TimeoutError("QueuePool limit")) == (503, "unavailable")
