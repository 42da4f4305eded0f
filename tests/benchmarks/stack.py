"""The benchmark's own stack: the tests' real servers, with the baselines beside the pipeline.

gunicorn is reached without Caddy, and PostgreSQL keeps its defaults: fsync and synchronous_commit on.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from core.settings import FIRST_LANES
from ops.processes import API, BEAT, LANES, SWEEPS, Process
from tests.benchmarks.tables.seed import seed
from tests.support.clients.callers import answers
from tests.support.processes.servers import PostgresServer, ValkeyServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

API_WITH_BASELINES = replace(API, argv=(*API.argv[:-1], "tests.benchmarks.baselines.app:from_environment()"))
PER_COMMAND = replace(
    LANES,
    name="per-command",
    what="the per-command pipeline's worker (Celery, prefork 2)",
    argv=("celery", "-A", "tests.benchmarks.baselines.worker", "worker", "-Q", "bench", "-P", "prefork", "-c", "2",
          "-n", "per-command@%h", "--without-gossip", "--without-mingle", "--loglevel=INFO"),
    queues=("bench",),
    count=1,
)  # fmt: skip
PROCESSES = (SWEEPS, LANES, PER_COMMAND, BEAT, API_WITH_BASELINES)

Say = Callable[[str], None]

PRODUCT_LANES = FIRST_LANES
"""What a stack has unless it is told otherwise. The tests take more, to see more lanes at work."""


@dataclass(frozen=True, slots=True)
class Running:
    stack: Stack
    postgres: PostgresServer

    @property
    def pids(self) -> dict[str, int]:
        """Of the main process of each part, by name."""
        servers = (*self.stack.servers, self.postgres, self.stack.valkey)
        return {server.name: server.pid for server in servers}


@contextmanager
def stores(say: Say) -> Iterator[tuple[Path, PostgresServer, ValkeyServer]]:
    """PostgreSQL and Valkey on free ports, and the folder they are in; gone afterwards, the data too."""
    with TemporaryDirectory(prefix="holdfast-bench-", ignore_cleanup_errors=True) as name, ExitStack() as ending:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may run under another account
        say("starting PostgreSQL and Valkey")
        postgres, valkey = PostgresServer(folder / "postgres"), ValkeyServer(folder / "valkey")
        for server in (postgres, valkey):
            ending.callback(server.close)
            server.start()
        yield folder, postgres, valkey


@contextmanager
def serving(say: Say, fill: Callable[[str], None] = lambda _: None) -> Iterator[Stack]:
    """The API alone, over a database with the demo data that `fill` has filled."""
    with stores(say) as (folder, postgres, valkey), ExitStack() as ending:
        database_url = postgres.new_database(demo=True)
        fill(database_url)
        stack = Stack(folder, database_url, valkey, processes=(API,))
        ending.callback(stack.close)
        stack.start(wait=False)
        wait_until(lambda: answers(stack), "the API answers")
        yield stack


@contextmanager
def running(
    say: Say,
    environment: Mapping[str, str] | None = None,
    lane_workers: int = LANES.count,
    lanes: int = PRODUCT_LANES,
    more: tuple[Process, ...] = (),
) -> Iterator[Running]:
    """A seeded stack on free ports that is gone afterwards, its data too."""
    processes = [replace(one, count=lane_workers) if one is LANES else one for one in (*PROCESSES, *more)]
    with stores(say) as (folder, postgres, valkey), ExitStack() as ending:
        database_url = postgres.new_database(demo=True)
        seed(database_url)
        stack = Stack(folder, database_url, valkey, processes, lanes, environment or {})
        ending.callback(stack.close)
        say(f"starting {', '.join(process.name for process in processes)}")
        yield Running(stack.start(), postgres)
