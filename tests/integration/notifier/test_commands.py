"""`/ws/commands/`: outcomes pushed to those who may read them, as the poll answers them."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest

from core.domain.commands import Actor, ActorKind, PersonById, Place
from core.store.inbox.acceptance import NewCommand
from core.store.inbox.outcomes import SQL_LOOK_UP, CommandRecord
from core.wire.outcomes import command_status
from tests.integration.notifier.conftest import Narrowed
from tests.support.engine.lanes import Pipeline, new, places
from tests.support.notifier import STAFF, USER, Running, at, tell

COMMANDS = "/ws/commands/"


@pytest.fixture
def limits(limits: Narrowed) -> Narrowed:
    return {**limits, "watched_commands": 3}


def polled(pipeline: Pipeline, id_: UUID) -> Any:
    row = pipeline.connection.execute(SQL_LOOK_UP, {"id": id_}).fetchone()
    assert row is not None
    return json.loads(command_status(CommandRecord(*row)))


def of(user_id: int, command: Place) -> NewCommand:
    """The same wish, of a user for themselves."""
    mine = msgspec.structs.replace(command, person=PersonById(user_id))
    return new(mine, actor=Actor(ActorKind.USER, user_id))


def test_the_owner_hears_the_outcome_as_the_poll_answers_it(pipeline: Pipeline, running: Running) -> None:
    with running.listen(COMMANDS, running.cookie(USER)) as owner:
        (id_,) = pipeline.put(of(USER, places(1)[0]))
        tell(pipeline)
        message = owner.next_of("command_finished")
    assert message["data"] == polled(pipeline, id_)
    assert message["data"]["response"]["status"] == 201
    assert message["position"].endswith("-1")


def test_refusals_are_outcomes_too(pipeline: Pipeline, running: Running) -> None:
    with running.listen(COMMANDS, running.cookie(USER)) as owner:
        (command,) = places(1)
        pipeline.put(command, of(USER, command))
        tell(pipeline)
        message = owner.next_of("command_finished")
    assert (message["data"]["status"], message["data"]["response"]["status"]) == ("rejected", 409)


def test_nobody_else_hears_it(pipeline: Pipeline, running: Running) -> None:
    with running.listen(COMMANDS, running.cookie(STAFF)) as staff, running.listen(COMMANDS) as anonymous:
        pipeline.put(of(USER, places(1)[0]))
        tell(pipeline)
        assert staff.hears_nothing()
        assert anonymous.hears_nothing()


def test_outcomes_are_resumed(pipeline: Pipeline, running: Running) -> None:
    theirs, mine = places(2)
    pipeline.put(theirs)
    (id_,) = pipeline.put(of(USER, mine))
    tell(pipeline)
    running.catch_up_with(pipeline)
    path = at(COMMANDS, f"{running.notifier.hub.epoch}-0")
    with running.listen(path, running.cookie(USER)) as owner:
        assert owner.next_of("command_finished")["data"]["id"] == str(id_)
        assert owner.hears_nothing()


def test_an_anonymous_command_may_be_watched_by_anybody_with_its_id(pipeline: Pipeline, running: Running) -> None:
    (id_,) = pipeline.put(places(1)[0])
    with running.listen(COMMANDS) as anonymous:
        anonymous.send(type="watch", command_id=str(id_))
        assert anonymous.hears_nothing()
        tell(pipeline)
        assert anonymous.next_of("command_finished")["data"] == polled(pipeline, id_)
        assert anonymous.hears_nothing()


def test_a_decided_command_is_answered_at_once(pipeline: Pipeline, running: Running) -> None:
    (id_,) = pipeline.put(places(1)[0])
    pipeline.worker().visit_until_done()
    with running.listen(COMMANDS) as anonymous:
        anonymous.send(type="watch", command_id=str(id_))
        assert anonymous.next_of("command_finished")["data"] == polled(pipeline, id_)
        tell(pipeline)  # numbered only now: it is not told twice
        assert anonymous.hears_nothing()


def test_a_command_of_somebody_else_cannot_be_watched_but_by_staff(pipeline: Pipeline, running: Running) -> None:
    (id_,) = pipeline.put(of(USER, places(1)[0]))
    with running.listen(COMMANDS) as anonymous, running.listen(COMMANDS, running.cookie(STAFF)) as staff:
        for one in (anonymous, staff):
            one.send(type="watch", command_id=str(id_))
        assert anonymous.next_of("error")["data"]["status"] == 404
        tell(pipeline)
        assert staff.next_of("command_finished")["data"]["id"] == str(id_)
        assert anonymous.hears_nothing()


def test_an_unknown_command_cannot_be_watched(running: Running) -> None:
    with running.listen(COMMANDS) as anonymous:
        anonymous.send(type="watch", command_id=str(uuid4()))
        assert anonymous.next_of("error")["data"]["code"] == "command_not_found"


def test_so_many_commands_can_be_watched_at_once(pipeline: Pipeline, running: Running) -> None:
    ids = pipeline.put(*places(4))
    with running.listen(COMMANDS) as anonymous:
        for id_ in ids:
            anonymous.send(type="watch", command_id=str(id_))
        assert anonymous.next_of("error")["data"]["status"] == 429
        tell(pipeline)
        assert {anonymous.next_of("command_finished")["data"]["id"] for _ in range(3)} == set(map(str, ids[:3]))
        anonymous.send(type="watch", command_id=str(ids[3]))
        anonymous.next_of("command_finished")


def test_the_owner_who_watches_hears_it_once(pipeline: Pipeline, running: Running) -> None:
    (id_,) = pipeline.put(of(USER, places(1)[0]))
    with running.listen(COMMANDS, running.cookie(USER)) as owner:
        owner.send(type="watch", command_id=str(id_))
        tell(pipeline)
        owner.next_of("command_finished")
        assert owner.hears_nothing()


def test_an_unauthenticated_socket_may_authenticate_later(pipeline: Pipeline, running: Running) -> None:
    with running.listen(COMMANDS) as user:
        assert user.hears_nothing()
        user.send(type="authenticate", token=running.access_token(USER))
        user.send(type="get_bookings")  # its refusal says that the login was read
        user.next_of("error")
        pipeline.put(of(USER, places(1)[0]))
        tell(pipeline)
        user.next_of("command_finished")
