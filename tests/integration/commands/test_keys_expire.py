"""An idempotency key stands for its request for 48 hours, whether or not its row is deleted then, and never outlives
the outcome."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from api.commands.inbox_entry import Accepted
from api.http.errors import Problem
from core.store.maintenance.retention import IDEMPOTENCY_HOURS
from tests.support.clients.bulks import accepted, finished, new_services, rows_for, send
from tests.support.clients.http_client import Client, agent_booking
from tests.support.engine.inbox_api import key, opened
from tests.support.engine.lanes import Pipeline, canaries
from tests.support.processes.stack import Stack

AGE = "UPDATE idempotency_key SET created_at = clock_timestamp() - make_interval(hours => %s) WHERE key = %s"


async def test_an_expired_key_names_the_new_request_also_while_its_row_is_there(pipeline: Pipeline) -> None:
    first, second, third = canaries(3)
    async with opened(pipeline.url) as inbox:
        await inbox.accept(first, key())
        pipeline.connection.execute(AGE, (IDEMPOTENCY_HOURS + 1, key().key))
        assert await inbox.accept(second, key(body=b"another")) == Accepted(second.id, fresh=True)
        assert await inbox.accept(third, key(body=b"another")) == Accepted(second.id, fresh=False)
        with pytest.raises(Problem, match="used with another request"):
            await inbox.accept(third, key())
    assert pipeline.undecided() == [first.id, second.id]


async def test_a_key_that_is_not_expired_yet_names_the_first_request(pipeline: Pipeline) -> None:
    first, second = canaries(2)
    async with opened(pipeline.url) as inbox:
        await inbox.accept(first, key())
        pipeline.connection.execute(AGE, (IDEMPOTENCY_HOURS - 1, key().key))
        assert await inbox.accept(second, key()) == Accepted(first.id, fresh=False)
    assert pipeline.undecided() == [first.id]


async def test_many_requests_that_find_one_expired_key_make_one_command(pipeline: Pipeline) -> None:
    old = canaries(1)
    async with opened(pipeline.url) as one, opened(pipeline.url) as another:
        await one.accept(old[0], key())
        pipeline.connection.execute(AGE, (IDEMPOTENCY_HOURS + 1, key().key))
        inboxes = [one, another] * 10
        found = await asyncio.gather(*(inbox.accept(canaries(1)[0], key()) for inbox in inboxes))
    assert len({one.command_id for one in found}) == 1
    assert [one.fresh for one in found].count(True) == 1
    assert len(pipeline.undecided()) == 2


async def test_a_key_whose_command_is_gone_names_the_new_request(pipeline: Pipeline) -> None:
    first, *others = canaries(5)
    async with opened(pipeline.url) as inbox:
        await inbox.accept(first, key())
        pipeline.connection.execute("DELETE FROM inbox")
        found = await asyncio.gather(*(inbox.accept(one, key()) for one in others))
    assert len({one.command_id for one in found}) == 1
    assert [one.fresh for one in found].count(True) == 1
    assert pipeline.undecided() == [found[0].command_id]


def test_a_retry_of_a_request_whose_outcome_is_gone_is_never_sent_to_an_address_that_is_a_404(
    stack: Stack, client: Client
) -> None:
    name, body = uuid4().hex, agent_booking()
    answer = client.book(body, Idempotency_Key=name, Prefer="respond-async")
    client.outcome(answer.json()["id"])
    with stack.database() as connection:
        connection.execute("DELETE FROM outcome WHERE id = %s", (answer.json()["id"],))
    again = client.book(body, Idempotency_Key=name, Prefer="respond-async")
    assert again.status_code == 202
    assert client.get(again.headers["Location"]).status_code == 200
    assert again.json()["id"] != answer.json()["id"]
    assert client.outcome(again.json()["id"])["status"] == "rejected", "its own booking has the time"


@pytest.mark.parametrize("loss", ["bulk gone", "key expired"])
def test_a_bulks_retry_is_never_written_without_its_key(stack: Stack, staff: Client, loss: str) -> None:
    name, rows = f"bulk-{uuid4()}", rows_for(new_services(stack, 2), 4)
    first = accepted(send(staff, rows, Idempotency_Key=name))
    assert finished(staff, first)["succeeded"] == 4
    with stack.database() as connection:
        if loss == "bulk gone":
            connection.execute("DELETE FROM bulk WHERE id = %s", (first,))
        else:
            connection.execute(AGE, (IDEMPOTENCY_HOURS + 1, name))
    second = accepted(send(staff, rows, Idempotency_Key=name))
    assert second != first
    assert accepted(send(staff, rows, Idempotency_Key=name)) == second
    with stack.database() as connection:
        owner = connection.execute("SELECT command_id::text FROM idempotency_key WHERE key = %s", (name,)).fetchall()
    assert owner == [(second,)]
