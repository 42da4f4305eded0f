"""An API process's part in a test: commands sent to an inbox writer, and the answers to them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from api.commands.inbox_entry import Accepted
from api.commands.inbox_writer import InboxWriter
from api.http.errors import Problem
from core.store.inbox.acceptance import IdempotencyKey, NewCommand


class Rung:
    def __init__(self) -> None:
        self.lanes: list[set[int]] = []

    async def __call__(self, lanes: Iterable[int]) -> None:
        self.lanes.append(set(lanes))


@asynccontextmanager
async def opened(url: str, rung: Rung | None = None) -> AsyncIterator[InboxWriter]:
    inbox = InboxWriter(url, rung or Rung())
    await inbox.open()
    try:
        yield inbox
    finally:
        await inbox.close()


def key(name: str = "k" * 16, body: bytes = b"body") -> IdempotencyKey:
    return IdempotencyKey("user:1", name, body)


async def answers(inbox: InboxWriter, *commands: NewCommand) -> list[Accepted | BaseException]:
    return await asyncio.gather(*(inbox.accept(one, None) for one in commands), return_exceptions=True)


def problem(answer: object) -> Problem:
    assert isinstance(answer, Problem)
    return answer
