"""What people do at Stripe is followed; what the worker cannot see to waits for people, visibly, and is not lost."""

from __future__ import annotations

from core.store.payments.jobs import PARKED_TRIES
from tests.support.clients.callers import execute
from tests.support.payments.by_hand import ledger, paid, refunds
from tests.support.payments.payer import Payer
from tests.support.wait import wait_until


def books(payer: Payer, booking: int) -> list[tuple[str, float, float]]:
    """(state, received, refunded) of each attempt, in order."""
    entries = reversed(ledger(payer, booking_id=booking))
    return [(entry["state"], entry["amount_received"], entry["amount_refunded"]) for entry in entries]


def wait_books(payer: Payer, booking: int, *entries: tuple[str, float, float]) -> None:
    wait_until(lambda: books(payer, booking) == list(entries), f"the books of {booking} say {entries}")


def test_a_refund_of_everything_at_stripe_cancels_the_booking_and_frees_its_time(payer: Payer) -> None:
    booking, intent = paid(payer)
    payer.stripe.refund(intent)
    payer.wait_stands(booking, "cancelled", "refunded")
    wait_books(payer, booking, ("refunded", 100.00, 100.00))
    assert payer.reasons(booking)[-1] == "refunded_at_stripe"
    with payer.another() as rival:
        payer.hold(rival)


def test_a_part_that_went_back_is_in_the_books_and_a_later_cancellation_returns_the_rest(payer: Payer) -> None:
    booking, intent = paid(payer)
    payer.stripe.refund(intent, 3_000)
    wait_books(payer, booking, ("succeeded", 100.00, 30.00))
    assert payer.stands(booking) == ("confirmed", "succeeded")
    payer.stripe.webhooks("lose")
    payer.stripe.refund(intent, 500)  # of this we do not know when the rest is ordered
    assert payer.cancel(booking).status_code == 200
    payer.wait_stands(booking, "cancelled", "refunded")
    wait_books(payer, booking, ("refunded", 100.00, 100.00))
    assert refunds(payer, intent) == [3_000, 500, 6_500]


def test_a_refund_before_anybody_heard_of_the_money_is_found_all_the_same(payer: Payer) -> None:
    payer.stripe.webhooks("hold")
    booking = payer.hold()
    intent = payer.pay(booking)["payment_intent_id"]
    payer.stripe.refund(intent)
    payer.stripe.release(backwards=True)
    payer.wait_stands(booking, "cancelled", "refunded")
    wait_books(payer, booking, ("refunded", 100.00, 100.00))
    assert refunds(payer, intent) == [10_000], "and nothing goes back a second time"


def test_a_refund_that_failed_is_shown_to_staff_until_a_person_gave_the_money_back(payer: Payer) -> None:
    booking, intent = paid(payer)
    execute(
        payer.stack, "UPDATE payment SET state = 'refund_failed', decline = 'failed' WHERE booking_id = %s", booking
    )
    shown = [entry["booking_id"] for entry in ledger(payer, needs_a_person="true")]
    assert booking in shown
    payer.stripe.refund(intent)
    wait_books(payer, booking, ("refunded", 100.00, 100.00))
    assert ledger(payer, needs_a_person="true", booking_id=booking) == []


def test_a_dispute_and_a_refund_that_came_back_are_told_to_operators_once(payer: Payer) -> None:
    booking, intent = paid(payer)
    payer.stripe.webhooks("hold")  # a worker that looks before the refund fails counts it as money that went back
    payer.stripe.dispute(intent)
    refund = payer.stripe.refund(intent, 1_000)
    payer.stripe.fail_refund(refund["id"])
    payer.stripe.release(times=2)
    wait_until(lambda: len(told(payer, booking)) == 2, "both are told")
    assert sorted(told(payer, booking)) == ["charge.dispute.created", "refund.failed"]
    wait_books(payer, booking, ("succeeded", 100.00, 0.00))
    assert payer.stands(booking) == ("confirmed", "succeeded")


def told(payer: Payer, booking: int) -> list[str]:
    """The types of events about a booking that the log says need a person."""
    lines = payer.stack.process("api").log.splitlines()
    about = [line for line in lines if '"stripe needs a person"' in line and f'"booking_id":{booking},' in line]
    return [line.split('"type":"')[1].split('"')[0] for line in about]


def test_what_nobody_understands_is_parked_where_staff_see_it_and_settles_when_it_is_mended(payer: Payer) -> None:
    payer.stripe.webhooks("lose")
    booking = payer.hold()
    intent = payer.pay(booking)["payment_intent_id"]
    payer.stripe.fault("gibberish", "retrieve", times=-1, about=intent)
    look = "UPDATE payment SET due_at = clock_timestamp(), tries = %s WHERE booking_id = %s"
    execute(payer.stack, look, PARKED_TRIES - 1, booking)
    wait_until(lambda: ledger(payer, needs_a_person="true", booking_id=booking) != [], "it is parked")
    (entry,) = ledger(payer, booking_id=booking)
    assert entry["parked_at"] is not None
    assert "KeyError" in entry["problem"]
    assert payer.client.get("/readyz").json()["payments_parked"] >= 1
    assert '"a payment is parked"' in payer.stack.process("payments").log
    ((in_s,),) = execute(
        payer.stack,
        "SELECT extract(epoch FROM due_at - clock_timestamp())::int FROM payment WHERE booking_id = %s",
        booking,
    )
    assert in_s > 3000, "it is tried seldom"
    payer.stripe.mend()
    execute(payer.stack, "UPDATE payment SET due_at = clock_timestamp() WHERE booking_id = %s", booking)
    payer.wait_stands(booking, "confirmed", "succeeded")
    (entry,) = ledger(payer, booking_id=booking)
    assert (entry["state"], entry["parked_at"], entry["problem"]) == ("succeeded", None, None)
