"""A batch's way in: what its commands touch, loaded in a few set-based queries."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from core.domain.calendars import Hours
from core.domain.commands import Command, Envelope
from core.domain.needs import Needs, intervals, offered
from core.domain.state import State
from core.domain.values import Booking, Claim, Policy, Resource, Room, Rules, Service, User
from core.store.database import Connection
from core.store.payments import bookings_of, lock_payments, read_followers
from core.store.rows import BOOKING_COLUMNS, USER_COLUMNS, booking_of, user_of
from core.store.slots import SQL_CATEGORIES, SQL_NEIGHBOURS, SQL_SLOTS, category_of, columns_of, slot_of

SQL_RULES = """
SELECT s.working_hours_start, s.working_hours_end, s.duration_minutes, s.off_days, s.is_active, r.id, r.kind, r.name, r.zone
FROM resource r LEFT JOIN booking_settings s ON true WHERE r.kind = 'desk'
"""
SQL_SERVICES = """
SELECT s.id, s.name, s.resource_id, s.duration_minutes, r.id, r.kind, r.name, r.zone
FROM service s JOIN resource r ON r.id = s.resource_id WHERE s.name_key = ANY(%s) AND s.is_named AND s.is_active
"""
ROOM_COLUMNS = """m.id, m.resource_id, m.name, m.capacity, m.price_minor, m.currency, m.slot_minutes, m.opens_minute,
       m.closes_minute, m.off_days, m.is_available"""
SQL_ROOMS = f"""
SELECT {ROOM_COLUMNS}, r.id, r.kind, r.name, r.zone FROM room m JOIN resource r ON r.id = m.resource_id WHERE m.id = ANY(%s)
"""
SQL_LOCK_HOLDERS = "SELECT FROM user_account WHERE id = ANY(%s) ORDER BY id FOR NO KEY UPDATE"
"""A statement of its own, before the holds are read: two lanes that hold for one person take turns.
It does not stop other lanes from making bookings that refer to that person."""
SQL_HOLDS = "SELECT user_id, id, hold_expires_at FROM booking WHERE user_id = ANY(%s) AND status = 'held'"
SQL_USERS = f"""SELECT {USER_COLUMNS} FROM user_account
WHERE id = ANY(%(ids)s) OR phone_key = ANY(%(phones)s) OR username_key = ANY(%(phones)s)"""
"""A user whose username is the number, given by staff, is that person too."""
SQL_BOOKINGS = f"""
SELECT {BOOKING_COLUMNS} FROM booking
WHERE deleted_at IS NULL
  AND (id = ANY(%(ids)s) OR time_slot_id = ANY(%(slots)s) AND status NOT IN ('cancelled', 'expired'))
ORDER BY id FOR UPDATE
"""
"""Locked in id order: another lane may want the same booking. Time slots are locked before bookings."""
SQL_CLAIMS = """
SELECT DISTINCT c.resource_id, lower(c.during), upper(c.during), c.booking_id
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS w (resource_id, starts_at, ends_at)
JOIN claim c ON c.resource_id = w.resource_id AND c.during && tstzrange(w.starts_at, w.ends_at)
"""
SQL_LAPSED = f"""
SELECT {BOOKING_COLUMNS} FROM booking
WHERE id = ANY(%s) AND status = 'held' AND hold_expires_at <= clock_timestamp() ORDER BY id FOR UPDATE
"""
"""Holds that stand in the way and have run out: whoever wants their time expires them first."""
SQL_NOW = "SELECT clock_timestamp()"
SQL_IDS = """
SELECT ARRAY(SELECT nextval('booking_id_seq') FROM generate_series(1, %s)),
       ARRAY(SELECT nextval(pg_get_serial_sequence('user_account', 'id')) FROM generate_series(1, %s)),
       ARRAY(SELECT nextval(pg_get_serial_sequence('time_slot', 'id')) FROM generate_series(1, %s))
