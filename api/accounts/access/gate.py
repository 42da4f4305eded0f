"""Keeps out callers that the table of roles does not let in, before any body is read."""

from __future__ import annotations

from typing import Any

from falcon.asgi import Request, Response

from api.http.bodies import check_is_no_form, has_body
from api.http.errors import Problem, forbidden, not_authenticated
from api.route_rules import BEFORE_PASSWORD_CHANGE, Rule, allows
from core.identity.principals import Principal, PrincipalKind
from core.origins import origin_allowed
from core.settings import Settings

JSON = "application/json"


class Gate:
    """Falcon middleware; goes after `Authentication`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def process_resource(self, req: Request, _resp: Response, _resource: object, _params: dict[str, Any]) -> None:
        rule: Rule | None = req.context.rule
        if rule is None:
            return  # no responder for this method either: Falcon answers OPTIONS and 405
        if rule is Rule.SIGN_IN:
            self._check_sign_in(req)
        principal: Principal = req.context.principal
        if not allows(rule, principal.kind, public_writes=self._settings.public_writes):
            raise not_authenticated() if principal.kind is PrincipalKind.ANONYMOUS else forbidden()
        if principal.must_change_password and (req.uri_template or "").rstrip("/") not in BEFORE_PASSWORD_CHANGE:
            raise Problem(
                403, "password_change_required", "Change your password first, at POST /api/auth/password/change/"
            )

    def _check_sign_in(self, req: Request) -> None:
        """No CSRF token is asked for here, so a foreign page is told by what it cannot fake or send:
        its `Origin`, and a JSON body without a preflight.
        """
        if not origin_allowed(self._settings, req.get_header("Origin"), req.get_header("Host")):
            raise Problem(403, "origin_not_allowed", "Requests from this origin are not allowed")
        check_is_no_form(req)
        if has_body(req) and not (req.content_type or "").lower().startswith(JSON):
            raise Problem(400, "not_json", "Send the body as application/json")
