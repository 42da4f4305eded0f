"""What a file says about a booking: who it is, what became of it, and texts that try to break out of their line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import icalendar
import pytest
import vobject

from core.calendars.calendar_file import Method, Subscription, calendar_file, calendar_parts
from core.calendars.event_component import CalendarEntry, EntryStatus, Person, entry_of, event_component
from core.domain.bookings.status import Status
from tests.support.calendar_entries import HOSTILE, HOUR, READ, entry
from tests.support.values import booking


def event_of(file: bytes) -> icalendar.Event:
    (event,) = icalendar.Calendar.from_ical(file).walk("VEVENT")
    assert isinstance(event, icalendar.Event)
    return event


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_text_is_read_as_it_was_written_and_stays_one_property(kind: str) -> None:
    text = HOSTILE[kind]
    file = calendar_file([entry(summary=text, location=text, description=text)])
    event, other = event_of(file), vobject.readOne(file.decode()).vevent
    expected = READ.get(kind, text)
    assert [str(event[name]) for name in ("SUMMARY", "LOCATION", "DESCRIPTION")] == [expected] * 3
    assert [other.summary.value, other.location.value, other.description.value] == [expected] * 3
    assert (str(event["UID"]), str(event["STATUS"])) == (other.uid.value, other.status.value)
    assert str(event["STATUS"]) == "CONFIRMED"


@pytest.mark.parametrize("kind", HOSTILE)
def test_lines_are_folded_at_75_octets_within_no_letter_and_end_as_the_rfc_says(kind: str) -> None:
    text = HOSTILE[kind]
    people: dict[str, Any] = {
        "organizer": Person(text, "desk@example.com"),
        "attendees": (Person(text, "guest@example.com"),),
    }
    file = calendar_file([entry(summary=text, location=text, **people)])
    lines = file.split(b"\r\n")
    assert lines.pop() == b""
    assert all(len(line) <= 75 and b"\n" not in line and b"\r" not in line for line in lines)
    assert all(line.decode() for line in lines)


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_name_cannot_leave_its_parameter(kind: str) -> None:
    people: dict[str, Any] = {
        "organizer": Person("Desk", "desk@example.com"),
        "attendees": (Person(HOSTILE[kind], "a@example.com"),),
    }
    event = event_of(calendar_file([entry(**people)], method=Method.REQUEST))
    assert str(event["ATTENDEE"]) == "mailto:a@example.com"
    assert set(event["ATTENDEE"].params) <= {"CN", "ROLE", "PARTSTAT", "RSVP"}
    assert str(event["ORGANIZER"]) == "mailto:desk@example.com"


STATUSES = {
    Status.DRAFT: "TENTATIVE",
    Status.HELD: "TENTATIVE",
    Status.CONFIRMED: "CONFIRMED",
    Status.IN_PROGRESS: "CONFIRMED",
    Status.COMPLETED: "CONFIRMED",
    Status.NO_SHOW: "CONFIRMED",
    Status.CANCELLED: "CANCELLED",
    Status.EXPIRED: "CANCELLED",
}


@pytest.mark.parametrize("status", Status)
def test_a_status_is_said_in_the_words_of_calendars(status: Status) -> None:
    event = event_of(calendar_file([_entry_of(status=status)]))
    busy = "TRANSPARENT" if STATUSES[status] == "CANCELLED" else "OPAQUE"
    assert (str(event["STATUS"]), str(event["TRANSP"])) == (STATUSES[status], busy)


def test_a_deleted_booking_is_a_cancelled_entry() -> None:
    assert entry_of(booking(), zone="UTC", summary="Booked", is_deleted=True).status is EntryStatus.CANCELLED


def test_an_entry_keeps_its_uid_and_its_sequence_rises() -> None:
    before, after = (event_of(calendar_file([_entry_of(7, version=version)])) for version in (1, 2))
    assert str(before["UID"]) == str(after["UID"]) == str(booking(7).public_uuid)
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (1, 2)


@pytest.mark.parametrize("method", Method)
def test_a_mails_part_says_what_to_do_with_it(method: Method) -> None:
    found = icalendar.Calendar.from_ical(calendar_file([entry()], method=method))
    assert str(found["METHOD"]) == method.value


def test_a_file_that_is_only_read_says_no_method() -> None:
    found = icalendar.Calendar.from_ical(calendar_file([entry()]))
    assert {"METHOD", "REFRESH-INTERVAL"}.isdisjoint(found)
    assert (str(found["VERSION"]), str(found["PRODID"])[:12]) == ("2.0", "-//Holdfast/")


def test_a_subscription_says_its_name_and_how_often_to_ask() -> None:
    """icalendar leaves the escapes in a calendar's name; every other library takes them out."""
    told = Subscription("Room 1; the\nblue, one", timedelta(minutes=30), "Only that it is booked")
    file = calendar_file([], subscription=told)
    found, other = icalendar.Calendar.from_ical(file), vobject.readOne(file.decode())
    assert other.x_wr_calname.value == told.name
    assert b"\r\nX-WR-CALNAME:Room 1\\; the\\nblue\\, one\r\n" in file
    assert found.decoded("REFRESH-INTERVAL") == timedelta(minutes=30)
    assert b"\r\nREFRESH-INTERVAL;VALUE=DURATION:PT30M\r\nX-PUBLISHED-TTL:PT30M\r\n" in file


def test_a_file_in_parts_is_the_same_file() -> None:
    entries = list(_entries(60))
    assert len(list(calendar_parts(entries))) == 5
    found = icalendar.Calendar.from_ical(b"".join(calendar_parts(entries)))
    assert [str(event["UID"]) for event in found.events] == [str(one.uid) for one in entries]


def test_the_same_entry_gives_the_same_bytes() -> None:
    assert event_component(entry()).to_ical() == event_component(entry()).to_ical()


def _entry_of(number: int = 1, **changes: Any) -> CalendarEntry:
    return entry_of(booking(number, **changes), zone="Europe/Berlin", summary="Booked")


def _entries(count: int) -> Iterator[CalendarEntry]:
    return (entry(number, starts_at=entry().starts_at + number * HOUR) for number in range(count))
