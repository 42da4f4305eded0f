"""The demo's data outside the demo: nothing starts on what everybody has the passwords and the key of."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import psycopg
import pytest

from core.doctor.postgresql import examine_database
from core.identity.demo_accounts import ACCOUNTS, ADMIN, AGENT_KEY, Account, add_account, add_agent_key
from core.passwords import hash_password
from core.settings import Settings, from_environment
from ops import demo
from tests.conftest import FIGURE, FreshStack
from tests.support.processes.make_run import command
from tests.support.processes.servers import PostgresServer, settings_for, stack_environment
from tests.support.processes.stack import WITH_DATABASE
from tests.support.wait import wait_until

NOWHERE = "redis://127.0.0.1:1/0"
DEMO_DATA = (
    "DATABASE_URL names a database that holds the demo, whose passwords and agent key everybody knows: name an empty one "
    "(with make run: another folder with DATA=), or start the demo on it with HOLDFAST_DEMO=1."
)
OUTSIDE = {
    "HOLDFAST_DEMO": "0",
    "HOLDFAST_SECRET_KEY": "a-secret-of-the-tests-0123456789-0123456789",
    "HOLDFAST_FLOWER": "1",
    "HOLDFAST_FLOWER_PASSWORD": "a-password-of-the-tests",
}
CREDENTIALS = [*ACCOUNTS, AGENT_KEY]
"""All that the demo lets anybody in with. Its other secrets are made anew for each data folder, or refused by name."""


def outside(database_url: str) -> Settings:
    return from_environment({**stack_environment(database_url, NOWHERE), **OUTSIDE})


def is_refused(database_url: str) -> bool:
    refusal = examine_database(outside(database_url)).refusal
    return refusal is not None and refusal.text == DEMO_DATA


@pytest.mark.parametrize("credential", CREDENTIALS, ids=lambda one: one.email if isinstance(one, Account) else "key")
def test_each_credential_of_the_demo_is_enough_to_refuse_as_long_as_it_works(
    database_url: str, credential: Account | str
) -> None:
    """As in a database of an earlier release, which has no mark."""
    assert not is_refused(database_url)
    with psycopg.connect(database_url, autocommit=True) as connection:
        if isinstance(credential, Account):
            add_account(connection, credential)
        else:
            add_account(connection, ADMIN)
            connection.execute("UPDATE user_account SET password_hash = NULL")
            add_agent_key(connection)
        assert is_refused(database_url)
        assert examine_database(settings_for(database_url, NOWHERE)).refusal is None
        connection.execute("UPDATE user_account SET password_hash = %s", (hash_password("something else entirely"),))
        connection.execute("UPDATE agent_key SET revoked_at = clock_timestamp()")
    assert not is_refused(database_url), "a person of this name whose password nobody knows is none of the demo's"


def test_no_transaction_waits_while_the_demo_s_passwords_are_hashed(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine that takes longer than any transaction may idle."""
    states: list[str] = []

    def hash_slowly(password: str) -> str:
        with psycopg.connect(database_url, autocommit=True) as other:
            found = other.execute(
                "SELECT state FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'holdfast demo'"
            )
            states.extend(row[0] for row in found.fetchall())
        return f"a hash of {len(password)} characters"

    monkeypatch.setattr("core.identity.demo_accounts.hash_password", hash_slowly)
    assert demo.load(from_environment(stack_environment(database_url, NOWHERE)))
    assert states == ["idle"] * len(ACCOUNTS)


def test_a_loaded_demo_is_marked_whatever_becomes_of_its_credentials(
    postgres: PostgresServer, record_property: Callable[[str, object], None]
) -> None:
    url = postgres.new_database(demo=True)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE user_account SET password_hash = NULL")
        connection.execute("DELETE FROM agent_key")
    assert is_refused(url)
    postgres.drop_database(url)
    record_property(FIGURE, f"credentials of the demo: {len(CREDENTIALS)}, each refused by itself, and the mark")


def test_a_demo_of_an_earlier_release_is_marked_at_its_next_start(postgres: PostgresServer) -> None:
    url = postgres.new_database(demo=True)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("UPDATE installation SET demo_at = NULL")
        demo.load(settings_for(url, NOWHERE))
        assert connection.execute("SELECT demo_at IS NOT NULL FROM installation").fetchone() == (True,)
    postgres.drop_database(url)


def test_every_process_and_the_migration_refuse(fresh_stack: FreshStack) -> None:
    stack = fresh_stack(processes=WITH_DATABASE, environment=OUTSIDE, wait=False)
    environment = {**stack.full_environment(), "PATH": "/usr/bin:/bin"}
    migrated = subprocess.run(command("migrate"), env=environment, capture_output=True, text=True, check=False)
    assert (migrated.returncode, migrated.stderr.count(f"holdfast: {DEMO_DATA}")) == (1, 1)
    wait_until(lambda: all(server.child.exit_code() is not None for server in stack.servers), "all have ended")
    for server in stack.servers:
        assert server.child.exit_code() == 1, server.name
        assert server.log.count(f"holdfast: {DEMO_DATA}") == 1, server.name
