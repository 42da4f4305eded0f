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

import pytest
import redis

from tests.support.clients.callers import answers, execute
from tests.support.payments.ledger import assert_the_books_balance, wait_until_settled
from tests.support.payments.payer import BANK, EMPTY_CARD, Payer, StripeServer, stack_with_stripe
from tests.support.processes.servers import PostgresServer
from tests.support.processes.stack import Stack
from tests.support.wait import wait_until


@dataclass(frozen=True)
class Kill:
    """Who is to be killed now, and what happens before they are started again."""

    victims: str
    """Names with spaces between; `redis` is emptied."""
    meanwhile: Callable[[], object] = lambda: None
    just_before: Callable[[], object] = lambda: None
    """What happens when all stories have paused."""
    without_payments: Callable[[], object] | None = None
    """What happens when everybody is back but the payments worker."""


Story = Callable[[Payer], Iterator[Kill]]
LOOK_S = 1
"""How often Stripe is asked, so that lost webhooks cost a test seconds."""


def before_the_answer(payer: Payer, about: str, others: str = "") -> Kill:
    """Of the payments worker, while Stripe holds that request; then Stripe does it."""
    payer.stripe.wait_held(about)
    return Kill(f"payments {others}", lambda: payer.stripe.mend(about))


def ask_later(payer: Payer, booking: int) -> str:
    answer = payer.ask_until_served(booking, headers={"Prefer": "respond-async"})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["status_url"])


def secret_of(payer: Payer, url: str) -> str:
    """The intent's secret, as soon as its command is answered."""
    return str(payer.answered(url)["client_secret"])


def intent_for(booking: int) -> str:
    """What is in every request for it."""
    return f"metadata[holdfast_booking]={booking}&"


def intents_of(payer: Payer, booking: int) -> list[str]:
    books = payer.stripe.books()
    return [one["id"] for one in books["intents"] if one["metadata"]["holdfast_booking"] == str(booking)]


