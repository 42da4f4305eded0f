"""Examples for the API description: bookings as the client contract prints them, the catalogue in its style."""

from __future__ import annotations

NEW_PRACTITIONER = {
    "user_id": 5,
    "name": "Dr. Jones",
    "time_zone": "America/New_York",
    "hours": [{"weekday": 0, "start": "09:00", "end": "17:00"}],
    "breaks": [{"weekday": 0, "start": "12:00", "end": "13:00"}],
}
PRACTITIONER_CHANGE = {"buffer_after_minutes": 10, "notice_minutes": 120, "horizon_days": 60}
TIME_OFF = {"start_date": "2026-12-22", "end_date": "2026-12-23", "reason": "Holiday"}
NEW_LOCATION = {"name": "Practice", "address": "High Street 1", "time_zone": "America/New_York"}
LOCATION_CHANGE = {"address": "High Street 2"}
NEW_ROOM = {"name": "Room 1"}
NEW_SERVICE = {"name": "30-minute Consultation", "duration_minutes": 30, "price_cents": 3000}
SERVICE_CHANGE = {"price_cents": 6000}
CHECK_AVAILABILITY = {
    "practitioner_id": 1,
    "service_id": 2,
    "date": "2024-03-15",
    "timezone": "America/New_York",
}
OPENINGS = {"service_id": 2, "start_date": "2024-03-15", "days": 7, "timezone": "America/New_York"}
CREATE_PACKAGE = {"service_id": 4}
CREATE_BUNDLE = {"service_id": 5}
CREATE_COURSE = {"service_id": 6}
NEW_BOOKING = {
    "practitioner_id": 1,
    "service_id": 2,
    "start_time": "2024-03-15T10:00:00Z",
    "end_time": "2024-03-15T11:00:00Z",
    "client_notes": "First visit",
}
BOOKING_CHANGE = {"title": "Second opinion", "timezone": "America/New_York"}
CANCEL = {"reason": "Cancellation reason", "canceled_by": "client"}
RESCHEDULE = {
    "start_time": "2024-03-15T10:00:00Z",
    "end_time": "2024-03-15T11:00:00Z",
    "reason": "Optional reason",
}
NOTE = {"content": "Note content", "is_private": False}
NEW_SESSION = {
    "service_id": 3,
    "practitioner_id": 1,
    "start_time": "2026-03-15T10:00:00Z",
    "end_time": "2026-03-15T12:00:00Z",
    "capacity": 20,
}
NEW_COURSE_SESSION = {
    "service_id": 6,
    "practitioner_id": 1,
    "start_time": "2026-03-17T13:00:00Z",
    "end_time": "2026-03-17T15:00:00Z",
    "capacity": 20,
}
SESSION_CHANGE = {"title": "For beginners", "capacity": 25}
CANCEL_SESSION = {"reason": "The practitioner is ill"}
