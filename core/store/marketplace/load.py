"""What the marketplace's commands and bookings of a batch touch, locked and read.

Rows are locked by one statement and read by another: a statement that waits for a lock has a snapshot
older than what it waited for. Locks are taken in one order: bookings, sessions, credits. Seats are read
after their session is locked, as another lane may give one away until then. The second statement locks
whatever it finds beyond what the first one locked.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from core.domain.marketplace.details import MarketDetails
from core.domain.marketplace.values import WaitingPlace
from core.domain.needs import MarketNeeds
from core.domain.state import State
from core.domain.steps import STEP_BOOKINGS
from core.domain.values import Booking
from core.store.bookings.bookings import know_bookings
from core.store.bookings.rows import BOOKING_COLUMNS, lapsed
from core.store.connections.database import Connection
from core.store.connections.pipeline import QueryPipeline, pipelined
from core.store.connections.round_trip import Rows
from core.store.marketplace.booking_notes import ask_notes
from core.store.marketplace.rows import (
    CREDIT_COLUMNS,
    LOCATION_COLUMNS,
    PRACTITIONER_COLUMNS,
    PRACTITIONERS,
    SERVICE_COLUMNS,
    SESSION_COLUMNS,
    credit_of,
    location_of,
    practitioner_of,
    service_of,
    session_of,
)

SQL_SERVICES = f"""
SELECT {SERVICE_COLUMNS} FROM service s
WHERE s.id IN (SELECT unnest(%(services)s::bigint[])
               UNION SELECT item_id FROM service_item WHERE service_id = ANY(%(services)s::bigint[])
               UNION SELECT service_id FROM service_session WHERE id = ANY(%(sessions)s::bigint[]))
"""
SQL_PRACTITIONERS = f"""
WITH wanted AS (
    SELECT unnest(%(services)s::bigint[]) AS id
    UNION SELECT item_id FROM service_item WHERE service_id = ANY(%(services)s::bigint[]))
SELECT {PRACTITIONER_COLUMNS} FROM {PRACTITIONERS}
WHERE p.id IN (
    SELECT unnest(%(practitioners)s::bigint[])
    UNION SELECT g.practitioner_id FROM service_practitioner g JOIN wanted w ON w.id = g.service_id
    UNION SELECT practitioner_id FROM service_session WHERE id = ANY(%(sessions)s::bigint[])
    UNION SELECT practitioner_id FROM service_session WHERE service_id = ANY(%(courses)s::bigint[]))
"""
SQL_LOCATIONS = f"SELECT {LOCATION_COLUMNS} FROM location l WHERE l.id = ANY(%s)"
SQL_ROOM_NAMES = "SELECT id, name FROM resource WHERE id = ANY(%s)"
SQL_ROOMS_THERE = """
SELECT r.id, r.name FROM location_room lr JOIN resource r ON r.id = lr.resource_id WHERE lr.location_id = ANY(%s)
"""

_SESSIONS_WANTED = """ss.id IN (SELECT unnest(%(sessions)s::bigint[])
               UNION SELECT id FROM service_session WHERE service_id = ANY(%(courses)s::bigint[]) AND NOT is_cancelled)"""
SQL_LOCK_SESSIONS = f"SELECT FROM service_session ss WHERE {_SESSIONS_WANTED} ORDER BY ss.id FOR UPDATE"
SQL_SESSIONS = f"SELECT {SESSION_COLUMNS} FROM service_session ss WHERE {_SESSIONS_WANTED} ORDER BY ss.id FOR UPDATE"
SQL_PLACES = """
SELECT id, session_id, user_id, created_at FROM waiting_place WHERE id IN (
    SELECT w.id FROM unnest(%(waiting_for)s::bigint[], %(waiters)s::bigint[]) AS named (session_id, user_id)
    JOIN waiting_place w USING (session_id, user_id) WHERE w.booking_id IS NULL
    UNION SELECT w.id FROM unnest(%(offered)s::bigint[], %(seats)s::bigint[]) AS o (session_id, seats)
    CROSS JOIN LATERAL (SELECT coalesce((
        SELECT id FROM waiting_place f WHERE f.session_id = o.session_id AND f.booking_id IS NULL AND NOT EXISTS (
            SELECT FROM marketplace_booking m WHERE m.session_id = f.session_id AND m.user_id = f.user_id
            AND m.status NOT IN ('draft', 'cancelled', 'expired'))
        ORDER BY id OFFSET o.seats - 1 LIMIT 1), 9223372036854775807) AS id) AS last
    JOIN waiting_place w ON w.session_id = o.session_id AND w.booking_id IS NULL AND w.id <= last.id
    UNION SELECT w.id FROM unnest(%(emptied)s::bigint[]) AS e (session_id) CROSS JOIN LATERAL (
        SELECT id FROM waiting_place w WHERE w.session_id = e.session_id AND w.booking_id IS NULL
        ORDER BY id LIMIT %(most)s) AS w)
