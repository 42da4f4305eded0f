"""Mails about bookings: which event leads to which mail to whom, what it says, and its sender."""
