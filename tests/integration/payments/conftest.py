"""A pipeline that pays at the scripted stand-in, shared by the session."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ops.processes import PAYMENTS, PIPELINE
from tests.paying import Payer, StripeServer
from tests.stack import PostgresServer, Stack, ValkeyServer


@pytest.fixture(scope="session")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeServer]:
    server = StripeServer(tmp_path_factory.mktemp("stripe"))
    server.start()
    yield server
    server.close()


@pytest.fixture(scope="session")
def stack(postgres: PostgresServer, stripe: StripeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("paying")
    valkey = ValkeyServer(folder / "valkey")
    valkey.start()
    environment = {
        **stripe.environment(),
        "HOLDFAST_PAYMENT_METHOD_TYPES": "card,us_bank_account",
        "HOLDFAST_PAYMENT_LOOK_SECONDS": "3600",  # nothing settles by looking, unless a test says so
        "HOLDFAST_STRIPE_CANCELS_PER_SECOND": "100",
        "HOLDFAST_MAX_HOLDS_PER_USER": "0",
    }
    running = Stack(
        folder, postgres.new_database(demo=True), valkey, processes=(*PIPELINE, PAYMENTS), environment=environment
    )
    stripe.send_webhooks_to(running.api_url)
    try:
        yield running.start()
    finally:
        running.close()
        postgres.drop_database(running.database_url)


@pytest.fixture
def payer(stack: Stack, stripe: StripeServer) -> Iterator[Payer]:
    """Somebody new with a room of their own, in front of a Stripe that behaves."""
    stripe.mend()
    stripe.webhooks("deliver")
    with Payer(stack, stripe) as one:
        yield one
