"""Schemathesis against a running stack: every check on, as nobody, as a user and as staff (docs/openapi.md)."""
