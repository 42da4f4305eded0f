"""Whatever is bought, paid, scheduled, moved, given up and swept in whatever order while time passes: seats, credits and
money add up, parts and wholes agree, and what a booking says can be done with it is what the verb then answers."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.bookings.status import Status
from core.domain.commands import Actor, ActorKind, Command, Delete
from core.domain.decide import decide
from core.domain.marketplace.commands import (
    BookBundle,
    BookCourse,
    BookIndividual,
    BookPackage,
    BookSession,
    BuyCommand,
    CancelSession,
    MoveBooking,
    Part,
    TakeSeat,
    TurnBooking,
    Verb,
)
from core.domain.marketplace.verbs import can_be_canceled, can_be_rescheduled, role_of
from core.domain.payments.values import REFUND_UNDER_WAY
from core.domain.refusals import CommandRefused, Refusal
from core.domain.values import Booking
from tests.support.payments.purchase_simulation import (
    BUNDLE,
    CLIENTS,
    COURSE,
    DAY,
    HOUR,
    OTHER_USER,
    PACKAGE,
    PAID_PACKAGE,
    PAID_TALK,
    PRACTITIONERS,
    STAFF,
    TALK,
    WORKSHOP,
    PurchaseSimulation,
    details_of,
)
from tests.support.payments.stripe_standin.inprocess import Fate
from tests.support.values import NOW, counting_ids, envelope

GOOD_CARD = "4242424242424242"
hours = st.integers(-1, 80).map(lambda n: NOW + n * HOUR)
people = st.sampled_from(CLIENTS)


def part(service: int, begins: datetime | None) -> Part:
    return Part(service) if begins is None else Part(service, None, begins, begins + HOUR)


def talk(user: int, service: int, begins: datetime) -> BookIndividual:
    return BookIndividual(user, service, begins, begins + HOUR)


purchases: st.SearchStrategy[BuyCommand] = st.one_of(
    st.builds(talk, people, st.sampled_from([TALK, PAID_TALK]), hours),
    st.builds(BookSession, people, st.just(WORKSHOP), st.just(1)),
    st.builds(BookCourse, people, st.just(COURSE), st.just(3)),
    st.builds(
        lambda user, begins: BookPackage(user, PACKAGE, (part(TALK, begins), part(PAID_TALK, None))),
        people,
        st.none() | hours,
    ),
    st.builds(
        lambda user, one, two, session: BookPackage(
            user, PAID_PACKAGE, (part(TALK, one), part(PAID_TALK, two), Part(WORKSHOP, session_id=session))
        ),
        people,
        st.none() | hours,
        st.none() | hours,
        st.sampled_from([None, 1]),
    ),
    st.builds(BookBundle, people, st.just(BUNDLE)),
)


def the_client(booking: Booking) -> Actor:
    return Actor(ActorKind.USER, booking.user_id)


def the_practitioner(booking: Booking) -> Actor:
    return Actor(ActorKind.USER, details_of(booking).practitioner_user_id)


class Story:
    """One history, drawn step by step."""

    def __init__(self, data: st.DataObject) -> None:
        self.world = PurchaseSimulation()
        self._draw = data.draw

    def step(self) -> None:
        steps: list[Callable[[], None]] = [self.buy, self.pass_time, self.sweep, self.give_up_a_session]
        steps += [self.buy_and_pay] * 2 + [self.pay_too_late_and_buy_again, self.give_up_in_parts]
        if self.world.known.bookings:
            steps += [self.turn, self.turn, self.turn, self.move, self.take_seat, self.delete, self.ask, self.look]
        if self.world.at_stripe.payable():
            steps += [self.pay] * 2
        if self.world.due():
            steps += [self.work] * 2
        self._draw(st.sampled_from(steps))()
        self.decide()

    def decide(self) -> None:
        while self.world.inbox:
            self.world.decide_next()

    def a_booking(self) -> Booking:
        bookings = self.world.known.bookings
        return bookings[self._draw(st.sampled_from(sorted(bookings)))]

    def buy(self) -> None:
        wish = self._draw(purchases)
        self.world.accept(wish, Actor(ActorKind.USER, wish.user_id))

    def buy_and_pay(self) -> None:
        """So that most histories have money in them."""
        self.buy()
        self.pay_the_last()

    def pay_too_late_and_buy_again(self) -> None:
        """Paid at the last moment, unheard of; the hold runs out, and the same is bought again, and paid, too."""
        wish = self._draw(purchases)
        self.world.accept(wish, Actor(ActorKind.USER, wish.user_id))
        self.ask_for_the_last()
        for intent_id in self.world.at_stripe.payable():
            self.world.at_stripe.confirm(intent_id, GOOD_CARD)
        self.world.now += timedelta(minutes=31)
        self.world.sweep()
        self.decide()
        self.world.accept(wish, Actor(ActorKind.USER, wish.user_id))
        self.pay_the_last()

    def ask_for_the_last(self) -> None:
        """All the way to an intent that can be paid."""
        self.decide()
        if unpaid := [booking for booking in self.world.known.bookings.values() if booking.price_minor]:
            self.world.ask(unpaid[-1])
        self.decide()
        for payment in self.world.due():
            self.world.work(payment, Fate.ANSWERED, dies=False)
        self.decide()

    def pay_the_last(self) -> None:
        self.ask_for_the_last()
        for intent_id in self.world.at_stripe.payable():
            self.world.at_stripe.confirm(intent_id, GOOD_CARD)
        for event in list(self.world.account.events):
            self.world.deliver(event)

    def ask(self) -> None:
        self.world.ask(self.a_booking())

    def pay(self) -> None:
        self.world.at_stripe.confirm(self._draw(st.sampled_from(self.world.at_stripe.payable())), GOOD_CARD)

    def work(self) -> None:
        due = self._draw(st.sampled_from(self.world.due()))
        self.world.work(due, self._draw(st.sampled_from(Fate)), dies=self._draw(st.booleans()))

    def give_up_in_parts(self) -> None:
        """Stripe refuses to refund one part, for good; then others are given up, or the whole."""
        user = self._draw(people)
        self.world.accept(BookCourse(user, COURSE, 3), Actor(ActorKind.USER, user))
        self.pay_the_last()
        self.decide()
        known = self.world.known.bookings.values()
        parts = [
            booking.id for booking in known if details_of(booking).parent_id and booking.status is Status.CONFIRMED
        ]
        for number, part in enumerate(parts):
            self.world.accept(TurnBooking(part, Verb.CANCEL), STAFF)
            self.decide()
            self.world.stripe.refuses_a_refund = number == 0
            for payment in self.world.due():
                if payment.state in REFUND_UNDER_WAY:
                    self.world.work(payment, Fate.ANSWERED, dies=False)
            self.decide()
        self.world.stripe.refuses_a_refund = False

    def turn(self) -> None:
        booking = self.a_booking()
        actor = self._draw(st.sampled_from([the_client(booking)] * 2 + [the_practitioner(booking), STAFF, OTHER_USER]))
        verb = self._draw(st.sampled_from([Verb.CANCEL, *Verb]))
        self.world.accept(TurnBooking(booking.id, verb), actor)

    def move(self) -> None:
        booking, begins = self.a_booking(), self._draw(hours)
        self.world.accept(MoveBooking(booking.id, begins, begins + HOUR), the_client(booking))

    def take_seat(self) -> None:
        booking = self.a_booking()
        self.world.accept(TakeSeat(booking.id, 1), the_client(booking))

    def delete(self) -> None:
        self.world.accept(Delete(self.a_booking().id), STAFF)

    def give_up_a_session(self) -> None:
        session = self._draw(st.sampled_from(sorted(self.world.known.market.sessions)))
        self.world.accept(CancelSession(session), Actor(ActorKind.USER, PRACTITIONERS[0]))

    def pass_time(self) -> None:
        self.world.now += timedelta(minutes=self._draw(st.sampled_from([5, 45, 300, 1440])))
        self.world.sweep()

    def sweep(self) -> None:
        self.world.sweep()

    def look(self) -> None:
        """What the booking says is what the verbs answer, for every reader."""
        booking = self.a_booking()
        for actor in (the_client(booking), the_practitioner(booking), STAFF):
            cancelled = self.tried(TurnBooking(booking.id, Verb.CANCEL), actor)
            assert can_be_canceled(booking, self.world.now) == (cancelled is None)
            begins = NOW + 100 * DAY
            moved = self.tried(MoveBooking(booking.id, begins, begins + HOUR), actor)
            movable = can_be_rescheduled(booking, role_of(actor, booking), self.world.now, self.world.known.policy)
            assert movable == (moved in {None, Refusal.SESSION_WANTED})

    def tried(self, command: Command, actor: Actor) -> Refusal | None:
        one = envelope(command, actor, id=uuid4(), contract="marketplace")
        last = decide(self.world.known.fork(), one, self.world.now, counting_ids(10_000))[-1]
        return last.refusal if isinstance(last, CommandRefused) else None


@settings(max_examples=120, deadline=None)
@given(st.data(), st.integers(10, 40), st.booleans())
def test_everything_adds_up_whatever_happens(data: st.DataObject, steps: int, webhooks: bool) -> None:  # noqa: FBT001 - drawn
    story = Story(data)
    for _ in range(steps):
        story.step()
    story.world.settle(webhooks=webhooks, banks_say_yes=True)
    story.world.assert_the_books_balance()
