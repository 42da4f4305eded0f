"""Mails about bookings, over SMTP, and what their links lead to."""
