"""The table of roles: every route has its line, and every role is held to it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import falcon.asgi
import falcon.inspect
import httpx
import pytest
from falcon.asgi import Request, Response

from api.accounts.access.authentication import Authentication
from api.app import create_app
from api.limits.write_limits import WriteLimits
from api.openapi.served_routes import Routes
from api.route_rules import BEFORE_PASSWORD_CHANGE, TABLE, MissingRuleError, Rule, rules_of
from core.identity.principals import Principal, PrincipalKind
from tests.support.processes.servers import settings_for

App = falcon.asgi.App[Any, Any]
Kind = PrincipalKind

SETTINGS = settings_for("postgresql://localhost/none", "redis://localhost:1/0")
AS = "X-Test-Kind"
LET_IN = 299

WHO: dict[Rule, set[Kind]] = {
    Rule.LINK: set(Kind),
    Rule.SIGN_IN: set(Kind),
    Rule.OPEN: set(Kind),
    Rule.PUBLIC: set(Kind) - {Kind.AGENT},
    Rule.PUBLIC_WRITE: set(Kind),
    Rule.KEY_OR_STAFF: {Kind.AGENT, Kind.STAFF, Kind.SUPERUSER},
    Rule.USER: {Kind.USER, Kind.PRACTITIONER, Kind.STAFF, Kind.SUPERUSER},
    Rule.PRACTITIONER: {Kind.PRACTITIONER, Kind.STAFF, Kind.SUPERUSER},
    Rule.STAFF: {Kind.STAFF, Kind.SUPERUSER},
    Rule.SUPERUSER: {Kind.SUPERUSER},
}
"""Said a second time, in the contracts' words: a slip in the table's sets shows."""


async def pretend(_self: Authentication, req: Request, _resp: Response, _resource: object, _params: object) -> None:
    """The caller is who a header says."""
    sent = (req.get_header(AS) or "anonymous").split("!")
    req.context.rule = rules_of(req.uri_template or "").get(req.method)
    req.context.principal = Principal(Kind(sent[0]), user_id=1, must_change_password=len(sent) > 1)


async def count_nothing(_self: WriteLimits, _req: Request, _resp: Response, _resource: object, _params: object) -> None:
    """The gate is walked, not Redis."""


class Stop:
    """Behind the gate: a caller who gets here was let in, and nothing happens."""

    async def process_resource(self, _req: Request, resp: Response, _resource: object, _params: object) -> None:
        resp.complete = True
        resp.status = LET_IN


def app_to_walk(patch: pytest.MonkeyPatch, *, public_writes: bool = True) -> App:
    """The app with all its routes and its gate; who calls is pretended, and responders are stopped."""
    patch.setattr(Authentication, "process_resource", pretend)
    patch.setattr(WriteLimits, "process_resource", count_nothing)
    app = create_app(replace(SETTINGS, public_writes=public_writes))
    app.add_middleware(Stop())
    return app


@pytest.fixture(scope="module")
def app() -> Iterator[App]:
    with pytest.MonkeyPatch.context() as patch:
        yield app_to_walk(patch)


falcon.inspect.register_router(Routes)(falcon.inspect.inspect_compiled_router)


def routes(app: App) -> list[tuple[str, str]]:
    """(method, template) of everything that a responder answers."""
    return [
        (method.method, route.path)
        for route in falcon.inspect.inspect_routes(app)
        for method in route.methods
        if not method.internal
    ]


def address(template: str) -> str:
    return re.sub(r"\{[^}]*\}", lambda field: str(uuid4()) if "uuid" in field[0] else "1", template)


async def status(app: App, method: str, path: str, kind: str, **how: Any) -> int:
    transport = httpx.ASGITransport(app=cast("Any", app))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        return (await client.request(method, path, headers={AS: kind}, **how)).status_code


async def test_every_role_gets_on_every_route_exactly_what_the_table_says(app: App) -> None:
    wrong = []
    for method, template in routes(app):
        for kind in Kind:
            got = await status(app, method, address(template), kind)
            refusal = 401 if kind is Kind.ANONYMOUS else 403
            expected = LET_IN if kind in WHO[rules_of(template)[method]] else refusal
            if got != expected:
                wrong.append(f"{method} {template} as {kind}: {got}, not {expected}")
    assert wrong == []


def test_what_lies_under_admin_is_for_staff_alone() -> None:
    rules = {
        rule for template, methods in TABLE.items() if template.startswith("/api/admin/") for rule in methods.values()
    }
    assert rules <= {Rule.STAFF, Rule.SUPERUSER}


def test_every_rule_of_the_table_is_for_a_route_that_there_is(app: App) -> None:
    """A line without a route is a line nobody reads again."""
    there = {(method, id(rules_of(path))) for method, path in routes(app)}
    unused = [
        f"{method} {path}" for path in TABLE for method in TABLE[path] if (method, id(rules_of(path))) not in there
    ]
    assert unused == []


async def test_without_public_writes_nobody_books_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = app_to_walk(monkeypatch, public_writes=False)
    for path in ("/api/booking/create/", "/api/agent/booking/create/"):
        assert await status(closed, "POST", path, "anonymous") == 401
        assert await status(closed, "POST", path, "agent") == LET_IN
        assert await status(closed, "POST", path, "user") == LET_IN


async def test_a_user_who_must_change_a_password_can_do_nothing_else(app: App) -> None:
    let_in = {
        template
        for method, template in routes(app)
        if rules_of(template)[method] is not Rule.SIGN_IN
        and await status(app, method, address(template), "user!") == LET_IN
    }
    assert let_in == BEFORE_PASSWORD_CHANGE & let_in
    assert "/api/auth/password/change" in let_in


async def test_a_slash_at_the_end_changes_nothing_about_who_may(app: App) -> None:
    assert await status(app, "GET", "/api/admin/bookings/", "user") == 403
    assert await status(app, "GET", "/api/admin/bookings", "user") == 403


async def test_a_caller_who_may_not_is_told_so_before_the_body_is_read(app: App) -> None:
    assert await status(app, "POST", "/api/booking/settings/", "user", content=b"{not json") == 403


def test_a_route_without_a_rule_keeps_the_api_from_starting() -> None:
    class Forgotten:
        async def on_get(self, _req: Request, _resp: Response) -> None: ...

    with pytest.raises(MissingRuleError, match="GET /api/forgotten"):
        create_app(SETTINGS, lambda app, _run: app.add_route("/api/forgotten", Forgotten()))


def test_a_method_without_a_rule_keeps_the_api_from_starting() -> None:
    class Half:
        async def on_get(self, _req: Request, _resp: Response) -> None: ...

        async def on_put(self, _req: Request, _resp: Response) -> None: ...

    with pytest.raises(MissingRuleError, match="PUT /api/services"):
        create_app(SETTINGS, lambda app, _run: app.add_route("/api/services/", Half()))
