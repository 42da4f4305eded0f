"""What schemathesis may call a failure without failing a run: only what its written reason says."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import UseAfterFree

from tests.fuzzing.accepted_failures import REFUSED_ROWS, WITHDRAWN, reason_for


def reason(media_type: str, answer: Any) -> str | None:
    failure: Any = AcceptedNegativeData(
        operation="POST /api/agent/bookings/bulk/",
        message="Invalid data should have been rejected\nInvalid component: in body - invalid type",
        status_code=202,
        expected_statuses=["400"],
    )
    case: Any = SimpleNamespace(media_type=media_type)
    response: Any = SimpleNamespace(content=json.dumps(answer).encode())
    return reason_for(failure, case, response)


@pytest.mark.parametrize("media_type", ["application/x-ndjson", "application/jsonl", "text/csv"])
def test_lines_of_which_no_row_is_taken_may_be_accepted(media_type: str) -> None:
    assert reason(media_type, {"batch_id": "1", "accepted": 0}) == REFUSED_ROWS


@pytest.mark.parametrize(
    ("media_type", "answer"),
    [
        ("application/jsonl", {"accepted": 1}),
        ("application/json", {"accepted": 0}),
        ("application/json", {"success": True}),
        ("text/csv", {"success": True}),
    ],
)
def test_any_other_body_against_its_schema_that_is_taken_is_a_failure(media_type: str, answer: Any) -> None:
    assert reason(media_type, answer) is None


def reason_for_use(answer: Any) -> str | None:
    free, usage = "DELETE /api/commands/1/", "GET /api/commands/1/"
    failure: Any = UseAfterFree(operation=usage, message="It was deleted", free=free, usage=usage)
    response: Any = SimpleNamespace(content=json.dumps(answer).encode())
    return reason_for(failure, SimpleNamespace(), response)  # type: ignore[arg-type]


def test_a_withdrawn_command_may_be_looked_at() -> None:
    withdrawn = {"status": "rejected", "response": {"status": 409, "body": {"code": "withdrawn"}}}
    assert reason_for_use(withdrawn) == WITHDRAWN


@pytest.mark.parametrize(
    "answer",
    [
        {"id": 1},
        {"status": "accepted", "response": None},
        {"status": "rejected", "response": {"status": 409, "body": {"code": "slot_taken"}}},
    ],
)
def test_anything_else_that_was_deleted_and_is_still_there_is_a_failure(answer: Any) -> None:
    assert reason_for_use(answer) is None
