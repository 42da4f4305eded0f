"""The description against the routes, the rules, the codes and itself."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

import api
from api.http.error_codes import PROBLEMS, all_codes
from api.route_rules import TABLE
from core.domain.refusals import Refusal
from core.wire.refusals import REFUSALS
from tests.support.conformance.description import description, operations, served

_FIELD = re.compile(r"\{[^}]*\}")


def resolved(schema: Any) -> Any:
    """As a validator takes it: references into the document's components."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "components": description()["components"],
        **schema,
    }


@cache
def validator_of(schema: str) -> jsonschema_rs.Draft202012Validator:
    """Of a schema as JSON text: most answers share one."""
    return jsonschema_rs.Draft202012Validator(resolved(json.loads(schema)), validate_formats=True)


def contents() -> Iterator[tuple[str, Any]]:
    """(where, media type object) of every body described."""
    for method, path, described in operations():
        body = described.get("requestBody", {}).get("content", {})
        for media in body.values():
            yield f"{method} {path}", media
        for status, answer in described["responses"].items():
            for media in answer.get("content", {}).values():
                yield f"{method} {path} {status}", media


def test_every_route_that_is_served_is_described() -> None:
    missing = [
        f"{route.method} {route.path} ({route.responder.__qualname__})" for route in served() if not route.operation
    ]
    assert not missing, "describe them where they stand, as docs/openapi.md shows"


def test_every_rule_is_of_a_described_route() -> None:
    def shape(path: str) -> str:
        return _FIELD.sub("{}", path).rstrip("/")

    described = {(method, shape(path)) for method, path, _ in operations()}
    ruled = {(method, shape(path)) for path, rules in TABLE.items() for method in rules}
    assert ruled == described


def test_operation_ids_are_unique() -> None:
    ids = [described["operationId"] for _, _, described in operations()]
    assert len(ids) == len(set(ids))


def test_every_tag_is_explained() -> None:
    explained = {tag["name"] for tag in description()["tags"]}
    assert {tag for _, _, described in operations() for tag in described["tags"]} == explained


def test_every_schema_is_a_json_schema_and_its_examples_hold() -> None:
    for where, media in contents():
        validator = validator_of(json.dumps(media["schema"], sort_keys=True))
        examples = [media["example"]] if "example" in media else []
        for example in examples + [one["value"] for one in media.get("examples", {}).values()]:
            assert [str(error) for error in validator.iter_errors(example)] == [], where


def test_every_body_that_is_sent_has_an_example() -> None:
    bare = [
        f"{method} {path}"
        for method, path, described in operations()
        for media in described.get("requestBody", {}).get("content", {}).values()
        if not {"example", "examples"} & set(media)
    ]
    assert not bare


def raised_codes() -> set[str]:
    """Every literal code that a Problem is made with, anywhere in the API."""
    found = set()
    for file in Path(api.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Problem":
                found |= {str(arg.value) for arg in node.args[1:2] if isinstance(arg, ast.Constant)}
    return found


def test_every_code_that_is_raised_is_explained_and_every_explained_one_is_raised() -> None:
    assert raised_codes() <= set(all_codes())
    words = "".join(
        file.read_text()
        for root in ("api", "core")
        for file in Path(root).rglob("*.py")
        if file.name != "error_codes.py"
    )
    assert [code for code in PROBLEMS if f'"{code}"' not in words] == []


def test_every_refusal_of_a_decision_has_a_status() -> None:
    assert set(REFUSALS) == set(Refusal)


@pytest.mark.parametrize("path", ["/api/agent/booking/create/", "/api/booking/create/"])
def test_a_command_may_be_waited_for_accepted_and_repeated(path: str) -> None:
    described = description()["paths"][path]["post"]
    named = {parameter["$ref"].rsplit("/", 1)[1] for parameter in described["parameters"] if "$ref" in parameter}
    assert named == {"Prefer", "IdempotencyKey", "ExpiresAt"}
    assert {"201", "202", "400", "401", "409", "422", "503"} <= set(described["responses"])
    assert "slot_taken" in described["responses"]["409"]["x-codes"]
    assert "application/problem+json" in described["responses"]["409"]["content"]
