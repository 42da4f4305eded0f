"""Fixtures for driving the engine by hand (see `tests.engine`), and for asking the session's stack."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.client import Client, admin, anonymous
from tests.engine import Pipeline
from tests.stack import Stack


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
