"""Fixtures for driving the engine by hand (see `tests.support.engine.lanes`), and for asking the session's stack."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest
import redis

from core.engine.retention import tidy
from core.store.connections.database import Connection, connect_lane, connect_tidy
from core.wakeup.bells import connect
from tests.support.clients.callers import STAFF, signed_in
from tests.support.clients.http_client import Client, admin, anonymous
from tests.support.clients.marketplace import Market
from tests.support.engine.lanes import Pipeline, Sweep
from tests.support.processes.stack import Stack
from workers import serve_loop


@pytest.fixture
def pipeline(database_url: str) -> Iterator[Pipeline]:
    """An empty, migrated database with eight lanes."""
    opened = Pipeline(database_url)
    yield opened
    opened.close()


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """To an empty, migrated database, as a lane worker has it."""
    with connect_lane(database_url, "holdfast tests") as opened:
        yield opened


@pytest.fixture
def sweep(database_url: str) -> Sweep:
    """Deletes expired rows, without a rest between two batches."""
    return partial(tidy, partial(connect_tidy, database_url), lambda _: True)


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """Nobody known."""
    with anonymous(stack.api_url) as one:
        yield one


@pytest.fixture
def desk(stack: Stack) -> Iterator[Client]:
    """A member of staff who is no superuser."""
    with signed_in(stack, STAFF) as one:
        yield one


@pytest.fixture
def staff(stack: Stack) -> Iterator[Client]:
    """A superuser."""
    with admin(stack.api_url) as one:
        yield one


@pytest.fixture(scope="module")
def market(stack: Stack) -> Iterator[Market]:
    """Makes people and things of a test's own in the marketplace."""
    with closing(Market(stack)) as opened:
        yield opened


@pytest.fixture
def valkey_client(redis_url: str) -> Iterator[redis.Redis]:
    """As workers have it; nothing is in it."""
    opened = connect(redis_url)
    yield opened
    opened.close()


@pytest.fixture
def short_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that end soon after the last ring."""
    monkeypatch.setattr(serve_loop, "IDLE_S", 0.6)
    monkeypatch.setattr(serve_loop, "WAIT_S", 0.1)
    monkeypatch.setattr(serve_loop, "STAY_AFTER_BLIND_S", 1.0)
