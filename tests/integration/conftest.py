"""Fixtures for driving the engine by hand (see `tests.engine`), and for asking the session's stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis

from tests.client import Client, admin, anonymous
from tests.engine import Pipeline
from tests.stack import Stack
from workers import linger
from workers.ringing import connect


@pytest.fixture
def pipeline(database_url: str) -> Iterator[Pipeline]:
    """An empty, migrated database with eight lanes."""
    opened = Pipeline(database_url)
    yield opened
    opened.close()


@pytest.fixture
def client(stack: Stack) -> Iterator[Client]:
    """Nobody known."""
    with anonymous(stack.api_url) as one:
        yield one


@pytest.fixture
def staff(stack: Stack) -> Iterator[Client]:
    with admin(stack.api_url) as one:
        yield one


@pytest.fixture
def valkey_client(redis_url: str) -> Iterator[redis.Redis]:
    """As workers have it; nothing is in it."""
    opened = connect(redis_url)
    yield opened
    opened.close()


@pytest.fixture
def short_linger(monkeypatch: pytest.MonkeyPatch) -> None:
    """Servers that end soon after the last ring."""
    monkeypatch.setattr(linger, "IDLE_S", 0.6)
    monkeypatch.setattr(linger, "WAIT_S", 0.1)
    monkeypatch.setattr(linger, "STAY_AFTER_BLIND_S", 1.0)
