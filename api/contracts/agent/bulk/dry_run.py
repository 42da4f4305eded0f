"""What a bulk would come to at this moment: decided like any other by the same rules, and nothing kept of it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

from api.contracts.agent.bulk.bulk_request import SLICE_S, LoopBudget
from api.contracts.agent.bulk.bulk_status import rows_of_whole
from core.domain.commands import Envelope
from core.domain.values import Policy
from core.engine.dry_run import DryRun, prepare
from core.store.inbox.bulk import BulkCommand, NewBulk, Sender
from core.store.inbox.bulk_status import RowOutcome
from core.store.inbox.outcomes import Outcome
from core.wire.contracts.bulk import BulkRehearsed, dry_run_answer


class DryRuns:
    def __init__(self, database_url: str, policy: Policy) -> None:
        self._url = database_url
        self._policy = policy

    async def run_dry(self, new: NewBulk) -> BulkRehearsed:
        """Every row sees what the rows before it would do. By the time the bulk is sent in earnest, others may be first."""
        envelopes = [_envelope(new.sender, one) for one in new.commands]
        dry_run = await asyncio.to_thread(prepare, self._url, envelopes, self._policy)
        outcomes = await _outcomes(dry_run, envelopes)
        decided = [row for one, outcome in zip(new.commands, outcomes, strict=True) for row in _rows(one, outcome)]
        refused = [
            RowOutcome(one.row, "rejected", one.http_status, bytes(one.response).decode()) for one in new.refusals
        ]
        return dry_run_answer([*decided, *refused])


async def _outcomes(dry_run: DryRun, envelopes: list[Envelope]) -> list[Outcome]:
    breath, outcomes = LoopBudget(SLICE_S), []
    for envelope in envelopes:
        outcomes.append(dry_run.decide(envelope))
        await breath.take()
    return outcomes


def _rows(command: BulkCommand, outcome: Outcome) -> Iterator[RowOutcome]:
    status, response = outcome.status, outcome.body.decode()
    if command.row is not None:
        yield RowOutcome(command.row, status, outcome.http_status, response)
    else:
        of_whole = rows_of_whole(status, outcome.http_status, response)
        yield from map(of_whole, command.rows)


def _envelope(sender: Sender, command: BulkCommand) -> Envelope:
    return Envelope(
        id=uuid4(),
        seq=0,
        contract=sender.contract,
        actor=sender.actor,
        request_id=sender.request_id,
        accepted_at=datetime.now(UTC),
        decide_before=sender.decide_before,
        reply_to=None,
        command=command.command,
    )
