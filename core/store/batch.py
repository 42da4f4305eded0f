"""A batch's way in: lock, read, and load what its commands touch in a few set-based queries."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from msgspec import Struct

from core.domain.calendars import Hours
from core.domain.commands import (
    SCHEMA_VERSION,
    Cancel,
    ChangeStatus,
    Command,
    Delete,
    Envelope,
    PersonById,
    PersonByPhone,
    Place,
)
from core.domain.decide import wanted
from core.domain.state import State
from core.domain.status import PaymentStatus, Status
from core.domain.values import Booking, Claim, Resource, Rules, Service, User
from core.store.database import Connection
from core.store.inbox import CLASS_COLUMN, SQL_READ_LANE, Waiting, waiting

T = TypeVar("T")

BATCH_COMMANDS = 200
EXPIRY_SHARE = 40
BULK_SHARE = 40
"""Places of a batch kept for waiting lower classes, so that none starves."""

LANE_SPACE = 0x4C414E45
"""First key of every lane's advisory lock (ASCII "LANE"); the second is the lane's number."""

SQL_READ_NOTE = "SELECT ids FROM lane_note WHERE lane = %s"

SQL_LOCK_LANE = "SELECT pg_try_advisory_xact_lock(%s, %s)"
"""A statement of its own: locked and read in one, the read would see a snapshot older than the lock."""


class LaneRead(Struct, frozen=True):
    """What waits in a lane, and what its note says. Nothing of it counts unless `locked`."""

    locked: bool
    waiting: list[Waiting]
    noted: list[UUID]


def begin_lane(connection: Connection, lane: int, limit: int = BATCH_COMMANDS) -> LaneRead:
    """Begin a transaction, try the lane's lock, then read at most `limit` commands: one round trip.

    Each statement takes its own snapshot, so the read is newer than the lock. The caller commits
    or rolls back, also when the lock was not to be had.
    """
    parameters = {"lane": lane, "version": SCHEMA_VERSION, "limit": limit}
    with connection.pipeline():
        connection.execute("BEGIN")
        locked = connection.execute(SQL_LOCK_LANE, (LANE_SPACE, lane))
        rows = connection.execute(SQL_READ_LANE, parameters)
        note = connection.execute(SQL_READ_NOTE, (lane,))
        by_class: list[list[tuple[Any, ...]]] = [[], [], []]
        for row in rows.fetchall():
            by_class[row[CLASS_COLUMN]].append(row)
        noted, got = note.fetchone(), locked.fetchone()
    found = [waiting(row) for row in share(*by_class, limit=limit)]
    return LaneRead(bool(got and got[0]), found, list(noted[0]) if noted else [])


def lock_lane(connection: Connection, lane: int) -> bool:
    """Take the lane until the end of the transaction; False if another worker has it."""
    row = connection.execute(SQL_LOCK_LANE, (LANE_SPACE, lane)).fetchone()
    return bool(row and row[0])


def share(people: Sequence[T], expiry: Sequence[T], bulk: Sequence[T], *, limit: int) -> list[T]:
    """Cut a batch from what waits: people first, but lower classes keep their share of places."""
    kept_bulk = min(len(bulk), BULK_SHARE)
    kept_expiry = min(len(expiry), EXPIRY_SHARE)
    people = people[: limit - kept_bulk - kept_expiry]
    expiry = expiry[: limit - len(people) - kept_bulk]
    return [*people, *expiry, *bulk[: limit - len(people) - len(expiry)]]


SQL_RULES = """
SELECT s.working_hours_start, s.working_hours_end, s.duration_minutes, s.off_days, s.is_active, r.id, r.kind, r.name, r.zone
FROM resource r LEFT JOIN booking_settings s ON true WHERE r.kind = 'desk'
"""
SQL_SERVICES = """
SELECT s.id, s.name, s.resource_id, s.duration_minutes, r.id, r.kind, r.name, r.zone
FROM service s JOIN resource r ON r.id = s.resource_id WHERE s.name_key = ANY(%s) AND s.is_active
"""
USER_COLUMNS = """id, username, first_name, last_name, coalesce(email, contact_email), phone, phone_key, gender, country,
       is_active, is_staff, is_superuser, is_practitioner, date_joined"""
SQL_USERS = f"""SELECT {USER_COLUMNS} FROM user_account
WHERE id = ANY(%(ids)s) OR phone_key = ANY(%(phones)s) OR username_key = ANY(%(phones)s)"""
"""A user whose username is the number, given by staff, is that person too."""
BOOKING_COLUMNS = """id, public_uuid, contract, user_id, service_id, service_name, resource_id, starts_at, ends_at,
       local_date, local_time, duration_minutes, status, payment_status, notes, version, created_at, updated_at,
       command_id"""
SQL_BOOKINGS = f"""
SELECT {BOOKING_COLUMNS} FROM booking WHERE id = ANY(%s) AND deleted_at IS NULL ORDER BY id FOR UPDATE
"""
"""Locked in id order: another lane may want the same booking."""
SQL_CLAIMS = """
SELECT DISTINCT c.resource_id, lower(c.during), upper(c.during), c.booking_id
FROM unnest(%s::bigint[], %s::timestamptz[], %s::timestamptz[]) AS w (resource_id, starts_at, ends_at)
JOIN claim c ON c.resource_id = w.resource_id AND c.during && tstzrange(w.starts_at, w.ends_at)
"""
SQL_NOW = "SELECT clock_timestamp()"
SQL_IDS = """
SELECT ARRAY(SELECT nextval('booking_id_seq') FROM generate_series(1, %s)),
       ARRAY(SELECT nextval(pg_get_serial_sequence('user_account', 'id')) FROM generate_series(1, %s))
