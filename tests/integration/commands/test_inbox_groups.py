"""Accepting: groups that isolate, connections that break in a commit, and keys that two requests race for."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import psycopg
import pytest

from api.commands import inbox_writer as inbox_module
from api.commands.inbox_entry import Accepted
from api.commands.inbox_writer import GROUP_ENOUGH, InboxWriter
from api.http.errors import Problem
from core.store.connections.database import API_LIMITS
from core.store.connections.round_trip import AsyncRoundTrip
from core.store.inbox.acceptance import IdempotencyKey
from tests.support.engine.inbox_api import Rung, answers, key, opened, problem
from tests.support.engine.lanes import Pipeline, canaries, holding, lock_waits, new, places
from tests.support.wait import until

UNSTORABLE = "a\x00b"
BLOCK = "LOCK TABLE inbox IN SHARE MODE"


async def test_many_requests_at_once_are_all_on_disk_in_the_order_they_came(pipeline: Pipeline) -> None:
    rung = Rung()
    async with opened(pipeline.url, rung) as inbox:
        commands = [new(place) for place in places(400)]
        accepted = await answers(inbox, *commands)
    assert accepted == [Accepted(one.id, fresh=True) for one in commands]
    assert set(pipeline.undecided()) == {one.id for one in commands}
    lanes = {lane for (lane,) in pipeline.rows("SELECT DISTINCT lane FROM inbox")}
    assert set().union(*rung.lanes) == lanes
    assert len(rung.lanes) < 50


async def test_requests_that_come_turn_by_turn_of_the_event_loop_are_written_together(pipeline: Pipeline) -> None:
    """What is being read while the first waits joins it, up to as many as share the cost of a group."""
    rung, commands = Rung(), canaries(GROUP_ENOUGH)
    async with opened(pipeline.url, rung) as inbox:
        accepting = []
        for command in commands:
            accepting.append(asyncio.create_task(inbox.accept(command, None)))
            await asyncio.sleep(0)
        await asyncio.gather(*accepting)
    assert len(rung.lanes) == 1
    assert pipeline.undecided() == [one.id for one in commands]


async def test_a_command_that_postgresql_refuses_for_its_data_fails_alone(pipeline: Pipeline) -> None:
    """Remedy: a refused group is written again one by one."""
    good = canaries(20)
    bad = new(good[0].command, request_id=UNSTORABLE)
    async with opened(pipeline.url) as inbox:
        found = await answers(inbox, *good[:10], bad, *good[10:])
        again = await inbox.accept(canaries(1)[0], None)
    refused = problem(found.pop(10))
    assert (refused.status, refused.code) == (400, "unstorable")
    assert found == [Accepted(one.id, fresh=True) for one in good]
    assert again.fresh
    assert len(pipeline.undecided()) == 21


async def test_a_commit_whose_answer_was_lost_is_found_by_its_id(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Remedy: a connection lost during the commit leaves a command unknown, so it is looked up."""
    commands, breaks = canaries(3), [1]
    written = AsyncRoundTrip.__aexit__

    async def breaking(trip: AsyncRoundTrip, *problem: Any) -> None:
        await written(trip, *problem)
        if breaks[0] > 0:
            breaks[0] -= 1
            raise psycopg.OperationalError("the answer was lost")

    monkeypatch.setattr(AsyncRoundTrip, "__aexit__", breaking)
    async with opened(pipeline.url) as inbox:
        found = await answers(inbox, *commands)
    assert found == [Accepted(one.id, fresh=True) for one in commands]
    assert pipeline.undecided() == [one.id for one in commands]
    assert breaks == [0]


async def test_a_connection_killed_in_a_commit_leaves_503_with_the_commands_address_and_no_row(
    pipeline: Pipeline,
) -> None:
    commands = canaries(3)
    async with opened(pipeline.url) as inbox:
        with holding(pipeline.url, BLOCK):
            accepting = asyncio.create_task(answers(inbox, *commands))
            await until(lambda: lock_waits(pipeline.connection, "holdfast inbox") > 0, "the commit waits")
            pipeline.rows(
                "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
                " WHERE application_name = 'holdfast inbox' AND datname = current_database() AND wait_event_type = 'Lock'"
            )
            found = await accepting
        for answer, command in zip(found, commands, strict=True):
            refused = problem(answer)
            assert refused.status == 503
            assert refused.headers["Location"] == f"/api/commands/{command.id}/"
            assert "Retry-After" in refused.headers
        assert (await inbox.accept(canaries(1)[0], None)).fresh
    assert len(pipeline.undecided()) == 1


async def test_a_connection_that_was_lost_while_nobody_used_it_costs_nobody_anything(pipeline: Pipeline) -> None:
    async with opened(pipeline.url) as inbox:
        before = canaries(2)
        await answers(inbox, *before)
        pipeline.rows(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE application_name = 'holdfast inbox' AND datname = current_database()"
        )
        after = canaries(2)
        assert await answers(inbox, *after) == [Accepted(one.id, fresh=True) for one in after]
    assert pipeline.undecided() == [one.id for one in (*before, *after)]


