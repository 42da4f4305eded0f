"""Writes are refused while the installation is under maintenance; route_rules says which go on."""

from __future__ import annotations

from typing import Any

from falcon.asgi import Request, Response

from api.http.errors import Problem
from api.http.request_context import SAFE_METHODS
from api.installation import InstallationWatch
from api.route_rules import goes_on_in_maintenance
from core.store.installation import Maintenance

WORDS = "Nothing can be changed right now, as the system is being maintained; reading goes on. Try again later"


class MaintenanceGate:
    """Falcon middleware. It goes first: nobody has to be known to be told to come back."""

    def __init__(self, installation: InstallationWatch) -> None:
        self._installation = installation

    async def process_resource(self, req: Request, _resp: Response, _resource: object, _params: dict[str, Any]) -> None:
        if req.method in SAFE_METHODS or goes_on_in_maintenance(req.uri_template or "", req.method):
            return
        await self._installation.first_look()
        if (maintenance := self._installation.maintenance) is not None:
            raise refused(maintenance)


def refused(maintenance: Maintenance) -> Problem:
    headers = {"Retry-After": str(maintenance.retry_after_s)}
    return Problem(503, "maintenance", maintenance.message or WORDS, headers=headers)
