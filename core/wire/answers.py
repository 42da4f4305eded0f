"""What every answer of the appointments form begins with, and what its lists end with."""

from __future__ import annotations

from typing import Generic, Literal, TypeVar

from msgspec import Struct

T = TypeVar("T")


class Done(Struct, frozen=True, kw_only=True):
    """Where nothing follows, that is all there is to say."""

    success: Literal[True] = True
    message: str


class Listed(Done, Generic[T], frozen=True, kw_only=True):
    """One page of `total_count` items."""

    data: list[T]
    total_count: int
    limit: int
    offset: int
