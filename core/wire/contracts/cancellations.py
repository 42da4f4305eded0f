"""The answer to a cancellation: what becomes of the money or the credit, if there was any."""

from __future__ import annotations

from core.domain.events import Event, PaymentChanged
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.events import CreditReturned
from core.domain.payments.money import digits, major
from core.domain.payments.values import REFUND_UNDER_WAY
from core.domain.state import State
from core.domain.values import Booking

DONE = "Booking canceled"


def canceled(booking: Booking, events: tuple[Event, ...], state: State) -> str:
    details = booking.details if isinstance(booking.details, MarketDetails) else None
    if details is None:
        return DONE
    if any(isinstance(event, CreditReturned) for event in events):
        return f"{DONE}. Its credit is back"
    ordered = [
        event for event in events if isinstance(event, PaymentChanged) and event.payment.state in REFUND_UNDER_WAY
    ]
    if ordered:
        # Of a whole purchase: what is refunded now, or waits for the refund before it.
        minor = details.share_minor or ordered[-1].payment.owed_minor or ordered[-1].payment.returning_minor
        return f"{DONE}. {amount(minor, booking.currency)} {booking.currency} goes back"
    if not _had_something(booking, details, state):
        return DONE
    bundle = state.market.credits.get(details.credit_id or 0)
    if bundle is not None and not bundle.is_paid:
        return f"{DONE}. Nothing goes back: its bundle is canceled"
    if details.kind is Kind.BUNDLE:
        return f"{DONE}. Nothing goes back: credits of it are spent"
    return f"{DONE}. Nothing goes back: it begins in less than {state.policy.refund_notice_s // 3600} hours"


def _had_something(booking: Booking, details: MarketDetails, state: State) -> bool:
    """Whether it had a credit, or money that is still kept: its own, or its share of the whole purchase's."""
    if details.credit_id is not None:
        return True
    paid_for = booking.id if details.parent_id is None else details.parent_id
    is_free_part = details.parent_id is not None and not details.share_minor
    kept = (payment.booking_id == paid_for and payment.kept_minor > 0 for payment in state.payments.values())
    return not is_free_part and any(kept)


def amount(minor: int, currency: str) -> str:
    """`5000` usd as `50.00`."""
    return f"{major(minor, currency):.{digits(currency)}f}"
