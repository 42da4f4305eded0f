"""Numbers are bounded in digits and exponent: each field of each body and each parameter, walked.

A value beyond every bound is a 400 that names its field. What is sent changes nothing: none of these
values is one that any field takes, and staff ask of rows that are not there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import httpx
import pytest

from tests.conftest import FIGURE
from tests.support.clients.http_client import Client
from tests.support.conformance.description import description, example_of, operations, path_with_unknown_ids

NUMBERS = (
    "1e999999999",
    "-1e999999999",
    "1e-999999999",
    "0e999999999",
    "1" + "0" * 40,
    "9" * 5000,
    "9223372036854775808",
    "-9223372036854775809",
    "0.1000000000000000000000000000001",
)
TEXTS = ('"1e999999999"', '"-1e999999999"', '"NaN"', '"Infinity"', '"-Infinity"', '"' + "9" * 5000 + '"', '"١٢"')
NO_JSON = ("NaN", "-Infinity", "١٢")
IN_A_QUERY = ("1e999999999", "1e-999999999", "NaN", "Infinity", "9" * 2000, str(2**63), str(-(2**63) - 1), "١٢", "1.0")
HERE = "\x00here\x00"
"""Stands for the value in a body until it is text."""

Path = tuple[str, ...]


def resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    reference = schema.get("$ref")
    found: Mapping[str, Any] = (
        description()["components"]["schemas"][reference.rsplit("/", 1)[1]] if reference else schema
    )
    return found


def numeric(schema: Mapping[str, Any], at: Path = ()) -> Iterator[Path]:
    """Where numbers stand in a body; `[]` is an item of an array."""
    schema = resolved(schema)
    for one in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from numeric(one, at)
    kinds = schema.get("type", ())
    if {"integer", "number"} & ({kinds} if isinstance(kinds, str) else set(kinds)):
        yield at
    for name, inner in schema.get("properties", {}).items():
        yield from numeric(inner, (*at, name))
    if isinstance(schema.get("items"), Mapping):
        yield from numeric(schema["items"], (*at, "[]"))


def placed(body: Any, at: Path) -> Any:
    """A body with `HERE` at a path; what is not there yet is made."""
    if not at:
        return HERE
    name, *rest = at
    if name == "[]":
        first = body[0] if isinstance(body, list) and body else None
        return [placed(first, tuple(rest))]
    fields = body if isinstance(body, dict) else {}
    return {**fields, name: placed(fields.get(name), tuple(rest))}


def with_number(body: Any, text: str) -> bytes:
    return json.dumps(body).replace(json.dumps(HERE), text).encode()


def fields() -> Iterator[tuple[str, str, Any, Path]]:
    """(method, path, body, where) of each number in each JSON body."""
    for method, path, described in operations():
        media = described.get("requestBody", {}).get("content", {}).get("application/json")
        if media is None:
            continue
        example = example_of(described)
        for at in sorted(set(numeric(media["schema"]))):
            yield method, path_with_unknown_ids(path, described), placed(example, at), at


def bodies_and_numbers() -> Iterator[tuple[str, str, bytes, str, Path]]:
    for method, path, body, at in fields():
        for number in (*NUMBERS, *TEXTS):
            yield method, path, with_number(body, number), number, at


def names(answer: httpx.Response, at: Path) -> bool:
    """Whether a refusal is of the field, or of something that is read before any body."""
    told = answer.json()
    return told["code"] == "invalid" and any(problem["field"].startswith(at[0]) for problem in told["errors"])


@pytest.fixture
def send(staff: Client) -> Client:
    staff.headers["Content-Type"] = "application/json"
    return staff


def test_a_number_beyond_every_bound_is_refused_by_the_name_of_its_field(send: Client, record_property: Any) -> None:
    walked: set[tuple[str, str, Path]] = set()
    asked, wrong = 0, []
    for method, path, body, number, at in bodies_and_numbers():
        answer = send.request(method, path, content=body)
        asked += 1
        walked.add((method, path, at))
        if answer.status_code != 400 or not names(answer, at):
            wrong.append(f"{method} {path} {'.'.join(at)} {number[:30]}: {answer.status_code} {answer.text[:200]}")
    record_property(FIGURE, f"numbers: {len(walked)} fields of bodies walked, {asked:,} bodies refused")
    assert not wrong, "\n".join(wrong[:40]) + f"\n{len(wrong)} in all"
    assert len(walked) > 30


def test_what_json_knows_no_number_by_is_no_json(send: Client) -> None:
    for method, path, body, at in fields():
        for word in NO_JSON:
            answer = send.request(method, path, content=with_number(body, word))
            assert (answer.status_code, answer.json()["code"]) == (400, "malformed_json"), (method, path, at, word)


def test_a_parameter_beyond_every_bound_is_refused_by_its_name(staff: Client, record_property: Any) -> None:
    walked = 0
    for method, path, described in operations():
        for one in described["parameters"]:
            if one.get("in") != "query" or not list(numeric(one["schema"])):
                continue
            walked += 1
            for number in IN_A_QUERY:
                answer = staff.request(method, path_with_unknown_ids(path, described), params={one["name"]: number})
                assert answer.status_code == 400, f"{method} {path} {one['name']}={number[:30]}: {answer.text[:200]}"
                assert one["name"] in [problem["field"] for problem in answer.json()["errors"]]
    record_property(FIGURE, f"numbers: {walked} parameters walked")
    assert walked > 30
