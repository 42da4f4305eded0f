"""The routes of the appointments contract."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.contracts.appointments.available_slots import AvailableSlots
from api.contracts.appointments.booking_lists import AdminBookings, BookingStats, ReservedSlots
from api.contracts.appointments.booking_settings import BookingSettings
from api.contracts.appointments.closures import Closures, OneClosure
from api.contracts.appointments.countries import Countries
from api.contracts.appointments.desk_booking import AdminBooking
from api.contracts.appointments.month_calendar import MonthCalendar
from api.contracts.appointments.new_booking import CreateBooking
from api.contracts.appointments.resources import Resources
from api.contracts.appointments.services import AdminService, AdminServices, Services
from api.runtime import Runtime


def add_routes(app: falcon.asgi.App[Any, Any], runtime: Runtime) -> None:
    settings, pool, reads = runtime.settings, runtime.pool, runtime.reads
    one = AdminBooking(runtime.commands, pool)
    app.add_route("/api/admin/closures", Closures(runtime.commands, pool, settings.policy))
    app.add_route("/api/admin/closures/{closure_id:int}", OneClosure(runtime.commands, pool))
    app.add_route("/api/admin/resources", Resources(pool))
    app.add_route("/api/admin/services", AdminServices(pool, runtime.installation))
    app.add_route("/api/admin/services/{service_id:int}", AdminService(pool))
    app.add_route("/api/countries", Countries())
    app.add_route("/api/services", Services(reads))
    app.add_route("/api/booking/settings", BookingSettings(pool, reads))
    app.add_route("/api/booking/smart-available-slots", AvailableSlots(pool, reads, settings.policy))
    app.add_route("/api/booking/calendar", MonthCalendar(pool, reads, settings.policy))
    app.add_route("/api/booking/create", CreateBooking(runtime.commands))
    app.add_route("/api/reservations/reserved_slots", ReservedSlots(runtime.engine, reads))
    app.add_route("/api/admin/bookings", AdminBookings(runtime.engine, pool, settings.phone_region))
    app.add_route("/api/admin/bookings/stats", BookingStats(pool))
    app.add_route("/api/admin/bookings/{booking_id:int}", one)
    app.add_route("/api/admin/bookings/{booking_id:int}/update", one, suffix="update")
    app.add_route("/api/admin/bookings/{booking_id:int}/delete", one, suffix="delete")
