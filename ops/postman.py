"""Writes docs/postman/ from the API's own description: `make postman`. A test compares the files with what this makes.

A folder a contract, with a request for each operation, in an order in which they work: what is made comes before what
reads it, what ends it is last. Scripts keep tokens and ids in variables, and put days ahead of today.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from api.app import create_app
from api.openapi import security
from api.openapi.document import document
from api.openapi.served_routes import Routes
from api.route_rules import Rule
from core.identity import demo_accounts
from core.settings import from_environment

FOLDER = Path(__file__).parents[1] / "docs" / "postman"
COLLECTION, ENVIRONMENT = "holdfast.postman_collection.json", "holdfast-demo.postman_environment.json"
SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
NOWHERE = {
    "DATABASE_URL": "postgresql://nobody:nothing@127.0.0.1:1/none",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "HOLDFAST_DEMO": "1",
}
PEOPLE = {
    "user": demo_accounts.USER,
    "staff": demo_accounts.STAFF,
    "practitioner": demo_accounts.PRACTITIONER,
    "admin": demo_accounts.ADMIN,
}
WHO_ASKS: Mapping[Rule, str] = {
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
"""By what a route asks of its callers: whose token the request brings; nobody's for ''."""
ASKED_BY: Mapping[str, str] = {
    "DELETE /api/user/": "newcomer",
    "POST /api/auth/logout/": "newcomer",
    "POST /api/v1/drf/practitioners/": "admin",
}
"""Requests that somebody else must send: whoever is registered here may leave again."""
FIRST_FOLDERS = ("accounts",)
LAST = (
    re.compile(r"POST /api/(auth/password|logout|auth/logout)"),
    re.compile(r"DELETE /api/(user|auth)"),
    re.compile(r"(POST|DELETE) /api/admin/users/\{user_id\}/(deactivate|delete|anonymise|reset)"),
)
"""What ends logins or people comes at the end of its folder, in this order."""
DAY = re.compile(r"(?<![0-9])20[0-9]{2}-[0-9]{2}-[0-9]{2}(?![0-9])")
EVERY_ANSWER = """const named = {named};
pm.test("an answer that the description names", () => pm.expect(named).to.include(pm.response.code));"""
KEEP_ID = """if (pm.response.code < 300) {{
  const told = pm.response.json();
  const id = (told.data && told.data.id) || told.id || (told.booking && told.booking.id);
  if (id) pm.collectionVariables.set("{name}", String(id));
}}"""
KEEP_LOGIN = """if (pm.response.code < 300) pm.collectionVariables.set("{name}", pm.response.json().access || pm.response.json().token);"""
PUT_AHEAD = """// The days of the example, whole weeks later, so that they are to come. Each request has weeks of its own.
const days = {days}, week = 7 * 86400000;
const first = Date.parse(days[0]), least = Date.now() + {weeks} * week;
const later = Math.ceil((least - first) / week) * week;
days.forEach((day, n) => pm.variables.set("day_" + (n + 1), new Date(Date.parse(day) + later).toISOString().slice(0, 10)));"""
WEEKS_AHEAD = 12
"""Requests are spread over so many weeks, so that they do not book each other's times."""


def files() -> dict[str, str]:
    """By name: the collection and the environment."""
    found = {COLLECTION: collection(_description()), ENVIRONMENT: environment()}
    return {name: json.dumps(one, indent=1, ensure_ascii=False) + "\n" for name, one in found.items()}


def collection(described: Mapping[str, Any]) -> dict[str, Any]:
    tags = [tag["name"] for tag in described["tags"]]
    folders = [
        _folder(tag, described) for tag in sorted(tags, key=lambda tag: (tag not in FIRST_FOLDERS, tags.index(tag)))
    ]
    return {
        "info": {
            "name": "Holdfast",
            "description": "Made from the API's own description by `make postman`; docs/openapi.md says how to use it.",
            "schema": SCHEMA,
        },
        "item": [_sign_in(described), *folders],
        "variable": [{"key": name, "value": str(value)} for name, value in sorted(_ids(described).items())],
    }


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


def _description() -> dict[str, Any]:
    app = create_app(from_environment(NOWHERE))
    routes = app._router  # noqa: SLF001 - Falcon has no other way to it
    assert isinstance(routes, Routes)  # noqa: S101 - ours
    found: dict[str, Any] = json.loads(json.dumps(document(routes.served()), default=str))
    return found


def _sign_in(described: Mapping[str, Any]) -> dict[str, Any]:
    """A login for each kind of account. The tokens last half an hour."""
    path = "/api/login/"
    operation = described["paths"][path]["post"]
    items = []
    for person in PEOPLE:
        body = json.dumps({"email": f"{{{{{person}_email}}}}", "password": f"{{{{{person}_password}}}}"}, indent=1)
        request = _request("POST", path, [], body, "application/json", "")
        kept = KEEP_LOGIN.format(name=f"{person}_token")
        items.append({"name": f"Sign in as {person}", "request": request, "event": _tests(operation, kept)})
    return {
        "name": "Sign in",
        "description": "First of all: each login keeps its token for what follows.",
        "item": items,
    }


def _folder(tag: str, described: Mapping[str, Any]) -> dict[str, Any]:
    found = [
        (method.upper(), path, operation)
        for path, methods in described["paths"].items()
        for method, operation in methods.items()
        if tag in operation["tags"]
    ]
    words = next(one["description"] for one in described["tags"] if one["name"] == tag)
    ordered = sorted(found, key=lambda one: (_place(one[0], one[1]), one[1]))
    return {
        "name": tag,
        "description": words,
        "item": [_item(method, path, operation, described) for method, path, operation in ordered],
    }


