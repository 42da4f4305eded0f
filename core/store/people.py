"""People in a batch: those whom commands name, those who hold, those whose bookings are answered for."""

from __future__ import annotations

from core.domain.needs import Needs
from core.domain.state import State
from core.store.bookings.rows import USER_COLUMNS, user_of
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.round_trip import Rows
from core.store.sql.parameters import TEXTS, array_of, texts_of

SQL_LOCK_HOLDERS = "SELECT FROM user_account WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
"""A statement of its own, before the holds are read: two lanes that hold for one person take turns.
It does not stop other lanes from making bookings that refer to that person."""
SQL_HOLDS = "SELECT user_id, id, hold_expires_at FROM booking WHERE user_id = ANY(%s) AND status = 'held'"
SQL_USERS = f"SELECT {USER_COLUMNS} FROM user_account WHERE id = ANY(%s::bigint[])"
SQL_CALLERS = f"""
WITH p AS MATERIALIZED (SELECT {TEXTS} AS keys)
SELECT username_key, {USER_COLUMNS} FROM p, user_account WHERE phone_key = ANY(p.keys) OR username_key = ANY(p.keys)
"""
"""A user whose username is the number, given by staff, is that person too."""


def lock_holders(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    """Every hold of these users, for whom nobody else may hold until the commit."""

    def take(rows: Rows) -> None:
        for user_id, booking_id, expires_at in rows:
            state.holds[user_id][booking_id] = expires_at

    if needs.holders and state.policy.max_holds_per_user:
        ids = sorted(needs.holders)
        pipeline.ask(SQL_LOCK_HOLDERS, (ids,), lambda _: None)
        pipeline.ask(SQL_HOLDS, (ids,), take)


def ask_people(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    if needs.users:
        pipeline.ask(SQL_USERS, (array_of(needs.users),), lambda rows: _know(state, rows))
    if needs.phones:
        pipeline.ask(SQL_CALLERS, (texts_of(needs.phones),), lambda rows: _know_callers(state, rows))


def ask_owners(pipeline: QueryPipeline, state: State, needs: Needs) -> None:
    """Of the bookings that commands name, for the answers."""
    named = (b for b in state.bookings.values() if b.id in needs.bookings or b.id not in needs.unnamed)
    if missing := {booking.user_id for booking in named} - state.users.keys():
        pipeline.ask(SQL_USERS, (array_of(missing),), lambda rows: _know(state, rows))


def _know(state: State, rows: Rows) -> None:
    for row in rows:
        state.know_user(user_of(row))


def _know_callers(state: State, rows: Rows) -> None:
    state.usernames.update(row[0] for row in rows)
    _know(state, [row[1:] for row in rows])
