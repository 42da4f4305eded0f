"""The worst interleavings of money and the end of a booking, with parts killed at the worst moments.

All stories run side by side. Each pauses where a kill would hurt most and names the victims; when
all have paused the victims are killed with `kill -9` and started again, and the stories go on. In the end
the books must balance to the cent.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import httpx
import pytest
import redis

from tests.support.clients.callers import execute
from tests.support.payments.ledger import assert_the_books_balance, wait_until_settled
from tests.support.payments.payer import BANK, EMPTY_CARD, Payer, StripeServer, stack_with_stripe, stripe_server
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until


@dataclass(frozen=True)
class Kill:
    """Who is to be killed now, and what happens before they are started again."""

    victims: str
    """Names with spaces between; `redis` is emptied."""
    meanwhile: Callable[[], object] = lambda: None


Story = Callable[[Payer], Iterator[Kill]]
LOOK_S = 1
"""How often Stripe is asked, so that lost webhooks cost a test seconds."""
SETTLED_WITHIN_S = 60.0


def slow(payer: Payer, operation: str, about: str) -> None:
    """Wait until Stripe has begun to do that: the process that asked is to die before the answer."""
    wait_until(
        lambda: any(about in request for request in payer.stripe.books()["slowed"]), f"{operation} is under way", 20.0
    )


def ask_later(payer: Payer, booking: int) -> str:
    answer = payer.ask(booking, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["status_url"])


def secret_of(payer: Payer, url: str) -> str:
    """The intent's secret, as soon as its command is answered."""
    return str(payer.answered(url)["client_secret"])


def intents_of(payer: Payer, booking: int) -> list[str]:
    books = payer.stripe.books()
    return [one["id"] for one in books["intents"] if one["metadata"]["holdfast_booking"] == str(booking)]


