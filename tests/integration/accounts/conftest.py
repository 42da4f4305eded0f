"""The API alone, with the demo data: what accounts need of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.processes.own_api import FreshApi, api
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack


@pytest.fixture(scope="session")
def stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    origins = {"HOLDFAST_ALLOWED_ORIGINS": "http://localhost:3000,https://app.example.com"}
    with api(postgres, tmp_path_factory.mktemp("accounts"), origins) as running:
        yield running


@pytest.fixture
def fresh_api(postgres: PostgresServer, tmp_path: Path) -> Iterator[FreshApi]:
    """`fresh_api({"HOLDFAST_...": "..."})` starts one with settings of the test's own."""
    with ExitStack() as ending:
        yield lambda environment: ending.enter_context(api(postgres, tmp_path, environment))
