"""Lists as one parameter: encoded in C at once, where arrays would be dumped value by value."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from uuid import UUID

import msgspec
from msgspec import Struct

from core.domain.needs import Interval

_encode = msgspec.json.Encoder().encode

SQL_INTERVAL_ROWS = "json_to_recordset(%s::json) AS w (id bigint, starts_at timestamptz, ends_at timestamptz)"
TEXTS = "ARRAY(SELECT json_array_elements_text(%s::json))"


class _Span(Struct, frozen=True):
    id: int
    starts_at: datetime
    ends_at: datetime


def intervals_parameter(intervals: Collection[Interval]) -> str:
    """For `SQL_INTERVAL_ROWS`."""
    return _encode([_Span(*interval) for interval in intervals]).decode()


def texts_of(texts: Collection[str]) -> str:
    """For `TEXTS`."""
    return _encode(list(texts)).decode()


def array_of(ids: Iterable[int | UUID]) -> str:
    """An array's literal, for a parameter with a cast: nothing in it needs quotes."""
    return "{" + ",".join(map(str, ids)) + "}"
