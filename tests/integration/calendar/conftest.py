"""Who uses the calendar, and when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import httpx
import pytest

from tests.support.clients.callers import browser, new_person, signed_in
from tests.support.clients.time_slots import DAYS, new_user, sign_in
from tests.support.processes.stack import Stack


@pytest.fixture
def day() -> date:
    return next(DAYS)


@pytest.fixture
def user(stack: Stack) -> Iterator[httpx.Client]:
    """Somebody new, by access token."""
    with signed_in(stack, new_user(stack)) as client:
        yield client


@pytest.fixture(scope="module")
def staff(stack: Stack) -> Iterator[httpx.Client]:
    """With session and CSRF token, as the document's admin pages."""
    with browser(stack) as client:
        sign_in(client, "staff@example.com")
        yield client


@pytest.fixture
def visitor(stack: Stack) -> Iterator[httpx.Client]:
    """Somebody new, with session and CSRF token, as the document has it."""
    with browser(stack) as client:
        sign_in(client, new_person(stack))
        yield client


@pytest.fixture
def other(stack: Stack) -> Iterator[httpx.Client]:
    """Somebody else, likewise."""
    with browser(stack) as client:
        sign_in(client, new_person(stack))
        yield client
