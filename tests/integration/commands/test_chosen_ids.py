"""Ids that the front door chooses: each finds its request's one command, and nobody else can choose an id."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import falcon.asgi
import falcon.testing
import httpx
import pytest
from msgspec.structs import replace

from api.commands.commands import take_chosen_id
from api.commands.inbox_entry import Accepted
from api.http.request_context import RequestContext
from core.domain.commands import Actor, ActorKind
from core.store.inbox.acceptance import enqueue
from tests.support.clients.http_client import ADMIN, Client, agent_booking
from tests.support.engine.inbox_api import answers, key, opened
from tests.support.engine.lanes import Pipeline, new, places
from tests.support.processes.stack import Stack

BULK = "/api/agent/bookings/bulk/"
NAMED = "Holdfast-Command"


def named(id_: UUID, **headers: str) -> dict[str, str]:
    """As the front door sends it; tests ask the API from an address that it trusts."""
    return {NAMED: str(id_), **headers}


def test_a_command_is_found_under_the_id_that_the_front_door_chose(client: Client) -> None:
    id_ = uuid4()
    answer = client.post("/api/agent/booking/create/", json=agent_booking(), headers=named(id_))
    assert (answer.status_code, answer.headers[NAMED]) == (201, str(id_))
    assert client.outcome(str(id_))["response"]["body"] == answer.json()


def test_a_request_that_comes_twice_makes_one_command(client: Client) -> None:
    """Before it is decided, and after."""
    for prefer in ("respond-async", "wait=10"):
        id_, body = uuid4(), agent_booking()
        path, headers = "/api/agent/booking/create/", named(id_, Prefer=prefer)
        first, second = (client.post(path, json=body, headers=headers) for _ in range(2))
        assert {first.headers[NAMED], second.headers[NAMED]} == {str(id_)}
        assert (first.status_code, first.json()) == (second.status_code, second.json())
        assert client.outcome(str(id_))["status"] == "succeeded"


def test_another_request_with_a_known_id_gets_an_id_of_its_own(client: Client) -> None:
    """Decided or not, it does not learn what became of the first."""
    for prefer in ("respond-async", "wait=10"):
        id_ = uuid4()
        path, headers = "/api/agent/booking/create/", named(id_, Prefer=prefer)
        client.post(path, json=agent_booking(), headers=headers).raise_for_status()
        other = client.post(path, json=agent_booking(), headers=headers)
        assert other.headers[NAMED] != str(id_)
        assert client.outcome(other.headers[NAMED])["status"] == "succeeded"


@pytest.mark.parametrize(
    "sent",
    [
        "",
        "1",
        "f6428016-ec2d-11f1-991a-02fc00000001",  # of version 1: made of a clock and an address
        "0BEC5FB9-CE54-4906-B99E-11BD8777166C",
        "95e15b7e-930d-4816-a8cf-150e2bea62ffx",
        "{2f366f89-b298-4b92-a342-cc553e0f0678}",
    ],
)
def test_what_is_no_random_id_is_not_taken(client: Client, sent: str) -> None:
    answer = client.post("/api/agent/booking/create/", json=agent_booking(), headers={NAMED: sent})
    assert answer.status_code == 201
    assert UUID(answer.headers[NAMED]).version == 4
    assert answer.headers[NAMED] != sent.lower()


def test_a_batch_is_found_under_the_id_that_the_front_door_chose(staff: Client) -> None:
    for mode in ("each", "all_or_nothing"):
        id_, rows = uuid4(), [agent_booking(), agent_booking()]
        sent = [staff.post(f"{BULK}?mode={mode}", json=rows, headers=named(id_)) for _ in range(2)]
        assert [one.json()["batch_id"] for one in sent] == [str(id_)] * 2
        other = staff.post(f"{BULK}?mode={mode}", json=rows[:1], headers=named(id_))
        assert other.json()["batch_id"] not in {None, str(id_)}


def test_a_request_that_makes_no_command_leaves_nothing_under_its_id(stack: Stack, staff: Client) -> None:
    id_ = uuid4()
    httpx.post(f"{stack.api_url}/api/login/", json=ADMIN, headers=named(id_)).raise_for_status()
    answer = staff.get(f"/api/commands/{id_}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "command_not_found")


async def test_only_the_same_command_of_the_same_owner_is_followed(pipeline: Pipeline) -> None:
    first, second = places(2)
    owner, other_user = Actor(ActorKind.USER, 1), Actor(ActorKind.USER, 2)
    sent = new(first, actor=owner, has_chosen_id=True)
    twins = [
        new(first, id=sent.id, actor=owner, has_chosen_id=True),
        new(first, id=sent.id, actor=other_user, has_chosen_id=True),
        new(second, id=sent.id, actor=owner, has_chosen_id=True),
        new(first, id=sent.id, actor=owner, has_chosen_id=True, contract="appointments"),
    ]
    async with opened(pipeline.url) as inbox:
        together = await answers(inbox, sent, *twins)
        assert together[:2] == [Accepted(sent.id, fresh=True)] * 2
        others = {one.command_id for one in together[2:] if isinstance(one, Accepted)}
        assert len(others - {sent.id}) == 3
        assert set(pipeline.undecided()) == {sent.id, *others}


async def test_a_key_never_leads_to_another_users_command_whose_id_was_sent_again(pipeline: Pipeline) -> None:
    (place,) = places(1)
    first = new(place, actor=Actor(ActorKind.USER, 2), has_chosen_id=True)
    async with opened(pipeline.url) as inbox:
        await inbox.accept(first, None)
        pipeline.worker().visit_until_done(pipeline.lane_of(first.id))
        assert pipeline.undecided() == []
        again = new(place, id=first.id, actor=Actor(ActorKind.USER, 1), has_chosen_id=True)
        accepted = await inbox.accept(again, key())
        assert accepted.command_id != first.id
        retried = await inbox.accept(new(place, actor=Actor(ActorKind.USER, 1)), key())
    assert retried == Accepted(accepted.command_id, fresh=False)


@pytest.mark.parametrize(("proxies", "is_taken"), [(("127.0.0.1",), True), (("192.0.2.0/24",), False), ((), False)])
def test_only_a_configured_proxy_may_choose(proxies: tuple[str, ...], *, is_taken: bool) -> None:
    """A client's own header is ignored, even if it comes through a proxy that is trusted otherwise."""
    id_ = uuid4()
    headers = named(id_) | {"X-Forwarded-For": "198.51.100.7"}
    req = falcon.testing.create_asgi_req(headers=headers, remote_addr="127.0.0.1")
    asyncio.run(RequestContext(proxies).process_request(req, falcon.asgi.Response()))
    assert take_chosen_id(req) == (id_ if is_taken else None)
    assert take_chosen_id(req) is None


def test_an_id_whose_command_is_being_decided_is_not_written_again(pipeline: Pipeline) -> None:
    """Whoever writes it meanwhile waits for no lane: the row would be free once the lane has moved it."""
    first, second = (new(place, has_chosen_id=True) for place in places(2))
    pipeline.put(first)
    writer = pipeline.connect()
    writer.execute("SET lock_timeout = '5s'")
    deciding = pipeline.connect()
    with deciding.transaction():
        deciding.execute("DELETE FROM inbox WHERE id = %s", (first.id,))
        assert enqueue(writer, [replace(second, id=first.id)]) == []
