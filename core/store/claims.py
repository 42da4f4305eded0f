"""Claims: the time that bookings and sessions take of resources. An exclusion constraint lets no two overlap.

A closure claims what these leave of its time (core/store/catalogue/closures.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain

import msgspec

from core.domain.events import BookingChanged, BookingDeleted, BookingPlaced, Event
from core.domain.marketplace.events import SessionCancelled, SessionOpened
from core.domain.values import Claim
from core.store.connections.round_trip import RoundTrip

SQL_CLAIM = """
INSERT INTO claim (resource_id, booking_id, session_id, during)
SELECT resource_id, booking_id, session_id, tstzrange(starts_at, ends_at)
FROM json_to_recordset(%s::json) AS c (
    resource_id bigint, booking_id bigint, session_id bigint, starts_at timestamptz, ends_at timestamptz)
"""
SQL_FREE_BOOKINGS = "DELETE FROM claim WHERE booking_id = ANY(%s::bigint[])"
SQL_FREE_SESSIONS = "DELETE FROM claim WHERE session_id = ANY(%s::bigint[])"

_encode = msgspec.json.Encoder().encode


def write_claims(trip: RoundTrip, events: Sequence[Event]) -> None:
    """Give time back, then take time. Bookings and sessions are written already."""
    bookings, sessions, taken = _changed_claims(events)
    if bookings:
        trip.execute(SQL_FREE_BOOKINGS, (bookings,))
    if sessions:
        trip.execute(SQL_FREE_SESSIONS, (sessions,))
    if taken:
        trip.execute(SQL_CLAIM, (_encode(taken).decode(),))


def _changed_claims(events: Sequence[Event]) -> tuple[list[int], list[int], list[Claim]]:
    """(bookings and sessions that gave their time back, claims to take), net of what one batch takes and gives back."""
    bookings: set[int] = set()
    sessions: set[int] = set()
    by_booking: dict[int, tuple[Claim, ...]] = {}
    by_session: dict[int, tuple[Claim, ...]] = {}
    for event in events:
        match event:
            case BookingPlaced(booking=b, claims=claims):
                by_booking[b.id] = claims
            case (
                BookingChanged(booking=b, freed=True, claims=claims)
                | BookingChanged(booking=b, claims=(_, *_) as claims)
            ):
                bookings.add(b.id)
                by_booking[b.id] = claims
            case BookingDeleted(booking=b):
                bookings.add(b.id)
                by_booking.pop(b.id, None)
            case SessionOpened(session=session, claims=claims):
                by_session[session.id] = claims
            case SessionCancelled(session=session):
                sessions.add(session.id)
                by_session.pop(session.id, None)
            case _:
                pass
    claims_ = chain.from_iterable((*by_booking.values(), *by_session.values()))
    return sorted(bookings), sorted(sessions), sorted(claims_, key=lambda c: (c.resource_id, c.starts_at))
