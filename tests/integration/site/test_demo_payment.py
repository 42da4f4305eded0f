"""Paying in the demo: at the stand-in, for the intent whose secret one has, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.clients.http_client import Client
from tests.support.payments.payer import Payer, StripeServer, stack_with_stripe, stripe_server
from tests.support.processes.servers import PostgresServer

PATH = "/api/demo/payment/"


@pytest.fixture(scope="module")
def paying(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Payer, StripeServer]]:
    folder = tmp_path_factory.mktemp("demo")
    with (
        stripe_server(folder / "stripe") as stripe,
        stack_with_stripe(postgres, stripe, folder / "stack") as stack,
        Payer(stack, stripe) as payer,
    ):
        yield payer, stripe


def test_a_held_booking_is_paid_by_the_secret_of_its_intent(paying: tuple[Payer, StripeServer]) -> None:
    payer, stripe = paying
    booking = payer.hold()
    intent = payer.intent(booking)
    refused = payer.client.post(PATH, json={"client_secret": f"{intent['client_secret']}x"})
    assert (refused.status_code, refused.json()["code"]) == (409, "payment_refused")
    stripe.fault("down", operation="retrieve", times=1)
    away = payer.client.post(PATH, json={"client_secret": intent["client_secret"]})
    assert (away.status_code, away.json()["code"]) == (503, "payments_unavailable")
    paid = payer.client.post(PATH, json={"client_secret": intent["client_secret"]})
    assert paid.json() == {"status": "succeeded"}

    payer.wait_stands(booking, "confirmed", "succeeded")


def test_where_nothing_is_paid_at_a_stand_in_there_is_no_such_thing(user: Client) -> None:
    answer = user.post(PATH, json={"client_secret": "pi_1_secret_1"})
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
