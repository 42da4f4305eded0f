"""Mails about money: a payment that came in, one that failed, and what went back, each told once."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.support.clients.callers import execute
from tests.support.mail_sending import MailSending, mail_sending
from tests.support.payments.payer import EMPTY_CARD, Payer, StripeServer, stack_with_stripe, stripe_server
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until


@pytest.fixture(scope="module")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeServer]:
    with stripe_server(tmp_path_factory.mktemp("stripe")) as server:
        yield server


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, stripe: StripeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {"HOLDFAST_PAYMENT_LOOK_SECONDS": "3600", "HOLDFAST_STRIPE_BACKGROUND_PER_SECOND": "100"}
    with stack_with_stripe(postgres, stripe, tmp_path_factory.mktemp("paying"), settings) as running:
        yield running


@pytest.fixture
def payer(stack: Stack, stripe: StripeServer) -> Iterator[Payer]:
    with Payer(stack, stripe) as one:
        yield one


@pytest.fixture
def sending(stack: Stack) -> Iterator[MailSending]:
    with mail_sending(stack, None) as one:
        yield one


def told(sending: MailSending, payer: Payer, booking: int, least: int) -> list[tuple[str, str]]:
    """(kind, text) of every mail about a booking, in their order."""
    wait_until(lambda: sending.planned(booking) >= least, f"{least} mails are planned")
    sending.deliver()
    listed = payer.desk.get("/api/admin/mails/", params={"booking_id": booking}).json()["mails"]
    return [(one["kind"], one["kept"]["text"]) for one in reversed(listed) if one["kept"]]


def test_a_payment_that_failed_and_one_that_came_are_told_once_each(sending: MailSending, payer: Payer) -> None:
    booking = payer.hold()
    intent = payer.pay(booking, EMPTY_CARD)
    payer.wait_stands(booking, "pending", "failed")
    failed = told(sending, payer, booking, 1)
    assert [kind for kind, _ in failed] == ["payment_failed"]
    assert re.search(r"Your booking is held until \w+, \w+ \d+, \d+", failed[0][1])

    payer.stripe.pay(intent["client_secret"], EMPTY_CARD)
    payer.stripe.pay(intent["client_secret"])
    payer.wait_stands(booking, "confirmed", "succeeded")
    mails = told(sending, payer, booking, 3)
    assert [kind for kind, _ in mails] == ["payment_failed", "payment_received", "confirmation"]
    assert "We have received your payment of $100.00" in mails[1][1]

    assert payer.cancel(booking).status_code == 200
    payer.wait_stands(booking, "cancelled", "refunded")
    mails = told(sending, payer, booking, 5)
    assert [kind for kind, _ in mails[3:]] == ["cancellation", "refund"]
    assert "$100.00 goes back to you" in mails[3][1]
    assert "$100.00 of your payment has gone back to you" in mails[4][1]
    assert "could not be used" not in mails[4][1]


def test_a_failure_is_not_told_once_the_booking_is_paid(sending: MailSending, payer: Payer) -> None:
    booking = payer.hold()
    intent = payer.pay(booking, EMPTY_CARD)
    payer.wait_stands(booking, "pending", "failed")
    payer.stripe.pay(intent["client_secret"])
    payer.wait_stands(booking, "confirmed", "succeeded")
    assert [kind for kind, _ in told(sending, payer, booking, 3)] == ["payment_received", "confirmation"]
    ((state,),) = execute(
        payer.stack, "SELECT state FROM delivery WHERE booking_id = %s AND type = 'payment_failed'", booking
    )
    assert state == "dropped"
