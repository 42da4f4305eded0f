"""Partitions of outcome: created ahead, and repaired when missing, while outcomes are written and read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest

from core.store import migrate
from core.store.connections.database import Connection, connect_lane, connect_tidy
from core.store.maintenance import partitions
from core.store.maintenance.partitions import WEEK, WEEKS_AHEAD
from tests.support.engine.lanes import Background, Sweep
from tests.support.processes.servers import settings_for
from tests.support.rows import count

WRITE = """
INSERT INTO outcome (id, seq, type, contract, request_id, accepted_at, decided_at, status, http_status, response, actor, body)
VALUES (%s, 1, 'canary', 'engine', 'r', now(), clock_timestamp() + make_interval(days => %s), 'succeeded', 200, '{}', '{}', '{}')
"""
WHERE = "SELECT tableoid::regclass::text FROM outcome WHERE id = %s"
DROP_WEEKS = """
DO $$ DECLARE part regclass; BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits
                WHERE inhparent = 'outcome'::regclass AND inhrelid <> 'outcome_rest'::regclass
    LOOP EXECUTE format('DROP TABLE %s', part); END LOOP;
END $$
"""
"""As if nobody had made partitions for weeks."""


def write(connection: Connection, days: float = 0) -> UUID:
    """An outcome decided so many days ahead, or ago."""
    id_ = uuid4()
    connection.execute(WRITE, (id_, days))
    return id_


def table_of(connection: Connection, id_: UUID) -> str | None:
    rows = connection.execute(WHERE, (id_,)).fetchall()
    assert len(rows) < 2, "it is there twice"
    return str(rows[0][0]) if rows else None


def week(days: float = 0) -> str:
    year, number, _ = (datetime.now(UTC) + timedelta(days=days)).isocalendar()
    return f"outcome_{year}w{number:02}"


def ahead(connection: Connection) -> list[datetime]:
    """The weeks from now on that have a partition."""
    weeks = partitions.look(connection)
    return [one.start for one in weeks.partitions if one.end > weeks.now]


def test_outcomes_are_the_only_table_with_partitions(connection: Connection) -> None:
    """Another one must be made ahead and made good, too."""
    rows = connection.execute("SELECT partrelid::regclass::text FROM pg_partitioned_table").fetchall()
    assert rows == [("outcome",)]


def test_partitions_are_made_weeks_ahead(connection: Connection, sweep: Sweep) -> None:
    connection.execute(DROP_WEEKS)
    sweep()
    monday = partitions.look(connection).monday
    assert ahead(connection) == [monday + n * WEEK for n in range(WEEKS_AHEAD + 1)]


def test_an_outcome_without_a_week_stops_neither_the_sweep_nor_migrate(
    connection: Connection, sweep: Sweep, database_url: str
) -> None:
    connection.execute(DROP_WEEKS)
    found = {days: write(connection, days) for days in (-20, -8, 0, 8)}
    migrate.upgrade(settings_for(database_url, "redis://127.0.0.1:1/0"))
    assert {days: table_of(connection, id_) for days, id_ in found.items()} == {days: week(days) for days in found}
    connection.execute("DROP TABLE " + week(8))
    late = write(connection, 8)
    gone = sweep()
    assert gone is not None
    assert gone.failed == []
    assert table_of(connection, late) == week(8)


def test_an_outcome_of_a_clock_far_ahead_waits_until_its_week_is_due_and_blocks_nothing(
    connection: Connection, sweep: Sweep
) -> None:
    connection.execute(DROP_WEEKS)
    far, present = write(connection, 200), write(connection)
    for _ in range(2):
        gone = sweep()
        assert gone is not None
        assert gone.failed == []
        assert (table_of(connection, far), table_of(connection, present)) == ("outcome_rest", week())
    assert len(ahead(connection)) == WEEKS_AHEAD + 1


def test_an_outcome_that_is_too_old_for_a_week_is_deleted(connection: Connection, sweep: Sweep) -> None:
    old, present = write(connection, -50), write(connection)
    gone = sweep()
    assert gone is not None
    assert gone.rows == {"outcome_rest": 1}
    assert (table_of(connection, old), table_of(connection, present)) == (None, week())


def test_where_they_are_too_many_to_be_moved_their_table_becomes_the_partition(
    connection: Connection, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partitions, "MOVED_ROWS", 20)
    connection.execute(DROP_WEEKS)
    many = [write(connection, -7 * n) for n in range(3) for _ in range(10)]
    far, old = write(connection, 200), write(connection, -100)
    gone = sweep()
    assert gone is not None
    assert gone.failed == []
    assert {table_of(connection, id_) for id_ in many} == {week()}
    assert (table_of(connection, far), table_of(connection, old)) == ("outcome_rest", None)
    assert len(ahead(connection)) == WEEKS_AHEAD + 1
    sweep()
    assert count(connection, "outcome") == 31
    new = write(connection)
    assert table_of(connection, new) == week()


def test_outcomes_are_neither_lost_nor_refused_while_sweeps_and_a_migrate_put_the_weeks_in_order(
    connection: Connection, sweep: Sweep, database_url: str
) -> None:
    """Each is written into a table that changes meanwhile, and found at every moment."""
    connection.execute(DROP_WEEKS)
    written = [write(connection, days) for days in (-9, 0, 9, 200)]
    done = False

    def write_on() -> None:
        with connect_lane(database_url, "holdfast tests writer") as writer:
            while not done:
                written.append(write(writer, (0, 9, -9)[len(written) % 3]))

    def look_up() -> None:
        with connect_lane(database_url, "holdfast tests reader") as reader:
            while not done:
                for id_ in (*written[:4], written[len(written) // 2]):
                    assert table_of(reader, id_) is not None, "an outcome cannot be found"

    others = [Background(write_on), Background(write_on), Background(look_up)]
    try:
        for _ in range(3):
            settling = [
                Background(partial(_settle, database_url)),
                Background(partial(_settle, database_url)),
                Background(partial(migrate.upgrade, settings_for(database_url, "redis://127.0.0.1:1/0"))),
            ]
            for one in settling:
                one.join()
            assert len(ahead(connection)) == WEEKS_AHEAD + 1
            connection.execute(f"LOCK TABLE outcome; {_detach(week(9))}".encode())
    finally:
        done = True
        for one in others:
            one.join()
    sweep()
    assert count(connection, "outcome") == len(written)
    assert count(connection, "outcome_rest") == 1, "of the far future"


def _settle(database_url: str) -> None:
    with connect_tidy(database_url) as connection:
        partitions.ensure(connection)


def _detach(name: str) -> str:
    """Its outcomes go back to the default partition, as if nobody had made it."""
    return f"""
    ALTER TABLE outcome DETACH PARTITION {name};
    INSERT INTO outcome SELECT * FROM {name};
    DROP TABLE {name}
    """


def test_an_old_week_that_cannot_be_dropped_stops_no_other(connection: Connection, sweep: Sweep) -> None:
    for year in (2019, 2020, 2021):
        connection.execute(
            f"CREATE TABLE old_{year} PARTITION OF outcome FOR VALUES FROM ('{year}-03-04') TO ('{year}-03-11')".encode()
        )
    connection.execute("CREATE VIEW somebodys AS SELECT * FROM old_2020")
    gone = sweep()
    assert gone is not None
    assert gone.failed == ["old_2020"]
    left = connection.execute("SELECT relname FROM pg_class WHERE relname ~ '^old_[0-9]*$'").fetchall()
    assert left == [("old_2020",)]
