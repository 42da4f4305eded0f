"""LANES changes while commands wait, arrive and are decided: order kept per partition key, nothing lost."""

from __future__ import annotations

import pytest

from core.store.connections.database import MIGRATE_LIMITS
from core.store.connections.sqlalchemy_engines import engine
from core.store.inbox.acceptance import NewCommand
from core.store.migrate import set_lanes
from tests.support.engine.lanes import (
    Background,
    Pipeline,
    assert_order_kept,
    commands_by_partition,
    holding,
    lock_waits,
)
from tests.support.wait import wait_until


def change_lanes(url: str, lanes: int) -> None:
    migrating = engine(url, MIGRATE_LIMITS, "holdfast migrate")
    with migrating.connect() as connection:
        set_lanes(connection, lanes)
    migrating.dispose()


def misplaced(pipeline: Pipeline) -> int:
    sql = "SELECT count(*) FROM inbox, installation WHERE lane <> mod(slot_crc, lanes)"
    return int(pipeline.row(sql)[0])


@pytest.mark.parametrize(("before", "after"), [(8, 3), (3, 8), (1, 16), (16, 1)])
def test_waiting_commands_move_to_their_new_lane_and_keep_their_order(
    pipeline: Pipeline, before: int, after: int
) -> None:
    """Remedy: waiting commands move in the transaction that changes LANES."""
    pipeline.lanes(before)
    put = commands_by_partition(100)
    pipeline.put(*put[:50])
    change_lanes(pipeline.url, after)
    assert misplaced(pipeline) == 0
    pipeline.put(*put[50:])
    worker = pipeline.worker()
    for lane in range(after):
        worker.visit_until_done(lane)
    assert_order_kept(pipeline, put)


def test_a_command_that_is_written_while_lanes_change_lands_in_its_new_lane(pipeline: Pipeline) -> None:
    """Remedy: the change locks the inbox table, so that it waits for inserts under way and holds up
    new ones, which read LANES in a statement of their own after it."""
    early, late = commands_by_partition(20), commands_by_partition(20)
    writer, second = pipeline.connect(), pipeline.connect()
    second.execute("SET application_name = 'holdfast second'")
    with writer.transaction():
        pipeline.put(*early, on=writer)
        changing = Background(lambda: change_lanes(pipeline.url, 3))
        wait_until(lambda: lock_waits(pipeline.connection, "holdfast migrate") > 0, "the change waits for the insert")
        writing = Background(lambda: pipeline.put(*late, on=second))
        wait_until(lambda: lock_waits(pipeline.connection, "holdfast second") > 0, "the insert waits for the change")
    changing.join()
    writing.join()
    assert misplaced(pipeline) == 0
    assert len(pipeline.undecided()) == len(early) + len(late)


def test_a_change_waits_for_batches_under_way_in_every_lane(pipeline: Pipeline) -> None:
    """Remedy: every old lane's lock is taken first, so that no batch is decided while its commands move."""
    with holding(pipeline.url, "SELECT pg_advisory_xact_lock(x'4C414E45'::int, 7)"):
        changing = Background(lambda: change_lanes(pipeline.url, 3))
        wait_until(lambda: lock_waits(pipeline.connection, "holdfast migrate") > 0, "the change waits for the lane")
        assert pipeline.row("SELECT lanes FROM installation") == (8,)
    changing.join()
    assert pipeline.row("SELECT lanes FROM installation") == (3,)


def test_lanes_may_change_back_and_forth_while_workers_decide_and_commands_arrive(pipeline: Pipeline) -> None:
    put: list[NewCommand] = []
    finished: list[bool] = []

    def decide_everything() -> None:
        worker = pipeline.worker()
        while not finished or pipeline_is_busy():
            for lane in range(16):
                worker.visit(lane)

    looking = pipeline.connect()

    def pipeline_is_busy() -> bool:
        return looking.execute("SELECT FROM inbox LIMIT 1").fetchone() is not None

    workers = [Background(decide_everything) for _ in range(2)]
    for lanes in (3, 16, 1, 8, 2):
        more = commands_by_partition(120)
        put += more
        for start in range(0, len(more), 20):
            pipeline.put(*more[start : start + 20])
        change_lanes(pipeline.url, lanes)
    finished.append(True)
    for worker in workers:
        worker.join()
    assert_order_kept(pipeline, put)


def test_changing_to_the_present_number_changes_nothing(pipeline: Pipeline) -> None:
    pipeline.put(*commands_by_partition(5))
    change_lanes(pipeline.url, 8)
    assert misplaced(pipeline) == 0
