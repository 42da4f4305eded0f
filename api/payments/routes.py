"""The routes of paying."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.payments.client_secrets import ClientSecrets, nothing_to_reveal
from api.payments.intents import PaymentIntents
from api.payments.ledger import AdminPayments
from api.payments.payer_pages import CANCEL, SUCCESS, Page, PaymentSettings
from api.payments.stripe_webhook import StripeWebhook
from api.runtime import Runtime
from core.domain.commands import RequestPayment
from core.payments.stripe import StripePayments


def add_routes(app: falcon.asgi.App[Any, Any], run: Runtime) -> None:
    stripe = run.settings.stripe
    if stripe is None:
        run.commands.reveal_with(RequestPayment, nothing_to_reveal)
    else:
        secrets = ClientSecrets(StripePayments(stripe.secret_key, stripe.api_base, stripe.method_types))
        run.commands.reveal_with(RequestPayment, secrets.reveal)
        run.at_shutdown(secrets.close)
    app.add_route("/api/payment-intent", PaymentIntents(run.commands, run.pool, is_set_up=stripe is not None))
    app.add_route("/api/admin/payments", AdminPayments(run.engine))
    app.add_route("/api/payment-settings", PaymentSettings(run.settings))
    app.add_route(
        "/api/stripe-webhook", StripeWebhook(run.pool, run.lane_waker, stripe.webhook_secret if stripe else None)
    )
    app.add_route("/payment/success", Page(*SUCCESS))
    app.add_route("/payment/cancel", Page(*CANCEL))
