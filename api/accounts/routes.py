"""The accounts routes, top to bottom. Each has its line in `api.route_rules`."""

from __future__ import annotations

from typing import Any

from falcon.asgi import App

from api.accounts.composition import Accounts
from api.accounts.credentials.agent_keys import AgentKeys, OneAgentKey
from api.accounts.credentials.api_tokens import ApiTokens
from api.accounts.credentials.websocket_tickets import Ticket
from api.accounts.email_confirmation import ContactEmail
from api.accounts.login.login import Login
from api.accounts.login.password_change import PasswordChange
from api.accounts.login.password_reset import Reset, ResetConfirmation
from api.accounts.login.registration import RegisterByEmail, RegisterByUsername
from api.accounts.login.session_login import Csrf, CurrentUser, Logout, SessionLogin
from api.accounts.login.token_refresh import Refresh
from api.accounts.oauth.account_match import AccountMatch
from api.accounts.oauth.endpoints import PROVIDERS, OAuthCallback, OAuthLogin, OAuthStatus
from api.accounts.oauth.own_links import OAuthAccounts
from api.accounts.own_account import OwnAccount
from api.accounts.own_logins import UserLogins
from api.accounts.own_settings import UserSettings


def add_routes(app: App[Any, Any], our: Accounts) -> None:
    logout = Logout(our.pool, our.logins, our.cookies)
    app.add_route("/api/login", Login(our.sign_in, our.access, our.cookies))
    app.add_route("/api/register", RegisterByEmail(our.registration))
    app.add_route("/api/token/refresh-cookie", Refresh(our.pool, our.access, our.cookies, our.throttle, our.logins))
    app.add_route("/api/logout", logout)

    app.add_route("/api/auth/login", SessionLogin(our.sign_in, our.cookies))
    app.add_route("/api/auth/logout", logout)
    app.add_route("/api/auth/register", RegisterByUsername(our.registration))
    app.add_route("/api/auth/user", CurrentUser(our.pool))
    app.add_route("/api/auth/csrf", Csrf(our.logins, our.cookies))

    app.add_route("/api/auth/token", ApiTokens(our.pool, our.sign_in, our.logins))
    change = PasswordChange(our.pool, our.passwords, our.sign_in, our.access, our.cookies, our.logins)
    app.add_route("/api/auth/password/change", change)
    app.add_route("/api/auth/password/reset", Reset(our.settings, our.pool, our.throttle, our.outbox))
    confirmation = ResetConfirmation(our.pool, our.passwords, our.throttle, our.logins)
    app.add_route("/api/auth/password/reset/confirm", confirmation)
    app.add_route("/api/oauth/status", OAuthStatus(our.providers))
    linked = OAuthAccounts(our.pool, our.throttle)
    app.add_route("/api/oauth/accounts", linked)
    app.add_route("/api/oauth/accounts/{linked_id:int}", linked, suffix="one")
    for name in PROVIDERS:
        login = OAuthLogin(name, our.settings, our.providers, our.pool, our.cookies, our.throttle)
        app.add_route(f"/oauth/{name}/login", login)
        account_match = AccountMatch(our.pool)
        callback = OAuthCallback(name, our.settings, our.providers, our.pool, our.cookies, our.sign_in, account_match)
        app.add_route(f"/oauth/{name}/login/callback", callback)

    app.add_route("/api/admin/users/{user_id:int}/confirm-email", ContactEmail(our.pool))
    keys, one_key = AgentKeys(our.pool), OneAgentKey(our.pool, our.logins)
    app.add_route("/api/admin/agent-keys", keys)
    app.add_route("/api/admin/agent-keys/create", keys, suffix="create")
    app.add_route("/api/admin/agent-keys/{key_id:int}", one_key)
    app.add_route("/api/admin/agent-keys/{key_id:int}/update", one_key, suffix="update")
    app.add_route("/api/admin/agent-keys/{key_id:int}/delete", one_key, suffix="delete")
    app.add_route("/api/user/settings", UserSettings(our.pool, our.throttle))
    logins = UserLogins(our.pool, our.logins, our.cookies, our.throttle)
    app.add_route("/api/user/logins", logins)
    app.add_route("/api/user/logins/{login_id:uuid}", logins, suffix="one")
    own = OwnAccount(our)
    app.add_route("/api/user", own)
    app.add_route("/api/user/export", own, suffix="export")
    app.add_route("/api/ws-ticket", Ticket(our.pool, our.throttle))
