"""Events of the marketplace, beside those of bookings, as rows of the feed."""

from __future__ import annotations

from typing import Any

from core.domain.marketplace.events import (
    CreditReturned,
    CreditsGranted,
    CreditsVoided,
    MarketEvent,
    SeatOffered,
    SessionCancelled,
    SessionEmptied,
    SessionOpened,
    WaitingBegun,
    WaitingEnded,
)

News = tuple[str, int | None, int | None, dict[str, Any] | None]


def market_feed_event(event: MarketEvent) -> News:
    """(type, booking id, booking version, facts): ids only."""
    match event:
        case SessionOpened(session=s):
            return "session_opened", None, None, {"session_id": s.id}
        case SessionCancelled(session=s):
            return "session_cancelled", None, None, {"session_id": s.id}
        case SessionEmptied(session=s):
            return "session_emptied", None, None, {"session_id": s.id}
        case CreditsGranted(credit=c):
            return "credits_granted", c.booking_id, None, {"credits": c.granted}
        case CreditReturned(credit_id=id_, booking_id=booking_id):
            return "credit_returned", booking_id, None, {"credit_id": id_}
        case CreditsVoided(credit_id=id_):
            return "credits_voided", id_, None, None
        case WaitingBegun(place=p, position=n):
            return "waiting_begun", None, None, {"session_id": p.session_id, "user_id": p.user_id, "position": n}
        case WaitingEnded(place=p):
            return "waiting_ended", None, None, {"session_id": p.session_id, "user_id": p.user_id}
        case SeatOffered(place=p, booking_id=booking_id):
            return "seat_offered", booking_id, None, {"session_id": p.session_id, "user_id": p.user_id}
