"""The demo's services, room, categories and first booking: rows with the ids that the contracts' examples have."""

from __future__ import annotations

from datetime import date, time
from uuid import UUID

from core.domain.resources.local_time import instant
from core.store.connections.database import Connection

SQL_LOCK = "LOCK TABLE user_account IN SHARE ROW EXCLUSIVE MODE"
SQL_ANYBODY = "SELECT EXISTS (SELECT FROM user_account)"
SQL_CATALOGUE = """
INSERT INTO service (id, name, name_key, description, resource_id, duration_minutes, price_cents)
SELECT v.id, v.name, v.name_key, v.description, r.id, v.minutes, v.cents
FROM resource r, (VALUES
    (1, 'Legal Consultation', 'legal consultation', 'Advice on one matter', NULL::integer, 0),
    (2, '60-minute Consultation', '60-minute consultation', 'An hour with a practitioner', 60, 5000)
) AS v (id, name, name_key, description, minutes, cents)
WHERE r.kind = 'desk';
INSERT INTO resource (kind, name, zone) SELECT 'practitioner', 'Dr. Smith', zone FROM resource WHERE kind = 'desk';
INSERT INTO practitioner (user_id, resource_id, name, name_key, hours)
SELECT 3, id, name, 'dr. smith', (SELECT jsonb_agg(jsonb_build_array(day, 540, 1020)) FROM generate_series(0, 4) AS day)
FROM resource WHERE kind = 'practitioner';
INSERT INTO service_practitioner (service_id, practitioner_id) VALUES (2, 1);
INSERT INTO service (id, name, name_key, description, resource_id, duration_minutes, price_cents, kind, is_named, credits,
                     valid_days)
SELECT v.id, v.name, lower(v.name), v.description, r.id, v.minutes, v.cents, v.kind, false, v.credits, v.days
FROM resource r, (VALUES
    (3, 'Breathing Workshop', 'Two hours for a group', 120, 4000, 'workshop', NULL::integer, NULL::integer),
    (4, 'First Consultation and Workshop', 'Both, each at a time of its own', NULL, 8000, 'package', NULL, NULL),
    (5, 'Five Consultations', 'Credits for a year', NULL, 20000, 'bundle', 5, 365),
    (6, 'Evening Course', 'Every session of it', NULL, 12000, 'course', NULL, NULL)
) AS v (id, name, description, minutes, cents, kind, credits, days)
WHERE r.kind = 'desk';
INSERT INTO service_practitioner (service_id, practitioner_id) VALUES (3, 1), (6, 1);
INSERT INTO service_item (service_id, position, item_id) VALUES (4, 1, 2), (4, 2, 3), (5, 1, 2);
SELECT setval(pg_get_serial_sequence('service', 'id'), 6);
SELECT setval(pg_get_serial_sequence('user_account', 'id'), 5);
"""
SQL_ROOM = """
WITH resource AS (
    INSERT INTO resource (kind, name, zone) VALUES ('room', 'Conference Room A', %s) RETURNING id)
INSERT INTO room (id, resource_id, name, description, price_minor, capacity, amenities)
SELECT nextval(pg_get_serial_sequence('room', 'id')), id, 'Conference Room A', 'Large conference room', 5000, 10,
       '{WiFi,Projector,Whiteboard}'
FROM resource RETURNING id
"""
SQL_CATEGORIES = """
WITH resource AS (
    INSERT INTO resource (kind, name, zone)
    SELECT 'category', 'Cat ' || n, %s FROM generate_series(1, 3) AS n RETURNING id, name)
INSERT INTO category (name, name_key, resource_id) SELECT name, lower(name), id FROM resource ORDER BY name
"""
SQL_BOOKING = """
INSERT INTO booking (id, public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date,
                     local_time, duration_minutes, status, payment_status, command_id, created_at, updated_at,
                     price_minor, details)
SELECT nextval('booking_id_seq'), gen_random_uuid(), 'rooms', 1, 'Conference Room A', r.id,
       %(starts_at)s, %(ends_at)s, %(day)s, %(starts)s, 60, 'confirmed', 'succeeded', %(command)s,
       clock_timestamp(), clock_timestamp(), 2 * m.price_minor,
       jsonb_build_object('type', 'room', 'room_id', m.id, 'ends', '10:00:00', 'guest_count', 5, 'number_of_slots', 2)
FROM room m JOIN resource r ON r.id = m.resource_id WHERE m.id = %(room)s RETURNING id
"""
SQL_CLAIM = """
INSERT INTO claim (resource_id, booking_id, during)
SELECT resource_id, id, tstzrange(starts_at, ends_at) FROM booking WHERE id = %s
"""
SQL_MARK = "UPDATE installation SET demo_at = coalesce(demo_at, clock_timestamp())"
NO_COMMAND = UUID(int=0)
"""Booking 1 was loaded, not commanded."""


def is_empty(connection: Connection) -> bool:
    """Whether there is nobody. Until the end of the transaction nobody else makes an account."""
    connection.execute(SQL_LOCK)
    return seems_empty(connection)


def seems_empty(connection: Connection) -> bool:
    """Whether there is nobody at this moment."""
    row = connection.execute(SQL_ANYBODY).fetchone()
    return row is not None and not row[0]


def mark(connection: Connection) -> None:
    """Outside the demo nothing starts on a database with this mark."""
    connection.execute(SQL_MARK)


def load_catalogue(connection: Connection, zone: str) -> None:
    """Needs the demo's accounts: one is the practitioner, one has the booking."""
    for statement in SQL_CATALOGUE.strip().split(";\n"):
        connection.execute(statement.encode())
    _load_booking(connection, zone)
    connection.execute(SQL_CATEGORIES, (zone,))


def _load_booking(connection: Connection, zone: str) -> None:
    room = connection.execute(SQL_ROOM, (zone,)).fetchone()
    assert room is not None  # noqa: S101 - INSERT ... RETURNING of one row
    day, starts, ends = date(2025, 10, 24), time(9), time(10)
    values = {
        "starts_at": instant(day, starts, zone),
        "ends_at": instant(day, ends, zone),
        "day": day,
        "starts": starts,
        "command": NO_COMMAND,
        "room": room[0],
    }
    booking = connection.execute(SQL_BOOKING, values).fetchone()
    assert booking is not None  # noqa: S101 - as above
    connection.execute(SQL_CLAIM, (booking[0],))
