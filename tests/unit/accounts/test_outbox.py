"""Mails on their way: one after the other, tried again, never in each other's way."""

from __future__ import annotations

import asyncio

import pytest

from api.accounts import mail_queue
from api.accounts.mail_queue import MailQueue
from core.mail import Mail


class Flaky:
    """A mailer that fails so often before it delivers."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.sent: list[str] = []

    def send(self, mail: Mail) -> None:
        if self.failures:
            self.failures -= 1
            raise OSError
        self.sent.append(mail.to)


@pytest.fixture(autouse=True)
def _no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_queue, "PAUSE_S", 0.0)


async def deliver(mailer: Flaky, *to: str | None) -> None:
    """Put mails, `None` for one that turns out not to be written, and wait for all of them."""
    our = MailQueue(mailer)
    done = asyncio.Event()

    async def write(address: str | None) -> Mail | None:
        return None if address is None else Mail(address, "subject", "text")

    async def last() -> Mail | None:
        done.set()
        return None

    for address in to:
        assert our.put(lambda address=address: write(address))  # type: ignore[misc]
    assert our.put(last)
    await asyncio.wait_for(done.wait(), 5.0)
    await our.close()


async def test_mails_are_sent_in_order() -> None:
    mailer = Flaky(0)
    await deliver(mailer, "a", None, "b")
    assert mailer.sent == ["a", "b"]


async def test_a_mail_is_tried_again() -> None:
    mailer = Flaky(mail_queue.ATTEMPTS - 1)
    await deliver(mailer, "a")
    assert mailer.sent == ["a"]


async def test_a_mail_that_cannot_be_sent_does_not_hold_up_the_next() -> None:
    mailer = Flaky(mail_queue.ATTEMPTS)
    await deliver(mailer, "a", "b")
    assert mailer.sent == ["b"]


async def test_only_so_many_mails_may_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail_queue, "WAITING_MAX", 1)
    our = MailQueue(Flaky(0))

    async def write() -> Mail | None:
        return None

    assert [our.put(write), our.put(write)] == [True, False]
    await our.close()
