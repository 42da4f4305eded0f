"""PgBouncer: in session mode every connection works, with its timeouts; in any other mode processes refuse to start."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from core.doctor import postgresql
from core.doctor.postgresql import examine_database
from core.store.connections import bounded
from core.store.connections.bounded import InDoubt
from core.store.connections.database import API_LIMITS, LANE_LIMITS, LIST_LIMITS, MIGRATE_LIMITS, connect
from core.store.reads.shared_reads import READ_LIMITS
from tests.conftest import FreshStack
from tests.support.engine.hanging_commits import END, TOUCH, connected
from tests.support.engine.lanes import Pipeline
from tests.support.processes.poolers import BOUNDS, WAYS, of_shared_reads
from tests.support.processes.servers import PostgresServer, settings_for
from tests.support.processes.stack import WITH_DATABASE
from tests.support.processes.store_proxies import PgBouncer, limits_of
from tests.support.wait import until, wait_until

NewPooler = Callable[..., PgBouncer]
TRANSACTION_POOLING = (
    "DATABASE_URL names a pooler that gives each transaction another session, and Holdfast needs session pooling: "
    "set pool_mode = session for it, or name PostgreSQL itself."
)


def refusal(url: str) -> str | None:
    found = examine_database(settings_for(url, "redis://127.0.0.1:1/0")).refusal
    return None if found is None else found.text


@pytest.fixture
def new_pooler(postgres: PostgresServer, tmp_path: Path) -> Iterator[NewPooler]:
    started: list[PgBouncer] = []

    def start(**settings: str) -> PgBouncer:
        pooler = PgBouncer(
            tmp_path / f"pooler-{len(started)}", postgres.cluster.application_url("postgres"), **settings
        )
        pooler.start()
        started.append(pooler)
        return pooler

    yield start
    for pooler in started:
        pooler.close()


def bounds(limits: dict[str, str]) -> dict[str, str]:
    return {name: limits.get(name, limits["timezone"]) for name in BOUNDS}


def test_every_way_to_connect_is_within_its_limits_behind_a_pooler(new_pooler: NewPooler, database_url: str) -> None:
    """It hands the same server sessions from one to the other, and resets them in between."""
    pooler = new_pooler(pool_mode="session")
    for way in WAYS:
        limits = READ_LIMITS if way is of_shared_reads else LANE_LIMITS
        assert way(pooler.url(database_url)) == bounds(limits), way.__name__
    with psycopg.connect(pooler.url(database_url)) as plain:
        assert limits_of(plain, BOUNDS)["statement_timeout"] == "0", "the next client would have met our limits"


@pytest.mark.parametrize("limits", [API_LIMITS, LIST_LIMITS, READ_LIMITS, LANE_LIMITS, MIGRATE_LIMITS])
def test_every_limit_is_set(database_url: str, limits: dict[str, str]) -> None:
    with connect(database_url, limits, "holdfast tests") as connection:
        assert limits_of(connection, list(limits)) == limits


def test_a_pooler_in_session_mode_may_be_started_on(new_pooler: NewPooler, database_url: str) -> None:
    assert refusal(database_url) is None
    assert refusal(new_pooler(pool_mode="session").url(database_url)) is None


@pytest.mark.parametrize(
    "settings",
    [
        {"pool_mode": "transaction"},
        {"pool_mode": "transaction", "server_round_robin": "1"},
        {"pool_mode": "transaction", "default_pool_size": "1"},
        {"pool_mode": "statement"},
    ],
    ids=["transaction", "in turns", "one session for all", "statement"],
)
def test_any_other_mode_is_refused_in_one_sentence(
    new_pooler: NewPooler, database_url: str, settings: dict[str, str]
) -> None:
    pooler = new_pooler(**settings)
    for _ in range(3):  # whatever sessions are left from the time before
        assert refusal(pooler.url(database_url)) == TRANSACTION_POOLING


def test_every_process_refuses_to_start_on_it(
    new_pooler: NewPooler, fresh_stack: FreshStack, database_url: str
) -> None:
    url = new_pooler(pool_mode="transaction").url(database_url)
    stack = fresh_stack(
        database_url=database_url, processes=WITH_DATABASE, environment={"DATABASE_URL": url}, wait=False
    )
    wait_until(lambda: all(server.child.exit_code() is not None for server in stack.servers), "all have ended")
    for server in stack.servers:
        assert server.child.exit_code() == 1, server.name
        assert server.log.count(f"holdfast: {TRANSACTION_POOLING}") == 1, server.name


def test_an_older_postgresql_is_refused_in_one_sentence(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the oldest that will do were one later than what runs here."""
    with psycopg.connect(database_url) as connection:
        present = connection.info.server_version // 10_000
    monkeypatch.setattr(postgresql, "OLDEST_POSTGRESQL", present + 1)
    words = f"DATABASE_URL names PostgreSQL {present}, and Holdfast needs PostgreSQL {present + 1} or newer"
    assert refusal(database_url) == f"{words}: upgrade it, or name another."


async def test_what_hangs_behind_a_pooler_is_counted_until_the_server_ends_it(
    pipeline: Pipeline, new_pooler: NewPooler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pooler drops a server's session, and its client's, as soon as the client says goodbye."""
    in_doubt, pooler = InDoubt(), new_pooler(pool_mode="session")
    async with connected(pooler.url(pipeline.url), in_doubt) as connection:
        server = pipeline.row(
            "SELECT pid FROM pg_stat_activity WHERE application_name = 'holdfast api' AND datname = current_database()"
        )
        monkeypatch.setattr(bounded, "ANSWER_WITHIN_S", 0.2)
        with pytest.raises(bounded.UnknownOutcomeError):
            await connection.execute(f"{TOUCH} RETURNING (SELECT pg_sleep(60))".encode())
        async with await psycopg.AsyncConnection.connect(pooler.url(pipeline.url)) as later:
            await later.execute("SELECT 1")  # by now the pooler has heard what was sent before
        assert len(in_doubt) == 1
        pipeline.rows(END, *server)
        await until(lambda: len(in_doubt) == 0, "the server has ended what hung")
