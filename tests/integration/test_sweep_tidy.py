"""What is too old is forgotten, what is young is kept."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from core.engine.sweep import tidy
from core.store.database import Connection, connect_lane


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with connect_lane(database_url, "holdfast tests") as one:
        yield one


def count(connection: Connection, table: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # a table's name, from below
    assert row is not None
    return int(row[0])


def test_idempotency_keys_are_kept_for_48_hours(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO idempotency_key (scope, key, body_hash, command_id, created_at) "
        "SELECT 'user:1', 'key-' || hours, '', gen_random_uuid(), clock_timestamp() - make_interval(hours => hours) "
        "FROM unnest(ARRAY[1, 47, 49, 400]) AS hours"
    )
    tidy(connection)
    keys = connection.execute("SELECT key FROM idempotency_key ORDER BY key").fetchall()
    assert keys == [("key-1",), ("key-47",)]


def test_a_partition_is_looked_at_anew_when_it_has_doubled(connection: Connection) -> None:
    """Old ones and those that the sweep makes: by tenths, a small one would be looked at all the time."""
    parts = "pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'outcome'::regclass"
    made = count(connection, parts)
    (last,) = connection.execute(f"SELECT max(relname) FROM {parts} AND relname ~ 'w'").fetchone() or ("",)
    connection.execute(f"DROP TABLE {last}")
    tidy(connection)
    options = connection.execute(f"SELECT reloptions FROM {parts}").fetchall()
    assert options == [(["autovacuum_analyze_scale_factor=1"],)] * made


def test_outcomes_go_by_partition_after_30_days(connection: Connection) -> None:
    connection.execute(
        "CREATE TABLE outcome_2020w10 PARTITION OF outcome FOR VALUES FROM ('2020-03-02') TO ('2020-03-09')"
    )
    before = count(connection, "pg_inherits WHERE inhparent = 'outcome'::regclass")
    tidy(connection)
    assert connection.execute("SELECT to_regclass('outcome_2020w10')").fetchone() == (None,)
    assert count(connection, "pg_inherits WHERE inhparent = 'outcome'::regclass") == before - 1


def test_the_feed_is_kept_for_a_week_and_unnumbered_events_for_ever(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO event_batch (events, first_position, created_at) "
        "VALUES (1, 1, clock_timestamp() - interval '8 days'), (1, 2, clock_timestamp() - interval '6 days'), "
        "(1, NULL, clock_timestamp() - interval '8 days')"
    )
    tidy(connection)
    assert connection.execute("SELECT first_position FROM event_batch ORDER BY id").fetchall() == [(2,), (None,)]


def test_a_bulk_is_kept_for_30_days_as_its_rows_outcomes_are(connection: Connection) -> None:
    connection.execute(
        "INSERT INTO bulk (id, owner, mode, rows, refused, accepted_at) "
        "SELECT gen_random_uuid(), 'user:' || days, 'each', 1, 0, clock_timestamp() - make_interval(days => days) "
        "FROM unnest(ARRAY[1, 29, 31]) AS days"
    )
    tidy(connection)
    assert connection.execute("SELECT owner FROM bulk ORDER BY owner").fetchall() == [("user:1",), ("user:29",)]
