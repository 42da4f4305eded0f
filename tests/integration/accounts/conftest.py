"""The API alone, with the demo data: what accounts need of the pipeline."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.processes import API
from tests.accounts import answers
from tests.stack import PostgresServer, Stack, ValkeyServer, wait_until


@pytest.fixture(scope="session")
def stack(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("accounts")
    valkey = ValkeyServer(folder / "valkey")
    valkey.start()
    database_url = postgres.new_database(demo=True)
    environment = {"HOLDFAST_ALLOWED_ORIGINS": "http://localhost:3000,https://app.example.com"}
    running = Stack(folder, database_url, valkey, processes=(API,), environment=environment)
    try:
        running.start(wait=False)
        wait_until(lambda: answers(running), "the API answers")
        yield running
    finally:
        running.close()
        postgres.drop_database(database_url)
