"""The demo's people and things, as README.md lists them. Loaded once, into an empty database."""

from __future__ import annotations

from datetime import date, time
from uuid import UUID

import psycopg

from core.demo import ACCOUNTS, ADMIN, AGENT_KEY, Account, holds_demo
from core.domain.resources.local_time import instant
from core.identity.credentials.agent_keys import HINT_CHARS, WRITES_PER_MINUTE_DEFAULT
from core.identity.principals import hash_token
from core.passwords import hash_password
from core.settings import Settings
from core.store.connections.database import connect_lane

SQL_ACCOUNT = """
INSERT INTO user_account (id, username, username_key, email, email_key, phone, phone_key, first_name, last_name,
                          is_staff, is_superuser, is_practitioner, password_hash)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
SQL_REST = """
INSERT INTO service (id, name, name_key, description, resource_id, duration_minutes, price_cents)
SELECT v.id, v.name, v.name_key, v.description, r.id, v.minutes, v.cents
FROM resource r, (VALUES
    (1, 'Legal Consultation', 'legal consultation', 'Advice on one matter', NULL::integer, 0),
    (2, '60-minute Consultation', '60-minute consultation', 'An hour with a practitioner', 60, 5000)
) AS v (id, name, name_key, description, minutes, cents)
WHERE r.kind = 'desk';
SELECT setval(pg_get_serial_sequence('service', 'id'), 2);
INSERT INTO resource (kind, name, zone) SELECT 'practitioner', 'Dr. Smith', zone FROM resource WHERE kind = 'desk';
INSERT INTO practitioner (user_id, resource_id, name, name_key, hours)
SELECT 3, id, name, 'dr. smith', (SELECT jsonb_agg(jsonb_build_array(day, 540, 1020)) FROM generate_series(0, 4) AS day)
FROM resource WHERE kind = 'practitioner';
INSERT INTO service_practitioner (service_id, practitioner_id) VALUES (2, 1);
SELECT setval(pg_get_serial_sequence('user_account', 'id'), 5);
"""
SQL_AGENT_KEY = """
INSERT INTO agent_key (name, hint, token_hash, writes_per_minute, created_by) VALUES ('Demo agent', %s, %s, %s, %s)
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


def load(settings: Settings) -> bool:
    """Load the demo data if there is nobody yet; True if it did. The database is marked, also one that had it before."""
    with connect_lane(settings.database_url, "holdfast demo") as connection, connection.transaction():
        connection.execute("LOCK TABLE user_account IN SHARE ROW EXCLUSIVE MODE")
        if connection.execute("SELECT FROM user_account LIMIT 1").fetchone() is not None:
            if holds_demo(connection):
                connection.execute(SQL_MARK)
            return False
        connection.execute(SQL_MARK)
        for account in ACCOUNTS:
            connection.execute(SQL_ACCOUNT, _row(account))
        for statement in SQL_REST.strip().split(";\n"):
            connection.execute(statement.encode())
        key = (AGENT_KEY[:HINT_CHARS], hash_token(AGENT_KEY), WRITES_PER_MINUTE_DEFAULT, ADMIN.id)
        connection.execute(SQL_AGENT_KEY, key)
        _load_booking(connection, settings.time_zone)
        connection.execute(SQL_CATEGORIES, (settings.time_zone,))
    return True


def _row(account: Account) -> tuple[object, ...]:
    return (
        account.id,
        account.username,
        account.username.casefold(),
        account.email,
        account.email.lower(),
        account.phone or "",
        account.phone,
        account.first_name,
        account.last_name,
        account.is_staff,
        account.is_superuser,
        account.is_practitioner,
        hash_password(account.password),
    )


def _load_booking(connection: psycopg.Connection[tuple[object, ...]], zone: str) -> None:
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
