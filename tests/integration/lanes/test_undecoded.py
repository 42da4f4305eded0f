"""Rows of the inbox that a worker cannot decode: newer ones wait for a newer worker, malformed ones are parked.

Neither blocks other commands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from core.domain.commands import Actor, ActorKind, CommandClass, ExpireDue, Place, ReportIntent
from core.domain.payments.values import IntentStatus
from core.domain.versions import SCHEMA_VERSION
from core.engine.due_bookings import send_due
from core.engine.sweep import look, send_canary
from core.store.data_subjects import data_subjects_in, data_subjects_of
from core.store.inbox.lane_batches import BATCH_COMMANDS, BULK_MOST
from core.store.inbox.reading import SQL_READ_LANES, undecoded
from tests.conftest import FIGURE
from tests.support.clients.concurrent_bookings import concurrent_bookings
from tests.support.clients.http_client import admin
from tests.support.engine.lanes import Pipeline, canaries, new, places
from tests.support.engine.withdrawal import UMA, asked_for_an_intent, withdraw
from tests.support.processes.stack import Stack
from tests.support.values import by_phone, envelope, place
from tests.support.wait import wait_until

NEWER = {
    "a newer version": f"version = {SCHEMA_VERSION + 1}",
    "an unknown type": "type = 'from_tomorrow', body = '{\"type\": \"from_tomorrow\"}'",
    "an unknown class": "class = 9",
}
LAPSED_HOLD = """
INSERT INTO user_account (id, username, username_key) VALUES (1, 'uma', 'uma');
INSERT INTO booking (id, public_uuid, contract, user_id, service_name, resource_id, starts_at, ends_at, local_date,
                     local_time, duration_minutes, status, payment_status, command_id, created_at, updated_at,
                     hold_expires_at)
SELECT 1, gen_random_uuid(), 'rooms', 1, '', id, now(), now() + interval '1 hour', '2030-01-01', '10:00', 60, 'held',
       'pending', gen_random_uuid(), now(), now(), now() - interval '1 minute' FROM resource WHERE kind = 'desk'
"""
MALFORMED = {
    "a field is missing": 'body = \'{"type": "place"}\'',
    "a field is of another type": 'body = \'{"type": "place", "person": 7}\'',
    "another type than the row says": 'body = \'{"type": "from_tomorrow"}\'',
    "a value out of range": "body = jsonb_set(body::jsonb, '{status}', '\"dreamt of\"')::json",
    "a phone number with a NUL": 'body = \'{"type": "place", "person": {"phone_key": "\\u0000"}}\'',
    "no object at all": "body = '[]'",
    "nested too deep": "body = (repeat('[', 2000) || repeat(']', 2000))::json",
    "an unknown kind of actor": 'actor = \'{"kind": "robot", "user_id": 1}\'',
    "an actor that is none": "actor = '7'",
}


def encoded(value: msgspec.Struct) -> str:
    return msgspec.json.encode(value).decode()


def spoil(pipeline: Pipeline, how: str, *ids: UUID) -> None:
    pipeline.connection.execute(f"UPDATE inbox SET {how} WHERE id = ANY(%s)".encode(), (list(ids),))


def mend(pipeline: Pipeline, *ids: UUID) -> None:
    """As a worker sees them that knows them."""
    spoil(pipeline, "version = 1, class = 0, type = 'canary', body = '{\"type\": \"canary\"}'", *ids)


@pytest.mark.parametrize("how", NEWER.values(), ids=NEWER)
@pytest.mark.parametrize("lanes", [1, 8])
def test_a_newer_workers_command_waits_for_it_and_stops_nobody(pipeline: Pipeline, how: str, lanes: int) -> None:
    pipeline.lanes(lanes)
    newer, *ids = pipeline.put(*canaries(1), *places(5))
    spoil(pipeline, how, newer)
    worker = pipeline.worker()
    while worker.visit(*range(lanes)).more:
        pass
    assert pipeline.codes(ids) == ["succeeded"] * len(ids)
    assert (pipeline.undecided(), pipeline.charged()) == ([newer], {})
    mend(pipeline, newer)
    while worker.visit(*range(lanes)).more:
        pass
    assert pipeline.codes([newer]) == ["succeeded"]


@pytest.mark.parametrize("command_class", [CommandClass.INTERACTIVE, CommandClass.EXPIRY, CommandClass.BULK])
def test_a_thousand_of_them_at_the_head_of_a_lane_stand_in_nobodys_way(
    pipeline: Pipeline, command_class: CommandClass
) -> None:
    """Remedy: they are left out where rows are read, so that they do not fill what is read at once."""
    pipeline.one_lane()
    newer = pipeline.put(*canaries(1000, command_class=command_class))
    spoil(pipeline, NEWER["an unknown type"], *newer[:500])
    spoil(pipeline, NEWER["a newer version"], *newer[500:])
    ids = pipeline.put(*canaries(10, command_class=command_class))
    assert len(newer) > 2 * BATCH_COMMANDS
    assert not pipeline.worker().visit().more
    assert pipeline.codes(ids) == ["succeeded"] * len(ids)


@pytest.mark.parametrize("how", NEWER.values(), ids=NEWER)
def test_not_one_of_them_is_looked_at_by_those_who_read_the_lane(pipeline: Pipeline, how: str) -> None:
    """Remedy: the lanes' index has what tells them apart."""
    pipeline.one_lane()
    spoil(pipeline, how, *pipeline.put(*canaries(1000)))
    pipeline.put(*canaries(5))
    pipeline.connection.execute("SELECT set_config('holdfast.lanes', '{0}', false)")
    limits = {"limit": BATCH_COMMANDS, "bulk": BULK_MOST}
    explain = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {SQL_READ_LANES}".encode()
    for analyzed in (False, True):
        if analyzed:
            pipeline.connection.execute("VACUUM ANALYZE inbox")
        ([told],) = pipeline.connection.execute(explain, limits).fetchall()[0]
        parts = list(plan_of(told["Plan"]))
        assert told["Plan"]["Actual Rows"] == 5
        assert sum(part.get("Rows Removed by Filter", 0) for part in parts) == 0
        assert {part["Index Name"] for part in parts if "Index Name" in part} == {"inbox_readable_by_lane"}


