"""Retention: expired rows are deleted, all others are kept."""

from __future__ import annotations

from functools import partial

from core.engine.retention import SweepResult, tidy
from core.store.connections.database import Connection, connect_lane, connect_tidy
from core.store.maintenance.retention import BATCH_ROWS, KEPT, SQL_ALONE, SQL_BEHIND
from tests.support.clients.http_client import Client
from tests.support.engine.lanes import Sweep
from tests.support.processes.stack import Stack
from tests.support.rows import count
from tests.support.wait import wait_until

KEPT_FOR_GOOD = {
    *(
        "agent_key",
        "api_token",
        "booking",
        "booking_note",
        "booking_settings",
        "category",
        "claim",
        "closure",
        "credit",
    ),
    *("location", "location_room", "marketplace_booking", "payment", "practitioner", "resource", "room", "service"),
    *("service_item", "service_practitioner", "service_session", "social_account", "time_slot", "user_account"),
    *("busy_calendar", "busy_time", "embedding_origin", "mail_address", "waiting_place", "webhook_endpoint"),
}
"""What the business keeps."""
BOUNDED = {
    *(
        "alembic_version",
        "booking_settings",
        "bounce_mailbox",
        "booking_tally",
        "booking_tally_change",
        "canary",
        "delivery_cursor",
    ),
    *("delivery_run", "feed", "installation"),
    *("lane_note", "payments_gate", "user_tally", "user_tally_change", "zone_rules"),
}
"""A row or a few, or folded away within seconds."""
WITH_ANOTHER = {
    "delivery_attempt": "delivery",
    "event": "event_batch",
    "refresh_family": "login_session",
    "restore_finding": "database_restore",
}
WHEN_DECIDED = {"inbox", "erasure"}


def test_idempotency_keys_are_kept_for_48_hours(connection: Connection, sweep: Sweep) -> None:
    connection.execute(
        "INSERT INTO idempotency_key (scope, key, body_hash, command_id, created_at) "
        "SELECT 'user:1', 'key-' || hours, '', gen_random_uuid(), clock_timestamp() - make_interval(hours => hours) "
        "FROM unnest(ARRAY[1, 47, 49, 400]) AS hours"
    )
    sweep()
    keys = connection.execute("SELECT key FROM idempotency_key ORDER BY key").fetchall()
    assert keys == [("key-1",), ("key-47",)]


def test_what_new_rules_of_a_zone_moved_is_kept_until_long_after_its_end(connection: Connection, sweep: Sweep) -> None:
    connection.execute(
        "INSERT INTO wall_time_move (tzdata, kind, row_id, resource_id, zone, starts_at, ends_at, problem) "
        "SELECT '2026.6', 'booking', days, (SELECT id FROM resource WHERE kind = 'desk'), 'UTC', at, at, 'in the way' "
        "FROM unnest(ARRAY[-30, 399, 401]) AS days, LATERAL (SELECT clock_timestamp() - make_interval(days => days)) AS t (at)"
    )
    sweep()
    assert connection.execute("SELECT row_id FROM wall_time_move ORDER BY 1").fetchall() == [(-30,), (399,)]


def test_a_partition_is_looked_at_anew_when_it_has_doubled(connection: Connection, sweep: Sweep) -> None:
    """Old ones and those that the sweep makes: by tenths, a small one would be looked at all the time."""
    parts = "pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE inhparent = 'outcome'::regclass"
    made = count(connection, parts)
    (last,) = connection.execute(f"SELECT max(relname) FROM {parts} AND relname ~ 'w'").fetchone() or ("",)
    connection.execute(f"DROP TABLE {last}")
    sweep()
    options = connection.execute(f"SELECT reloptions FROM {parts}").fetchall()
    assert options == [(["autovacuum_analyze_scale_factor=1"],)] * made


