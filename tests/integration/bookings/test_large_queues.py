"""A session for which thousands wait: a command about its queue loads whom it is about, and a cancellation ends it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from core.domain import decide as deciding
from core.domain.commands import ENGINE, Actor, ActorKind, Command
from core.domain.marketplace.commands import BookSession, CancelSession, JoinWaitingList, LeaveWaitingList, OfferSeats
from core.domain.steps import STEP_BOOKINGS
from tests.support.engine.lanes import Pipeline, new
from tests.support.engine.large_session import LargeSession, large_session

STAFF = Actor(ActorKind.STAFF, 1)
MANY = 1_000
SQL_PEOPLE = "INSERT INTO user_account (username, username_key) SELECT 'w' || n, 'w' || n FROM generate_series(1, %s) AS n RETURNING id"
SQL_WAIT = "INSERT INTO waiting_place (session_id, user_id, created_at) SELECT %s, unnest(%s::bigint[]), now()"
SQL_OFFERED = "SELECT user_id FROM waiting_place WHERE booking_id IS NOT NULL ORDER BY id"
SQL_WAITING = "SELECT user_id FROM waiting_place WHERE booking_id IS NULL ORDER BY id"


class Queue:
    """A session with ten seats left, and people who wait for one."""

    def __init__(self, pipeline: Pipeline, waiting: int, seated: int = 5) -> None:
        pipeline.one_lane()
        self.pipeline, self.worker = pipeline, pipeline.worker()
        self.session: LargeSession = large_session(pipeline.url, seated)
        *self.waiting, self.newcomer = [row[0] for row in pipeline.rows(SQL_PEOPLE, waiting + 1)]
        pipeline.connection.execute(SQL_WAIT, (self.session.id, self.waiting))

    def put(self, *commands: Command) -> list[UUID]:
        return self.pipeline.put(*(new(one, contract="marketplace", actor=_who(one)) for one in commands))

    def run(self, *commands: Command) -> list[str]:
        """In one batch; the commands' outcomes."""
        ids = self.put(*commands)
        self.worker.visit()
        return self.pipeline.codes(ids)

    def users(self, sql: str) -> list[int]:
        return [row[0] for row in self.pipeline.rows(sql)]


def _who(command: Any) -> Actor:
    if isinstance(command, OfferSeats):
        return ENGINE
    return STAFF if isinstance(command, CancelSession) else Actor(ActorKind.USER, command.user_id)


@pytest.fixture
def loaded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many waiting people a batch knew, for each command that was decided."""
    counts: list[int] = []

    def decide(state: Any, *arguments: Any) -> Any:
        counts.append(sum(map(len, state.market.queues.values())))
        return deciding.decide(state, *arguments)

    monkeypatch.setattr("core.engine.lane.decide", decide)
    return counts


def test_a_command_of_one_person_loads_one_place(pipeline: Pipeline, loaded: list[int]) -> None:
    queue = Queue(pipeline, MANY)
    id_ = queue.session.id
    last = queue.waiting[-1]
    assert queue.run(JoinWaitingList(queue.newcomer, id_)) == ["succeeded"]
    assert queue.run(JoinWaitingList(last, id_)) == ["already_waiting"]
    assert queue.run(LeaveWaitingList(last, id_)) == ["succeeded"]
    assert queue.run(LeaveWaitingList(last, id_)) == ["not_waiting"]
    assert loaded == [0, 1, 1, 0]
    assert pipeline.rows("SELECT data->>'position' FROM event WHERE type = 'waiting_begun'") == [(str(MANY + 1),)]
    assert queue.users(SQL_WAITING) == [*queue.waiting[:-1], queue.newcomer]


def test_seats_are_offered_to_the_first_and_no_more_are_loaded_than_may_be_needed(
    pipeline: Pipeline, loaded: list[int]
) -> None:
    queue = Queue(pipeline, MANY)
    assert queue.run(OfferSeats(queue.session.id, 2)) == ["succeeded"]
    assert loaded == [3], "one more for each command of the batch"
    assert queue.users(SQL_OFFERED) == queue.waiting[:2]


def test_somebody_who_leaves_or_has_a_seat_costs_nobody_an_offer(pipeline: Pipeline, loaded: list[int]) -> None:
    """The first has left just before, in the same batch; the next three have seats, and wait no longer."""
    queue = Queue(pipeline, MANY)
    first, *seated = queue.waiting[:4]
    pipeline.connection.execute("DELETE FROM waiting_place WHERE user_id = ANY(%s)", (seated,))
    pipeline.connection.execute("UPDATE service_session SET capacity = capacity + %s", (2 * MANY,))
    booked = queue.run(*(BookSession(user, queue.session.service_id, queue.session.id) for user in seated))
    assert booked == ["succeeded"] * 3
    pipeline.connection.execute("DELETE FROM waiting_place")
    pipeline.connection.execute(SQL_WAIT, (queue.session.id, queue.waiting))
    loaded.clear()
    assert queue.run(LeaveWaitingList(first, queue.session.id), OfferSeats(queue.session.id, 2)) == ["succeeded"] * 2
    assert loaded[0] == 3 + 2 + 2, "the seated, two who are offered a seat, and one for each command"
    assert queue.users(SQL_OFFERED) == queue.waiting[4:6]
    assert queue.users(SQL_WAITING) == queue.waiting[6:]


def test_nobody_waits_any_longer_for_a_cancelled_session(pipeline: Pipeline, loaded: list[int]) -> None:
    """In the steps that empty it, each of which ends as many."""
    queue = Queue(pipeline, 2 * STEP_BOOKINGS + 5)
    (id_,) = queue.put(CancelSession(queue.session.id))
    assert queue.worker.visit().more == {0}
    assert queue.users(SQL_WAITING) == queue.waiting[STEP_BOOKINGS:]
    assert pipeline.row("SELECT done, total FROM inbox") == (5 + STEP_BOOKINGS, 5 + len(queue.waiting))
    queue.worker.visit_until_done()
    assert pipeline.codes([id_]) == ["succeeded"]
    assert queue.users(SQL_WAITING) == []
    told = "SELECT (data->>'user_id')::bigint, is_final FROM event WHERE type = 'waiting_ended' ORDER BY batch_id, n"
    assert pipeline.rows(told) == [(user, False) for user in queue.waiting]
    assert max(loaded) == STEP_BOOKINGS


def test_a_session_that_was_cancelled_with_people_waiting_is_cancelled_again(pipeline: Pipeline) -> None:
    """By an earlier release, which left them."""
    queue = Queue(pipeline, 3, seated=0)
    pipeline.connection.execute("UPDATE service_session SET is_cancelled = true")
    assert queue.run(CancelSession(queue.session.id)) == ["succeeded"]
    assert queue.users(SQL_WAITING) == []
    assert queue.run(CancelSession(queue.session.id)) == ["session_cancelled"]
