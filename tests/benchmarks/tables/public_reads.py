"""What the public reads of a benchmark read, beside the services of `tables.seed`: all of it on those services' resources, so that bookings of the services change it."""

from __future__ import annotations

from core.store.connections.database import connect_lane
from tests.benchmarks.tables.seed import FIRST_USER

EACH = 20
"""Rooms, categories and practitioners; each on a resource of its own."""
DAYS = 50
"""From `FIRST_DAY` on: with `EACH`, 1,000 resource-days."""
FIRST_DAY = "2030-01-01"
FIRST_ID = 9_000
HOURS = 8

SQL_FILL = (
    f"""
    INSERT INTO room (id, resource_id, name, price_minor, capacity, slot_minutes)
    SELECT {FIRST_ID} + n, 1000 + n, 'Bench room ' || n, 5000, 10, 60 FROM generate_series(0, {EACH - 1}) AS n
    """,
    f"""
    INSERT INTO category (id, name, name_key, resource_id)
    SELECT {FIRST_ID} + n, 'Bench category ' || n, 'bench category ' || n, 1000 + {EACH} + n
    FROM generate_series(0, {EACH - 1}) AS n
    """,
    f"""
    INSERT INTO time_slot (id, category_id, starts_at, ends_at, created_at)
    SELECT 1000000 + row_number() OVER (), {FIRST_ID} + n, at, at + interval '1 hour', now()
    FROM generate_series(0, {EACH - 1}) AS n, generate_series(0, {DAYS - 1}) AS day, generate_series(0, {HOURS - 1}) AS hour,
         LATERAL (SELECT timestamptz '{FIRST_DAY} 08:00+00' + make_interval(days => day, hours => hour) AS at) AS t
    """,
    f"""
    INSERT INTO practitioner (id, user_id, resource_id, name, name_key, hours, horizon_days)
    SELECT {FIRST_ID} + n, {FIRST_USER} + n, 1000 + {2 * EACH} + n, 'Bench practitioner ' || n, 'bench practitioner ' || n,
           (SELECT jsonb_agg(jsonb_build_array(day, 540, 1020)) FROM generate_series(0, 6) AS day), 3650
    FROM generate_series(0, {EACH - 1}) AS n
    """,
    f"""
    INSERT INTO service (id, name, name_key, resource_id, duration_minutes, kind, is_named)
    SELECT {FIRST_ID}, 'Bench session', 'bench session', 1000, 60, 'individual', false
    """,
    f"""
    INSERT INTO service_practitioner (service_id, practitioner_id)
    SELECT {FIRST_ID}, {FIRST_ID} + n FROM generate_series(0, {EACH - 1}) AS n
    """,
)


def fill(database_url: str) -> None:
    with connect_lane(database_url, "holdfast bench") as connection, connection.transaction():
        for statement in SQL_FILL:
            connection.execute(statement.encode())