def test_outcomes_go_by_partition_after_30_days(connection: Connection, sweep: Sweep) -> None:
    connection.execute(
        "CREATE TABLE outcome_2020w10 PARTITION OF outcome FOR VALUES FROM ('2020-03-02') TO ('2020-03-09')"
    )
    before = count(connection, "pg_inherits WHERE inhparent = 'outcome'::regclass")
    sweep()
    assert connection.execute("SELECT to_regclass('outcome_2020w10')").fetchone() == (None,)
    assert count(connection, "pg_inherits WHERE inhparent = 'outcome'::regclass") == before - 1


def test_the_feed_is_kept_for_a_week_and_unnumbered_events_for_ever(connection: Connection, sweep: Sweep) -> None:
    connection.execute(
        "INSERT INTO event_batch (events, first_position, created_at) "
        "VALUES (1, 1, clock_timestamp() - interval '8 days'), (1, 2, clock_timestamp() - interval '6 days'), "
        "(1, NULL, clock_timestamp() - interval '8 days')"
    )
    sweep()
    assert connection.execute("SELECT first_position FROM event_batch ORDER BY id").fetchall() == [(2,), (None,)]


def test_a_bulk_is_kept_for_30_days_as_its_rows_outcomes_are(connection: Connection, sweep: Sweep) -> None:
    connection.execute(
        "INSERT INTO bulk (id, owner, mode, rows, refused, accepted_at) "
        "SELECT gen_random_uuid(), 'user:' || days, 'each', 1, 0, clock_timestamp() - make_interval(days => days) "
        "FROM unnest(ARRAY[1, 29, 31]) AS days"
    )
    sweep()
    assert connection.execute("SELECT owner FROM bulk ORDER BY owner").fetchall() == [("user:1",), ("user:29",)]


