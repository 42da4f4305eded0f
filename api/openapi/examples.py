"""Examples that can be tried out: ids that the demo has, and days that are yet to come.

The contracts' documents print days that are past by now. The description moves the days of each example of a request
by whole weeks, so that the first of them comes in one to two weeks: a Monday stays a Monday, and days of one example
keep their distances. Answers stand as the documents print them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any

import msgspec

COMMAND_ID = "6f1c1a4e-3f0b-4c7a-9b53-0d9b0f6f2c11"
BATCH_ID = "0d7e9d5c-58c2-4a39-8c52-5f2a6f0f9a37"
LINK_TOKEN = "q8Zr0yXk3mN5tVbW7cJd1sFhGpLaEuOi2YxKv4RTnMg"  # noqa: S105 - an example
PAYMENT_ID = "c0ffee00-5a5a-4b4b-9c9c-0123456789ab"
DELIVERY_ID = "9a1f7c52-7c0e-5b7e-8f43-6f5a0a4b1c2d"
LOGIN_ID = "3c5e1c9e-2b0d-4f5e-8a7e-5d2f1e0b9a44"
IN_PATHS: Mapping[str, object] = {
    "batch_id": BATCH_ID,
    "booking_id": 1,
    "busy_calendar_id": 1,
    "category_id": 1,
    "closure_id": 1,
    "command_id": COMMAND_ID,
    "delivery_id": DELIVERY_ID,
    "key_id": 1,
    "link_id": 1,
    "linked_id": 1,
    "location_id": 1,
    "login_id": LOGIN_ID,
    "name": "start.js",
    "payment_id": PAYMENT_ID,
    "practitioner_id": 1,
    "room_id": 1,
    "service_id": 1,
    "session_id": 1,
    "time_slot_id": 1,
    "token": LINK_TOKEN,
    "user_id": 1,
    "webhook_id": 1,
    "origin_id": 1,
}
"""By field. Of what the demo does not have, the number that the first one gets."""
ELSEWHERE: Mapping[str, Mapping[str, object]] = {
    "/api/busy-calendars/": {"busy_calendar_id": 2},
    "/api/v1/drf/locations/": {"room_id": 7},
    "/api/v1/drf/": {"booking_id": 2, "service_id": 2},
}
"""By where a path begins: other numbers. The demo's first booking is of a room, its rooms are in no
location, and whoever tries one route after another follows a calendar as staff first."""
IN_QUERIES: Mapping[str, object] = {
    "date": "2025-10-20",
    "start_date": "2025-10-20",
    "end_date": "2025-10-20",
    "kind": "room",
    "id": 1,
    "year": 2025,
    "month": 10,
}
"""Of parameters that are required."""
PRINTED_DAY = date(2025, 10, 20)

AHEAD = timedelta(days=7)
_DAY = re.compile(rb"(?<![0-9])(?:19|20|21)[0-9]{2}-[0-9]{2}-[0-9]{2}(?![0-9])")
_PART_OF_DAY: Mapping[str, Callable[[date], int]] = {"year": lambda day: day.year, "month": lambda day: day.month}


def in_path(template: str, name: str) -> object:
    """The example of a field of a path."""
    others = (found[name] for begins, found in ELSEWHERE.items() if template.startswith(begins) and name in found)
    return next(others, IN_PATHS[name])


def to_come(described: Any, today: date) -> Any:
    """A description, or a part of it, whose requests' examples have their days in one to two weeks."""
    if isinstance(described, list):
        return [to_come(one, today) for one in described]
    if not isinstance(described, dict):
        return described
    return {key: _part(described, key, value, today) for key, value in described.items()}


def _part(whole: Mapping[str, Any], key: str, value: Any, today: date) -> Any:
    if key == "responses":
        return value
    if key == "example":
        part = _PART_OF_DAY.get(whole.get("name", "")) if "in" in whole else None
        return part(PRINTED_DAY + _weeks(PRINTED_DAY, today)) if part else moved(value, today)
    if key == "examples" and isinstance(value, list):
        return [moved(one, today) for one in value]
    if key == "examples":
        return {name: moved(one, today) for name, one in value.items()}
    return to_come(value, today)


def moved(example: Any, today: date) -> Any:
    """One example, whatever its form: days stand in JSON, in lines of it and in CSV alike."""
    written = msgspec.json.encode(example)
    days = [date.fromisoformat(day.decode()) for day in _DAY.findall(written)]
    if not days:
        return example
    weeks = _weeks(min(days), today)
    found = _DAY.sub(lambda day: (date.fromisoformat(day[0].decode()) + weeks).isoformat().encode(), written)
    return msgspec.json.decode(found)


def _weeks(first: date, today: date) -> timedelta:
    """The whole weeks between a day and the first of its weekday that is far enough ahead."""
    return timedelta(weeks=-((first - today - AHEAD) // timedelta(weeks=1)))
