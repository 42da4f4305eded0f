"""What limits count: callers by network, tries by window, and on while Redis is away."""

from __future__ import annotations

import asyncio
import threading

import pytest

from api.http.errors import Problem
from api.limits.throttle import Limit, Throttle, normalised_name
from core import passwords
from core.client_addresses import subscriber_of
from core.passwords import Passwords

NOWHERE = "redis://127.0.0.1:1/0"
TWICE = Limit("twice", 2, 60)


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("unix", "unix"),
    ],
)
def test_a_caller_is_an_ipv4_address_or_an_ipv6_network(address: str, counted: str) -> None:
    assert subscriber_of(address) == counted


@pytest.mark.parametrize(
    ("spellings", "counted"),
    [
        (
            (
                "Zoe@Example.org",
                " zoe@example.org",
                "zoe@EXAMPLE.org ",
                "\N{FULLWIDTH LATIN SMALL LETTER Z}oe@example.org",
                "\u00a0zoe@example.org",
            ),
        )
        * 2,
        (("2025550123", "+1 202 555 0123", "(202) 555-0123", "\N{FULLWIDTH DIGIT TWO}025550123"), ("+12025550123",)),
        (("Straße", "STRASSE", "strasse "), ("strasse",)),
    ],
    ids=["address", "phone", "username"],
)
def test_all_spellings_of_a_name_count_together(spellings: tuple[str, ...], counted: tuple[str, ...]) -> None:
    assert {normalised_name(spelt, "US") for spelt in spellings} == {normalised_name(counted[0], "US")}


async def test_tries_are_counted_by_each_process_while_redis_is_away() -> None:
    throttle = Throttle(NOWHERE)
    assert [await throttle.count(TWICE, "bob") for _ in range(3)] == [True, True, False]
    assert await throttle.allows(TWICE, "alice")


async def test_a_refusal_says_when_to_come_back() -> None:
    throttle = Throttle(NOWHERE)
    for _ in range(2):
        await throttle.spend(TWICE, "bob")
    with pytest.raises(Problem) as refusal:
        await throttle.spend(TWICE, "bob")
    assert refusal.value.status == 429
    assert 0 < int(refusal.value.headers["Retry-After"]) <= TWICE.window_s


async def test_looking_does_not_count() -> None:
    throttle = Throttle(NOWHERE)
    assert [await throttle.allows(TWICE, "bob") for _ in range(5)] == [True] * 5


async def test_the_event_loop_goes_on_while_a_password_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The hash ends only when the loop lets it: on the loop's own thread it never would."""
    go_on = threading.Event()

    def hash_slowly(_password: str) -> str:
        assert go_on.wait(10.0)
        return "hash"

    monkeypatch.setattr(passwords, "hash_password", hash_slowly)
    our = Passwords()
    hashing = asyncio.create_task(our.hash("123456Long"))
    await asyncio.sleep(0)
    assert not hashing.done()
    go_on.set()
    assert await hashing == "hash"
    our.close()
