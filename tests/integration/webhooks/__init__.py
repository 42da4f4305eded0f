"""Webhooks over the wire: real receivers, and what they make of it."""
