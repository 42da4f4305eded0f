"""The verdict: every live endpoint has each event, each booking's in order, and the log tells every attempt and why."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from uuid import UUID

import psycopg
from msgspec import Struct

from core.store.deliveries.parked import SQL_TRIED
from tests.deliveries.show import DEAD, SLOW, Told

OK = 300
SHOWN = 5

SQL_EVENTS = """
SELECT b.first_position + e.n FROM event_batch b JOIN event e ON e.batch_id = b.id
WHERE b.first_position + e.n > %s AND e.type IN ('booking_created', 'booking_updated')
"""
SQL_DELIVERIES = f"""
SELECT d.id, d.booking_id, d.position, d.state, d.attempts, t.tried, t.unexplained
FROM delivery d CROSS JOIN LATERAL (
    SELECT count(*) AS tried, count(*) FILTER (WHERE a.answer = '' OR a.duration_ms < 0) AS unexplained
    FROM ({SQL_TRIED.replace("%(id)s", "d.id")}) AS a) AS t
WHERE d.sender = 'webhooks' AND d.receiver = %s ORDER BY d.position
"""
SQL_WHY = "SELECT disabled_why FROM webhook_endpoint WHERE id = %s"


class Row(Struct, frozen=True):
    """A delivery as its log has it."""

    id: UUID
    booking_id: int | None
    position: int
    state: str
    attempts: int
    tried: int
    """Attempts in the log."""
    unexplained: int


def problems(connection: psycopg.Connection[tuple[object, ...]], told: Told) -> list[str]:
    """What is wrong; nothing if all is well."""
    expected = {int(str(row[0])) for row in connection.execute(SQL_EVENTS, (told.after,)).fetchall()}
    found = _as_planned(told, len(expected))
    for name, id_ in told.endpoints.items():
        rows = [Row(*row) for row in connection.execute(SQL_DELIVERIES.encode(), (str(id_),)).fetchall()]  # type: ignore[arg-type]
        own = _of_the_log(rows, told.heard.get(name, []))
        if name in {SLOW, DEAD}:
            own += _disabled(connection, id_, rows, told)
        else:
            own += [*_complete(rows, expected, told.heard[name]), *_in_order(rows, told.heard[name])]
        found += [f"{name}: {one}" for one in own]
    return found


def _as_planned(told: Told, events: int) -> list[str]:
    """A client or a kill that failed by itself would make the show easier, and nobody would see it."""
    checks = {
        f"only {events} of {told.wanted} events were made": events < told.wanted,
        f"{told.missed_kills} kills were not carried out": told.missed_kills > 0,
        "no booking was timed beside the deliveries": not told.beside_ms,
    }
    return [what for what, is_so in checks.items() if is_so]


def _complete(rows: Sequence[Row], expected: set[int], heard: Sequence[tuple[str, int]]) -> list[str]:
    planned = {row.position for row in rows}
    arrived = {id_ for id_, status in heard if status < OK}
    checks = {
        "events were not planned": expected - planned,
        "deliveries follow from no event": planned - expected,
        "deliveries are not sent": {row.position for row in rows if row.state != "sent"},
        "deliveries are sent and did not arrive": {row.position for row in rows if str(row.id) not in arrived},
    }
    return [f"{len(which)} {what}, as {sorted(which)[:SHOWN]}" for what, which in checks.items() if which]


def _in_order(rows: Sequence[Row], heard: Sequence[tuple[str, int]]) -> list[str]:
    """By when each arrived first: a repetition comes later, and its receiver knows it by its id."""
    first: dict[str, int] = {}
    for place, (id_, status) in enumerate(heard):
        if status < OK:
            first.setdefault(id_, place)
    places: defaultdict[int | None, list[int]] = defaultdict(list)
    for row in rows:
        places[row.booking_id].append(first.get(str(row.id), -1))
    wrong = [booking for booking, own in places.items() if own != sorted(own)]
    return [f"{len(wrong)} bookings are told out of order, as {wrong[:SHOWN]}"] if wrong else []


def _of_the_log(rows: Sequence[Row], heard: Sequence[tuple[str, int]]) -> list[str]:
    times = Counter(id_ for id_, _ in heard)
    checks = {
        "deliveries have not all their attempts in the log": [row.id for row in rows if row.tried != row.attempts],
        "deliveries have an attempt without a reason": [row.id for row in rows if row.unexplained],
        "deliveries were heard more often than the log tells": [r.id for r in rows if times[str(r.id)] > r.tried],
        "deliveries still wait": [row.id for row in rows if row.state == "waiting"],
    }
    return [f"{len(which)} {what}, as {which[0]}" for what, which in checks.items() if which]


def _disabled(
    connection: psycopg.Connection[tuple[object, ...]], id_: int, rows: Sequence[Row], told: Told
) -> list[str]:
    row = connection.execute(SQL_WHY, (id_,)).fetchone()
    checks = {
        "it is not disabled": not (row and row[0]),
        "the feed does not tell once that it is disabled": [one["data"]["id"] for one in told.feed].count(id_) != 1,
        "some of its deliveries are not parked": any(row.state != "parked" for row in rows),
    }
    return [what for what, is_so in checks.items() if is_so]
