"""The routes of the rooms contract. `/api/bookings/` itself is shared (api.bookings)."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.contracts.rooms.all_bookings import AllBookings
from api.contracts.rooms.availability import Availability
from api.contracts.rooms.cleanup import CleanUp
from api.contracts.rooms.rooms import AdminRoom, AdminRooms, OneRoom, Rooms
from api.runtime import Runtime


def add_routes(app: falcon.asgi.App[Any, Any], runtime: Runtime) -> None:
    settings, pool, reads = runtime.settings, runtime.pool, runtime.reads
    app.add_route("/api/rooms", Rooms(reads))
    app.add_route("/api/rooms/{room_id:int}", OneRoom(reads))
    app.add_route("/api/rooms/{room_id:int}/availability", Availability(reads, allow_past=settings.allow_past))
    app.add_route("/api/admin/rooms", AdminRooms(pool, runtime.installation))
    app.add_route("/api/admin/rooms/{room_id:int}", AdminRoom(pool))
    app.add_route("/api/bookings/all", AllBookings(runtime.engine))
    app.add_route("/api/cleanup-expired-bookings", CleanUp(runtime.redis, runtime.tasks, runtime.settings.redis_keys))