def the_worker_dies_while_stripe_makes_the_intent(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    payer.stripe.fault("slow", "create", about=f"metadata[holdfast_booking]={booking}")
    url = ask_later(payer, booking)
    slow(payer, "create", f"metadata[holdfast_booking]={booking}")
    yield Kill("payments")
    payer.stripe.pay(secret_of(payer, url))
    assert len(intents_of(payer, booking)) == 1
    yield Kill("lanes-1 lanes-2")
    payer.wait_stands(booking, "confirmed", "succeeded", SETTLED_WITHIN_S)


def the_worker_dies_while_stripe_refunds(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.pay(booking)["payment_intent_id"]
    payer.wait_stands(booking, "confirmed", "succeeded")
    payer.stripe.fault("slow", "refund", about=intent)
    payer.cancel(booking)
    slow(payer, "refund", intent)
    yield Kill("payments")
    payer.wait_stands(booking, "cancelled", "refunded", SETTLED_WITHIN_S)
    refunds = [one for one in payer.stripe.books()["refunds"] if one["payment_intent"] == intent]
    assert len(refunds) == 1


def the_worker_dies_while_stripe_cancels(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.intent(booking)["payment_intent_id"]
    payer.stripe.fault("slow", "cancel", about=intent)
    payer.lapse(booking)
    slow(payer, "cancel", intent)
    yield Kill("payments")
    payer.wait_payments(booking, "canceled", within_s=SETTLED_WITHIN_S)


def the_payer_is_quicker_than_the_cancellation(payer: Payer) -> Iterator[Kill]:
    """Stripe takes its time to cancel, and the payer pays meanwhile: the late payment, place still free."""
    booking = payer.hold()
    intent = payer.intent(booking)
    payer.stripe.fault("slow", "cancel", about=intent["payment_intent_id"])
    payer.lapse(booking)
    slow(payer, "cancel", intent["payment_intent_id"])
    payer.stripe.pay(intent["client_secret"])
    yield Kill("payments lanes-1")
    payer.wait_stands(booking, "confirmed", "succeeded", SETTLED_WITHIN_S)
    assert "late_payment" in payer.reasons(booking)


def a_rival_is_quicker_than_the_late_money(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.intent(booking)
    payer.stripe.fault("down", "cancel", times=3, about=intent["payment_intent_id"])
    payer.lapse(booking)
    with payer.another() as rival:
        taken = payer.hold(rival)
        payer.stripe.pay(intent["client_secret"])
        yield Kill("api payments")
        payer.wait_stands(booking, "expired", "refunded", SETTLED_WITHIN_S)
        payer.stripe.pay(payer.intent(taken, rival)["client_secret"])
        wait_until(
            lambda: rival.get(f"/api/bookings/{taken}/").json()["status"] == "confirmed", "the rival has it", 30.0
        )


def the_lanes_die_with_the_webhook_taken_in(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.intent(booking)

    def pay_and_be_told() -> None:
        payer.stripe.pay(intent["client_secret"])
        event = "SELECT count(*) FROM stripe_event e JOIN inbox i ON i.id = e.command_id"
        if payer.stripe.delivers:
            wait_until(lambda: execute(payer.stack, event) != [(0,)], "a webhook is taken in", 15.0)

    yield Kill("")
    yield Kill("")  # the API lives in the third round
    yield Kill("lanes-1 lanes-2", pay_and_be_told)
    payer.wait_stands(booking, "confirmed", "succeeded", SETTLED_WITHIN_S)


def the_api_dies_while_stripe_tells(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.intent(booking)
    yield Kill("api", lambda: payer.stripe.pay(intent["client_secret"]))
    yield Kill("api redis")
    payer.wait_stands(booking, "confirmed", "succeeded", SETTLED_WITHIN_S)


def an_intent_is_asked_for_anew_and_the_old_one_paid_after_all(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    first = payer.pay(booking, EMPTY_CARD)
    payer.wait_stands(booking, "pending", "failed")
    payer.stripe.fault("slow", "cancel", about=first["payment_intent_id"])
    ask_later(payer, booking)
    slow(payer, "cancel", first["payment_intent_id"])
    payer.stripe.pay(first["client_secret"])
    yield Kill("payments lanes-2")
    payer.wait_stands(booking, "confirmed", "succeeded", SETTLED_WITHIN_S)
    payer.wait_payments(booking, "succeeded", "canceled", within_s=SETTLED_WITHIN_S)


def a_new_intent_after_a_decline_outlives_everybody(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    payer.pay(booking, EMPTY_CARD)
    payer.wait_stands(booking, "pending", "failed")
    payer.stripe.fault("work_then_silence", "create", about=f"metadata[holdfast_booking]={booking}")
    url = ask_later(payer, booking)
    yield Kill("payments api lanes-1 lanes-2 redis")
    payer.stripe.pay(secret_of(payer, url))
    payer.wait_stands(booking, "confirmed", "succeeded", SETTLED_WITHIN_S)


def a_bank_says_yes_to_a_booking_cancelled_meanwhile(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.pay(booking, BANK)["payment_intent_id"]
    payer.wait_stands(booking, "pending", "processing")
    yield Kill("payments")
    payer.cancel(booking)
    payer.stripe.settle(intent, succeeds=True)
    yield Kill("payments lanes-1 lanes-2")
    payer.wait_stands(booking, "cancelled", "refunded", SETTLED_WITHIN_S)


def a_paid_booking_is_deleted_before_anybody_heard_of_the_money(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.intent(booking)
    yield Kill("payments")
    payer.stripe.pay(intent["client_secret"])
    assert payer.desk.delete(f"/api/admin/bookings/{booking}/delete/").status_code == 200
    yield Kill("payments lanes-2")
    payer.wait_payments(booking, "refunded", within_s=SETTLED_WITHIN_S)


def a_hold_dies_with_its_intent_never_answered(payer: Payer) -> Iterator[Kill]:
    """The answer to the waiting command comes all the same: it cannot be paid any more."""
    booking = payer.hold()
    payer.stripe.fault("work_then_silence", "create", times=2, about=f"metadata[holdfast_booking]={booking}")
    url = ask_later(payer, booking)
    payer.lapse(booking)
    yield Kill("payments")
    wait_until(lambda: payer.client.get(url).json()["status"] == "rejected", "it is answered", SETTLED_WITHIN_S)

    def nothing_can_be_paid() -> bool:
        return all(payer.stripe.intent(id_)["status"] == "canceled" for id_ in intents_of(payer, booking))

    wait_until(nothing_can_be_paid, "its intent is canceled", 30.0)


STORIES: tuple[Story, ...] = (
    the_worker_dies_while_stripe_makes_the_intent,
    the_worker_dies_while_stripe_refunds,
    the_worker_dies_while_stripe_cancels,
    the_payer_is_quicker_than_the_cancellation,
    a_rival_is_quicker_than_the_late_money,
    the_lanes_die_with_the_webhook_taken_in,
    the_api_dies_while_stripe_tells,
    an_intent_is_asked_for_anew_and_the_old_one_paid_after_all,
    a_new_intent_after_a_decline_outlives_everybody,
    a_bank_says_yes_to_a_booking_cancelled_meanwhile,
    a_paid_booking_is_deleted_before_anybody_heard_of_the_money,
    a_hold_dies_with_its_intent_never_answered,
)


@pytest.fixture(scope="module")
def stripe(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StripeServer]:
    with stripe_server(tmp_path_factory.mktemp("stripe")) as server:
        yield server


@pytest.fixture(scope="module")
def stack(postgres: PostgresServer, stripe: StripeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {"HOLDFAST_PAYMENT_LOOK_SECONDS": str(LOOK_S)}
    with stack_with_stripe(postgres, stripe, tmp_path_factory.mktemp("killed"), settings) as running:
        yield running


def kill(stack: Stack, kills: Sequence[Kill]) -> None:
    """`kill -9`, start again, and let the leases of the dead run out."""
    victims = {name for one in kills for name in one.victims.split()}
    if "redis" in victims:
        with redis.Redis.from_url(stack.redis_url) as connection:
            connection.flushall()
    names = sorted(victims - {"redis"})
    for name in names:
        stack.process(name).kill()
    for one in kills:
        one.meanwhile()
    if "payments" in victims:
        execute(
            stack,
            "UPDATE payment SET leased_until = clock_timestamp(), due_at = clock_timestamp() WHERE lease IS NOT NULL",
        )
    for name in names:
        stack.process(name).start(wait=False)
    for name in names:
        stack.process(name).wait()
    wait_until(lambda: _answers(stack), "the API answers", 30.0)


def _answers(stack: Stack) -> bool:
    try:
        return httpx.get(f"{stack.api_url}/healthz", timeout=2.0).status_code == 200
    except httpx.TransportError:
        return False


@pytest.mark.parametrize("webhooks", ["double", "lose"])
def test_twelve_stories_with_kills_in_between_end_well_and_the_books_balance(
    stack: Stack, stripe: StripeServer, webhooks: str, capsys: pytest.CaptureFixture[str]
) -> None:
    stripe.webhooks(webhooks)
    with ExitStack() as closing, ThreadPoolExecutor(len(STORIES)) as stage:
        payers = [closing.enter_context(Payer(stack, stripe)) for _ in STORIES]
        going = [story(payer) for story, payer in zip(STORIES, payers, strict=True)]
        while going:
            paused = list(stage.map(lambda story: next(story, None), going))
            if kills := [one for one in paused if one is not None]:
                kill(stack, kills)
            going = [story for story, one in zip(going, paused, strict=True) if one is not None]
    wait_until_settled(stack, SETTLED_WITHIN_S)
    bookings, charged, refunded = assert_the_books_balance(stack, stripe)
    assert bookings >= len(STORIES)
    assert charged > refunded > 0
    with capsys.disabled():
        books = f"{bookings} bookings, {charged / 100:.2f} charged, {refunded / 100:.2f} refunded"
        sys.stdout.write(f"\nledger, webhooks {webhooks}: {books}; it balances\n")
