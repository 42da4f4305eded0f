"""A pipeline that pays at the scripted stand-in, shared by the tests of this folder, and gone after them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.payments.payer import Payer, StripeServer, stack_with_stripe, stripe_server
from tests.support.processes.collector import Collector, collector
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack

EXTENSION_S = 25 * 60
"""Of a hold whose payment is processing; not what it is unless told."""


@pytest.fixture(scope="package")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeServer]:
    with stripe_server(tmp_path_factory.mktemp("stripe")) as server:
        yield server


@pytest.fixture(scope="package")
def traces() -> Iterator[Collector]:
    """Every request to the stack below is traced. The other stacks of the session trace nothing."""
    with collector() as one:
        yield one


@pytest.fixture(scope="package")
def stack(
    postgres: PostgresServer, stripe: StripeServer, traces: Collector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    settings = {
        **traces.environment(),
        "HOLDFAST_PAYMENT_LOOK_SECONDS": "3600",  # nothing settles by looking, unless a test says so
        "HOLDFAST_OFFER_SECONDS": "7200",
        "HOLDFAST_STRIPE_BACKGROUND_PER_SECOND": "100",
        "HOLDFAST_HOLD_EXTENSION_SECONDS": str(EXTENSION_S),
    }
    with stack_with_stripe(postgres, stripe, tmp_path_factory.mktemp("paying"), settings) as running:
        yield running


@pytest.fixture
def payer(stack: Stack, stripe: StripeServer) -> Iterator[Payer]:
    """Somebody new with a room of their own, in front of a Stripe that behaves."""
    stripe.mend()
    stripe.webhooks("deliver")
    with Payer(stack, stripe) as one:
        yield one
