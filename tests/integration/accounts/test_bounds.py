"""What one person may have at once: logins, and tickets for sockets."""

from __future__ import annotations

import asyncio

import psycopg

from api.accounts.limits import TICKETS_OF_USER
from core.identity.credentials import login_sessions
from core.identity.credentials.login_sessions import LOGINS_PER_USER_MAX
from tests.support.clients.callers import bearer, browser, csrf, execute, log_in, new_person, wait_until_refused
from tests.support.processes.stack import Stack

LIVE = "SELECT count(*) FROM login_session WHERE user_id = %s AND ended_at IS NULL"


def test_one_login_too_many_ends_the_oldest(stack: Stack) -> None:
    email = new_person(stack)
    with browser(stack) as oldest, browser(stack) as second, browser(stack) as last:
        body = log_in(oldest, email)
        log_in(second, email)
        begin(stack, body["user_id"], LOGINS_PER_USER_MAX - 2)
        log_in(last, email)
        wait_until_refused(oldest)
        wait_until_refused(oldest, bearer(body["access"]))
        assert oldest.post("/api/token/refresh-cookie/").status_code == 401
        assert [one.get("/api/auth/user/").status_code for one in (second, last)] == [200, 200]
    assert execute(stack, LIVE, body["user_id"]) == [(LOGINS_PER_USER_MAX,)]


def begin(stack: Stack, user_id: int, number: int) -> None:
    """As many more logins, without the cost of a password."""

    async def logins() -> None:
        async with await psycopg.AsyncConnection.connect(stack.database_url, autocommit=True) as connection:
            for _ in range(number):
                assert await login_sessions.begin(connection, user_id, 0, "", with_body_family=False)

    asyncio.run(logins())


def test_a_person_gets_only_so_many_tickets_at_once(stack: Stack) -> None:
    email = new_person(stack)
    with browser(stack) as client, browser(stack) as other:
        log_in(client, email)
        answers = [client.post("/api/ws-ticket/", headers=csrf(client)) for _ in range(2 * TICKETS_OF_USER.amount + 1)]
        over = next(answer for answer in answers if answer.status_code != 200)
        assert (over.status_code, over.json()["code"]) == (429, "too_many_requests")
        assert 0 < int(over.headers["Retry-After"]) <= TICKETS_OF_USER.window_s
        log_in(other, new_person(stack))
        assert other.post("/api/ws-ticket/", headers=csrf(other)).status_code == 200
