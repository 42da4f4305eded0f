"""The harness itself: databases are migrated copies, and the shared stack has passed its first canary."""

from __future__ import annotations

import httpx

from tests.support.engine.lanes import Pipeline
from tests.support.processes.stack import Stack


def test_a_new_database_is_migrated_and_empty(pipeline: Pipeline) -> None:
    assert pipeline.row("SELECT count(*) FROM alembic_version") == (1,)
    assert pipeline.row("SELECT count(*) FROM booking") == (0,)


def test_the_shared_stack_is_ready(stack: Stack) -> None:
    assert httpx.get(f"{stack.api_url}/readyz").status_code == 200