"""


class Loaded(Struct, frozen=True):
    """A batch ready to be decided. `now` was read after every lock."""

    state: State
    now: datetime
    booking_ids: list[int]
    user_ids: list[int]
    slot_ids: list[int]


def load(connection: Connection, envelopes: Sequence[Envelope], policy: Policy, *, with_ids: bool = True) -> Loaded:
    """Load the state that a batch touches, inside its transaction, after the lane's lock.

    Without ids nothing new can be made of it in earnest: they are taken from sequences.
    """
    commands = [envelope.command for envelope in envelopes]
    needs = Needs(commands)
    holds = _lock_holders(connection, sorted(needs.holders)) if policy.max_holds_per_user else []
    paid_for = bookings_of(connection, needs.payments)
    with connection.pipeline():
        rules_rows = connection.execute(SQL_RULES)
        service_rows = connection.execute(SQL_SERVICES, (list(needs.services),)) if needs.services else None
        user_rows = (
            connection.execute(SQL_USERS, {"ids": list(needs.users), "phones": list(needs.phones)})
            if needs.users or needs.phones
            else None
        )
        room_rows = connection.execute(SQL_ROOMS, (list(needs.rooms),)) if needs.rooms else None
        fresh = (needs.new_bookings, needs.new_users, needs.new_slots) if with_ids else ()
        id_rows = connection.execute(SQL_IDS, fresh) if any(fresh) else None
        locked = list(needs.bookings | needs.due | paid_for)
        slot_rows = (
            connection.execute(SQL_SLOTS, {"slots": list(needs.slots), "bookings": locked})
            if needs.slots or locked
            else None
        )
        category_rows = connection.execute(SQL_CATEGORIES, (list(needs.categories),)) if needs.categories else None
        booking_rows = (
            connection.execute(SQL_BOOKINGS, {"ids": locked, "slots": list(needs.slots)})
            if needs.slots or locked
            else None
        )
        rules, desk = rules_of(rules_rows.fetchone(), allow_past=policy.allow_past)
        services = service_rows.fetchall() if service_rows else []
        users = [user_of(row) for row in user_rows.fetchall()] if user_rows else []
        rooms = room_rows.fetchall() if room_rows else []
        booking_ids, user_ids, slot_ids = (id_rows.fetchone() or ([], [], [])) if id_rows else ([], [], [])
        slots = [slot_of(row) for row in slot_rows.fetchall()] if slot_rows else []
        categories = [category_of(row) for row in category_rows.fetchall()] if category_rows else []
        bookings = [booking_of(row) for row in booking_rows.fetchall()] if booking_rows else []
    named = [b for b in bookings if b.id in needs.bookings or b.id not in needs.due | paid_for]
    state = State(
        rules=rules,
        policy=policy,
        resources=[desk, *(Resource(*row[-4:]) for row in (*services, *rooms))],
        services=[Service(*row[:4]) for row in services],
        rooms=[room_of(row[:-4]) for row in rooms],
        users=[*users, *_missing_users(connection, named, users)],
        bookings=bookings,
        categories=categories,
        slots=slots,
    )
    for user_id, booking_id, expires_at in holds:
        state.holds[user_id][booking_id] = expires_at
    _load_payments(connection, state, {booking.id for booking in bookings if booking.price_minor} | paid_for)
    now = _load_claims(connection, state, commands)
    return Loaded(state, now, list(booking_ids), list(user_ids), list(slot_ids))


def _load_claims(connection: Connection, state: State, commands: Sequence[Command]) -> datetime:
    wanted = {interval for command in commands for interval in intervals(state, command)}
    offers = {interval for command in commands for interval in offered(state, command)}
    with connection.pipeline():
        claim_rows = connection.execute(SQL_CLAIMS, columns_of(wanted)) if wanted else None
        neighbour_rows = connection.execute(SQL_NEIGHBOURS, columns_of(offers)) if offers else None
        now_row = connection.execute(SQL_NOW)
        claims = [Claim(*row) for row in claim_rows.fetchall()] if claim_rows else []
        for row in neighbour_rows.fetchall() if neighbour_rows else []:
            state.timetable.add(slot_of(row))
        now = now_row.fetchone()
    for claim in claims:
        state.claims[claim.resource_id].append(claim)
    if in_the_way := [claim.booking_id for claim in claims if claim.booking_id is not None]:
        with connection.pipeline():
            lapsed_rows = connection.execute(SQL_LAPSED, (in_the_way,))
            now_row = connection.execute(SQL_NOW)
            lapsed = {row[0]: booking_of(row) for row in lapsed_rows.fetchall()}
            now = now_row.fetchone()
        state.bookings |= lapsed
        _load_payments(connection, state, lapsed)
    assert now is not None  # noqa: S101 - SELECT without FROM always answers a row
    moment: datetime = now[0]
    return moment


def _load_payments(connection: Connection, state: State, booking_ids: Collection[int]) -> None:
    payments = lock_payments(connection, booking_ids)
    state.payments |= payments
    state.followers |= read_followers(connection, payments)


def rules_of(row: tuple[Any, ...] | None, *, allow_past: bool) -> tuple[Rules | None, Resource]:
    """A row of `SQL_RULES`: the settings (None if there are none) and the desk they bind."""
    if row is None:
        raise LookupError("There is no desk: run the migrate command first.")
    starts, ends, minutes, off_days, is_active, *desk = row
    resource = Resource(*desk)
    if starts is None:
        return None, resource
    hours = Hours(starts * 60, ends * 60, frozenset(off_days))
    return Rules(is_active, hours, minutes, allow_past, resource.id), resource


def room_of(row: tuple[Any, ...]) -> Room:
    """A row of `ROOM_COLUMNS` as a value."""
    opens, closes, off_days, is_available = row[-4:]
    return Room(*[*row[:-4], Hours(opens, closes, frozenset(off_days)), is_available])


def _lock_holders(connection: Connection, ids: Sequence[int]) -> list[tuple[int, int, datetime]]:
    """(user, booking, end) of every hold of these users, whom nobody else may hold for until the commit."""
    if not ids:
        return []
    with connection.pipeline():
        connection.execute(SQL_LOCK_HOLDERS, (list(ids),))
        return connection.execute(SQL_HOLDS, (list(ids),)).fetchall()


def _missing_users(connection: Connection, bookings: Sequence[Booking], known: Sequence[User]) -> list[User]:
    """The owners of the bookings named, for the answers."""
    missing = {booking.user_id for booking in bookings} - {user.id for user in known}
    if not missing:
        return []
    return [user_of(row) for row in connection.execute(SQL_USERS, {"ids": sorted(missing), "phones": []}).fetchall()]
