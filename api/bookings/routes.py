"""The routes of the paths that contracts share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import falcon.asgi

from api.bookings.admin_actions import AdminActions
from api.bookings.new_booking import BookingCreator, CreateBooking
from api.bookings.own_booking import OneBooking
from api.bookings.schedule import DaysOfSchedule, ScheduleOfDays
from api.runtime import Runtime


def add_routes(
    app: falcon.asgi.App[Any, Any], runtime: Runtime, booking_creators: Mapping[str, BookingCreator]
) -> None:
    """`booking_creators`: the contract's part that makes a booking, by the field of the body that names it."""
    app.add_route("/api/bookings", CreateBooking(booking_creators))
    own = OneBooking(runtime.commands, runtime.pool)
    app.add_route("/api/bookings/{booking_id:int}", own)
    app.add_route("/api/bookings/{booking_id:int}/move", own, suffix="move")
    actions = AdminActions(runtime.commands, runtime.pool)
    app.add_route("/api/admin/bookings/{booking_id:int}/move", actions, suffix="move")
    app.add_route("/api/admin/bookings/{booking_id:int}/confirm", actions, suffix="confirm")
    app.add_route("/api/admin/bookings/{booking_id:int}/complete", actions, suffix="complete")
    app.add_route("/api/admin/bookings/{booking_id:int}/no-show", actions, suffix="no_show")
    app.add_route("/api/admin/schedule", ScheduleOfDays(runtime.pool))
    app.add_route("/api/admin/schedule/days", DaysOfSchedule(runtime.pool))
