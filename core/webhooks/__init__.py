"""Webhooks: what happened to bookings, sent to URLs that staff name (docs/webhooks.md)."""
