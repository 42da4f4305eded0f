"""What is dropped when, and the partitions that make dropping cheap."""

from __future__ import annotations

from core.store.inbox import IDEMPOTENCY_HOURS

OUTCOME_DAYS = 30
"""Command bodies and outcomes live this long (design, "Things that last")."""
WEEKS_AHEAD = 2
FEED_DAYS = 7
"""A client that was away longer is told to reload."""
DROP_BATCH_ROWS = 5_000

SQL_ENSURE_PARTITIONS = f"""
DO $$
DECLARE
    monday timestamptz := date_trunc('week', clock_timestamp() AT TIME ZONE 'UTC') AT TIME ZONE 'UTC';
    first timestamptz;
    name text;
BEGIN
    FOR week IN 0..{WEEKS_AHEAD} LOOP
        first := monday + make_interval(weeks => week);
        name := 'outcome_' || to_char(first AT TIME ZONE 'UTC', 'IYYY"w"IW');
        IF to_regclass(name) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF outcome FOR VALUES FROM (%L) TO (%L)
                            WITH (autovacuum_analyze_scale_factor = 1)', name, first, first + interval '1 week');
        END IF;
    END LOOP;
END $$
"""
"""Found by keys only: statistics taken whenever it has doubled are good enough."""

SQL_OLD_PARTITIONS = f"""
SELECT c.relname
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'outcome'::regclass
  AND c.relname ~ '^outcome_[0-9]{{4}}w[0-9]{{2}}$'
  AND to_date(substr(c.relname, 9), 'IYYY"w"IW') + 7 + {OUTCOME_DAYS} < (clock_timestamp() AT TIME ZONE 'UTC')::date
"""

SQL_DROP_IDEMPOTENCY_KEYS = f"""
DELETE FROM idempotency_key WHERE (scope, key) IN (
    SELECT scope, key FROM idempotency_key
    WHERE created_at < clock_timestamp() - interval '{IDEMPOTENCY_HOURS} hours'
    ORDER BY created_at LIMIT {DROP_BATCH_ROWS} FOR UPDATE SKIP LOCKED)
"""

SQL_TRIM_FEED = f"""
DELETE FROM event_batch WHERE id IN (
    SELECT id FROM event_batch
    WHERE first_position IS NOT NULL AND created_at < clock_timestamp() - interval '{FEED_DAYS} days'
    ORDER BY id LIMIT {DROP_BATCH_ROWS} FOR UPDATE SKIP LOCKED)
"""

SQL_DROP_BULKS = f"""
DELETE FROM bulk WHERE id IN (
    SELECT id FROM bulk
    WHERE accepted_at < clock_timestamp() - interval '{OUTCOME_DAYS} days'
    ORDER BY accepted_at LIMIT {DROP_BATCH_ROWS} FOR UPDATE SKIP LOCKED)
"""
"""Before the outcomes of its rows are, which go by whole weeks: a bulk never says less than happened."""

STRIPE_EVENT_DAYS = 30
"""Stripe sends an event again for three days, and by hand for fifteen."""
SQL_DROP_STRIPE_EVENTS = f"""
DELETE FROM stripe_event WHERE id IN (
    SELECT id FROM stripe_event
    WHERE received_at < clock_timestamp() - interval '{STRIPE_EVENT_DAYS} days'
    ORDER BY received_at LIMIT {DROP_BATCH_ROWS} FOR UPDATE SKIP LOCKED)
"""