"""


class Loaded(Struct, frozen=True):
    """A batch ready to be decided. `now` was read after every lock."""

    state: State
    now: datetime
    booking_ids: list[int]
    user_ids: list[int]


class _Wants(Struct, frozen=True):
    services: list[str]
    user_ids: list[int]
    phone_keys: list[str]
    booking_ids: list[int]


def _wants(commands: Sequence[Command]) -> _Wants:
    services: set[str] = set()
    user_ids: set[int] = set()
    phones: set[str] = set()
    bookings: set[int] = set()
    for command in commands:
        match command:
            case Place(service_name=name, person=person):
                services.add(name.casefold())
                match person:
                    case PersonById(user_id=user_id):
                        user_ids.add(user_id)
                    case PersonByPhone(phone_key=phone_key):
                        phones.add(phone_key)
            case Cancel(booking_id=id_) | ChangeStatus(booking_id=id_) | Delete(booking_id=id_):
                bookings.add(id_)
    return _Wants(sorted(services), sorted(user_ids), sorted(phones), sorted(bookings))


def load(connection: Connection, envelopes: Sequence[Envelope], *, allow_past: bool) -> Loaded:
    """Load the state that a batch touches, inside its transaction, after the lane's lock."""
    commands = [envelope.command for envelope in envelopes]
    places = [command for command in commands if isinstance(command, Place)]
    by_phone = sum(isinstance(place.person, PersonByPhone) for place in places)
    wants = _wants(commands)
    with connection.pipeline():
        rules_rows = connection.execute(SQL_RULES)
        service_rows = connection.execute(SQL_SERVICES, (wants.services,)) if wants.services else None
        user_rows = (
            connection.execute(SQL_USERS, {"ids": wants.user_ids, "phones": wants.phone_keys})
            if wants.user_ids or wants.phone_keys
            else None
        )
        id_rows = connection.execute(SQL_IDS, (len(places), by_phone)) if places else None
        rules, desk = rules_of(rules_rows.fetchone(), allow_past=allow_past)
        services = service_rows.fetchall() if service_rows else []
        users = [User(*row) for row in user_rows.fetchall()] if user_rows else []
        booking_ids, user_ids = (id_rows.fetchone() or ([], [])) if id_rows else ([], [])
    bookings = _lock_bookings(connection, wants.booking_ids)
    state = State(
        rules=rules,
        resources=[desk, *(Resource(*row[4:]) for row in services)],
        services=[Service(*row[:4]) for row in services],
        users=[*users, *_missing_users(connection, bookings, users)],
        bookings=bookings,
    )
    now = _load_claims(connection, state, places)
    return Loaded(state, now, list(booking_ids), list(user_ids))


def _load_claims(connection: Connection, state: State, places: Sequence[Place]) -> datetime:
    intervals = {interval for place in places if (interval := wanted(state, place))}
    columns: list[list[Any]] = [list(column) for column in zip(*intervals, strict=True)]
    with connection.pipeline():
        claim_rows = connection.execute(SQL_CLAIMS, columns) if columns else None
        now_row = connection.execute(SQL_NOW)
        for row in claim_rows.fetchall() if claim_rows else []:
            state.claims[row[0]].append(Claim(*row))
        now = now_row.fetchone()
    assert now is not None  # noqa: S101 - SELECT without FROM always answers a row
    moment: datetime = now[0]
    return moment


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


def _lock_bookings(connection: Connection, ids: Sequence[int]) -> list[Booking]:
    if not ids:
        return []
    return [booking_of(row) for row in connection.execute(SQL_BOOKINGS, (list(ids),)).fetchall()]


def _missing_users(connection: Connection, bookings: Sequence[Booking], known: Sequence[User]) -> list[User]:
    """The owners of the bookings named, for the answers."""
    missing = {booking.user_id for booking in bookings} - {user.id for user in known}
    if not missing:
        return []
    return [User(*row) for row in connection.execute(SQL_USERS, {"ids": sorted(missing), "phones": []}).fetchall()]


def booking_of(row: tuple[Any, ...]) -> Booking:
    """A row of `BOOKING_COLUMNS` as a value."""
    values = list(row)
    values[12] = Status(values[12])
    values[13] = PaymentStatus(values[13])
    return Booking(*values)
