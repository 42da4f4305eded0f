"""A server that ends a worker's session says why, also in the middle of statements that went out together."""

from __future__ import annotations

import psycopg
import pytest

from core.store.connections.database import Connection
from core.store.connections.round_trip import RoundTrip
from tests.support.engine.lanes import Background, Pipeline, meanwhile, places, poison
from tests.support.engine.slow_batches import SLOW_ONE, Seen, Server, sleeps
from tests.support.wait import wait_until

TIMES = 10


def end_session(pipeline: Pipeline, connection: Connection) -> None:
    pipeline.connection.execute("SELECT pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))


def test_an_operator_who_ends_a_command_s_session_ten_times_gets_nobody_charged(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: 57P01 is read, so it is no connection lost without a word. Between two round trips, and in one."""
    pipeline.one_lane()
    pipeline.connection.execute(SLOW_ONE.format(does="PERFORM pg_sleep(5)").encode())
    (id_,) = pipeline.put(poison(places(1)[0]))
    server = Server(pipeline, Seen(answered=True), "8s")
    for _ in range(TIMES):
        visit = Background(server.visit)
        wait_until(lambda: sleeps(pipeline.connection), "the batch is under way")
        end_session(pipeline, server.worker.connection)
        visit.join()
        assert pipeline.charged() == {}
    pipeline.connection.execute("DROP TRIGGER dawdle ON booking")
    meanwhile(monkeypatch, lambda: end_session(pipeline, server.worker.connection), times=TIMES)
    for _ in range(TIMES):
        assert server.visit()
        assert pipeline.charged() == {}
    server.visit_until_done()
    assert pipeline.codes([id_]) == ["succeeded"]


def is_there(pipeline: Pipeline, connection: Connection) -> bool:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE pid = %s"
    return bool(pipeline.row(asked, connection.info.backend_pid)[0])


def three_times(connection: Connection, statement: str) -> None:
    with RoundTrip(connection) as trip:
        for _ in range(3):
            trip.execute(statement)


@pytest.mark.parametrize(
    ("code", "limit", "statement"),
    [
        ("57P01", "statement_timeout", "SELECT pg_terminate_backend(pg_backend_pid())"),
        ("25P03", "idle_in_transaction_session_timeout", "SELECT 1"),
        ("25P04", "transaction_timeout", "SELECT pg_sleep(3)"),
    ],
)
def test_the_last_word_of_a_server_is_raised(pipeline: Pipeline, code: str, limit: str, statement: str) -> None:
    connection = pipeline.connect()
    connection.execute(f"SET {limit} = '50ms'".encode())
    connection.execute("BEGIN")
    if code == "25P03":
        wait_until(lambda: not is_there(pipeline, connection), "it has idled for too long")
    with pytest.raises(psycopg.Error) as raised:
        three_times(connection, statement)
    assert raised.value.sqlstate == code
    assert connection.closed
