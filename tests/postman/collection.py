"""The collection and its environment, made of the API's own description.

A folder a contract, with a request for each operation in the order of `tests.postman.steps`. Scripts keep tokens and
ids in variables, and put days ahead of today.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from api.openapi import security
from api.openapi.document import document
from api.route_rules import Rule
from core.identity import demo_accounts
from tests.postman.scripts import DAY, after, put_ahead, with_days
from tests.postman.steps import LAST_FOLDERS, LOGIN, ORDER, REST, Step
from tests.support.conformance.description import served
from tests.support.conformance.examples import examples_of

FOLDER = Path(__file__).parents[2] / "docs" / "postman"
COLLECTION, ENVIRONMENT = "holdfast.postman_collection.json", "holdfast-demo.postman_environment.json"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
PEOPLE = {
    "user": demo_accounts.USER,
    "staff": demo_accounts.STAFF,
    "practitioner": demo_accounts.PRACTITIONER,
    "admin": demo_accounts.ADMIN,
}
BY_RULE: Mapping[Rule, str] = {
    Rule.LINK: "",
    Rule.SIGN_IN: "",
    Rule.OPEN: "",
    Rule.PUBLIC: "user",
    Rule.PUBLIC_WRITE: "user",
    Rule.KEY_OR_STAFF: "agent",
    Rule.USER: "user",
    Rule.PRACTITIONER: "practitioner",
    Rule.STAFF: "staff",
    Rule.SUPERUSER: "admin",
}
"""Whose token a request brings, by what its route asks; nobody's for ''."""
SCHEMES = {"agent": "Token {{agent_key}}", "api": "Token {{api_token}}"}
"""Tokens that are no login's."""
NUMBER = re.compile(r'"#(\w+)"')
RANK = {"POST": 0, "GET": 1, "PUT": 2, "PATCH": 2, "DELETE": 3}
"""Where nothing else is said: what is made, what reads, what changes, what ends."""
Operation = Mapping[str, Any]


def files() -> dict[str, str]:
    """By name: the collection and the environment."""
    described = json.loads(json.dumps(document(served()), default=str))
    found = {COLLECTION: collection(described), ENVIRONMENT: environment()}
    return {name: json.dumps(one, indent=1, ensure_ascii=False) + "\n" for name, one in found.items()}


def environment() -> dict[str, Any]:
    """Of the demo, whose accounts everybody knows."""
    values = {"base_url": "http://localhost:8000", "agent_key": demo_accounts.AGENT_KEY}
    for name, account in PEOPLE.items():
        values |= {f"{name}_email": account.email, f"{name}_password": account.password}
    return {
        "name": "Holdfast demo",
        "values": [{"key": name, "value": value, "enabled": True} for name, value in values.items()],
        "_postman_variable_scope": "environment",
    }


def collection(described: Mapping[str, Any]) -> dict[str, Any]:
    return Collection(described).made()


