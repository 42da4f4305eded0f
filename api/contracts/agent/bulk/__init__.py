"""Bookings in bulk: up to ten thousand rows in one request, accepted whole or not at all, decided one by one."""
