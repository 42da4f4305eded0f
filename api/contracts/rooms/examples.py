"""Examples of the description, as the client's document prints them (docs/contracts/rooms.md)."""

from __future__ import annotations

CREATE_REQUEST = {
    "user_id": 1,
    "room_id": 1,
    "booking_date": "2025-10-25",
    "start_time": "09:00:00",
    "end_time": "10:00:00",
    "guest_count": 5,
    "special_requests": "Need projector setup",
}
ROOM = {
    "name": "Conference Room A",
    "description": "Large conference room",
    "price_per_slot": 50.00,
    "capacity": 10,
    "amenities": ["WiFi", "Projector", "Whiteboard"],
    "is_available": True,
    "slot_duration_minutes": 30,
    "opening_time": "09:00:00",
    "closing_time": "18:00:00",
}
