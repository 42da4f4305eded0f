"""The demo's week: whole, and never in the way of what the documents book."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from itertools import chain

import pytest

from ops.demo_week import plan
from ops.demo_week.catalogue import COURSE
from tests.support.documents import printed

DAYS = [date(2030, 1, 7) + timedelta(days=number) for number in range(7)]
"""Each weekday once."""
DESK = [
    (date.fromisoformat(entry.body["booking_date"]), time.fromisoformat(entry.body["booking_time"]))
    for entry in chain(printed("appointments"), printed("agent"))
    if entry.status == 201 and "booking_time" in entry.body and re.fullmatch(r"20\d\d-.*", entry.body["booking_date"])
    if "M" not in entry.body["booking_time"]
]
MARKET = [
    (datetime.fromisoformat(entry.body["start_time"]), datetime.fromisoformat(entry.body["end_time"]))
    for entry in printed("marketplace")
    if entry.status == 201 and entry.body and "start_time" in entry.body
]


def test_the_documents_print_bookings() -> None:
    """Otherwise the tests below walk nothing."""
    assert len(set(DESK)) >= 3
    assert len(set(MARKET)) >= 3
    assert COURSE == 6


@pytest.mark.parametrize("first_day", range(-plan.DAYS_BEFORE, plan.DAYS))
def test_no_appointment_stands_where_the_documents_book_one(first_day: int) -> None:
    for day, at in set(DESK):
        taken = {(one.day, time.fromisoformat(one.at)) for one in plan.desk_bookings(day + timedelta(days=first_day))}
        assert at.minute == 0, "appointments of an hour at whole hours stay beside each other"
        assert (day, at) not in taken


@pytest.mark.parametrize("today", DAYS)
def test_no_introduction_stands_where_the_documents_book_dr_smith(today: date) -> None:
    for starts, ends in set(MARKET):
        for one in plan.introductions(today):
            if one.practitioner == plan.SMITH:
                begins = datetime.combine(starts.date(), time.fromisoformat(one.at), starts.tzinfo)
                over = begins + timedelta(minutes=plan.INTRODUCTION_MINUTES)
                assert over <= starts or begins >= ends, one


@pytest.mark.parametrize("today", DAYS)
def test_every_day_but_sunday_has_appointments_and_a_free_time(today: date) -> None:
    booked = [one.day for one in plan.desk_bookings(today)]
    days = [day for day in plan.days_of(today) if day.weekday() != plan.SUNDAY]
    assert all(3 <= booked.count(day) <= len(plan.DESK_TIMES) for day in days)
    assert len({(one.day, one.at) for one in plan.desk_bookings(today)}) == len(booked), "two at one time collide"


@pytest.mark.parametrize("today", DAYS)
def test_nothing_is_booked_in_the_quiet_room_when_it_is_closed(today: date) -> None:
    rooms = {one.room for one in plan.room_bookings(today) if one.day == plan.closed_day(today)}
    assert plan.QUIET_ROOM not in rooms


def test_a_week_is_over_when_its_last_day_is() -> None:
    today = date(2030, 1, 9)
    closed = plan.closed_day(today)
    assert plan.is_over([], today)
    assert not plan.is_over([closed], today)
    assert not plan.is_over([closed], closed)
    assert plan.is_over([closed], closed + timedelta(days=1))
