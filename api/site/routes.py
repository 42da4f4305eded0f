"""The routes that the pages ask for."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.accounts import Accounts
from api.runtime import Runtime
from api.site.about import About


def add_routes(app: falcon.asgi.App[Any, Any], runtime: Runtime, accounts: Accounts) -> None:
    app.add_route("/api/site", About(runtime.settings, accounts.providers))
