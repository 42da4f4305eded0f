"""How long expired logins, tickets and sign-in attempts are kept."""

from __future__ import annotations

from core.store.maintenance.retention import BATCH_ROWS, RetentionRule, kept

LOGIN_DAYS = 14
"""An ended login is remembered so long: its address still counts as its owner's, its used refresh
tokens as used."""
USE_DAYS_KEPT = 400

_LOGINS = f"{LOGIN_DAYS} days"
_TOKENS = "refresh_family f JOIN refresh_token t ON t.family_id = f.id"

REFRESH_TOKENS = RetentionRule(
    "refresh_token",
    _LOGINS,
    f"""
WITH gone AS (
    DELETE FROM refresh_token WHERE token_hash IN (
        SELECT t.token_hash FROM login_session s JOIN {_TOKENS} ON f.session_id = s.id
        WHERE s.expires_at >= %(after)s::timestamptz AND s.expires_at < clock_timestamp() - interval '{_LOGINS}'
        ORDER BY s.expires_at LIMIT {BATCH_ROWS} FOR UPDATE OF t SKIP LOCKED)
    RETURNING family_id
)
SELECT count(*), (SELECT min(s.expires_at)::text FROM gone JOIN refresh_family f ON f.id = gone.family_id
                  JOIN login_session s ON s.id = f.session_id)
FROM gone
""",
    "NULL",  # as late as their login
)
"""One login may have thousands, so they are deleted before it, in batches of their own."""

KEPT = (
    REFRESH_TOKENS,
    kept(
        "login_session",
        _LOGINS,
        key="id",
        since="expires_at",
        only=f"NOT EXISTS (SELECT FROM {_TOKENS} WHERE f.session_id = login_session.id)",
    ),
    kept("ws_ticket", "1 hour", key="ticket_hash", since="expires_at"),
    kept("password_reset", "1 day", key="token_hash", since="expires_at"),
    kept("earlier_phone", "45 days", key="user_id, until", since="until"),
    kept("oauth_attempt", "1 hour", key="state_hash", since="expires_at"),
    kept("agent_key_use", f"{USE_DAYS_KEPT} days", key="key_id, day", since="day", kind="date"),
)
