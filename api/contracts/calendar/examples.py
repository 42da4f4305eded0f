"""Examples of the description (docs/contracts/calendar.md)."""

from __future__ import annotations

BOOK = {"time_slot": 1}
CATEGORIES = [{"id": 1, "name": "Cat 1"}, {"id": 2, "name": "Cat 2"}, {"id": 3, "name": "Cat 3"}]
CATEGORY = {"name": "Cat 4"}
CATEGORY_CHANGE = {"name": "Category 1"}
SLOT = {"start_time": "2030-10-21T09:00:00Z", "end_time": "2030-10-21T10:00:00Z", "category": 1}
SLOT_CHANGE = {"end_time": "2030-10-21T10:30:00Z"}
WEEKLY = {
    "category": 1,
    "start_date": "2030-10-21",
    "end_date": "2030-12-20",
    "weekdays": [0, 2, 4],
    "start_time": "09:00",
    "end_time": "12:00",
    "duration_minutes": 60,
    "on_collision": "skip",
}
SLOT_SHOWN = {
    "id": 1,
    "category": {"id": 1, "name": "Cat 1"},
    "start_time": "2030-10-21T09:00:00Z",
    "end_time": "2030-10-21T10:00:00Z",
    "is_booked": False,
    "booked_by_me": False,
}
