"""The routes of the marketplace contract."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.contracts.marketplace.availability import CheckAvailability, ManyOpenings
from api.contracts.marketplace.booking_actions import BookingActions, OneMarketBooking
from api.contracts.marketplace.booking_notes import Notes
from api.contracts.marketplace.bookings import MarketBookings
from api.contracts.marketplace.locations import LocationRoom, LocationRooms, Locations, OneLocation
from api.contracts.marketplace.own_lists import OwnLists
from api.contracts.marketplace.practitioners import OnePractitioner, Practitioners
from api.contracts.marketplace.purchase_requests import CreateBundle, CreateCourse, CreatePackage
from api.contracts.marketplace.services import OneService, Services
from api.contracts.marketplace.sessions import OneSession, Sessions, WaitingList
from api.contracts.marketplace.time_off import OneTimeOff, TimesOff
from api.runtime import Runtime

BASE = "/api/v1/drf"


def add_routes(app: falcon.asgi.App[Any, Any], runtime: Runtime) -> None:
    settings, pool = runtime.settings, runtime.pool
    one, verbs = f"{BASE}/bookings/{{booking_id:int}}", BookingActions(runtime)
    app.add_route(f"{BASE}/bookings", MarketBookings(runtime))
    app.add_route(f"{BASE}/bookings/create-package", CreatePackage(runtime))
    app.add_route(f"{BASE}/bookings/create-bundle", CreateBundle(runtime))
    app.add_route(f"{BASE}/bookings/create-course", CreateCourse(runtime))
    app.add_route(one, OneMarketBooking(runtime))
    app.add_route(f"{one}/confirm", verbs, suffix="confirm")
    app.add_route(f"{one}/complete", verbs, suffix="complete")
    app.add_route(f"{one}/no-show", verbs, suffix="no_show")
    app.add_route(f"{one}/cancel", verbs, suffix="cancel")
    app.add_route(f"{one}/reschedule", verbs, suffix="reschedule")
    app.add_route(f"{one}/notes", Notes(runtime))
    app.add_route(f"{BASE}/sessions", Sessions(runtime))
    app.add_route(f"{BASE}/sessions/{{session_id:int}}", OneSession(runtime))
    app.add_route(f"{BASE}/sessions/{{session_id:int}}/waiting-list", WaitingList(runtime))
    own = OwnLists(pool)
    app.add_route("/api/user/credits", own, suffix="credits")
    app.add_route("/api/user/waiting-places", own, suffix="waiting_places")
    app.add_route(f"{BASE}/bookings/check-availability", CheckAvailability(runtime.reads, settings))
    app.add_route(f"{BASE}/availability", ManyOpenings(pool, settings))
    app.add_route(f"{BASE}/practitioners", Practitioners(pool, settings, runtime.installation))
    app.add_route(f"{BASE}/practitioners/{{practitioner_id:int}}", OnePractitioner(pool))
    app.add_route(f"{BASE}/practitioners/{{practitioner_id:int}}/time-off", TimesOff(runtime))
    app.add_route(f"{BASE}/practitioners/{{practitioner_id:int}}/time-off/{{closure_id:int}}", OneTimeOff(runtime))
    app.add_route(f"{BASE}/locations", Locations(pool, settings, runtime.installation))
    app.add_route(f"{BASE}/locations/{{location_id:int}}", OneLocation(pool))
    app.add_route(f"{BASE}/locations/{{location_id:int}}/rooms", LocationRooms(pool))
    app.add_route(f"{BASE}/locations/{{location_id:int}}/rooms/{{room_id:int}}", LocationRoom(pool))
    app.add_route(f"{BASE}/services", Services(pool, settings.public_url))
    app.add_route(f"{BASE}/services/{{service_id:int}}", OneService(pool))
