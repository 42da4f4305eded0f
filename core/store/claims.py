"""Claims: what takes a resource's time. One exclusion constraint keeps any two of them apart.

Bookings, sessions and closures claim time. A closure's own claims only fill what bookings leave of it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import chain

from core.domain.events import BookingChanged, BookingDeleted, BookingPlaced, Event
from core.domain.marketplace.events import SessionCancelled, SessionOpened
from core.domain.state import State
from core.domain.values import Claim, ResourceTime
from core.store.connections.pipeline import QueryPipeline
from core.store.connections.round_trip import RoundTrip, Rows
from core.store.sql.parameters import SQL_INTERVAL_ROWS, intervals_parameter, json_of

SQL_CLAIMS = f"""
WITH w AS (SELECT id AS resource_id, tstzrange(starts_at, ends_at) AS during FROM {SQL_INTERVAL_ROWS})
SELECT DISTINCT c.resource_id, lower(c.during), upper(c.during), c.booking_id, NULL::bigint AS closure_id
FROM w JOIN claim c ON c.resource_id = w.resource_id AND c.during && w.during WHERE c.closure_id IS NULL
UNION ALL
SELECT DISTINCT c.resource_id, lower(c.during), upper(c.during), NULL::bigint, c.id
FROM w JOIN closure c ON c.resource_id = w.resource_id AND c.during && w.during
"""
"""What is taken within some times, by bookings and by whole closures."""
SQL_WITHOUT_CLAIMS = """
SELECT w.id FROM unnest(%s::bigint[]) AS w (id)
WHERE NOT EXISTS (SELECT FROM claim c WHERE c.booking_id = w.id)
"""
SQL_TAKE = """
INSERT INTO claim (resource_id, booking_id, session_id, during)
SELECT resource_id, booking_id, session_id, tstzrange(starts_at, ends_at)
FROM json_to_recordset(%s::json) AS c (
    resource_id bigint, booking_id bigint, session_id bigint, starts_at timestamptz, ends_at timestamptz)
"""
SQL_FREE_BOOKINGS = "DELETE FROM claim WHERE booking_id = ANY(%s::bigint[])"
SQL_FREE_SESSIONS = "DELETE FROM claim WHERE session_id = ANY(%s::bigint[])"


def sql_claim_the_rest(which: str) -> str:
    """A statement by which closures `c` claim what is left of their time. `which` is a condition on `c`.

    The claims in a closure are locked: a transaction that frees one meanwhile waits, and then sees the closure.
    """
    return f"""
INSERT INTO claim (resource_id, closure_id, during)
SELECT c.resource_id, c.id, unnest(tstzmultirange(c.during) - coalesce((
    SELECT range_agg(taken.during)
    FROM (SELECT k.during FROM claim k WHERE k.resource_id = c.resource_id AND k.during && c.during FOR UPDATE) AS taken
), '{{}}'))
FROM closure c WHERE {which}
"""


def ask_claims(pipeline: QueryPipeline, state: State, times: Collection[ResourceTime]) -> None:
    """What takes the times that commands want."""

    def store_claims(rows: Rows) -> None:
        for row in rows:
            state.take(Claim(*row))

    if times:
        pipeline.ask(SQL_CLAIMS, (intervals_parameter(times),), store_claims)


def ask_claims_of_shared_slots(pipeline: QueryPipeline, state: State) -> None:
    """What else takes the time slots whose resource this batch may take or free: it decides whether they are on offer."""

    def store_new_claims(rows: Rows) -> None:
        for claim in (Claim(*row) for row in rows):
            if claim not in state.claims[claim.resource_id].touching(claim.starts_at, claim.ends_at):
                state.take(claim)

    if state.shared_slots:
        spans = {(slot.category.resource.id, slot.starts_at, slot.ends_at) for slot in state.shared_slots}
        pipeline.ask(SQL_CLAIMS, (intervals_parameter(spans),), store_new_claims)


def drop_ended_claims(pipeline: QueryPipeline, state: State, booking_ids: Sequence[int]) -> None:
    """Forget the claims that another lane ended since they were read: they are no longer in the way.

    If their time is taken again by now, the exclusion constraint says so.
    """

    def forget(rows: Rows) -> None:
        for (id_,) in rows:
            state.give_back((id_, None, None))

    pipeline.ask(SQL_WITHOUT_CLAIMS, (booking_ids,), forget)


def write_claims(trip: RoundTrip, events: Sequence[Event]) -> None:
    """Give time back, then take time. Bookings and sessions are written already."""
    bookings, sessions, taken = _changed_claims(events)
    if bookings:
        trip.execute(SQL_FREE_BOOKINGS, (bookings,))
    if sessions:
        trip.execute(SQL_FREE_SESSIONS, (sessions,))
    if taken:
        trip.execute(SQL_TAKE, (json_of(taken),))


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
