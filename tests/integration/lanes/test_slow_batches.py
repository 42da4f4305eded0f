"""A batch that is slow repeatedly: a command's fault if the database answers others meanwhile, else an outage."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest

from core.domain import decide as deciding
from core.domain.commands import CommandClass
from core.engine import database_probe as witnessing
from core.engine.database_probe import ProbeThread
from core.engine.failed_commands import MAX_ATTEMPTS
from core.store import load as loading
from core.store.connections.database import LANE_LIMITS, connect_lane
from core.store.inbox.partition_keys import partition_key
from tests.conftest import FIGURE, UNSYNCED
from tests.support.clients.concurrent_bookings import concurrent_bookings
from tests.support.clients.http_client import agent_booking, anonymous
from tests.support.engine.lanes import POISON_NOTES, SLOTS_A_DAY, Background, Pipeline, new, places, poison
from tests.support.engine.slow_batches import SLOW_ONE, Seen, Server, sleeps
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until

SLEEPS = "PERFORM pg_sleep(5)"
SLOW_ON_A_STACK = f"""
IF current_setting('statement_timeout') = '{LANE_LIMITS["statement_timeout"]}' AND nextval('tried_alone') > 1 THEN
    RAISE query_canceled;
END IF;
PERFORM pg_sleep(9)
"""
"""It runs into the limit of several and once into that of one alone. Tried alone again, it says at once what
the server would say after 8 s."""


@pytest.fixture(autouse=True)
def quick_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """No longer than those of `Server`."""
    monkeypatch.setattr(loading, "SEVERAL_STATEMENT_MS", 100)
    monkeypatch.setattr(loading, "SEVERAL_TRANSACTION_MS", 1_000)


def slow(pipeline: Pipeline, does: str) -> tuple[list[UUID], UUID]:
    """Commands, and the one among them that is slow."""
    pipeline.one_lane()
    pipeline.connection.execute(SLOW_ONE.format(does=does).encode())
    first, culprit, *rest = places(7)
    ids = pipeline.put(first, poison(culprit), *rest)
    return ids, ids[1]


def dawdling(patch: pytest.MonkeyPatch, culprit: UUID, for_s: float) -> None:
    """A rule takes so long for this command."""

    def decide(state: Any, envelope: Any, now: Any, new_ids: Any) -> Any:
        if envelope.id == culprit:
            threading.Event().wait(for_s)
        return deciding.decide(state, envelope, now, new_ids)

    patch.setattr("core.engine.lane.decide", decide)


def losing(patch: pytest.MonkeyPatch, server: Server, culprit: UUID) -> None:
    """The server's connection breaks whenever this command is decided."""

    def decide(state: Any, envelope: Any, now: Any, new_ids: Any) -> Any:
        if envelope.id == culprit:
            with socket.socket(fileno=os.dup(server.worker.connection.fileno())) as cut:
                cut.shutdown(socket.SHUT_RDWR)
        return deciding.decide(state, envelope, now, new_ids)

    patch.setattr("core.engine.lane.decide", decide)


def test_a_command_that_is_slow_alone_again_and_again_is_parked_and_the_others_are_decided(pipeline: Pipeline) -> None:
    """Remedy: the note stays, so the next worker halves, and charges a command that is alone."""
    ids, culprit = slow(pipeline, SLEEPS)
    server = Server(pipeline, Seen(answered=True))
    for _ in range(60):
        more = server.visit()
        assert set(pipeline.charged()) <= {culprit}
        if not more:
            break
    assert pipeline.codes(ids) == ["command_failed" if id_ == culprit else "succeeded" for id_ in ids]
    assert pipeline.rows("SELECT type FROM event WHERE command_id = %s", culprit) == [("command_failed",)]


