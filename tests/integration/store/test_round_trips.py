"""Statements that go to PostgreSQL together: their values, answers and errors are those of one after another."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime
from uuid import UUID

import psycopg
import pytest

from core.store.connections.database import API_LIMITS, AsyncConnection, Connection, connect_async, connect_lane
from core.store.connections.round_trip import Answer, AsyncRoundTrip, RoundTrip

PREPARED = "SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'trip%'"


TURNS = 10


def together(connection: Connection, *statements: str) -> list[Answer]:
    with RoundTrip(connection) as trip:
        return [trip.execute(statement) for statement in statements]


def test_each_statement_gets_its_own_answer(connection: Connection) -> None:
    with RoundTrip(connection) as trip:
        made = trip.execute("CREATE TEMPORARY TABLE seen (n integer)")
        wrote = trip.execute("INSERT INTO seen SELECT generate_series(1, %s)", (3,))
        none = trip.execute("SELECT n FROM seen WHERE n > 3")
        rows = trip.execute("SELECT n FROM seen ORDER BY n")
    assert (made.rowcount, wrote.rowcount, none.rowcount, rows.rowcount) == (0, 3, 0, 3)
    assert none.fetchall() == []
    assert none.fetchone() is None
    assert rows.fetchall() == [(1,), (2,), (3,)]
    assert rows.fetchone() == (1,)


def test_values_come_back_as_psycopg_gives_them(connection: Connection) -> None:
    values = [
        7, 2**40, None, True, "it's 100%", UUID(int=9), date(2026, 2, 28), datetime(2026, 2, 28, 9, tzinfo=UTC),
        [1, 2], [UUID(int=1)], ["a", 'b"'],
    ]  # fmt: skip
    types = [
        "bigint",
        "bigint",
        "text",
        "boolean",
        "text",
        "uuid",
        "date",
        "timestamptz",
        "integer[]",
        "uuid[]",
        "text[]",
    ]
    asked = ", ".join(f"%s::{type_}" for type_ in types)
    with RoundTrip(connection) as trip:
        answer = trip.execute(f"SELECT {asked}, '100%%', '{{\"a\": 1}}'::jsonb", values)
    assert answer.fetchone() == (*values, "100%", {"a": 1})


def test_named_values_may_be_used_more_than_once(connection: Connection) -> None:
    with RoundTrip(connection) as trip:
        answer = trip.execute("SELECT %(b)s::text, %(a)s::text, %(b)s::text", {"a": "one", "b": "two", "c": "unused"})
    assert answer.fetchone() == ("two", "one", "two")


def test_a_statement_is_prepared_once_for_each_kind_of_values(connection: Connection) -> None:
    for value in (1, 2, "3", "4"):
        with RoundTrip(connection) as trip:
            trip.execute("SELECT %s", (value,))
    assert connection.execute(PREPARED).fetchone() == (2,)


def test_the_first_error_is_raised_and_nothing_after_it_is_done(connection: Connection) -> None:
    connection.execute("CREATE TEMPORARY TABLE seen (n integer PRIMARY KEY)")
    for _ in range(2):
        with pytest.raises(psycopg.errors.DivisionByZero):
            together(connection, "INSERT INTO seen VALUES (1)", "SELECT 1 / 0", "INSERT INTO seen VALUES (2)")
    (answer,) = together(connection, "SELECT n FROM seen")
    assert answer.fetchall() == []


def test_what_failed_before_it_was_prepared_is_prepared_the_next_time(connection: Connection) -> None:
    statements = ("SELECT n FROM not_made_yet", "SELECT 'after it'")
    with pytest.raises(psycopg.errors.UndefinedTable):
        together(connection, *statements)
    connection.execute("CREATE TEMPORARY TABLE not_made_yet AS SELECT 5 AS n")
    found, after = together(connection, *statements)
    assert (found.fetchone(), after.fetchone()) == ((5,), ("after it",))


def test_a_statement_whose_answer_a_migration_changed_is_prepared_again(connection: Connection) -> None:
    connection.execute("CREATE TEMPORARY TABLE seen AS SELECT 1 AS n")
    together(connection, "SELECT * FROM seen")
    connection.execute("ALTER TABLE seen ADD COLUMN m integer DEFAULT 2")
    with pytest.raises(psycopg.errors.FeatureNotSupported):
        together(connection, "SELECT * FROM seen")
    (answer,) = together(connection, "SELECT * FROM seen")
    assert answer.fetchone() == (1, 2)


def test_a_bug_in_between_leaves_the_connection_usable(connection: Connection) -> None:
    def make_a_mistake() -> None:
        with RoundTrip(connection) as trip:
            trip.execute("SELECT 1")
            raise KeyError("a bug")

    with pytest.raises(KeyError):
        make_a_mistake()
    assert connection.execute("SELECT 2").fetchone() == (2,)


def test_much_goes_both_ways_at_once(connection: Connection) -> None:
    """More than the sockets hold: who only sends, while the other side only sends too, waits for ever."""
    text = "x" * 4_000_000
    with RoundTrip(connection) as trip:
        answers = [trip.execute("SELECT %s::text", (text,)) for _ in range(4)]
    assert [answer.fetchone() for answer in answers] == [(text,)] * 4


def test_a_connection_that_ends_on_the_way_is_an_outage(connection: Connection, database_url: str) -> None:
    with connect_lane(database_url, "holdfast tests other") as other:
        other.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
    with pytest.raises(psycopg.OperationalError):
        together(connection, "SELECT 1")
    assert connection.closed


def test_an_answer_is_there_only_after_its_round_trip(connection: Connection) -> None:
    with RoundTrip(connection) as trip:
        answer = trip.execute("SELECT 1")
        with pytest.raises(LookupError, match="round trip is over"):
            answer.fetchall()
    assert answer.fetchone() == (1,)


def test_an_event_loop_goes_on_while_it_waits_for_answers(database_url: str) -> None:
    waiting = "SELECT pg_advisory_xact_lock(7)::text"

    async def asked(holder: Connection) -> tuple[list[Answer], int]:
        turns = 0
        connection: AsyncConnection
        async with await connect_async(database_url, API_LIMITS, "tests") as connection:

            async def count() -> None:
                nonlocal turns
                while True:
                    await asyncio.sleep(0)
                    turns += 1
                    if turns == TURNS:
                        holder.execute("SELECT pg_advisory_unlock(7)")

            counting = asyncio.create_task(count())
            async with AsyncRoundTrip(connection) as trip:
                answers = [trip.execute(waiting), trip.execute("SELECT %s", (7,))]
            counting.cancel()
            return answers, turns

    with connect_lane(database_url, "holdfast tests other") as other:
        other.execute("SELECT pg_advisory_lock(7)")
        answers, turns = asyncio.run(asked(other))
    assert [answer.fetchall() for answer in answers] == [[("",)], [(7,)]]
    assert turns >= TURNS, "the loop went on, or nobody would have let go of the lock"


def test_an_event_loop_hears_of_the_first_error_too(database_url: str) -> None:
    async def ask(connection: AsyncConnection, *statements: str) -> list[Answer]:
        async with AsyncRoundTrip(connection) as trip:
            return [trip.execute(statement) for statement in statements]

    async def fail() -> list[Answer]:
        connection: AsyncConnection
        async with await connect_async(database_url, API_LIMITS, "tests") as connection:
            with pytest.raises(psycopg.errors.DivisionByZero):
                await ask(connection, "SELECT 1 / 0", "SELECT 'after it'")
            await connection.rollback()
            return await ask(connection, "SELECT 'after it'")

    assert [answer.fetchone() for answer in asyncio.run(fail())] == [("after it",)]
