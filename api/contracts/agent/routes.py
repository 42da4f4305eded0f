"""The routes of the agent contract."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.contracts.agent.bulk.bulk_request import BulkRequestReader
from api.contracts.agent.bulk.bulk_status import BulkStatusReader
from api.contracts.agent.bulk.bulk_writer import BulkWriter
from api.contracts.agent.bulk.dry_run import DryRuns
from api.contracts.agent.bulk.endpoints import BulkBookings, BulkBookingsStatus
from api.contracts.agent.new_booking import CreateAgentBooking
from api.runtime import Runtime


def add_routes(app: falcon.asgi.App[Any, Any], runtime: Runtime) -> None:
    settings = runtime.settings
    bulk = BulkBookings(
        BulkRequestReader(settings.phone_region),
        BulkWriter(runtime.pool, runtime.lane_waker),
        DryRuns(settings.database_url, settings.policy),
        runtime.write_limits,
    )
    app.add_route("/api/agent/booking/create", CreateAgentBooking(runtime.commands, settings.phone_region))
    app.add_route("/api/agent/bookings/bulk", bulk)
    app.add_route("/api/agent/bookings/bulk/{batch_id:uuid}", BulkBookingsStatus(BulkStatusReader(runtime.pool)))
