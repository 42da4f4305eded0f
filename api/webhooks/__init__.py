"""Webhooks as staff keep them: endpoints, their secrets, and the log of what was sent (docs/webhooks.md)."""
