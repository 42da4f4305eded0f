"""The marketplace's own fixtures."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clients.marketplace import Market
from tests.support.processes.stack import Stack


@pytest.fixture(scope="module")
def market(stack: Stack) -> Iterator[Market]:
    """Makes people and things of a test's own."""
    opened = Market(stack)
    yield opened
    opened.close()
