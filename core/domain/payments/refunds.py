"""Which money goes back, and how it is ordered. Credits go back by the same rule (`is_refundable`).

Nothing is refunded here: a payment's state orders it, the payments worker asks Stripe, and its report
comes back (`core.domain.payments.refund_reports`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from core.domain.bookings.status import RELEASED
from core.domain.commands import Actor
from core.domain.events import BookingChanged, Event, PaymentChanged, PaymentMade
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.verbs import is_scheduled
from core.domain.payments.attempts import closing, ended
from core.domain.payments.money import refundable
from core.domain.payments.values import PAYABLE, Payment, PaymentState
from core.domain.state import State
from core.domain.values import Booking

_ABOUT_MONEY = frozenset({BookingChanged, PaymentMade, PaymentChanged})
"""Most commands bring about none of these."""


def settle_payments(state: State, actor: Actor, events: Sequence[Event], now: datetime) -> tuple[Event, ...]:
    """What the end of a booking orders for its payments: intents are cancelled, money goes back."""
    if _ABOUT_MONEY.isdisjoint(map(type, events)):
        return ()
    ends = {e.booking.id: e for e in events if isinstance(e, BookingChanged) and _is_the_end(e)}
    parts = by_whole(end.booking for end in ends.values())
    paid_for = dict.fromkeys((*ends, *parts))
    payments = {payment.id: payment for id_ in paid_for for payment in state.payments.of(id_)}
    payments |= {e.payment.id: e.payment for e in events if isinstance(e, PaymentMade | PaymentChanged)}
    found: list[Event] = []
    for payment in payments.values():
        if (end := ends.get(payment.booking_id)) is not None:
            found += _after_the_end(state, payment, end.booking, parts, actor, now)
        elif payment.kept_minor and (part := parts_owed(state, payment.booking_id, parts, actor, now)):
            found.append(order_refund(payment, min(part, payment.kept_minor), "part_cancelled", now))
    return tuple(found)


def _is_the_end(event: BookingChanged) -> bool:
    return event.booking.status in RELEASED and event.was not in RELEASED


def _after_the_end(
    state: State, payment: Payment, booking: Booking, parts: Parts, actor: Actor, now: datetime
) -> Iterator[PaymentChanged]:
    if payment.state is PaymentState.QUEUED or (payment.state is PaymentState.CREATING and not payment.sent):
        yield ended(payment, now)
    elif payment.state in PAYABLE:
        yield closing(payment, now)
    elif payment.kept_minor and (owed := owed_minor(state, payment, booking, parts, actor, now)):
        yield order_refund(payment, owed, "booking_cancelled", now)


def order_refund(
    payment: Payment, amount_minor: int, reason: str, now: datetime, was: PaymentState | None = None
) -> PaymentChanged:
    """Order money to be refunded. Stripe is asked for one refund at a time: what is ordered meanwhile is owed after it."""
    amount_minor = refundable(amount_minor, payment.kept_minor, payment.currency)
    changed = replace(payment, refund_reason=reason, updated_at=now)
    if payment.returning_minor:
        after = replace(changed, owed_minor=payment.owed_minor + amount_minor)
    else:
        number = payment.refund_number + 1
        after = replace(changed, returning_minor=amount_minor, refund_number=number, refund_id=None, due_at=now)
    state = PaymentState.RETURNING if after.kept_minor else PaymentState.REFUNDING
    return PaymentChanged(replace(after, state=state), was or payment.state)


def refund_failed(payment: Payment, why: str, now: datetime) -> tuple[PaymentChanged, ...]:
    """Stripe could not refund what it was asked for: a person must. What else is owed is ordered next."""
    failed = replace(
        payment,
        state=PaymentState.REFUND_FAILED,
        failed_minor=payment.failed_minor + payment.returning_minor,
        returning_minor=0,
        decline=why,
        due_at=None,
        updated_at=now,
    )
    return (PaymentChanged(failed, payment.state), *order_owed_refund(failed, now))


def order_owed_refund(payment: Payment, now: datetime) -> tuple[PaymentChanged, ...]:
    """Order what waited for the end of a refund."""
    if not payment.owed_minor:
        return ()
    return (order_refund(replace(payment, owed_minor=0), payment.owed_minor, payment.refund_reason or "", now),)


def is_refundable(state: State, booking: Booking, actor: Actor, now: datetime) -> bool:
    """Whether a cancellation returns money and credits: in time, by anybody but the client, or of a cancelled session.

    A bundle is in time while nothing of it is spent, a part of a package until it is scheduled.
    """
    if actor.user_id is None or actor.user_id != booking.user_id or state.market.is_session_cancelled(booking):
        return True
    if isinstance(booking.details, MarketDetails) and booking.details.kind is Kind.BUNDLE:
        credit = state.market.credits.get(booking.id)
        return credit is None or credit.balance == credit.granted
    return not is_scheduled(booking) or now + timedelta(seconds=state.policy.refund_notice_s) <= booking.starts_at


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
