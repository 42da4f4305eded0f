"""Reads as an API process asks them, without the process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from msgspec import Struct

from core.store.connections.bounded import InDoubt, bounded
from core.store.reads.shared_reads import Query, SharedReads


class Asked(Struct, frozen=True):
    asked: tuple[Query, ...]

    def queries(self) -> Sequence[Query]:
        return self.asked


@asynccontextmanager
async def shared_reads(database_url: str) -> AsyncIterator[SharedReads]:
    reads = SharedReads(database_url, bounded(InDoubt()))
    try:
        yield reads
    finally:
        await reads.close()
