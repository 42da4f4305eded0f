"""Who may do what: one line a route. A route that is not here keeps the API from starting.

The rule is enforced before the responder and before the body is read. Whose booking, command or
account it is, the responder decides; another person's is a 404.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum, auto
from functools import lru_cache

from core.identity.principals import PrincipalKind as Kind


class Rule(Enum):
    """What a route asks of its caller."""

    LINK = auto()
    """Whoever has the link: its token is all that is looked at."""
    SIGN_IN = auto()
    """Anybody. Credentials are not even looked at: the request brings its own."""
    OPEN = auto()
    """Anybody, agent keys included."""
    PUBLIC = auto()
    """Anybody but agent keys, which reach only routes that name them."""
    PUBLIC_WRITE = auto()
    """Anybody while HOLDFAST_PUBLIC_WRITES is on, else anybody with credentials."""
    KEY_OR_STAFF = auto()
    USER = auto()
    """Anybody with an account."""
    PRACTITIONER = auto()
    STAFF = auto()
    SUPERUSER = auto()


_PEOPLE = frozenset({Kind.USER, Kind.PRACTITIONER, Kind.STAFF, Kind.SUPERUSER})
_STAFF = frozenset({Kind.STAFF, Kind.SUPERUSER})

ALLOWED: Mapping[Rule, frozenset[Kind]] = {
    Rule.LINK: frozenset(Kind),
    Rule.SIGN_IN: frozenset(Kind),
    Rule.OPEN: frozenset(Kind),
    Rule.PUBLIC: _PEOPLE | {Kind.ANONYMOUS},
    Rule.PUBLIC_WRITE: _PEOPLE | {Kind.AGENT},  # and the anonymous, by a setting
    Rule.KEY_OR_STAFF: _STAFF | {Kind.AGENT},
    Rule.USER: _PEOPLE,
    Rule.PRACTITIONER: _STAFF | {Kind.PRACTITIONER},
    Rule.STAFF: _STAFF,
    Rule.SUPERUSER: frozenset({Kind.SUPERUSER}),
}

BRING_THEIR_OWN = frozenset({Rule.LINK, Rule.SIGN_IN})
"""Requests that prove by themselves who sends them: credentials are not even looked at."""

LIMITED = frozenset({Rule.PUBLIC_WRITE, Rule.KEY_OR_STAFF})
"""Writes under these are counted (api/limits/write_limits.py)."""

TABLE: Mapping[str, Mapping[str, Rule]] = {
    # accounts
    "/api/login": {"POST": Rule.SIGN_IN},
    "/api/register": {"POST": Rule.SIGN_IN},
    "/api/token/refresh-cookie": {"POST": Rule.SIGN_IN},
    "/api/logout": {"POST": Rule.USER},
    "/api/auth/login": {"POST": Rule.SIGN_IN},
    "/api/auth/logout": {"POST": Rule.USER},
    "/api/auth/register": {"POST": Rule.SIGN_IN},
    "/api/auth/user": {"GET": Rule.USER},
    "/api/user": {"DELETE": Rule.USER},
    "/api/user/export": {"GET": Rule.USER},
    "/api/user/settings": {"GET": Rule.USER, "PATCH": Rule.USER},
    "/api/user/logins": {"GET": Rule.USER, "DELETE": Rule.USER},
    "/api/user/logins/{id}": {"DELETE": Rule.USER},
    "/api/auth/csrf": {"GET": Rule.PUBLIC},
    "/api/auth/token": {"POST": Rule.SIGN_IN, "DELETE": Rule.USER},
    "/api/auth/password/change": {"POST": Rule.USER},
    "/api/auth/password/reset": {"POST": Rule.SIGN_IN},
    "/api/auth/password/reset/confirm": {"POST": Rule.SIGN_IN},
    "/api/admin/users/{id}/confirm-email": {"POST": Rule.STAFF},
    "/api/admin/agent-keys": {"GET": Rule.STAFF},
    "/api/admin/agent-keys/create": {"POST": Rule.STAFF},
    "/api/admin/agent-keys/{id}": {"GET": Rule.STAFF},
    "/api/admin/agent-keys/{id}/update": {"PUT": Rule.STAFF},
    "/api/admin/agent-keys/{id}/delete": {"DELETE": Rule.STAFF},
    "/api/admin/audit": {"GET": Rule.SUPERUSER},
    "/api/ws-ticket": {"POST": Rule.USER},
    "/api/oauth/status": {"GET": Rule.PUBLIC},
    "/api/oauth/accounts": {"GET": Rule.USER},
    "/api/oauth/accounts/{id}": {"DELETE": Rule.USER},
    "/oauth/google/login": {"GET": Rule.SIGN_IN},
    "/oauth/google/login/callback": {"GET": Rule.SIGN_IN},
    "/oauth/github/login": {"GET": Rule.SIGN_IN},
    "/oauth/github/login/callback": {"GET": Rule.SIGN_IN},
    # appointments
    "/api/countries": {"GET": Rule.PUBLIC},
    "/api/services": {"GET": Rule.PUBLIC},
    "/api/booking/settings": {"GET": Rule.PUBLIC, "POST": Rule.STAFF},
    "/api/booking/smart-available-slots": {"GET": Rule.OPEN},
    "/api/admin/closures": {"GET": Rule.STAFF, "POST": Rule.STAFF},
    "/api/admin/closures/{id}": {"GET": Rule.STAFF, "DELETE": Rule.STAFF},
    "/api/admin/resources": {"GET": Rule.STAFF},
    "/api/admin/services": {"GET": Rule.STAFF, "POST": Rule.STAFF},
    "/api/admin/services/{id}": {"GET": Rule.STAFF, "PUT": Rule.STAFF, "DELETE": Rule.STAFF},
    "/api/booking/calendar": {"GET": Rule.PUBLIC},
    "/api/booking/create": {"POST": Rule.PUBLIC_WRITE},
    "/api/reservations/reserved_slots": {"GET": Rule.PUBLIC},
    "/api/admin/bookings": {"GET": Rule.STAFF},
    "/api/admin/bookings/stats": {"GET": Rule.STAFF},
    "/api/admin/bookings/{id}": {"GET": Rule.STAFF, "DELETE": Rule.STAFF},
    "/api/admin/bookings/{id}/update": {"PUT": Rule.STAFF},
    "/api/admin/bookings/{id}/delete": {"DELETE": Rule.STAFF},
    # rooms
    "/api/rooms": {"GET": Rule.PUBLIC},
    "/api/rooms/{id}": {"GET": Rule.PUBLIC},
    "/api/rooms/{id}/availability": {"GET": Rule.PUBLIC},
    "/api/admin/rooms": {"GET": Rule.STAFF, "POST": Rule.STAFF},
    "/api/admin/rooms/{id}": {"GET": Rule.STAFF, "PUT": Rule.STAFF, "PATCH": Rule.STAFF},
    "/api/bookings/all": {"GET": Rule.STAFF},
    "/api/cleanup-expired-bookings": {"POST": Rule.PUBLIC},
    # calendar
    "/api/categories": {"GET": Rule.PUBLIC},
    "/api/timeslots": {"GET": Rule.USER},
    "/api/user/bookings": {"GET": Rule.USER},
    "/api/admin/categories": {"GET": Rule.STAFF, "POST": Rule.STAFF},
    "/api/admin/categories/{id}": {"GET": Rule.STAFF, "PUT": Rule.STAFF},
    "/api/admin/timeslots": {"GET": Rule.STAFF, "POST": Rule.STAFF},
    "/api/admin/timeslots/weekly": {"POST": Rule.STAFF},
    "/api/admin/timeslots/{id}": {"GET": Rule.STAFF, "PUT": Rule.STAFF, "DELETE": Rule.STAFF},
    # payments
    "/api/payment-intent": {"POST": Rule.USER},
    "/api/admin/payments": {"GET": Rule.STAFF},
    "/api/admin/payments/restore-findings": {"GET": Rule.SUPERUSER},
    "/api/payment-settings": {"GET": Rule.PUBLIC},
    "/api/stripe-webhook": {"POST": Rule.PUBLIC},
    "/payment/success": {"GET": Rule.PUBLIC},
    "/payment/cancel": {"GET": Rule.PUBLIC},
    # calendar files
    "/api/bookings/{id}.ics": {"GET": Rule.USER},
    "/api/calendar-links": {"GET": Rule.USER, "POST": Rule.USER},
    "/api/calendar-links/{id}": {"DELETE": Rule.USER},
    "/api/calendar-links/{id}/rotate": {"POST": Rule.USER},
    "/api/calendars/{token}.ics": {"GET": Rule.SIGN_IN},
    # busy calendars
    "/api/admin/busy-calendars": {"GET": Rule.STAFF, "POST": Rule.STAFF},
    "/api/admin/busy-calendars/{id}": {"GET": Rule.STAFF, "DELETE": Rule.STAFF},
    "/api/admin/busy-calendars/{id}/fetch": {"POST": Rule.STAFF},
    "/api/busy-calendars": {"GET": Rule.PRACTITIONER, "POST": Rule.PRACTITIONER},
    "/api/busy-calendars/{id}": {"GET": Rule.PRACTITIONER, "DELETE": Rule.PRACTITIONER},
    "/api/busy-calendars/{id}/fetch": {"POST": Rule.PRACTITIONER},
    # webhooks
    "/api/admin/webhooks": {"GET": Rule.STAFF, "POST": Rule.STAFF},
    "/api/admin/webhooks/{id}": {"GET": Rule.STAFF, "PATCH": Rule.STAFF, "DELETE": Rule.STAFF},
    "/api/admin/webhooks/{id}/rotate-secret": {"POST": Rule.STAFF},
    "/api/admin/webhooks/{id}/test": {"POST": Rule.STAFF},
    "/api/admin/webhooks/{id}/redeliver": {"POST": Rule.STAFF},
    "/api/admin/webhooks/{id}/deliveries": {"GET": Rule.STAFF},
    "/api/admin/webhooks/{id}/deliveries/{delivery_id}": {"GET": Rule.STAFF},
    "/api/admin/webhooks/{id}/deliveries/{delivery_id}/redeliver": {"POST": Rule.STAFF},
    # where contracts meet
    "/api/bookings": {"POST": Rule.USER},
    "/api/bookings/{id}": {"GET": Rule.USER, "DELETE": Rule.USER},
    "/api/bookings/{id}/move": {"POST": Rule.USER},
    "/api/admin/bookings/{id}/move": {"POST": Rule.STAFF},
    "/api/admin/bookings/{id}/confirm": {"POST": Rule.STAFF},
    "/api/admin/bookings/{id}/complete": {"POST": Rule.STAFF},
    "/api/admin/bookings/{id}/no-show": {"POST": Rule.STAFF},
    "/api/admin/schedule": {"GET": Rule.STAFF},
    "/api/admin/schedule/days": {"GET": Rule.STAFF},
    "/api/admin/users": {"GET": Rule.STAFF},
    "/api/admin/users/stats": {"GET": Rule.STAFF},
    "/api/admin/users/filter-options": {"GET": Rule.STAFF},
    "/api/admin/users/create": {"POST": Rule.STAFF},
    "/api/admin/users/{id}": {"GET": Rule.STAFF},
    "/api/admin/users/{id}/update": {"PUT": Rule.STAFF},
    "/api/admin/users/{id}/delete": {"DELETE": Rule.STAFF},
    "/api/admin/users/{id}/export": {"GET": Rule.STAFF},
    # guests, by the links of mails
    "/api/guest/bookings/{token}": {"GET": Rule.LINK},
    "/api/guest/bookings/{token}/booking.ics": {"GET": Rule.LINK},
    "/api/guest/bookings/{token}/cancel": {"POST": Rule.LINK},
    "/api/guest/bookings/{token}/move": {"POST": Rule.LINK},
    "/b/{token}": {"GET": Rule.LINK},
    "/guest/{token}": {"GET": Rule.LINK},
    "/guest/{token}/cancel": {"GET": Rule.LINK, "POST": Rule.LINK},
    "/guest/{token}/move": {"GET": Rule.LINK, "POST": Rule.LINK},
    "/guest/addresses/{token}": {"GET": Rule.LINK, "POST": Rule.LINK},
    "/guest/reminders/{token}": {"GET": Rule.LINK, "POST": Rule.LINK},
    "/api/admin/mails": {"GET": Rule.STAFF},
    "/api/admin/bounced-addresses": {"GET": Rule.STAFF},
    "/api/admin/bounced-addresses/{id}": {"DELETE": Rule.STAFF},
    # agent
    "/api/agent/booking/create": {"POST": Rule.PUBLIC_WRITE},
    "/api/agent/bookings/bulk": {"POST": Rule.KEY_OR_STAFF},
    "/api/agent/bookings/bulk/{batch_id}": {"GET": Rule.KEY_OR_STAFF},
    # marketplace
    "/api/v1/drf/practitioners": {"GET": Rule.USER, "POST": Rule.PRACTITIONER},
    "/api/v1/drf/practitioners/{id}": {"GET": Rule.USER, "PATCH": Rule.PRACTITIONER},
    "/api/v1/drf/practitioners/{id}/time-off": {"GET": Rule.PRACTITIONER, "POST": Rule.PRACTITIONER},
    "/api/v1/drf/practitioners/{id}/time-off/{id}": {"DELETE": Rule.PRACTITIONER},
    "/api/v1/drf/locations": {"GET": Rule.USER, "POST": Rule.PRACTITIONER},
    "/api/v1/drf/locations/{id}": {"GET": Rule.USER, "PATCH": Rule.PRACTITIONER},
    "/api/v1/drf/locations/{id}/rooms": {"POST": Rule.PRACTITIONER},
    "/api/v1/drf/locations/{id}/rooms/{id}": {"DELETE": Rule.PRACTITIONER},
    "/api/v1/drf/bookings": {"GET": Rule.USER, "POST": Rule.USER},
    "/api/v1/drf/bookings/create-package": {"POST": Rule.USER},
    "/api/v1/drf/bookings/create-bundle": {"POST": Rule.USER},
    "/api/v1/drf/bookings/create-course": {"POST": Rule.USER},
    "/api/v1/drf/bookings/{id}": {"GET": Rule.USER, "PATCH": Rule.USER, "DELETE": Rule.USER},
    "/api/v1/drf/bookings/{id}/confirm": {"POST": Rule.USER},
    "/api/v1/drf/bookings/{id}/complete": {"POST": Rule.USER},
    "/api/v1/drf/bookings/{id}/no-show": {"POST": Rule.USER},
    "/api/v1/drf/bookings/{id}/cancel": {"POST": Rule.USER},
    "/api/v1/drf/bookings/{id}/reschedule": {"POST": Rule.USER},
    "/api/v1/drf/bookings/{id}/notes": {"GET": Rule.USER, "POST": Rule.USER},
    "/api/v1/drf/sessions": {"GET": Rule.USER, "POST": Rule.PRACTITIONER},
    "/api/v1/drf/sessions/{id}": {"GET": Rule.USER, "PATCH": Rule.PRACTITIONER, "DELETE": Rule.PRACTITIONER},
    "/api/v1/drf/sessions/{id}/waiting-list": {"GET": Rule.USER, "POST": Rule.USER, "DELETE": Rule.USER},
    "/api/user/credits": {"GET": Rule.USER},
    "/api/user/waiting-places": {"GET": Rule.USER},
    "/api/v1/drf/bookings/check-availability": {"POST": Rule.USER},
    "/api/v1/drf/availability": {"POST": Rule.USER},
    "/api/v1/drf/services": {"GET": Rule.USER, "POST": Rule.PRACTITIONER},
    "/api/v1/drf/services/{id}": {"GET": Rule.USER, "PATCH": Rule.PRACTITIONER},
    # commands
    "/api/commands/{id}": {"GET": Rule.OPEN, "DELETE": Rule.OPEN},
    "/api/admin/parked/commands": {"GET": Rule.SUPERUSER},
    "/api/admin/parked/commands/{id}": {"DELETE": Rule.SUPERUSER},
    "/api/admin/parked/commands/{id}/replay": {"POST": Rule.SUPERUSER},
    "/api/admin/parked/payments": {"GET": Rule.SUPERUSER},
    "/api/admin/parked/payments/{id}/replay": {"POST": Rule.SUPERUSER},
    # the admin feed over HTTP
    "/api/events": {"GET": Rule.STAFF},
    # for the pages
    "/api/site": {"GET": Rule.OPEN},
    "/api/catalogue": {"GET": Rule.PUBLIC},
    "/api/catalogue/days": {"GET": Rule.PUBLIC},
    "/api/catalogue/times": {"GET": Rule.PUBLIC},
    "/api/booking-links": {"POST": Rule.PUBLIC},
    "/api/demo/payment": {"POST": Rule.USER},
    "/api/embedding-origins": {"GET": Rule.OPEN},
    "/api/admin/embedding-origins": {"GET": Rule.STAFF, "POST": Rule.STAFF},
    "/api/admin/embedding-origins/{id}": {"DELETE": Rule.STAFF},
    # where to begin, and the API's description
    "/": {"GET": Rule.OPEN},
    "/docs": {"GET": Rule.OPEN},
    "/openapi.json": {"GET": Rule.OPEN},
    "/api": {"GET": Rule.OPEN},
    "/api/schema": {"GET": Rule.OPEN},
    "/api/schema/feeds": {"GET": Rule.OPEN},
    "/api/docs": {"GET": Rule.OPEN},
    "/api/docs/assets/{name}": {"GET": Rule.OPEN},
    # health
    "/healthz": {"GET": Rule.OPEN},
    "/readyz": {"GET": Rule.OPEN},
}

BEFORE_PASSWORD_CHANGE = frozenset(
    {
        "/api/auth/password/change",
        "/api/auth/user",
        "/api/auth/csrf",
        "/api/auth/logout",
        "/api/logout",
    }
)
"""All that an account may reach until it has changed a password that an agent set."""

IN_MAINTENANCE: Mapping[str, frozenset[str]] = {
    # signing in and out, and what keeps somebody signed in
    "/api/login": frozenset({"POST"}),
    "/api/auth/login": frozenset({"POST"}),
    "/api/token/refresh-cookie": frozenset({"POST"}),
    "/api/auth/token": frozenset({"POST", "DELETE"}),
    "/api/logout": frozenset({"POST"}),
    "/api/auth/logout": frozenset({"POST"}),
    "/api/ws-ticket": frozenset({"POST"}),
    # what happened at Stripe has happened
    "/api/stripe-webhook": frozenset({"POST"}),
    # questions that are asked with a body
    "/api/v1/drf/bookings/check-availability": frozenset({"POST"}),
    "/api/v1/drf/availability": frozenset({"POST"}),
}
"""Methods that go on during maintenance, beside GET and HEAD. Every other one is refused."""

_FIELD = re.compile(r"\{[^}]*\}")


class MissingRuleError(Exception):
    """A route has no line in the table of api/route_rules.py. Add one."""


def rules_of(template: str) -> Mapping[str, Rule]:
    """By method; empty for a route that the table does not have. Field names do not matter."""
    return _BY_SHAPE.get(_shape(template), {})


def allows(rule: Rule, kind: Kind, *, public_writes: bool) -> bool:
    if rule is Rule.PUBLIC_WRITE and kind is Kind.ANONYMOUS:
        return public_writes
    return kind in ALLOWED[rule]


def goes_on_in_maintenance(template: str, method: str) -> bool:
    """Also for a method that the route does not have: its 405 says more than that it should be tried again."""
    return method in _GOING_ON.get(_shape(template), ()) or method not in rules_of(template)


def check_every_route_has_a_rule(served: Iterable[tuple[str, str]]) -> None:
    """Call it when all routes are added, with each one's template and method. Raises `MissingRuleError`, naming
    those without.
    """
    missing = [f"{method} {template}" for template, method in served if method not in rules_of(template)]
    if missing:
        raise MissingRuleError(f"No rule in api/route_rules.py for: {', '.join(sorted(missing))}")


@lru_cache(maxsize=1024)  # the routes are fewer; each request asks for its own three times
def _shape(template: str) -> str:
    return _FIELD.sub("{}", template.rstrip("/"))


def _by_shape(table: Mapping[str, Mapping[str, Rule]]) -> dict[str, Mapping[str, Rule]]:
    """HEAD is under the rule of GET."""
    heads = {template: {"HEAD": rules["GET"]} if "GET" in rules else {} for template, rules in table.items()}
    return {_shape(template): {**rules, **heads[template]} for template, rules in table.items()}


_BY_SHAPE = _by_shape(TABLE)
_GOING_ON = {_shape(template): methods for template, methods in IN_MAINTENANCE.items()}


def add_rules(rules: Mapping[str, Mapping[str, Rule]]) -> None:
    """For routes that an extended app has beside ours, such as the benchmarks' baselines."""
    _BY_SHAPE.update(_by_shape(rules))
