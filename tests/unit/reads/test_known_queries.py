"""Equal queries of public reads are read once, and no more are remembered than a process can hold."""

from __future__ import annotations

import datetime as dt

import pytest
from msgspec import Struct

from api.http.errors import Problem
from api.reads import known_queries
from api.reads.known_queries import KNOWN_CHARS_MAX, KNOWN_MAX, read_known_query
from tests.support.clients.responder_requests import request


class Asked(Struct, frozen=True):
    date: dt.date | None = None
    name: str = ""


class Other(Struct, frozen=True):
    date: dt.date | None = None


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_queries, "_known", {})


def test_an_equal_query_gets_the_struct_that_was_read_before() -> None:
    first = read_known_query(request(query="date=2025-10-20"), Asked)
    assert first == Asked(dt.date(2025, 10, 20))
    assert read_known_query(request(query="date=2025-10-20"), Asked) is first
    assert read_known_query(request(query="date=2025-10-21"), Asked) == Asked(dt.date(2025, 10, 21))


def test_each_route_reads_it_as_its_own_struct() -> None:
    read_known_query(request(query="date=2025-10-20"), Asked)
    assert read_known_query(request(query="date=2025-10-20"), Other) == Other(dt.date(2025, 10, 20))


def test_a_wrong_query_is_refused_each_time() -> None:
    for _ in range(2):
        with pytest.raises(Problem):
            read_known_query(request(query="date=2025-02-30"), Asked)


def test_what_is_remembered_is_bounded() -> None:
    long = "name=" + "x" * KNOWN_CHARS_MAX
    assert read_known_query(request(query=long), Asked) is not read_known_query(request(query=long), Asked)
    for number in range(KNOWN_MAX + 1):
        read_known_query(request(query=f"name={number}"), Asked)
    assert len(known_queries._known) <= KNOWN_MAX
