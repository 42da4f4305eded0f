"""Logins, tickets and attempts that are over: when they are forgotten, a bounded number at a time."""

from __future__ import annotations

from core.identity.anonymising import SQL_BLANK_AGAIN

FORGET_BATCH_ROWS = 5_000
LOGIN_DAYS = 14
"""An ended login is remembered so long: its address still counts as its owner's, its used refresh
tokens as used."""
USE_DAYS_KEPT = 400

_BATCH = f"LIMIT {FORGET_BATCH_ROWS} FOR UPDATE SKIP LOCKED"

SQL_FORGET_LOGINS = f"""
DELETE FROM login_session WHERE id IN (
    SELECT id FROM login_session WHERE expires_at < clock_timestamp() - interval '{LOGIN_DAYS} days' {_BATCH})
"""
SQL_FORGET_TICKETS = f"""
DELETE FROM ws_ticket WHERE ticket_hash IN (
    SELECT ticket_hash FROM ws_ticket WHERE expires_at < clock_timestamp() - interval '1 hour' {_BATCH})
"""
SQL_FORGET_RESETS = f"""
DELETE FROM password_reset WHERE token_hash IN (
    SELECT token_hash FROM password_reset WHERE expires_at < clock_timestamp() - interval '1 day' {_BATCH})
"""
SQL_FORGET_OAUTH_ATTEMPTS = f"""
DELETE FROM oauth_attempt WHERE state_hash IN (
    SELECT state_hash FROM oauth_attempt WHERE expires_at < clock_timestamp() - interval '1 hour' {_BATCH})
"""

SQL_FORGET_KEY_USE = f"""
DELETE FROM agent_key_use WHERE (key_id, day) IN (
    SELECT key_id, day FROM agent_key_use WHERE day < clock_timestamp() - interval '{USE_DAYS_KEPT} days' {_BATCH})
"""

STATEMENTS = (
    SQL_BLANK_AGAIN,
    SQL_FORGET_LOGINS,
    SQL_FORGET_TICKETS,
    SQL_FORGET_RESETS,
    SQL_FORGET_OAUTH_ATTEMPTS,
    SQL_FORGET_KEY_USE,
)
"""Each is a transaction of its own; run them now and then, any number of times, from anywhere."""
