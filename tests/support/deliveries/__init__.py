"""Senders of the tests, and what they plan and send."""