class Collection:
    """The requests of one description."""

    def __init__(self, described: Mapping[str, Any]) -> None:
        self._tags: Mapping[str, str] = {one["name"]: one["description"] for one in described["tags"]}
        self._parameters = described["components"]["parameters"]
        self._operations: dict[str, Operation] = {
            f"{method.upper()} {path}": operation
            for path, methods in described["paths"].items()
            for method, operation in methods.items()
        }

    def made(self) -> dict[str, Any]:
        folders = sorted(self._tags, key=lambda tag: (tag in LAST_FOLDERS, list(self._tags).index(tag)))
        return {
            "info": {
                "name": "Holdfast",
                "description": "Made of the API's own description by `make postman`. Send the folder `Sign in` first: "
                "its requests keep the tokens that all others bring. docs/openapi.md says more.",
                "schema": SCHEMA,
            },
            "item": [self._sign_in(), *map(self._folder, folders)],
            "variable": [{"key": name, "value": str(value)} for name, value in sorted(self._first_ids().items())],
        }

    def _sign_in(self) -> dict[str, Any]:
        """The tokens last half an hour."""
        steps = [
            Step(
                LOGIN,
                f"Sign in as {person}",
                changes={
                    "username": None,
                    "email": f"{{{{{person}_email}}}}",
                    "password": f"{{{{{person}_password}}}}",
                },
                keeps={f"{person}_token": "told.access"},
            )
            for person in PEOPLE
        ]
        words = "First of all: each login keeps its token for what follows."
        return {"name": "Sign in", "description": words, "item": [self._item(step) for step in steps]}

    def _folder(self, tag: str) -> dict[str, Any]:
        steps = [step if isinstance(step, Step) else Step(step) for step in ORDER.get(tag, (REST,))]
        named = {step.operation for step in steps}
        rest = [name for name, one in self._operations.items() if tag in one["tags"] and name not in named]
        rest.sort(key=lambda name: (RANK[name.partition(" ")[0]], name.count("{"), name))
        sent = [one for step in steps for one in (map(Step, rest) if step.operation == REST else (step,))]
        return {"name": tag, "description": self._tags[tag], "item": [self._item(step) for step in sent]}

    def _item(self, step: Step) -> dict[str, Any]:
        operation = self._operations[step.operation]
        request = self._request(step, operation)
        days = sorted(set(DAY.findall(request["url"] + request.get("body", {}).get("raw", ""))))
        request["url"] = with_days(request["url"], days)
        if "body" in request:
            request["body"]["raw"] = with_days(request["body"]["raw"], days)
        statuses = sorted(int(status) for status in operation["responses"] if status != "default")
        events = [_script("prerequest", put_ahead(days))] if days else []
        events.append(_script("test", after(statuses, step.keeps or self._made_by(step.operation))))
        return {"name": step.called or operation["summary"], "event": events, "request": request}

    def _request(self, step: Step, operation: Operation) -> dict[str, Any]:
        method, _, path = step.operation.partition(" ")
        kind, body = _body(operation, step.changes)
        headers = dict(step.headers) | ({"Content-Type": kind} if kind else {})
        by = step.by or BY_RULE[_rule(operation)]
        if by in SCHEMES:
            headers["Authorization"] = SCHEMES[by]
        query = "&".join(f"{name}={value}" for name, value in self._queries(operation))
        request: dict[str, Any] = {
            "method": method,
            "header": [{"key": name, "value": value} for name, value in headers.items()],
            "url": "{{base_url}}" + re.sub(r"\{(\w+)\}", r"{{\1}}", path) + (f"?{query}" if query else ""),
            "auth": _auth("" if by in SCHEMES else by),
            "description": operation["description"],
        }
        if body:
            request["body"] = {"mode": "raw", "raw": body}
        return request

    def _queries(self, operation: Operation) -> Iterator[tuple[str, Any]]:
        """Required ones: the others are not needed."""
        for one in operation["parameters"]:
            parameter = self._parameters[one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one
            if parameter["in"] == "query" and parameter.get("required"):
                yield parameter["name"], _example(parameter)

    def _made_by(self, name: str) -> Mapping[str, str]:
        """What a POST to a list makes: the id that the paths below it ask for."""
        method, _, path = name.partition(" ")
        below = re.compile(rf"\w+ {re.escape(path)}\{{(\w+_id)\}}/")
        found = next((match[1] for one in self._operations if (match := below.match(one))), None)
        return {found: "(told.data || told).id"} if method == "POST" and found else {}

    def _first_ids(self) -> dict[str, Any]:
        """Where nothing was made yet: the numbers of the demo's own."""
        found: dict[str, Any] = {}
        for operation in self._operations.values():
            for one in operation["parameters"]:
                if one.get("in") == "path":
                    found.setdefault(one["name"], _example(one))
        return found


def _rule(operation: Operation) -> Rule:
    words = operation["description"].rsplit("\n\n", 1)[-1]
    return next(rule for rule, said in security.WHO.items() if said == words)


def _auth(by: str) -> dict[str, Any]:
    if not by:
        return {"type": "noauth"}
    return {"type": "bearer", "bearer": [{"key": "token", "value": f"{{{{{by}_token}}}}", "type": "string"}]}


def _body(operation: Operation, changes: Mapping[str, Any]) -> tuple[str, str]:
    """(media type, the first example with these changes) of a request's body; None takes a field away."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        shown = next(iter(examples_of(content)), None)
        if isinstance(shown, str):
            return kind, shown
        if shown is not None:
            kept = shown if not changes else {k: v for k, v in {**shown, **changes}.items() if v is not None}
            return kind, NUMBER.sub(r"{{\1}}", json.dumps(kept, indent=1, ensure_ascii=False))
    return "", ""


def _example(parameter: Mapping[str, Any]) -> Any:
    return parameter.get("example", next(iter(parameter["schema"].get("examples", [])), ""))


def _script(when: str, script: str) -> dict[str, Any]:
    return {"listen": when, "script": {"type": "text/javascript", "exec": script.splitlines()}}
