"""Rooms for tests: one of a test's own, so that no two tests meet in it, and the requests about it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Sequence
from itertools import count
from typing import Any

import httpx

from core.identity.principals import hash_token
from tests.support.clients.callers import execute
from tests.support.processes.stack import Stack

_numbers = count(1)
AT_ONCE = 100
"""More would measure the client: its pool of connections slows with their square."""
ASKED_AGAIN = 10

FREE_DAY = "2100-01-04"
"""A Monday far ahead."""


def new_room(staff: httpx.Client, **changes: Any) -> int:
    """A room of 09:00 to 18:00 in slots of 30 minutes at 50.00; its id."""
    body = {"name": f"Room {next(_numbers)}", "price_per_slot": 50.00, "capacity": 10, **changes}
    answer = staff.post("/api/admin/rooms/", json=body)
    assert answer.status_code == 201, answer.text
    return int(answer.json()["id"])


def wish(room_id: int, **changes: Any) -> dict[str, Any]:
    """The body that books a room's first hour."""
    given = {"room_id": room_id, "booking_date": FREE_DAY, "start_time": "09:00:00", "end_time": "10:00:00"}
    return {**given, "guest_count": 5, **changes}


def book(client: httpx.Client, room_id: int, **changes: Any) -> httpx.Response:
    return client.post("/api/bookings/", json=wish(room_id, **changes))


class Crowd:
    """Many people with an API token each, made behind the API's back: so many logins would take minutes."""

    def __init__(self, stack: Stack, size: int) -> None:
        self._stack = stack
        name = secrets.token_hex(6)
        rows = execute(
            stack,
            """INSERT INTO user_account (username, username_key)
               SELECT name, name FROM (SELECT %s || '-' || n AS name FROM generate_series(1, %s) AS n) AS names
               RETURNING id""",
            name,
            size,
        )
        self._tokens = {row[0]: f"hft_{secrets.token_urlsafe(32)}" for row in rows}
        execute(
            stack,
            """INSERT INTO api_token (token_hash, user_id, auth_epoch)
               SELECT hash, user_id, 0 FROM unnest(%s::bytea[], %s::bigint[]) AS t (hash, user_id)""",
            [hash_token(token) for token in self._tokens.values()],
            list(self._tokens),
        )

    @classmethod
    def of(cls, crowd: Crowd, user_ids: Sequence[int]) -> Crowd:
        """Some of a crowd, in this order."""
        some = cls.__new__(cls)
        some._stack, some._tokens = crowd._stack, {user_id: crowd._tokens[user_id] for user_id in user_ids}
        return some

    @property
    def user_ids(self) -> list[int]:
        return list(self._tokens)

    def client(self, user_id: int) -> httpx.Client:
        headers = {"Authorization": f"Token {self._tokens[user_id]}"}
        return httpx.Client(base_url=self._stack.api_url, timeout=60.0, headers=headers)

    def book_at_once(self, bodies: Sequence[dict[str, Any]], path: str = "/api/bookings/") -> list[httpx.Response]:
        """One request of each person, `AT_ONCE` under way at any moment; the n-th sends the n-th body.

        Who gets a 202 asks again with the same key, as a client does.
        """
        return asyncio.run(self._all(bodies, path))

    async def _all(self, bodies: Sequence[dict[str, Any]], path: str) -> list[httpx.Response]:
        places = asyncio.Semaphore(AT_ONCE)
        async with httpx.AsyncClient(base_url=self._stack.api_url, timeout=60.0) as client:

            async def book(token: str, body: dict[str, Any]) -> httpx.Response:
                headers = {"Authorization": f"Token {token}", "Idempotency-Key": secrets.token_hex(16)}
                async with places:
                    answer = await client.post(path, json=body, headers=headers)
                    for _ in range(ASKED_AGAIN):
                        if answer.status_code != 202:
                            break
                        answer = await client.post(path, json=body, headers=headers)
                    return answer

            return await asyncio.gather(*map(book, self._tokens.values(), bodies))
