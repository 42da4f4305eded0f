"""What a batch decided in the marketplace beside its bookings, written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from core.domain.commands import ENGINE, CommandClass
from core.domain.events import BookingChanged, BookingDeleted, BookingPlaced, Event
from core.domain.marketplace.commands import OfferSeats
from core.domain.marketplace.counts import Counts, concerns_market
from core.domain.marketplace.details import MarketDetails
from core.domain.marketplace.events import (
    CreditsGranted,
    CreditsVoided,
    SeatOffered,
    SessionCancelled,
    SessionOpened,
    WaitingBegun,
    WaitingEnded,
)
from core.domain.names import folded
from core.domain.values import Booking
from core.domain.versions import version_of
from core.store.connections.round_trip import RoundTrip
from core.store.sql.parameters import json_of

SQL_OPEN_SESSIONS = """
INSERT INTO service_session (id, service_id, practitioner_id, location_id, room_id, title, starts_at, ends_at, capacity,
                             meeting_url)
SELECT id, service_id, practitioner_id, location_id, room_id, title, starts_at, ends_at, capacity, meeting_url
FROM json_to_recordset(%s::json) AS s (
    id bigint, service_id bigint, practitioner_id bigint, location_id bigint, room_id bigint, title text,
    starts_at timestamptz, ends_at timestamptz, capacity integer, meeting_url text)
"""
SQL_CANCEL_SESSIONS = "UPDATE service_session SET is_cancelled = true, updated_at = %s WHERE id = ANY(%s)"
SQL_SEATS = """
UPDATE service_session s SET seats_taken = s.seats_taken + c.by, updated_at = %s
FROM unnest(%s::bigint[], %s::integer[]) AS c (id, by) WHERE s.id = c.id
"""
"""Seats change by a difference, so that changes by another lane count too. The CHECK refuses a 21st seat of 20."""
SQL_CREDITS = """
UPDATE credit c SET balance = c.balance + d.by FROM unnest(%s::bigint[], %s::integer[]) AS d (id, by) WHERE c.booking_id = d.id
"""
SQL_GRANT = """
INSERT INTO credit (booking_id, user_id, service_ids, granted, balance, expires_at)
SELECT booking_id, user_id, ARRAY(SELECT json_array_elements_text(service_ids)::bigint), granted, granted, expires_at
FROM json_to_recordset(%s::json) AS c (
    booking_id bigint, user_id bigint, service_ids json, granted integer, expires_at timestamptz)
"""
SQL_VOID = "UPDATE credit SET balance = 0 WHERE booking_id = ANY(%s)"

_ROW = """booking_id bigint, user_id bigint, practitioner_id bigint, service_id bigint, session_id bigint, parent_id bigint,
    location_id bigint, credit_id bigint, kind text, status text, payment_status text, starts_at timestamptz,
    ends_at timestamptz, price_minor bigint, created_at timestamptz, words text"""
_COLUMNS = [column.split()[0] for column in _ROW.split(",")]
SQL_LIST = f"""
INSERT INTO marketplace_booking ({", ".join(_COLUMNS)})
SELECT {", ".join(_COLUMNS)} FROM json_to_recordset(%s::json) AS b ({_ROW})
ORDER BY status NOT IN ('cancelled', 'expired'), booking_id
ON CONFLICT (booking_id) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in _COLUMNS[1:])}
"""
"""Bookings that end go first: a person has one seat of a session, and a unique index is checked row by row, not
at the end of the statement."""
SQL_UNLIST = "DELETE FROM marketplace_booking WHERE booking_id = ANY(%s)"
SQL_JOIN = """
INSERT INTO waiting_place (id, session_id, user_id, created_at)
SELECT id, session_id, user_id, created_at
FROM json_to_recordset(%s::json) AS w (id bigint, session_id bigint, user_id bigint, created_at timestamptz)
"""
SQL_LEAVE = "DELETE FROM waiting_place WHERE id = ANY(%s)"
SQL_OFFER = """
UPDATE waiting_place w SET booking_id = o.booking_id FROM unnest(%s::bigint[], %s::bigint[]) AS o (id, booking_id)
WHERE w.id = o.id
"""
SQL_CALL_WAITING = """
INSERT INTO inbox (id, lane, slot_crc, class, type, version, contract, request_id, actor, body, weight)
SELECT gen_random_uuid(), mod(s.id, i.lanes), s.id, %(class)s, 'offer_seats', %(version)s, 'marketplace', 'offer-' || s.id,
       %(actor)s::json, json_build_object('type', 'offer_seats', 'session_id', s.id, 'at_most', freed.seats), freed.seats
