"""Holds every answer that a test hears from the API, and every request it accepted, to the description.

Installed once for the whole run (tests/conftest.py) at httpx's `send`, so that each test is a test of
the description too. An answer is the API's when it carries `X-Request-ID`.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any
from urllib.parse import parse_qsl

import httpx
import jsonschema_rs

from core.wire.errors import shown
from tests.support.conformance.description import description
from tests.support.conformance.description import operations as described_operations
from tests.support.conformance.sentences import unclear_wording

PROBLEM_JSON = "application/problem+json"
JSON_TYPES = ("application/json", PROBLEM_JSON)
UNIVERSAL = {400: {"bad_request"}, 404: {"not_found"}, 405: {"method_not_allowed"}}
"""What paths and methods that are not described answer; 400 is for methods that HTTP does not know."""
_FIELD = re.compile(r"\{\w+\}")
_ROW = re.compile(r"row [0-9]+")


Heard = Mapping[str, Mapping[str, Sequence[str]]]
"""By operation and status, as it travels from one process to another."""
OUTCOMES = "outcomes"
UNDESCRIBED = "undescribed"


@dataclass
class Operation:
    """One method of one path, and what tests have heard of it."""

    name: str
    described: Mapping[str, Any]
    heard: dict[int, set[str]] = field(default_factory=dict)
    """By status: media types, and codes of refusals, else pointers to the fields of bodies."""

    outcomes: set[str] = field(default_factory=set)
    """Refusals that a poll told of, status and code: what the waiting client would have got."""

    def check(self, request: httpx.Request, response: httpx.Response) -> None:
        """Raise AssertionError for anything that is not described."""
        status = response.status_code
        answer = self.described["responses"].get(str(status))
        assert answer is not None, f"{self.name} answered {status}, which is not described: {response.text[:500]}"
        heard = self.heard.setdefault(status, set())
        media = _media_type(response.headers)
        if not response.content:
            assert "content" not in answer, f"{self.name} {status} answered without a body"
            return
        assert media in answer.get("content", {}), f"{self.name} {status} answered undescribed {media!r}"
        heard.add(media)
        if media in JSON_TYPES:
            body = response.json()
            self.outcomes.update(_outcomes(body) if "/commands/" in self.name or "/bulk/" in self.name else ())
            self._check_body(status, media, body)
            heard.update(self._check_code(answer, body) if "x-codes" in answer else pointers(body))
            if "x-codes" in answer:
                self._check_errors(request, body)
        if status < 400:
            self._check_request(request)

    def check_head(self, response: httpx.Response) -> None:
        """HEAD is nowhere described: it is this GET, answered without its body. Nothing is remembered."""
        answer = self.described["responses"].get(str(response.status_code))
        assert answer is not None, f"HEAD of {self.name} answered {response.status_code}, which is not described"
        assert not response.content, f"HEAD of {self.name} answered with a body"
        assert "content" not in answer or _media_type(response.headers) in answer["content"], f"HEAD of {self.name}"

    def _check_body(self, status: int, media: str, body: Any) -> None:
        errors = [str(error) for error in self._validator(status, media).iter_errors(body)]
        assert not errors, f"{self.name} {status} is not as described: {errors[0]}\n{json.dumps(body)[:300]}"

    def _check_code(self, answer: Mapping[str, Any], body: Any) -> set[str]:
        if "code" not in body:
            return set()  # the one other shape: /readyz
        assert body["code"] in answer["x-codes"], f"{self.name} refused with {body['code']!r}, which is not described"
        return {body["code"]}

    def _check_errors(self, request: httpx.Request, body: Any) -> None:
        """Each names a field that the request has or could have had, in words for people."""
        errors = body.get("errors", [])
        for sentence in (body.get("message", "-"), *(one["message"] for one in errors)):
            assert not unclear_wording(sentence), f"{self.name} says {unclear_wording(sentence)}: {sentence}"
        known = self._names | {*map(shown, _names_sent(request))}
        for one in errors if _media_type(request.headers) in {"", "application/json"} else ():
            name = re.split(r"[.[]", one["field"])[0]
            assert known & {name, one["field"]} or _ROW.fullmatch(name), (
                f"{self.name} names {name!r}, which it has not: {errors}"
            )

    @cached_property
    def _names(self) -> set[str]:
        """Of parameters, headers and fields of bodies; the whole body has none."""
        contents = self.described.get("requestBody", {}).get("content", {}).values()
        fields = {name for content in contents for name in _properties(content["schema"])}
        return {"", *fields, *(_parameter(one)["name"] for one in self.described["parameters"])}

    def _check_request(self, request: httpx.Request) -> None:
        sent = {name for name, _ in parse_qsl(request.url.query.decode(), keep_blank_values=True)}
        known = {one["name"] for one in self.described["parameters"] if one.get("in") == "query"}
        assert sent <= known, f"{self.name} took undescribed parameters: {sent - known}"
        if _media_type(request.headers) != "application/json" or "requestBody" not in self.described:
            return
        errors = [str(error) for error in self._body_validator.iter_errors(json.loads(request.content))]
        assert not errors, f"{self.name} took a body that is not as described: {errors[0]}"

    @cached_property
    def _body_validator(self) -> jsonschema_rs.Draft202012Validator:
        return _validator(self.described["requestBody"]["content"]["application/json"]["schema"])

    def _validator(self, status: int, media: str) -> jsonschema_rs.Draft202012Validator:
        return _validator(self.described["responses"][str(status)]["content"][media]["schema"])


def _parameter(described: Mapping[str, Any]) -> Mapping[str, Any]:
    name = described.get("$ref", "").rsplit("/", 1)[-1]
    found: Mapping[str, Any] = description()["components"]["parameters"][name] if name else described
    return found


def _names_sent(request: httpx.Request) -> set[str]:
    """Unknown ones too: those are told by name."""
    names = {name for name, _ in parse_qsl(request.url.query.decode(), keep_blank_values=True)}
    try:
        body = json.loads(request.content)
    except (ValueError, RecursionError, httpx.RequestNotRead):
        return names
    return names | (body.keys() if isinstance(body, dict) else set())


def _properties(schema: Mapping[str, Any]) -> Iterator[str]:
    """The names of a body's fields, whichever of its forms it has."""
    name = schema.get("$ref", "").rsplit("/", 1)[-1]
    schema = description()["components"]["schemas"][name] if name else schema
    yield from schema.get("properties", ())
    for form in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        yield from _properties(form)


