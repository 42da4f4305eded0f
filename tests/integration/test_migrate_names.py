"""`migrate` tells of accounts whose name would not be taken any more, and changes nothing of them."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import psycopg
import pytest
from alembic import command
from structlog.testing import capture_logs

from core.store.database import MIGRATE_LIMITS
from core.store.migrate import alembic_config, upgrade
from core.store.sqlalchemy_engines import engine
from tests.servers import PostgresServer, settings_for

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


@pytest.fixture
def older_database(postgres: PostgresServer) -> Iterator[str]:
    name = f"t_{secrets.token_hex(6)}"
    url = postgres.bare_database(name)
    migrating = engine(url, MIGRATE_LIMITS, "holdfast tests")
    with migrating.connect() as connection:
        command.upgrade(alembic_config(connection), BEFORE)
    migrating.dispose()
    yield url
    postgres.drop_database(url)


def test_accounts_that_do_not_fit_are_told_and_stay_as_they_are(older_database: str) -> None:
    with psycopg.connect(older_database, autocommit=True) as connection:
        connection.cursor().executemany(SQL_ACCOUNT, ACCOUNTS)
        before = connection.execute(SQL_ACCOUNTS).fetchall()
        with capture_logs() as logs:
            upgrade(settings_for(older_database, REDIS_URL))
        told = {log["why"]: (log["accounts"], log["ids"]) for log in logs if log["log_level"] == "warning"}
        assert told == {why: (len(ids), ids) for why, ids in WHY.items()}
        assert connection.execute(SQL_ACCOUNTS).fetchall() == before
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