def test_a_command_that_loses_its_connection_again_and_again_is_parked_too(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.one_lane()
    ids = pipeline.put(*places(7))
    server = Server(pipeline, Seen(answered=True))

    losing(monkeypatch, server, ids[1])
    server.visit_until_done()
    assert pipeline.codes(ids) == ["command_failed" if id_ == ids[1] else "succeeded" for id_ in ids]


def test_a_transaction_that_takes_too_long_again_and_again_is_one_command_s_doing(pipeline: Pipeline) -> None:
    ids, culprit = slow(pipeline, SLEEPS)
    server = Server(pipeline, Seen(answered=True), "200ms", "transaction_timeout")
    server.visit_until_done()
    assert pipeline.codes(ids) == ["command_failed" if id_ == culprit else "succeeded" for id_ in ids]


def test_a_rule_that_computes_for_too_long_again_and_again_is_one_command_s_doing(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.one_lane()
    ids = pipeline.put(*places(7))
    dawdling(monkeypatch, ids[1], 0.3)
    server = Server(pipeline, Seen(answered=True), "100ms", "idle_in_transaction_session_timeout")
    server.visit_until_done()
    assert pipeline.codes(ids) == ["command_failed" if id_ == ids[1] else "succeeded" for id_ in ids]


def test_several_lanes_wait_once_for_a_slow_one_and_are_charged_nothing(pipeline: Pipeline) -> None:
    """Remedy: who is noted in a batch of several is tried alone before it is charged; the others are handed over."""
    pipeline.connection.execute(SLOW_ONE.format(does=SLEEPS).encode())
    culprit, *others = places(32)[::SLOTS_A_DAY]
    ids = pipeline.put(poison(culprit), *others)
    lanes = {id_: pipeline.lane_of(id_) for id_ in ids}
    assert len(set(lanes.values())) == len(ids)
    server = Server(pipeline, Seen(answered=True))
    for _ in range(20):
        more = server.visit(*lanes.values())
        assert set(pipeline.charged()) <= {ids[0]}
        if not more:
            break
    assert pipeline.codes(ids) == ["command_failed"] + ["succeeded"] * len(others)
    assert set() < server.handed_over[0] < set(lanes.values())


def test_one_command_in_a_visit_to_several_lanes_has_the_time_of_several(pipeline: Pipeline) -> None:
    """Remedy: its other lanes wait behind it, though nothing was in them when they were locked."""
    pipeline.connection.execute(SLOW_ONE.format(does="PERFORM pg_sleep(0.5)").encode())
    culprit, other = places(32)[:: 2 * SLOTS_A_DAY]
    ids = pipeline.put(poison(culprit))
    elsewhere = pipeline.put(other)
    lanes = [pipeline.lane_of(id_) for id_ in (*ids, *elsewhere)]
    server = Server(pipeline, Seen(answered=True), "5s")
    server.visit(lanes[1])
    assert server.visit(*lanes)
    waits = "SELECT count(*) FROM inbox WHERE id = %s"
    assert pipeline.rows(waits, ids[0]) == [(1,)], "it was cut short"
    while server.visit(*lanes):
        assert pipeline.charged() == {}
    assert pipeline.codes(ids) == ["succeeded"]


def test_several_have_less_time_than_one_alone(pipeline: Pipeline) -> None:
    """Remedy: what is slow costs others two seconds; alone it has all the time there is."""
    ids, culprit = slow(pipeline, "PERFORM pg_sleep(0.5)")
    server = Server(pipeline, Seen(answered=True), "8s")
    assert server.visit()
    assert pipeline.undecided() == ids
    server.visit_until_done()
    assert pipeline.codes([culprit]) == ["succeeded"]
    assert pipeline.charged() == {}


def test_a_slow_one_of_a_lower_class_is_found_though_people_keep_coming_before_it(pipeline: Pipeline) -> None:
    """Remedy: what is left of a note is tried before who came since."""
    pipeline.one_lane()
    pipeline.connection.execute(SLOW_ONE.format(does=SLEEPS).encode())
    culprit, *people = places(60)
    (id_,) = pipeline.put(new(poison(culprit), command_class=CommandClass.BULK))
    server = Server(pipeline, Seen(answered=True))
    for person in people[:20]:
        pipeline.put(person)
        server.visit()
        server.visit()
    assert pipeline.codes([id_]) == ["command_failed"]


def test_another_worker_goes_on_halving_where_the_first_one_ended(pipeline: Pipeline) -> None:
    ids, culprit = slow(pipeline, SLEEPS)
    Server(pipeline, Seen(answered=True)).visit()
    assert pipeline.row("SELECT ids FROM lane_note") == (ids,)
    other = Server(pipeline, Seen(answered=True))
    other.visit()
    assert len(pipeline.row("SELECT ids FROM lane_note")[0]) < len(ids)
    other.visit_until_done()
    assert pipeline.codes([culprit]) == ["command_failed"]


def test_what_was_slow_once_is_decided_and_charged_nothing(pipeline: Pipeline) -> None:
    ids, _ = slow(pipeline, SLEEPS)
    server = Server(pipeline, Seen(answered=True))
    server.visit()
    pipeline.connection.execute("DROP TRIGGER dawdle ON booking")
    server.visit_until_done()
    assert pipeline.decided_in_order() == ids


def test_a_connection_that_is_lost_once_makes_nobody_a_suspect(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline.one_lane()
    (id_,) = pipeline.put(*places(1))
    server = Server(pipeline, Seen(answered=True))
    with monkeypatch.context() as patch:
        losing(patch, server, id_)
        server.visit()
    assert pipeline.charged() == {}
    server.visit_until_done()
    assert pipeline.codes([id_]) == ["succeeded"]


def test_while_the_database_answers_nobody_nobody_is_charged(pipeline: Pipeline) -> None:
    ids, _ = slow(pipeline, SLEEPS)
    server = Server(pipeline, Seen(answered=False))
    for _ in range(8):
        assert server.visit()
        assert pipeline.charged() == {}
    assert pipeline.undecided() == ids
    pipeline.connection.execute("DROP TRIGGER dawdle ON booking")
    server.visit_until_done()
    assert pipeline.decided_in_order() == ids


@pytest.mark.parametrize("answered", [True, False])
def test_nobody_watches_the_database_after_a_visit_that_failed(pipeline: Pipeline, *, answered: bool) -> None:
    slow(pipeline, SLEEPS)
    probe = Seen(answered=answered)
    assert Server(pipeline, probe).visit()
    assert not probe.watches


@pytest.fixture
def quick_witness(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(witnessing, "LONG_S", 0.05)
    monkeypatch.setattr(witnessing, "EVERY_S", 0.05)
    monkeypatch.setattr(witnessing, "GAP_MAX_S", 0.5)


@pytest.fixture(scope="module")
def own_postgres(tmp_path_factory: pytest.TempPathFactory, prepared_cluster: Path) -> Iterator[PostgresServer]:
    """To be paused and restarted."""
    server = PostgresServer(tmp_path_factory.mktemp("own-postgres"), UNSYNCED, prepared_cluster)
    server.start()
    yield server
    server.child.stop()


def paused(server: PostgresServer, for_s: float) -> None:
    """All of its processes stand still meanwhile."""
    children = Path(f"/proc/{server.child.pid}/task/{server.child.pid}/children").read_text().split()
    pids = [server.child.pid, *map(int, children)]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    wait_until(lambda: time.monotonic() - began > for_s, "it stands still")
    for pid in reversed(pids):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


@pytest.mark.usefixtures("quick_witness")
def test_a_database_that_is_paused_and_restarted_again_and_again_charges_nobody(own_postgres: PostgresServer) -> None:
    """A real probe: while the database stood still it answered nobody, so a timeout does not incriminate the command."""
    pipeline = Pipeline(own_postgres.new_database())
    pipeline.one_lane()
    pipeline.connection.execute(SLOW_ONE.format(does="PERFORM pg_sleep(0.9)").encode())
    (id_,) = pipeline.put(poison(places(1)[0]))
    probe = ProbeThread(lambda: connect_lane(pipeline.url, "holdfast tests probe"))
    server = Server(pipeline, probe, "1s")
    for _ in range(4):
        visit = Background(server.visit)
        wait_until(lambda: sleeps(pipeline.connection), "the batch is under way")
        paused(own_postgres, 1.5)
        visit.join()
        assert pipeline.charged() == {}
    for _ in range(2):
        visit = Background(server.visit)
        wait_until(lambda: sleeps(pipeline.connection), "the batch is under way")
        own_postgres.kill()
        own_postgres.start()
        pipeline.connection = pipeline.connect()
        visit.join()
        assert pipeline.charged() == {}
    server.visit_until_done()
    assert pipeline.codes([id_]) == ["succeeded"]
    probe.close()
    pipeline.close()


@pytest.mark.usefixtures("quick_witness")
def test_a_witness_tells_a_slow_statement_from_a_database_that_stood_still(own_postgres: PostgresServer) -> None:
    url = own_postgres.new_database()
    probe = ProbeThread(lambda: connect_lane(url, "holdfast tests probe"))
    with psycopg.connect(url) as connection:
        probe.begin()
        connection.execute("SELECT pg_sleep(1)")
        assert probe.others_were_answered()
        probe.begin()
        slow_one = Background(lambda: connection.execute("SELECT pg_sleep(0.2)"))
        paused(own_postgres, 1)
        slow_one.join()
        assert not probe.others_were_answered()
        probe.end()
        assert not probe.others_were_answered(), "of nothing"
    probe.close()


def test_on_a_running_stack_a_command_that_always_runs_into_its_timeout_is_parked_and_other_lanes_go_on(
    breakable_stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    """Remedy: several have 2 s, a suspect is tried alone while another worker serves the others, and is charged."""
    stack = breakable_stack
    slow_one = agent_booking(notes=POISON_NOTES)
    with stack.database() as database, anonymous(stack.api_url) as client:
        lane_of = days_lanes(database)

        def elsewhere() -> dict[str, Any]:
            return next(body for body in iter(agent_booking, None) if lane_of(body) != lane_of(slow_one))

        database.execute("CREATE SEQUENCE tried_alone")
        database.execute(SLOW_ONE.format(does=SLOW_ON_A_STACK).encode())
        try:
            with concurrent_bookings(stack, CLIENTS, body=elsewhere) as beside:
                wait_until(lambda: len(beside.took_s) >= 50, "others book before it")
                id_ = client.accept(slow_one)
                found = database.execute("SELECT lane FROM inbox WHERE id = %s", (id_,)).fetchone()
                assert found == (lane_of(slow_one),)
                wait_until(lambda: database.execute(SQL_IS_TRIED_ALONE).fetchone() == (True,), "it is tried alone")
                meanwhile = len(beside.took_s)
                wait_until(lambda: len(beside.took_s) > meanwhile + CLIENTS, "others ask and are booked meanwhile")
                assert database.execute(SQL_ASLEEP).fetchone() == (1,), "it is still being tried"
                outcome = client.outcome(id_, 60)
                during = len(beside.took_s)
                wait_until(lambda: len(beside.took_s) >= during + 50, "others book after it")
        finally:
            (alone,) = database.execute("SELECT last_value FROM tried_alone").fetchone() or (0,)
            database.execute("DROP FUNCTION dawdle CASCADE")
            database.execute("DROP SEQUENCE tried_alone")
    assert (outcome["status"], alone) == ("failed", MAX_ATTEMPTS)
    assert beside.problems == []
    slowest_s = max(beside.took_s)
    record_property(FIGURE, beside.figure(f"a command of 9 s each time; the slowest of them {slowest_s:.1f} s"))


CLIENTS = 4
SQL_IS_TRIED_ALONE = "SELECT is_called FROM tried_alone"
SQL_ASLEEP = """
SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'
"""


SQL_RESOURCE = """
SELECT coalesce(s.resource_id, d.id), i.lanes
FROM installation i, resource d LEFT JOIN service s ON s.name_key = %s AND s.is_named AND s.is_active
WHERE d.kind = 'desk'
"""


def days_lanes(database: psycopg.Connection[Any]) -> Callable[[dict[str, Any]], int]:
    """In which lane such a booking is decided."""
    found = database.execute(SQL_RESOURCE, (agent_booking()["service_name"].casefold(),)).fetchone()
    assert found is not None
    resource, lanes = found
    return lambda body: zlib.crc32(partition_key(resource, date.fromisoformat(body["booking_date"])).encode()) % lanes
