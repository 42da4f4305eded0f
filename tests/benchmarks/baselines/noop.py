"""The no-op route: everything around a booking, and no booking."""

from __future__ import annotations

from api.commands.outcome_waiter import Answer
from core.domain.commands import Envelope
from tests.benchmarks.baselines.create import Create

ANSWER = Answer(201, b'{"success":true,"message":"Nothing was booked","data":{}}')


class Noop(Create):
    async def book(self, envelope: Envelope) -> Answer:  # noqa: ARG002 - it does nothing with it
        return ANSWER
