"""Examples of the description, as the client's document prints them (docs/contracts/appointments.md)."""

from __future__ import annotations

CREATE_REQUEST = {
    "user_id": 1,
    "service_name": "Test Service",
    "booking_date": "2025-10-15",
    "booking_time": "10:00",
    "notes": "Test booking from Postman",
}
CREATED = {
    "success": True,
    "message": "Booking created successfully",
    "data": {
        "id": 14,
        "service_name": "Test Service",
        "booking_date": "2025-10-15",
        "booking_time": "10:00",
        "duration_minutes": 60,
        "status": "upcoming",
        "created_at": "2025-10-13T06:15:30.123456+00:00",
    },
}
SETTINGS_CHANGE = {
    "WORKING_HOURS_START": 9,
    "WORKING_HOURS_END": 17,
    "DEFAULT_RESERVATION_DURATION_MINUTES": 60,
    "OFF_DAYS": "5,6",
    "is_active": True,
}
AVAILABLE_SLOTS = {
    "success": True,
    "message": "Available time slots retrieved successfully",
    "date": "2025-10-15",
    "service": "",
    "working_hours": {"start": "09:00", "end": "17:00"},
    "duration_minutes": 60,
    "is_off_day": False,
    "available_slots": [
        {
            "time": "09:00",
            "display_time": "09:00 AM",
            "end_time": "10:00",
            "duration_minutes": 60,
            "available": True,
            "is_reserved": False,
        },
        {
            "time": "10:00",
            "display_time": "10:00 AM",
            "end_time": "11:00",
            "duration_minutes": 60,
            "available": True,
            "is_reserved": False,
        },
    ],
    "total_available_slots": 8,
}
STATS = {
    "success": True,
    "message": "Booking statistics retrieved successfully",
    "stats": {
        "total_bookings": 15,
        "upcoming_bookings": 8,
        "completed_bookings": 5,
        "cancelled_bookings": 2,
        "today_bookings": 3,
        "week_bookings": 12,
        "month_bookings": 15,
    },
}
NEW_USER = {
    "username": "5555555555",
    "email": "newuser@example.com",
    "password": "password123",
    "first_name": "New",
    "last_name": "User",
    "is_active": True,
    "is_staff": False,
    "is_superuser": False,
    "gender": "male",
    "country": "Canada",
}
USER_CHANGE = {
    "first_name": "Updated",
    "last_name": "Name",
    "is_staff": True,
    "gender": "female",
    "country": "USA",
}
