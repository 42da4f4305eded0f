"""The table of roles, walked once more from outside: real credentials, real HTTP."""

from __future__ import annotations

import re

import httpx
import pytest

from api.route_rules import allows, rules_of
from core.identity.demo_accounts import AGENT_KEY
from core.identity.principals import PrincipalKind as Kind
from tests.support.clients.callers import ADMIN, PRACTITIONER, STAFF, USER, access_for, bearer, new_address
from tests.support.conformance.description import served
from tests.support.processes.stack import Stack

PEOPLE = {Kind.USER: USER, Kind.PRACTITIONER: PRACTITIONER, Kind.STAFF: STAFF, Kind.SUPERUSER: ADMIN}
REFUSED_BY_THE_GATE = {"not_authenticated": 401, "forbidden": 403}
FOR_PRACTITIONERS = "/api/busy-calendars"
"""Below it, a calendar is one's own time's: of those whom the table lets in, staff who are no practitioners have none."""
NOTHING_TO_SEE = {"walk": True}
"""A field that no route knows: a caller who is let in gets no further than a 400."""


def credential(stack: Stack, kind: Kind) -> dict[str, str]:
    match kind:
        case Kind.ANONYMOUS:
            return {}
        case Kind.AGENT:
            return {"Authorization": f"Token {AGENT_KEY}"}
        case _:
            return bearer(access_for(stack, PEOPLE[kind]))


def address(template: str) -> str:
    unknown = {True: "00000000-0000-4000-8000-000000000000", False: "999999999"}
    return re.sub(r"\{[^}]*\}", lambda field: unknown["uuid" in field[0]], template)


@pytest.mark.parametrize("kind", Kind)
def test_a_role_gets_in_exactly_where_the_table_says(stack: Stack, kind: Kind) -> None:
    wrong = []
    who = credential(stack, kind)
    with httpx.Client(base_url=stack.api_url, timeout=30.0) as client:
        for route in served():  # HEAD has no body to read: tests/integration/http/test_every_route.py holds it to GET
            method, template = route.method, route.template
            body = None if method == "GET" else NOTHING_TO_SEE
            client.cookies.clear()
            headers = who | {"X-Forwarded-For": new_address()}
            answer = client.request(method, address(template), json=body, headers=headers)
            # A redirect has no body; a refusal always has one.
            is_json = answer.content and answer.headers["Content-Type"] == "application/json"
            refused = bool(is_json) and is_refused_by_the_gate(answer)
            may = allows(rules_of(template)[method], kind, public_writes=stack.settings.public_writes)
            if template.startswith(FOR_PRACTITIONERS):
                may = may and kind is Kind.PRACTITIONER
            if refused is may or answer.status_code == 500:
                wrong.append(f"{method} {template}: {answer.status_code} {answer.text[:100]}")
            if template.endswith("/logout"):
                who = credential(stack, kind)
    assert wrong == []


def is_refused_by_the_gate(answer: httpx.Response) -> bool:
    body = answer.json()
    return isinstance(body, dict) and REFUSED_BY_THE_GATE.get(body.get("code", "")) == answer.status_code