def the_worker_dies_while_stripe_makes_the_intent(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    payer.stripe.hold("create", intent_for(booking))
    url = ask_later(payer, booking)
    yield before_the_answer(payer, intent_for(booking))
    payer.stripe.pay(secret_of(payer, url))
    assert len(intents_of(payer, booking)) == 1
    yield Kill("lanes-1 lanes-2")
    payer.wait_stands(booking, "confirmed", "succeeded")


def the_worker_dies_while_stripe_refunds(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.pay(booking)["payment_intent_id"]
    payer.wait_stands(booking, "confirmed", "succeeded")
    payer.stripe.hold("refund", intent)
    payer.cancel(booking)
    yield before_the_answer(payer, intent)
    payer.wait_stands(booking, "cancelled", "refunded")
    refunds = [one for one in payer.stripe.books()["refunds"] if one["payment_intent"] == intent]
    assert len(refunds) == 1


def the_worker_dies_while_stripe_cancels(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.intent(booking)["payment_intent_id"]
    payer.stripe.hold("cancel", intent)
    payer.lapse(booking)
    yield before_the_answer(payer, intent)
    payer.wait_payments(booking, "canceled")


def the_payer_is_quicker_than_the_cancellation(payer: Payer) -> Iterator[Kill]:
    """Stripe takes its time to cancel, and the payer pays meanwhile: the late payment, place still free."""
    booking = payer.hold()
    intent = payer.intent(booking)
    payer.stripe.hold("cancel", intent["payment_intent_id"])
    payer.lapse(booking)
    kill = before_the_answer(payer, intent["payment_intent_id"], "lanes-1")
    payer.stripe.pay(intent["client_secret"])
    yield kill
    payer.wait_stands(booking, "confirmed", "succeeded")
    assert "late_payment" in payer.reasons(booking)


def a_rival_is_quicker_than_the_late_money(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.intent(booking)
    payer.stripe.hold("cancel", intent["payment_intent_id"])
    payer.lapse(booking)
    with payer.another() as rival:
        taken = payer.hold(rival)
        payer.stripe.pay(intent["client_secret"])
        yield Kill("api payments", lambda: payer.stripe.mend(intent["payment_intent_id"]))
        payer.wait_stands(booking, "expired", "refunded")
        payer.stripe.pay(payer.intent(taken, rival)["client_secret"])
        wait_until(lambda: rival.get(f"/api/bookings/{taken}/").json()["status"] == "confirmed", "the rival has it")


def the_lanes_die_with_the_webhook_taken_in(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.intent(booking)

    def pay_and_be_told() -> None:
        payer.stripe.pay(intent["client_secret"])
        event = "SELECT count(*) FROM stripe_event e JOIN inbox i ON i.id = e.command_id"
        if payer.stripe.delivers:
            wait_until(lambda: execute(payer.stack, event) != [(0,)], "a webhook is taken in")

    yield Kill("")
    yield Kill("")  # the API lives in the third round
    yield Kill("lanes-1 lanes-2", pay_and_be_told)
    payer.wait_stands(booking, "confirmed", "succeeded")


def the_api_dies_while_stripe_tells(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.intent(booking)
    yield Kill("api", lambda: payer.stripe.pay(intent["client_secret"]))
    yield Kill("api redis")
    payer.wait_stands(booking, "confirmed", "succeeded")


def an_intent_is_asked_for_anew_and_the_old_one_paid_after_all(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    first = payer.pay(booking, EMPTY_CARD)
    payer.wait_stands(booking, "pending", "failed")
    payer.stripe.hold("cancel", first["payment_intent_id"])
    ask_later(payer, booking)
    kill = before_the_answer(payer, first["payment_intent_id"], "lanes-2")
    payer.stripe.pay(first["client_secret"])
    yield kill
    payer.wait_stands(booking, "confirmed", "succeeded")
    payer.wait_payments(booking, "succeeded", "canceled")


def a_new_intent_after_a_decline_outlives_everybody(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    payer.pay(booking, EMPTY_CARD)
    payer.wait_stands(booking, "pending", "failed")
    payer.stripe.fault("work_then_silence", "create", about=intent_for(booking))
    url = ask_later(payer, booking)
    yield Kill("payments api lanes-1 lanes-2 redis")
    payer.stripe.pay(secret_of(payer, url))
    payer.wait_stands(booking, "confirmed", "succeeded")


def a_bank_says_yes_to_a_booking_cancelled_meanwhile(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.pay(booking, BANK)["payment_intent_id"]
    payer.wait_stands(booking, "pending", "processing")
    yield Kill("payments")
    payer.cancel(booking)
    payer.stripe.settle(intent, succeeds=True)
    yield Kill("payments lanes-1 lanes-2")
    payer.wait_stands(booking, "cancelled", "refunded")


def a_paid_booking_is_deleted_before_anybody_heard_of_the_money(payer: Payer) -> Iterator[Kill]:
    booking = payer.hold()
    intent = payer.intent(booking)
    yield Kill("payments")
    payer.stripe.pay(intent["client_secret"])
    assert payer.desk.delete(f"/api/admin/bookings/{booking}/delete/").status_code == 200
    yield Kill("payments lanes-2")
    payer.wait_payments(booking, "refunded")


def a_hold_dies_with_its_intent_never_answered(payer: Payer) -> Iterator[Kill]:
    """The answer to the waiting command comes all the same: it cannot be paid any more.

    A worker that lives looks for an intent whose answer it missed, so it dies at once, and comes back after the hold's end.
    """
    booking = payer.hold()
    payer.stripe.fault("work_then_held", "create", times=-1, about=intent_for(booking))
    urls: list[str] = []

    def ask() -> None:
        urls.append(ask_later(payer, booking))
        payer.stripe.wait_held(intent_for(booking))

    def lapse() -> None:
        payer.lapse(booking)
        payer.wait_stands(booking, "expired", "pending")
        payer.stripe.mend(intent_for(booking))

    yield Kill("payments", just_before=ask, without_payments=lapse)
    wait_until(lambda: payer.client.get(urls[0]).json()["status"] == "rejected", "it is answered")
    assert len(intents_of(payer, booking)) == 1

    def nothing_can_be_paid() -> bool:
        return all(payer.stripe.intent(id_)["status"] == "canceled" for id_ in intents_of(payer, booking))

    wait_until(nothing_can_be_paid, "its intent is canceled")


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
def stack(postgres: PostgresServer, stripe: StripeServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    settings = {"HOLDFAST_PAYMENT_LOOK_SECONDS": str(LOOK_S)}
    with stack_with_stripe(postgres, stripe, tmp_path_factory.mktemp("killed"), settings) as running:
        yield running


def kill(stack: Stack, kills: Sequence[Kill]) -> None:
    """`kill -9`, start again, and let the leases of the dead run out."""
    victims = {name for one in kills for name in one.victims.split()}
    for one in kills:
        one.just_before()
    if "redis" in victims:
        with redis.Redis.from_url(stack.redis_url) as connection:
            connection.flushall()
    names = sorted(victims - {"redis"})
    for name in names:
        stack.process(name).kill()
    for one in kills:
        one.meanwhile()
    if later := [one.without_payments for one in kills if one.without_payments]:
        start(stack, [name for name in names if name != "payments"])
        for what in later:
            what()
        names = ["payments"]
    if "payments" in victims:
        execute(
            stack,
            "UPDATE payment SET leased_until = clock_timestamp(), due_at = clock_timestamp() WHERE lease IS NOT NULL",
        )
    start(stack, names)


def start(stack: Stack, names: Sequence[str]) -> None:
    for name in names:
        stack.process(name).start(wait=False)
    for name in names:
        stack.process(name).wait()
    wait_until(lambda: answers(stack), "the API answers")


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
    wait_until_settled(stack)
    bookings, charged, refunded = assert_the_books_balance(stack, stripe)
    assert bookings >= len(STORIES)
    assert charged > refunded > 0
    with capsys.disabled():
        books = f"{bookings} bookings, {charged / 100:.2f} charged, {refunded / 100:.2f} refunded"
        sys.stdout.write(f"\nledger, webhooks {webhooks}: {books}; it balances\n")
