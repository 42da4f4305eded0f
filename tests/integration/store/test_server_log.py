"""Neither PostgreSQL's own log nor the words of our errors hold personal data, whatever fails over the API or by SQL."""

from __future__ import annotations

import re
import secrets
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import psycopg
import pytest
import sqlalchemy

from core.store.connections.database import LANE_LIMITS
from core.store.connections.round_trip import RoundTrip
from core.store.connections.server_log import SERVER_LOG, revealing
from core.store.connections.sqlalchemy_engines import engine
from ops.database_roles import create_application_role
from tests.support.clients.http_client import Client, agent_booking
from tests.support.processes.servers import PostgresServer
from tests.support.wait import wait_until

PERSON = {"first": "Wilhelmina", "email": "mina.murray@whitby.example", "phone": "+4915112345678"}
SQL_PERSON = """
INSERT INTO user_account (username, username_key, email, email_key, phone, phone_key, first_name)
VALUES (%(email)s, %(email)s, %(email)s, %(email)s, %(phone)s, %(phone)s, %(first)s)
"""
WRONG: dict[str, tuple[str, dict[str, Any]]] = {
    "a key that is there": (SQL_PERSON, PERSON),
    "the same, as text": (SQL_PERSON % {name: f"'{value}'" for name, value in PERSON.items()}, {}),
    "a null, with the whole row": ("INSERT INTO user_account (username, first_name) VALUES (%(email)s, %(first)s)", PERSON),
    "no number": ("SELECT %(first)s::text::int", PERSON),
    "no date": ("SELECT %(phone)s::text::date", PERSON),
    "no document": ("SELECT %(email)s::text::jsonb", PERSON),
    "a check, with the whole row": ("INSERT INTO resource (kind, name) VALUES (%(email)s, %(first)s)", PERSON),
    "a message of a function": (f"DO $$ BEGIN RAISE EXCEPTION '{PERSON['email']}'; END $$", {}),
    "a warning": (f"DO $$ BEGIN RAISE WARNING '{PERSON['email']}'; END $$", {}),
    "a statement within a function": (f"DO $$ BEGIN PERFORM '{PERSON['first']}'::int; END $$", {}),
    "a statement that is too slow": (
        "SELECT pg_sleep(5) FROM (SELECT %(email)s::text) AS slow", {"email": PERSON["email"]},
    ),
    "no such column": (f'SELECT "{PERSON["email"]}"', {}),
}  # fmt: skip


def leaked(log: str) -> set[str]:
    return {value for value in PERSON.values() if value in log}


