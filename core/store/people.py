"""People in a batch: those whom commands name, those who hold places, those whose bookings are in the answers."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import asdict

from core.domain.events import Event, UserCreated
from core.domain.needs import Needs
from core.domain.state import State
from core.store.bookings.rows import USER_COLUMNS, user_of
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.round_trip import RoundTrip, Rows
from core.store.sql.lost_races import require_all
from core.store.sql.parameters import TEXTS, array_of, json_of, texts_of

SQL_LOCK_HOLDERS = "SELECT FROM user_account WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
"""A statement of its own, before the holds are read: two lanes that hold places for one person take turns. Other lanes
may still make bookings for that person."""
SQL_HOLDS = "SELECT user_id, id, hold_expires_at FROM booking WHERE user_id = ANY(%s) AND status = 'held'"
SQL_USERS = f"SELECT {USER_COLUMNS} FROM user_account WHERE id = ANY(%s::bigint[])"
SQL_CALLERS = f"""
WITH p AS MATERIALIZED (SELECT {TEXTS} AS keys)
SELECT username_key, {USER_COLUMNS} FROM p, user_account WHERE phone_key = ANY(p.keys) OR username_key = ANY(p.keys)
"""
"""If staff gave a user the number as username, that user is the person too."""
SQL_CREATE = require_all("""
INSERT INTO user_account (id, username, username_key, phone, phone_key, contact_email, first_name, last_name, gender,
                          country, country_code, language, date_joined, password_hash, must_change_password)
SELECT id, username, phone_key, phone, phone_key, email, first_name, last_name, gender, country, country_code,
       nullif(language, ''), date_joined, %s::text, %s
FROM json_to_recordset(%s::json) AS u (
    id bigint, username text, phone text, phone_key text, email text, first_name text, last_name text, gender text,
    country text, country_code text, language text, date_joined timestamptz)
ON CONFLICT DO NOTHING RETURNING id
""")


def lock_holders(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    """Every hold of these users. No other lane holds for them until the commit."""

    def store_holds(rows: Rows) -> None:
        for user_id, booking_id, expires_at in rows:
            state.holds[user_id][booking_id] = expires_at

    if needs.holders and state.policy.max_holds_per_user:
        ids = sorted(needs.holders)
        pipeline.ask(SQL_LOCK_HOLDERS, (ids,), lambda _: None)
        pipeline.ask(SQL_HOLDS, (ids,), store_holds)


def ask_people(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    if needs.users:
        pipeline.ask(SQL_USERS, (array_of(needs.users),), lambda rows: know_users(state, rows))
    if needs.phones:
        pipeline.ask(SQL_CALLERS, (texts_of(needs.phones),), lambda rows: _store_callers(state, rows))


def ask_owners(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    """The owners of the bookings that commands name, for the answers."""
    named = (b for b in state.bookings.values() if b.id in needs.bookings or b.id not in needs.unnamed)
    if missing := {booking.user_id for booking in named} - state.users.keys():
        pipeline.ask(SQL_USERS, (array_of(missing),), lambda rows: know_users(state, rows))


def know_users(state: State, rows: Rows) -> None:
    for row in rows:
        state.know_user(user_of(row))


def _store_callers(state: State, rows: Rows) -> None:
    state.usernames.update(row[0] for row in rows)
    know_users(state, [row[1:] for row in rows])


def write_users(trip: RoundTrip, events: Sequence[Event], initial_password_hash: str | None) -> None:
    """People whom commands make known, in the order of their unique key: two batches that make the same people wait
    for each other instead of deadlocking. A password that Holdfast sets may do nothing but change itself.
    """
    users = sorted((e for e in events if isinstance(e, UserCreated)), key=lambda event: event.user.phone_key or "")
    if users:
        rows = [
            {**asdict(event.user), "country_code": event.country_code, "language": event.language} for event in users
        ]
        must_change = initial_password_hash is not None
        trip.execute(SQL_CREATE, (initial_password_hash, must_change, json_of(rows), len(users)))
