"""Bookings of a time: made, held, changed, ended by the clock."""
