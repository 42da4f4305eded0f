"""The world of payments with a marketplace in it: sessions, workshops, courses, packages and bundles, bought and given up."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from itertools import combinations
from uuid import uuid4

from core.domain.bookings.status import FINAL, RELEASED, TAKES_TIME, PaymentStatus, Status, may_become
from core.domain.commands import ENGINE, Actor, ActorKind, Command, Envelope, ExpireDue, MoveOn
from core.domain.events import BookingChanged, Event
from core.domain.marketplace.counts import KEEPS_SEAT
from core.domain.marketplace.details import Kind, MarketDetails
from core.domain.marketplace.events import CreditReturned
from core.domain.marketplace.schedules import Schedule, Window
from core.domain.marketplace.values import ServiceSession
from core.domain.payments.values import LIVE
from core.domain.state import State
from core.domain.values import Booking, Policy
from tests.support.clients.marketplace import market_service, market_state, practitioner
from tests.support.payments.payment_simulation import PaymentSimulation
from tests.support.values import NOW, envelope, user

CLIENTS, PRACTITIONERS, STAFF, OTHER_USER = (1, 2), (8, 9), Actor(ActorKind.STAFF, 7), Actor(ActorKind.USER, 6)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
TALK, PAID_TALK, WORKSHOP, COURSE, PACKAGE, PAID_PACKAGE, BUNDLE = range(1, 8)
POLICY = Policy(max_holds_per_user=0, hold_s=30 * 60, payment_look_s=120, refund_notice_s=24 * 60 * 60)
ALWAYS = Schedule(tuple(Window(day, 0, 24 * 60) for day in range(7)))


def a_market() -> State:
    """Two practitioners, all kinds of services, and sessions of two seats on the next three days."""
    by_both, by_first = {"practitioner_ids": (1, 2)}, {"practitioner_ids": (1,)}
    known = market_state(
        *(practitioner(n + 1, user_id=id_, schedule=ALWAYS) for n, id_ in enumerate(PRACTITIONERS)),
        services=[
            market_service(TALK, price_minor=0, **by_both),
            market_service(PAID_TALK, price_minor=5000, **by_both),
            market_service(WORKSHOP, kind=Kind.WORKSHOP, price_minor=2000, **by_first),
            market_service(COURSE, kind=Kind.COURSE, price_minor=10_000, **by_first),
            market_service(PACKAGE, kind=Kind.PACKAGE, price_minor=0, items=(TALK, PAID_TALK), **by_first),
            market_service(PAID_PACKAGE, kind=Kind.PACKAGE, price_minor=9999, items=(TALK, PAID_TALK, WORKSHOP)),
            market_service(BUNDLE, kind=Kind.BUNDLE, price_minor=8000, items=(PAID_TALK,), credits=2, valid_days=2),
        ],
        users=[*(user(id_) for id_ in CLIENTS), *(user(id_, is_practitioner=True) for id_ in PRACTITIONERS)],
        policy=POLICY,
    )
    for id_, service, days in ((1, WORKSHOP, 1), (2, COURSE, 1), (3, COURSE, 2), (4, COURSE, 3)):
        begins = NOW + days * DAY + 2 * HOUR
        known.market.sessions[id_] = ServiceSession(id_, service, 1, None, None, "", begins, begins + HOUR, 2, 0, False)
    return known


PASSES_THROUGH = {
    (Status.EXPIRED, Status.CONFIRMED),  # a late payment
    (Status.DRAFT, Status.CONFIRMED),  # a part scheduled under a purchase that is paid: held for no time at all
}


class PurchaseSimulation(PaymentSimulation):
    def __init__(self) -> None:
        super().__init__()
        self.known = a_market()
        self.to_return: Counter[int] = Counter()
        """Minor units that should go back of what was paid for a booking, as docs/contracts/README.md has it."""
        self.stood: set[int] = set()
        """Bookings that were confirmed at some time."""
        self.credits_back: set[int] = set()
        """Bookings whose credit came back."""

    def accept(self, command: Command, actor: Actor = ENGINE) -> None:
        self.inbox.append(envelope(command, actor, id=uuid4(), contract="marketplace"))

    def sweep(self) -> None:
        self.accept(ExpireDue(tuple(self.known.bookings)))
        self.accept(MoveOn(tuple(self.known.bookings)))

    def _note(self, one: Envelope, event: Event) -> None:
        self.bookings |= self.known.bookings
        if isinstance(event, CreditReturned):
            self.credits_back.add(event.booking_id)
        if not isinstance(event, BookingChanged):
            return
        was, status, id_ = event.was, event.booking.status, event.booking.id
        assert was is status or may_become(was, status) or (was, status) in PASSES_THROUGH
        if status is Status.CONFIRMED:
            self.stood.add(id_)
        if (was, status) == (Status.EXPIRED, Status.CONFIRMED):
            self.to_return[id_] = 0
        if status in RELEASED and was not in RELEASED:
            self._note_end(one.actor, event.booking, details_of(event.booking))

    def _note_end(self, actor: Actor, booking: Booking, details: MarketDetails) -> None:
        """In time, or by others, and each part of a whole for itself."""
        in_time = actor.user_id != booking.user_id or not details.is_scheduled or self.now + DAY <= booking.starts_at
        if details.parent_id is not None:
            self.to_return[details.parent_id] += details.share_minor if in_time else 0
        elif details.kind is Kind.BUNDLE:
            spent = any(self._spends(other, booking.id) for other in self.bookings.values())
            self.to_return[booking.id] = 0 if spent and actor.user_id == booking.user_id else booking.price_minor
        elif details.kind not in {Kind.COURSE, Kind.PACKAGE}:
            self.to_return[booking.id] = booking.price_minor if in_time else 0

    def _spends(self, booking: Booking, bundle: int) -> bool:
        return details_of(booking).credit_id == bundle and booking.id not in self.credits_back

    def assert_nothing_is_wrong(self) -> None:
        market, bookings = self.known.market, list(self.known.bookings.values())
        live = Counter(payment.booking_id for payment in self.known.payments.values() if payment.state in LIVE)
        assert all(count == 1 for count in live.values()), "two attempts of one booking could be charged"
        assert all(payment.kept_minor >= 0 for payment in self.known.payments.values())
        for session in market.sessions.values():
            seated = sum(details_of(b).session_id == session.id and b.status in KEEPS_SEAT for b in bookings)
            assert session.seats_taken == seated <= session.capacity
        seats = Counter(
            (b.user_id, seat) for b in bookings if b.status in KEEPS_SEAT and (seat := details_of(b).session_id)
        )
        assert all(count == 1 for count in seats.values()), "somebody has two seats of one session"
        for id_, credit in market.credits.items():
            spent = sum(self._spends(booking, id_) for booking in self.bookings.values())
            gone = self.bookings[id_].status is Status.CANCELLED
            assert credit.balance == (0 if gone else credit.granted - spent)
        claims = [claim for found in self.known.claims.values() for claim in found]
        for one, other in combinations(claims, 2):
            assert one.resource_id != other.resource_id or not one.overlaps(other.starts_at, other.ends_at)
        having = {b.id for b in bookings if b.status in TAKES_TIME and details_of(b).takes_practitioner}
        assert {claim.booking_id for claim in claims} == having
        for booking in bookings:
            self._assert_parts_agree(booking)

    def _assert_parts_agree(self, whole: Booking) -> None:
        found = (self.known.bookings.get(id_) for id_ in self.known.market.children[whole.id])
        stand = {part.status for part in found if part is not None}
        match whole.status:
            case Status.HELD:
                assert stand <= {Status.HELD, Status.DRAFT}
            case Status.CONFIRMED | Status.IN_PROGRESS:
                assert not stand or not stand <= FINAL, "it goes on without any part to come"
                assert Status.HELD not in stand
            case _:
                assert stand <= FINAL, "it is over and parts of it are not"

    def assert_the_books_balance(self) -> None:
        """To the cent: Stripe's books, ours, and what each booking is owed."""
        for booking in self.bookings.values():
            charged, refunded = self.at_stripe.moved(booking.id)
            ours = [payment for payment in self.known.payments.values() if payment.booking_id == booking.id]
            assert charged == sum(payment.received_minor for payment in ours)
            assert refunded == sum(payment.refunded_minor for payment in ours)
            owed = booking.price_minor - self.to_return[booking.id] if booking.id in self.stood else 0
            assert charged - refunded == owed, f"booking {booking.id} is {booking.status}"
            if charged and refunded == charged and booking.id in self.known.bookings:
                assert booking.payment_status is PaymentStatus.REFUNDED
        assert not any(self.known.followers.values()), "somebody still waits for an answer"


def details_of(booking: Booking) -> MarketDetails:
    assert isinstance(booking.details, MarketDetails)
    return booking.details
