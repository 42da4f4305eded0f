"""What is described and was never served, in a whole run: the other direction of `tests.support.conformance.answers`.

Asked when the run has ended (tests/support/conformance/whole_run.py), of what all its tests and the fuzzing heard:

- every operation has answered with every success status that it describes, in every media type and
  every alternative form, with all the fields that the form always has;
- every field of every type has been sent in some answer: what is within an answer is one type with
  one encoder, whichever operation sends it;
- every operation has refused with every status of which it describes refusals;
- every code that is described has been heard, with its status: what a rule, a body, a header or the
  inbox refuses is refused by one piece of code for all operations;
- every code that the error shape lists has been heard;
- every message of every feed, every close code, refusal of a handshake and error has been heard.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from core.wire.feeds import ALL_SAY, FEEDS, message_types_of
from tests.support.conformance.answers import Conformance, Operation
from tests.support.conformance.description import description, feeds
from tests.support.conformance.feeds import Fact

SUCCESS = range(200, 400)
NEED_NOT_BE_SERVED: Mapping[str, str] = {
    "internal_error": "A bug: `tests.support.conformance.answers` fails whatever test hears it",
}
"""Codes of the error shape that no test may hear, each with its reason."""


class Field(Struct, frozen=True):
    """A field that an answer's schema names."""

    pointer: str
    owner: str
    """The component that it is of."""
    name: str


def never_served(answers: Conformance, told_by_feeds: set[Fact]) -> list[str]:
    """One line for each thing that is described and that is not among what was heard."""
    operations = list(answers.operations())
    return [
        *_of_operations(operations),
        *_fields(operations),
        *_codes(operations),
        *_listed_codes(answers),
        *_of_feeds(told_by_feeds),
    ]


def _of_operations(operations: list[Operation]) -> Iterator[str]:
    for one in operations:
        for status, answer in one.described["responses"].items():
            heard = one.heard.get(int(status))
            if int(status) in SUCCESS:
                yield from _missing_of(f"{one.name} {status}", answer, heard)
            elif heard is None:
                yield f"{one.name} {status}"


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


def _fields(operations: list[Operation]) -> Iterator[str]:
    described: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    known: set[tuple[str, str]] = set()
    for one in operations:
        for status, answer in one.described["responses"].items():
            for content in answer.get("content", {}).values() if int(status) in SUCCESS else ():
                for field in every_field(content["schema"]):
                    described[field.owner, field.name].append(f"{one.name} {status} {field.pointer}")
                    if field.pointer in one.heard.get(int(status), ()):
                        known.add((field.owner, field.name))
    yield from (f"{owner}.{name}, as in {described[owner, name][0]}" for owner, name in sorted(set(described) - known))


def _codes(operations: list[Operation]) -> Iterator[str]:
    described, heard = set(), set()
    for one in operations:
        for status, answer in one.described["responses"].items():
            codes = set(answer.get("x-codes", ()))
            described |= {f"{status} {code}" for code in codes}
            heard |= {f"{status} {code}" for code in codes & one.heard.get(int(status), set())}
        heard |= one.outcomes
    yield from sorted(described - heard)


def _listed_codes(answers: Conformance) -> Iterator[str]:
    """Those of no operation in particular too: of paths that are not described, of rows, of batches."""
    operations = list(answers.operations())
    heard = {fact for one in operations for facts in one.heard.values() for fact in facts}
    heard |= {outcome.partition(" ")[2] for one in operations for outcome in one.outcomes}
    heard |= {code for codes in answers.undescribed.values() for code in codes}
    listed = set(description()["components"]["schemas"]["ErrorBody"]["properties"]["code"]["enum"])
    yield from (f"ErrorBody.code {code}" for code in sorted(listed - heard - set(NEED_NOT_BE_SERVED)))


def _of_feeds(facts: set[Fact]) -> Iterator[str]:
    wanted = {f"{feed.path}/ {word}" for feed in FEEDS for kind in feed.says for word in message_types_of(kind)}
    refusals = [feeds()["x-unknown-path"]]
    for channel in feeds()["channels"].values():
        refusals += channel["x-handshake-refusals"]
        wanted |= {f"close {one['code']}" for one in channel["x-close-codes"]}
    wanted |= {f"refusal {one['status']} {one['code']}" for one in refusals}
    errors = feeds()["components"]["schemas"]["ErrorBody"]["properties"]["code"]["enum"]
    yield from sorted((wanted | {f"error {code}" for code in errors}) - facts)
    for word in (word for kind in ALL_SAY for word in message_types_of(kind)):
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


def every_field(schema: Mapping[str, Any], at: str = "", owner: str = "") -> Iterator[Field]:
    """All fields, however deep."""
    name, schema = _resolved(schema)
    for field, inner in schema.get("properties", {}).items():
        yield Field(f"{at}/{field}", name or owner, field)
        yield from every_field(inner, f"{at}/{field}", name or owner)
    if isinstance(schema.get("items"), dict):
        yield from every_field(schema["items"], f"{at}[]", owner)
    for one in schema.get("anyOf", ()):
        yield from every_field(one, at, owner)
