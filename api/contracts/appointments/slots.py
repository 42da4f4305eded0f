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
from core.store.offers import OnOffer, read_offer
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
            offer = await read_offer(connection, service, day, day, allow_past=self._allow_past)
        resp.data = encode(slots_body(offer, active_rules(offer), day, service or ""))
        resp.content_type = falcon.MEDIA_JSON


def active_rules(offer: OnOffer) -> Rules:
    """Raises Problem 404 while the shop is closed."""
    if offer.rules is None or not offer.rules.is_active:
        raise Problem(404, "no_settings", "No booking settings found")
    return offer.rules


def slots_body(offer: OnOffer, rules: Rules, day: date, service: str) -> dict[str, Any]:
    minutes = offer.minutes
    slots = free_slots(rules, offer.resource, minutes, day, offer.claims, offer.now)
    return {
        "success": True,
        "message": "Available time slots retrieved successfully",
        "date": day.isoformat(),
        "service": service,
        "working_hours": working_hours(rules),
        "duration_minutes": minutes,
        "is_off_day": rules.hours.is_off(day),
        "available_slots": [_slot(slot, minutes, offer.resource.zone) for slot in slots],
        "total_available_slots": len(slots),
    }


def working_hours(rules: Rules) -> dict[str, str]:
    opens, closes = rules.hours.opens_minute, rules.hours.closes_minute
    return {"start": f"{opens // 60:02}:{opens % 60:02}", "end": f"{closes // 60:02}:{closes % 60:02}"}


def _slot(slot: Slot, minutes: int, zone_name: str) -> dict[str, Any]:
    return {
        "time": slot.at.isoformat("minutes"),
        "display_time": slot.at.strftime("%I:%M %p"),
        "end_time": local(slot.ends_at, zone_name).strftime("%H:%M"),
        "duration_minutes": minutes,
        "available": True,
        "is_reserved": False,
    }
