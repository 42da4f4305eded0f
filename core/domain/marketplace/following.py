"""What follows for a purchase when one of its bookings changes, whoever changed it and through whichever contract.

Parts of a purchase go with the whole: confirmed, held longer, cancelled or expired with it. A part
that lapses takes the whole with it, as it was held for one payment. Credits come back by the same
rule as money.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from core.domain.commands import ENGINE, Actor
from core.domain.events import BookingChanged, Event
from core.domain.marketplace.details import Cancellation, Kind, MarketDetails
from core.domain.marketplace.events import CreditReturned, CreditsVoided
from core.domain.marketplace.verbs import Role, is_scheduled, role_of
from core.domain.state import State
from core.domain.status import Status, may_become
from core.domain.turning import turned
from core.domain.values import Booking

ENDED = frozenset({Status.CANCELLED, Status.EXPIRED})


def with_families(state: State, actor: Actor, events: Sequence[Event], now: datetime) -> tuple[Event, ...]:
    """The events with what follows from each put before it: the last one stays the command's answer."""
    changed = {event.booking.id for event in events if isinstance(event, BookingChanged)}
    found: list[Event] = []
    for event in events:
        if not isinstance(event, BookingChanged) or not isinstance(event.booking.details, MarketDetails):
            found.append(event)
            continue
        signed = _signed(event, event.booking.details, actor)
        for follower in _followers(state, signed, changed, now):
            changed.add(follower.booking.id)
            found += [*_credits(state, follower, actor, now), follower]
        found += [*_credits(state, signed, actor, now), signed]
    return tuple(found)


def _signed(event: BookingChanged, details: MarketDetails, actor: Actor) -> BookingChanged:
    """A cancellation says by whom and why."""
    if event.booking.status not in ENDED or event.was in ENDED or details.cancellation is not None:
        return event
    by = ENGINE if event.by == ENGINE.kind else actor
    note = Cancellation(role_of(by, event.booking) or Role.ADMIN, event.reason)
    return replace(event, booking=replace(event.booking, details=replace(details, cancellation=note)))


def _followers(state: State, event: BookingChanged, changed: set[int], now: datetime) -> Iterator[BookingChanged]:
    whole = event.booking
    details = whole.details
    if isinstance(details, MarketDetails) and details.parent_id is not None:
        parent = state.bookings.get(details.parent_id)
        lapsed = whole.status is Status.EXPIRED and event.was is Status.HELD
        if not lapsed or parent is None or parent.id in changed or parent.status is not Status.HELD:
            return
        whole = turned(parent, Status.EXPIRED, ENGINE, now, "hold expired").booking
        changed = changed | {event.booking.id}
        yield _expired(parent, now)
    for id_ in sorted(state.market.children[whole.id] - changed):
        child = state.bookings.get(id_)
        follower = None if child is None else _with_the_whole(child, whole, event, now)
        if follower is not None:
            yield follower


def _expired(parent: Booking, now: datetime) -> BookingChanged:
    change = turned(parent, Status.EXPIRED, ENGINE, now, "hold expired")
    return _signed(change, parent.details, ENGINE) if isinstance(parent.details, MarketDetails) else change


def _with_the_whole(child: Booking, whole: Booking, event: BookingChanged, now: datetime) -> BookingChanged | None:
    match whole.status:
        case Status.CANCELLED | Status.EXPIRED if child.status is Status.HELD:
            return _ended(child, whole.status, whole, event, now)
        case Status.CANCELLED | Status.EXPIRED if may_become(child.status, Status.CANCELLED):
            return _ended(child, Status.CANCELLED, whole, event, now)
        case Status.CONFIRMED if child.status is Status.HELD:
            return turned(child, Status.CONFIRMED, ENGINE, now, event.reason)
        case Status.HELD if child.status is Status.HELD and child.hold_expires_at != whole.hold_expires_at:
            longer = replace(child, hold_expires_at=whole.hold_expires_at, hold_extended=whole.hold_extended)
            return turned(longer, Status.HELD, ENGINE, now, event.reason)
        case _:
            return None


def _ended(child: Booking, status: Status, whole: Booking, event: BookingChanged, now: datetime) -> BookingChanged:
    """In the name of who ended the whole."""
    change = replace(turned(child, status, ENGINE, now, event.reason), by=event.by)
    details, signed = child.details, whole.details
    if not isinstance(details, MarketDetails) or not isinstance(signed, MarketDetails):
        return change
    note = signed.cancellation or Cancellation(Role.SYSTEM, event.reason)
    return replace(change, booking=replace(change.booking, details=replace(details, cancellation=note)))


def _credits(state: State, event: BookingChanged, actor: Actor, now: datetime) -> Iterator[Event]:
    booking, details = event.booking, event.booking.details
    if booking.status not in ENDED or event.was in ENDED or not isinstance(details, MarketDetails):
        return
    if details.credit_id is not None and gives_back(state, booking, actor, now):
        yield CreditReturned(details.credit_id, booking.id)
    if details.kind is Kind.BUNDLE:
        yield CreditsVoided(booking.id)


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
