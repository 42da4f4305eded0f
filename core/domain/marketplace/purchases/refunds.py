"""What the end of a booking gives back: money and credits, by one rule."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from core.domain.commands import Actor
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.verbs import is_scheduled
from core.domain.payments.values import Payment
from core.domain.state import State
from core.domain.values import Booking


def is_refundable(state: State, booking: Booking, actor: Actor, now: datetime) -> bool:
    """Whether a cancellation returns money and credits: in time, by anybody but the client, or of a cancelled session.

    A bundle is in time while nothing of it is spent, a part of a package until it is scheduled.
    """
    if actor.user_id is None or actor.user_id != booking.user_id or _is_called_off(state, booking):
        return True
    if isinstance(booking.details, MarketDetails) and booking.details.kind is Kind.BUNDLE:
        credit = state.market.credits.get(booking.id)
        return credit is None or credit.balance == credit.granted
    return not is_scheduled(booking) or now + timedelta(seconds=state.policy.refund_notice_s) <= booking.starts_at


def _is_called_off(state: State, booking: Booking) -> bool:
    """Whether its session is being cancelled: a client who cancels before their turn loses nothing by it."""
    details = booking.details
    session = state.market.sessions.get(details.session_id or 0) if isinstance(details, MarketDetails) else None
    return session is not None and session.is_cancelled


Parts = Mapping[int, Sequence[Booking]]
"""The parts of purchases that end now, by the whole: an index, as each payment asks for its own."""


def by_whole(ended_now: Iterable[Booking]) -> Parts:
    found: defaultdict[int, list[Booking]] = defaultdict(list)
    for booking in ended_now:
        if isinstance(booking.details, MarketDetails) and booking.details.parent_id is not None:
            found[booking.details.parent_id].append(booking)
    return found


def owed_minor(state: State, payment: Payment, booking: Booking, parts: Parts, actor: Actor, now: datetime) -> int:
    """What of a payment goes back with the booking that it paid for: of a course or package, part by part."""
    if isinstance(booking.details, MarketDetails) and booking.details.kind in {Kind.COURSE, Kind.PACKAGE}:
        return min(parts_owed(state, booking.id, parts, actor, now), payment.kept_minor)
    return payment.kept_minor if is_refundable(state, booking, actor, now) else 0


def parts_owed(state: State, whole_id: int, parts: Parts, actor: Actor, now: datetime) -> int:
    """The shares of those parts of a purchase that end now and give their money back."""
    ended = (booking for booking in parts.get(whole_id, ()) if is_refundable(state, booking, actor, now))
    return sum(booking.details.share_minor for booking in ended if isinstance(booking.details, MarketDetails))
