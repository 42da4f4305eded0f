"""A session with thousands of participants who have paid, made by SQL: for tests and benchmarks of large work."""

from __future__ import annotations

from typing import Any

import psycopg
from msgspec import Struct

from core.domain.marketplace.details import Kind

PRICE_MINOR = 2500

SQL_CATCH_UP = """
SELECT setval(pg_get_serial_sequence('user_account', 'id'), (SELECT max(id) FROM user_account)),
       setval(pg_get_serial_sequence('resource', 'id'), (SELECT max(id) FROM resource))
"""
"""The tables were filled before with explicit ids."""
SQL_HOUSE = """
WITH account AS (
    INSERT INTO user_account (username, username_key, is_practitioner) VALUES (%(name)s, %(name)s, true) RETURNING id
), its AS (
    INSERT INTO resource (kind, name, zone) VALUES ('practitioner', %(name)s, 'UTC') RETURNING id
), practitioner_ AS (
    INSERT INTO practitioner (user_id, resource_id, name, name_key, hours)
    SELECT account.id, its.id, %(name)s, %(name)s, '[]' FROM account, its RETURNING id, user_id, resource_id
), service_ AS (
    INSERT INTO service (name, name_key, is_named, resource_id, kind, price_cents)
    SELECT %(name)s, %(name)s, false, id, %(kind)s, %(price)s FROM its RETURNING id
), given AS (
    INSERT INTO service_practitioner (service_id, practitioner_id)
    SELECT service_.id, practitioner_.id FROM service_, practitioner_
), session_ AS (
    INSERT INTO service_session (service_id, practitioner_id, starts_at, ends_at, capacity, seats_taken)
    SELECT service_.id, practitioner_.id, %(starts_at)s::timestamptz, %(starts_at)s::timestamptz + interval '2 hours',
           greatest(%(count)s + 10, 1), %(count)s
    FROM service_, practitioner_ RETURNING id
), claimed AS (
    INSERT INTO claim (resource_id, session_id, during)
    SELECT its.id, session_.id, tstzrange(%(starts_at)s::timestamptz, %(starts_at)s::timestamptz + interval '2 hours')
    FROM its, session_
)
SELECT session_.id, service_.id, practitioner_.id, practitioner_.user_id, practitioner_.resource_id
FROM session_, service_, practitioner_
"""
SQL_PEOPLE = """
INSERT INTO user_account (username, username_key)
SELECT %(name)s || '-' || n, %(name)s || '-' || n FROM generate_series(1, %(count)s) AS n RETURNING id
"""
_BOOKING = """
INSERT INTO booking (id, public_uuid, contract, user_id, service_id, service_name, resource_id, starts_at, ends_at,
                     local_date, local_time, duration_minutes, status, payment_status, command_id, created_at, updated_at,
                     price_minor, details)
SELECT nextval('booking_id_seq'), gen_random_uuid(), 'marketplace', user_id, %(service)s, 'Large', %(resource)s,
       %(starts_at)s::timestamptz, %(starts_at)s::timestamptz + interval '2 hours', (%(starts_at)s::timestamptz)::date,
       (%(starts_at)s::timestamptz AT TIME ZONE 'UTC')::time, 120, 'confirmed', {payment}, gen_random_uuid(), now(), now(), {price},
       jsonb_strip_nulls(jsonb_build_object('type', 'market', 'kind', {kind}::text, 'practitioner_id', %(practitioner)s::bigint,
           'practitioner_user_id', %(practitioner_user)s::bigint, 'session_id', {session}::bigint, 'parent_id', {parent}::bigint,
           'share_minor', {share}::bigint))
"""
SQL_SEATS = (
    _BOOKING.format(
        payment="'succeeded'", price="%(price)s", kind="'workshop'", session="%(session)s", parent="NULL", share="NULL"
    )
    + "FROM unnest(%(people)s::bigint[]) AS user_id"
)
SQL_WHOLES = (
    _BOOKING.format(
        payment="'succeeded'", price="%(price)s", kind="'course'", session="NULL", parent="NULL", share="NULL"
    )
    + "FROM unnest(%(people)s::bigint[]) AS user_id"
)
SQL_PARTS = (
    _BOOKING.format(
        payment="'none'", price="0", kind="'workshop'", session="%(session)s", parent="w.id", share="%(price)s"
    )
    + "FROM (SELECT id, user_id FROM booking WHERE service_id = %(service)s) AS w"
)
SQL_LIST = """
INSERT INTO marketplace_booking (booking_id, user_id, practitioner_id, service_id, session_id, parent_id, kind, status,
                                 payment_status, starts_at, ends_at, price_minor, created_at, words)
SELECT id, user_id, %(practitioner)s, service_id, (details->>'session_id')::bigint, (details->>'parent_id')::bigint,
       details->>'kind', status, payment_status, starts_at, ends_at, price_minor, created_at, 'large'
FROM booking WHERE service_id = %(service)s
"""
SQL_PAYMENTS = """
INSERT INTO payment (id, booking_id, attempt, amount_minor, currency, state, intent_id, received_minor, created_at,
                     updated_at, sent)
SELECT gen_random_uuid(), id, 1, price_minor, 'usd', 'succeeded', 'pi_large_' || id, price_minor, now(), now(), true
FROM booking WHERE service_id = %(service)s AND price_minor > 0
"""


