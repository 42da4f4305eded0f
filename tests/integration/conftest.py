"""Fixtures for driving the engine by hand (see `tests.engine`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.engine import Pipeline


@pytest.fixture
def pipeline(database_url: str) -> Iterator[Pipeline]:
    """An empty, migrated database with eight lanes."""
    opened = Pipeline(database_url)
    yield opened
    opened.close()