BASELINES = "/api/bench/"
"""What the benchmarks add to the API is no part of it."""


class Conformance:
    def __init__(self) -> None:
        self.undescribed: dict[int, set[str]] = {}
        """By status: the codes with which paths and methods that are not described were refused."""
        self._fixed: dict[str, dict[str, Operation]] = {}
        self._open: list[tuple[re.Pattern[str], dict[str, Operation]]] = []
        by_path: defaultdict[str, dict[str, Operation]] = defaultdict(dict)
        for method, path, described in described_operations():
            by_path[path][method] = Operation(f"{method} {path}", described)
        for path, operations in by_path.items():
            bare = path.rstrip("/")
            if "{" in path:
                self._open.append((re.compile(_FIELD.sub("[^/]+", bare)), operations))
            else:
                self._fixed[bare] = operations

    def operations(self) -> Iterator[Operation]:
        for methods in [*self._fixed.values(), *(methods for _, methods in self._open)]:
            yield from methods.values()

    def check(self, response: httpx.Response) -> None:
        request = response.request
        if "X-Request-ID" not in response.headers or request.url.path.startswith(BASELINES):
            return
        methods = self._of(request.url.path.rstrip("/"))
        operation = methods.get(request.method)
        if operation is not None:
            operation.check(request, response)
        elif request.method == "HEAD":
            self._check_head(methods.get("GET"), response)
        elif request.method != "OPTIONS":
            code = _code_of(response)
            described = code in UNIVERSAL.get(response.status_code, ())
            assert described, f"{request.method} {request.url.path} is not described: {response.status_code} {code}"
            self.undescribed.setdefault(response.status_code, set()).add(code)

    def _check_head(self, operation: Operation | None, response: httpx.Response) -> None:
        if operation is not None:
            operation.check_head(response)
        else:
            described = response.status_code in UNIVERSAL and not response.content
            assert described, f"HEAD {response.request.url.path} is not described: {response.status_code}"

    def heard(self) -> Heard:
        """What was heard in this process, for another one to `hear`."""
        described = {
            one.name: {**_by_text(one.heard), OUTCOMES: sorted(one.outcomes)} for one in self.operations() if one.heard
        }
        return {**described, UNDESCRIBED: _by_text(self.undescribed)}

    def hear(self, elsewhere: Heard) -> None:
        for status, codes in elsewhere.get(UNDESCRIBED, {}).items():
            self.undescribed.setdefault(int(status), set()).update(codes)
        for one in self.operations():
            for status, facts in elsewhere.get(one.name, {}).items():
                known = one.outcomes if status == OUTCOMES else one.heard.setdefault(int(status), set())
                known.update(facts)

    def _of(self, path: str) -> Mapping[str, Operation]:
        if path in self._fixed:
            return self._fixed[path]
        return next((methods for form, methods in self._open if form.fullmatch(path)), {})


