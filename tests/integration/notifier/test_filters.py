"""`subscribe`: a socket hears of some bookings only, from the answer on, over a resume too, until it asks for others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest

from tests.support.engine.lanes import DESK_ID, Pipeline, places
from tests.support.notifier import STAFF, USER, Listener, Running, populate, running_notifier, tell
from tests.support.values import MONDAY

TUESDAY = MONDAY + timedelta(days=1)
PER_DAY = 8


@pytest.fixture
def running(pipeline: Pipeline, redis_url: str) -> Iterator[Running]:
    """Pages of seven events, so that a replay has several."""
    populate(pipeline)
    with running_notifier(pipeline.url, redis_url, poll_s=0.02, first_message_s=0.1, page_events=7) as one:
        yield one


def on(day: date) -> dict[str, str]:
    return {"start_date": day.isoformat(), "end_date": day.isoformat()}


def subscribe(staff: Listener, **wanted: Any) -> None:
    staff.send(type="subscribe", **wanted)
    wanted.pop("last_position", None)
    assert staff.next() == {"type": "subscribed", "data": wanted}


def numbers(staff: Listener, count: int) -> list[int]:
    return [int(staff.next_of("booking_created")["position"].split("-")[1]) for _ in range(count)]


def test_a_filter_holds_from_its_answer_on_until_it_is_replaced_or_cleared(
    pipeline: Pipeline, running: Running
) -> None:
    monday, tuesday = places(2 * PER_DAY)[:PER_DAY], places(2 * PER_DAY)[PER_DAY:]
    with running.listen(headers=running.cookie(STAFF)) as staff:
        subscribe(staff, **on(TUESDAY))
        pipeline.put(*monday[:3], *tuesday[:2])
        tell(pipeline)
        assert numbers(staff, 2) == [4, 5]
        subscribe(staff, **on(MONDAY), resource_ids=[DESK_ID], services=["LEGAL  consultation"])
        pipeline.put(*tuesday[2:4], monday[3])
        tell(pipeline)
        assert numbers(staff, 1) == [8]
        subscribe(staff, types=["booking_deleted"])
        pipeline.put(monday[4])
        tell(pipeline)
        running.catch_up_with(pipeline)
        subscribe(staff)
        pipeline.put(monday[5])
        tell(pipeline)
        assert numbers(staff, 1) == [10]


def test_a_filter_holds_for_what_was_missed_however_it_is_asked_for(pipeline: Pipeline, running: Running) -> None:
    pipeline.put(*places(2 * PER_DAY))
    tell(pipeline)
    running.catch_up_with(pipeline)
    start, wanted = f"{running.notifier.hub.epoch}-0", list(range(PER_DAY + 1, 2 * PER_DAY + 1))
    with running.listen(headers=running.cookie(STAFF)) as staff:
        subscribe(staff, **on(TUESDAY), last_position=start)
        assert numbers(staff, PER_DAY) == wanted
        staff.send(type="resume", last_position=start)
        assert numbers(staff, PER_DAY) == wanted
    with running.listen(headers=running.cookie(STAFF)) as staff:
        subscribe(staff, **on(MONDAY))
        subscribe(staff, **on(TUESDAY))
        staff.send(type="resume", last_position=start)
        assert numbers(staff, PER_DAY) == wanted
        subscribe(staff, last_position="nonsense")
        assert staff.next_of("reload")["position"] == str(running.notifier.hub.head)


BAD: list[dict[str, Any]] = [
    {"resource": [1]},
    {"types": ["timeslot_created"]},
    {"types": "booking_created"},
    {"resource_ids": [0]},
    {"resource_ids": ["1"]},
    {"resource_ids": list(range(1, 102))},
    {"services": [""]},
    {"services": ["x" * 201]},
    {"start_date": "2031-02-30"},
    {"start_date": "2031-02-02", "end_date": "2031-02-01"},
    {"start_date": "2031-02-02", "end_date": "2031-02-01", "last_position": "x"},
]


def test_a_filter_that_cannot_be_used_changes_nothing(pipeline: Pipeline, running: Running) -> None:
    with running.listen(headers=running.cookie(STAFF)) as staff:
        subscribe(staff, **on(TUESDAY))
        for wanted in BAD:
            staff.send(type="subscribe", **wanted)
            error = staff.next_of("error")["data"]
            assert (error["status"], error["code"]) == (400, "bad_filter"), wanted
        pipeline.put(*places(PER_DAY + 1))
        tell(pipeline)
        assert numbers(staff, 1) == [PER_DAY + 1]


def test_other_feeds_have_no_such_filter(running: Running) -> None:
    for path in ("/ws/calendar/", "/ws/commands/"):
        with running.listen(path, running.cookie(USER)) as one:
            one.send(type="subscribe")
            assert one.next_of("error")["data"]["code"] == "bad_message"
