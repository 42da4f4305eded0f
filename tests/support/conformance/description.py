"""The API's own description, made without a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from uuid import UUID

import msgspec
from msgspec import Struct

from api.app import create_app
from api.asyncapi import document as document_of_feeds
from api.http.disconnects import App
from api.openapi.document import document
from api.openapi.served_routes import Routes, Served
from tests.support.processes.servers import settings_for

UNKNOWN_IDS = {"integer": str(10**15), "uuid": str(UUID(int=0)), "string": "nothing"}
"""By what a field of a path is: an id of nothing."""
NOWHERE = ("postgresql://nobody:nothing@127.0.0.1:1/none", "redis://127.0.0.1:1/0")


@cache
def app() -> App:
    return create_app(settings_for(*NOWHERE))


def served() -> list[Served]:
    routes = app()._router
    assert isinstance(routes, Routes)
    return list(routes.served())


@cache
def description() -> Any:
    """As a client reads it."""
    return msgspec.json.decode(msgspec.json.encode(document(served())))


@cache
def feeds() -> Any:
    """The AsyncAPI document, as a client reads it."""
    return msgspec.json.decode(msgspec.json.encode(document_of_feeds("http://localhost:8000")))


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """(method, path, operation). Every status is described: none falls under `default`, which is for linters."""
    for path, methods in description()["paths"].items():
        for method, described in methods.items():
            by_status = {status: answer for status, answer in described["responses"].items() if status != "default"}
            yield method.upper(), path, {**described, "responses": by_status}


def path_with_unknown_ids(path: str, described: Mapping[str, Any], filled: Mapping[str, str] = UNKNOWN_IDS) -> str:
    """The operation's path with ids of nothing, or with what its fields are `filled` with."""
    for one in described["parameters"]:
        if one.get("in") == "path":
            kind = one["schema"].get("format", one["schema"]["type"])
            path = path.replace(f"{{{one['name']}}}", filled[kind])
    return path


def example_of(described: Mapping[str, Any]) -> Any:
    """The first body that the operation shows; None if it takes none."""
    media = described.get("requestBody", {}).get("content", {}).get("application/json", {})
    return media.get("example") or next((one["value"] for one in media.get("examples", {}).values()), None)


@cache
def bodies() -> dict[type[Struct], Any]:
    """Every body that is described by a type, with a good one of its kind: the description's example."""
    return {
        content.kind: content.example
        for route in served()
        if route.operation
        for content in route.operation.body
        if isinstance(content.kind, type) and issubclass(content.kind, Struct)
    }
