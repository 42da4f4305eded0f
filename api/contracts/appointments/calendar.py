"""`GET /api/booking/calendar/`: a month, day by day (appointments.md, 16; the contracts page)."""

from __future__ import annotations

from calendar import SATURDAY, day_name, monthrange
from datetime import date
from typing import Any

import falcon.asgi
from psycopg_pool import AsyncConnectionPool

from api.contracts.appointments.slots import active_rules, working_hours
from api.fields import EARLIEST, LATEST
from api.queries import Query
from core.domain.calendars import local
from core.domain.slots import free_days
from core.domain.values import Rules
from core.store.offers import OnOffer, read_offer
from core.wire.outcomes import encode


class MonthCalendar:
    """Of the desk, or of the resource of a `service`. Public: numbers only."""

    def __init__(self, pool: AsyncConnectionPool[Any], *, allow_past: bool) -> None:
        self._pool = pool
        self._allow_past = allow_past

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        query = Query(req)
        year = query.number("year", EARLIEST.year, LATEST.year, required=True)
        month = query.number("month", 1, 12, required=True)
        service = query.text("service")
        query.check()
        assert year is not None and month is not None  # noqa: PT018, S101 - `check` refuses missing ones
        days = [date(year, month, day) for day in range(1, monthrange(year, month)[1] + 1)]
        async with self._pool.connection() as connection:
            offer = await read_offer(connection, service, days[0], days[-1], allow_past=self._allow_past)
        resp.data = encode(calendar_body(offer, active_rules(offer), days))
        resp.content_type = falcon.MEDIA_JSON


def calendar_body(offer: OnOffer, rules: Rules, days: list[date]) -> dict[str, Any]:
    today = local(offer.now, offer.resource.zone).date()
    counted = free_days(rules, offer.resource, offer.minutes, days, offer.claims, offer.now)
    return {
        "success": True,
        "message": "Booking calendar retrieved successfully",
        "year": days[0].year,
        "month": days[0].month,
        "calendar": [
            {
                "date": day.isoformat(),
                "day": day.day,
                "day_name": day_name[day.weekday()],
                "is_off_day": rules.hours.is_off(day),
                "is_weekend": day.weekday() >= SATURDAY,
                "is_today": day == today,
                "reserved_count": reserved,
                "available_count": available,
            }
            for day, reserved, available in counted
        ],
        "working_hours": working_hours(rules),
        "off_days": sorted(rules.hours.off_days),
    }
