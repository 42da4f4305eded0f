"""A command on its way to disk, and the request that waits until it is there."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

from msgspec import Struct

from api.http.errors import Problem, unavailable, unknown_outcome
from core.store.inbox.acceptance import IdempotencyKey, NewCommand


class Accepted(Struct, frozen=True):
    """On disk. `fresh` is False when an earlier request with the same key was first."""

    command_id: UUID
    fresh: bool


class InboxEntry(Struct):
    command: NewCommand
    key: IdempotencyKey | None
    done: asyncio.Future[Accepted]
    is_sent: bool = False
    """PostgreSQL may have it."""

    def answer(self, accepted: Accepted) -> None:
        if not self.done.done():
            self.done.set_result(accepted)

    def fail(self, problem: Problem) -> None:
        if not self.done.done():
            self.done.set_exception(problem)

    def unknown(self) -> Problem:
        words = "It is not known yet whether the command was accepted; check its address in Location"
        return unknown_outcome(words, self.command.id)

    def give_up(self) -> None:
        """Its time to be accepted is over. If it has not been sent, it never will be."""
        if self.is_sent:
            self.fail(self.unknown())
        else:
            words = "The database did not take the command in time; nothing was accepted"
            self.fail(unavailable(words, self.command.id))


def fail_all(group: Sequence[InboxEntry], problem: Problem) -> None:
    for entry in group:
        entry.fail(problem)


def still_wanted(group: Sequence[InboxEntry]) -> list[InboxEntry]:
    """Those whose client is still there and not answered."""
    return [entry for entry in group if not entry.done.done()]
