"""Tickets and what else is looked up by its hash: good once, in time, and for as long as their login."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest

from core.identity import users
from core.identity.credentials import login_sessions, lookup, websocket_tickets
from core.identity.credentials.login_sessions import NewLogin
from core.identity.principals import How, PrincipalKind, hash_token
from core.identity.users import NewUser, TakenError
from core.store.maintenance.retention import KEPT

Connection = psycopg.AsyncConnection[Any]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Connection]:
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
        yield connection


async def new_login(database: Connection, username: str = "bob") -> NewLogin:
    user_id = await users.create_user(database, NewUser(username=username))
    login = await login_sessions.begin(database, user_id, 0, "10.0.0.1", with_body_family=True)
    assert login is not None
    return login


async def new_ticket(database: Connection, login: NewLogin) -> str:
    found = await lookup.by_cookie(database, login.session_token)
    assert found is not None
    return await websocket_tickets.issue(database, found.principal(How.SESSION))


async def test_a_ticket_says_who_asked_for_it(database: Connection) -> None:
    login = await new_login(database)
    found = await lookup.use_ticket(database, await new_ticket(database, login))
    assert found is not None
    assert (found.user_id, found.session_id) == (login.claims.user_id, login.claims.session_id)


async def test_a_ticket_is_good_once_even_for_two_at_once(database: Connection, database_url: str) -> None:
    ticket = await new_ticket(database, await new_login(database))

    async def use() -> bool:
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as own:
            return await lookup.use_ticket(own, ticket) is not None

    assert sorted(await asyncio.gather(*(use() for _ in range(5)))) == [False] * 4 + [True]


async def test_a_ticket_runs_out(database: Connection) -> None:
    ticket = await new_ticket(database, await new_login(database))
    await database.execute("UPDATE ws_ticket SET expires_at = clock_timestamp()")
    assert await lookup.use_ticket(database, ticket) is None


async def test_a_ticket_ends_with_its_login(database: Connection) -> None:
    login = await new_login(database)
    ticket = await new_ticket(database, login)
    await login_sessions.end(database, login.claims.session_id)
    assert await lookup.use_ticket(database, ticket) is None


async def test_a_ticket_ends_with_its_user_s_role(database: Connection) -> None:
    login = await new_login(database)
    ticket = await new_ticket(database, login)
    await database.execute("UPDATE user_account SET is_staff = true")
    assert await lookup.use_ticket(database, ticket) is None


@pytest.mark.parametrize(
    ("roles", "kind"),
    [
        ("is_staff = true, is_superuser = true", PrincipalKind.SUPERUSER),
        ("is_staff = true, is_practitioner = true", PrincipalKind.STAFF),
        ("is_practitioner = true", PrincipalKind.PRACTITIONER),
        ("first_name = 'Bob'", PrincipalKind.USER),
    ],
)
async def test_a_principal_has_the_highest_role_of_its_account(
    database: Connection, roles: str, kind: PrincipalKind
) -> None:
    user_id = await users.create_user(database, NewUser(username="bob"))
    await database.execute(f"UPDATE user_account SET {roles}")
    user = await users.by_id(database, user_id)
    assert user is not None
    login = await login_sessions.begin(database, user_id, user.auth_epoch, "", with_body_family=False)
    assert login is not None
    found = await lookup.by_claims(database, login.claims)
    assert found is not None
    assert found.principal(How.BEARER).kind is kind


async def test_what_a_token_claims_holds_until_its_login_ends(database: Connection) -> None:
    login = await new_login(database)
    assert await lookup.by_claims(database, login.claims) is not None
    await login_sessions.end(database, login.claims.session_id)
    assert await lookup.by_claims(database, login.claims) is None


async def test_no_login_begins_for_an_epoch_that_is_past(database: Connection) -> None:
    user_id = await users.create_user(database, NewUser(username="bob"))
    await database.execute("UPDATE user_account SET is_active = false")
    assert await login_sessions.begin(database, user_id, 0, "", with_body_family=False) is None


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (NewUser(username="BOB"), "username"),
        (NewUser(username="x", email="Bob@Example.com"), "email"),
        (NewUser(username="x", phone_key="+201001234567"), "phone"),
    ],
)
async def test_a_taken_name_is_named_and_the_transaction_goes_on(
    database: Connection, other: NewUser, field: str
) -> None:
    first = NewUser(username="bob", email="bob@example.com", phone_key="+201001234567")
    async with database.transaction():
        await users.create_user(database, first)
        with pytest.raises(TakenError) as taken:
            await users.create_user(database, other)
        await users.create_user(database, NewUser(username="y"))
    assert taken.value.field == field


async def test_what_is_over_is_forgotten_and_nothing_else(database: Connection) -> None:
    old, present = await new_login(database, "old"), await new_login(database, "present")
    for login in (old, present):
        await new_ticket(database, login)
    for table in ("login_session", "ws_ticket"):
        await database.execute(
            f"UPDATE {table} SET expires_at = expires_at - interval '60 days' WHERE user_id = %s",
            [old.claims.user_id],
        )
    for _ in range(2):  # a login goes after its tokens
        for kept in KEPT:
            await database.execute(kept.delete.encode(), {"after": kept.first})
    rows = await (await database.execute("SELECT token_hash FROM login_session")).fetchall()
    assert [bytes(row[0]) for row in rows] == [hash_token(present.session_token)]
    counts = "SELECT (SELECT count(*) FROM refresh_token), (SELECT count(*) FROM ws_ticket)"
    assert await (await database.execute(counts)).fetchone() == (2, 1)
