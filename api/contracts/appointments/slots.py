"""`GET /api/booking/smart-available-slots/` (appointments.md, 14)."""

from __future__ import annotations

from datetime import date
from typing import Any

import falcon.asgi
from psycopg_pool import AsyncConnectionPool

from api.errors import Problem
from api.queries import Query
from core.domain.calendars import local
from core.domain.slots import Slot, free_slots
from core.domain.values import Rules
from core.store.offers import DayOnOffer, read_day
from core.wire.outcomes import encode


class AvailableSlots:
    def __init__(self, pool: AsyncConnectionPool[Any], *, allow_past: bool) -> None:
        self._pool = pool
        self._allow_past = allow_past

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = Query(req)
        day, service = query.day("date", required=True), query.text("service")
        query.check()
        assert day is not None  # noqa: S101 - `check` refuses a missing one
        async with self._pool.connection() as connection:
            offer = await read_day(connection, service, day, allow_past=self._allow_past)
        if offer.rules is None or not offer.rules.is_active:
            raise Problem(404, "no_settings", "No booking settings found")
        resp.data = encode(slots_body(offer, offer.rules, day, service or ""))
        resp.content_type = falcon.MEDIA_JSON


def slots_body(offer: DayOnOffer, rules: Rules, day: date, service: str) -> dict[str, Any]:
    minutes = (offer.service.duration_minutes if offer.service else None) or rules.duration_minutes
    slots = free_slots(rules, offer.resource, minutes, day, offer.claims, offer.now)
    return {
        "success": True,
        "message": "Available time slots retrieved successfully",
        "date": day.isoformat(),
        "service": service,
        "working_hours": {"start": hour_words(rules.hours.opens_minute), "end": hour_words(rules.hours.closes_minute)},
        "duration_minutes": minutes,
        "is_off_day": rules.hours.is_off(day),
        "available_slots": [_slot(slot, minutes, offer.resource.zone) for slot in slots],
        "total_available_slots": len(slots),
    }


def hour_words(minute: int) -> str:
    return f"{minute // 60:02}:{minute % 60:02}"


def _slot(slot: Slot, minutes: int, zone_name: str) -> dict[str, Any]:
    return {
        "time": slot.at.isoformat("minutes"),
        "display_time": slot.at.strftime("%I:%M %p"),
        "end_time": local(slot.ends_at, zone_name).strftime("%H:%M"),
        "duration_minutes": minutes,
        "available": True,
        "is_reserved": False,
    }
