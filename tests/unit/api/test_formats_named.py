"""Whoever sends a wrong value is told one that would be understood: a form, a word, a number, an id."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from msgspec import Struct

from api.http.bodies import parse_json
from api.http.errors import HEADLINES, LOG_IN, Problem
from api.http.parameters import Parameter, parameters_of, read_query
from core.identity.credentials.schemes import BAD_CREDENTIAL
from core.text_forms import BAD_DATE, BAD_TIME
from tests.conftest import FIGURE
from tests.support.clients.responder_requests import request
from tests.support.conformance.description import bodies, description, operations, served
from tests.support.hostile_texts import fields_with_text

BODIES = bodies()
QUERIES = {route.operation.query for route in served() if route.operation and route.operation.query}
WRONG: tuple[Any, ...] = ("?!", -1.5, {"?": 1}, True)
FREE = re.compile(r" must not contain | must not be blank$| (may|can) have \d+ characters at most$")
"""What is said of texts that may be anything."""
NAMED = re.compile(r" must be (an object with \w+|a list$)|^(Unknown|Missing required) field: |needs at least")
"""Of what has parts: their names, or that it is a list. The parts have sentences of their own."""
WORD = re.compile(r"[^\s,;]+(?: (?:AM|PM))?")


def problems_of(read: Callable[[], object]) -> dict[str, str]:
    try:
        read()
    except Problem as problem:
        return {one.field: one.message for one in problem.problems}
    return {}


def candidates(sentence: str) -> Iterator[Any]:
    """Every word of a sentence, as text and as JSON, alone and in a list."""
    for word in WORD.findall(sentence):
        bare = word.strip("().:")
        for text in {word, bare}:
            yield text
            yield [text]
            try:
                yield json.loads(text)
            except ValueError:
                continue


def is_told(field: str, sentence: str, told_of: Callable[[Any], dict[str, str]]) -> bool:
    """Whether a word of the sentence would have been taken, or would have had another problem than its form."""
    if FREE.search(sentence) or NAMED.search(sentence):
        return True
    if sentence.endswith(" must be text"):
        return told_of("Any text").get(field) != sentence
    return any(told_of(one).get(field) != sentence for one in candidates(sentence))


def fields_of_bodies() -> Iterator[tuple[type[Struct], Any, str]]:
    """Every field of every body, and the texts within lists and objects."""
    for kind, good in BODIES.items():
        for name in dict.fromkeys([*kind.__struct_fields__, *fields_with_text(kind)]):
            yield kind, good, name


def test_the_answer_to_a_wrong_value_of_a_body_says_what_is_understood(
    record_property: Callable[[str, object], None],
) -> None:
    untold, fields, sentences, proved = set(), set(), set(), set()
    for kind, good, name in fields_of_bodies():
        fields.add((kind, name))
        for wrong in WRONG:

            def told_of(value: Any, kind: type[Struct] = kind, good: Any = good, name: str = name) -> dict[str, str]:
                return problems_of(lambda: parse_json(json.dumps(_with(good, name, value)).encode(), kind))

            for field, sentence in told_of(wrong).items():
                sentences.add(sentence)
                said = sentence.replace(field, "")
                if said in proved or is_told(field, sentence, told_of):
                    proved.add(said)
                else:
                    untold.add((kind.__name__, field, sentence))
    assert untold == set()
    assert set(described_fields()) <= {re.split(r"[.\[]", name)[0] for _, name in fields}
    record_property(FIGURE, f"formats: {len(sentences)} sentences of {len(fields)} fields name what is understood")


def described_fields() -> Iterator[str]:
    """The fields of all objects that the description has as bodies."""
    for _, _, operation in operations():
        schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
        for one in (schema, *schema.get("anyOf", ())):
            if name := one.get("$ref", "").rpartition("/")[2]:
                yield from description()["components"]["schemas"][name]["properties"]


def _with(good: Any, name: str, value: Any) -> Any:
    """The body with this at a field, or within the first of a list: `schedule[].start_time`."""
    field, _, rest = name.partition(".")
    top = field.removesuffix("[]")
    there = good.get(top)
    if field.endswith("[]"):
        inside = (there or [{}])[0]
        return {**good, top: [_with(inside if isinstance(inside, dict) else {}, rest, value) if rest else value]}
    return {**good, top: _with(there if isinstance(there, dict) else {}, rest, value) if rest else value}


def test_the_answer_to_a_wrong_parameter_says_what_is_understood() -> None:
    described = {one["name"] for _, _, operation in operations() for one in operation["parameters"] if "name" in one}
    untold, found = set(), set()
    for kind in QUERIES:
        for one in parameters_of(kind):
            found.add(one.name)
            sentence = _told_of(kind, one, "?!").get(one.name, "")
            if sentence and not is_told(one.name, sentence, partial(_told_of, kind, one)):
                untold.add((kind.__name__, one.name, sentence))
    assert untold == set()
    assert found <= described


def _told_of(kind: type[Struct], parameter: Parameter, value: Any) -> dict[str, str]:
    asked = request()
    asked._params = {parameter.name: value if isinstance(value, str) else str(value)}
    return problems_of(lambda: read_query(asked, kind))


@pytest.mark.parametrize("sentence", [BAD_DATE, BAD_TIME], ids=["date", "time"])
def test_what_the_agent_contract_prints_stands_alone_and_the_formats_by_field(sentence: str) -> None:
    head, _, formats = sentence.partition(": ")
    assert head in HEADLINES
    kind = next(one for one in BODIES if one.__name__ == "AgentBooking")
    field = "booking_date" if sentence is BAD_DATE else "booking_time"
    with pytest.raises(Problem) as refused:
        parse_json(json.dumps({**BODIES[kind], field: "soon"}).encode(), kind)
    assert (refused.value.message, refused.value.problems[0].message) == (head, sentence)
    for written in WORD.findall(formats.replace(" or ", ", ").removeprefix("write it like ")):
        assert parse_json(json.dumps({**BODIES[kind], field: written}).encode(), kind)


def test_a_caller_turned_away_is_told_where_to_log_in_and_how_to_send_it() -> None:
    paths = description()["paths"]
    for sentence in (LOG_IN, BAD_CREDENTIAL):
        assert [path for path in re.findall(r"/api/[a-z/]+/", sentence) if path not in paths] == []
        assert "/api/login/" in sentence
    assert {"Authorization: Bearer", "Authorization: Token"} <= set(re.findall(r"Authorization: \w+", LOG_IN))
