"""The routes of the calendar contract. `/api/bookings/` itself is shared (api.bookings)."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.contracts.calendar.admin_timeslots import AdminTimeSlot, AdminTimeSlots
from api.contracts.calendar.categories import AdminCategories, AdminCategory, Categories
from api.contracts.calendar.own_bookings import UserBookings
from api.contracts.calendar.timeslots import TimeSlots
from api.contracts.calendar.weekly_pattern import WeeklyTimeSlots
from api.runtime import Runtime


def add_routes(app: falcon.asgi.App[Any, Any], runtime: Runtime) -> None:
    settings, pool = runtime.settings, runtime.pool
    app.add_route("/api/categories", Categories(pool))
    app.add_route("/api/timeslots", TimeSlots(pool, runtime.reads, allow_past=settings.allow_past))
    app.add_route("/api/user/bookings", UserBookings(pool))
    app.add_route("/api/admin/categories", AdminCategories(pool, runtime.installation))
    app.add_route("/api/admin/categories/{category_id:int}", AdminCategory(pool))
    app.add_route("/api/admin/timeslots", AdminTimeSlots(runtime.commands, pool))
    app.add_route("/api/admin/timeslots/weekly", WeeklyTimeSlots(runtime.commands, pool))
    app.add_route("/api/admin/timeslots/{time_slot_id:int}", AdminTimeSlot(runtime.commands, pool))
