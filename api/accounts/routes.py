"""The accounts routes, top to bottom. Each has its line in `roles.TABLE`."""

from __future__ import annotations

from typing import Any

from falcon.asgi import App

from api.accounts.api_tokens import ApiTokens
from api.accounts.calendar import Csrf, CurrentUser, SessionLogin
from api.accounts.composition import Accounts
from api.accounts.login import Login
from api.accounts.logout import Logout
from api.accounts.refresh import Refresh
from api.accounts.register import RegisterByEmail, RegisterByUsername
from api.accounts.tickets import Ticket


def add_routes(app: App[Any, Any], our: Accounts) -> None:
    logout = Logout(our.pool, our.logins, our.cookies)
    app.add_route("/api/login", Login(our.sign_in, our.access, our.cookies))
    app.add_route("/api/register", RegisterByEmail(our.registration))
    app.add_route("/api/token/refresh-cookie", Refresh(our.pool, our.access, our.cookies, our.throttle, our.logins))
    app.add_route("/api/logout", logout)

    app.add_route("/api/auth/login", SessionLogin(our.sign_in, our.cookies))
    app.add_route("/api/auth/logout", logout)
    app.add_route("/api/auth/register", RegisterByUsername(our.settings, our.registration))
    app.add_route("/api/auth/user", CurrentUser(our.pool))
    app.add_route("/api/auth/csrf", Csrf(our.logins, our.cookies))

    app.add_route("/api/auth/token", ApiTokens(our.pool, our.sign_in, our.logins))
    app.add_route("/api/ws-ticket", Ticket(our.pool))