OLD = {
    "idempotency_key": """
        INSERT INTO idempotency_key (scope, key, body_hash, command_id, created_at)
        SELECT 'user:1', 'key-' || n, '', gen_random_uuid(), now() - interval '3 days' FROM generate_series(1, %(n)s) AS n
    """,
    "event_batch": """
        WITH b AS (
            INSERT INTO event_batch (events, first_position, created_at)
            SELECT 1, n, now() - interval '8 days' FROM generate_series(1, %(n)s) AS n RETURNING id
        )
        INSERT INTO event (batch_id, n, type, version, command_id, is_final, actor, contract, request_id)
        SELECT id, 0, 'canary', 1, gen_random_uuid(), true, 'engine', 'engine', 'r' FROM b
    """,
    "stripe_event": """
        INSERT INTO stripe_event (id, type, received_at)
        SELECT 'evt_' || n, 'x', now() - interval '31 days' FROM generate_series(1, %(n)s) AS n
    """,
    "bulk": """
        INSERT INTO bulk (id, owner, mode, rows, refused, accepted_at)
        SELECT gen_random_uuid(), 'user:1', 'each', 1, 0, now() - interval '31 days' FROM generate_series(1, %(n)s)
    """,
    "outcome_rest": """
        INSERT INTO outcome (id, seq, type, contract, request_id, accepted_at, decided_at, status, http_status, response, actor, body)
        SELECT gen_random_uuid(), n, 'canary', 'engine', 'r', '2020-01-01', '2020-01-01', 'succeeded', 200, '{}', '{}', '{}'
        FROM generate_series(1, %(n)s) AS n
    """,
    "refresh_token": """
        WITH f AS (INSERT INTO refresh_family (id, session_id) SELECT gen_random_uuid(), id FROM login_session RETURNING id)
        INSERT INTO refresh_token (token_hash, family_id)
        SELECT sha256((f.id::text || n)::bytea), f.id FROM f, generate_series(1, 2) AS n
    """,
    "login_session": """
        INSERT INTO login_session (id, token_hash, csrf_secret, user_id, auth_epoch, address, expires_at)
        SELECT gen_random_uuid(), sha256(n::text::bytea), '', 1, 0, '', now() - interval '15 days' FROM generate_series(1, %(n)s) AS n
    """,
    "ws_ticket": """
        INSERT INTO ws_ticket (ticket_hash, user_id, auth_epoch, expires_at)
        SELECT sha256(n::text::bytea), 1, 0, now() - interval '2 hours' FROM generate_series(1, %(n)s) AS n
    """,
    "password_reset": """
        INSERT INTO password_reset (token_hash, user_id, auth_epoch, email_key, expires_at)
        SELECT sha256(n::text::bytea), 1, 0, 'a', now() - interval '2 days' FROM generate_series(1, %(n)s) AS n
    """,
    "audit_entry": """
        INSERT INTO audit_entry (at, actor_kind, actor, action, subject)
        SELECT now() - interval '401 days', 'staff', 'user:1', 'room.changed', 'room:' || n FROM generate_series(1, %(n)s) AS n
    """,
    "audit_person": """
        INSERT INTO audit_person (at, entry_id, user_id)
        SELECT now() - interval '401 days', n, 1 FROM generate_series(1, %(n)s) AS n
    """,
    "database_restore": """
        INSERT INTO database_restore (restored_at, taken_at, holdfast, schema_before, postgresql, known_epoch, known_head)
        SELECT now() - interval '401 days', now(), '', '', 180000, '', 0 FROM generate_series(1, %(n)s)
    """,
    "delivery": """
        WITH d AS (
            INSERT INTO delivery (id, sender, receiver, type, epoch, data, state, created_at, done_at)
            SELECT gen_random_uuid(), 'webhooks', '1', 'x', 'e', '{}', 'sent', now() - interval '31 days', now()
            FROM generate_series(1, %(n)s) RETURNING id
        )
        INSERT INTO delivery_attempt (delivery_id, number, at, duration_ms, verdict, answer)
        SELECT id, 1, now(), 1, 'sent', '204' FROM d
    """,
    "delivery_ahead": """
        INSERT INTO delivery_ahead (sender, receiver, key, type, data, due_at)
        SELECT 'mails', 'user:1', n, 'reminder', '{}', now() - interval '31 days' FROM generate_series(1, %(n)s) AS n
    """,
    "delivery_receiver": """
        INSERT INTO delivery_receiver (sender, receiver, touched_at)
        SELECT 'webhooks', n, now() - interval '31 days' FROM generate_series(1, %(n)s) AS n
    """,
    "calendar_link": """
        INSERT INTO calendar_link (token_hash, user_id, role, kind, names, label, ended_at)
        SELECT sha256(n::text::bytea), 1, 'user', 'desk', false, '', now() - interval '15 days' FROM generate_series(1, %(n)s) AS n
    """,
    "guest_link": """
        INSERT INTO guest_link (token_hash, booking_id, address_hash, ends_at)
        SELECT sha256(n::text::bytea), n, '', now() - interval '31 days' FROM generate_series(1, %(n)s) AS n
    """,
    "mail_count": """
        INSERT INTO mail_count (day, who, mails)
        SELECT (now() - interval '4 days')::date, n, 1 FROM generate_series(1, %(n)s) AS n
    """,
    "kept_mail": """
        INSERT INTO kept_mail (delivery_id, user_id, subject, text, html, kept_at)
        SELECT gen_random_uuid(), (SELECT min(id) FROM user_account), '', '', '', now() - interval '8 days'
        FROM generate_series(1, %(n)s)
    """,
    "parked_command": """
        INSERT INTO parked_command (id, slot_crc, class, version, weight, why, parked_at)
        SELECT gen_random_uuid(), 0, 0, 1, 1, 'ValueError', now() - interval '61 days' FROM generate_series(1, %(n)s)
    """,
    "command_replay": """
        INSERT INTO command_replay (command_id, replayed_as, replayed_at)
        SELECT gen_random_uuid(), gen_random_uuid(), now() - interval '61 days' FROM generate_series(1, %(n)s)
    """,
    "earlier_phone": """
        INSERT INTO earlier_phone (user_id, until, phone_key)
        SELECT 1, now() - interval '46 days' - n * interval '1 second', n::text FROM generate_series(1, %(n)s) AS n
    """,
    "oauth_attempt": """
        INSERT INTO oauth_attempt (state_hash, browser_hash, provider, code_verifier, nonce, next_path, expires_at)
        SELECT sha256(n::text::bytea), '', 'google', '', '', '', now() - interval '2 hours' FROM generate_series(1, %(n)s) AS n
    """,
    "wall_time_move": """
        INSERT INTO wall_time_move (tzdata, kind, row_id, resource_id, zone, starts_at, ends_at)
        SELECT '2026.6', 'booking', n, (SELECT id FROM resource WHERE kind = 'desk'), 'UTC', at, at
        FROM generate_series(1, %(n)s) AS n, LATERAL (SELECT now() - interval '401 days') AS t (at)
    """,
    "agent_key_use": """
        WITH k AS (
            INSERT INTO agent_key (name, token_hash, hint, networks, writes_per_minute) VALUES ('k', '', '', '{}', 1) RETURNING id
        )
        INSERT INTO agent_key_use (key_id, day, requests, refused, last_used_at, last_address)
        SELECT k.id, current_date - 400 - n, 1, 0, now(), '' FROM k, generate_series(1, %(n)s) AS n
    """,
}
"""Fill a table with rows that are too old."""
BACKLOG = 2 * BATCH_ROWS + 1


