"""Lists as one JSON parameter: encoded in C at once, where psycopg would dump an array value by value."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from core.domain.values import ResourceTime

T = TypeVar("T")

_encode = msgspec.json.Encoder().encode

SQL_INTERVAL_ROWS = "json_to_recordset(%s::json) AS w (id bigint, starts_at timestamptz, ends_at timestamptz)"
TEXTS = "ARRAY(SELECT json_array_elements_text(%s::json))"


def chunks(items: Iterable[T], size: int) -> Iterator[list[T]]:
    """Items by the rows of one statement."""
    rest = iter(items)
    while some := list(islice(rest, size)):
        yield some


def json_of(value: object) -> str:
    """For a parameter with the cast `json`, e.g. the rows of a `json_to_recordset`."""
    return _encode(value).decode()


class _Span(Struct, frozen=True):
    id: int
    starts_at: datetime
    ends_at: datetime


def intervals_parameter(intervals: Collection[ResourceTime]) -> str:
    """For `SQL_INTERVAL_ROWS`."""
    return json_of([_Span(*interval) for interval in intervals])


def texts_of(texts: Collection[str]) -> str:
    """For `TEXTS`."""
    return json_of(list(texts))


def array_of(ids: Iterable[int | UUID]) -> str:
    """An array's literal, for a parameter with a cast: nothing in it needs quotes."""
    return "{" + ",".join(map(str, ids)) + "}"