def plan_of(part: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield part
    for inner in part.get("Plans", ()):
        yield from plan_of(inner)


@pytest.mark.parametrize("lanes", [1, 8])
def test_a_malformed_command_is_parked_and_stops_nobody(pipeline: Pipeline, lanes: int) -> None:
    pipeline.lanes(lanes)
    commands, worker = iter(places(5 * len(MALFORMED))), pipeline.worker()
    for what, how in MALFORMED.items():
        first, *wanted = islice(commands, 5)
        ids = pipeline.put(new(first, reply_to="api-1", actor=Actor(ActorKind.USER, 1)), *wanted)
        spoil(pipeline, how, ids[0])
        told = []
        for _ in range(10):
            turn = worker.visit(*range(lanes))
            told += [(one.envelope.id, one.envelope.reply_to, one.outcome.http_status) for one in turn.parked]
            if not turn.more:
                break
        assert told == [(ids[0], "api-1", 503)], what
        assert pipeline.codes(ids) == ["command_failed"] + ["succeeded"] * len(wanted), what
        assert pipeline.outcomes()[ids[0]][0] == "failed", what
        events = pipeline.rows("SELECT type, is_final FROM event WHERE command_id = %s", ids[0])
        assert events == [("command_failed", True)], what


def test_withdrawing_needs_no_decoding(pipeline: Pipeline) -> None:
    ways = {**NEWER, **MALFORMED}
    for (what, how), id_ in zip(ways.items(), pipeline.put(*places(len(ways))), strict=True):
        spoil(pipeline, how, id_)
        assert withdraw(pipeline, id_) == [True], what
        assert pipeline.codes([id_]) == ["withdrawn"], what
        events = pipeline.rows("SELECT type FROM event WHERE command_id = %s", id_)
        assert events == [("command_withdrawn",)], what


@pytest.mark.parametrize(
    "command",
    [place(), place(person=by_phone("0700123456")), ExpireDue((1, 2))],
    ids=["by id", "by phone", "nobody"],
)
@pytest.mark.parametrize("actor", [Actor(ActorKind.ANONYMOUS), UMA])
def test_the_people_that_a_command_is_about_are_known_without_decoding_it(
    pipeline: Pipeline, command: Place, actor: Actor
) -> None:
    """So that it is found when that person is anonymised."""
    asked = envelope(command, actor)
    (row,) = pipeline.rows(
        "SELECT 0, 1, %s::uuid, '', '', now(), now(), NULL, 0, 0, %s, %s, NULL, 1, 0, NULL, NULL",
        uuid4(),
        encoded(actor),
        encoded(command),
    )
    found = undecoded(row)
    assert data_subjects_in(found.header, found.body) == data_subjects_of(asked)


@pytest.mark.parametrize("what", [*NEWER, *(one for one in MALFORMED if one != "a value out of range")])
def test_a_deferred_command_that_cannot_be_answered_goes_back_into_its_lane(pipeline: Pipeline, what: str) -> None:
    """There a newer worker answers it, or it is parked; the payment goes on without it."""
    worker, id_ = asked_for_an_intent(pipeline)
    worker.visit_until_done()
    (payment_id,) = pipeline.row("SELECT id FROM payment")
    how = {**NEWER, **MALFORMED, "an unknown class": NEWER["a newer version"]}[what]
    spoil(pipeline, how, id_)
    (report,) = pipeline.put(
        new(ReportIntent(payment_id, "pi_1", IntentStatus.REQUIRES_PAYMENT_METHOD, fresh=True), contract="payments")
    )
    worker.visit_until_done()
    assert pipeline.codes([report]) == ["succeeded"]
    worker.visit_until_done()  # the sweep rings for it
    if pipeline.undecided():
        assert what in NEWER
        mend(pipeline, id_)
        worker.visit_until_done()
        assert pipeline.codes([id_]) == ["succeeded"]
    else:
        assert pipeline.codes([id_]) == ["command_failed"]


@pytest.mark.parametrize("how", NEWER.values(), ids=NEWER)
def test_nobody_rings_for_a_newer_workers_command(pipeline: Pipeline, how: str) -> None:
    old = "accepted_at = clock_timestamp() - interval '1 minute'"
    newer, known = pipeline.put(*canaries(1, partition_key="a"), *canaries(1, partition_key="b"))
    spoil(pipeline, f"{how}, {old}", newer)
    spoil(pipeline, old, known)
    assert look(pipeline.connection).lanes == [pipeline.lane_of(known)]


@pytest.mark.parametrize("how", NEWER.values(), ids=NEWER)
def test_a_newer_canary_keeps_no_other_from_being_sent(pipeline: Pipeline, how: str) -> None:
    spoil(pipeline, how, *pipeline.put(*canaries(1)))
    assert send_canary(pipeline.connection, 0) is not None


def test_a_newer_command_of_the_sweep_keeps_no_other_from_being_sent(pipeline: Pipeline) -> None:
    """Else the holds of its lane would never lapse."""
    pipeline.one_lane()
    pipeline.connection.execute(LAPSED_HOLD.encode())
    assert send_due(pipeline.connection).lanes
    assert not send_due(pipeline.connection).lanes
    spoil(pipeline, NEWER["a newer version"], *pipeline.undecided())
    assert send_due(pipeline.connection).lanes


def test_on_a_running_stack_they_are_counted_and_everybody_else_is_served(
    stack: Stack, record_property: Callable[[str, object], None]
) -> None:
    with stack.database() as database, admin(stack.api_url) as staff, concurrent_bookings(stack) as beside:
        put = """
            INSERT INTO inbox (id, lane, slot_crc, class, type, version, contract, request_id, actor, body)
            SELECT gen_random_uuid(), mod(n, lanes), n, 0, 'from_tomorrow', %s, 'agent', 'tests-newer',
                   '{"kind": "engine"}', '{"type": "from_tomorrow"}' FROM installation, generate_series(1, %s) AS n"""
        malformed = put.replace("'from_tomorrow', %s", "'place', %s").replace("-newer", "-malformed")
        try:
            database.execute(put.encode(), (SCHEMA_VERSION, 1000))
            database.execute(put.encode(), (SCHEMA_VERSION + 1, 1000))
            database.execute(malformed.encode(), (SCHEMA_VERSION, 20))
            before = len(beside.took_s)
            wait_until(lambda: len(beside.took_s) >= before + 300, "three hundred others book")
            parked = "SELECT count(*) FROM outcome WHERE request_id = 'tests-malformed' AND status = 'failed'"
            wait_until(lambda: database.execute(parked.encode()).fetchone() == (20,), "the malformed ones are parked")
            answer = staff.get("/readyz")
            assert (answer.status_code, answer.json()["degraded"]) == (200, ["commands for newer workers"])
            assert answer.json()["commands_for_newer_workers"] == 2000
            assert database.execute("SELECT count(*) FROM inbox WHERE request_id = 'tests-newer'").fetchone() == (2000,)
        finally:
            database.execute("DELETE FROM inbox WHERE request_id LIKE 'tests-%'")
    assert not beside.problems
    record_property(FIGURE, beside.figure("2,000 commands for newer workers, 20 malformed"))
