"""Commits that hang: writes are answered in time, with an address, and what is committed after all is decided."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from signal import SIGCONT, SIGSTOP
from typing import Any
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.pq import TransactionStatus

from api.commands import inbox_writer as inbox_module
from api.commands.inbox_entry import Accepted
from api.commands.inbox_writer import InboxWriter
from api.http.errors import Problem
from core.store.connections import bounded as bounds
from core.store.connections.bounded import InDoubt, NoAnswerError, TooManyInDoubtError, UnknownOutcomeError
from core.store.connections.database import API_LIMITS
from tests.support.clients.http_client import ADMIN, admin, agent_booking, anonymous
from tests.support.engine.hanging_commits import END, TOUCH, connected
from tests.support.engine.inbox_api import answers, opened, problem
from tests.support.engine.lanes import Pipeline, canaries, lock_waits
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.wait import until, wait_until

WAIT_S = 3
MARGIN_S = 2.0
BULK = "/api/agent/bookings/bulk/"


def alter(postgres: PostgresServer, *statements: str, expect: str) -> None:
    """System-wide settings, until a new session has `expect` for synchronous_standby_names."""
    with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
        for statement in (*statements, "SELECT pg_reload_conf()"):
            connection.execute(statement.encode())

    def shown() -> str:
        with psycopg.connect(postgres.url("postgres"), autocommit=True) as connection:
            row = connection.execute("SHOW synchronous_standby_names").fetchone()
        assert row is not None
        return str(row[0])

    wait_until(lambda: shown() == expect, f"synchronous_standby_names is {expect!r}")


@contextmanager
def without_its_standby(postgres: PostgresServer, stack: Stack) -> Iterator[None]:
    """Every commit in the stack's database waits for a standby that never comes. Other databases commit as usual."""
    name = sql.Identifier(stack.database_url.rsplit("/", 1)[1])
    setting = sql.SQL("ALTER DATABASE {} SET synchronous_commit = 'on'").format(name)
    alter(postgres, "ALTER SYSTEM SET synchronous_commit = 'local'", expect="")
    with stack.database() as connection:
        connection.execute(setting)
        connection.execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    stack.mend()
    try:
        alter(postgres, "ALTER SYSTEM SET synchronous_standby_names = 'nobody'", expect="nobody")
        yield
    finally:
        alter(postgres, "ALTER SYSTEM RESET synchronous_standby_names", expect="")
        with stack.database() as connection:
            connection.execute(sql.SQL("ALTER DATABASE {} RESET synchronous_commit").format(name))
        alter(postgres, "ALTER SYSTEM RESET synchronous_commit", expect="")


class Timed:
    """An answer, and how long it took."""

    def __init__(self, ask: Callable[[], httpx.Response]) -> None:
        began = time.monotonic()
        self.answer = ask()
        self.took_s = time.monotonic() - began

    @property
    def refusal(self) -> tuple[int, str]:
        return self.answer.status_code, self.answer.json().get("code", "")


def test_writes_whose_commits_hang_are_answered_in_time_and_found_by_their_ids(
    breakable_stack: Stack, postgres: PostgresServer
) -> None:
    stack = breakable_stack
    with admin(stack.api_url) as staff, anonymous(stack.api_url) as client, ThreadPoolExecutor(16) as pool:
        with without_its_standby(postgres, stack):
            bookings = [pool.submit(Timed, lambda: client.book(Prefer=f"wait={WAIT_S}")) for _ in range(4)]
            asynchronous = pool.submit(Timed, lambda: client.book(Prefer=f"respond-async, wait={WAIT_S}"))
            bulk = pool.submit(Timed, lambda: staff.post(BULK, json=[agent_booking()]))
            login = pool.submit(Timed, lambda: httpx.post(f"{stack.api_url}/api/login/", json=ADMIN, timeout=30.0))
            service = {"name": f"Hangs {uuid4().hex[:8]}"}
            catalogue = pool.submit(Timed, lambda: staff.post("/api/admin/services/", json=service))
            reading = pool.submit(Timed, lambda: client.get("/api/services/"))

            commands = [one.result() for one in (*bookings, asynchronous)]
            for one in commands:
                _is_unknown(one, WAIT_S + MARGIN_S)
                assert one.answer.headers["Location"] == f"/api/commands/{one.answer.json()['id']}/"
                assert one.answer.json()["status_url"] == one.answer.headers["Location"]
            for plain in (login.result(), catalogue.result()):
                _is_unknown(plain, bounds.ANSWER_WITHIN_S + 2 * MARGIN_S)
                assert "Location" not in plain.answer.headers
            _is_unknown(bulk.result(), bounds.ANSWER_WITHIN_S + 2 * MARGIN_S)
            assert reading.result().answer.status_code == 200
        for one in commands:
            assert client.outcome(one.answer.json()["id"])["status"] == "succeeded"
        batch = bulk.result().answer.headers["Location"]
        wait_until(lambda: staff.get(batch).json().get("status") == "finished", "the batch is decided")
        listed = "/api/admin/services/?limit=500"
        wait_until(lambda: service["name"] in staff.get(listed).text, "the change was made after all")
        stack.wait_ready()


