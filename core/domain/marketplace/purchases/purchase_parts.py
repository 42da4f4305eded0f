"""What follows for the rest of a purchase when one of its bookings changes, by whatever command.

Parts of a purchase follow the whole: they are confirmed, held longer, cancelled, expired or completed with it. The
whole begins with its first part and is over with its last one; until it is paid it ends with any of
them. Credits come back by the same rule as money.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from msgspec.structs import replace

from core.domain.bookings.changes import with_status
from core.domain.bookings.status import FINAL, RELEASED, Status, may_become
from core.domain.commands import ENGINE, Actor
from core.domain.events import BookingChanged, BookingDeleted, Event
from core.domain.marketplace.details import Cancellation, Kind, MarketDetails
from core.domain.marketplace.events import CreditReturned, CreditsVoided
from core.domain.marketplace.verbs import Role, role_of
from core.domain.payments.refunds import is_refundable
from core.domain.state import State
from core.domain.values import Booking

_FOLLOWED = frozenset({BookingChanged, BookingDeleted})


class ChangedBookings:
    """Bookings as changed by one command so far."""

    def __init__(self, bookings: Iterable[Booking]) -> None:
        self._bookings = {booking.id: booking for booking in bookings}
        self._statuses: dict[int, set[Status]] = {}

    def __contains__(self, id_: int) -> bool:
        return id_ in self._bookings

    def add(self, booking: Booking) -> None:
        self._bookings[booking.id] = booking
        if isinstance(booking.details, MarketDetails):
            self._statuses.pop(booking.details.parent_id or 0, None)

    def unchanged(self, state: State, whole_id: int) -> list[Booking]:
        """The parts of a whole that the command has not changed."""
        known = (state.bookings.get(id_) for id_ in sorted(state.market.children[whole_id]) if id_ not in self)
        return [booking for booking in known if booking is not None]

    def statuses(self, state: State, whole_id: int) -> set[Status]:
        """The statuses of all its parts; looked up once for the whole, not for each part that changes."""
        if (statuses := self._statuses.get(whole_id)) is None:
            known = (self._bookings.get(id_) or state.bookings.get(id_) for id_ in state.market.children[whole_id])
            statuses = self._statuses[whole_id] = {booking.status for booking in known if booking is not None}
        return statuses


def with_purchase_changes(state: State, actor: Actor, events: Sequence[Event], now: datetime) -> tuple[Event, ...]:
    """The events with what follows from each put before it: the last one stays the command's answer."""
    if _FOLLOWED.isdisjoint(map(type, events)):
        return tuple(events)
    changed = ChangedBookings(event.booking for event in events if isinstance(event, BookingChanged))
    found: list[Event] = []
    for event in events:
        if isinstance(event, BookingDeleted):
            found += _left_behind(state, event, changed, now)
        if not isinstance(event, BookingChanged) or not isinstance(event.booking.details, MarketDetails):
            found.append(event)
            continue
        signed = _signed(event, event.booking.details, actor)
        for follower in _followers(state, signed, changed, now):
            changed.add(follower.booking)
            found += [*_credits(state, follower, actor, now), follower]
        found += [*_credits(state, signed, actor, now), signed]
    return tuple(found)


def _left_behind(
    state: State, event: BookingDeleted, changed: ChangedBookings, now: datetime
) -> Iterator[BookingChanged]:
    """Cancel the parts still to come of a whole that is deleted after it has begun."""
    gone = BookingChanged(event.booking, event.booking.status, freed=False, by=event.by, reason="deleted")
    for child in changed.unchanged(state, event.booking.id):
        if may_become(child.status, Status.CANCELLED):
            changed.add(child)
            yield _ended(child, Status.CANCELLED, event.booking, gone, now)


def _signed(event: BookingChanged, details: MarketDetails, actor: Actor) -> BookingChanged:
    """A cancellation says by whom and why."""
    if event.booking.status not in RELEASED or event.was in RELEASED or details.cancellation is not None:
        return event
    by = ENGINE if event.by == ENGINE.kind else actor
    note = Cancellation(role_of(by, event.booking) or Role.ADMIN, event.reason)
    return replace(event, booking=replace(event.booking, details=replace(details, cancellation=note)))


