"""docs/postman/ is what `make postman` makes of the description, with a request for every operation."""

from __future__ import annotations

import json

from ops.postman import COLLECTION, FOLDER, files
from tests.support.conformance.description import operations


def test_the_files_are_what_is_made() -> None:
    made = files()
    assert {one.name for one in FOLDER.iterdir()} == set(made)
    stale = [name for name, text in made.items() if (FOLDER / name).read_text() != text]
    assert stale == [], "run make postman"


def test_every_operation_has_a_request_that_checks_its_answer() -> None:
    folders = json.loads((FOLDER / COLLECTION).read_text())["item"]
    items = [item for folder in folders[1:] for item in folder["item"]]
    asked = sorted(f"{one['request']['method']} {one['request']['description']}" for one in items)
    assert asked == sorted(f"{method} {operation['description']}" for method, _, operation in operations())
    assert all(any(event["listen"] == "test" for event in one["event"]) for one in items)
