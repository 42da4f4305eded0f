"""Closures that follow a calendar's busy times: brought in line through the lanes, in rounds that may die anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.domain.commands import Actor, ActorKind, CloseResource, ReopenResource
from core.domain.resources.local_time import Span
from core.store.calendars import busy_closures
from core.store.calendars.busy_closures import sync, sync_due
from core.store.calendars.busy_polls import DueCalendar, ReadCalendar, lease_due, note_failed, note_read, note_unchanged
from tests.support.engine.lanes import DESK_ID, Pipeline, Worker, new
from tests.support.values import by_phone, place

STAFF = Actor(ActorKind.STAFF, 2)
AHEAD = (datetime.now(UTC) + timedelta(days=9)).replace(hour=0, minute=0, second=0, microsecond=0)
POLL_S, KEPT_S = 900.0, 86_400.0


def hours(first: float, last: float) -> Span:
    return AHEAD + timedelta(hours=first), AHEAD + timedelta(hours=last)


class Followed:
    """A calendar that the desk follows, and what it says."""

    def __init__(self, pipeline: Pipeline, worker: Worker) -> None:
        self.pipeline = pipeline
        self.worker = worker
        (self.id,) = pipeline.row(
            "INSERT INTO busy_calendar (resource_id, sealed_url, host) VALUES (%s, 'sealed', 'example.com') RETURNING id",
            DESK_ID,
        )

    def lease(self) -> DueCalendar:
        self.pipeline.connection.execute(
            "UPDATE busy_calendar SET fetch_at = clock_timestamp() WHERE id = %s", (self.id,)
        )
        (due,) = lease_due(self.pipeline.connection, 5)
        return due

    def says(self, *times: Span, due: DueCalendar | None = None) -> bool:
        read = ReadCalendar(times, f"200: {len(times)} busy times", '"v1"', None)
        return note_read(self.pipeline.connection, due or self.lease(), read, POLL_S)

    def settle(self) -> int:
        """Rounds and lanes until nothing is left to do; how many rounds sent something."""
        for rounds in range(100):
            sent = sync(self.pipeline.connection, DESK_ID)
            self.worker.visit_until_done()
            if not sent:
                return rounds
        pytest.fail("the closures are never in line")

    def state(self, columns: str) -> Any:
        return self.pipeline.row(f"SELECT {columns} FROM busy_calendar WHERE id = %s", self.id)


def closed(pipeline: Pipeline) -> Sequence[tuple[Any, ...]]:
    """(calendar, start, end), by start."""
    return pipeline.rows("SELECT busy_calendar_id, lower(during), upper(during) FROM closure ORDER BY lower(during)")


@pytest.fixture
def worker(pipeline: Pipeline) -> Worker:
    pipeline.one_lane()
    return pipeline.worker()


@pytest.fixture
def calendar(pipeline: Pipeline, worker: Worker) -> Followed:
    return Followed(pipeline, worker)


def decided(calendar: Followed, *commands: Any, actor: Actor = STAFF) -> list[str]:
    ids = calendar.pipeline.put(*(new(one, contract="appointments", actor=actor) for one in commands))
    calendar.worker.visit_until_done()
    return calendar.pipeline.codes(ids)


def book(hour: int) -> Any:
    return place(AHEAD.date(), (AHEAD + timedelta(hours=hour)).time(), person=by_phone("5550001"))


def test_busy_times_close_the_resource_and_bookings_that_are_there_stay(calendar: Followed) -> None:
    assert decided(calendar, book(10)) == ["succeeded"]
    calendar.says(hours(9, 12), hours(14, 15.5))
    calendar.settle()
    assert closed(calendar.pipeline) == [(calendar.id, *hours(9, 12)), (calendar.id, *hours(14, 15.5))]
    assert decided(calendar, book(9), book(11), book(12), book(15)) == [
        "slot_taken",
        "slot_taken",
        "succeeded",
        "slot_taken",
    ]


def test_what_is_busy_no_more_can_be_booked_again(calendar: Followed) -> None:
    calendar.says(hours(9, 12))
    calendar.settle()
    calendar.says(hours(9, 10))
    calendar.settle()
    assert closed(calendar.pipeline) == [(calendar.id, *hours(9, 10))]
    assert decided(calendar, book(11)) == ["succeeded"]


def test_a_calendar_that_said_nothing_new_changes_nothing(calendar: Followed) -> None:
    calendar.says(hours(9, 12))
    calendar.settle()
    assert note_unchanged(calendar.pipeline.connection, calendar.lease(), "304", POLL_S)
    assert calendar.settle() == 0
    assert calendar.state("sync_at, commands, left_to_do") == (None, [], 0)


def test_what_staff_closed_is_theirs_and_what_they_open_the_calendar_closes(calendar: Followed) -> None:
    by_hand = CloseResource(DESK_ID, AHEAD.date(), AHEAD.date(), reason="stocktaking")
    assert decided(calendar, by_hand) == ["succeeded"]
    calendar.says(hours(9, 12))
    calendar.settle()
    ((nobody, *_),) = closed(calendar.pipeline)
    assert nobody is None
    (id_,) = calendar.pipeline.row("SELECT id FROM closure")
    assert decided(calendar, ReopenResource(id_)) == ["succeeded"]
    note_unchanged(calendar.pipeline.connection, calendar.lease(), "304", POLL_S)
    calendar.settle()
    assert closed(calendar.pipeline) == [(calendar.id, *hours(9, 12))]


def test_nobody_opens_by_hand_what_a_calendar_closes(calendar: Followed) -> None:
    calendar.says(hours(9, 12))
    calendar.settle()
    (id_,) = calendar.pipeline.row("SELECT id FROM closure")
    assert decided(calendar, ReopenResource(id_)) == ["busy_in_calendar"]


def test_many_times_are_sent_in_rounds_of_a_bounded_size(calendar: Followed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(busy_closures, "SENT_AT_ONCE", 4)
    calendar.says(*(hours(2 * n, 2 * n + 1) for n in range(10)))
    assert calendar.settle() == 3
    assert len(closed(calendar.pipeline)) == 10


def test_a_round_waits_until_the_one_before_it_is_decided(calendar: Followed) -> None:
    calendar.says(hours(9, 12))
    assert sync_due(calendar.pipeline.connection) == 1
    assert sync(calendar.pipeline.connection, DESK_ID) == 0
    assert len(calendar.pipeline.undecided()) == 1


def test_a_round_that_changed_nothing_is_not_repeated_at_once(calendar: Followed) -> None:
    calendar.says(hours(9, 12))
    sync(calendar.pipeline.connection, DESK_ID)
    calendar.pipeline.connection.execute("DELETE FROM inbox")  # as if the lane had refused it
    assert sync(calendar.pipeline.connection, DESK_ID) == 0
    ((pause,),) = calendar.pipeline.rows(
        "SELECT extract(epoch FROM sync_at - clock_timestamp())::float8 FROM busy_calendar"
    )
    assert pause > 30


def test_a_worker_whose_lease_ran_out_writes_nothing_any_more(calendar: Followed) -> None:
    late = calendar.lease()
    calendar.says(hours(9, 12))
    assert not calendar.says(hours(20, 21), due=late)
    assert calendar.pipeline.rows("SELECT starts_at FROM busy_time") == [(hours(9, 12)[0],)]


def test_a_calendar_that_fails_keeps_its_last_times_and_lets_go_after_days(calendar: Followed) -> None:
    connection = calendar.pipeline.connection
    calendar.says(hours(9, 12))
    calendar.settle()
    assert not note_failed(connection, calendar.lease(), "500: the calendar was not sent", POLL_S, KEPT_S)
    calendar.settle()
    assert len(closed(calendar.pipeline)) == 1
    assert calendar.state("failures, answer, failing_since IS NULL") == (1, "500: the calendar was not sent", False)
    connection.execute("UPDATE busy_calendar SET failing_since = clock_timestamp() - interval '25 hours'")
    assert note_failed(connection, calendar.lease(), "500: the calendar was not sent", POLL_S, KEPT_S)
    calendar.settle()
    assert closed(calendar.pipeline) == []


def test_a_calendar_that_is_followed_no_more_goes_with_its_closures(calendar: Followed) -> None:
    calendar.says(hours(9, 12))
    calendar.settle()
    calendar.pipeline.connection.execute("UPDATE busy_calendar SET sealed_url = '', sync_at = clock_timestamp()")
    calendar.settle()
    assert closed(calendar.pipeline) == []
    assert calendar.pipeline.rows("SELECT id FROM busy_calendar") == []


def test_lanes_load_nothing_more_for_whoever_follows_no_calendar(calendar: Followed) -> None:
    """The kind of a closure is a column of its row: no statement more, and none that reads calendars."""
    from core.store.catalogue import closures  # noqa: PLC0415 - only its statements
    from core.store.claims import SQL_CLAIMS  # noqa: PLC0415 - likewise

    statements = [SQL_CLAIMS, *(value for name, value in vars(closures).items() if name.startswith("SQL_"))]
    assert not [one for one in statements if "busy_calendar " in str(one) or "busy_time" in str(one)]