@cache
def conformance() -> Conformance:
    """The one of this run."""
    return Conformance()


def _code_of(response: httpx.Response) -> str:
    """Nothing if it is no refusal of ours."""
    body = response.json() if _media_type(response.headers) in JSON_TYPES else None
    return str(body.get("code", "")) if isinstance(body, dict) else ""


def _by_text(heard: Mapping[int, set[str]]) -> dict[str, list[str]]:
    return {str(status): sorted(facts) for status, facts in heard.items()}


def _outcomes(body: Any) -> Iterator[str]:
    if isinstance(body, dict):
        if body.keys() == {"status", "body"} and isinstance(body["body"], dict) and "code" in body["body"]:
            yield f"{body['status']} {body['body']['code']}"
        for value in body.values():
            yield from _outcomes(value)
    elif isinstance(body, list):
        for item in body:
            yield from _outcomes(item)


def pointers(body: Any, at: str = "") -> Iterator[str]:
    """Every field that a body has, with `[]` for the items of arrays."""
    if isinstance(body, dict):
        for name, value in body.items():
            yield f"{at}/{name}"
            yield from pointers(value, f"{at}/{name}")
    elif isinstance(body, list):
        for item in body:
            yield from pointers(item, f"{at}[]")


@cache
def _strict_components() -> Any:
    return {"schemas": {name: strict(schema) for name, schema in description()["components"]["schemas"].items()}}


def strict(schema: Any) -> Any:
    """The schema with no room for fields that it does not name: clients may get more one day, tests not now."""
    if isinstance(schema, dict):
        closed = {name: strict(value) for name, value in schema.items()}
        return {"additionalProperties": False, **closed} if _is_whole(schema) else closed
    return [strict(one) for one in schema] if isinstance(schema, list) else schema


def _is_whole(schema: Mapping[str, Any]) -> bool:
    """Names all fields of an object; what only says more of some of them (`json_schema` of a struct) has no type."""
    return "properties" in schema and schema.get("type") == "object"


_compiled: dict[str, jsonschema_rs.Draft202012Validator] = {}


def _validator(schema: Any) -> jsonschema_rs.Draft202012Validator:
    key = json.dumps(schema, sort_keys=True)
    if key not in _compiled:
        whole = {"components": _strict_components(), **strict(schema)}
        _compiled[key] = jsonschema_rs.Draft202012Validator(whole, validate_formats=True)
    return _compiled[key]


def _media_type(headers: httpx.Headers) -> str:
    return str(headers.get("Content-Type", "")).partition(";")[0].strip()
