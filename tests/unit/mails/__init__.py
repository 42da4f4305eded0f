"""Mails about bookings: which are sent, and what they say. Pure."""
