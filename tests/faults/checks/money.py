"""Money: what we believe to have taken and given back is what Stripe's stand-in has in its own books, to the cent.

All refunds here are whole, and Stripe refuses to give back more than was paid. A refund that is made twice would show
only where it is partial, so a second request for one counts as wrong, also where Stripe has refused it.
"""

from __future__ import annotations

from tests.faults.checks.finding import Finding, some
from tests.support.clients.callers import HasDatabase
from tests.support.payments.ledger import assert_the_books_balance
from tests.support.payments.payer import StripeServer


def money(stack: HasDatabase, stripe: StripeServer) -> Finding:
    books = stripe.books()
    charges = len(books["charges"])
    wrong = some(books["asked_again"], "refunds were asked for again")
    try:
        assert_the_books_balance(stack, stripe)
    except AssertionError as problem:
        wrong.append(str(problem) or "the books of charges and refunds do not add up")
    return Finding("money balances", charges, "charges", wrong, may_be_nothing=True)
