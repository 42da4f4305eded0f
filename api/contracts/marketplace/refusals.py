"""Codes that several routes of the marketplace refuse with, under one name."""

from __future__ import annotations

from core.domain.events import Refusal

BUYING = (
    Refusal.USER_NOT_FOUND,
    Refusal.SERVICE_NOT_FOUND,
    Refusal.PRACTITIONER_NOT_FOUND,
    Refusal.LOCATION_NOT_FOUND,
    Refusal.SESSION_NOT_FOUND,
    Refusal.WRONG_DURATION,
    Refusal.IN_THE_PAST,
    Refusal.TOO_SOON,
    Refusal.TOO_FAR_AHEAD,
    Refusal.OUTSIDE_WORKING_HOURS,
    Refusal.SLOT_TAKEN,
    Refusal.NO_ROOM_FREE,
    Refusal.SESSION_FULL,
    Refusal.SESSION_CANCELLED,
    Refusal.SESSION_WANTED,
    Refusal.ALREADY_BOOKED,
    Refusal.CHANGED_MEANWHILE,
    Refusal.TOO_MANY_HOLDS,
)
"""What a purchase may be refused for."""

TURNING = (
    Refusal.BOOKING_NOT_FOUND,
    Refusal.VERB_FORBIDDEN,
    Refusal.INVALID_TRANSITION,
)
"""What any of the verbs may be refused for."""
MOVING = (
    *TURNING,
    Refusal.NOT_MOVABLE,
    Refusal.ALREADY_BEGUN,
    Refusal.TOO_LATE_TO_MOVE,
    Refusal.HOLD_ENDED,
    Refusal.SERVICE_NOT_FOUND,
    Refusal.PRACTITIONER_NOT_FOUND,
    Refusal.LOCATION_NOT_FOUND,
    Refusal.WRONG_DURATION,
    Refusal.IN_THE_PAST,
    Refusal.TOO_SOON,
    Refusal.TOO_FAR_AHEAD,
    Refusal.OUTSIDE_WORKING_HOURS,
    Refusal.SLOT_TAKEN,
    Refusal.NO_ROOM_FREE,
    Refusal.SESSION_NOT_FOUND,
    Refusal.SESSION_FULL,
    Refusal.SESSION_CANCELLED,
    Refusal.SESSION_WANTED,
    Refusal.ALREADY_BOOKED,
)
"""What another time or place may be refused for."""
