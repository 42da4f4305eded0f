"""The routes of paying."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from api.payments.client_secrets import ClientSecrets, nothing_to_reveal
from api.payments.intents import PaymentIntents
from api.payments.ledger import AdminPayments
from api.payments.payer_pages import CANCEL, SUCCESS, Page, PaymentSettings
from api.payments.restore_findings import RestoreFindings
from api.payments.stripe_webhook import StripeWebhook
from api.runtime import Runtime
from core.domain.commands import RequestPayment
from core.payments.stripe import StripePayments


def add_routes(app: falcon.asgi.App[Any, Any], runtime: Runtime) -> None:
    stripe = runtime.settings.stripe
    if stripe is None:
        runtime.commands.reveal_with(RequestPayment, nothing_to_reveal)
    else:
        secrets = ClientSecrets(StripePayments(stripe.secret_key, stripe.api_base, stripe.method_types))
        runtime.commands.reveal_with(RequestPayment, secrets.reveal)
        runtime.at_shutdown(secrets.close)
    app.add_route("/api/payment-intent", PaymentIntents(runtime.commands, runtime.pool, is_set_up=stripe is not None))
    app.add_route("/api/admin/payments", AdminPayments(runtime.engine))
    app.add_route("/api/admin/payments/restore-findings", RestoreFindings(runtime.pool))
    app.add_route("/api/payment-settings", PaymentSettings(runtime.settings))
    app.add_route(
        "/api/stripe-webhook",
        StripeWebhook(runtime.pool, runtime.lane_waker, stripe.webhook_secret if stripe else None),
    )
    app.add_route("/payment/success", Page(*SUCCESS))
    app.add_route("/payment/cancel", Page(*CANCEL))
