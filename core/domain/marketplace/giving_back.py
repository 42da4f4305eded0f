"""What the end of a booking gives back: money and credits, by one rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.domain.commands import Actor
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.verbs import is_scheduled
from core.domain.payments import Payment
from core.domain.state import State
from core.domain.values import Booking


def gives_back(state: State, booking: Booking, actor: Actor, now: datetime) -> bool:
    """Whether a cancellation returns money and credits: in time, or by anybody but the client.

    A bundle is in time while nothing of it is spent, a part of a package until it is scheduled.
    """
    if actor.user_id is None or actor.user_id != booking.user_id:
        return True
    if isinstance(booking.details, MarketDetails) and booking.details.kind is Kind.BUNDLE:
        credit = state.market.credits.get(booking.id)
        return credit is None or credit.balance == credit.granted
    return not is_scheduled(booking) or now + timedelta(seconds=state.policy.refund_notice_s) <= booking.starts_at


def owed_minor(
    state: State, payment: Payment, booking: Booking, ended_now: Sequence[Booking], actor: Actor, now: datetime
) -> int:
    """What of a payment goes back with the booking that it paid for: of a course or package, part by part."""
    if isinstance(booking.details, MarketDetails) and booking.details.kind in {Kind.COURSE, Kind.PACKAGE}:
        return min(parts_owed(state, booking.id, ended_now, actor, now), payment.kept_minor)
    return payment.kept_minor if gives_back(state, booking, actor, now) else 0


def parts_owed(state: State, whole_id: int, ended_now: Sequence[Booking], actor: Actor, now: datetime) -> int:
    """The shares of those parts of a purchase that end now and give their money back."""
    parts = [(booking, booking.details) for booking in ended_now if isinstance(booking.details, MarketDetails)]
    return sum(
        details.share_minor
        for booking, details in parts
        if details.parent_id == whole_id and gives_back(state, booking, actor, now)
    )


def can_return(state: State, booking: Booking) -> bool:
    """Whether money that comes after the end of a hold may confirm it, as far as seats and parts go.

    Parts have gone to others one by one: what consists of them does not come back.
    """
    details = booking.details
    if not isinstance(details, MarketDetails):
        return True
    if details.session_id is not None:
        session = state.market.sessions.get(details.session_id)
        return session is not None and not session.is_cancelled and session.has_seat
    return details.kind not in {Kind.COURSE, Kind.PACKAGE}