def fill(connection: Connection, *tables: str) -> None:
    connection.execute(
        "INSERT INTO user_account (id, username, username_key) VALUES (1, 'uma', 'uma') ON CONFLICT DO NOTHING"
    )
    for table in sorted({*tables}, key=lambda table: table == "refresh_token"):  # after its logins
        connection.execute(OLD[table].encode(), {"n": BACKLOG})


def test_one_sweep_empties_a_backlog_larger_than_a_batch_in_every_table(connection: Connection, sweep: Sweep) -> None:
    fill(connection, *OLD)
    gone = sweep()
    assert gone is not None
    assert gone.failed == []
    assert {table: count(connection, table) for table in (*OLD, *WITH_ANOTHER)} == dict.fromkeys(
        (*OLD, *WITH_ANOTHER), 0
    )
    assert {table for table, rows in gone.rows.items() if rows >= BACKLOG} == set(OLD)


def test_every_table_is_kept_for_good_or_has_a_time_to_go(connection: Connection) -> None:
    """A new table belongs into one of these, and into `OLD` if it has a time to go."""
    rows = connection.execute(
        "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = 'public'::regnamespace AND NOT relispartition"
    ).fetchall()
    by_age = {kept.table for kept in KEPT}
    assert by_age == set(OLD)
    known = KEPT_FOR_GOOD | BOUNDED | set(WITH_ANOTHER) | WHEN_DECIDED | (by_age - {"outcome_rest"}) | {"outcome"}
    assert {name for (name,) in rows} == known


def test_a_table_that_cannot_be_tidied_stops_no_other(connection: Connection, sweep: Sweep) -> None:
    connection.execute(
        "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'not this one'; END $$"
    )
    for table in OLD:
        others = {"idempotency_key", "event_batch", "stripe_event"} - {table}
        fill(connection, table, *others, *({"login_session"} if table == "refresh_token" else ()))
        refusing = f"CREATE TRIGGER refuse BEFORE DELETE ON {table} FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
        connection.execute(refusing.encode())
        gone = sweep()
        assert gone is not None
        assert gone.failed == [table]
        assert {other for other in others if count(connection, other)} == set()
        assert count(connection, table) >= BACKLOG
        connection.execute(f"DROP TRIGGER refuse ON {table}".encode())
        sweep()