ORDER BY session_id, id
"""
"""Of those who wait: people named by commands, the first without a seat and all before them, and as many as a step of
a cancellation ends. A queue may have thousands, and most commands need one of them."""

SQL_LOCK_CREDITS = """
SELECT FROM credit WHERE booking_id IN (
    SELECT unnest(%(ids)s::bigint[]) UNION SELECT booking_id FROM credit WHERE user_id = ANY(%(users)s) AND balance > 0)
ORDER BY booking_id FOR UPDATE
"""
SQL_CREDITS = f"""
SELECT {CREDIT_COLUMNS} FROM credit c JOIN booking cb ON cb.id = c.booking_id
WHERE c.booking_id IN (
    SELECT unnest(%(ids)s::bigint[]) UNION SELECT booking_id FROM credit WHERE user_id = ANY(%(users)s) AND balance > 0)
ORDER BY c.booking_id FOR UPDATE OF c
"""

_SEATS = """WITH seat AS NOT MATERIALIZED (
    SELECT booking_id, session_id, user_id, status FROM marketplace_booking
    WHERE session_id IS NOT NULL AND status NOT IN ('draft', 'cancelled', 'expired')
      AND session_id IN (SELECT unnest(%(sessions)s::bigint[])
                         UNION SELECT id FROM service_session WHERE service_id = ANY(%(courses)s::bigint[])))"""
_SEATED = f"""booking WHERE deleted_at IS NULL AND id IN (
    SELECT booking_id FROM seat WHERE user_id = ANY(%(users)s)
    UNION SELECT booking_id FROM seat WHERE user_id IN (SELECT user_id FROM booking WHERE id = ANY(%(seekers)s))
    UNION SELECT s.booking_id FROM waiting_place w JOIN seat s USING (session_id, user_id)
          WHERE w.session_id = ANY(%(offered)s) AND w.booking_id IS NULL
    UNION SELECT s.booking_id FROM seat s JOIN booking b ON b.id = s.booking_id
          WHERE s.status = 'held' AND {lapsed("b")})
ORDER BY id FOR UPDATE"""
SQL_LOCK_SEATED = f"{_SEATS} SELECT FROM {_SEATED}"
SQL_SEATED = f"{_SEATS} SELECT {BOOKING_COLUMNS} FROM {_SEATED}"
"""Bookings of sessions: of these people, of people who wait for an offer, and lapsed holds. Each has an index of its
own, so a large session is not scanned for each person who wants a seat."""

SQL_FAMILY = f"""
SELECT {BOOKING_COLUMNS} FROM booking WHERE deleted_at IS NULL AND id IN (
    SELECT unnest(%(roots)s::bigint[]) UNION SELECT booking_id FROM marketplace_booking WHERE parent_id = ANY(%(roots)s))
ORDER BY id FOR UPDATE
"""


def ask_market(pipeline: QueryPipeline, state: State, needs: MarketNeeds) -> None:
    """What commands name. The bookings that they name are locked before."""
    if needs.services or needs.practitioners or needs.sessions:
        pipeline.ask(SQL_SERVICES, _wanted(needs), lambda rows: know_services(state, rows))
        pipeline.ask(SQL_PRACTITIONERS, _wanted(needs), lambda rows: know_practitioners(state, rows))
    if needs.locations:
        _ask_locations(pipeline, state, needs.locations)
    if needs.sessions or needs.courses:
        seats = {**_wanted(needs), **_whose(needs.seated, needs.seekers, needs.offered)}
        pipeline.ask(SQL_LOCK_SEATED, seats, lambda _: None)
        pipeline.ask(SQL_LOCK_SESSIONS, _wanted(needs), lambda _: None)
        pipeline.ask(SQL_SESSIONS, _wanted(needs), lambda rows: _know_sessions(state, rows))
        pipeline.ask(SQL_SEATED, seats, lambda rows: know_bookings(state, rows))
    if needs.waiters or needs.offered or needs.emptied:
        pipeline.ask(SQL_PLACES, _places(needs), lambda rows: _know_queues(state, rows))
    if needs.spenders:
        _ask_credits(pipeline, state, (), needs.spenders)


def load_families(connection: Connection, state: State) -> None:
    """The rest of each purchase that the batch's bookings belong to, with its sessions, credits and notes."""
    bookings = market_bookings(state)
    if not bookings:
        return
    roots = {details.parent_id or booking.id for booking, details in bookings}
    with pipelined(connection) as pipeline:
        pipeline.ask(SQL_FAMILY, {"roots": sorted(roots)}, lambda rows: know_bookings(state, rows))
    with pipelined(connection) as pipeline:
        ask_context(pipeline, state, market_bookings(state))
        ask_notes(pipeline, state, [booking.id for booking, _ in bookings])
        sessions = {d.session_id for _, d in market_bookings(state) if d.session_id is not None}
        wanted = {"sessions": sorted(sessions - state.market.sessions.keys()), "courses": []}
        if wanted["sessions"]:
            pipeline.ask(SQL_LOCK_SESSIONS, wanted, lambda _: None)
            pipeline.ask(SQL_SESSIONS, wanted, lambda rows: _know_sessions(state, rows))
        bundles = {id_ for b, d in market_bookings(state) for id_ in (b.id, d.credit_id) if id_ is not None}
        _ask_credits(pipeline, state, bundles, ())