def _followers(
    state: State, event: BookingChanged, changed: ChangedBookings, now: datetime
) -> Iterator[BookingChanged]:
    """The other bookings of the purchase that change with this one, but for those that the command changes itself."""
    details = event.booking.details
    whole = event
    if isinstance(details, MarketDetails) and details.parent_id is not None:
        parent = state.bookings.get(details.parent_id)
        change = None if parent is None or parent.id in changed else _whole_after(state, event, parent, changed, now)
        if change is None:
            return
        yield change
        whole = change
    for child in changed.unchanged(state, whole.booking.id):
        follower = _with_the_whole(child, whole.booking, whole, now)
        if follower is not None:
            yield follower


def _whole_after(
    state: State, event: BookingChanged, parent: Booking, changed: ChangedBookings, now: datetime
) -> BookingChanged | None:
    """What a change of one part means for the whole.

    An unpaid purchase is held as one, so it ends with any of its parts. A paid one begins with its first part and is
    over with its last one; it is cancelled if all parts were.
    """
    part = event.booking
    if parent.status is Status.HELD:
        return _ended(parent, part.status, part, event, now) if part.status in RELEASED else None
    if parent.status not in {Status.CONFIRMED, Status.IN_PROGRESS} or part.status is event.was:
        return None
    statuses = changed.statuses(state, parent.id)
    if not statuses <= FINAL:
        begins = parent.status is Status.CONFIRMED and part.status in BEGUN
        return with_status(parent, Status.IN_PROGRESS, ENGINE, now, "began") if begins else None
    if statuses <= RELEASED and parent.status is Status.CONFIRMED:
        return _ended(parent, Status.CANCELLED, part, event, now)
    missed = Status.NO_SHOW in statuses and Status.COMPLETED not in statuses
    return with_status(parent, Status.NO_SHOW if missed else Status.COMPLETED, ENGINE, now, "ended")


BEGUN = frozenset({Status.IN_PROGRESS, Status.COMPLETED, Status.NO_SHOW})


def _with_the_whole(child: Booking, whole: Booking, event: BookingChanged, now: datetime) -> BookingChanged | None:
    match whole.status:
        case Status.CANCELLED | Status.EXPIRED if child.status is Status.HELD:
            return _ended(child, whole.status, whole, event, now)
        case Status.CANCELLED | Status.EXPIRED if may_become(child.status, Status.CANCELLED):
            return _ended(child, Status.CANCELLED, whole, event, now)
        case Status.COMPLETED | Status.NO_SHOW if child.status is Status.DRAFT:
            return _ended(child, Status.CANCELLED, whole, event, now)
        case Status.COMPLETED | Status.NO_SHOW if may_become(child.status, whole.status):
            return with_status(child, whole.status, ENGINE, now, event.reason)
        case Status.CONFIRMED if child.status is Status.HELD:
            return with_status(child, Status.CONFIRMED, ENGINE, now, event.reason)
        case Status.HELD if child.status is Status.HELD and child.hold_expires_at != whole.hold_expires_at:
            longer = replace(child, hold_expires_at=whole.hold_expires_at, hold_extended=whole.hold_extended)
            return with_status(longer, Status.HELD, ENGINE, now, event.reason)
        case _:
            return None


def _ended(one: Booking, status: Status, first: Booking, event: BookingChanged, now: datetime) -> BookingChanged:
    """A part that ends with its whole, or a whole that ends with its part. Who ended the first is on record for both."""
    change = replace(with_status(one, status, ENGINE, now, event.reason), by=event.by)
    details, signed = one.details, first.details
    if not isinstance(details, MarketDetails) or not isinstance(signed, MarketDetails):
        return change
    note = signed.cancellation or Cancellation(Role.SYSTEM, event.reason)
    return replace(change, booking=replace(change.booking, details=replace(details, cancellation=note)))


def _credits(state: State, event: BookingChanged, actor: Actor, now: datetime) -> Iterator[Event]:
    booking, details = event.booking, event.booking.details
    if booking.status not in RELEASED or event.was in RELEASED or not isinstance(details, MarketDetails):
        return
    if details.credit_id is not None and is_refundable(state, booking, actor, now):
        bundle = state.market.credits.get(details.credit_id)
        if bundle is None or bundle.is_paid:  # nothing comes back to one that was cancelled
            yield CreditReturned(details.credit_id, booking.id)
    if details.kind is Kind.BUNDLE and booking.status is Status.CANCELLED:  # one that lapsed may still be paid, late
        yield CreditsVoided(booking.id)
