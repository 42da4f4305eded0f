"""Bookings in bulk: up to ten thousand rows in one request, accepted whole or not at all, judged one by one."""
