"""`migrate` tells of accounts whose name would not be taken any more, and changes nothing of them."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from structlog.testing import capture_logs

from core.store.connections.database import MIGRATE_LIMITS, connect, connect_lane
from core.store.migrate import upgrade
from tests.support.engine.lanes import Background, lock_waits
from tests.support.processes.servers import PostgresServer, settings_for
from tests.support.wait import wait_until

BEFORE = "0029"
REDIS_URL = "redis://127.0.0.1:1/0"
FULL_WIDTH = "\uff12\uff10\uff12\uff15\uff15\uff17\uff17"
ACCOUNTS = [
    # id, username, username_key, phone_key, email_key
    (1, "20255770001", "20255770001", "20255770001", None),
    (2, "Zoë", "zoë", None, None),
    (3, "zoe@example.org", "zoe@example.org", None, "zoe@example.org"),
    (4, FULL_WIDTH, "2025577", None, None),
    (5, "9876\u00a0543210", "9876 543210", None, None),
    (6, "ann\uff20example.org", "ann@example.org", None, None),
    (7, "ada  lovelace", "ada  lovelace", None, None),
    (8, "Ada Lovelace", "ada lovelace", None, None),
    (9, "kim", "kim", None, "\u212aim@example.org"),
]
WHY = {
    "its username is a phone number, but not the one of its phone": [4, 5],
    "its username became an address when it was put into its normal form": [6],
    "its username is kept under another key than it would get now": [7],
    "another account has the same username by the rule of now": [7],
    "its login address is not one that mail can be sent to": [9],
}
SQL_ACCOUNT = "INSERT INTO user_account (id, username, username_key, phone_key, email_key) VALUES (%s, %s, %s, %s, %s)"
SQL_ACCOUNTS = "SELECT to_jsonb(u) - 'words' FROM user_account u ORDER BY id"
"""A row each, with the columns that there are."""


@pytest.fixture
def older_database(postgres: PostgresServer) -> Iterator[str]:
    with postgres.older_database(BEFORE) as url:
        yield url


def test_accounts_that_do_not_fit_are_told_and_stay_as_they_are(older_database: str) -> None:
    with psycopg.connect(older_database, autocommit=True) as connection:
        connection.cursor().executemany(SQL_ACCOUNT, ACCOUNTS)
        before = [row for (row,) in connection.execute(SQL_ACCOUNTS).fetchall()]
        with capture_logs() as logs:
            upgrade(settings_for(older_database, REDIS_URL))
        told = {log["why"]: (log["accounts"], log["ids"]) for log in logs if log["log_level"] == "warning"}
        assert told == {why: (len(ids), ids) for why, ids in WHY.items()}
        after = [row for (row,) in connection.execute(SQL_ACCOUNTS).fetchall()]
        assert [{name: row[name] for name in was} for was, row in zip(before, after, strict=True)] == before
        found = connection.execute(
            "SELECT id FROM user_account WHERE words LIKE '% ada lovelace%' ORDER BY id"
        ).fetchall()
        assert found == [(7,), (8,)], "all are found by the search"


def test_a_name_that_is_there_twice_is_told_and_stays(older_database: str) -> None:
    """Both services go on; what would hold the rule from now on is not built over them."""
    with psycopg.connect(older_database, autocommit=True) as connection:
        connection.execute("INSERT INTO resource (id, kind, name, zone) VALUES (1, 'desk', 'desk', 'UTC')")
        connection.execute(
            """
            INSERT INTO service (id, name, name_key, resource_id)
            VALUES (1, 'Hot Stone', 'hot stone', 1), (2, 'Hot  Stone', 'hot  stone', 1), (3, 'Massage', 'massage', 1)
            """
        )
        with capture_logs() as logs:
            upgrade(settings_for(older_database, REDIS_URL))
        assert [(log["table"], log["ids"]) for log in logs if log["log_level"] == "warning"] == [("service", [1, 2])]
        assert connection.execute("SELECT name FROM service ORDER BY id").fetchall() == [
            ("Hot Stone",),
            ("Hot  Stone",),
            ("Massage",),
        ]


SQL_MARKET_BOOKING = """
INSERT INTO user_account (id, username, username_key) VALUES (1, 'ann', 'ann');
INSERT INTO resource (id, kind, name, zone) VALUES (7, 'practitioner', 'ann', 'UTC');
INSERT INTO practitioner (id, user_id, resource_id, name, name_key) VALUES (1, 1, 7, 'ann', 'ann');
INSERT INTO service (id, name, name_key, resource_id, kind, is_named, owner_id)
VALUES (1, 'Yoga', 'yoga', 7, 'individual', false, 1);
INSERT INTO booking (id, public_uuid, contract, user_id, service_id, service_name, resource_id, starts_at, ends_at,
                     local_date, local_time, duration_minutes, status, payment_status, command_id, created_at, updated_at)
SELECT n, gen_random_uuid(), 'marketplace', 1, 1, 'Yoga', 7, now(), now() + interval '1 hour', current_date, '09:00', 60,
       'confirmed', 'none', gen_random_uuid(), now(), now() FROM generate_series(1, 1200) n;
INSERT INTO marketplace_booking (booking_id, user_id, practitioner_id, service_id, kind, status, payment_status,
                                 price_minor, created_at, words)
SELECT n, 1, 1, 1, 'individual', 'confirmed', 'none', 0, now(), 'Hot  Stone ' || n FROM generate_series(1, 1200) n;
"""
SQL_LOCKED = """
SELECT relation::regclass::text FROM pg_locks JOIN pg_stat_activity USING (pid)
WHERE application_name = 'holdfast migrate' AND mode = 'AccessExclusiveLock' AND granted AND relation IS NOT NULL
"""


def test_nobody_waits_for_a_table_while_the_words_of_bookings_are_folded(older_database: str) -> None:
    """However many there are, and also while one of them is being changed."""
    with (
        connect(older_database, MIGRATE_LIMITS, "holdfast first") as first,
        connect_lane(older_database, "second") as two,
    ):
        two.execute(SQL_MARKET_BOOKING)
        with first.transaction():
            first.execute("UPDATE marketplace_booking SET status = status WHERE booking_id = 700")
            migrating = Background(lambda: upgrade(settings_for(older_database, REDIS_URL)))
            wait_until(lambda: lock_waits(two, "holdfast migrate") > 0, "the migration waits for the booking")
            assert two.execute(SQL_LOCKED).fetchall() == []
        migrating.join()
        left = "SELECT count(*) FROM marketplace_booking WHERE words <> 'hot stone ' || booking_id"
        assert two.execute(left).fetchone() == (0,)
