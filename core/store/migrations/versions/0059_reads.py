"""Indexes for what everybody reads: a category's time slots in order, and a service's upcoming times in order.

Revision ID: 0059
Revises: 0058
"""

from core.store.migrations.beside_bookings import build_concurrently

revision = "0059"
down_revision = "0058"

INDEXES = {
    "time_slot_by_category": "time_slot (category_id, starts_at, id) WHERE deleted_at IS NULL",
    "booking_upcoming_by_service": (
        "booking (folded(service_name), local_date, local_time, id) WHERE listed_as = 'upcoming'"
    ),
}


def upgrade() -> None:
    build_concurrently(INDEXES)
