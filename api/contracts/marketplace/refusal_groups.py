"""Codes that several routes of the marketplace refuse with, under one name."""

from __future__ import annotations

from core.domain.refusals import Refusal

BUYING = (Refusal.USER_NOT_FOUND, Refusal.SERVICE_NOT_FOUND, Refusal.NOT_CHARGEABLE, Refusal.TOO_MANY_HOLDS)
"""What any purchase may be refused for."""
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
"""What a time with a practitioner, and a room, may be refused for."""
SEATING = (
    Refusal.SESSION_NOT_FOUND,
    Refusal.SESSION_FULL,
    Refusal.SESSION_CANCELLED,
    Refusal.ALREADY_BOOKED,
    Refusal.IN_THE_PAST,
)
"""What a seat may be refused for."""

CHANGING_STATUS = (Refusal.BOOKING_NOT_FOUND, Refusal.INVALID_TRANSITION)
"""What any of the verbs may be refused for."""
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
"""What another time may be refused for."""
EDITING = (
    Refusal.BOOKING_NOT_FOUND,
    Refusal.VERB_FORBIDDEN,
    Refusal.NOT_MOVABLE,
    Refusal.LOCATION_NOT_FOUND,
    Refusal.NO_ROOM_FREE,
)
"""What other words, or another place, may be refused for."""
