"""A small world around the rules of paying: lanes, a payments worker that dies, Stripe, its webhooks, payers.

The rules, the worker's step (`core.engine.payment_jobs`) and Stripe's account are the real ones; what lies
between them is played: an inbox in order, and messages that come late, twice, turned round or never.
"""

from __future__ import annotations

from collections import deque
from datetime import time, timedelta
from itertools import combinations, count
from typing import Any
from uuid import UUID, uuid4

from msgspec.structs import replace

from core.domain.bookings.status import TAKES_TIME, PaymentStatus, Status
from core.domain.commands import (
    ENGINE,
    Actor,
    ActorKind,
    BookRoom,
    Cancel,
    Command,
    Delete,
    Envelope,
    ExpireDue,
    LookForRefunds,
    ReportIntent,
    RequestPayment,
)
from core.domain.decide import decide
from core.domain.events import BookingChanged, CommandDeferred, Event, PaymentReady
from core.domain.evolve import evolve
from core.domain.payments.checkout import deferred_answers
from core.domain.payments.values import LIVE, REFUND_UNDER_WAY, Payment, PaymentState
from core.domain.values import Booking, Policy
from core.engine.payment_jobs import run_job
from core.payments.provider import PaymentsAwayError
from core.payments.stripe import intent_of
from core.payments.stripe_events import REFUND_EVENTS
from core.store.payments.jobs import DECIDED_WITHIN_S, PaymentJob
from tests.support.engine.told_moves import check_move_is_told
from tests.support.payments.stripe_people import StripePeople
from tests.support.payments.stripe_standin.account import Account
from tests.support.payments.stripe_standin.inprocess import Fate, InProcessStripe
from tests.support.values import DESK, NOW, ROOM_RESOURCE, counting_ids, envelope, room, state, user

POLICY = Policy(hold_s=30 * 60, hold_extension_s=30 * 60, max_holds_per_user=0, payment_look_s=120)
OVER = frozenset(
    {
        PaymentState.CANCELED,
        PaymentState.FAILED,
        PaymentState.SUCCEEDED,
        PaymentState.REFUNDED,
    }
)
STEPS_MAX = 200
"""To settle everything; far more than any history needs."""


