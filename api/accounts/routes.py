"""The accounts routes, top to bottom. Each has its line in `roles.TABLE`."""

from __future__ import annotations

from typing import Any

from falcon.asgi import App

from api.accounts.composition import Accounts
from api.accounts.login import Login
from api.accounts.tickets import Ticket


def add_routes(app: App[Any, Any], accounts: Accounts) -> None:
    settings, pool, cookies, sign_in = accounts.settings, accounts.pool, accounts.cookies, accounts.sign_in
    app.add_route("/api/login", Login(settings, sign_in, cookies))
    app.add_route("/api/ws-ticket", Ticket(pool))
