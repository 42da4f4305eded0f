"""How long rows are kept: one definition per table, and the statements made from it.

`core.engine.retention` deletes, a small batch at a time. Outcomes go by whole weeks
(`core.store.maintenance.partitions`).
"""

from __future__ import annotations

from msgspec import Struct

from core.store.audit import AUDIT_DAYS
from core.store.connections.database import Connection
from core.store.maintenance.partitions import DEFAULT_PARTITION, OUTCOME_DAYS, SQL_OUTCOMES_BEHIND

BATCH_ROWS = 500
"""Deleted in one transaction, in a few milliseconds, so that no request waits for it."""
FEED_DAYS = 7
"""A client that was away longer is told to reload."""
STRIPE_EVENT_DAYS = 30
"""Stripe sends an event again for three days, and by hand for fifteen."""
LOGIN_DAYS = 14
"""An ended login is kept so long: its address still counts as its owner's, its used refresh tokens as used."""
KEY_USE_DAYS = 400
RESTORE_DAYS = 400
WALL_TIME_MOVE_DAYS = 400
"""After the end of what a time zone's new rules moved, or could not move: nobody asks about it any more."""
IDEMPOTENCY_HOURS = 48
REPLAY_DAYS = 60
"""As long as either outcome can be, the old one's and the new one's."""
DELIVERY_DAYS = 30
"""From when it was planned, with its attempts; one that waits stays."""

LINK_DAYS = 30
"""After the end that a booking had when its link was last mailed. The link itself ends earlier."""
KEPT_MAIL_DAYS = 7
"""In the demo."""


SQL_ALONE = "SELECT pg_try_advisory_lock(1212110932)"


class RetentionRule(Struct, frozen=True):
    """One table's retention."""

    table: str
    age: str
    """An interval: a row goes when its `since` is older."""
    delete: str
    """Deletes one batch of expired rows, from `%(after)s` on; returns how many, and where to start next time."""
    behind: str
    """An expression: how long ago the oldest row should have gone, in seconds; negative or NULL if none should."""
    first: str = "-infinity"
    """The first `%(after)s`. Each batch continues where the previous one ended, so it does not scan deleted rows,
    which stay in the index until vacuum."""


def kept(table: str, age: str, *, key: str, since: str, kind: str = "timestamptz", only: str = "true") -> RetentionRule:
    """Retention by an indexed column. Rows for which `only` is not true are kept."""
    return RetentionRule(
        table,
        age,
        f"""
WITH gone AS (
    DELETE FROM {table} WHERE ({key}) IN (
        SELECT {key} FROM {table}
        WHERE {since} >= %(after)s::{kind} AND {since} < clock_timestamp() - interval '{age}' AND {only}
        ORDER BY {since} LIMIT {BATCH_ROWS} FOR UPDATE SKIP LOCKED)
    RETURNING {since}
)
SELECT count(*), max({since})::text FROM gone
""",
        f"(SELECT {_late(since, age)} FROM {table} ORDER BY {since} LIMIT 1)",
    )


def _late(since: str, age: str) -> str:
    return f"extract(epoch FROM clock_timestamp() - {since} - interval '{age}')"


_FEED_OVER = f"""created_at < clock_timestamp() - interval '{FEED_DAYS} days'
                 OR created_at > clock_timestamp() + interval '1 hour'"""
"""A clock that was far ahead for a moment leaves batches in the future. They go once all before them are gone."""
FEED = RetentionRule(
    "event_batch",
    f"{FEED_DAYS} days",
    f"""
WITH oldest AS (
    SELECT id, created_at, sum(events) OVER (ORDER BY first_position) - events AS before
    FROM (SELECT id, created_at, events, first_position FROM event_batch
          WHERE first_position >= %(after)s::bigint ORDER BY first_position LIMIT {BATCH_ROWS}) AS first
), gone AS (
    DELETE FROM event_batch
    WHERE id IN (SELECT id FROM oldest WHERE before < {BATCH_ROWS} AND ({_FEED_OVER})) RETURNING first_position
)
SELECT count(*), max(first_position)::text FROM gone
""",
    f"""(SELECT {_late("created_at", f"{FEED_DAYS} days")} FROM event_batch
      WHERE first_position IS NOT NULL ORDER BY first_position LIMIT 1)""",
    first="0",
)
"""By position, which needs no index on the age; a batch without a position is kept. A batch is deleted with its
events, so these are counted."""

