"""A notifier of each test's own. A file narrows it by a `limits` of its own, and fills its database by a `populated`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.engine.lanes import Pipeline
from tests.support.notifier import Running, populate, running_notifier

Narrowed = dict[str, Any]
"""Fields of `notifier.limits.Limits`."""


@pytest.fixture
def limits() -> Narrowed:
    return {"poll_s": 0.05, "first_message_s": 0.1}


@pytest.fixture
def populated(pipeline: Pipeline) -> Pipeline:
    populate(pipeline)
    return pipeline


@pytest.fixture
def running(populated: Pipeline, redis_url: str, limits: Narrowed) -> Iterator[Running]:
    with running_notifier(populated.url, redis_url, **limits) as one:
        yield one
