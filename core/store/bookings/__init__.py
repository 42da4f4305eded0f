"""Bookings as rows, loaded, locked and written by the batch."""
