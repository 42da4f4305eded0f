"""The description of the feeds against AsyncAPI 3.0, and against what the notifier is made of."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import jsonschema_rs
import pytest

import notifier
from core.wire import close_codes
from core.wire.close_codes import CLOSE_CODES, CloseCode
from core.wire.feeds import ERRORS, HANDSHAKE_REFUSALS, UNKNOWN_PATH, Request, message_types_of
from notifier.feeds import FEEDS
from notifier.sockets import REFUSED_BY_THE_LIBRARY
from ops.embedded.environment import ROOT
from tests.support.conformance.description import feeds

ASYNCAPI = json.loads((ROOT / "tests" / "fixtures" / "asyncapi-3.0.0.json").read_text())


def literals(function: str, arguments: slice) -> Iterator[tuple[Any, ...]]:
    """What literals a function is called with, anywhere in the notifier."""
    for file in Path(notifier.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) == function:
                found = node.args[arguments]
                if all(isinstance(one, ast.Constant) for one in found):
                    yield tuple(one.value for one in found if isinstance(one, ast.Constant))


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_it_is_an_asyncapi_document() -> None:
    errors = jsonschema_rs.Draft7Validator(ASYNCAPI).iter_errors(feeds())
    assert [str(error)[:300] for error in errors] == []


def test_every_reference_leads_somewhere() -> None:
    for reference in references(feeds()):
        found = feeds()
        for step in reference.removeprefix("#/").split("/"):
            found = found[step]
        assert found, reference


def test_the_feeds_that_are_served_are_described_and_no_others() -> None:
    assert {channel["address"] for channel in feeds()["channels"].values()} == {f"{path}/" for path in FEEDS}


@pytest.mark.parametrize("path", FEEDS)
def test_a_feed_understands_what_is_described_and_nothing_else(path: str) -> None:
    name = path.removeprefix("/ws/").replace("/", "_")
    asked = feeds()["operations"][f"ask_{name}"]["messages"]
    assert {one["$ref"].rsplit("/", 1)[1] for one in asked} == FEEDS[path].requests


def test_every_message_that_can_be_understood_is_of_some_feed() -> None:
    assert {word for kind in get_args(Request) for word in message_types_of(kind)} == {
        word for feed in FEEDS.values() for word in feed.requests
    }


def test_every_close_code_is_described() -> None:
    assert {value for value in vars(close_codes).values() if isinstance(value, CloseCode)} == set(CLOSE_CODES)
    for channel in feeds()["channels"].values():
        assert [one["code"] for one in channel["x-close-codes"]] == [one.code for one in CLOSE_CODES]


def test_the_page_about_feeds_names_every_message_and_close_code() -> None:
    page = (ROOT / "docs" / "live-feeds.md").read_text()
    words = {word for channel in feeds()["channels"].values() for word in channel["messages"]}
    assert [word for word in sorted(words) if word not in page] == []
    assert [one.code for one in CLOSE_CODES if f"| {one.code} |" not in page] == []


def test_every_refusal_of_a_handshake_is_described_and_made_somewhere() -> None:
    described = {(status, code) for code, statuses in HANDSHAKE_REFUSALS.items() for status in statuses}
    by_the_library = {(status, "bad_request") for status in REFUSED_BY_THE_LIBRARY}
    assert {*literals("RefusedError", slice(0, 2)), *by_the_library} == {*described, UNKNOWN_PATH}


def test_every_error_that_is_told_is_described_and_made_somewhere() -> None:
    made = {*literals("BadMessageError", slice(0, 2)), *literals("_refuse", slice(0, 2))}
    after_the_door = {(403, "forbidden"), (403, "password_change_required")}  # `check_allowed`, of a first message
    assert made | after_the_door == {(status, code) for code, status in ERRORS.items()}
