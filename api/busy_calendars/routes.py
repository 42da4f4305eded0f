"""The routes of busy calendars. Each has its line in `api.route_rules`."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.busy_calendars.kept import KeptCalendars
from api.busy_calendars.of_practitioners import OwnCalendars
from api.busy_calendars.of_staff import OneStaffCalendar, StaffCalendars
from api.runtime import Runtime
from api.secrets_sealed_anew import SecretsSealedAnew
from core.sealed_secrets import calendar_box
from core.store.calendars.busy_calendars import reseal

STAFF = "/api/admin/busy-calendars"
OWN = "/api/busy-calendars"
ONE = "{busy_calendar_id:int}"


def add_routes(app: falcon.asgi.App[Any, Any], runtime: Runtime) -> None:
    settings, pool = runtime.settings, runtime.pool
    box = calendar_box(settings)
    if settings.secret_key_previous is not None:
        app.add_middleware(SecretsSealedAnew(pool, box, reseal, "URLs of calendars"))
    kept = KeptCalendars(pool, box, loopback=settings.webhooks_loopback)
    one, own = OneStaffCalendar(kept), OwnCalendars(kept)
    app.add_route(STAFF, StaffCalendars(kept))
    app.add_route(f"{STAFF}/{ONE}", one)
    app.add_route(f"{STAFF}/{ONE}/fetch", one, suffix="fetch")
    app.add_route(OWN, own)
    app.add_route(f"{OWN}/{ONE}", own, suffix="one")
    app.add_route(f"{OWN}/{ONE}/fetch", own, suffix="fetch")
