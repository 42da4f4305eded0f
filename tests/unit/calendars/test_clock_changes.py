"""A file says the same instants to every library, on each side of every change of the clocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

import pytest

from core.calendars.calendar_file import calendar_file
from core.calendars.event_component import CalendarEntry, shown_at
from core.domain.resources.time_zones import zone
from tests.support.calendar_entries import (
    MINUTES,
    VIEWED,
    ZONES,
    entries_around_changes,
    entries_of_a_subscription,
    entry,
)
from tests.unit.calendars.reading import READERS, Span


@pytest.mark.parametrize("zone_name", ZONES)
def test_every_library_reads_the_instants_that_were_meant(zone_name: str) -> None:
    assert all_are_read_as_meant(list(entries_around_changes(zone_name)))


@pytest.mark.parametrize(("booked_in", "viewed_from"), VIEWED)
def test_a_subscription_over_changes_of_the_resources_and_the_viewers_clocks(booked_in: str, viewed_from: str) -> None:
    entries = list(entries_of_a_subscription(booked_in, viewed_from))
    assert {one.zone for one in entries} == {booked_in, viewed_from}
    assert all_are_read_as_meant(entries)


def all_are_read_as_meant(entries: Sequence[CalendarEntry]) -> bool:
    file = calendar_file(entries)
    meant = {str(one.uid): (one.starts_at, one.ends_at) for one in entries}
    read: Mapping[Callable[[bytes], dict[str, Span]], dict[str, Span]] = {reader: reader(file) for reader in READERS}
    wrong = {
        f"{reader.__name__}: {meant[uid]} as {found}"
        for reader, spans in read.items()
        for uid, found in spans.items()
        if found != meant[uid]
    }
    assert wrong == set()
    assert all(set(spans) == set(meant) for spans in read.values())
    return True


def test_a_file_names_the_zone_of_what_is_booked() -> None:
    at = datetime(2026, 7, 1, 8, tzinfo=UTC)
    file = calendar_file([entry(1, at, zone="Europe/Berlin"), entry(2, at, zone="America/New_York")]).decode()
    assert "DTSTART;TZID=Europe/Berlin:20260701T100000\r\n" in file
    assert "DTSTART;TZID=America/New_York:20260701T040000\r\n" in file
    assert file.count("BEGIN:VTIMEZONE") == 2


def test_a_time_that_the_clocks_show_twice_is_written_in_utc() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    assert [shown_at(at, "Europe/Berlin").tzinfo for at in (first, first + 60 * MINUTES)] == [UTC, UTC]
    assert shown_at(first + 90 * MINUTES, "Europe/Berlin").tzinfo is zone("Europe/Berlin")


@pytest.mark.parametrize("name", ["UTC", "Etc/UTC", "localtime"])
def test_utc_needs_no_rules(name: str) -> None:
    assert b"VTIMEZONE" not in calendar_file([entry(zone=name)])


def test_a_change_is_dated_by_the_clocks_before_it() -> None:
    """RFC 5545, 3.6.5: summer time begins at the 02:00 that nobody sees."""
    file = calendar_file([entry(1, datetime(2026, 7, 1, tzinfo=UTC))]).decode()
    assert "DTSTART:20250330T020000\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\n" in file
