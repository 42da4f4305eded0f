"""Query parameters: read by their struct, refused together, never an exception but Problem."""

from __future__ import annotations

import datetime as dt
from typing import Literal

import pytest
from msgspec import Struct, field

from api.http.errors import Problem
from api.http.parameters import LIMIT_DEFAULT, VALUES_MAX, Limit, Offset, Word, read_query
from tests.support.clients.responder_requests import request


class Filters(Struct, frozen=True):
    date: dt.date | None = None
    status: Literal["upcoming", "past"] | None = None
    user: Word | None = None
    is_active: bool | None = None
    categories: tuple[Word, ...] = ()
    bracketed: tuple[Word, ...] = field(default=(), name="categories[]")
    limit: Limit = LIMIT_DEFAULT
    offset: Offset = 0


class Required(Struct, frozen=True):
    date: dt.date


def read(query: str = "") -> Filters:
    return read_query(request(query=query), Filters)


def refused(query: str) -> list[tuple[str, str]]:
    with pytest.raises(Problem) as problem:
        read(query)
    assert problem.value.status == 400
    return [(one.field, one.message) for one in problem.value.problems]


def test_what_is_not_sent_or_sent_empty_has_its_default() -> None:
    assert read() == read("date=&status=&limit=&categories=") == Filters()


def test_limits_and_offsets_are_bounded() -> None:
    assert read("limit=500&offset=10000000") == Filters(limit=500, offset=10_000_000)


@pytest.mark.parametrize("sent", ["0", "501", "-1", "1e3", "\u0663", "9" * 5000])
def test_a_limit_out_of_bounds_is_named(sent: str) -> None:
    assert refused(f"limit={sent}") == [("limit", "limit must be a whole number from 1 to 500")]


def test_everything_wrong_is_named_at_once() -> None:
    found = refused("date=2025-02-30&status=late&limit=x&colour=red&user=a&user=b&is_active=perhaps")
    assert dict(found) == {
        "date": "date must be a day of the calendar, and 2025-02-30 is none",
        "status": "status must be one of upcoming, past",
        "user": "user may be given once",
        "is_active": "is_active must be one of true, false",
        "limit": "limit must be a whole number from 1 to 500",
        "colour": "Unknown parameter: colour",
    }


def test_a_missing_required_date_is_named() -> None:
    with pytest.raises(Problem, match="Missing required parameter: date"):
        read_query(request(), Required)


def test_a_date_is_read() -> None:
    assert read_query(request(query="date=2025-10-20"), Required) == Required(dt.date(2025, 10, 20))


def test_a_repeated_parameter_keeps_its_order_and_its_bound() -> None:
    assert read("categories=b&categories=a&categories[]=c") == Filters(categories=("b", "a"), bracketed=("c",))
    assert refused("&".join(["categories=a"] * (VALUES_MAX + 1))) == [
        ("categories", f"categories may be given {VALUES_MAX} times at most")
    ]


def test_text_is_bounded_and_holds_no_nul() -> None:
    assert [name for name, _ in refused("user=" + "x" * 201)] == ["user"]
    assert [name for name, _ in refused("user=%00")] == ["user"]