async def test_while_the_database_is_away_nothing_is_accepted_and_afterwards_everything_is(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(pipeline.url) as inbox:
        with monkeypatch.context() as patch:
            patch.setattr(inbox, "_url", "host=127.0.0.1 port=1 connect_timeout=1")
            refused = problem((await answers(inbox, *canaries(1)))[0])
        assert (refused.status, refused.headers.get("Location")) == (503, None)
        assert (await inbox.accept(canaries(1)[0], None)).fresh
    assert len(pipeline.undecided()) == 1


async def test_a_database_that_keeps_the_inbox_waiting_too_long_has_accepted_nothing(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No address to look it up under: a statement that timed out is known to have left nothing."""
    monkeypatch.setitem(API_LIMITS, "lock_timeout", "50ms")
    async with opened(pipeline.url) as inbox:
        with holding(pipeline.url, BLOCK):
            refused = problem((await answers(inbox, *canaries(1)))[0])
        assert (refused.status, refused.headers.get("Location")) == (503, None)
        assert pipeline.undecided() == []
        assert (await inbox.accept(canaries(1)[0], None)).fresh


async def test_a_key_that_another_transaction_is_writing_holds_up_its_own_request_alone(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(API_LIMITS, "lock_timeout", "200ms")
    taken = "INSERT INTO idempotency_key (scope, key, body_hash, command_id) VALUES (%s, %s, %s, %s)"
    waits, plain, free = (new(place) for place in places(3))
    async with opened(pipeline.url) as inbox:
        with psycopg.connect(pipeline.url) as other:
            other.execute(taken, ("user:1", key().key, b"body", waits.id))
            asked = ((waits, key()), (plain, None), (free, key("another key of sixteen")))
            told = await asyncio.gather(*(inbox.accept(*one) for one in asked), return_exceptions=True)
            other.rollback()
    assert told[1:] == [Accepted(plain.id, fresh=True), Accepted(free.id, fresh=True)]
    assert (problem(told[0]).status, problem(told[0]).code) == (503, "unavailable")
    assert "Retry-After" in problem(told[0]).headers
    assert set(pipeline.undecided()) == {plain.id, free.id}


async def test_two_processes_that_race_for_a_key_follow_one_winner(pipeline: Pipeline) -> None:
    """Remedy: the key is inserted with the command; the loser of the race follows the winner."""
    async with opened(pipeline.url) as here, opened(pipeline.url) as there:
        for round_ in range(20):
            first, second = canaries(2)
            name = f"a-key-of-round-{round_:04}"
            found = await asyncio.gather(here.accept(first, key(name)), there.accept(second, key(name)))
            assert sorted(one.fresh for one in found) == [False, True]
            assert found[0].command_id == found[1].command_id
    assert len(pipeline.undecided()) == 20


async def test_a_key_given_twice_in_one_group_makes_one_command(pipeline: Pipeline) -> None:
    async with opened(pipeline.url) as inbox:
        found = await asyncio.gather(*(inbox.accept(one, key()) for one in canaries(10)))
    assert len({one.command_id for one in found}) == 1
    assert [one.fresh for one in found].count(True) == 1
    assert len(pipeline.undecided()) == 1


async def test_a_key_with_another_body_is_refused_and_the_first_stands(pipeline: Pipeline) -> None:
    first, second = canaries(2)
    async with opened(pipeline.url) as inbox:
        accepted = await inbox.accept(first, key())
        with pytest.raises(Problem) as refused:
            await inbox.accept(second, key(body=b"another"))
    assert (refused.value.status, refused.value.code) == (422, "idempotency_key_reused")
    assert pipeline.undecided() == [accepted.command_id]


async def test_the_same_key_in_another_scope_is_another_key(pipeline: Pipeline) -> None:
    async with opened(pipeline.url) as inbox:
        for scope in ("user:1", "user:2"):
            assert (await inbox.accept(canaries(1)[0], IdempotencyKey(scope, "k" * 16, b"body"))).fresh


async def test_a_refused_command_leaves_its_key_free(pipeline: Pipeline) -> None:
    bad = new(canaries(1)[0].command, request_id=UNSTORABLE)
    async with opened(pipeline.url) as inbox:
        with pytest.raises(Problem):
            await inbox.accept(bad, key())
        assert (await inbox.accept(canaries(1)[0], key())).fresh


async def test_a_client_that_hangs_up_before_its_command_is_written_leaves_nothing(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox_module, "WRITERS_MAX", inbox_module.CONNECTIONS)
    under_way, given_up, behind = canaries(2), canaries(1)[0], canaries(1)[0]
    async with opened(pipeline.url) as inbox:
        with holding(pipeline.url, BLOCK):
            writing = [asyncio.create_task(inbox.accept(one, None)) for one in under_way[:1]]
            await until(lambda: lock_waits(pipeline.connection, "holdfast inbox") == 1, "one connection waits")
            writing += [asyncio.create_task(inbox.accept(one, None)) for one in under_way[1:]]
            await until(lambda: lock_waits(pipeline.connection, "holdfast inbox") == 2, "both do")
            hanging_up = asyncio.create_task(inbox.accept(given_up, None))
            last = asyncio.create_task(inbox.accept(behind, None))
            await until(lambda: len(inbox._waiting) == 2, "both stand in the queue")
            hanging_up.cancel()
        await asyncio.gather(*writing, last)
    assert set(pipeline.undecided()) == {one.id for one in under_way} | {behind.id}


async def test_a_client_that_hangs_up_while_its_command_is_written_disturbs_nobody(pipeline: Pipeline) -> None:
    given_up, other = canaries(2)
    async with opened(pipeline.url) as inbox:
        with holding(pipeline.url, BLOCK):
            tasks = [asyncio.create_task(inbox.accept(one, None)) for one in (given_up, other)]
            await until(lambda: lock_waits(pipeline.connection, "holdfast inbox") > 0, "the commit waits")
            tasks[0].cancel()
        assert (await tasks[1]).fresh
    assert set(pipeline.undecided()) == {given_up.id, other.id}


async def test_a_bug_while_a_group_is_written_does_not_stop_the_inbox(pipeline: Pipeline) -> None:
    unspeakable = new(canaries(1)[0].command, request_id="\ud800")
    async with opened(pipeline.url) as inbox:
        assert problem((await answers(inbox, unspeakable))[0]).status == 503
        found = await answers(inbox, *canaries(8))
    assert all(isinstance(one, Accepted) for one in found)


async def test_the_queue_in_memory_is_bounded(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "WAITING_MAX", 2)
    inbox = InboxWriter(pipeline.url, Rung())
    waiting = [asyncio.create_task(inbox.accept(one, None)) for one in canaries(2)]
    await until(lambda: len(inbox._waiting) == 2, "two wait")
    with pytest.raises(Problem) as refused:
        await inbox.accept(canaries(1)[0], None)
    assert refused.value.status == 503
    await inbox.open()
    assert all(one.fresh for one in await asyncio.gather(*waiting))
    await inbox.close()


async def test_accepted_ids_are_the_rows_ids(pipeline: Pipeline) -> None:
    async with opened(pipeline.url) as inbox:
        accepted = await inbox.accept(canaries(1)[0], None)
    found: list[UUID] = pipeline.undecided()
    assert found == [accepted.command_id]


async def test_a_session_that_forgot_its_statements_prepares_them_again(pipeline: Pipeline) -> None:
    """As behind a pooler that gives a client another server, or after DISCARD ALL."""
    async with opened(pipeline.url) as inbox:
        for command in canaries(4):  # by turns over all of its connections
            await inbox.accept(command, None)
        for connection in inbox._connections:
            await connection.execute("DEALLOCATE ALL")
        for command in canaries(4):
            assert await answers(inbox, command) == [Accepted(command.id, fresh=True)]


@pytest.mark.parametrize(
    ("broken", "mended"),
    [
        ("ALTER TABLE inbox RENAME COLUMN contract TO gone", "ALTER TABLE inbox RENAME COLUMN gone TO contract"),
        ("ALTER TABLE inbox RENAME TO gone", "ALTER TABLE gone RENAME TO inbox"),
        (
            "ALTER TABLE inbox ALTER attempts SET NOT NULL, ALTER attempts DROP DEFAULT",
            "ALTER TABLE inbox ALTER attempts SET DEFAULT 0",
        ),
    ],
    ids=["no such column", "no such table", "a column more that must be filled"],
)
async def test_a_schema_that_does_not_fit_makes_no_good_request_a_bad_one(
    pipeline: Pipeline, broken: str, mended: str
) -> None:
    async with opened(pipeline.url) as inbox:
        await answers(inbox, *canaries(2))
        pipeline.connection.execute(broken)
        refused = [problem(one) for one in await answers(inbox, *canaries(3))]
        pipeline.connection.execute(mended)
        again = await answers(inbox, *canaries(3))
    assert {(one.status, one.code, one.headers.get("Location")) for one in refused} == {(503, "unavailable", None)}
    assert all(isinstance(one, Accepted) for one in again)
    assert len(pipeline.undecided()) == 5


async def test_an_id_that_is_on_disk_already_is_accepted_and_disturbs_nobody(pipeline: Pipeline) -> None:
    first, *others = canaries(4)
    async with opened(pipeline.url) as inbox:
        await inbox.accept(first, None)
        found = await answers(inbox, *others[:1], first, *others[1:])
    assert [one.command_id for one in found if isinstance(one, Accepted)] == [
        one.id for one in (*others[:1], first, *others[1:])
    ]
