"""Celery: lanes, relay, sweeps and their schedule. Tasks are a few lines; the work is in core.engine."""