OUTCOMES_WITHOUT_A_WEEK = RetentionRule(
    DEFAULT_PARTITION,
    f"{OUTCOME_DAYS} days",
    f"""
WITH gone AS (
    DELETE FROM {DEFAULT_PARTITION} WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM {DEFAULT_PARTITION} WHERE decided_at < clock_timestamp() - interval '{OUTCOME_DAYS} days'
        LIMIT {BATCH_ROWS}))
    RETURNING id
)
SELECT count(*), '' FROM gone
""",
    "NULL",  # too few to matter, and no index to find the oldest by
)
"""The default partition is usually empty."""

OUTCOMES = RetentionRule("outcome", f"{OUTCOME_DAYS} days", "", SQL_OUTCOMES_BEHIND)
"""Dropped by partition, not deleted."""

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
    kept("idempotency_key", f"{IDEMPOTENCY_HOURS} hours", key="scope, key", since="created_at"),
    FEED,
    kept("stripe_event", f"{STRIPE_EVENT_DAYS} days", key="id", since="received_at"),
    kept("bulk", f"{OUTCOME_DAYS} days", key="id", since="accepted_at"),
    OUTCOMES_WITHOUT_A_WEEK,
    REFRESH_TOKENS,
    kept(
        "login_session",
        _LOGINS,
        key="id",
        since="expires_at",
        only=f"NOT EXISTS (SELECT FROM {_TOKENS} WHERE f.session_id = login_session.id)",
    ),
    kept("calendar_link", f"{LOGIN_DAYS} days", key="id", since="ended_at"),
    kept("ws_ticket", "1 hour", key="ticket_hash", since="expires_at"),
    kept("password_reset", "1 day", key="token_hash", since="expires_at"),
    kept("earlier_phone", "45 days", key="user_id, until", since="until"),
    kept("oauth_attempt", "1 hour", key="state_hash", since="expires_at"),
    kept("database_restore", f"{RESTORE_DAYS} days", key="id", since="restored_at"),
    kept("audit_entry", f"{AUDIT_DAYS} days", key="at, id", since="at"),
    kept("audit_person", f"{AUDIT_DAYS} days", key="id", since="at"),
    kept("parked_command", f"{REPLAY_DAYS} days", key="id", since="parked_at"),
    kept("command_replay", f"{REPLAY_DAYS} days", key="command_id", since="replayed_at"),
    kept("delivery", f"{DELIVERY_DAYS} days", key="id", since="created_at", only="state <> 'waiting'"),
    kept(
        "delivery_receiver", f"{DELIVERY_DAYS} days", key="sender, receiver", since="touched_at", only="due_at IS NULL"
    ),
    kept("delivery_ahead", f"{DELIVERY_DAYS} days", key="sender, receiver, key", since="due_at"),
    kept("guest_link", f"{LINK_DAYS} days", key="token_hash", since="ends_at"),
    kept("mail_count", "2 days", key="day, who", since="day", kind="date"),
    kept("kept_mail", f"{KEPT_MAIL_DAYS} days", key="delivery_id", since="kept_at"),
    kept("wall_time_move", f"{WALL_TIME_MOVE_DAYS} days", key="id", since="ends_at"),
    kept("agent_key_use", f"{KEY_USE_DAYS} days", key="key_id, day", since="day", kind="date"),
)
"""Tables whose rows are deleted by age, in turns. A bulk is deleted before its rows' outcomes, which go by whole weeks,
so it never shows fewer than there were."""

SQL_BEHIND = f"""
SELECT name, greatest(0, late)::float8 FROM (
    VALUES {", ".join(f"('{one.table}', {one.behind}::float8)" for one in (OUTCOMES, *KEPT))}
) AS tables (name, late)
WHERE late > 0 ORDER BY late DESC LIMIT 1
"""
"""The table that is furthest behind, and how many seconds ago its oldest row should have been deleted."""


def is_alone(connection: Connection) -> bool:
    """Whether no other session sweeps; this one does now, until it ends. A second sweep would only slow others down."""
    row = connection.execute(SQL_ALONE).fetchone()
    return bool(row and row[0])


def delete_batch(connection: Connection, rule: RetentionRule, after: str) -> tuple[int, str | None]:
    """How many rows were deleted, and the `after` of the next batch; None where nothing was."""
    row = connection.execute(rule.delete.encode(), {"after": after}).fetchone()
    assert row is not None  # noqa: S101 - an aggregate answers one row
    return int(row[0]), row[1]
