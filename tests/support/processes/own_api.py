"""A running API on a database and a Valkey of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from ops.processes import API
from tests.support.clients.callers import answers
from tests.support.processes.servers import PostgresServer, ValkeyServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

FreshApi = Callable[[Mapping[str, str]], Stack]


@contextmanager
def api(postgres: PostgresServer, folder: Path, environment: Mapping[str, str]) -> Iterator[Stack]:
    """A running API on a database and a Valkey of its own."""
    valkey = ValkeyServer(folder / "valkey")
    valkey.start()
    is_demo = environment.get("HOLDFAST_DEMO") != "0"  # else it would refuse the demo's data
    running = Stack(folder, postgres.new_database(demo=is_demo), valkey, processes=(API,), environment=environment)
    try:
        running.start(wait=False)
        wait_until(lambda: answers(running), "the API answers")
        yield running
    finally:
        running.close()
        postgres.drop_database(running.database_url)
