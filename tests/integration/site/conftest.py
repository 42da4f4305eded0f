"""Somebody with an account of the demo, beside those of every integration test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clients.callers import USER, signed_in
from tests.support.clients.http_client import Client
from tests.support.processes.stack import Stack


@pytest.fixture
def user(stack: Stack) -> Iterator[Client]:
    """Uma User, a client."""
    with signed_in(stack, USER) as one:
        yield one