def ask_context(pipeline: QueryPipeline, state: State, bookings: Iterable[tuple[Booking, MarketDetails]]) -> None:
    """What answers show of these bookings: services, practitioners, locations, rooms."""
    pairs = list(bookings)
    services = {booking.service_id for booking, _ in pairs if booking.service_id is not None}
    practitioners = {details.practitioner_id for _, details in pairs}
    wanted = {"services": list(services), "practitioners": list(practitioners), "sessions": [], "courses": []}
    pipeline.ask(SQL_SERVICES, wanted, lambda rows: know_services(state, rows))
    pipeline.ask(SQL_PRACTITIONERS, wanted, lambda rows: know_practitioners(state, rows))
    if locations := {details.location_id for _, details in pairs if details.location_id is not None}:
        _ask_locations(pipeline, state, locations)
    if rooms := {details.room_id for _, details in pairs if details.room_id is not None}:
        pipeline.ask(SQL_ROOM_NAMES, (list(rooms),), lambda rows: know_rooms(state, rows))


def _ask_locations(pipeline: QueryPipeline, state: State, ids: Iterable[int]) -> None:
    wanted = (list(ids),)
    pipeline.ask(SQL_LOCATIONS, wanted, lambda rows: know_locations(state, rows))
    pipeline.ask(SQL_ROOMS_THERE, wanted, lambda rows: know_rooms(state, rows))


def market_bookings(state: State) -> list[tuple[Booking, MarketDetails]]:
    return [(b, b.details) for b in state.bookings.values() if isinstance(b.details, MarketDetails)]


def _wanted(needs: MarketNeeds) -> dict[str, list[int]]:
    return {
        "services": list(needs.services),
        "practitioners": list(needs.practitioners),
        "sessions": list(needs.sessions),
        "courses": list(needs.courses),
    }


def _places(needs: MarketNeeds) -> dict[str, Any]:
    """Each command of the batch may take somebody out of a queue before its seats are offered."""
    return {
        "waiting_for": [session for session, _ in needs.waiters],
        "waiters": [user for _, user in needs.waiters],
        "offered": list(needs.offered),
        "seats": [seats + needs.commands for seats in needs.offered.values()],
        "emptied": list(needs.emptied),
        "most": STEP_BOOKINGS,
    }


def lock_seats(pipeline: QueryPipeline, state: State, sessions: Iterable[int], users: Iterable[int]) -> None:
    """The seats of these people, and of lapsed holds. The sessions are locked already."""
    wanted = {"sessions": list(sessions), "courses": [], **_whose(users)}
    pipeline.ask(SQL_SEATED, wanted, lambda rows: know_bookings(state, rows))


def _whose(users: Iterable[int], seekers: Iterable[int] = (), offered: Iterable[int] = ()) -> dict[str, list[int]]:
    """Whose bookings of the sessions to load (`SQL_SEATED`)."""
    return {"users": list(users), "seekers": list(seekers), "offered": list(offered)}


def _ask_credits(pipeline: QueryPipeline, state: State, ids: Iterable[int], users: Iterable[int]) -> None:
    wanted = {"ids": list(ids), "users": list(users)}
    pipeline.ask(SQL_LOCK_CREDITS, wanted, lambda _: None)
    pipeline.ask(SQL_CREDITS, wanted, lambda rows: _know_credits(state, rows))


def know_services(state: State, rows: Rows) -> None:
    state.market.services |= {row[0]: service_of(row) for row in rows}


def know_practitioners(state: State, rows: Rows) -> None:
    state.market.practitioners |= {row[0]: practitioner_of(row) for row in rows}


def know_locations(state: State, rows: Rows) -> None:
    state.market.locations |= {row[0]: location_of(row) for row in rows}


def know_rooms(state: State, rows: Rows) -> None:
    state.market.room_names |= dict(rows)


def _know_sessions(state: State, rows: Rows) -> None:
    state.market.sessions |= {row[0]: session_of(row) for row in rows}


def _know_queues(state: State, rows: Rows) -> None:
    for row in rows:
        state.market.queues[row[1]][row[2]] = WaitingPlace(*row)


def _know_credits(state: State, rows: Rows) -> None:
    state.market.credits |= {row[0]: credit_of(row) for row in rows}
