"""Bells, names in Redis and the broker: how work wakes up the workers."""
