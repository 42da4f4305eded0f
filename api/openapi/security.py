"""What a route's rule (`api.route_rules`) asks of its callers, and how it refuses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from api.http.request_context import SAFE_METHODS
from api.http.security_headers import CSRF_HEADER
from api.openapi.served_routes import Served
from api.route_rules import ALLOWED, BEFORE_PASSWORD_CHANGE, BRING_THEIR_OWN, LIMITED, Rule, rules_of
from core.identity.principals import SESSION_COOKIE, PrincipalKind

SCHEMES: Mapping[str, Mapping[str, str]] = {
    "bearer": {
        "type": "http",
        "scheme": "bearer",
        "bearerFormat": "JWT",
        "description": "The `access` of a login, 30 minutes long: `Authorization: Bearer <JWT>`",
    },
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "An API token (`POST /api/auth/token/`) or an agent key: `Authorization: Token <token>`",
    },
    "session": {
        "type": "apiKey",
        "in": "cookie",
        "name": SESSION_COOKIE,
        "description": "The session cookie that every login sets, `__Host-` before its name where the site is https; writes need `csrf` beside it",
    },
    "csrf": {
        "type": "apiKey",
        "in": "header",
        "name": CSRF_HEADER,
        "description": "The value of the cookie `csrftoken`, or of `GET /api/auth/csrf/`",
    },
}

WHO: Mapping[Rule, str] = {
    Rule.LINK: "Whoever has the link; credentials are not looked at.",
    Rule.SIGN_IN: "Anybody; credentials are not looked at.",
    Rule.OPEN: "Anybody, agent keys included.",
    Rule.PUBLIC: "Anybody, but no agent keys.",
    Rule.PUBLIC_WRITE: "Anybody while public writes are on (`HOLDFAST_PUBLIC_WRITES`), else anybody with credentials.",
    Rule.KEY_OR_STAFF: "Agent keys and staff.",
    Rule.USER: "Anybody with an account.",
    Rule.PRACTITIONER: "Practitioners and staff.",
    Rule.STAFF: "Staff.",
    Rule.SUPERUSER: "Superusers.",
}


def rule_of(route: Served) -> Rule:
    return rules_of(route.template)[route.method]


def security(route: Served) -> list[dict[str, list[str]]]:
    """In OpenAPI's words: any one of these; `{}` is nobody in particular."""
    rule = rule_of(route)
    if rule in BRING_THEIR_OWN:
        return []
    session: dict[str, list[str]] = {"session": []}
    if route.method not in SAFE_METHODS:
        session["csrf"] = []
    anonymous: list[dict[str, list[str]]] = [{}] if _lets_anonymous_in(rule) else []
    return [*anonymous, {"bearer": []}, {"token": []}, session]


def refusals_of_rule(route: Served) -> Iterator[str]:
    """The codes with which middleware refuses callers of this route."""
    rule, writes = rule_of(route), route.method not in SAFE_METHODS
    if rule is Rule.LINK:
        return
    if rule is Rule.SIGN_IN:
        yield "origin_not_allowed"
        if writes:
            yield "not_json"
        return
    yield from ("bad_credential", "address_not_allowed")
    if writes and rule in LIMITED:
        yield "too_many_requests"
    if writes:
        yield from ("csrf_failed", "origin_not_allowed")
    if not _lets_anonymous_in(rule) or rule is Rule.PUBLIC_WRITE:
        yield "not_authenticated"
    if ALLOWED[rule] | {PrincipalKind.ANONYMOUS} != frozenset(PrincipalKind):
        yield "forbidden"
    if route.template.rstrip("/") not in BEFORE_PASSWORD_CHANGE:
        yield "password_change_required"


def _lets_anonymous_in(rule: Rule) -> bool:
    return rule is Rule.PUBLIC_WRITE or PrincipalKind.ANONYMOUS in ALLOWED[rule]
