"""docs/postman/ is what `make postman` makes of the description, with a request for every operation."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.postman.collection import COLLECTION, FOLDER, files
from tests.postman.scripts import DAY
from tests.postman.steps import ORDER, REST, Step
from tests.support.conformance.description import operations


@pytest.fixture(scope="module")
def items() -> list[dict[str, Any]]:
    """Of all folders but the first, which signs in."""
    folders = json.loads((FOLDER / COLLECTION).read_text())["item"]
    return [item for folder in folders[1:] for item in folder["item"]]


def test_the_files_are_what_is_made() -> None:
    made = files()
    assert {one.name for one in FOLDER.iterdir()} == set(made)
    stale = [name for name, text in made.items() if (FOLDER / name).read_text() != text]
    assert stale == [], "run make postman"


def test_every_operation_has_a_request(items: list[dict[str, Any]]) -> None:
    described = {(method, operation["description"]) for method, _, operation in operations()}
    assert {(one["request"]["method"], one["request"]["description"]) for one in items} == described
    served = {f"{method} {path}" for method, path, _ in operations()}
    named = {one.operation if isinstance(one, Step) else one for steps in ORDER.values() for one in steps}
    assert named - served == {REST}, "no longer served"


def test_every_request_checks_its_answer(items: list[dict[str, Any]]) -> None:
    assert all(any(event["listen"] == "test" for event in one["event"]) for one in items)


def test_no_request_names_a_day_of_its_own(items: list[dict[str, Any]]) -> None:
    texts = [one["request"].get("body", {}).get("raw", "") + one["request"]["url"] for one in items]
    assert [text for text in texts if DAY.search(text)] == []
