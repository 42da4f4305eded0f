"""The payer's part, at a stand-in for Stripe: chooses a card and confirms, as Stripe's own elements would."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import stripe

from core.payments.provider import PaymentsAwayError, PaymentsRefusedError
from core.payments.stripe import CONNECT_TIMEOUT_S, READ_TIMEOUT_S, STRIPE_VERSION

CARD = "pm_card_visa"
"""Stripe's own name for a test card that is never declined."""


def pay_by_card(secret_key: str, api_base: str, client_secret: str) -> str:
    """The intent's status afterwards. Raises PaymentsAwayError, and PaymentsRefusedError for another's secret."""
    client = stripe.StripeClient(
        secret_key,
        stripe_version=STRIPE_VERSION,
        base_addresses={"api": api_base},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S)),
    )
    intents, intent_id = client.v1.payment_intents, client_secret.partition("_secret_")[0]
    if _asked(lambda: intents.retrieve(intent_id)).client_secret != client_secret:
        raise PaymentsRefusedError("client_secret", "it is not this intent's")
    _asked(lambda: intents.update(intent_id, {"payment_method": CARD}))
    return str(_asked(lambda: intents.confirm(intent_id)).status)


def _asked(call: Callable[[], Any]) -> Any:
    try:
        return call()
    except (stripe.APIConnectionError, stripe.APIError) as problem:
        raise PaymentsAwayError(str(problem)) from problem
    except stripe.StripeError as problem:
        raise PaymentsRefusedError(str(problem.code), str(problem)) from problem
