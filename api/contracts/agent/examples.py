"""Examples for the API's description, word for word as the agent contract prints them."""

from __future__ import annotations

import json

REQUEST = {
    "phone": "1234567890",
    "first_name": "John",
    "last_name": "Doe",
    "email": "john.doe@example.com",
    "gender": "male",
    "country": "USA",
    "service_name": "Legal Consultation",
    "booking_date": "2025-10-20",
    "booking_time": "14:00",
    "notes": "Agent created booking",
    "status": "upcoming",
}
CREATED = {
    "success": True,
    "message": "Booking created successfully",
    "user_created": True,
    "user_id": 123,
    "booking_id": 456,
    "data": {
        "booking": {
            "id": 456,
            "service_name": "Legal Consultation",
            "booking_date": "2025-10-20",
            "booking_time": "14:00:00",
            "status": "upcoming",
            "notes": "Agent created booking",
            "created_at": "2025-10-14T12:00:00Z",
        },
        "user": {
            "id": 123,
            "username": "1234567890",
            "first_name": "John",
            "last_name": "Doe",
            "email": "john.doe@example.com",
            "phone": "1234567890",
            "is_active": True,
            "created": True,
        },
    },
}
AS_LINE = json.dumps(REQUEST) + "\n"
AS_CSV = "".join(",".join(line) + "\n" for line in (REQUEST, REQUEST.values()))
