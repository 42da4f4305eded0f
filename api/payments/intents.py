"""`POST /api/payment-intent/` (docs/contracts/rooms.md)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, ClassVar

import falcon.asgi
from msgspec import Struct

from api.bookings.own_booking import not_found, read_booking
from api.commands.commands import Commands
from api.http.bodies import read_json
from api.http.errors import Problem
from api.http.fields import CURRENCY, Amount, Id, text, use_nearest
from api.http.forms import Rules
from api.http.preferences import preferences
from api.openapi import Content, operation
from core.domain.commands import RequestPayment
from core.domain.payments.money import minor
from core.identity.principals import Principal
from core.store.connections.pool import Pool
from core.store.inbox.partition_keys import partition_key
from core.store.payments.jobs import circuit_is_open
from core.text_forms import ANY_CURRENCY
from core.wire.contracts.payments import PaymentIntent
from core.wire.errors import FieldProblem


def _chargeable(body: NewIntent) -> Iterator[FieldProblem]:
    if CURRENCY.read(body.currency.lower()) is None:
        yield FieldProblem("currency", CURRENCY.words)
    elif _minor(body) is None:
        code = body.currency.lower()
        words = f"This amount cannot be charged in {code}"
        yield FieldProblem("amount", words + use_nearest(None, code, is_whole=True, sent=body.amount))


class NewIntent(Struct, frozen=True, forbid_unknown_fields=True):
    """The body. The amount must be the booking's: the payer sees what they pay."""

    booking_id: Id
    amount: Amount
    currency: Annotated[str, text(ANY_CURRENCY)]

    rules: ClassVar[Rules] = (_chargeable,)


def request_of(body: NewIntent) -> RequestPayment:
    """The command a body asks for."""
    amount_minor = _minor(body)
    assert amount_minor is not None  # noqa: S101 - `_chargeable` holds
    return RequestPayment(body.booking_id, amount_minor, body.currency.lower())


def _minor(body: NewIntent) -> int | None:
    return minor(body.amount, body.currency.lower())


INTENT_REQUEST = {"booking_id": 2, "amount": 100.00, "currency": "usd"}
"""As the rooms contract prints it, but for the booking: the demo's first one is paid."""


class PaymentIntents:
    def __init__(self, commands: Commands, pool: Pool, *, is_set_up: bool) -> None:
        self._commands = commands
        self._pool = pool
        self._is_set_up = is_set_up

    @operation(
        "Get an intent to pay a held booking with",
        description=(
            "One live intent a booking: asked again, the same one; after a decline a new one, once the old one "
            "cannot be paid any more. `client_secret` is for Stripe's own elements in the payer's browser; it is "
            "fetched from Stripe for each answer and kept nowhere."
        ),
        body=Content(NewIntent, example=INTENT_REQUEST),
        answers={201: PaymentIntent},
        refuses=(
            "booking_not_found",
            "already_paid",
            "not_payable",
            "amount_mismatch",
            "currency_mismatch",
            "too_many_payments",
            "payment_refused",
            "payments_not_set_up",
            "payments_unavailable",
        ),
        command=True,
    )
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        principal: Principal = req.context.principal
        command = request_of(await read_json(req, NewIntent))
        booking, _ = await read_booking(self._pool, command.booking_id)
        if booking.user_id != principal.user_id:
            raise not_found()
        if not self._is_set_up:
            raise not_set_up()
        if not preferences(req).respond_async:
            await self._check_circuit()
        key = partition_key(booking.resource_id, booking.local_date)
        await self._commands.run(req, resp, contract="payments", partition_key=key, command=command)

    async def _check_circuit(self) -> None:
        """Nobody should wait for an answer that cannot come. The hold stands; it can be asked for again."""
        async with self._pool.connection() as connection:
            if await circuit_is_open(connection):
                raise provider_away()


def not_set_up() -> Problem:
    return Problem(
        503,
        "payments_not_set_up",
        "Nothing can be paid here until the operator of this service sets up Stripe",
        headers={"Retry-After": "3600"},
    )


def provider_away() -> Problem:
    words = "The payment provider does not answer right now; your place is still held, try again in a moment"
    return Problem(503, "payments_unavailable", words, headers={"Retry-After": "5"})
