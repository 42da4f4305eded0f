"""Who fuzzes with a login, by the name of the run: apart, as what asks for their logins needs a stack's settings."""

from __future__ import annotations

PEOPLE = {"user": 1, "staff": 4}
"""Ids of the demo's accounts; the second is a superuser's."""