def _is_unknown(one: Timed, within_s: float) -> None:
    assert one.refusal == (503, "unknown_outcome"), one.answer.text
    assert "Retry-After" in one.answer.headers
    assert one.took_s < within_s, one.answer.text


HANGING = "hangs"
LOCK = 4711
HANGS_FOR_S = 1.5
"""Until who waits is answered: long enough for everything else to be done at once."""
HANG = f"""
CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_advisory_xact_lock_shared({LOCK}); RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER hang AFTER INSERT ON inbox DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW WHEN (NEW.request_id = '{HANGING}') EXECUTE FUNCTION hang();
"""
"""Commits of commands with this request id wait until the test lets them go."""


@pytest.fixture
def hanging(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Call it to release all commits that hang."""
    monkeypatch.setitem(API_LIMITS, "lock_timeout", "60s")
    monkeypatch.setitem(API_LIMITS, "statement_timeout", "60s")
    pipeline.connection.execute(HANG)
    holder = pipeline.connect()
    holder.execute("SELECT pg_advisory_lock(%s)", (LOCK,))

    def let_go() -> None:
        holder.execute("SELECT pg_advisory_unlock(%s)", (LOCK,))

    return let_go


@asynccontextmanager
async def two_that_hang(pipeline: Pipeline, inbox: InboxWriter) -> AsyncIterator[list[UUID]]:
    """Inside the block both usual writers wait for their commits. Both commands are finally answered `unknown_outcome`."""
    commands, accepting = canaries(2, request_id=HANGING), []
    for number, command in enumerate(commands, 1):
        accepting.append(asyncio.create_task(inbox.accept(command, None, HANGS_FOR_S)))
        await until(lambda number=number: lock_waits(pipeline.connection, "holdfast inbox") == number, "it hangs")  # type: ignore[misc]
    yield [one.id for one in commands]
    for command, answer in zip(commands, await asyncio.gather(*accepting, return_exceptions=True), strict=True):
        refused = problem(answer)
        assert (refused.code, refused.headers["Location"]) == ("unknown_outcome", f"/api/commands/{command.id}/")


async def test_commits_that_hang_do_not_hold_up_the_commands_behind_them(
    pipeline: Pipeline, hanging: Callable[[], None]
) -> None:
    quick = canaries(3)
    async with opened(pipeline.url) as inbox:
        async with two_that_hang(pipeline, inbox) as slow:
            assert await answers(inbox, *quick) == [Accepted(one.id, fresh=True) for one in quick]
        hanging()
        expected = {*slow, *(one.id for one in quick)}
        await until(lambda: set(pipeline.undecided()) == expected, "what hung is committed, too")


async def refusal(accepting: Awaitable[Accepted]) -> Problem:
    with pytest.raises(Problem) as refused:
        await accepting
    return refused.value


async def test_so_many_commits_may_hang_and_then_nothing_more_is_sent_until_one_ends(
    pipeline: Pipeline, hanging: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "ANSWER_WITHIN_S", HANGS_FOR_S)
    monkeypatch.setattr(bounds, "IN_DOUBT_MAX", 2)
    in_doubt = InDoubt()
    inbox = InboxWriter(pipeline.url, _nobody_is_rung, in_doubt)
    await inbox.open()
    sent, unsent = canaries(2, request_id=HANGING), canaries(1)[0]
    for answer in await answers(inbox, *sent[:1]) + await answers(inbox, *sent[1:]):
        assert problem(answer).code == "unknown_outcome"
    assert len(in_doubt) == 2
    refused = await refusal(inbox.accept(unsent, None))
    assert (refused.status, refused.code) == (503, "unavailable")
    hanging()
    await until(lambda: len(in_doubt) == 0, "the server has ended what hung")
    again = canaries(1)[0]
    assert (await inbox.accept(again, None)).fresh
    await inbox.close()
    assert set(pipeline.undecided()) == {*(one.id for one in sent), again.id}


async def test_a_command_that_was_not_sent_in_time_never_is(
    pipeline: Pipeline, hanging: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its address is given nevertheless, and finds nothing."""
    monkeypatch.setattr(inbox_module, "WRITERS_MAX", inbox_module.CONNECTIONS)
    late = canaries(1)[0]
    async with opened(pipeline.url) as inbox:
        async with two_that_hang(pipeline, inbox):
            refused = await refusal(inbox.accept(late, None, 0.1))
            assert (refused.code, refused.headers["Location"]) == ("unavailable", f"/api/commands/{late.id}/")
        hanging()
        await until(lambda: len(pipeline.undecided()) == 2, "what hung is committed")
        assert (await inbox.accept(canaries(1)[0], None)).fresh
    assert late.id not in pipeline.undecided()


async def _nobody_is_rung(_lanes: Any) -> None:
    return None


SLEEP = "SELECT pg_sleep(60)"
MARKED = 5
MARK = f"UPDATE installation SET lanes = {MARKED}"
BEFORE_ITS_COMMIT = "SELECT 1"
PSYCOPGS_OWN_S = 4.0
"""It would wait for 5 s, and 5 s more if its cancel request is not answered."""
HANG_TOUCH = """
CREATE CONSTRAINT TRIGGER hang AFTER UPDATE ON installation DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION hang();
"""


async def in_a_transaction(
    connection: bounds.BoundedConnection, *statements: str, before_the_commit: Callable[[], object] = bool
) -> None:
    async with connection.transaction():
        for statement in statements:
            await connection.execute(statement.encode())
        before_the_commit()


async def hung_up(hanging: asyncio.Task[None]) -> None:
    """As the server does with a request whose client hangs up."""
    hanging.cancel()
    with pytest.raises(asyncio.CancelledError):
        await hanging


async def test_a_commit_whose_client_hung_up_continues_at_the_server(
    pipeline: Pipeline, hanging: Callable[[], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "HUNG_UP_WITHIN_S", 0.1)
    pipeline.connection.execute(HANG_TOUCH)
    in_doubt = InDoubt()
    async with connected(pipeline.url, in_doubt) as connection:
        commit = asyncio.create_task(in_a_transaction(connection, MARK))
        await until(lambda: lock_waits(pipeline.connection, "holdfast api") == 1, "it hangs")
        await hung_up(commit)
        assert (connection.closed, len(in_doubt)) == (True, 1)
        hanging()
        await until(lambda: len(in_doubt) == 0, "the server has ended what hung")
        assert pipeline.row("SELECT lanes FROM installation") == (MARKED,)


@pytest.mark.parametrize("statements", [(MARK, SLEEP), (MARK, BEFORE_ITS_COMMIT)], ids=["statement", "commit"])
async def test_a_request_whose_client_hung_up_is_not_waited_for_long_though_the_server_stands_still(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, statements: tuple[str, ...]
) -> None:
    monkeypatch.setattr(bounds, "HUNG_UP_WITHIN_S", 0.1)
    in_doubt = InDoubt()
    async with connected(pipeline.url, in_doubt) as connection:
        pid = connection.info.backend_pid
        is_commit = statements[-1] is BEFORE_ITS_COMMIT
        stop = partial(os.kill, pid, SIGSTOP)
        work = in_a_transaction(connection, *statements, before_the_commit=stop if is_commit else bool)
        hanging = asyncio.create_task(work)
        if is_commit:
            await until(lambda: connection.pgconn.transaction_status == TransactionStatus.ACTIVE, "it commits")
        else:
            await until(lambda: sleeps(pipeline), "it sleeps")
            stop()
        began = time.monotonic()
        await hung_up(hanging)
        os.kill(pid, SIGCONT)
        assert time.monotonic() - began < PSYCOPGS_OWN_S
        assert (connection.closed, len(in_doubt)) == (True, int(is_commit))


def sleeps(pipeline: Pipeline) -> bool:
    sql = "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'"
    return bool(pipeline.rows(sql))


@pytest.mark.parametrize("statement", [SLEEP, f"{TOUCH} RETURNING (SELECT pg_sleep(60))"])
async def test_a_statement_that_hangs_says_whether_it_may_have_changed_something(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, statement: str
) -> None:
    in_doubt = InDoubt()
    async with connected(pipeline.url, in_doubt) as connection:
        monkeypatch.setattr(bounds, "ANSWER_WITHIN_S", 0.2)
        with pytest.raises(NoAnswerError if statement is SLEEP else UnknownOutcomeError):
            await connection.execute(statement.encode())
        assert connection.closed
        assert len(in_doubt) == (0 if statement is SLEEP else 1)


async def test_a_transaction_that_hangs_before_its_commit_has_changed_nothing(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with connected(pipeline.url, InDoubt()) as connection:
        monkeypatch.setattr(bounds, "ANSWER_WITHIN_S", HANGS_FOR_S)
        with pytest.raises(NoAnswerError):
            await in_a_transaction(connection, TOUCH, SLEEP)


@pytest.mark.parametrize(
    ("statement", "expected"), [("SELECT 1", psycopg.OperationalError), (TOUCH, UnknownOutcomeError)]
)
async def test_a_connection_lost_in_a_commit_leaves_only_changes_in_doubt(
    pipeline: Pipeline, statement: str, expected: type[Exception]
) -> None:
    async with connected(pipeline.url, InDoubt()) as connection:
        pid = connection.info.backend_pid
        with pytest.raises(psycopg.OperationalError) as raised:
            await in_a_transaction(connection, statement, before_the_commit=lambda: pipeline.rows(END, pid))
        assert isinstance(raised.value, UnknownOutcomeError) is (expected is UnknownOutcomeError)


async def test_while_too_many_commits_hang_reads_go_on(pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "IN_DOUBT_MAX", 0)
    async with connected(pipeline.url, InDoubt()) as connection:
        await connection.execute("SELECT 1")
        with pytest.raises(TooManyInDoubtError):
            await connection.execute(TOUCH)
        with pytest.raises(TooManyInDoubtError):
            await in_a_transaction(connection, TOUCH)
        await connection.execute("SELECT lanes FROM installation FOR UPDATE")
