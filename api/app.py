"""The API, readable from its routes down."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from api.accounts import Accounts
from api.accounts.audit_log import AuditLog
from api.accounts.routes import add_routes as add_account_routes
from api.asyncapi import FeedsSchema
from api.bookings.routes import add_routes as add_booking_routes
from api.busy_calendars.routes import add_routes as add_busy_calendar_routes
from api.calendars.routes import add_routes as add_calendar_file_routes
from api.commands.endpoints import CommandResource
from api.commands.parked import add_parked_routes
from api.commands.repeats import RepeatedRequests
from api.contracts.agent.routes import add_routes as add_agent_routes
from api.contracts.appointments.routes import add_routes as add_appointments_routes
from api.contracts.appointments.users.routes import add_routes as add_user_routes
from api.contracts.calendar.new_booking import BookSlots
from api.contracts.calendar.routes import add_routes as add_calendar_routes
from api.contracts.marketplace.routes import add_routes as add_marketplace_routes
from api.contracts.rooms.new_booking import BookRooms
from api.contracts.rooms.routes import add_routes as add_room_routes
from api.events.event_feed import Events
from api.guests.routes import add_routes as add_guest_routes
from api.health import Health, Readiness
from api.http.bodies import ReadableBodies
from api.http.disconnects import App
from api.http.errors import add_error_handlers
from api.http.request_context import RequestContext
from api.http.request_traces import RequestTraces, Sampler
from api.limits.maintenance import MaintenanceGate
from api.limits.undecided_writes import UndecidedWrites
from api.openapi.endpoints import Asset, Docs, Index, Schema, Shortcut
from api.openapi.served_routes import Routes, UnknownParameters
from api.payments.routes import add_routes as add_payment_routes
from api.route_rules import check_every_route_has_a_rule
from api.runtime import Runtime
from api.site.routes import add_routes as add_site_routes
from api.webhooks.routes import add_routes as add_webhook_routes
from core import settings as environment
from core.configuration import secret_settings
from core.logs import configure
from core.settings import Settings, SettingsError

Extend = Callable[[App, Runtime], None]


def from_environment() -> App:
    """Gunicorn's entry: `gunicorn "api.app:from_environment()"`."""
    try:
        settings = environment.from_environment(asks=secret_settings.API)
    except SettingsError as problem:
        sys.exit(f"holdfast: {problem}")
    configure(settings.log_level, "api")
    return create_app(settings)


def create_app(settings: Settings, extend: Extend | None = None) -> App:
    """`extend` adds routes beside these, with their rules: the benchmarks' baselines."""
    runtime = Runtime(settings)
    accounts = Accounts(settings, runtime.pool, runtime.meter)
    runtime.at_shutdown(accounts.close)
    routes = Routes()
    unknown = UnknownParameters(routes)
    undecided = UndecidedWrites(routes, runtime.undecided)
    requests = RequestContext(settings.trusted_proxies, runtime.request_metrics)
    middleware: list[Any] = [
        runtime,
        requests,
        *([] if settings.traces is None else [RequestTraces(Sampler(settings.traces), requests.trusts)]),
        MaintenanceGate(runtime.installation),
        *accounts.middleware,
        runtime.write_limits,
        undecided,
        ReadableBodies(),
        unknown,
    ]
    app = App(middleware=middleware, router=routes)
    app.body_within_s = settings.body_within_s
    app.req_options.strip_url_path_trailing_slash = True
    app.req_options.auto_parse_qs_csv = False
    app.req_options.keep_blank_qs_values = True
    app.resp_options.xml_error_serialization = False
    add_error_handlers(app)
    RepeatedRequests(runtime.commands, runtime.pool).add_to(app)

    app.add_route("/", Shortcut("root", "/api/docs/"))
    app.add_route("/docs", Shortcut("docs", "/api/docs/"))
    app.add_route("/openapi.json", Shortcut("openapi", "/api/schema/"))
    app.add_route("/healthz", Health())
    app.add_route("/readyz", Readiness(runtime.pool, runtime.outcomes, runtime.installation, settings.database_url))
    app.add_route("/api/commands/{command_id:uuid}", CommandResource(runtime.commands))
    add_parked_routes(app, settings.database_url)
    app.add_route("/api/events", Events(runtime.pool, runtime.events))
    app.add_route("/api", Index())
    app.add_route("/api/schema", Schema(routes))
    app.add_route("/api/schema/feeds", FeedsSchema(settings.public_url))
    app.add_route("/api/docs", Docs())
    app.add_route("/api/docs/assets/{name}", Asset())
    add_account_routes(app, accounts)
    app.add_route("/api/admin/audit", AuditLog(runtime.engine, settings.time_zone))
    add_appointments_routes(app, runtime)
    add_user_routes(app, runtime, accounts)
    add_agent_routes(app, runtime)
    add_room_routes(app, runtime)
    add_payment_routes(app, runtime)
    add_calendar_routes(app, runtime)
    add_webhook_routes(app, runtime)
    add_busy_calendar_routes(app, runtime)
    add_marketplace_routes(app, runtime)
    add_booking_routes(app, runtime, {"room_id": BookRooms(runtime), "time_slot": BookSlots(runtime)})
    add_calendar_file_routes(app, runtime, accounts.throttle)
    add_guest_routes(app, runtime, accounts)
    add_site_routes(app, runtime, accounts)
    if extend is not None:
        extend(app, runtime)
    check_every_route_has_a_rule((route.template, route.method) for route in routes.served())
    return app
