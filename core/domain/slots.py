"""Slots on offer: exactly the grid starts that `decide` would accept at this moment."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time

from msgspec import Struct

from core.domain.calendars import grid
from core.domain.values import Claim, Resource, Rules


class Slot(Struct, frozen=True):
    """An interval offered. `at` is local to the resource."""

    at: time
    starts_at: datetime
    ends_at: datetime


def free_slots(
    rules: Rules, resource: Resource, minutes: int, day: date, claims: Sequence[Claim], now: datetime
) -> list[Slot]:
    """Free grid starts of a local day, in order. `claims` are the resource's on and around that day."""
    return [
        Slot(at, starts_at, ends_at)
        for at, starts_at, ends_at in grid(day, minutes, rules.hours, resource.zone)
        if (rules.allow_past or starts_at > now) and not any(claim.overlaps(starts_at, ends_at) for claim in claims)
    ]
