"""The routes of calendar files. Each has its line in `api.route_rules`."""

from __future__ import annotations

from typing import Any

from falcon.asgi import App

from api.calendars.booking_file import BookingFile
from api.calendars.links import CalendarLinks
from api.calendars.subscribed_file import SubscribedFile
from api.limits.throttle import Throttle
from api.runtime import Runtime


def add_routes(app: App[Any, Any], runtime: Runtime, throttle: Throttle) -> None:
    links = CalendarLinks(runtime.pool, runtime.settings.public_url)
    app.add_route("/api/bookings/{booking_id:int}.ics", BookingFile(runtime.pool))
    app.add_route("/api/calendar-links", links)
    app.add_route("/api/calendar-links/{link_id:int}", links, suffix="one")
    app.add_route("/api/calendar-links/{link_id:int}/rotate", links, suffix="rotate")
    app.add_route("/api/calendars/{token}.ics", SubscribedFile(runtime.pool, throttle))