class LargeSession(Struct, frozen=True):
    id: int
    service_id: int
    practitioner_id: int
    practitioner_user_id: int
    """The practitioner's user."""
    resource_id: int


def large_session(
    database_url: str,
    count: int,
    *,
    kind: Kind = Kind.WORKSHOP,
    name: str = "large",
    starts_at: str = "2040-05-07 10:00+00",
) -> LargeSession:
    """A workshop's session, or the one session of a course, with so many participants who have paid."""
    values: dict[str, Any] = {"name": name, "kind": kind, "price": PRICE_MINOR, "starts_at": starts_at, "count": count}
    with psycopg.connect(database_url) as connection:
        connection.execute(SQL_CATCH_UP)
        made = LargeSession(*(connection.execute(SQL_HOUSE, values).fetchone() or ()))
        people = [row[0] for row in connection.execute(SQL_PEOPLE, values).fetchall()]
        values |= {
            "people": people,
            "session": made.id,
            "service": made.service_id,
            "practitioner": made.practitioner_id,
            "practitioner_user": made.practitioner_user_id,
            "resource": made.resource_id,
        }
        if kind is Kind.COURSE:
            connection.execute(SQL_WHOLES.encode(), values)
            connection.execute(SQL_PARTS.encode(), values)
        else:
            connection.execute(SQL_SEATS.encode(), values)
        connection.execute(SQL_LIST, values)
        connection.execute(SQL_PAYMENTS, values)
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ANALYZE booking, marketplace_booking, payment, service_session")
    return made


SQL_SESSION_COUNTS = """
SELECT count(*) FILTER (WHERE b.status = 'cancelled'), count(*) FILTER (WHERE b.status = 'confirmed'),
       (SELECT count(*) FROM payment p JOIN booking o ON o.id = p.booking_id
        WHERE o.service_id = %(service)s AND p.state IN ('refunding', 'refunded') AND p.refund_number = 1
          AND p.returning_minor + p.refunded_minor = p.received_minor AND p.owed_minor = 0),
       (SELECT coalesce(sum(p.received_minor - p.refunded_minor - p.returning_minor - p.owed_minor), 0)
        FROM payment p JOIN booking o ON o.id = p.booking_id WHERE o.service_id = %(service)s),
       (SELECT seats_taken FROM service_session WHERE id = %(session)s)
FROM booking b JOIN marketplace_booking m ON m.booking_id = b.id WHERE m.session_id = %(session)s
"""


class SessionCounts(Struct, frozen=True):
    """How far a large session's cancellation is, by the books."""

    cancelled: int
    confirmed: int
    refunds: int
    """Ordered, each once and for all of what was paid."""
    kept_minor: int
    """Of all payments, what nobody has ordered back."""
    seats_taken: int


def session_counts(database_url: str, session: LargeSession) -> SessionCounts:
    with psycopg.connect(database_url) as connection:
        found = (
            connection.execute(SQL_SESSION_COUNTS, {"session": session.id, "service": session.service_id}).fetchone()
            or ()
        )
    return SessionCounts(*map(int, found))
