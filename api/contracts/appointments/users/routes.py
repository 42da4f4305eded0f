"""The routes of users at the admin desk."""

from __future__ import annotations

from typing import Any

from falcon.asgi import App

from api.accounts import Accounts
from api.contracts.appointments.users.user_deletion import DeleteUser
from api.contracts.appointments.users.user_details import AdminUser
from api.contracts.appointments.users.user_export import ExportUser
from api.contracts.appointments.users.user_lists import AdminUsers, UserFilterOptions, UserStats
from api.runtime import Runtime


def add_routes(app: App[Any, Any], runtime: Runtime, accounts: Accounts) -> None:
    installation, one = runtime.installation, AdminUser(accounts)
    app.add_route("/api/admin/users", AdminUsers(runtime.engine, installation))
    app.add_route("/api/admin/users/stats", UserStats(runtime.pool, installation))
    app.add_route("/api/admin/users/filter-options", UserFilterOptions(runtime.pool))
    app.add_route("/api/admin/users/create", one, suffix="create")
    app.add_route("/api/admin/users/{user_id:int}", one)
    app.add_route("/api/admin/users/{user_id:int}/export", ExportUser(accounts), suffix="export")
    delete = DeleteUser(accounts)
    app.add_route("/api/admin/users/{user_id:int}/delete", delete, suffix="delete")
    app.add_route("/api/admin/users/{user_id:int}/update", one, suffix="update")