class PaymentSimulation:
    def __init__(self) -> None:
        self.now = NOW
        numbers = count(1)
        self.account = Account(lambda: int(self.now.timestamp()), lambda prefix: f"{prefix}{next(numbers)}")
        self.stripe = InProcessStripe(self.account)
        self.at_stripe = StripePeople(self.account)
        self.known = state(
            resources=[DESK, ROOM_RESOURCE], rooms=[room()], users=[user(1), user(2), user(3)], policy=POLICY
        )
        self.ids = counting_ids()
        self.bookings: dict[int, Booking] = {}
        """Deleted ones too, as they were last."""
        self.inbox: deque[Envelope] = deque()
        self.keys: dict[UUID, int] = {}
        """The number of each payment's idempotency key."""
        self.asked: dict[UUID, int] = {}
        """The number of the refund that each payment was last asked for."""
        self.taken_in: set[str] = set()
        """Ids of events: the webhook takes each in once."""
        self.kept_by_policy: set[int] = set()
        """Bookings whose owners cancelled too late to get their money back."""

    # what people do

    def wish(self, who: int, day: Any, hour: int) -> None:
        self.accept(BookRoom(who, 1, day, time(hour), time(hour + 1)), Actor(ActorKind.USER, who))

    def ask(self, booking: Booking) -> None:
        self.accept(
            RequestPayment(booking.id, booking.price_minor, booking.currency), Actor(ActorKind.USER, booking.user_id)
        )

    def ask_for(self, intent_id: str) -> None:
        """Ask again for the booking that an intent is for."""
        booking = self.known.bookings.get(int(self.account.intents[intent_id]["metadata"]["holdfast_booking"]))
        if booking is not None:
            self.ask(booking)

    def cancel(self, booking: Booking, *, by_staff: bool) -> None:
        actor = Actor(ActorKind.STAFF, 9) if by_staff else Actor(ActorKind.USER, booking.user_id)
        self.accept(Cancel(booking.id), actor)

    def delete(self, booking: Booking) -> None:
        self.accept(Delete(booking.id), Actor(ActorKind.STAFF, 9))

    # what machines do

    def accept(self, command: Command, actor: Actor = ENGINE) -> None:
        contract = "rooms" if isinstance(command, BookRoom | Cancel | Delete) else "payments"
        self.inbox.append(envelope(command, actor, id=uuid4(), contract=contract))

    def decide_next(self) -> None:
        if not self.inbox:
            return
        one = self.inbox.popleft()
        events = decide(self.known, one, self.now, self.ids)
        for event in events:
            check_move_is_told(self.known, event)
            evolve(self.known, event)
            self._note(one, event)
        if isinstance(events[-1], CommandDeferred):
            self.known.followers.setdefault(events[-1].payment_id, []).append(one)
        if isinstance(events[-1], PaymentReady):
            self._reveal(events[-1].payment)
        for _, answer in deferred_answers(self.known, events):
            if isinstance(answer[-1], PaymentReady):
                self._reveal(answer[-1].payment)
        self.assert_nothing_is_wrong()

    def _note(self, one: Envelope, event: Event) -> None:
        self.bookings |= self.known.bookings
        if not isinstance(event, BookingChanged) or event.booking.status is not Status.CANCELLED:
            return
        is_own = one.actor.user_id == event.booking.user_id
        too_late = self.now + timedelta(seconds=POLICY.refund_notice_s) > event.booking.starts_at
        if is_own and too_late and event.booking.payment_status is PaymentStatus.SUCCEEDED:
            self.kept_by_policy.add(event.booking.id)

    def _reveal(self, payment: Payment) -> None:
        assert payment.intent_id is not None
        if payment.intent_id not in self.at_stripe.revealed:
            self.at_stripe.revealed.append(payment.intent_id)

    def due(self) -> list[Payment]:
        found = self.known.payments.values()
        return [payment for payment in found if payment.due_at is not None and payment.due_at <= self.now]

    def work(self, payment: Payment, fate: Fate, *, dies: bool) -> None:
        """The payments worker sees to one payment. It may die with Stripe's answer in its hands."""
        sends = payment.state in {PaymentState.CREATING, PaymentState.CLOSING}
        due = self._leased(payment)
        if payment.state in REFUND_UNDER_WAY:
            self.asked[payment.id] = payment.refund_number
        payment = self.known.payments[payment.id] = replace(payment, sent=payment.sent or sends)
        self.stripe.fate = fate
        try:
            report = run_job(self.stripe, due)
        except PaymentsAwayError as problem:
            self.keys[payment.id] = self.keys.get(payment.id, 1) + problem.replayed
            return
        if report is not None and not dies:
            self.known.payments[payment.id] = replace(payment, due_at=self.now + timedelta(seconds=DECIDED_WITHIN_S))
            self.accept(report)

    def _leased(self, payment: Payment) -> PaymentJob:
        return PaymentJob(
            id=payment.id,
            booking_id=payment.booking_id,
            amount_minor=payment.amount_minor,
            currency=payment.currency,
            state=payment.state,
            intent_id=payment.intent_id,
            refunded_minor=payment.refunded_minor,
            returning_minor=payment.returning_minor,
            refund_number=payment.refund_number,
            refund_id=payment.refund_id,
            lease=uuid4(),
            tries=1,
            key_number=self.keys.get(payment.id, 1),
            resource_id=ROOM_RESOURCE.id,
            local_date=NOW.date(),
            created_at=payment.created_at,
            was_asked=self.asked.get(payment.id) == payment.refund_number
            if payment.state in REFUND_UNDER_WAY
            else payment.sent,
        )

    def deliver(self, event: dict[str, Any]) -> None:
        """Stripe's webhook, as `core.store.payments.received_events` takes it in."""
        if event["id"] in self.taken_in:
            return
        if event["type"] in REFUND_EVENTS:
            self._deliver_refund(event)
        if not event["type"].startswith("payment_intent."):
            return
        intent = intent_of(event["data"]["object"])
        if intent.payment_id is None or event["type"].endswith(("created", "requires_action")):
            return
        self.taken_in.add(event["id"])
        self.accept(ReportIntent(intent.payment_id, intent.id, intent.status, intent.received_minor, intent.decline))

    def _deliver_refund(self, event: dict[str, Any]) -> None:
        intent_id = event["data"]["object"]["payment_intent"]
        for payment in self.known.payments.values():
            if payment.intent_id == intent_id:
                self.taken_in.add(event["id"])
                self.accept(LookForRefunds(payment.id))

    def sweep(self) -> None:
        self.accept(ExpireDue(tuple(self.known.bookings)))

    # how it ends

    def settle(self, *, webhooks: bool, banks_say_yes: bool) -> None:
        """Let everything that is under way come to its end, with or without any webhook ever."""
        for _ in range(STEPS_MAX):
            for intent_id in list(self.account.intents):
                self.at_stripe.settle_bank(intent_id, succeeds=banks_say_yes)
            for payment in self.known.payments.values():
                if payment.state is PaymentState.REFUND_FAILED:  # a person helps
                    self.at_stripe.return_what_failed(payment)
            for event in list(self.account.events):
                if webhooks or event["type"] in REFUND_EVENTS:  # nothing else tells of what a person did
                    self.deliver(event)
            self.sweep()
            for payment in self.due():
                self.work(payment, Fate.ANSWERED, dies=False)
            while self.inbox:
                self.decide_next()
            if self._is_over():
                return
            self.now += timedelta(seconds=POLICY.payment_look_s)
        raise AssertionError(f"still under way: {[p.state for p in self.known.payments.values()]}")

    def _is_over(self) -> bool:
        held = any(booking.status is Status.HELD for booking in self.known.bookings.values())
        payments = self.known.payments.values()
        return not held and all(payment.state in OVER and payment.due_at is None for payment in payments)

    # what must hold

    def assert_nothing_is_wrong(self) -> None:
        """After every decision."""
        payments = list(self.known.payments.values())
        for booking_id in {payment.booking_id for payment in payments}:
            live = [payment for payment in payments if payment.booking_id == booking_id and payment.state in LIVE]
            assert len(live) <= 1, "two attempts of one booking could be charged"
            waits = any(
                payment.booking_id == booking_id and payment.state is PaymentState.QUEUED for payment in payments
            )
            assert live or not waits, "an attempt waits for the end of one that has ended"
        claims = [claim for found in self.known.claims.values() for claim in found]
        for one, other in combinations(claims, 2):
            assert not one.overlaps(other.starts_at, other.ends_at), "one place was given twice"
        having = {booking.id for booking in self.known.bookings.values() if booking.status in TAKES_TIME}
        assert {claim.booking_id for claim in claims} == having
        for payment in payments:
            if payment.state is PaymentState.REFUNDED:
                assert payment.refunded_minor == payment.received_minor > 0

    def assert_one_chargeable_intent_a_booking(self) -> None:
        """What payers could pay at this moment."""
        live = [*self.at_stripe.payable(), *self.at_stripe.in_a_banks_hands()]
        bookings = [self.account.intents[id_]["metadata"]["holdfast_booking"] for id_ in live]
        assert len(bookings) == len(set(bookings)), "a payer could pay twice"

    def assert_the_books_balance(self) -> None:
        """To the cent: Stripe's books, ours, and what each booking is owed or owes."""
        for booking in self.bookings.values():
            charged, refunded = self.at_stripe.moved(booking.id)
            ours = [payment for payment in self.known.payments.values() if payment.booking_id == booking.id]
            assert charged == sum(payment.received_minor for payment in ours)
            assert refunded == sum(payment.refunded_minor for payment in ours)
            kept = charged - refunded
            paid = [payment for payment in ours if payment.state is PaymentState.SUCCEEDED]
            present = self.known.bookings.get(booking.id)
            if present is not None and present.status is Status.CONFIRMED:
                assert [payment.received_minor for payment in paid] == [booking.price_minor]
                assert present.payment_status is PaymentStatus.SUCCEEDED
                assert kept == booking.price_minor - self.at_stripe.by_hand(paid[0]) > 0
            elif booking.id in self.kept_by_policy:
                assert refunded == sum(map(self.at_stripe.by_hand, ours)), "we gave back what was to be kept"
            else:
                assert kept == 0, f"booking {booking.id} is {booking.status} and {kept} was kept"
                if present is not None and refunded:
                    assert present.payment_status is PaymentStatus.REFUNDED
        assert not any(self.known.followers.values()), "somebody still waits for an answer"
        for id_, intent in self.account.intents.items():
            over = intent["status"] in {"succeeded", "canceled"}
            assert over or id_ in self.stripe.unheard_of, f"{id_} could still be paid"
