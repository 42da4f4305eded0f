"""The table afterwards: every acknowledged booking is there, whole and once, and no others are."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from core.store.connections.database import Connection, connect_lane
from tests.benchmarks.measurement import Pipeline, Run

SQL_ACKNOWLEDGED = "CREATE TEMPORARY TABLE acknowledged (id bigint, note text)"

SQL_MISSING = """
SELECT count(*),
       count(*) - count(DISTINCT a.id),
       count(*) FILTER (WHERE b.id IS NULL),
       count(*) FILTER (WHERE (SELECT count(*) FROM claim c WHERE c.booking_id = a.id) <> 1),
       count(*) FILTER (WHERE (SELECT count(*) FROM outcome o WHERE o.id = b.command_id AND o.http_status = 201) <> 1),
       count(*) FILTER (WHERE (SELECT count(*) FROM event e WHERE e.command_id = b.command_id) <> 1)
FROM acknowledged a LEFT JOIN booking b ON b.id = a.id AND b.notes = a.note AND b.status = 'confirmed'
WHERE a.note = %s
"""
SQL_BOOKED = "SELECT count(*) FROM booking WHERE notes = %s"


class Books(Struct, frozen=True):
    """One pipeline's acknowledged bookings compared with the table."""

    pipeline: str
    acknowledged: int
    booked: int
    unanswered: int
    """Requests that wrk dropped when its time was over; up to so many more bookings are honest."""
    problems: list[str]


def verify(database_url: str, pipelines: Iterable[Pipeline], runs: Iterable[Run]) -> list[Books]:
    runs = list(runs)
    with connect_lane(database_url, "holdfast bench") as connection:
        for limit in ("statement_timeout", "transaction_timeout", "idle_in_transaction_session_timeout"):
            connection.execute(f"SET {limit} = 0".encode())
        for switch in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin"):
            connection.execute(f"SET {switch} = on".encode())
        _copy(connection, runs)
        connection.execute("CREATE INDEX IF NOT EXISTS bench_event_by_command ON event (command_id)")
        return [_compare(connection, one, [run for run in runs if run.pipeline == one]) for one in pipelines]


def _copy(connection: Connection, runs: Iterable[Run]) -> None:
    connection.execute(SQL_ACKNOWLEDGED)
    with connection.cursor().copy("COPY acknowledged FROM STDIN") as copy:
        for run in runs:
            for id_ in run.load.ids:
                copy.write_row((id_, run.pipeline.note))
    connection.execute("ANALYZE acknowledged, booking, claim, outcome, event")


def _compare(connection: Connection, pipeline: Pipeline, runs: list[Run]) -> Books:
    created = sum(run.load.created for run in runs)
    unanswered = sum(run.load.unanswered for run in runs)
    refused = sum(run.load.refused for run in runs)
    problems = [f"{refused} answers were not 201, the first: {_first_refusal(runs)}"] if refused else []
    if not pipeline.books:
        return Books(pipeline.name, 0, 0, 0, problems)
    row = connection.execute(SQL_MISSING, (pipeline.note,)).fetchone() or ()
    known, *wrongs = (int(value) for value in row)
    words = ("acknowledged twice", "not in the table", "without their one claim", "without their outcome",
             "without their one event")  # fmt: skip
    problems += [f"{count} {what}" for count, what in zip(wrongs, words, strict=True) if count]
    booked = int((connection.execute(SQL_BOOKED, (pipeline.note,)).fetchone() or (0,))[0])
    if known != created:
        problems.append(f"{created} answers were 201 but {known} ids came with them")
    if not known <= booked <= known + unanswered:
        problems.append(f"{booked} bookings in the table, which {known} acknowledged do not explain")
    return Books(pipeline.name, known, booked, unanswered, problems)


def _first_refusal(runs: list[Run]) -> str:
    return next((run.load.first_refusal for run in runs if run.load.first_refusal), "")
