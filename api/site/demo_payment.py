"""`POST /api/demo/payment/`: pays at the demo's stand-in for Stripe, as a card that is never declined would.

A payer's browser cannot reach the stand-in, which listens on this machine alone. Where Stripe itself takes the money
this is a 404.
"""

from __future__ import annotations

import asyncio
from typing import Annotated

import falcon.asgi
from msgspec import Struct

from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.fields import text
from api.http.responses import respond
from api.openapi import Content, operation
from core.payments.provider import PaymentsAwayError, PaymentsError
from core.payments.stand_in import pay_by_card
from core.settings import Settings
from core.text_forms import SEARCH_TEXT


class DemoPayment(Struct, frozen=True, forbid_unknown_fields=True):
    client_secret: Annotated[str, text(SEARCH_TEXT, least=1, most=200)]
    """As `POST /api/payment-intent/` answers it."""


class DemoPaid(Struct, frozen=True):
    status: str
    """Of the intent. What becomes of the booking follows by Stripe's usual way."""


class DemoPayments:
    def __init__(self, settings: Settings) -> None:
        self._stripe = settings.stripe if settings.pays_at_stand_in else None

    @operation(
        "Pay in the demo",
        body=Content(DemoPayment, example={"client_secret": "pi_1_secret_1"}),
        answers={200: DemoPaid},
        refuses=("not_found", "payments_unavailable", "payment_refused"),
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        secret = (await read_json(req, DemoPayment)).client_secret
        stripe = self._stripe
        if stripe is None:
            raise Problem(404, "not_found", "Nothing is paid like this outside the demo; use Stripe's own elements")
        try:
            status = await asyncio.to_thread(pay_by_card, stripe.secret_key, stripe.api_base, secret)
        except PaymentsAwayError:
            raise Problem(
                503,
                "payments_unavailable",
                "The demo's stand-in does not answer; try again in a moment",
                headers={"Retry-After": "5"},
            ) from None
        except PaymentsError:
            raise Problem(409, "payment_refused", "This intent cannot be paid; ask for another one") from None
        respond(resp, DemoPaid(status))
