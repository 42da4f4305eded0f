"""The routes of the agent contract."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.contracts.agent.bulk.acceptance import Bulks
from api.contracts.agent.bulk.bulk_request import BulkReading
from api.contracts.agent.bulk.bulk_status import BulkReader
from api.contracts.agent.bulk.dry_run import Rehearsals
from api.contracts.agent.bulk.endpoints import BulkBookings, BulkBookingsStatus
from api.contracts.agent.new_booking import CreateAgentBooking
from api.runtime import Runtime


def add_routes(app: falcon.asgi.App[Any, Any], run: Runtime) -> None:
    settings = run.settings
    bulk = BulkBookings(
        BulkReading(settings.phone_region),
        Bulks(run.pool, run.rings),
        Rehearsals(settings.database_url, settings.policy),
        run.write_limits,
    )
    app.add_route("/api/agent/booking/create", CreateAgentBooking(run.commands, settings.phone_region))
    app.add_route("/api/agent/bookings/bulk", bulk)
    app.add_route("/api/agent/bookings/bulk/{batch_id:uuid}", BulkBookingsStatus(BulkReader(run.pool)))
