"""Faults of the database or the schema: no accepted command is parked for them, and others go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any
from uuid import UUID

import psycopg
import pytest
from structlog.testing import capture_logs

from core.domain.commands import CommandClass
from core.store.inbox.lane_batches import BATCH_COMMANDS
from core.store.inbox.unfinished import PUT_OFF_FIRST_S, PUT_OFF_LONGEST_S, SQL_PUT_OFF
from core.store.revision import NEWEST, SchemaDoesNotFitError, SchemaWatch, check_schema, schema_mismatch
from tests.conftest import FIGURE
from tests.support.clients.concurrent_bookings import concurrent_bookings
from tests.support.clients.http_client import anonymous
from tests.support.engine.lanes import POISON_NOTES, Pipeline, Worker, canaries, places, poison
from tests.support.processes.stack import Stack
from tests.support.values import MONDAY
from tests.support.wait import wait_until

REFUSES = """
CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'refused' USING ERRCODE = '{code}'; END $$;
"""
REFUSING = f"""{REFUSES}
CREATE TRIGGER refuse BEFORE INSERT ON booking FOR EACH ROW {{when}} EXECUTE FUNCTION refuse();
"""
ONE = f"WHEN (NEW.notes = '{POISON_NOTES}')"
CODES = [
    "02000",
    "0A000",
    "20000",
    "21000",
    "22023",
    "23502",
    "24000",
    "25000",
    "25006",
    "26000",
    "28000",
    "2F000",
    "38000",
    "3F000",
    "40003",
    "42501",
    "42601",
    "42703",
    "42804",
    "42P01",
    "44000",
    "53000",
    "53100",
    "53200",
    "53400",
    "54000",
    "55000",
    "55006",
    "55P03",
    "57000",
    "57P01",
    "57P03",
    "58000",
    "58030",
    "58P01",
    "F0000",
    "HV000",
    "P0001",
    "XX000",
    "XX002",
    "ZZ000",
]
"""Of each class that a server may raise in the middle of a batch, one or more."""
VISITS = 60


def refuse(pipeline: Pipeline, code: str, when: str = "") -> None:
    pipeline.connection.execute(REFUSING.format(code=code, when=when).encode())


def visit(worker: Worker, times: int, *lanes: int) -> None:
    """As a server does it: after an outage it comes again, with new connections if it lost them."""
    for _ in range(times):
        if worker.connection.closed:  # a machine that stood still for seconds: the database ends idle transactions
            worker.connect(worker.notes.owner)
        with suppress(psycopg.Error):
            if not worker.visit(*lanes).more:
                return


def decided(pipeline: Pipeline, worker: Worker, ids: list[UUID], *lanes: int) -> None:
    def all_of_them() -> bool:
        visit(worker, 1, *lanes)
        return not set(pipeline.undecided()) & set(ids)

    wait_until(all_of_them, "all are decided", 20)


def test_a_command_that_alone_is_refused_is_put_off_and_never_charged(
    pipeline: Pipeline, record_property: Callable[[str, object], None]
) -> None:
    """Whatever the database says of itself: a command may be refused, but never stop others."""
    pipeline.one_lane()
    refuse(pipeline, CODES[0], ONE)
    commands, ids, culprits = iter(places(7 * len(CODES))), [], []
    for code in CODES:
        pipeline.connection.execute(REFUSES.format(code=code).encode())
        first, culprit, *rest = islice(commands, 7)
        sent = pipeline.put(first, poison(culprit), *rest)
        ids += sent
        culprits.append(sent[1])
        visit(pipeline.worker(), VISITS)
        others = [id_ for id_ in ids if id_ not in culprits]
        assert pipeline.codes(others) == ["succeeded"] * len(others), code
        assert pipeline.decided_in_order() == others, code
        assert (pipeline.undecided(), pipeline.charged()) == (culprits, {}), code
        assert pipeline.row("SELECT put_offs > 0 FROM inbox WHERE id = %s", sent[1]) == (True,), code
        until_the_end(pipeline)
    pipeline.connection.execute("DROP TRIGGER refuse ON booking")
    pipeline.connection.execute("UPDATE inbox SET put_off_until = clock_timestamp()")
    decided(pipeline, pipeline.worker(), culprits)
    assert pipeline.codes(ids) == ["succeeded"] * len(ids)
    record_property(FIGURE, f"refused alone: {len(CODES)} codes walked")


def until_the_end(pipeline: Pipeline) -> None:
    """Those who are put off stay so, or the next code would meet them, too."""
    pipeline.connection.execute("UPDATE inbox SET put_off_until = clock_timestamp() + interval '1 hour'")


def test_the_log_tells_of_who_is_put_off_and_of_nobody_else(pipeline: Pipeline) -> None:
    """Not of those that a visit left aside, and that kept their places when it failed."""
    pipeline.one_lane()
    refuse(pipeline, "42703")
    culprit, *others = places(6)
    first, *rest = pipeline.put(poison(culprit), *others)
    worker = pipeline.worker()
    with capture_logs() as logs:
        visit(worker, 3)
        assert told(logs) == []
        pipeline.connection.execute("DROP TRIGGER refuse ON booking")
        pipeline.connection.execute("DROP FUNCTION refuse()")
        refuse(pipeline, "42703", ONE)
        decided(pipeline, worker, rest)
    (put_offs,) = pipeline.row("SELECT put_offs FROM inbox")
    times = range(1, put_offs + 1)
    assert [(one["command_id"], one["times"]) for one in told(logs)] == [(str(first), number) for number in times]
    assert put_offs > 0


def told(logs: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in logs if one["event"] == "command put off"]


@pytest.mark.parametrize("code", ["42703", "53100", "58030", "25006", "P0001"])
def test_while_everybody_is_refused_all_wait_in_their_order(pipeline: Pipeline, code: str) -> None:
    """Remedy: who is refused is put off only with the transaction that decides others."""
    pipeline.one_lane()
    refuse(pipeline, code)
    ids = pipeline.put(*places(20))
    worker = pipeline.worker()
    for _ in range(5):
        visit(worker, 10)
    assert (pipeline.undecided(), pipeline.charged()) == (ids, {})
    assert pipeline.row("SELECT max(put_offs) FROM inbox") == (0,)
    pipeline.connection.execute("DROP TRIGGER refuse ON booking")
    worker.visit_until_done()
    assert pipeline.codes(ids) == ["succeeded"] * len(ids)
    assert pipeline.decided_in_order() == ids


@pytest.mark.parametrize("many", [30, BATCH_COMMANDS + 30])
def test_many_that_are_refused_at_the_head_of_a_lane_stop_nobody(pipeline: Pipeline, many: int) -> None:
    """Remedy: when several failed in a row, the last who waits is tried, also if one read does not reach to it."""
    pipeline.one_lane()
    refuse(pipeline, "42703", ONE)
    *refused, good = places(many + 1)
    ids = pipeline.put(*map(poison, refused), good)
    worker = pipeline.worker()
    decided(pipeline, worker, ids[-1:])
    assert pipeline.codes(ids[-1:]) == ["succeeded"]
    assert pipeline.charged() == {}


@pytest.mark.parametrize("mark", ["put_offs", "attempts"])
@pytest.mark.parametrize("command_class", [CommandClass.EXPIRY, CommandClass.BULK])
def test_a_command_that_failed_alone_before_gets_its_turn_however_many_people_come(
    pipeline: Pipeline, mark: str, command_class: CommandClass
) -> None:
    """Remedy: a batch that ends before it is followed by one that begins with its class."""
    pipeline.one_lane()
    ids = pipeline.put(*canaries(5, command_class=command_class))
    pipeline.connection.execute(f"UPDATE inbox SET {mark} = 1 WHERE id = %s".encode(), (ids[2],))
    worker, people = pipeline.worker(), []
    for _ in range(10):
        people += pipeline.put(*canaries(2))
        worker.visit()
    assert pipeline.codes(ids) == ["succeeded"] * len(ids)
    assert [id_ for id_ in pipeline.decided_in_order() if id_ in ids] == ids
    assert pipeline.codes(people) == ["succeeded"] * len(people)


def test_a_command_refused_alone_in_its_lane_is_put_off_once_others_are_decided_elsewhere(pipeline: Pipeline) -> None:
    refuse(pipeline, "42703", ONE)
    culprit, *others = places(30)
    (culprits_id,) = pipeline.put(poison(culprit))
    worker, lane = pipeline.worker(), pipeline.lane_of(culprits_id)
    assert worker.visit(lane).busy == {lane}
    assert worker.visit(lane).busy == {lane}, "there is no sign yet that others are decided"
    elsewhere = [one for one in others if one.date > MONDAY]
    ids = pipeline.put(*elsewhere)
    lanes = {pipeline.lane_of(id_) for id_ in ids} - {lane}
    for other in lanes:
        visit(worker, 5, other)
    visit(worker, 5, lane)
    assert pipeline.row("SELECT put_offs FROM inbox WHERE id = %s", culprits_id)[0] > 0
    assert pipeline.charged() == {}


def test_the_pause_grows_and_is_bounded(pipeline: Pipeline) -> None:
    (id_,) = pipeline.put(*canaries(1))
    pauses = []
    for _ in range(12):
        pipeline.connection.execute(SQL_PUT_OFF, ([id_],))
        pauses.append(float(pipeline.row("SELECT extract(epoch FROM put_off_until - clock_timestamp()) FROM inbox")[0]))
    assert pauses[0] == pytest.approx(PUT_OFF_FIRST_S, abs=0.2)
    assert pauses[1] == pytest.approx(2 * PUT_OFF_FIRST_S, abs=0.2)
    assert pauses[-1] == pytest.approx(PUT_OFF_LONGEST_S, abs=0.2)


def rename_a_column(pipeline: Pipeline, _worker: Worker) -> Callable[[], object]:
    pipeline.connection.execute("ALTER TABLE booking RENAME COLUMN notes TO remarks")
    return lambda: pipeline.connection.execute("ALTER TABLE booking RENAME COLUMN remarks TO notes")


def move_a_table(pipeline: Pipeline, _worker: Worker) -> Callable[[], object]:
    pipeline.connection.execute("CREATE SCHEMA away; ALTER TABLE claim SET SCHEMA away")
    return lambda: pipeline.connection.execute("ALTER TABLE away.claim SET SCHEMA public")


def change_a_type(pipeline: Pipeline, _worker: Worker) -> Callable[[], object]:
    change = "ALTER TABLE booking ALTER notes DROP DEFAULT, ALTER notes TYPE {0} USING ''"
    pipeline.connection.execute(change.format("bytea").encode())
    return lambda: pipeline.connection.execute(f"{change.format('text')}, ALTER notes SET DEFAULT ''".encode())


def demand_a_column(pipeline: Pipeline, _worker: Worker) -> Callable[[], object]:
    pipeline.connection.execute("ALTER TABLE booking ADD colour text NOT NULL DEFAULT ''")
    pipeline.connection.execute("ALTER TABLE booking ALTER colour DROP DEFAULT")
    return lambda: pipeline.connection.execute("ALTER TABLE booking DROP COLUMN colour")


def take_a_right(pipeline: Pipeline, _worker: Worker) -> Callable[[], object]:
    pipeline.connection.execute("REVOKE INSERT ON booking FROM CURRENT_USER")
    return lambda: pipeline.connection.execute("GRANT INSERT ON booking TO CURRENT_USER")


def take_no_writes(_pipeline: Pipeline, worker: Worker) -> Callable[[], object]:
    worker.connection.execute("SET default_transaction_read_only = on")
    return lambda: worker.connection.execute("SET default_transaction_read_only = off")


FAULTS = (rename_a_column, move_a_table, change_a_type, demand_a_column, take_a_right, take_no_writes)


@pytest.mark.parametrize("fault", FAULTS)
def test_what_does_not_fit_for_a_moment_costs_nobody_anything(
    pipeline: Pipeline, fault: Callable[[Pipeline, Worker], Callable[[], object]]
) -> None:
    pipeline.one_lane()
    worker = pipeline.worker()
    (before,) = pipeline.put(*places(1))
    worker.visit_until_done()
    mend = fault(pipeline, worker)
    ids = pipeline.put(*places(13)[1:])
    for _ in range(4):
        visit(worker, 10)
    assert (pipeline.undecided(), pipeline.charged()) == (ids, {})
    mend()
    worker.visit_until_done()
    assert pipeline.codes([before, *ids]) == ["succeeded"] * 13
    assert pipeline.decided_in_order() == [before, *ids]


def test_a_worker_waits_while_the_schemas_revision_is_not_its_own(pipeline: Pipeline) -> None:
    """Remedy: after an error that says so, the revision is looked at; nobody is tried until it fits."""
    pipeline.one_lane()
    worker = pipeline.worker()
    pipeline.connection.execute("ALTER TABLE booking RENAME COLUMN notes TO remarks")
    pipeline.connection.execute("UPDATE alembic_version SET version_num = '0018'")
    ids = pipeline.put(*places(4))
    for _ in range(3):
        with pytest.raises(SchemaDoesNotFitError, match=f"at migration 0018, this release needs {NEWEST}"):
            worker.visit()
    assert (pipeline.undecided(), pipeline.charged()) == (ids, {})
    pipeline.connection.execute("ALTER TABLE booking RENAME COLUMN remarks TO notes")
    worker.visit_until_done()
    assert pipeline.codes(ids) == ["succeeded"] * 4


@pytest.mark.parametrize(
    ("found", "says"),
    [
        (None, "no schema yet"),
        (("0001", None, False), "migrate the database"),
        ((NEWEST, None, False), None),
        (("9999", None, False), None),
        (("9999", NEWEST, False), None),
        (("9999", "9998", False), "serves releases from migration 9998"),
        ((NEWEST, None, True), "restore"),
    ],
)
def test_a_schema_fits_if_it_has_all_that_this_code_knows_and_still_serves_it(
    found: tuple[str, str | None, bool] | None, says: str | None
) -> None:
    reason = schema_mismatch(found)
    assert reason is says is None or (reason is not None and says is not None and says in reason)


def test_a_schema_of_before_or_of_somebody_else_is_told(pipeline: Pipeline, capsys: pytest.CaptureFixture[str]) -> None:
    check_schema(pipeline.connection)
    watch = SchemaWatch()
    pipeline.connection.execute("ALTER TABLE installation DROP COLUMN serves_from")
    watch.check(pipeline.connection)
    pipeline.connection.execute("ALTER TABLE alembic_version RENAME TO somewhere")
    for _ in range(3):
        with pytest.raises(SchemaDoesNotFitError, match="no schema yet"):
            watch.check(pipeline.connection)
    pipeline.connection.execute("ALTER TABLE somewhere RENAME TO alembic_version")
    watch.check(pipeline.connection)
    said = capsys.readouterr().out
    assert (said.count("waiting for a schema that fits"), said.count("the schema fits")) == (1, 1)


def test_on_a_running_stack_a_column_is_away_for_two_seconds_and_all_twenty_are_booked(
    breakable_stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    stack = breakable_stack
    with stack.database() as database, anonymous(stack.api_url) as client, concurrent_bookings(stack) as beside:
        wait_until(lambda: len(beside.took_s) >= 50, "others book before it")
        database.execute("ALTER TABLE booking RENAME COLUMN notes TO remarks")
        try:
            ids = [client.accept() for _ in range(20)]
            database.execute("SELECT pg_sleep(2)")
        finally:
            database.execute("ALTER TABLE booking RENAME COLUMN remarks TO notes")
        outcomes = [client.outcome(id_, 60) for id_ in ids]
        before = len(beside.took_s)
        wait_until(lambda: len(beside.took_s) >= before + 50, "others book after it")
    assert [one["status"] for one in outcomes] == ["succeeded"] * 20
    record_property(FIGURE, beside.figure("a column away for 2 s, 20 of 20 decided"))
