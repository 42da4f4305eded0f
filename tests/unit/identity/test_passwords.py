"""Passwords: hashes, their parameters, and what may be one."""

from __future__ import annotations

import asyncio

import pytest
from argon2 import PasswordHasher

from api.accounts.login.registration import EmailRegistration, UsernameRegistration
from core import passwords
from core.identity.account_names import username_key
from core.passwords import Passwords, TooManyWaitingError, hash_password, needs_rehash, verify_password
from tests.support.clients.responder_requests import refused_fields

PASSWORD = "123456Long"


def test_a_hash_is_argon2id_and_verifies() -> None:
    stored = hash_password("123456Long")
    assert stored.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify_password(stored, "123456Long")
    assert not verify_password(stored, "123456long")


def test_nobody_has_the_password_that_stands_in_for_nobody() -> None:
    assert not verify_password(None, "nobody has this password")


def test_a_damaged_hash_verifies_nothing() -> None:
    assert not verify_password("not a hash", "not a hash")


def test_a_hash_of_other_parameters_is_to_be_replaced() -> None:
    assert needs_rehash(PasswordHasher(time_cost=1, memory_cost=8192, parallelism=1).hash("123456Long"))
    assert not needs_rehash(hash_password("123456Long"))


async def test_only_so_many_may_wait_for_their_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING_MAX", 1)
    our = Passwords()
    async with our.turn():
        with pytest.raises(TooManyWaitingError):
            await our.hash("123456Long")
    our.close()


async def test_one_hash_at_a_time_keeps_the_rest_of_the_machine_for_bookings() -> None:
    our = Passwords()
    inside = most = 0

    async def take() -> None:
        nonlocal inside, most
        async with our.turn():
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0)
            inside -= 1

    await asyncio.gather(*(take() for _ in range(20)))
    assert most == passwords.HASHING_THREADS
    our.close()


@pytest.mark.parametrize("username", ["9876543210", "+20 100 123 4567", "(040) 123-456", "a@b", "  ", "a@example.com"])
def test_people_cannot_call_themselves_a_phone_number_or_an_address(username: str) -> None:
    assert refused_fields(UsernameRegistration, {"username": username, "password": PASSWORD}) == ["username"]


@pytest.mark.parametrize("username", ["bob", "Bob 2", "42nd", "Zoë"])
def test_other_names_are_theirs_to_choose(username: str) -> None:
    assert refused_fields(UsernameRegistration, {"username": username, "password": PASSWORD}) == []


def test_usernames_that_look_alike_are_one() -> None:
    assert username_key("  Bob ") == username_key("bob") == username_key("\uff22\uff2f\uff22")


@pytest.mark.parametrize(
    "email",
    ["user", "user@", "@example.com", "a b@example.com", "a@b", "a@b..c", "<a@example.com>", "\u212aate@example.com"],
)
def test_what_is_no_address_is_refused(email: str) -> None:
    assert refused_fields(EmailRegistration, _by_email(email, PASSWORD)) == ["email"]


@pytest.mark.parametrize("email", ["user@example.com", "a.b+c@sub.example.co", "O'Neil@example.org"])
def test_addresses_are_accepted(email: str) -> None:
    assert refused_fields(EmailRegistration, _by_email(email, PASSWORD)) == []


@pytest.mark.parametrize("password", ["short", "        ", "bob@example.com", "BOB@EXAMPLE.COM"])
def test_a_password_is_long_and_not_the_account_s_name(password: str) -> None:
    assert refused_fields(EmailRegistration, _by_email("bob@example.com", password)) == ["password"]


@pytest.mark.parametrize("password", ["123456Long", "yourpassword", "password123"])
def test_the_documents_passwords_may_be_used(password: str) -> None:
    assert refused_fields(EmailRegistration, _by_email("bob@example.com", password)) == []


def _by_email(email: str, password: str) -> dict[str, str]:
    return {"email": email, "password": password, "confirm_password": password}
