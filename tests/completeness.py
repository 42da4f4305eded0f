"""What is described and was never served, in a whole run: the other direction of `tests.conformance`.

Asked when the run has ended (tests/conftest.py), of what all its tests and the fuzzing heard:

- every operation has answered with every success status that it describes, in every media type and
  every alternative form, with all the fields that the form always has;
- every field of every type has been sent in some answer: what is within an answer is one type with
  one encoder, whichever operation sends it;
- every operation has refused with every status of the refusals that it names itself;
- every code that is described has been heard, with its status: what a rule, a body, a header or the
  inbox refuses is refused by one piece of code for all operations;
- every message of every feed, every close code, refusal of a handshake and error has been heard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from msgspec import Struct

from api.openapi.document import operation_id
from api.openapi.failures import own_refusals
from core.wire.closing import CLOSINGS
from core.wire.feeds import ALL_SAY, ERRORS, FEEDS, HANDSHAKE_REFUSALS, words_of
from tests.conformance import Operation, conformance
from tests.described import description, served
from tests.feeds import heard as heard_of_feeds

ACCEPTED = 202
"""Of commands: answered by one piece of code (api/commands.py) for all of them, as each code is."""
SUCCESS = range(200, 400)
FAILS = False
"""Whether a whole run fails for it. It only tells until a whole run has told nothing."""
SHARED = frozenset({429, 503})
"""Statuses that limits and outages give, by one piece of code for all operations that name them."""
UNHEARD: Mapping[str, str] = {
    "internal_error": "A bug: a test that knew one would be a test of the bug",
    "unstorable": "PostgreSQL's word for what no check foresaw; test_inbox_groups.py hands it to the inbox itself",
    "body_cut_off": "Whoever gets it has hung up: tests/integration/agent sends it on a bare socket",
    "body_too_slow": "The same: on a bare socket",
    "changed_meanwhile": "A service changed between a request and its decision: a race, met by the lane alone",
    "in_the_past": "The demo allows the past; tests of the domain and of the lanes do not",
}
"""Codes that no client of these tests hears, each with its reason."""
RACES: Mapping[str, str] = {
    "GET /oauth/google/login/callback/ 401": "The account changed while its owner was at Google",
    "GET /oauth/github/login/callback/ 401": "The account changed while its owner was at GitHub",
    "POST /api/agent/bookings/bulk/ 408": "See body_too_slow",
    "POST /api/v1/drf/sessions/{session_id}/waiting-list/ 400": "See in_the_past",
}


class Field(Struct, frozen=True):
    """A field that an answer's schema names."""

    pointer: str
    owner: str
    """The component that it is of."""
    name: str


def never_heard() -> list[str]:
    """One line for each thing that is described and that nothing of this run heard."""
    operations = list(conformance().operations())
    return [*_of_operations(operations), *_fields(operations), *_codes(operations), *_of_feeds()]


def _of_operations(operations: list[Operation]) -> Iterator[str]:
    for one in operations:
        for status, answer in one.described["responses"].items():
            heard = one.heard.get(int(status))
            if int(status) in SUCCESS and not (int(status) == ACCEPTED and _is_command(one)):
                yield from _missing_of(f"{one.name} {status}", answer, heard)
        unheard = _own_statuses()[one.described["operationId"]] - set(one.heard) - SHARED
        yield from (f"{one.name} {status}" for status in unheard if f"{one.name} {status}" not in RACES)


def _missing_of(where: str, answer: Mapping[str, Any], heard: set[str] | None) -> Iterator[str]:
    if heard is None:
        yield where
        return
    for media, content in answer.get("content", {}).items():
        if media not in heard:
            yield f"{where} {media}"
        for form in _forms(content["schema"]):
            wanted = {field.pointer for field in _always(form)}
            if not wanted <= heard:
                yield f"{where} {sorted(wanted - heard)}"


def _is_command(one: Operation) -> bool:
    return any(ref.get("$ref", "").endswith("/IdempotencyKey") for ref in one.described["parameters"])


@cache
def _own_statuses() -> Mapping[str, set[int]]:
    """By operation id: the statuses of what an operation itself refuses, not its rule, body or headers."""
    return {operation_id(route): {status for status, _ in own_refusals(route)} for route in served()}


def _fields(operations: list[Operation]) -> Iterator[str]:
    described: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    known: set[tuple[str, str]] = set()
    for one in operations:
        for status, answer in one.described["responses"].items():
            for content in answer.get("content", {}).values() if int(status) in SUCCESS else ():
                for field in _every(content["schema"]):
                    described[field.owner, field.name].append(f"{one.name} {status} {field.pointer}")
                    if field.pointer in one.heard.get(int(status), ()):
                        known.add((field.owner, field.name))
    yield from (f"{owner}.{name}, as in {described[owner, name][0]}" for owner, name in sorted(set(described) - known))


def _codes(operations: list[Operation]) -> Iterator[str]:
    described, heard = set(), set()
    for one in operations:
        for status, answer in one.described["responses"].items():
            codes = set(answer.get("x-codes", ()))
            described |= {(int(status), code) for code in codes}
            heard |= {(int(status), code) for code in codes & one.heard.get(int(status), set())}
    told = {outcome for one in operations for outcome in one.outcomes}
    missing = (f"{status} {code}" for status, code in sorted(described - heard) if code not in UNHEARD)
    yield from (line for line in missing if line not in told)
    if not any(ACCEPTED in one.heard for one in operations):
        yield f"{ACCEPTED}"


def _of_feeds() -> Iterator[str]:
    wanted = {f"{feed.path}/ {word}" for feed in FEEDS for kind in feed.says for word in words_of(kind)}
    wanted |= {f"refusal {status} {code}" for code, statuses in HANDSHAKE_REFUSALS.items() for status in statuses}
    wanted |= {f"error {code}" for code in ERRORS} | {f"close {one.code}" for one in CLOSINGS}
    facts = heard_of_feeds().facts
    yield from sorted(wanted - facts)
    for word in (word for kind in ALL_SAY for word in words_of(kind)):
        if not any(f"{feed.path}/ {word}" in facts for feed in FEEDS):
            yield f"any feed: {word}"


def _resolved(schema: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """(the component's name, the schema)."""
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    return name, description()["components"]["schemas"][name] if name else schema


def _forms(schema: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    forms: list[Mapping[str, Any]] = schema.get("anyOf", [schema])
    return forms


def _always(schema: Mapping[str, Any], at: str = "") -> Iterator[Field]:
    """The fields that a body of this form always has, and the items of one that is an array."""
    name, schema = _resolved(schema)
    for field in schema.get("required", ()):
        yield Field(f"{at}/{field}", name, field)
    if isinstance(schema.get("items"), dict):
        yield from _always(schema["items"], f"{at}[]")


def _every(schema: Mapping[str, Any], at: str = "", owner: str = "") -> Iterator[Field]:
    """All fields, however deep."""
    name, schema = _resolved(schema)
    for field, inner in schema.get("properties", {}).items():
        yield Field(f"{at}/{field}", name or owner, field)
        yield from _every(inner, f"{at}/{field}", name or owner)
    if isinstance(schema.get("items"), dict):
        yield from _every(schema["items"], f"{at}[]", owner)
    for one in schema.get("anyOf", ()):
        yield from _every(one, at, owner)
