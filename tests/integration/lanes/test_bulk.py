"""Bulk commands in a lane: behind people, bounded by what is in them, and counted right whatever becomes of them."""

from __future__ import annotations

import re
from itertools import count, pairwise
from uuid import UUID, uuid4

import pytest

from core.domain.commands import Actor, ActorKind, PlaceAll, RowToPlace
from core.store.inbox.bulk import SQL_ACCEPT_ROWS, SQL_INSERT, BulkCommand, Sender, accept_parameters
from core.store.inbox.bulk_status import SQL_COUNTS, Bulk, Mode, RowCounts, counts_of
from core.store.inbox.outcomes import SQL_MOVE, SQL_MOVE_ALL, move_parameters
from core.store.inbox.partition_keys import partition_key
from core.store.inbox.unfinished import SQL_DEFER
from core.wire.outcomes import withdrawn
from tests.support.engine.lanes import DESK_ID, Pipeline, decide_that_raises, meanwhile, places
from tests.support.values import NOW

SENDER = Sender("agent", Actor(ActorKind.STAFF, 2), "tests", None)


def accept(pipeline: Pipeline, bulk: Bulk, commands: list[BulkCommand]) -> UUID:
    pipeline.connection.execute(SQL_INSERT, (bulk.id, bulk.owner, bulk.mode, bulk.rows, bulk.refused))
    pipeline.connection.execute(SQL_ACCEPT_ROWS, accept_parameters(bulk, SENDER, commands))
    return bulk.id


def put_each(pipeline: Pipeline, count: int) -> UUID:
    found = enumerate(places(count), 1)
    commands = [BulkCommand(partition_key(DESK_ID, place.date), place, row) for row, place in found]
    return accept(pipeline, Bulk(uuid4(), "user:2", Mode.EACH, count, 0), commands)


def put_whole(pipeline: Pipeline, first: int, count: int) -> UUID:
    rows = tuple(RowToPlace(row, place) for row, place in enumerate(places(first + count)[first:], 1))
    command = BulkCommand(partition_key(DESK_ID, rows[0].place.date), PlaceAll(rows), None, count)
    return accept(pipeline, Bulk(uuid4(), "user:2", Mode.ALL_OR_NOTHING, count, 0), [command])


def counts(pipeline: Pipeline, id_: UUID) -> RowCounts:
    return counts_of(pipeline.row(SQL_COUNTS, [id_])).by_status


def test_somebody_who_waits_is_decided_before_a_bulk_that_came_first(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    bulk = put_each(pipeline, 250)
    (person,) = pipeline.put(places(251)[-1])
    worker = pipeline.worker()
    worker.visit()
    assert person in pipeline.outcomes()
    assert 0 < counts(pipeline, bulk).succeeded < 250
    worker.visit_until_done()
    assert counts(pipeline, bulk) == RowCounts(accepted=0, succeeded=250, rejected=0, failed=0)


def test_a_batch_is_bounded_by_the_rows_of_its_commands(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    bulks = [put_whole(pipeline, 150 * number, 150) for number in range(4)]
    worker = pipeline.worker()
    turn = worker.visit()
    assert [counts(pipeline, id_).succeeded for id_ in bulks] == [150, 0, 0, 0]
    assert turn.more
    worker.visit_until_done()
    assert [counts(pipeline, id_).succeeded for id_ in bulks] == [150] * 4


def test_a_whole_batch_that_fails_alone_is_set_aside_with_all_its_rows(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.one_lane()
    bulk = put_whole(pipeline, 0, 40)
    decide_that_raises(monkeypatch, {bulk})
    pipeline.worker().visit_until_done()
    assert counts(pipeline, bulk) == RowCounts(accepted=0, succeeded=0, rejected=0, failed=40)


def test_what_is_withdrawn_counts_as_rejected(pipeline: Pipeline) -> None:
    pipeline.one_lane()
    each, whole = put_each(pipeline, 5), put_whole(pipeline, 5, 40)
    ((row,), *_) = pipeline.rows("SELECT id FROM inbox WHERE bulk_id = %s", each)
    pipeline.connection.execute(SQL_MOVE, move_parameters([(id_, withdrawn(), []) for id_ in (row, whole)], NOW))
    pipeline.worker().visit_until_done()
    assert counts(pipeline, each) == RowCounts(accepted=0, succeeded=4, rejected=1, failed=0)
    assert counts(pipeline, whole) == RowCounts(accepted=0, succeeded=0, rejected=40, failed=0)


def test_a_time_taken_by_somebody_else_meanwhile_stands_in_a_whole_batchs_way(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The constraint tells: another lane's commit came between loading and saving."""
    pipeline.one_lane()
    other = pipeline.connect()
    wanted = places(12)[7]
    loads = meanwhile(monkeypatch, lambda: pipeline.claim(wanted.date, wanted.time, on=other))
    bulk = put_whole(pipeline, 0, 12)
    pipeline.worker().visit_until_done()
    assert loads[0] > 1
    assert counts(pipeline, bulk).rejected == 12
    (_, status, body) = pipeline.outcomes()[bulk]
    assert (status, [row["row"] for row in body["rows"]]) == (409, [8])
    assert pipeline.placed_by() == []


@pytest.mark.parametrize("statement", [SQL_MOVE_ALL, SQL_DEFER], ids=["move", "defer"])
def test_decided_commands_are_looked_up_by_id_though_the_plan_was_made_on_an_empty_inbox(
    pipeline: Pipeline, statement: str
) -> None:
    """Remedy: a lane keeps its plans. One that walks the inbox from end to end is cheap while it is empty, and takes
    a second for each batch while ten thousand rows of a bulk wait."""
    numbers = count(1)
    asked = re.sub(r"%s", lambda _: f"${next(numbers)}", statement)
    pipeline.connection.execute("VACUUM ANALYZE inbox")
    lines = [str(line).strip() for (line,) in pipeline.rows(f"EXPLAIN (GENERIC_PLAN) {asked}")]
    scans = [after for line, after in pairwise(lines) if "Scan" in line and " on inbox" in line]
    assert scans
    assert all(after.startswith(("Index Cond: (id = ", "TID Cond: (ctid = ")) for after in scans), lines
