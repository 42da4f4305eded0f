"""What the end of a booking gives back: money and credits, by one rule."""

from __future__ import annotations

from datetime import datetime, timedelta

from core.domain.commands import Actor
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.verbs import is_scheduled
from core.domain.state import State
from core.domain.values import Booking


def gives_back(state: State, booking: Booking, actor: Actor, now: datetime) -> bool:
    """Whether a cancellation returns money and credits: in time, or by anybody but the client.

    A package counts from its first session that is scheduled; a bundle is in time while nothing of it is spent.
    """
    if actor.user_id is None or actor.user_id != booking.user_id:
        return True
    starts_at = _begins(state, booking)
    if isinstance(booking.details, MarketDetails) and booking.details.kind is Kind.BUNDLE:
        credit = state.market.credits.get(booking.id)
        return credit is None or credit.balance == credit.granted
    return starts_at is None or now + timedelta(seconds=state.policy.refund_notice_s) <= starts_at


def _begins(state: State, booking: Booking) -> datetime | None:
    if is_scheduled(booking):
        return booking.starts_at
    children = (state.bookings.get(id_) for id_ in state.market.children[booking.id])
    return min((child.starts_at for child in children if child is not None and is_scheduled(child)), default=None)


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
