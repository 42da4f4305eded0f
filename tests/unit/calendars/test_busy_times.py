"""Busy times read from calendar files: recurrences, exceptions, zones, and what is no busy time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from core.busy_calendars.reading import TOO_MUCH, read_apart
from core.calendars.busy_times import EVENTS_MAX, BadCalendarError, BusyTimes, read_busy_times

WINDOW = datetime(2027, 3, 1, tzinfo=UTC), datetime(2027, 4, 30, tzinfo=UTC)
HOME = "Europe/Berlin"
"""Of the resource. Its clocks change on 28 March 2027."""
ZONE_OF_ITS_OWN = """BEGIN:VTIMEZONE
TZID:Somewhere
BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0330
TZOFFSETTO:+0330
END:STANDARD
END:VTIMEZONE
"""


def calendar(*parts: str) -> bytes:
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Tests//EN", *"".join(parts).splitlines(), "END:VCALENDAR", ""]
    return "\r\n".join(lines).encode()


def event(lines: str, uid: str = "one@example.com") -> str:
    return f"BEGIN:VEVENT\nUID:{uid}\nDTSTAMP:20270101T000000Z\nSUMMARY:Dentist\n{lines}\nEND:VEVENT\n"


def read(*parts: str) -> BusyTimes:
    return read_busy_times(calendar(*parts), HOME, WINDOW)


def times(*parts: str) -> Sequence[str]:
    """As `03-27 09:00-10:00`, in UTC."""
    return [f"{a:%m-%d %H:%M}-{b:%H:%M}" for a, b in read(*parts).times]


@pytest.mark.parametrize(
    ("lines", "found"),
    [
        ("DTSTART:20270310T100000Z\nDTEND:20270310T113000Z", ["03-10 10:00-11:30"]),
        ("DTSTART:20270310T100000Z\nDURATION:PT45M", ["03-10 10:00-10:45"]),
        ("DTSTART;TZID=America/New_York:20270310T100000\nDURATION:PT1H", ["03-10 15:00-16:00"]),
        ("DTSTART:20270310T100000\nDURATION:PT1H", ["03-10 09:00-10:00"]),
        ("DTSTART;VALUE=DATE:20270310", ["03-09 23:00-23:00"]),
        ("DTSTART;VALUE=DATE:20270328\nDTEND;VALUE=DATE:20270329", ["03-27 23:00-22:00"]),
        ("DTSTART;TZID=W. Europe Standard Time:20270310T100000\nDURATION:PT1H", ["03-10 09:00-10:00"]),
    ],
    ids=["UTC", "duration", "zone", "floating is the resource's", "a day", "a day of 23 hours", "a zone of Windows"],
)
def test_the_times_of_an_entry(lines: str, found: list[str]) -> None:
    assert times(event(lines)) == found


def test_a_zone_that_the_file_describes() -> None:
    assert times(ZONE_OF_ITS_OWN, event("DTSTART;TZID=Somewhere:20270310T100000\nDURATION:PT1H")) == [
        "03-10 06:30-07:30"
    ]


def test_a_weekly_entry_keeps_its_wall_time_over_a_change_of_the_clocks() -> None:
    weekly = "DTSTART;TZID=Europe/Berlin:20270322T090000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;COUNT=2"
    assert times(event(weekly)) == ["03-22 08:00-09:00", "03-29 07:00-08:00"]


def test_added_and_excepted_dates() -> None:
    lines = (
        "DTSTART:20270301T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=4\nEXDATE:20270302T100000Z"
        "\nRDATE:20270320T120000Z\nRDATE;VALUE=PERIOD:20270321T120000Z/PT2H"
    )
    found = times(event(lines))
    assert found == [
        "03-01 10:00-11:00",
        "03-03 10:00-11:00",
        "03-04 10:00-11:00",
        "03-20 12:00-13:00",
        "03-21 12:00-14:00",
    ]


def test_a_moved_and_a_cancelled_occurrence() -> None:
    series = event("DTSTART:20270301T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3")
    moved = event("RECURRENCE-ID:20270302T100000Z\nDTSTART:20270302T150000Z\nDURATION:PT2H")
    cancelled = event("RECURRENCE-ID:20270303T100000Z\nDTSTART:20270303T100000Z\nDURATION:PT1H\nSTATUS:CANCELLED")
    assert times(series, moved, cancelled) == ["03-01 10:00-11:00", "03-02 15:00-17:00"]


def test_this_and_all_that_follow_are_moved() -> None:
    series = event("DTSTART:20270301T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3")
    moved = event("RECURRENCE-ID;RANGE=THISANDFUTURE:20270302T100000Z\nDTSTART:20270302T120000Z\nDURATION:PT1H")
    assert times(series, moved) == ["03-01 10:00-11:00", "03-02 12:00-13:00", "03-03 12:00-13:00"]


@pytest.mark.parametrize(
    "lines",
    [
        "DTSTART:20270310T100000Z\nDURATION:PT1H\nTRANSP:TRANSPARENT",
        "DTSTART:20270310T100000Z\nDURATION:PT1H\nSTATUS:CANCELLED",
        "DTSTART:20270310T100000Z\nDURATION:PT1H\nX-MICROSOFT-CDO-BUSYSTATUS:FREE",
        "DTSTART:20270310T100000Z",
        "DTSTART:20270601T100000Z\nDURATION:PT1H",
        "DTSTART:20270201T100000Z\nDURATION:PT1H",
    ],
    ids=["transparent", "cancelled", "free in Outlook", "without length", "beyond the window", "over"],
)
def test_what_is_no_busy_time(lines: str) -> None:
    assert times(event(lines)) == []


def test_what_is_under_way_keeps_its_start_and_what_goes_on_ends_with_the_window() -> None:
    long = event("DTSTART:20270101T000000Z\nDTEND:20280101T000000Z")
    assert read(long).times == [(datetime(2027, 1, 1, tzinfo=UTC), WINDOW[1])]


def test_what_overlaps_or_touches_is_one_time() -> None:
    parts = [
        event(f"DTSTART:20270310T{hour}0000Z\nDURATION:PT{minutes}M", uid=f"{hour}@example.com")
        for hour, minutes in ((10, 90), (11, 60), (12, 30))
    ]
    assert times(*parts) == ["03-10 10:00-12:30"]


def test_a_file_of_free_and_busy_times() -> None:
    published = (
        "BEGIN:VFREEBUSY\nUID:x\nDTSTAMP:20270101T000000Z\n"
        "FREEBUSY;FBTYPE=BUSY:20270310T100000Z/PT1H,20270311T100000Z/20270311T120000Z\n"
        "FREEBUSY;FBTYPE=FREE:20270312T100000Z/PT1H\nEND:VFREEBUSY\n"
    )
    assert times(published) == ["03-10 10:00-11:00", "03-11 10:00-12:00"]


def test_what_may_be_a_booking_of_ours_is_told_apart_by_its_uid() -> None:
    uid = UUID(int=5)
    found = read(event("DTSTART:20270310T100000Z\nDURATION:PT1H", uid=str(uid)))
    assert found.times == []
    assert list(found.by_uid) == [uid]


def test_an_entry_that_cannot_be_read_costs_the_others_nothing() -> None:
    found = read(event("DTSTART:nonsense", uid="bad"), event("DTSTART:20270310T100000Z\nDURATION:PT1H"))
    assert (len(found.times), found.unread) == (1, 1)


@pytest.mark.parametrize(
    ("file", "why"),
    [
        (b"", "no calendar file"),
        (b"<html><body>Sign in</body></html>", "no calendar file"),
        (b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\n", "ends too early"),
        (b"BEGIN:VCALENDAR\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n", "not well-formed"),
        (calendar(event("DTSTART:nonsense")), "none of its entries"),
        (calendar("BEGIN:VEVENT\nEND:VEVENT\n" * (EVENTS_MAX + 1)), "more than 10,000 entries"),
        (calendar(event("DTSTART:20270301T000000Z\nDURATION:PT1M\nRRULE:FREQ=MINUTELY;INTERVAL=2")), "busy times"),
    ],
    ids=["empty", "a page", "cut off", "crossed", "nothing readable", "too many entries", "too many times"],
)
def test_a_file_that_cannot_be_used_says_why(file: bytes, why: str) -> None:
    with pytest.raises(BadCalendarError, match=why):
        read_busy_times(file, HOME, WINDOW)


def test_a_process_apart_reads_the_same() -> None:
    file = calendar(event("DTSTART:20270310T100000Z\nDURATION:PT1H"), event("DTSTART;VALUE=DATE:20270311", uid="2"))
    assert read_apart(file, HOME, WINDOW) == read_busy_times(file, HOME, WINDOW)


def test_a_process_apart_says_what_is_wrong() -> None:
    with pytest.raises(BadCalendarError, match="no calendar file"):
        read_apart(b"<html>", HOME, WINDOW)


def test_a_rule_that_never_ends_is_given_up_on() -> None:
    endless = event("DTSTART:20270301T000000Z\nDURATION:PT1S\nRRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30")
    with pytest.raises(BadCalendarError, match=TOO_MUCH):
        read_apart(calendar(endless), HOME, WINDOW, within_s=3.0)


def test_the_process_apart_is_given_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOLDFAST_SECRET_KEY", "x" * 64)
    monkeypatch.setenv("DATABASE_URL", "postgresql://")
    from core.busy_calendars.reading import _environment  # noqa: PLC0415 - after the environment is set

    assert not {"HOLDFAST_SECRET_KEY", "DATABASE_URL"} & set(_environment())
    assert Path(_environment().get("PATH", "/"))