@pytest.fixture
def application(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(SQL_PERSON, PERSON)
        connection.execute("SET statement_timeout = '50ms'")
        yield connection


def fail(connection: psycopg.Connection[Any], words: str, values: dict[str, Any]) -> None:
    with suppress(psycopg.Error):
        connection.execute(words.encode(), values or None)


def everything_so_far(postgres: PostgresServer, url: str) -> str:
    """The log up to a line that stands in it for certain."""
    mark = f"mark_{secrets.token_hex(8)}"
    with suppress(psycopg.OperationalError):
        psycopg.connect(url, dbname=mark).close()
    wait_until(lambda: mark in postgres.log, "the refused connection is in the log")
    return postgres.log


def test_nothing_that_fails_in_sql_brings_a_person_into_the_log(
    postgres: PostgresServer, database_url: str, application: psycopg.Connection[Any]
) -> None:
    for words, values in WRONG.values():
        fail(application, words, values)
    line = f"{PERSON['first']}\t{PERSON['email']}\t{PERSON['phone']}\n"
    with (
        suppress(psycopg.Error),
        application.cursor() as cursor,
        cursor.copy("COPY user_account (id, first_name, email) FROM STDIN") as copy,
    ):
        copy.write(line)
    deadlock(database_url)
    assert leaked(everything_so_far(postgres, database_url)) == set()


def deadlock(url: str) -> None:
    """Its DETAIL would hold both statements."""
    statement = f"UPDATE user_account SET first_name = '{PERSON['first']}' WHERE id = %s"
    meet = threading.Barrier(2)

    def lock(first: int, second: int) -> None:
        with suppress(psycopg.errors.DeadlockDetected), psycopg.connect(url) as connection:
            connection.execute(statement.encode(), (first,))
            meet.wait(10)
            connection.execute(statement.encode(), (second,))

    with psycopg.connect(url, autocommit=True) as connection:
        insert = "INSERT INTO user_account (username, username_key) VALUES ('a', 'deadlock-' || %s) RETURNING id"
        rows = [connection.execute(insert, (one,)).fetchone() for one in range(2)]
    ids = [row[0] for row in rows if row is not None]
    both = [threading.Thread(target=lock, args=order) for order in (ids, ids[::-1])]
    for one in both:
        one.start()
    for one in both:
        one.join(20)


def test_the_superusers_mistakes_bring_no_key_and_no_statement_into_it(
    postgres: PostgresServer, database_url: str, application: psycopg.Connection[Any]
) -> None:
    """The server's own settings: they hold for restores and for whoever looks by hand, too."""
    with psycopg.connect(postgres.url(database_url.rsplit("/", 1)[1]), autocommit=True) as connection:
        for what in ("a key that is there", "the same, as text", "a null, with the whole row"):
            fail(connection, *WRONG[what])
        log = everything_so_far(postgres, database_url)
        assert leaked(log) == set()
        assert 'unique constraint "user_account' in log, "the server's log has what no session of ours caused"


def test_without_the_settings_it_would_be_there(postgres: PostgresServer, database_url: str) -> None:
    """So the others look in the right place."""
    name = f"Arthur{secrets.token_hex(4)}"
    with psycopg.connect(postgres.url(database_url.rsplit("/", 1)[1]), autocommit=True) as connection:
        connection.execute("SET log_min_error_statement = error")
        fail(connection, f"SELECT '{name}'::text, 1/0", {})
    wait_until(lambda: name in postgres.log, "the statement is in the log")


NO_WORDS_OF_OURS = {"a message of a function", "no such column", "a warning"}
"""Our functions raise numbers, and our statements name columns of ours. A warning is no error."""


@pytest.mark.parametrize("what", sorted(WRONG.keys() - NO_WORDS_OF_OURS))
def test_an_errors_own_words_have_nothing_of_a_row(application: psycopg.Connection[Any], what: str) -> None:
    """Our logs have them, and the tracebacks in our logs."""
    if "slow" not in what:
        application.execute("RESET statement_timeout")
    with pytest.raises(psycopg.Error) as raised:
        application.execute(WRONG[what][0].encode(), WRONG[what][1] or None)
    assert leaked("".join([*traceback.format_exception(raised.value), repr(raised.value)])) == set()
    assert raised.value.diag.message_primary, "who needs more has it"


def test_nor_has_a_copy_or_a_statement_of_a_pipeline(application: psycopg.Connection[Any]) -> None:
    application.execute("RESET statement_timeout")
    copying = "COPY user_account (id, first_name) FROM STDIN"
    with pytest.raises(psycopg.Error) as copied, application.cursor() as cursor, cursor.copy(copying) as copy:
        copy.write(f"{PERSON['first']}\t{PERSON['phone']}\n")
    with pytest.raises(psycopg.Error) as sent, RoundTrip(application) as trip:
        trip.execute(SQL_PERSON % {name: f"'{value}'" for name, value in PERSON.items()})
    assert "invalid input syntax" in str(copied.value)
    assert str(sent.value) == 'duplicate key value violates unique constraint "user_account_username_key_key"'
    assert leaked(repr(copied.value) + repr(sent.value)) == set()


def test_nor_has_sqlalchemys(database_url: str, application: psycopg.Connection[Any]) -> None:
    """It adds the statement, and would add its parameters."""
    ours = engine(database_url, LANE_LIMITS, "holdfast tests", poolclass=sqlalchemy.NullPool)
    statement = sqlalchemy.text(re.sub(r"%\((\w+)\)s", r":\1", SQL_PERSON))
    with pytest.raises(sqlalchemy.exc.IntegrityError) as raised, ours.connect() as connection:
        connection.execute(statement, PERSON)
    assert "INSERT INTO user_account" in str(raised.value)
    assert leaked("".join(traceback.format_exception(raised.value))) == set()


def test_what_people_do_over_the_api_leaves_none_of_them_in_it(
    postgres: PostgresServer, client: Client, database_url: str
) -> None:
    """Names that are taken, times that are taken, texts that nothing can hold."""
    account = {"username": "mina", "email": PERSON["email"], "password": "a-password-of-the-tests-1"}
    booking = agent_booking(phone=PERSON["phone"], email=PERSON["email"], first_name=PERSON["first"])
    assert [client.post("/api/auth/register/", json=account).status_code for _ in range(2)] == [201, 400]
    assert [client.book(booking).status_code for _ in range(2)] == [201, 409]
    for change in ({"notes": "\u0000"}, {"booking_date": PERSON["email"]}, {"email": PERSON["first"]}):
        assert client.book({**booking, **change}).status_code == 400
    client.post("/api/login/", json={"username": PERSON["email"], "password": PERSON["phone"]})
    assert leaked(everything_so_far(postgres, database_url)) == set()


def test_the_role_has_the_settings_on_a_server_that_has_not(postgres: PostgresServer, database_url: str) -> None:
    """By `migrate` with HOLDFAST_OWNER_DATABASE_URL, each time again."""
    owner = postgres.url(database_url.rsplit("/", 1)[1])
    with psycopg.connect(owner, autocommit=True) as connection:
        connection.execute("ALTER ROLE holdfast_app RESET ALL")
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SHOW log_min_messages").fetchone() == ("warning",)
    create_application_role(owner, database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SHOW log_min_messages").fetchone() == ("log",)
        settings = connection.execute("SELECT unnest(rolconfig) FROM pg_roles WHERE rolname = current_user").fetchall()
    assert {f"{name}={value}" for name, value in SERVER_LOG.items()} < {one for (one,) in settings}


def test_postgresqls_defaults_are_told() -> None:
    defaults = {
        "log_error_verbosity": "default",
        "log_min_messages": "warning",
        "log_min_error_statement": "error",
        "log_parameter_max_length": "-1",
    }
    assert revealing(defaults) == tuple(f"{name} = {value}" for name, value in defaults.items())
    assert revealing({"log_min_messages": "fatal", "auto_explain.log_min_duration": "-1"}) == ()
