"""Commands of two lanes that change the same rows: who has them first, and who waits."""

from __future__ import annotations

from itertools import count
from zlib import crc32

import pytest

from core.domain.commands import Actor, Command
from core.domain.values import Policy
from core.store.inbox.acceptance import NewCommand
from tests.support.engine.lanes import Background, Pipeline, Worker, lock_waits, meanwhile, new
from tests.support.engine.market_data import ANYTHING_GOES
from tests.support.wait import wait_until


def waiting_worker(pipeline: Pipeline, policy: Policy = ANYTHING_GOES) -> Worker:
    """One that waits for a lock as long as a test likes."""
    worker = pipeline.worker(policy)
    worker.connection.execute("SET application_name = 'holdfast waiting'")
    worker.connection.execute("SET lock_timeout = '20s'")
    return worker


def waits(pipeline: Pipeline) -> bool:
    return lock_waits(pipeline.connection, "holdfast waiting") > 0


def one_after_the_other(
    pipeline: Pipeline, patch: pytest.MonkeyPatch, first: NewCommand, second: NewCommand, policy: Policy = ANYTHING_GOES
) -> list[str]:
    """Decide two commands in two lanes, in one visit each; what each came to. The second worker visits once the
    first has read what it needs, and the first goes on when the second waits for it, or is through."""
    ids = pipeline.put(first, second)
    here, there = map(pipeline.lane_of, ids)
    assert here != there
    other = waiting_worker(pipeline, policy)
    visits: list[Background] = []

    def begin_the_other() -> None:
        visits.append(Background(lambda: other.visit(there)))
        wait_until(lambda: not visits[0].running or waits(pipeline), "it is there")

    meanwhile(patch, begin_the_other)
    pipeline.worker(policy).visit(here)
    visits[0].join()
    assert pipeline.charged() == {}
    return pipeline.codes(ids)


def key_of_lane(lane: int, lanes: int = 8) -> str:
    return next(key for key in map("key:{}".format, count()) if crc32(key.encode()) % lanes == lane)


def lane(number: int, command: Command, actor: Actor, contract: str = "rooms") -> NewCommand:
    return new(command, actor=actor, contract=contract, partition_key=key_of_lane(number))


def run(pipeline: Pipeline, *commands: NewCommand) -> None:
    ids = pipeline.put(*commands)
    worker = pipeline.worker(ANYTHING_GOES)
    for number in {pipeline.lane_of(id_) for id_ in ids}:
        worker.visit_until_done(number)
    assert pipeline.codes(ids) == ["succeeded"] * len(ids)
