"""Codes with which several routes of the marketplace refuse, by group."""

from __future__ import annotations

from core.domain.refusals import Refusal

BUYING = (Refusal.USER_NOT_FOUND, Refusal.SERVICE_NOT_FOUND, Refusal.NOT_CHARGEABLE, Refusal.TOO_MANY_HOLDS)
"""Of any purchase."""
PLACING = (
    Refusal.PRACTITIONER_NOT_FOUND,
    Refusal.LOCATION_NOT_FOUND,
    Refusal.WRONG_DURATION,
    Refusal.IN_THE_PAST,
    Refusal.TOO_SOON,
    Refusal.TOO_FAR_AHEAD,
    Refusal.OUTSIDE_WORKING_HOURS,
    Refusal.SLOT_TAKEN,
    Refusal.NO_ROOM_FREE,
)
"""Of a time with a practitioner, and of a room."""
SEATING = (
    Refusal.SESSION_NOT_FOUND,
    Refusal.SESSION_FULL,
    Refusal.SESSION_CANCELLED,
    Refusal.ALREADY_BOOKED,
    Refusal.IN_THE_PAST,
)
"""Of a seat."""

CHANGING_STATUS = (Refusal.BOOKING_NOT_FOUND, Refusal.INVALID_TRANSITION)
"""Of any action on a booking."""
RESCHEDULING = (
    *CHANGING_STATUS,
    *PLACING,
    *SEATING,
    Refusal.SESSION_WANTED,
    Refusal.NOT_MOVABLE,
    Refusal.ALREADY_BEGUN,
    Refusal.TOO_LATE_TO_MOVE,
    Refusal.HOLD_ENDED,
    Refusal.SERVICE_NOT_FOUND,
)
"""Of another time."""
EDITING = (
    Refusal.BOOKING_NOT_FOUND,
    Refusal.VERB_FORBIDDEN,
    Refusal.NOT_MOVABLE,
    Refusal.LOCATION_NOT_FOUND,
    Refusal.NO_ROOM_FREE,
)
"""Of other words, or another place."""
