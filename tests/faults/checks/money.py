"""Money: what we believe to have taken and given back is what Stripe's stand-in has in its own books, to the cent."""

from __future__ import annotations

from tests.faults.checks.finding import Finding
from tests.support.clients.callers import HasDatabase
from tests.support.payments.ledger import assert_the_books_balance
from tests.support.payments.payer import StripeServer


def money(stack: HasDatabase, stripe: StripeServer) -> Finding:
    charges = len(stripe.books()["charges"])
    wrong: list[str] = []
    try:
        assert_the_books_balance(stack, stripe)
    except AssertionError as problem:
        wrong.append(str(problem) or "the books of charges and refunds do not add up")
    return Finding("money balances", charges, "charges", wrong, may_be_nothing=True)
