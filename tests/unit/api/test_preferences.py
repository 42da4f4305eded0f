"""Preferences, idempotency keys and deadlines: read from headers, never an exception but Problem."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from api.http.errors import Problem
from api.http.preferences import deadline, idempotency_key, preferences
from tests.support.clients.responder_requests import request


def fields_of(problem: Problem) -> list[str]:
    return [p.field for p in problem.problems]


@pytest.mark.parametrize(
    ("prefer", "expected"),
    [
        (None, (False, 10.0)),
        ("respond-async", (True, 10.0)),
        ("respond-async, wait=3", (True, 3.0)),
        ("wait=3; respond-async", (True, 3.0)),
        ('wait="7"', (False, 7.0)),
        ("wait=999", (False, 30.0)),
        ("wait=0", (False, 0.0)),
        ("WAIT = 5, RESPOND-ASYNC", (True, 5.0)),
        ("handling=lenient, wait=-1, wait=x, return=minimal", (False, 10.0)),
        ("respond-asynchronously", (False, 10.0)),
    ],
)
def test_preferences_are_read_as_rfc_7240_and_what_is_unknown_is_ignored(
    prefer: str | None, expected: tuple[bool, float]
) -> None:
    found = preferences(request(headers={} if prefer is None else {"Prefer": prefer}))
    assert (found.respond_async, found.wait_s) == expected


@pytest.mark.parametrize(
    ("key", "anonymous", "may"),
    [
        ("k", False, True),
        ("k" * 15, True, False),
        ("k" * 16, True, True),
        ("k" * 255, True, True),
        ("k" * 256, False, False),
        ("", False, False),
        ("with space", False, False),
        ("ümlaut-ümlaut-ümlaut", True, False),
    ],
)
def test_an_idempotency_key_is_visible_ascii_and_long_enough_for_an_anonymous_caller(
    key: str,
    anonymous: bool,  # noqa: FBT001 - a table
    may: bool,  # noqa: FBT001
) -> None:
    req = request(headers={"Idempotency-Key": key})
    if may:
        assert idempotency_key(req, anonymous=anonymous) == key
    else:
        with pytest.raises(Problem) as refused:
            idempotency_key(req, anonymous=anonymous)
        assert (refused.value.status, refused.value.code) == (400, "invalid_idempotency_key")


def test_a_deadline_is_an_instant_in_utc() -> None:
    req = request(headers={"Holdfast-Expires-At": "2030-01-01T13:00:00+01:00"})
    assert deadline(req) == datetime(2030, 1, 1, 12, tzinfo=UTC)
    assert deadline(request()) is None


@pytest.mark.parametrize(
    "sent", ["soon", "2030-01-01", "2030-01-01T12:00:00", "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+12:00"]
)
def test_a_deadline_that_is_no_instant_is_refused(sent: str) -> None:
    with pytest.raises(Problem) as refused:
        deadline(request(headers={"Holdfast-Expires-At": sent}))
    assert (refused.value.status, fields_of(refused.value)) == (400, ["Holdfast-Expires-At"])