def _place(method: str, path: str) -> tuple[int, int]:
    """What is made, what reads, what changes, what acts, what ends; among these the shorter path first."""
    name = f"{method} {path}"
    last = next((n for n, one in enumerate(LAST) if one.match(name)), None)
    if last is not None:
        return 9 + last, 0
    depth = path.count("{")
    rank = {"POST": 0 if not depth else 4, "GET": 1 if not depth else 2, "PUT": 3, "PATCH": 3, "DELETE": 8}[method]
    return rank, depth


def _item(method: str, path: str, operation: Mapping[str, Any], described: Mapping[str, Any]) -> dict[str, Any]:
    name = f"{method} {path}"
    who = ASKED_BY.get(name, WHO_ASKS[_rule(operation)])
    kind, body = _body(operation)
    days = sorted(set(DAY.findall(body + json.dumps(list(_queries(operation, described))))))
    for number, day in enumerate(days, 1):
        body = body.replace(day, f"{{{{day_{number}}}}}")
    queries = [{"key": one, "value": _with_days(str(value), days)} for one, value in _queries(operation, described)]
    request = _request(method, path, queries, body, kind, who)
    request["description"] = operation["description"]
    events = _tests(operation, _kept(name, path, described))
    if days:
        weeks = 1 + sum(map(ord, name)) % WEEKS_AHEAD
        script = PUT_AHEAD.format(days=json.dumps(days), weeks=weeks)
        events.insert(0, _script("prerequest", script))
    return {"name": operation["summary"], "request": request, "event": events}


def _with_days(text: str, days: Sequence[str]) -> str:
    for number, day in enumerate(days, 1):
        text = text.replace(day, f"{{{{day_{number}}}}}")
    return text


def _rule(operation: Mapping[str, Any]) -> Rule:
    words = operation["description"].rsplit("\n\n", 1)[-1]
    return next(rule for rule, said in security.WHO.items() if said == words)


def _kept(name: str, path: str, described: Mapping[str, Any]) -> str:
    """What a request that makes something keeps: its id, for the paths below it."""
    if name == "POST /api/register/":
        return KEEP_LOGIN.format(name="newcomer_token")
    below = re.compile(re.escape(path) + r"\{(\w+)\}/")
    found = next((match[1] for one in described["paths"] if (match := below.match(one))), None)
    found = MADE_ELSEWHERE.get(name, found)
    return KEEP_ID.format(name=found) if name.startswith("POST") and found else ""


MADE_ELSEWHERE: Mapping[str, str] = {
    "POST /api/booking/create/": "booking_id",
    "POST /api/agent/booking/create/": "booking_id",
}
"""What makes something that is read under another path."""


def _request(
    method: str, path: str, queries: Sequence[Mapping[str, str]], body: str, kind: str, who: str
) -> dict[str, Any]:
    asked = re.sub(r"\{(\w+)\}", r"{{\1}}", path)
    text = "&".join(f"{one['key']}={one['value']}" for one in queries)
    request: dict[str, Any] = {
        "method": method,
        "header": [{"key": "Content-Type", "value": kind}] if kind else [],
        "url": {
            "raw": f"{{{{base_url}}}}{asked}" + (f"?{text}" if text else ""),
            "host": ["{{base_url}}"],
            "path": asked.strip("/").split("/") + ([""] if asked.endswith("/") else []),
            "query": list(queries),
        },
        "auth": {"type": "noauth"},
    }
    if who == "agent":
        request["header"].append({"key": "Authorization", "value": "Token {{agent_key}}"})
    elif who:
        request["auth"] = {
            "type": "bearer",
            "bearer": [{"key": "token", "value": f"{{{{{who}_token}}}}", "type": "string"}],
        }
    if body:
        language = {"raw": {"language": "json"}} if kind == "application/json" else {"raw": {"language": "text"}}
        request["body"] = {"mode": "raw", "raw": body, "options": language}
    return request


def _body(operation: Mapping[str, Any]) -> tuple[str, str]:
    """(media type, the first example) of a request's body."""
    for kind, content in operation.get("requestBody", {}).get("content", {}).items():
        shown = content.get("example") or next(iter(content.get("examples", {}).values()), {}).get("value")
        if shown is not None:
            return kind, shown if isinstance(shown, str) else json.dumps(shown, indent=1, ensure_ascii=False)
    return "", ""


def _queries(operation: Mapping[str, Any], described: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Required ones: the others are not needed."""
    for one in operation["parameters"]:
        parameter = described["components"]["parameters"][one["$ref"].rsplit("/", 1)[1]] if "$ref" in one else one
        if parameter["in"] == "query" and parameter.get("required"):
            yield parameter["name"], _example(parameter)


def _ids(described: Mapping[str, Any]) -> dict[str, Any]:
    """Where nothing was made yet: the numbers of the demo's own."""
    found: dict[str, Any] = {}
    for methods in described["paths"].values():
        for operation in methods.values():
            for one in operation["parameters"]:
                if one.get("in") == "path":
                    found.setdefault(one["name"], _example(one))
    return found


def _example(parameter: Mapping[str, Any]) -> Any:
    return parameter.get("example", next(iter(parameter["schema"].get("examples", [])), ""))


def _tests(operation: Mapping[str, Any], kept: str) -> list[dict[str, Any]]:
    named = sorted(int(status) for status in operation["responses"] if status != "default")
    script = EVERY_ANSWER.format(named=json.dumps(named))
    return [_script("test", f"{script}\n{kept}".strip())]


def _script(when: str, script: str) -> dict[str, Any]:
    return {"listen": when, "script": {"type": "text/javascript", "exec": script.splitlines()}}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, text in files().items():
        (FOLDER / name).write_text(text)
        print(f"docs/postman/{name}")


if __name__ == "__main__":
    main()
