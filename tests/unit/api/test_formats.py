"""Dates, times and phone numbers as clients write them."""

from __future__ import annotations

from datetime import date, time

import pytest

from api.contracts.agent.date_formats import agent_date, agent_time
from api.http.fields import clock_time, iso_date
from core.identity.phones import phone_key

OCTOBER_20 = date(2025, 10, 20)


@pytest.mark.parametrize("text", ["2025-10-20", "20/10/2025", "10/20/2025", "20-10-2025", "10-20-2025"])
def test_agents_may_write_a_date_in_each_of_the_documents_forms(text: str) -> None:
    assert agent_date(text) == OCTOBER_20


@pytest.mark.parametrize(
    ("text", "expected"),
    [("05/06/2025", date(2025, 6, 5)), ("05-06-2025", date(2025, 6, 5)), ("12/31/2025", date(2025, 12, 31))],
)
def test_an_agents_date_is_read_in_the_documents_order(text: str, expected: date) -> None:
    assert agent_date(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "tomorrow", "2025-02-30", "31/31/2025", "2025/10/20", "20.10.2025", "25-10-20", "2025-10-20T14:00", "\u0662\u0660/10/2025"],
)  # fmt: skip
def test_an_unsupported_or_impossible_date_is_no_date(text: str) -> None:
    assert agent_date(text) is None


@pytest.mark.parametrize("text", ["14:00", "2:00 PM", "2:00PM", "14:00:00", "02:00 pm"])
def test_agents_may_write_a_time_in_each_of_the_documents_forms(text: str) -> None:
    assert agent_time(text) == time(14)


@pytest.mark.parametrize(
    ("text", "expected"), [("12:00 AM", time(0)), ("12:30 PM", time(12, 30)), ("9:05", time(9, 5))]
)
def test_noon_and_midnight_are_where_the_twelve_hour_clock_has_them(text: str, expected: time) -> None:
    assert agent_time(text) == expected


@pytest.mark.parametrize("text", ["", "noon", "24:00", "14:60", "13:00 PM", "0:30 AM", "14:00:30", "2 PM", "1400"])
def test_an_unsupported_or_impossible_time_is_no_time(text: str) -> None:
    assert agent_time(text) is None


@pytest.mark.parametrize("text", ["14:00", "14:00:00"])
def test_elsewhere_times_are_hours_and_minutes_with_seconds_that_must_be_zero(text: str) -> None:
    assert clock_time(text) == time(14)


@pytest.mark.parametrize("text", ["14:00:01", "2:00 PM", "9:00", "24:00", " 14:00"])
def test_elsewhere_no_other_time_is_accepted(text: str) -> None:
    assert clock_time(text) is None


@pytest.mark.parametrize("text", ["20/10/2025", "2025-1-1", "2025-02-30", "2025-10-20 "])
def test_elsewhere_dates_are_iso_only(text: str) -> None:
    assert iso_date("2025-10-20") == OCTOBER_20
    assert iso_date(text) is None


@pytest.mark.parametrize("text", ["0001-01-01", "1899-12-31", "2200-01-01", "9999-12-31"])
def test_dates_so_far_off_that_they_can_only_be_mistakes_are_refused_before_the_inbox(text: str) -> None:
    """A lane that adds a duration or a zone to year 1 or 9999 leaves the calendar."""
    assert iso_date(text) is None
    assert agent_date(text) is None


@pytest.mark.parametrize(
    ("raw", "region", "key"),
    [
        ("1234567890", None, "1234567890"),
        ("(123) 456-7890", None, "1234567890"),
        ("+49 30 901820", None, "4930901820"),
        ("(+49) 30-90 18 20", None, "4930901820"),
        ("4930901820", None, "4930901820"),
        ("+49 30 901820", "EG", "+4930901820"),
        ("030 901820", "DE", "+4930901820"),
        ("0049 30 901820", "DE", "+4930901820"),
        ("12", None, None),
        ("call me", None, None),
        ("1234567890; DROP", None, None),
    ],
)
def test_a_phone_number_becomes_one_key_however_it_is_written(raw: str, region: str | None, key: str | None) -> None:
    assert phone_key(raw, region) == key