FROM unnest(%(sessions)s::bigint[], %(seats)s::integer[]) AS freed (id, seats)
JOIN service_session s ON s.id = freed.id, installation i
WHERE NOT s.is_cancelled AND EXISTS (SELECT FROM waiting_place w WHERE w.session_id = s.id AND w.booking_id IS NULL)
"""
"""Seats were given back and people wait: a command of the engine, in the same transaction, will offer them.
The sweep wakes its lane within a second."""

_OF_SESSIONS = frozenset({SessionOpened, SessionCancelled})

OFFERS_AT_ONCE = 250
"""Seats that one command offers at most."""


def save_market_before_bookings(trip: RoundTrip, events: Sequence[Event], now: datetime) -> None:
    """Sessions that are opened or cancelled: claims and bookings refer to them."""
    if _OF_SESSIONS.isdisjoint(map(type, events)):
        return
    if opened := [event.session for event in events if isinstance(event, SessionOpened)]:
        trip.execute(SQL_OPEN_SESSIONS, (json_of(opened),))
    if cancelled := [event.session.id for event in events if isinstance(event, SessionCancelled)]:
        trip.execute(SQL_CANCEL_SESSIONS, (now, cancelled))


def save_market(trip: RoundTrip, events: Sequence[Event], now: datetime) -> None:
    """After bookings and their claims."""
    events = [event for event in events if concerns_market(event)]
    if not events:
        return
    rows = _list_rows(events)
    counts = Counts(events)
    if granted := [event.credit for event in events if isinstance(event, CreditsGranted)]:
        trip.execute(SQL_GRANT, (json_of(granted),))
    if gone := [id_ for id_, row in rows.items() if row is None]:
        trip.execute(SQL_UNLIST, (gone,))
    if listed := [row for row in rows.values() if row is not None]:
        trip.execute(SQL_LIST, (json_of(listed),))
    if credits_ := sorted((id_, by) for id_, by in counts.credits.items() if by):
        trip.execute(SQL_CREDITS, [list(column) for column in zip(*credits_, strict=True)])
    if voided := [event.credit_id for event in events if isinstance(event, CreditsVoided)]:
        trip.execute(SQL_VOID, (voided,))
    _save_seats(trip, events, counts, now)


def _save_seats(trip: RoundTrip, events: Sequence[Event], counts: Counts, now: datetime) -> None:
    """The queue is written before the seats: a seat that is given back looks for people who wait."""
    if joined := [event.place for event in events if isinstance(event, WaitingBegun)]:
        trip.execute(SQL_JOIN, (json_of(joined),))
    if left := [event.place.id for event in events if isinstance(event, WaitingEnded)]:
        trip.execute(SQL_LEAVE, (left,))
    if offers := [(event.place.id, event.booking_id) for event in events if isinstance(event, SeatOffered)]:
        trip.execute(SQL_OFFER, [list(column) for column in zip(*offers, strict=True)])
    if seats := sorted((id_, by) for id_, by in counts.seats.items() if by):
        trip.execute(SQL_SEATS, [now, *([list(column) for column in zip(*seats, strict=True)])])
    if freed := _given_back(events):
        trip.execute(SQL_CALL_WAITING, called_waiting(freed))


def _given_back(events: Sequence[Event]) -> list[tuple[int, int]]:
    """(session, seats) that bookings gave back. Not net of what the batch took: an offer beside a
    cancellation leaves a seat as free as it was, and it is for the next in the queue.
    """
    freed: Counter[int] = Counter()
    for event in events:
        for id_, seats in Counts([event]).seats.items():
            if seats < 0:
                freed[id_] -= seats
    return [(id_, min(seats, OFFERS_AT_ONCE)) for id_, seats in sorted(freed.items())]


def called_waiting(freed: Sequence[tuple[int, int]]) -> dict[str, Any]:
    """The values of SQL_CALL_WAITING, of (session, seats), each of `OFFERS_AT_ONCE` at most."""
    return {
        "class": int(CommandClass.EXPIRY),
        "version": version_of(OfferSeats(session_id=0, at_most=1), ENGINE),
        "actor": json_of(ENGINE),
        "sessions": [id_ for id_, _ in freed],
        "seats": [seats for _, seats in freed],
    }


class ListRow(Struct, frozen=True):
    """One row of `marketplace_booking`."""

    booking_id: int
    user_id: int
    practitioner_id: int
    service_id: int | None
    session_id: int | None
    parent_id: int | None
    location_id: int | None
    credit_id: int | None
    kind: str
    status: str
    payment_status: str
    starts_at: datetime | None
    ends_at: datetime | None
    price_minor: int
    created_at: datetime
    words: str


def _list_rows(events: Sequence[Event]) -> dict[int, ListRow | None]:
    """Each marketplace booking as the batch leaves it; None for one that is deleted."""
    found: dict[int, ListRow | None] = {}
    for event in events:
        if isinstance(event, BookingPlaced | BookingChanged) and isinstance(event.booking.details, MarketDetails):
            found[event.booking.id] = list_row(event.booking, event.booking.details)
        elif isinstance(event, BookingDeleted) and isinstance(event.booking.details, MarketDetails):
            found[event.booking.id] = None
    return found


def list_row(booking: Booking, details: MarketDetails) -> ListRow:
    return ListRow(
        booking_id=booking.id,
        user_id=booking.user_id,
        practitioner_id=details.practitioner_id,
        service_id=booking.service_id,
        session_id=details.session_id,
        parent_id=details.parent_id,
        location_id=details.location_id,
        credit_id=details.credit_id,
        kind=details.kind,
        status=booking.status,
        payment_status=booking.payment_status,
        starts_at=booking.starts_at if details.is_scheduled else None,
        ends_at=booking.ends_at if details.is_scheduled else None,
        price_minor=booking.price_minor,
        created_at=booking.created_at,
        words=folded(f"{details.title} {details.description} {booking.service_name}"),
    )
