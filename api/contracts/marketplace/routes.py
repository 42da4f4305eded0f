"""The routes of the marketplace contract."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.contracts.marketplace.availability import CheckAvailability, ManyOpenings
from api.contracts.marketplace.locations import LocationRoom, LocationRooms, Locations, OneLocation
from api.contracts.marketplace.practitioners import OnePractitioner, Practitioners
from api.contracts.marketplace.services import OneService, Services
from api.runtime import Runtime

BASE = "/api/v1/drf"


def add_routes(app: falcon.asgi.App[Any, Any], run: Runtime) -> None:
    settings, pool = run.settings, run.pool
    app.add_route(f"{BASE}/bookings/check-availability", CheckAvailability(pool, settings))
    app.add_route(f"{BASE}/availability", ManyOpenings(pool, settings))
    app.add_route(f"{BASE}/practitioners", Practitioners(pool, settings))
    app.add_route(f"{BASE}/practitioners/{{practitioner_id:int}}", OnePractitioner(pool))
    app.add_route(f"{BASE}/locations", Locations(pool, settings))
    app.add_route(f"{BASE}/locations/{{location_id:int}}", OneLocation(pool))
    app.add_route(f"{BASE}/locations/{{location_id:int}}/rooms", LocationRooms(pool))
    app.add_route(f"{BASE}/locations/{{location_id:int}}/rooms/{{room_id:int}}", LocationRoom(pool))
    app.add_route(f"{BASE}/services", Services(pool, settings.public_url))
    app.add_route(f"{BASE}/services/{{service_id:int}}", OneService(pool))
