"""Query parameters and preferences: read by name, refused together, never an exception but Problem."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from api.errors import Problem
from api.preferences import deadline, idempotency_key, preferences
from api.queries import LIMIT_DEFAULT, Query
from tests.asking import request


def fields_of(problem: Problem) -> list[str]:
    return [p.field for p in problem.problems]


def test_a_page_is_fifty_from_the_start_unless_told() -> None:
    query = Query(request())
    assert query.page() == (LIMIT_DEFAULT, 0) == (50, 0)
    query.check()


def test_limits_and_offsets_are_bounded() -> None:
    query = Query(request(query="limit=500&offset=10000000"))
    assert query.page() == (500, 10_000_000)
    query.check()


@pytest.mark.parametrize("sent", ["limit=0", "limit=501", "limit=-1", "limit=1e3", "limit=٣", "limit=9" + "9" * 5000])
def test_a_limit_out_of_bounds_is_named(sent: str) -> None:
    query = Query(request(query=sent))
    query.page()
    with pytest.raises(Problem, match="limit must be a whole number from 1 to 500") as refused:
        query.check()
    assert (refused.value.status, fields_of(refused.value)) == (400, ["limit"])


def test_everything_wrong_is_named_at_once() -> None:
    query = Query(request(query="date=2025-02-30&status=late&limit=x&colour=red&user=a&user=b"))
    query.day("date")
    query.one_of("status", ["upcoming"])
    query.text("user")
    query.page()
    with pytest.raises(Problem) as refused:
        query.check()
    assert fields_of(refused.value) == ["date", "status", "user", "limit", "colour"]


def test_a_missing_required_date_is_named() -> None:
    query = Query(request())
    assert query.day("date", required=True) is None
    with pytest.raises(Problem, match="Missing required parameter: date"):
        query.check()


def test_a_date_is_read() -> None:
    assert Query(request(query="date=2025-10-20")).day("date", required=True) == date(2025, 10, 20)


def test_text_is_bounded_and_holds_no_nul() -> None:
    query = Query(request(query="service=" + "x" * 201 + "&user=%00"))
    query.text("service")
    query.text("user")
    with pytest.raises(Problem) as refused:
        query.check()
    assert fields_of(refused.value) == ["service", "user"]


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
def test_an_idempotency_key_is_visible_ascii_and_long_enough_for_a_stranger(
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
