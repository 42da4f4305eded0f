"""The API with the baselines' routes beside its own: one process serves all that is compared."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.app import create_app
from api.route_rules import Rule, add_rules
from api.runtime import Runtime
from core import settings as environment
from core.logs import configure
from tests.benchmarks.baselines.direct import Direct, DirectPool
from tests.benchmarks.baselines.noop import Noop
from tests.benchmarks.baselines.per_command import PerCommand, PerCommandForPhone

App = falcon.asgi.App[Any, Any]

DIRECT = "/api/bench/direct/"
PER_COMMAND = "/api/bench/per-command/"
PER_COMMAND_FOR_PHONE = "/api/bench/per-command-for-phone/"
NOOP = "/api/bench/noop/"


def from_environment() -> App:
    """Gunicorn's entry."""
    settings = environment.from_environment()
    configure(settings.log_level, "api")
    return create_app(settings, extend=add_baselines)


def add_baselines(app: App, runtime: Runtime) -> None:
    add_rules(
        {path.rstrip("/"): {"POST": Rule.PUBLIC_WRITE} for path in (DIRECT, PER_COMMAND, PER_COMMAND_FOR_PHONE, NOOP)}
    )
    direct = DirectPool(runtime.settings)
    app.add_middleware(direct)
    app.add_route(DIRECT.rstrip("/"), Direct(direct, allow_past=runtime.settings.allow_past))
    app.add_route(PER_COMMAND.rstrip("/"), PerCommand(runtime.outcomes, runtime.settings))
    app.add_route(PER_COMMAND_FOR_PHONE.rstrip("/"), PerCommandForPhone(runtime.outcomes, runtime.settings))
    app.add_route(NOOP.rstrip("/"), Noop())
