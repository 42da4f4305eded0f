"""Connections to PostgreSQL: bounded, pooled, pipelined."""

from core.store.connections import terse_errors

terse_errors.patch()
