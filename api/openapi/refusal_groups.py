"""Codes that several routes refuse with, under one name."""

from __future__ import annotations

from core.domain.refusals import Refusal

PLACING = (
    Refusal.NO_SETTINGS,
    Refusal.USER_NOT_FOUND,
    Refusal.FORBIDDEN,
    Refusal.LOCAL_TIME_SKIPPED,
    Refusal.IN_THE_PAST,
    Refusal.OFF_DAY,
    Refusal.OUTSIDE_WORKING_HOURS,
    Refusal.SLOT_TAKEN,
)
"""What a command that places a booking may be refused for."""
UNBOOKABLE = (Refusal.SERVICE_INACTIVE, Refusal.UNKNOWN_SERVICE)
"""What a service name may be refused for."""