def test_a_table_that_costs_the_connection_stops_no_other(connection: Connection, sweep: Sweep) -> None:
    fill(connection, "idempotency_key", "event_batch", "ws_ticket")
    connection.execute(
        "CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
    )
    connection.execute("CREATE TRIGGER die BEFORE DELETE ON idempotency_key FOR EACH STATEMENT EXECUTE FUNCTION die()")
    gone = sweep()
    assert gone is not None
    assert gone.failed == ["idempotency_key"]
    assert (count(connection, "event_batch"), count(connection, "ws_ticket")) == (0, 0)


def test_a_sweep_that_is_asked_to_stop_ends_after_its_batch(connection: Connection, database_url: str) -> None:
    fill(connection, "idempotency_key")
    tidy(partial(connect_tidy, database_url), lambda _: False)
    assert count(connection, "idempotency_key") == BACKLOG - BATCH_ROWS


def test_a_second_sweep_leaves_the_first_alone_and_goes_on_when_it_has_died(
    connection: Connection, sweep: Sweep, database_url: str
) -> None:
    fill(connection, "idempotency_key")
    seen: list[SweepResult | None] = []

    def rest(_: float) -> bool:
        seen.append(sweep())
        return False

    tidy(partial(connect_tidy, database_url), rest)
    assert seen == [None]

    def is_alone() -> bool:
        seen.append(sweep())
        return seen[-1] is not None

    wait_until(is_alone, "PostgreSQL has ended the session of the first")
    gone = seen[-1]
    assert gone is not None
    assert gone.rows == {"idempotency_key": BACKLOG - BATCH_ROWS}


def test_how_far_behind_each_table_is_can_be_seen(connection: Connection, sweep: Sweep) -> None:
    for table in sorted(set(OLD) - {"outcome_rest", "refresh_token"}):
        assert connection.execute(SQL_BEHIND.encode()).fetchone() is None
        fill(connection, table)
        row = connection.execute(SQL_BEHIND.encode()).fetchone()
        assert row is not None
        assert row[0] == table
        assert row[1] > 3_500
        sweep()
    assert connection.execute(SQL_BEHIND.encode()).fetchone() is None


def test_old_partitions_that_are_not_dropped_can_be_seen(connection: Connection) -> None:
    connection.execute("CREATE TABLE old PARTITION OF outcome FOR VALUES FROM ('2020-03-02') TO ('2020-03-09')")
    row = connection.execute(SQL_BEHIND.encode()).fetchone()
    assert row is not None
    assert row[0] == "outcome"


def test_batches_of_a_clock_that_was_far_ahead_go_when_all_before_them_are_gone(
    connection: Connection, sweep: Sweep
) -> None:
    connection.execute(
        "INSERT INTO event_batch (events, first_position, created_at) SELECT 1, n, now() + make_interval(days => days)"
        " FROM unnest(ARRAY[-8, 31, -8, 31, -6]) WITH ORDINALITY AS t (days, n)"
    )
    sweep()
    assert connection.execute("SELECT first_position FROM event_batch").fetchall() == [(5,)]


def test_readyz_tells_how_far_behind_it_is(stack: Stack, client: Client) -> None:
    with connect_lane(stack.database_url, "holdfast tests") as one:
        wait_until(
            lambda: one.execute(SQL_ALONE).fetchone() == (True,), "the stack's own sweep is over, and none begins"
        )
        one.execute(OLD["oauth_attempt"].encode(), {"n": 1})
        one.execute("UPDATE oauth_attempt SET expires_at = now() - interval '3 hours' WHERE nonce = ''")
        late = client.get("/readyz").json()
        one.execute("DELETE FROM oauth_attempt WHERE nonce = ''")
        good = client.get("/readyz").json()
    assert late["degraded"] == ["retention"]
    assert 7_200 <= late["retention_lag_s"] < 7_300
    assert (good["degraded"], good["retention_lag_s"]) == ([], 0)
